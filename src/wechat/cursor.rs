//! The cursor: the `next_openid` that a request carries.
//!
//! A page gives the cursor of the next page, and the chain links pages by their cursors.

use std::fmt;

/// A position in a list: the beginning, or behind the follower whose `OpenID` the cursor is.
///
/// A cursor identifies a follower, so `Debug` and `Display` show only its two ends.
#[derive(Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Cursor(String);

impl Cursor {
    /// The cursor of the first page. The request for that page leaves it out.
    pub const START: Self = Self(String::new());

    /// The most bytes that a page's cursor may have. An `OpenID` has 28, but WeChat does not
    /// document that.
    pub const LONGEST: usize = 1024;

    /// Returns the cursor behind `openid`, or `None` for an empty string, which would start the
    /// list again.
    pub fn after(openid: &str) -> Option<Self> {
        (!openid.is_empty()).then(|| Self(openid.to_owned()))
    }

    /// Returns whether this is the beginning of the list.
    pub fn is_start(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the `OpenID`, or an empty string for the beginning.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_start() {
            return formatter.write_str("start");
        }
        let characters = self.0.chars().count();
        if characters <= 12 {
            return formatter.write_str("o…");
        }
        // Enough to find the follower in the list, too little to address them.
        let head: String = self.0.chars().take(6).collect();
        let tail: String = self.0.chars().skip(characters - 4).collect();
        write!(formatter, "{head}…{tail}")
    }
}

impl fmt::Debug for Cursor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Cursor({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_in_a_log_does_not_name_a_follower() {
        let cursor = Cursor::after("o6_bmjrPTlm6_2sgVt7hMZOPfL2M").unwrap();
        assert_eq!(cursor.to_string(), "o6_bmj…fL2M");
        assert_eq!(Cursor::START.to_string(), "start");
        assert_eq!(Cursor::after("short").unwrap().to_string(), "o…");
    }
}
