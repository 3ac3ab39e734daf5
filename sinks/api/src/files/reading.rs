//! What readers take a folder's value for. In `account=007` they see no text, and guess: Spark,
//! duckdb, polars and pyarrow read the number 7.
//!
//! Before it: `hive`. Each reader has rules of its own; these are all of them together, for the
//! versions in `tests/it/hive_names.py` and `tests/parquet-readers/run`.

use std::fmt;

use chrono::NaiveDate;

/// The zeros of the scripts whose digits Java and Python take for digits: Latin, full-width,
/// Arabic, Persian, Devanagari.
const ZEROS: [char; 5] = ['0', '\u{FF10}', '\u{660}', '\u{6F0}', '\u{966}'];

/// What Hive names the folder of a row without a value.
const HIVE_NULL: &str = "__HIVE_DEFAULT_PARTITION__";

/// What a reader makes of a value that is no text to it. Values with equal readings are one value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reading {
    /// No value at all.
    Null,
    Boolean(bool),
    /// The number, without what can be written in several ways.
    Number(String),
    /// The date, the time, or both.
    Time(String),
}

impl Reading {
    /// Returns what a reader may take `value` for; `None` if every reader takes it for text.
    pub(super) fn of(value: &str) -> Option<Self> {
        if value.is_empty() || value == HIVE_NULL || value.eq_ignore_ascii_case("null") {
            return Some(Self::Null);
        }
        for truth in [true, false] {
            if value.eq_ignore_ascii_case(&truth.to_string()) {
                return Some(Self::Boolean(truth));
            }
        }
        number(value).map(Self::Number).or_else(|| time(value).map(Self::Time))
    }
}

impl fmt::Display for Reading {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => formatter.write_str("NULL"),
            Self::Boolean(truth) => write!(formatter, "the boolean {truth}"),
            Self::Number(number) => write!(formatter, "the number {number}"),
            Self::Time(time) => write!(formatter, "the time {time}"),
        }
    }
}

/// Returns the number that some reader sees in `value`, in one form for all spellings.
fn number(value: &str) -> Option<String> {
    let text: String = value.chars().map(latin_digit).collect();
    let (sign, text) = text.strip_prefix('-').map_or(("", text.as_str()), |rest| ("-", rest));
    let signed = |digits: String| if digits == "0" { digits } else { format!("{sign}{digits}") };
    // Python reads `1_000` as 1000.
    let digits = text.split('_').all(|group| !group.is_empty()).then(|| text.replace('_', ""));
    if let Some(digits) = digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit())) {
        let digits = digits.trim_start_matches('0');
        return Some(signed(if digits.is_empty() { "0".to_owned() } else { digits.to_owned() }));
    }
    let lower = text.to_ascii_lowercase();
    for (prefix, radix) in [("0x", 16), ("0b", 2)] {
        if let Some(digits) = lower.strip_prefix(prefix)
            && let Ok(number) = u128::from_str_radix(digits, radix)
            && !digits.starts_with('+')
        {
            return Some(signed(number.to_string()));
        }
    }
    let float = java_hexadecimal(&lower).or_else(|| decimal(&lower))?;
    // As an integer where it is one that a float can count.
    let is_whole = float.fract() == 0.0 && float.abs() < 1e15;
    Some(signed(if is_whole { format!("{float:.0}") } else { float.to_string() }))
}

/// Returns a digit of another script as the Latin one, and any other character as it is.
fn latin_digit(character: char) -> char {
    let value = ZEROS.iter().find_map(|zero| (character as u32).checked_sub(*zero as u32).filter(|value| *value < 10));
    value.and_then(|value| char::from_digit(value, 10)).unwrap_or(character)
}

/// Reads `1.5`, `.5`, `1e5`, `inf` and `nan`, and with Java's suffixes `1d` and `1f`.
fn decimal(text: &str) -> Option<f64> {
    let ends_in_digit = |text: &&str| text.ends_with(|last: char| last.is_ascii_digit() || last == '.');
    let text = text.strip_suffix(['d', 'f']).filter(ends_in_digit).unwrap_or(text);
    text.parse().ok().filter(|_| !text.starts_with(['+', '-']))
}

/// Reads `0x1p3`, which is 8 to Java.
fn java_hexadecimal(text: &str) -> Option<f64> {
    let (digits, exponent) = text.strip_prefix("0x")?.split_once('p')?;
    let digits = u64::from_str_radix(digits, 16).ok()?;
    Some(digits as f64 * 2_f64.powi(exponent.parse().ok()?))
}

/// Returns the date or time that some reader sees in `value`.
fn time(value: &str) -> Option<String> {
    if matches!(value, "epoch" | "today") {
        return Some(value.to_owned());
    }
    if is_clock(value) {
        return Some(value.to_owned());
    }
    match value.split_once(['T', ' ']) {
        Some((day, clock)) => {
            let is_time = clock.starts_with(|first: char| first.is_ascii_digit())
                && clock.chars().all(|character| character.is_ascii_digit() || ":.Z+-".contains(character));
            is_time.then(|| date(day).map(|date| format!("{date} {clock}")))?
        }
        None => date(value),
    }
}

/// Returns whether `text` is `12:30` or `12:30:00`.
fn is_clock(text: &str) -> bool {
    let parts: Vec<&str> = text.split(':').collect();
    let is_number = |part: &&str| (1..=2).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    (2..=3).contains(&parts.len()) && parts.iter().all(is_number)
}

/// Reads a year, month and day in any order that a reader knows, or a year and a month.
fn date(text: &str) -> Option<String> {
    let parts: Vec<&str> = text.split(['-', '/']).collect();
    if parts.iter().any(|part| part.is_empty() || !part.bytes().all(|byte| byte.is_ascii_digit())) {
        return None;
    }
    let numbers: Vec<u32> = parts.iter().map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let day = |year: u32, month, day| NaiveDate::from_ymd_opt(year as i32, month, day);
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    match (lengths.as_slice(), numbers.as_slice()) {
        ([4, 1..=2, 1..=2], &[year, month, number]) => day(year, month, number).map(|date| date.to_string()),
        ([1..=2, 1..=2, 4], &[one, two, year]) => {
            day(year, two, one).or_else(|| day(year, one, two)).map(|date| date.to_string())
        }
        ([4, 1..=2], &[year, month]) => day(year, month, 1).map(|date| date.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_readers_take_for_something_else_than_text_is_known() {
        for (values, expected) in [
            (
                &["007", "7", "0x7", "0b111", "7.0", "7.", "70e-1", "7d", "7f", "\u{FF10}\u{FF17}", "\u{667}"][..],
                "the number 7",
            ),
            (&["-3", "-03", "-3.0"], "the number -3"),
            (&["0", "00", "-0", "0.0", "0e7"], "the number 0"),
            (&["1e5", "1E5", "100000", "1_00_000"], "the number 100000"),
            (&["0x10", "0X10", "16", "0x1p4"], "the number 16"),
            (&["1.5", "1.50", "15e-1", "1.5D"], "the number 1.5"),
            (&["99999999999999999999"], "the number 99999999999999999999"),
            (&["inf", "Infinity", "INF", "1e400"], "the number inf"),
            (&["-inf"], "the number -inf"),
            (&["nan", "NaN"], "the number NaN"),
            (&["", "null", "NULL", "Null", HIVE_NULL], "NULL"),
            (&["true", "True", "TRUE"], "the boolean true"),
            (&["false"], "the boolean false"),
            (&["2026-01-02", "2026-1-2", "2026/01/02", "02-01-2026"], "the time 2026-01-02"),
            (&["2026-01"], "the time 2026-01-01"),
            (&["2026-01-02T10"], "the time 2026-01-02 10"),
            (&["2026-01-02 10:00:00"], "the time 2026-01-02 10:00:00"),
            (&["12:30"], "the time 12:30"),
            (&["epoch"], "the time epoch"),
        ] {
            for value in values {
                let reading = Reading::of(value).map(|reading| reading.to_string());
                assert_eq!(reading.as_deref(), Some(expected), "{value}");
            }
        }
    }

    #[test]
    fn what_every_reader_takes_for_text_is_text() {
        for value in [
            "brand",
            "品牌",
            "shop-1",
            "a7",
            "7a",
            "7年",
            "wx0123456789abcdef",
            "wx1e5",
            "e5",
            "1e",
            "-",
            "--7",
            "+7",
            " 7",
            "7 ",
            "1,000",
            "1L",
            "0o7",
            "0x",
            "0xg",
            "0b2",
            "_1",
            "1_",
            "2026-13-01",
            "2026-01-02x",
            "7-7",
            "1-2-3-4",
            "nul",
            "none",
            "NA",
            "t",
            "yes",
            "infd",
            "二",
            "½",
            ".",
            "12:30:00:00",
            "2026-01-02Tx",
        ] {
            assert_eq!(Reading::of(value), None, "{value}");
        }
    }
}
