//! The access token of one account: who hands it out, and what is done when WeChat refuses it.
//!
//! A token that fanout fetches itself (`stable`, `classic`) is renewed. One that belongs to another program (`given`,
//! `endpoint`, `command`) never is: its owner is asked again, a few times, and then a person must act. Tokens are in
//! memory only; nothing of them is ever on disk.

mod classic;
mod command;
mod endpoint;
mod given;
mod reply;
mod stable;
#[cfg(all(test, feature = "simulator"))]
mod tests;
mod tokens;

pub use tokens::Tokens;
