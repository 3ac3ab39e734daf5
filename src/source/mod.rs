//! The calls: how a page or a batch of a list is asked for and, if need be, asked for again.
//!
//! Before it: the engine's walk, which wants the page behind a cursor or the profiles of some
//! followers. Behind it: the [`journal`](crate::journal), to which the engine gives the reply. What
//! a reply means is in [`wechat`](crate::wechat).
//!
//! ```text
//! Source, BatchSource, TagSource ──► caller: token ──► client (one call, its limits) ──► errcode
//!                                        ▲                                                    │
//!                                        └──────── retry (pauses, tries, time) ◄──────────────┘
//! ```

mod batches;
mod call_error;
mod caller;
mod client;
mod error;
mod fetch;
mod hint;
mod hosts;
mod http;
mod proxy_error;
mod quota;
mod retry;
mod tags;
mod token;

pub use batches::{BatchSource, Fetched};
pub use call_error::{CallError, ProxyError, TransportError};
pub use client::Client;
pub use error::{Reach, SourceError};
pub use fetch::Source;
pub use quota::{CallCounter, CallsLeft, Unanswered};
pub use retry::CallStats;
pub use tags::TagSource;
pub use token::Tokens;
