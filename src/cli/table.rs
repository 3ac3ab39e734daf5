//! Plain text in columns.

use chrono::{DateTime, SecondsFormat, Utc};
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
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
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
    fn digits_are_grouped_from_the_right() {
        assert_eq!([0, 999, 1_000, 23_000, 1_234_567].map(grouped), ["0", "999", "1,000", "23,000", "1,234,567"]);
    }
}
