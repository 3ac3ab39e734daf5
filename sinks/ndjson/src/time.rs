//! Timestamps as text.

use std::io::Write;

use fanout_sink::arrow::datatypes::TimeUnit;

const SECONDS_A_DAY: i64 = 86_400;
const NANOSECONDS_A_SECOND: i64 = 1_000_000_000;

/// Renders `value` units since 1970 as RFC 3339 with six digits behind the second, or nine where the unit has them:
/// `2026-11-22T10:00:00.000000Z`. Without `instant` (the column has no time zone) the `Z` is left out. A year beyond
/// 0 to 9999 has a sign, as ISO 8601 allows.
pub(crate) fn render(value: i64, unit: TimeUnit, instant: bool, text: &mut Vec<u8>) {
    let (seconds, nanosecond) = match unit {
        TimeUnit::Second => split::<1>(value),
        TimeUnit::Millisecond => split::<1_000>(value),
        TimeUnit::Microsecond => split::<1_000_000>(value),
        TimeUnit::Nanosecond => split::<NANOSECONDS_A_SECOND>(value),
    };
    let (year, month, day) = date(seconds.div_euclid(SECONDS_A_DAY));
    let second = seconds.rem_euclid(SECONDS_A_DAY);
    match year {
        0..=9_999 => text.extend_from_slice(&digits::<4>(year)),
        _ => write!(text, "{year:+05}").expect("memory takes every write"),
    }
    for (before, value) in
        [(b'-', month), (b'-', day), (b'T', second / 3_600), (b':', second / 60 % 60), (b':', second % 60)]
    {
        text.push(before);
        text.extend_from_slice(&digits::<2>(value));
    }
    text.push(b'.');
    match unit {
        TimeUnit::Nanosecond => text.extend_from_slice(&digits::<9>(nanosecond)),
        _ => text.extend_from_slice(&digits::<6>(nanosecond / 1_000)),
    }
    if instant {
        text.push(b'Z');
    }
}

/// Returns the whole seconds, rounded down, and the nanoseconds beyond. The unit is known to the compiler, for which a
/// division is then a multiplication.
fn split<const UNITS_A_SECOND: i64>(value: i64) -> (i64, i64) {
    let fraction = value.rem_euclid(UNITS_A_SECOND);
    (value.div_euclid(UNITS_A_SECOND), fraction * (NANOSECONDS_A_SECOND / UNITS_A_SECOND))
}

/// Returns the last `N` decimal digits of a number that is not negative.
fn digits<const N: usize>(mut value: i64) -> [u8; N] {
    let mut digits = [b'0'; N];
    for digit in digits.iter_mut().rev() {
        *digit += (value % 10) as u8;
        value /= 10;
    }
    digits
}

/// Returns year, month and day of the proleptic Gregorian calendar, `days` after 1970-01-01.
///
/// The months are counted from March, which puts the leap day last; Howard Hinnant's `civil_from_days`
/// (<https://howardhinnant.github.io/date_algorithms.html>).
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
    use fanout_sink::arrow::array::AsArray;
    use fanout_sink::arrow::array::TimestampSecondArray;
    use fanout_sink::arrow::compute::cast;
    use fanout_sink::arrow::datatypes::DataType;

    use super::*;

    fn rendered(value: i64, unit: TimeUnit, instant: bool) -> String {
        let mut text = Vec::new();
        render(value, unit, instant, &mut text);
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
        for (seconds, expected) in seconds.iter().zip(expected.as_string::<i32>()) {
            let expected = format!("{}.000000", expected.unwrap());
            assert_eq!(rendered(*seconds, TimeUnit::Second, false), expected);
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
