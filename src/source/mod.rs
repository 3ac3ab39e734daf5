//! The calls: how a page of a list is asked for and, if need be, asked for again.
//!
//! Before it: the engine's walk, which wants the page behind a cursor. Behind it: the
//! [`journal`](crate::journal), to which the engine gives the page. What a reply means is in
//! [`wechat`](crate::wechat).
//!
//! ```text
//! Source::page ──► token ──► client (one call, its limits) ──► page ──► errcode (what now?)
//!       ▲                                                                  │
//!       └──────────────────── retry (pauses, tries, time) ◄────────────────┘
//! ```

mod call_error;
mod client;
mod error;
mod fetch;
mod hosts;
mod http;
mod proxy_error;
mod quota;
mod retry;
mod token;

pub use call_error::{CallError, ProxyError, TransportError};
pub use client::Client;
pub use error::SourceError;
pub use fetch::Source;
pub use quota::{CallCounter, CallsLeft, Unanswered};
pub use retry::CallStats;
pub use token::Tokens;
