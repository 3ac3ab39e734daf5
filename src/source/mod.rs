//! The calls: how a page of `user/get` is asked for and, if need be, asked for again. What a reply says is known to
//! [`wechat`](crate::wechat); what happens to the pages is the engine's.
//!
//! ```text
//! Source::page ──► token ──► client (one call, its limits) ──► page (understood?) ──► errcode (what now?)
//!       ▲                                                            │
//!       └──────────────── retry (pauses, tries, time) ◄──────────────┘
//! ```

mod call_error;
mod client;
mod error;
mod fetch;
mod hosts;
mod http;
mod quota;
mod retry;
mod token;

pub use call_error::{CallError, TransportError};
pub use client::Client;
pub use error::SourceError;
pub use fetch::Source;
pub use quota::{CallCounter, CallsLeft, Unanswered};
pub use retry::CallStats;
pub use token::Tokens;
