//! The name of a walk: in the journal, in a sink's context and in the manifests of what was
//! published.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Datelike, NaiveDateTime, Utc};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The name of a walk, unique per account and list: its number in the state, and the second in
/// which it began. Its text is fit for a file name.
///
/// There is no `Ord`. The journal orders walks by [`number`](Self::number), which does not depend
/// on the clock. Published lists are compared by the instant at which their walk began
/// ([`Snapshot::begun_at`](crate::Snapshot)), because a state that was lost begins again with
/// number 1.
///
/// ```
/// use fanout_sink::WalkId;
///
/// let walk: WalkId = "000007-20261122T010203Z".parse().unwrap();
/// assert_eq!((walk.number(), walk.begun_at().timestamp()), (7, 1_795_309_323));
/// assert_eq!(walk.to_string(), "000007-20261122T010203Z");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct WalkId {
    number: u64,
    begun_at: DateTime<Utc>,
}

/// The format of the second.
const SECOND: &str = "%Y%m%dT%H%M%SZ";

/// The pattern that every [`WalkId`] matches as text.
const PATTERN: &str = "^[0-9]{6,20}-[0-9]{8}T[0-9]{6}Z$";

/// The error for a text that is not a [`WalkId`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the name of a walk; expected one such as `000007-20261122T010203Z`")]
pub struct WalkIdError(String);

impl WalkId {
    /// Makes the name of walk `number`, which began at `begun_at`; fractions of the second are
    /// dropped.
    ///
    /// # Panics
    ///
    /// If the year does not have four digits.
    pub fn new(number: u64, begun_at: DateTime<Utc>) -> Self {
        assert!((0..=9999).contains(&begun_at.year()), "a walk begins in a year of four digits, not at {begun_at}");
        let second = DateTime::from_timestamp(begun_at.timestamp(), 0);
        Self { number, begun_at: second.expect("the second of an instant is an instant") }
    }

    /// Returns the number of the walk in its state.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Returns when the walk began, to the second.
    pub fn begun_at(&self) -> DateTime<Utc> {
        self.begun_at
    }
}

impl fmt::Display for WalkId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:06}-{}", self.number, self.begun_at.format(SECOND))
    }
}

impl fmt::Debug for WalkId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "WalkId({self})")
    }
}

impl FromStr for WalkId {
    type Err = WalkIdError;

    /// Reads exactly what `Display` writes: no two texts name the same walk.
    fn from_str(text: &str) -> Result<Self, WalkIdError> {
        let read = || {
            let (number, second) = text.split_once('-')?;
            let begun_at = NaiveDateTime::parse_from_str(second, SECOND).ok()?.and_utc();
            let number = number.parse().ok()?;
            // The format reads years that `new` refuses: `%Y` takes a sign and any width.
            let walk = (0..=9999).contains(&begun_at.year()).then(|| Self::new(number, begun_at))?;
            (walk.to_string() == text).then_some(walk)
        };
        read().ok_or_else(|| WalkIdError(text.to_owned()))
    }
}

impl Serialize for WalkId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for WalkId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for WalkId {
    fn schema_name() -> Cow<'static, str> {
        "WalkId".into()
    }

    fn json_schema(_generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": PATTERN })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_read_back() {
        let begun_at = "2026-11-22T01:02:03.999999Z".parse().unwrap();
        for (number, text) in [
            (0, "000000-20261122T010203Z"),
            (999_999, "999999-20261122T010203Z"),
            (1_000_000, "1000000-20261122T010203Z"),
            (u64::MAX, "18446744073709551615-20261122T010203Z"),
        ] {
            let walk = WalkId::new(number, begun_at);
            assert_eq!((walk.to_string().as_str(), walk.number()), (text, number));
            assert_eq!(text.parse(), Ok(walk));
            assert_eq!(serde_json::from_value::<WalkId>(serde_json::to_value(walk).unwrap()).unwrap(), walk);
        }
    }

    #[test]
    fn a_text_that_is_no_name_or_another_spelling_of_one_is_refused() {
        for text in [
            "",
            "7",
            "000007",
            "7-20261122T010203Z",
            "0000007-20261122T010203Z",
            "+00007-20261122T010203Z",
            "000007-20261122T010203",
            "000007-20261122T010203+",
            "000007-20261322T010203Z",
            "000007-2026-11-22T01:02:03Z",
            "000007-+102611220T010203Z",
            "000007-+12345 11 22T010203Z",
            "000007--0001 11 22T010203Z",
            "000007-+2026 11 22T010203Z",
            "000007-2026 1122T010203Z",
            "000007-20261122T 1 2 3Z",
            "000007-+262142 11 22T010203Z",
            "000007-+99999999999999999999 11 22T010203Z",
            "000007-20261122T010260Z",
            "000007-20261122T010203Z~new",
            "000007-20261122T010203Z ",
            "18446744073709551616-20261122T010203Z",
        ] {
            let error = text.parse::<WalkId>().unwrap_err().to_string();
            assert!(error.contains(&format!("`{text}`")) && error.contains("000007-20261122T010203Z"), "{error}");
        }
        assert!(serde_json::from_str::<WalkId>("7").is_err());
    }
}
