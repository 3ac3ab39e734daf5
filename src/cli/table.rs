//! Plain text in columns, and what stands in a cell: a name, an instant, a count, a duration.

use chrono::{DateTime, SecondsFormat, Utc};
use indicatif::HumanCount;
use unicode_width::UnicodeWidthStr;

use crate::wechat::List;

/// The side to which a column is pushed: text to the left, numbers to the right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// For text.
    Left,
    /// For numbers.
    Right,
}

/// What stands in a cell that has nothing to say.
pub(super) const NOTHING: &str = "-";

/// Writes rows under a header, two spaces between columns, as wide as a terminal shows them.
pub(super) fn render<const COLUMNS: usize>(columns: [(&str, Side); COLUMNS], rows: &[[String; COLUMNS]]) -> String {
    let widths: [usize; COLUMNS] = std::array::from_fn(|column| {
        let cells = rows.iter().map(|row| row[column].width());
        cells.chain([columns[column].0.width()]).max().unwrap_or(0)
    });
    let header = columns.map(|(name, _)| name.to_owned());
    let mut text = String::new();
    for row in std::iter::once(&header).chain(rows) {
        let mut line = String::new();
        for ((cell, width), (_, side)) in row.iter().zip(widths).zip(columns) {
            let space = " ".repeat(width - cell.width());
            match side {
                Side::Left => line.extend([cell, space.as_str()]),
                Side::Right => line.extend([space.as_str(), cell]),
            }
            line.push_str("  ");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Returns the account's name, and its list where that is not the followers.
pub(super) fn account_and_list(account: &str, list: &str) -> String {
    if list == List::FOLLOWERS.name() { account.to_owned() } else { format!("{account} {list}") }
}

/// Writes an instant to the second, in UTC: `2026-01-31T02:00:00Z`.
pub(super) fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Writes a number with a comma at every third digit.
pub(super) fn grouped(number: u64) -> String {
    HumanCount(number).to_string()
}

/// Writes a change of a number with its sign, and a comma at every third digit.
pub(super) fn signed(change: i128) -> String {
    let sign = if change < 0 { '-' } else { '+' };
    format!("{sign}{}", grouped(u64::try_from(change.unsigned_abs()).unwrap_or(u64::MAX)))
}

/// Writes seconds in the two units that matter; tenths only below ten seconds.
pub(super) fn duration(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match whole {
        0..10 => format!("{} s", (seconds * 10.0).round() / 10.0),
        10..60 => format!("{whole} s"),
        60..3_600 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3_600, whole % 3_600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_whatever_the_script() {
        let columns = [("account", Side::Left), ("pages", Side::Right), ("outcome", Side::Left)];
        let row = |cells: [&str; 3]| cells.map(str::to_owned);
        let rows = [row(["brand", "3", "published"]), row(["商店账号一", "1,000", "-"])];
        assert_eq!(
            render(columns, &rows),
            "account     pages  outcome\n\
             brand           3  published\n\
             商店账号一  1,000  -\n"
        );
    }

    #[test]
    fn a_change_has_a_sign_and_grouped_digits() {
        assert_eq!([0, 999, -1_000, 1_234_567].map(signed), ["+0", "+999", "-1,000", "+1,234,567"]);
    }

    #[test]
    fn a_duration_is_as_rough_as_it_is_long() {
        assert_eq!(
            [0.0, 0.04, 5.0, 9.44, 59.4, 59.7, 150.0, 3_599.0, 3_600.0, 90_061.0].map(duration),
            ["0 s", "0 s", "5 s", "9.4 s", "59 s", "1 min 0 s", "2 min 30 s", "59 min 59 s", "1 h 0 min", "25 h 1 min"]
        );
    }
}
