//! The two passes over a reply of a page list: its envelope, and its `OpenID`s.
//!
//! [`summarize`] comes before the journal: it checks every byte, and keeps what the walk needs (the
//! next cursor, the total, the number of `OpenID`s). [`decode`] comes behind the journal: it
//! collects the `OpenID`s into an Arrow array, which `rows` makes a batch of. Both use one parser,
//! and accept all that JSON allows: any key order, unknown keys, escapes, white space.
//!
//! ```text
//! body ──► envelope (keys) ──► array (elements) ──► kernel (28 characters at a time) ──► answer
//!              │ anything odd      │                     │
//!              └───────────────────┴─────────────────────┴──► general (serde, from byte 0) ──► answer
//! ```
//!
//! The fast path answers only if it has checked every byte, and the reply has the form that WeChat
//! sends today. The general path decides everything else. So both give the same answers, and every
//! error comes from the general path.
//!
//! The form is that of
//! [`user/get`](https://developers.weixin.qq.com/doc/service/api/usermanage/userinfo/api_getfans);
//! where its documentation says "may be empty", real replies leave the key out.

mod array;
mod envelope;
mod escape;
mod general;
mod kernel;
mod paths;
mod plain;
mod scanner;
#[cfg(test)]
mod tests;

pub use kernel::DecodePath;
pub use paths::{decode, decode_with, summarize, summarize_with};
