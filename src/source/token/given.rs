//! The provider for a token that another program has put into a variable or a file.
//!
//! `tokens` reads a file again before each call, because that program may have replaced the token.

use fanout_sink::SecretReference;

use crate::config::TokenSource;

/// Returns whether reading the token again may give another one. A variable never changes for this
/// process.
pub(super) fn may_change(source: &TokenSource) -> bool {
    matches!(source.reference(), SecretReference::File(_))
}

/// Returns where the token is found, in words.
pub(super) fn origin(source: &TokenSource) -> String {
    match source.reference() {
        SecretReference::Env(name) => format!("the environment variable `{name}`"),
        SecretReference::File(path) => format!("the file {}", path.display()),
    }
}
