//! Timestamps as text, for the encoder of such a column.

use std::io::Write;

use fanout_sink::arrow::datatypes::TimeUnit;

use crate::text::append_front;

const SECONDS_A_DAY: i64 = 86_400;
const NANOSECONDS_A_SECOND: i64 = 1_000_000_000;

/// Bytes of the longest text: a year of twelve digits with its sign, nine digits after the second,
/// and `Z`.
const LONGEST: usize = 40;

/// Writes timestamps as RFC 3339 with six digits after the second, or nine for nanoseconds:
/// `2026-11-22T10:00:00.000000Z`. Without `instant` (the column has no time zone) it omits the `Z`.
/// A year outside 0 to 9999 has a sign, as ISO 8601 allows.
///
/// It keeps the text of the last value and the date of the last day, because neighbours are often
/// equal or of one day.
#[derive(Debug)]
pub(crate) struct TimeText {
    unit: TimeUnit,
    instant: bool,
    last: Option<i64>,
    day: Option<i64>,
    date_length: usize,
    text: [u8; LONGEST],
    length: usize,
}

impl TimeText {
    pub(crate) fn new(unit: TimeUnit, instant: bool) -> Self {
        Self { unit, instant, last: None, day: None, date_length: 0, text: [0; LONGEST], length: 0 }
    }

    /// Appends the text of `value` units since 1970.
    #[inline]
    pub(crate) fn append(&mut self, value: i64, line: &mut Vec<u8>) {
        if self.last != Some(value) {
            self.render(value);
            self.last = Some(value);
        }
        append_front(&self.text, self.length, line);
    }

    fn render(&mut self, value: i64) {
        let (seconds, nanosecond) = match self.unit {
            TimeUnit::Second => split::<1>(value),
            TimeUnit::Millisecond => split::<1_000>(value),
            TimeUnit::Microsecond => split::<1_000_000>(value),
            TimeUnit::Nanosecond => split::<NANOSECONDS_A_SECOND>(value),
        };
        let day = seconds.div_euclid(SECONDS_A_DAY);
        if self.day != Some(day) {
            self.render_date(day);
            self.day = Some(day);
        }
        let second = seconds.rem_euclid(SECONDS_A_DAY) as u32;
        let [hour, minute, second] = [second / 3_600, second / 60 % 60, second % 60].map(pair);
        let rest = &mut self.text[self.date_length..];
        rest[..10]
            .copy_from_slice(&[b'T', hour[0], hour[1], b':', minute[0], minute[1], b':', second[0], second[1], b'.']);
        self.length = self.date_length + 10;
        let [high, middle, low] =
            [nanosecond / 10_000_000, nanosecond / 100_000, nanosecond / 1_000].map(|n| pair(n % 100));
        self.push(&[high[0], high[1], middle[0], middle[1], low[0], low[1]]);
        if self.unit == TimeUnit::Nanosecond {
            let [tens, ones] = pair(nanosecond % 100);
            self.push(&[b'0' + (nanosecond / 100 % 10) as u8, tens, ones]);
        }
        if self.instant {
            self.push(b"Z");
        }
    }

    #[inline]
    fn push<const N: usize>(&mut self, bytes: &[u8; N]) {
        self.text[self.length..][..N].copy_from_slice(bytes);
        self.length += N;
    }

    fn render_date(&mut self, day: i64) {
        let (year, month, day) = date(day);
        self.length = 0;
        if let Some((high, low)) =
            u32::try_from(year).ok().filter(|year| *year < 10_000).map(|year| (year / 100, year % 100))
        {
            let [high, low] = [high, low].map(pair);
            self.push(&[high[0], high[1], low[0], low[1]]);
        } else {
            let mut rest = &mut self.text[..];
            write!(rest, "{year:+05}").expect("the longest year is shorter");
            self.length = LONGEST - rest.len();
        }
        let [month, day] = [month as u32, day as u32].map(pair);
        self.push(&[b'-', month[0], month[1], b'-', day[0], day[1]]);
        self.date_length = self.length;
    }
}

/// Returns the two digits of a number below 100.
#[inline]
fn pair(number: u32) -> [u8; 2] {
    [b'0' + (number / 10) as u8, b'0' + (number % 10) as u8]
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
/// The months are counted from March, so that the leap day is the last day of the year; Howard
/// Hinnant's `civil_from_days` (<https://howardhinnant.github.io/date_algorithms.html>).
fn date(days: i64) -> (i64, i64, i64) {
    const DAYS_AN_ERA: i64 = 146_097;
    const DAYS_TO_MARCH_OF_YEAR_ZERO: i64 = 719_468;
    let days = days + DAYS_TO_MARCH_OF_YEAR_ZERO;
    let (era, day_of_era) = (days.div_euclid(DAYS_AN_ERA), days.rem_euclid(DAYS_AN_ERA));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use arrow::compute::cast;
    use fanout_sink::arrow::array::{AsArray, TimestampSecondArray};
    use fanout_sink::arrow::datatypes::DataType;

    use super::*;

    fn rendered(value: i64, unit: TimeUnit, instant: bool) -> String {
        let mut text = Vec::new();
        TimeText::new(unit, instant).append(value, &mut text);
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
        // Each value several times in turn: what is kept from the last one must not change the
        // text.
        let mut times = TimeText::new(TimeUnit::Second, false);
        for (seconds, expected) in seconds.iter().zip(expected.as_string::<i32>()) {
            let mut texts = Vec::new();
            for seconds in [*seconds, *seconds, *seconds / SECONDS_A_DAY * SECONDS_A_DAY, *seconds] {
                texts.clear();
                times.append(seconds, &mut texts);
            }
            assert_eq!(String::from_utf8(texts).unwrap(), format!("{}.000000", expected.unwrap()));
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
