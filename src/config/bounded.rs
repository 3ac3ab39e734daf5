//! Numbers of a pipeline file with their units and bounds: one attribute of a field says how its
//! key is written.
//!
//! `#[serde(with = "Whole::<1, 100>")]` on a number, or `#[serde(with = "Seconds")]` on a
//! `Duration`, makes serde read and check the key, and schemars describe it and write its default,
//! which is taken from the section's `impl Default`.

use std::fmt;
use std::time::Duration;

use fanout_sink::ByteSize;
use fanout_sink::schemars::{self, JsonSchema};
use serde::de::{Deserializer, Error, Unexpected, Visitor};
use serde::{Deserialize, Serialize, Serializer};

/// A whole number from `MIN` to `MAX`.
#[derive(JsonSchema)]
#[schemars(with = "u64", extend("minimum" = MIN, "maximum" = MAX))]
pub(super) struct Whole<const MIN: u64, const MAX: u64>;

impl<const MIN: u64, const MAX: u64> Whole<MIN, MAX> {
    pub(super) fn deserialize<'de, D: Deserializer<'de>, N: TryFrom<u64>>(deserializer: D) -> Result<N, D::Error> {
        let number = deserializer.deserialize_u64(Range { min: MIN, max: MAX, unit: "" })?;
        N::try_from(number).map_err(|_| D::Error::custom("the number does not fit this machine"))
    }

    /// Reads a number that has no default.
    pub(super) fn deserialize_given<'de, D: Deserializer<'de>, N: TryFrom<u64>>(
        deserializer: D,
    ) -> Result<Option<N>, D::Error> {
        Self::deserialize(deserializer).map(Some)
    }

    pub(super) fn serialize<S: Serializer>(number: &impl Serialize, serializer: S) -> Result<S::Ok, S::Error> {
        number.serialize(serializer)
    }
}

/// A time from `MIN` to `MAX` units, each of them `MILLISECONDS` long.
#[derive(JsonSchema)]
#[schemars(with = "u64", extend("minimum" = MIN, "maximum" = MAX))]
pub(super) struct Time<const MILLISECONDS: u64, const MIN: u64, const MAX: u64>;

/// A time from one second to one day, in seconds.
pub(super) type Seconds = Time<1_000, 1, 86_400>;

/// A time from nothing to one day, in seconds.
pub(super) type SecondsOrNone = Time<1_000, 0, 86_400>;

/// A time from nothing to ten minutes, in milliseconds.
pub(super) type Milliseconds = Time<1, 0, 600_000>;

/// A time from nothing to one year, in hours.
pub(super) type Hours = Time<3_600_000, 0, 8_760>;

/// A time from nothing to one year, in days.
pub(super) type Days = Time<86_400_000, 0, 365>;

impl<const MILLISECONDS: u64, const MIN: u64, const MAX: u64> Time<MILLISECONDS, MIN, MAX> {
    const UNIT: &str = match MILLISECONDS {
        1 => " of milliseconds",
        1_000 => " of seconds",
        3_600_000 => " of hours",
        86_400_000 => " of days",
        _ => panic!("this unit has no name yet"),
    };

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        let units = deserializer.deserialize_u64(Range { min: MIN, max: MAX, unit: Self::UNIT })?;
        Ok(Duration::from_millis(units * MILLISECONDS))
    }

    pub(super) fn serialize<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(time.as_millis() as u64 / MILLISECONDS)
    }
}

/// Reads a whole number from `min` to `max`, in `unit` (a plural with a leading space, or empty).
struct Range {
    min: u64,
    max: u64,
    unit: &'static str,
}

impl Visitor<'_> for Range {
    type Value = u64;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "a whole number{} from {} to {}", self.unit, self.min, self.max)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<u64, E> {
        if (self.min..=self.max).contains(&number) {
            Ok(number)
        } else {
            Err(E::invalid_value(Unexpected::Unsigned(number), &self))
        }
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<u64, E> {
        match u64::try_from(number) {
            Ok(number) => self.visit_u64(number),
            Err(_) => Err(E::invalid_value(Unexpected::Signed(number), &self)),
        }
    }
}

/// A percentage, not necessarily whole.
#[derive(JsonSchema)]
#[schemars(with = "f64", extend("minimum" = 0, "maximum" = 100))]
pub(super) struct Percent;

impl Percent {
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        let value = f64::deserialize(deserializer)?;
        let error = || D::Error::invalid_value(Unexpected::Float(value), &"a percentage from 0 to 100");
        (0.0..=100.0).contains(&value).then_some(value).ok_or_else(error)
    }

    pub(super) fn serialize<S: Serializer>(value: &impl Serialize, serializer: S) -> Result<S::Ok, S::Error> {
        value.serialize(serializer)
    }
}

/// A size of at least one mebibyte: `8 MiB`, or a number of bytes.
#[derive(JsonSchema)]
#[schemars(with = "ByteSize", extend("minimum" = Self::MINIMUM))]
pub(super) struct Bytes;

impl Bytes {
    const MINIMUM: u64 = 1 << 20;

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        let ByteSize(bytes) = ByteSize::deserialize(deserializer)?;
        let error = || D::Error::custom(format!("found {bytes} bytes, expected at least `1 MiB`"));
        (bytes >= Self::MINIMUM).then_some(bytes).ok_or_else(error)
    }

    /// Reads a size that has no default.
    pub(super) fn deserialize_given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
        Self::deserialize(deserializer).map(Some)
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "schemars calls it like this")]
    pub(super) fn serialize<S: Serializer>(bytes: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        ByteSize(*bytes).serialize(serializer)
    }
}
