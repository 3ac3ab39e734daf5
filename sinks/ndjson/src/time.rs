//! Timestamps as text, for the encoder of such a column.

use std::io::Write;

use fanout_sink::arrow::datatypes::TimeUnit;

use crate::digits::PAIRS;
use crate::text::{put_front, slot};

const SECONDS_A_DAY: i64 = 86_400;
const NANOSECONDS_A_SECOND: i64 = 1_000_000_000;

/// Bytes of the longest text: a year of twelve digits with its sign, nine digits after the second,
/// and `Z`; and the rest of the last copy.
const LONGEST: usize = 48;

/// Writes timestamps as RFC 3339 with six digits after the second, or nine for nanoseconds:
/// `2026-11-22T10:00:00.000000Z`. Without `instant` (the column has no time zone) it omits the `Z`.
/// A year outside 0 to 9999 has a sign, as ISO 8601 allows.
///
/// It keeps the text of the last value, because neighbours are often equal.
#[derive(Debug)]
pub(crate) struct TimeText {
    unit: TimeUnit,
    instant: bool,
    last: Option<i64>,
    text: [u8; LONGEST],
    length: usize,
}

impl TimeText {
    pub(crate) fn new(unit: TimeUnit, instant: bool) -> Self {
        Self { unit, instant, last: None, text: [0; LONGEST], length: 0 }
    }

    /// Puts the text of `value` units since 1970.
    #[inline]
    pub(crate) fn put(&mut self, value: i64, lines: &mut Vec<u8>, at: usize) -> usize {
        if self.last == Some(value) {
            return put_front(&self.text, self.length, lines, at);
        }
        let slot = slot(lines, at);
        let (seconds, nanosecond) = match self.unit {
            TimeUnit::Second => split::<1>(value),
            TimeUnit::Millisecond => split::<1_000>(value),
            TimeUnit::Microsecond => split::<1_000_000>(value),
            TimeUnit::Nanosecond => split::<NANOSECONDS_A_SECOND>(value),
        };
        let end = put_date(seconds.div_euclid(SECONDS_A_DAY), slot);
        let (clock, _) = slot[end..].split_first_chunk_mut::<24>().expect("the slot is longer");
        *clock = *b"T00:00:00.000000000Z\0\0\0\0";
        let second = seconds.rem_euclid(SECONDS_A_DAY) as u32;
        put_pair(second / 3_600, &mut clock[1..3]);
        put_pair(second / 60 % 60, &mut clock[4..6]);
        put_pair(second % 60, &mut clock[7..9]);
        put_pair(nanosecond / 10_000_000, &mut clock[10..12]);
        put_pair(nanosecond / 100_000 % 100, &mut clock[12..14]);
        put_pair(nanosecond / 1_000 % 100, &mut clock[14..16]);
        let end = if self.unit == TimeUnit::Nanosecond {
            clock[16] = b'0' + (nanosecond / 100 % 10) as u8;
            put_pair(nanosecond % 100, &mut clock[17..19]);
            end + 19
        } else {
            clock[16] = b'Z';
            end + 16
        };
        (self.last, self.text, self.length) = (Some(value), *slot, end + usize::from(self.instant));
        at + self.length
    }
}

/// Puts the date `days` after 1970-01-01 to the front of the slot, and returns its length.
#[inline]
fn put_date(days: i64, slot: &mut [u8; LONGEST]) -> usize {
    let (year, month, day) = date(days);
    if let Ok(year @ 0..10_000) = u32::try_from(year) {
        slot[..10].copy_from_slice(b"0000-00-00");
        put_pair(year / 100, &mut slot[..2]);
        put_pair(year % 100, &mut slot[2..4]);
        put_pair(month, &mut slot[5..7]);
        put_pair(day, &mut slot[8..10]);
        10
    } else {
        let mut rest = &mut slot[..];
        write!(rest, "{year:+05}-{month:02}-{day:02}").expect("the longest date is shorter");
        LONGEST - rest.len()
    }
}

/// Puts the two digits of a number below 100 to their place.
#[inline]
fn put_pair(number: u32, place: &mut [u8]) {
    place.copy_from_slice(&PAIRS[number as usize % PAIRS.len()]);
}

/// Returns the whole seconds, rounded down, and the rest in nanoseconds. The unit is a constant, so
/// that the compiler turns the division into a multiplication.
fn split<const UNITS_A_SECOND: i64>(value: i64) -> (i64, u32) {
    let fraction = value.rem_euclid(UNITS_A_SECOND);
    (value.div_euclid(UNITS_A_SECOND), (fraction * (NANOSECONDS_A_SECOND / UNITS_A_SECOND)) as u32)
}

/// Returns the year, month and day, in the proleptic Gregorian calendar, of the date `days` after
/// 1970-01-01.
///
/// The months are counted from March, so that the leap day is the last day of the year. Days are
/// counted in quarters, so that a century and a year have whole lengths; Neri and Schneider,
/// "Euclidean affine functions and their application to calendar algorithms".
fn date(days: i64) -> (i64, u32, u32) {
    const QUARTERS_A_CENTURY: i64 = 146_097;
    const QUARTERS_A_YEAR: u32 = 1_461;
    const DAYS_TO_MARCH_OF_YEAR_ZERO: i64 = 719_468;
    let quarters = 4 * (days + DAYS_TO_MARCH_OF_YEAR_ZERO) + 3;
    let (century, rest) = (quarters.div_euclid(QUARTERS_A_CENTURY), quarters.rem_euclid(QUARTERS_A_CENTURY) as u32);
    // The last quarter of the same day, of which the day counts if it is a leap day.
    let quarters = rest | 3;
    let (year_of_century, day_of_year) = (quarters / QUARTERS_A_YEAR, quarters % QUARTERS_A_YEAR / 4);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let (month, years) = if month_from_march < 10 { (month_from_march + 3, 0) } else { (month_from_march - 9, 1) };
    (100 * century + i64::from(year_of_century + years), month, day)
}

#[cfg(test)]
mod tests {
    use arrow::compute::cast;
    use fanout_sink::arrow::array::{AsArray, TimestampSecondArray};
    use fanout_sink::arrow::datatypes::DataType;

    use super::*;

    fn rendered(value: i64, unit: TimeUnit, instant: bool) -> String {
        let mut text = Vec::new();
        let end = TimeText::new(unit, instant).put(value, &mut text, 0);
        text.truncate(end);
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn every_unit_has_the_same_shape() {
        let seconds = 1_795_341_600;
        assert_eq!(rendered(seconds, TimeUnit::Second, true), "2026-11-22T10:00:00.000000Z");
        assert_eq!(rendered(seconds * 1_000 + 7, TimeUnit::Millisecond, true), "2026-11-22T10:00:00.007000Z");
        assert_eq!(rendered(seconds * 1_000_000 + 7, TimeUnit::Microsecond, true), "2026-11-22T10:00:00.000007Z");
        assert_eq!(rendered(seconds * 1_000_000_000 + 7, TimeUnit::Nanosecond, true), "2026-11-22T10:00:00.000000007Z");
        assert_eq!(rendered(seconds, TimeUnit::Second, false), "2026-11-22T10:00:00.000000");
        assert_eq!(rendered(-1, TimeUnit::Microsecond, true), "1969-12-31T23:59:59.999999Z");
    }

    #[test]
    fn the_calendar_is_that_of_arrow() {
        // Steps that are coprime to days and years reach every month and both kinds of century.
        let seconds: Vec<i64> = (-40_000..40_000).map(|step| step * 1_000_003).collect();
        let column = TimestampSecondArray::from(seconds.clone());
        let expected = cast(&column, &DataType::Utf8).unwrap();
        let mut times = TimeText::new(TimeUnit::Second, false);
        for (seconds, expected) in seconds.iter().zip(expected.as_string::<i32>()) {
            let mut text = Vec::new();
            // Twice: the text that is kept is the same.
            let middle = times.put(*seconds, &mut text, 0);
            let end = times.put(*seconds, &mut text, middle);
            text.truncate(end);
            assert_eq!(text[..middle], text[middle..]);
            text.truncate(middle);
            assert_eq!(String::from_utf8(text).unwrap(), format!("{}.000000", expected.unwrap()));
        }
    }

    #[test]
    fn no_value_is_out_of_range() {
        for unit in [TimeUnit::Second, TimeUnit::Millisecond, TimeUnit::Microsecond, TimeUnit::Nanosecond] {
            for value in [i64::MIN, i64::MAX] {
                assert!(rendered(value, unit, true).ends_with('Z'));
            }
        }
    }
}
