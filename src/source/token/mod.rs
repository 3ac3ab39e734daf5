//! The access token of one account: where it comes from, and what happens when WeChat refuses it.
//!
//! `fetch` takes the token for each call from [`Tokens`], which asks one provider (a file each).
//!
//! fanout renews a token that it has fetched itself (`stable`, `classic`). It never renews one of
//! another program (`given`, `endpoint`, `command`): it asks that program again a few times, and
//! then a person must act. Tokens are kept in memory alone, and never written to disk.
//!
//! The accounts of one token server share a `platform`: a failure of it ends the calls of them all.

mod classic;
mod command;
mod endpoint;
mod given;
mod own_error;
mod platform;
mod reply;
mod stable;
#[cfg(all(test, feature = "simulator"))]
mod tests;
mod tokens;

pub(super) use platform::Platforms;
pub use tokens::Tokens;
