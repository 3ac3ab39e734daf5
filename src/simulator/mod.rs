//! A WeChat API on loopback, for the demo, the tests and the benches.
//!
//! It answers the endpoints that fanout calls, in the form in which real accounts were seen to
//! answer. The followers and their profiles are computed, not stored. Each [`Fault`] makes calls
//! fail in a given way, and each [`Flaw`] makes the answers about some people odd.
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
mod batch;
mod body;
mod call;
mod day;
mod effect;
mod event;
mod fault;
mod flaw;
mod followers;
mod handle;
mod night;
mod page;
mod profile;
mod question;
mod reply;
mod request;
mod roster;
mod row;
mod sequence;
mod server;
mod service;
mod settings;
mod tag;
#[cfg(test)]
mod tests;
mod token;
mod usage;

pub use call::{Call, Endpoint, RequestCounts};
pub use effect::Effect;
pub use event::{Event, Place};
pub use fault::{Fault, When};
pub use flaw::{Flaw, Move, OddRemark, Oddity, Profiles, Who};
pub use followers::{Followers, OPENID_LENGTH};
pub use handle::SimulatorHandle;
pub use night::Nights;
pub use page::{EndStyle, PageKey, PageStyle, Spacing};
pub use profile::{Profile, Standing};
pub use roster::Roster;
pub use row::{Empty, Escapes, KeyOrder, Numbers, ProfileStyle};
pub use service::{Simulator, SimulatorBuilder};
pub use tag::{Heals, Lag, Tag};
pub use token::TOKEN_MARKER;

pub(crate) use settings::{PAGE_OF_A_TAG, PAGE_OF_THE_BLACKLIST};
