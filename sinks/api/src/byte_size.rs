//! A number of bytes with a unit, for pipeline files and options of sinks.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A number of bytes: in a pipeline file an integer, or text with a unit such as `"8 MiB"` or
/// `"900 KiB"`.
///
/// ```
/// use fanout_sink::ByteSize;
///
/// assert_eq!("8 MiB".parse(), Ok(ByteSize(8 * 1024 * 1024)));
/// assert_eq!(ByteSize(900 << 10).to_string(), "900 KiB");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteSize(pub u64);

/// The units in falling order: the first one that divides a number gives the shortest text.
const UNITS: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("TB", 1_000_000_000_000),
    ("GiB", 1 << 30),
    ("GB", 1_000_000_000),
    ("MiB", 1 << 20),
    ("MB", 1_000_000),
    ("KiB", 1 << 10),
    ("kB", 1_000),
    ("B", 1),
];

/// The accepted forms, for errors and for the schema.
const EXPECTED: &str =
    "a number of bytes such as `8 MiB`, `900 KiB` or `1_000` (units: B, kB, KiB, MB, MiB, GB, GiB, TB, TiB)";

/// The error for a text that is not a [`ByteSize`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not {EXPECTED}")]
pub struct ByteSizeError(String);

impl fmt::Display for ByteSize {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fits = |unit: &&(&str, u64)| self.0 >= unit.1 && self.0.is_multiple_of(unit.1);
        let (name, bytes) = UNITS.iter().find(fits).unwrap_or(&("B", 1));
        write!(formatter, "{} {name}", self.0 / bytes)
    }
}

impl FromStr for ByteSize {
    type Err = ByteSizeError;

    fn from_str(text: &str) -> Result<Self, ByteSizeError> {
        let wrong = || ByteSizeError(text.to_owned());
        let end = text.find(|character: char| !matches!(character, '0'..='9' | '_')).unwrap_or(text.len());
        let (digits, unit) = text.split_at(end);
        let number: u64 = digits.replace('_', "").parse().map_err(|_| wrong())?;
        let bytes = match unit.trim_start() {
            "" => 1,
            unit => UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?.1,
        };
        number.checked_mul(bytes).map(Self).ok_or_else(wrong)
    }
}

impl Serialize for ByteSize {
    /// Writes the number with a unit.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ByteSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Visitor)
    }
}

struct Visitor;

impl de::Visitor<'_> for Visitor {
    type Value = ByteSize;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(EXPECTED)
    }

    fn visit_u64<E: de::Error>(self, bytes: u64) -> Result<ByteSize, E> {
        Ok(ByteSize(bytes))
    }

    fn visit_i64<E: de::Error>(self, bytes: i64) -> Result<ByteSize, E> {
        u64::try_from(bytes).map(ByteSize).map_err(|_| E::invalid_value(de::Unexpected::Signed(bytes), &self))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<ByteSize, E> {
        text.parse().map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))
    }
}

impl JsonSchema for ByteSize {
    fn schema_name() -> Cow<'static, str> {
        "ByteSize".into()
    }

    fn json_schema(_generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["integer", "string"], "minimum": 0, "description": EXPECTED, "examples": ["8 MiB"] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_is_understood_with_and_without_a_space() {
        for (unit, bytes) in UNITS {
            assert_eq!(format!("7{unit}").parse(), Ok(ByteSize(7 * bytes)));
            assert_eq!(format!("7 {unit}").parse(), Ok(ByteSize(7 * bytes)));
        }
        assert_eq!("1_000".parse(), Ok(ByteSize(1_000)));
    }

    #[test]
    fn what_is_shown_is_read_back() {
        for bytes in [0, 1, 999, 1_000, 1_024, 1_536, 8 << 20, 900_000, u64::MAX] {
            assert_eq!(ByteSize(bytes).to_string().parse(), Ok(ByteSize(bytes)));
        }
    }

    #[test]
    fn anything_else_is_refused_with_the_units() {
        for text in ["", "MiB", "8 mib", "-1", "1.5 GiB", "8 MiB ", "_", "18446744073709551616", "99999999 TiB"] {
            let error = text.parse::<ByteSize>().unwrap_err().to_string();
            assert!(error.contains(&format!("`{text}`")) && error.contains("KiB"), "{error}");
        }
    }

    #[test]
    fn a_pipeline_file_may_say_a_number_or_text() {
        assert_eq!(serde_json::from_str::<ByteSize>("4096").unwrap(), ByteSize(4096));
        assert_eq!(serde_json::from_str::<ByteSize>(r#""4 KiB""#).unwrap(), ByteSize(4096));
        for wrong in ["-1", "1.5", r#""8 bananas""#, "true"] {
            let error = serde_json::from_str::<ByteSize>(wrong).unwrap_err().to_string();
            assert!(error.contains("expected a number of bytes such as `8 MiB`"), "{error}");
        }
    }
}
