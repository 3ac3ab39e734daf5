//! A WeChat API on loopback, for the demo, the tests and the benches.
//!
//! It answers the endpoints that fanout calls, in the form in which real accounts were seen to
//! answer. The followers are computed, not stored, and each [`Fault`] makes it fail in a given way.
//! The author of a sink can test it against whole runs without an account.
//!
//! It stands in the place of WeChat, in front of [`source`](crate::source). Within it, a request
//! passes `server` (HTTP), `api` (WeChat's answer) and the faults, and is sent as a `reply`.
//!
//! ```
//! use fanout::simulator::{Effect, Endpoint, Fault, Simulator, When};
//!
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! let simulator = Simulator::builder()
//!     .followers(23_000)
//!     .fault(Fault::new(Endpoint::UserGet, When::Call(2), Effect::errcode(-1)))
//!     .start()
//!     .await?;
//! assert!(simulator.base_url().starts_with("http://127.0.0.1:"));
//! assert_eq!(simulator.requests().total(), 0);
//! simulator.shutdown().await;
//! # std::io::Result::Ok(())
//! # }).unwrap();
//! ```

mod api;
mod body;
mod call;
mod day;
mod fault;
mod followers;
mod page;
mod reply;
mod server;
mod service;
#[cfg(test)]
mod tests;
mod token;

pub use call::{Call, Endpoint, RequestCounts};
pub use fault::{Effect, Fault, When};
pub use followers::{Followers, OPENID_LENGTH};
pub use page::{PageKey, PageStyle, Spacing};
pub use service::{Simulator, SimulatorBuilder, SimulatorHandle};
pub use token::TOKEN_MARKER;
