//! The elements of a walk of changes, as its journal keeps them.
//!
//! Before it: [`changes`](super::changes) has compared two lists. Behind it: the
//! [batch walk](super::batch_walk) asks about them, and `deliver` makes their rows.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::changes::{Seen, Side};

/// Elements of a frame.
pub(super) const A_FRAME: usize = 5_000;

/// A person who gets a row, or about whom WeChat is asked. `Debug` does not show who it is.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Element {
    pub(super) openid: String,
    pub(super) side: Side,
}

impl std::fmt::Debug for Element {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Element").field("side", &self.side).finish_non_exhaustive()
    }
}

/// An element in a frame.
#[derive(Serialize, Deserialize)]
struct Stored {
    openid: String,
    side: StoredSide,
    /// The first and the last moment of [`Seen`], in microseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seen: Option<(i64, i64)>,
}

/// The side of an element, without when it was seen.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredSide {
    Control,
    Joined,
    Missing,
    Held,
}

/// Returns the body of a frame with these elements.
pub(super) fn to_body(elements: &[Element]) -> Bytes {
    let stored = elements.iter().map(|Element { openid, side }| {
        let (side, seen) = match *side {
            Side::Control => (StoredSide::Control, None),
            Side::Joined => (StoredSide::Joined, None),
            Side::Missing { carried } => (StoredSide::Missing, carried),
            Side::Held { carried } => (StoredSide::Held, Some(carried)),
        };
        let seen = seen.map(|Seen { earliest, latest }| (earliest.timestamp_micros(), latest.timestamp_micros()));
        Stored { openid: openid.clone(), side, seen }
    });
    serde_json::to_vec(&stored.collect::<Vec<_>>()).expect("text and numbers are JSON").into()
}

/// Reads the body of a frame; `None` if it is not what was written.
pub(super) fn from_body(body: &[u8]) -> Option<Vec<Element>> {
    let stored: Vec<Stored> = serde_json::from_slice(body).ok()?;
    let element = |Stored { openid, side, seen }: Stored| {
        let seen = match seen {
            Some((earliest, latest)) => Some(Seen { earliest: moment(earliest)?, latest: moment(latest)? }),
            None => None,
        };
        let side = match side {
            StoredSide::Control => Side::Control,
            StoredSide::Joined => Side::Joined,
            StoredSide::Missing => Side::Missing { carried: seen },
            StoredSide::Held => Side::Held { carried: seen? },
        };
        Some(Element { openid, side })
    };
    stored.into_iter().map(element).collect()
}

fn moment(micros: i64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_micros(micros)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back_to_the_microsecond() {
        let seen = Seen { earliest: moment(1_234_567).unwrap(), latest: moment(9_876_543_210).unwrap() };
        let sides = [
            Side::Control,
            Side::Joined,
            Side::Missing { carried: None },
            Side::Missing { carried: Some(seen) },
            Side::Held { carried: seen },
        ];
        let elements: Vec<Element> =
            (0..).zip(sides).map(|(number, side)| Element { openid: format!("o\"{number}粉"), side }).collect();
        assert_eq!(from_body(&to_body(&elements)), Some(elements));
        assert_eq!(from_body(b"[{\"openid\":\"o\",\"side\":\"held\"}]"), None, "nobody is held without a moment");
    }
}
