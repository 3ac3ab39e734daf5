//! WeChat's error replies: `errcode`, `errmsg`, and what can be read out of that text.
//!
//! `decode` makes an [`ApiError`] of a reply whose `errcode` is not 0; the table in `errcode` has
//! the reaction to it and the hint.

use std::fmt;
use std::net::IpAddr;

/// An error reply of WeChat. [`class`](Self::class) says what it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    /// The `errcode`.
    pub code: i64,
    /// The `errmsg`: at most 300 characters, with spaces in place of control characters.
    pub message: String,
    rid: Option<String>,
}

impl ApiError {
    /// The most characters of an `errmsg` that are kept. WeChat's own texts are shorter.
    pub(crate) const LONGEST_MESSAGE: usize = 300;

    /// Makes an error from the `errcode` and the `errmsg` of a reply.
    pub fn new(code: i64, message: &str) -> Self {
        let rid = message.split_once("rid:").and_then(|(_, tail)| tail.split_whitespace().next());
        let rid = rid.filter(|rid| is_rid(rid)).map(str::to_owned);
        let message = message.chars().take(Self::LONGEST_MESSAGE).map(|c| if c.is_control() { ' ' } else { c });
        Self { code, message: message.collect(), rid }
    }

    /// Returns WeChat's id of the request (`rid`), if the text carries one.
    pub fn rid(&self) -> Option<&str> {
        self.rid.as_deref()
    }

    /// Removes `secret`, which the call carried, from the text: the server may have sent it back.
    #[must_use]
    pub fn without(mut self, secret: &str) -> Self {
        conceal(&mut self.message, secret);
        self
    }

    /// Returns the error without its text, which may hold anything; the number and the `rid` stay.
    #[must_use]
    pub fn without_text(self) -> Self {
        Self { message: String::new(), ..self }
    }

    /// Returns the address that WeChat saw the call come from, if the text names one.
    pub fn address(&self) -> Option<IpAddr> {
        let words = self.message.split(|c: char| c.is_whitespace() || matches!(c, ',' | '=' | ';' | '[' | ']'));
        let mut addresses = words.filter_map(|word| word.parse::<IpAddr>().ok());
        addresses.next().map(|address| address.to_canonical())
    }
}

/// Shorter strings are not replaced: WeChat's secrets are longer, and short ones occur inside
/// words.
const SHORTEST_SECRET: usize = 8;

/// Replaces `secret` in a text, and also the beginning of it at the text's end, where the text may
/// have been cut.
pub(crate) fn conceal(text: &mut String, secret: &str) {
    if secret.len() < SHORTEST_SECRET {
        return;
    }
    *text = text.replace(secret, "…");
    let beginnings = (SHORTEST_SECRET..secret.len()).rev().filter_map(|length| secret.get(..length));
    if let Some(beginning) = beginnings.into_iter().find(|beginning| text.ends_with(beginning)) {
        text.truncate(text.len() - beginning.len());
        text.push('…');
    }
}

/// Returns whether `text` has the form of all known request ids (`61d3e476-294654f3-4d3917ee`). No
/// secret has that form.
fn is_rid(text: &str) -> bool {
    let groups = text.split('-').filter(|group| group.len() == 8 && group.bytes().all(|b| b.is_ascii_hexdigit()));
    text.len() == 26 && groups.count() == 3
}

impl std::error::Error for ApiError {}

impl fmt::Display for ApiError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "WeChat answered errcode {}", self.code)?;
        if self.message.is_empty() {
            return self.rid.iter().try_for_each(|rid| write!(formatter, ", rid: {rid}"));
        }
        write!(formatter, ": {}", self.message)?;
        match &self.rid {
            // The text was cut before the id.
            Some(rid) if !self.message.contains(rid) => write!(formatter, "… rid: {rid}"),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rid_is_found_behind_any_text() {
        let new = ApiError::new(48001, "api unauthorized rid: 61d3e476-294654f3-4d3917ee");
        assert_eq!(new.rid(), Some("61d3e476-294654f3-4d3917ee"));
        let old = ApiError::new(40001, "invalid credential, hint: [Kq8IUa0754sz10!]");
        assert_eq!(old.rid(), None);
        let no_rid = ApiError::new(40001, "rid: 0123456789abcdef0123456789abcdef");
        assert_eq!(no_rid.rid(), None, "that is the form of an app secret");
    }

    #[test]
    fn a_long_text_keeps_its_rid() {
        let error = ApiError::new(1, &format!("{} rid: 61d3e476-294654f3-4d3917ee", "x".repeat(10_000)));
        assert!(error.to_string().ends_with("xxx… rid: 61d3e476-294654f3-4d3917ee"), "{error}");
    }

    #[test]
    fn a_message_of_a_stranger_cannot_flood_or_forge_a_log() {
        let error = ApiError::new(1, &format!("first\nsecond{}", "x".repeat(10_000)));
        assert!(error.message.starts_with("first second"));
        assert_eq!(error.message.len(), ApiError::LONGEST_MESSAGE);
    }
}
