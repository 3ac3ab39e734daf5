//! One reply of `user/get`: its envelope, and its `OpenID`s.
//!
//! Two passes with the same parser. [`summarize`] checks every byte and keeps what the walk needs (the next cursor, the
//! total, how many `OpenID`s) before the page goes to the journal; [`decode`] collects the `OpenID`s into an Arrow array
//! behind it. Whatever JSON allows is understood: any key order, unknown keys, escapes, white space.
//!
//! ```text
//! body ──► envelope (keys) ──► array (elements) ──► kernel (28 characters at a time) ──► the answer
//!              │ anything odd      │                     │
//!              └───────────────────┴─────────────────────┴──► general (serde, from the first byte) ──► the answer
//! ```
//!
//! The fast path answers only where it has checked every byte and the reply is what WeChat sends today; the general path
//! decides everything else, so that both give one answer, and errors are always the general path's.
//!
//! Shapes: the documentation of
//! [`user/get`](https://developers.weixin.qq.com/doc/service/api/usermanage/userinfo/api_getfans), which says "may be empty"
//! where the wire says "absent".

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
