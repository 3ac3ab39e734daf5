//! Values with a range: read and checked in one step, so that the error knows the key.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use fanout_sink::ByteSize;
use serde::Deserialize;
use serde::de::{Deserializer, Error, Unexpected, Visitor};

/// A whole number from `minimum` to `maximum`, in `unit` (a plural with a leading space, or empty).
struct Whole {
    minimum: u64,
    maximum: u64,
    unit: &'static str,
}

impl Visitor<'_> for Whole {
    type Value = u64;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "a whole number{} from {} to {}", self.unit, self.minimum, self.maximum)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<u64, E> {
        if (self.minimum..=self.maximum).contains(&value) {
            Ok(value)
        } else {
            Err(E::invalid_value(Unexpected::Unsigned(value), &self))
        }
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<u64, E> {
        match u64::try_from(value) {
            Ok(value) => self.visit_u64(value),
            Err(_) => Err(E::invalid_value(Unexpected::Signed(value), &self)),
        }
    }
}

/// Reads a whole number from `MINIMUM` to `MAXIMUM`.
pub(super) fn whole<'de, D, Number, const MINIMUM: u64, const MAXIMUM: u64>(deserializer: D) -> Result<Number, D::Error>
where
    D: Deserializer<'de>,
    Number: TryFrom<u64>,
{
    let value = deserializer.deserialize_u64(Whole { minimum: MINIMUM, maximum: MAXIMUM, unit: "" })?;
    Number::try_from(value).map_err(|_| D::Error::custom("the number does not fit this machine"))
}

/// Reads a time of one second to one day, in seconds.
pub(super) fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let range = Whole { minimum: 1, maximum: 86_400, unit: " of seconds" };
    deserializer.deserialize_u64(range).map(Duration::from_secs)
}

/// Reads a time of nothing to ten minutes, in milliseconds.
pub(super) fn milliseconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let range = Whole { minimum: 0, maximum: 600_000, unit: " of milliseconds" };
    deserializer.deserialize_u64(range).map(Duration::from_millis)
}

/// Reads a time of nothing to one year, in hours.
pub(super) fn hours<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let range = Whole { minimum: 0, maximum: 8_760, unit: " of hours" };
    deserializer.deserialize_u64(range).map(|hours| Duration::from_secs(hours * 3_600))
}

/// Reads a percentage.
pub(super) fn percent<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let value = f64::deserialize(deserializer)?;
    if (0.0..=100.0).contains(&value) {
        Ok(value)
    } else {
        Err(D::Error::invalid_value(Unexpected::Float(value), &"a percentage from 0 to 100"))
    }
}

/// Reads a size of at least one mebibyte, in bytes.
pub(super) fn bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    const MINIMUM: u64 = 1 << 20;
    let ByteSize(bytes) = ByteSize::deserialize(deserializer)?;
    if bytes >= MINIMUM {
        Ok(bytes)
    } else {
        Err(D::Error::custom(format!("found {bytes} bytes, expected at least `1 MiB`")))
    }
}

/// Reads a path that is not empty.
pub(super) fn path<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PathBuf, D::Error> {
    let path = PathBuf::deserialize(deserializer)?;
    if path.as_os_str().is_empty() {
        return Err(D::Error::invalid_value(Unexpected::Str(""), &"a path"));
    }
    Ok(path)
}

/// An address and a port.
struct ListenAddress;

impl Visitor<'_> for ListenAddress {
    type Value = SocketAddr;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an address and a port such as `127.0.0.1:9464`")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<SocketAddr, E> {
        text.parse().map_err(|_| E::invalid_value(Unexpected::Str(text), &self))
    }
}

/// Reads an address to listen on.
pub(super) fn listen_address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SocketAddr>, D::Error> {
    deserializer.deserialize_str(ListenAddress).map(Some)
}

/// What [`is_identifier`] asks for, in words.
pub(super) const IDENTIFIER: &str = "1 to 64 letters, digits, `_` or `-`";

/// The same as a pattern, for editors.
pub(crate) const IDENTIFIER_PATTERN: &str = "^[A-Za-z0-9_-]{1,64}$";

/// Returns whether `text` may name a folder, a sink or a pipeline.
pub(super) fn is_identifier(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
}

/// Reads text that [`is_identifier`]. Optional: who needs it says so, with a better message than serde's.
pub(super) fn identifier<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if is_identifier(&text) {
        Ok(Some(text))
    } else {
        Err(D::Error::invalid_value(Unexpected::Str(&text), &IDENTIFIER))
    }
}
