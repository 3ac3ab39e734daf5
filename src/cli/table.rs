//! Plain text in columns, and what a cell holds: a name, an instant, a count, a duration. Every
//! command writes its tables and numbers for people with it.

use std::collections::BTreeSet;

use chrono::{DateTime, SecondsFormat, Utc};
use indicatif::{HumanBytes, HumanCount};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::wechat::{self, List};

/// A column of a table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column {
    name: &'static str,
    side: Side,
    fit: Fit,
    /// Whether it is left out if no row has a value.
    is_optional: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Left,
    Right,
}

/// What becomes of a column in a table that is wider than the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fit {
    /// It stays.
    Stays,
    /// Its text is wrapped.
    Wraps,
    /// It moves to lines of its own below the row.
    Below,
    /// It is left out, the last such column first: `--json` has it.
    Extra,
}

/// Makes a column of short texts.
pub(super) const fn text(name: &'static str) -> Column {
    Column { name, side: Side::Left, fit: Fit::Stays, is_optional: false }
}

/// Makes a column of numbers.
pub(super) const fn number(name: &'static str) -> Column {
    Column { name, side: Side::Right, fit: Fit::Stays, is_optional: false }
}

impl Column {
    /// Makes it a column of texts that may be wrapped.
    pub(super) const fn wrapping(self) -> Self {
        Self { fit: Fit::Wraps, ..self }
    }

    /// Makes it a column of long texts, which go below the row where the table is too wide.
    pub(super) const fn or_below(self) -> Self {
        Self { fit: Fit::Below, ..self }
    }

    /// Makes it a column that is left out where the table is too wide.
    pub(super) const fn extra(self) -> Self {
        Self { fit: Fit::Extra, ..self }
    }

    /// Makes it a column that is left out if no row has a value.
    pub(super) const fn optional(self) -> Self {
        Self { is_optional: true, ..self }
    }
}

/// The text of a cell without a value.
pub(super) const NOTHING: &str = "-";

/// The blanks between two columns.
const GAP: usize = 2;

/// The least width of a column that is wrapped.
const NARROWEST: usize = 12;

/// A column is not made narrower than its longest word, unless that is longer than this.
const LONGEST_WORD: usize = 20;

/// The blanks before what stands below a row.
const INDENT: usize = 4;

/// Writes rows under a header, with two spaces between columns, so that no line is wider than
/// `width` if that is possible. Widths are those on a terminal.
pub(super) fn render<const COLUMNS: usize>(
    columns: [Column; COLUMNS],
    rows: &[[String; COLUMNS]],
    width: Option<usize>,
) -> String {
    let mut widths: [usize; COLUMNS] = std::array::from_fn(|column| {
        let cells = rows.iter().map(|row| row[column].width());
        cells.chain([columns[column].name.width()]).max().unwrap_or(0)
    });
    let mut is_inside: [bool; COLUMNS] =
        std::array::from_fn(|column| !columns[column].is_optional || rows.iter().any(|row| row[column] != NOTHING));
    let most = width.unwrap_or(usize::MAX);
    let total = |widths: &[usize; COLUMNS], is_inside: &[bool; COLUMNS]| {
        let inside = widths.iter().zip(is_inside).filter(|(_, is_inside)| **is_inside);
        inside.map(|(width, _)| width + GAP).sum::<usize>().saturating_sub(GAP)
    };
    for fit in [Fit::Extra, Fit::Below] {
        for column in (0..COLUMNS).rev().filter(|&column| columns[column].fit == fit) {
            if total(&widths, &is_inside) > most {
                is_inside[column] = false;
            }
        }
    }
    let least: [usize; COLUMNS] = std::array::from_fn(|column| {
        let words = rows.iter().flat_map(|row| row[column].split(' ')).map(UnicodeWidthStr::width);
        words.max().unwrap_or(0).clamp(NARROWEST, LONGEST_WORD)
    });
    while total(&widths, &is_inside) > most {
        let wrapping =
            (0..COLUMNS).filter(|&column| columns[column].fit == Fit::Wraps && widths[column] > least[column]);
        let Some(widest) = wrapping.max_by_key(|&column| widths[column]) else { break };
        widths[widest] -= 1;
    }
    let header = columns.map(|column| column.name.to_owned());
    let mut lines = String::new();
    for (place, row) in std::iter::once(&header).chain(rows).enumerate() {
        let cells: Vec<Vec<String>> = (0..COLUMNS).map(|column| divide(&row[column], widths[column])).collect();
        let height = (0..COLUMNS).filter(|&column| is_inside[column]).map(|column| cells[column].len()).max();
        for line in 0..height.unwrap_or(0) {
            let mut text = String::new();
            for column in (0..COLUMNS).filter(|&column| is_inside[column]) {
                let cell = cells[column].get(line).map_or("", String::as_str);
                let space = " ".repeat(widths[column].saturating_sub(cell.width()));
                match columns[column].side {
                    Side::Left => text.extend([cell, space.as_str()]),
                    Side::Right => text.extend([space.as_str(), cell]),
                }
                text.push_str(&" ".repeat(GAP));
            }
            lines.extend([text.trim_end(), "\n"]);
        }
        for column in (0..COLUMNS).filter(|&column| !is_inside[column] && columns[column].fit == Fit::Below) {
            if place > 0 && row[column] != NOTHING {
                lines.push_str(&indented(&format!("{}: {}", columns[column].name, row[column]), INDENT, most));
            }
        }
    }
    lines
}

/// Divides a cell into lines of at most `width`, also within a word that is longer.
fn divide(cell: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for line in wrap(cell, width) {
        let mut rest = String::new();
        for letter in line.chars() {
            if rest.width() + letter.width().unwrap_or(0) > width && !rest.is_empty() {
                lines.push(std::mem::take(&mut rest));
            }
            rest.push(letter);
        }
        lines.push(rest);
    }
    lines
}

/// Writes a line, or several that are at most `width` wide, of which those behind the first are
/// indented.
pub(super) fn line(text: &str, width: Option<usize>) -> String {
    let Some(width) = width.filter(|&width| text.width() > width) else { return format!("{text}\n") };
    let first = wrap(text, width).into_iter().next().unwrap_or_default();
    let rest = text[first.len()..].trim_start();
    format!("{first}\n{}", indented(rest, INDENT, width))
}

/// Writes a text in lines that begin with `indent` blanks.
fn indented(text: &str, indent: usize, width: usize) -> String {
    let lines = wrap(text, width.saturating_sub(indent).max(NARROWEST));
    let space = " ".repeat(indent);
    lines.iter().flat_map(|line| [&space, line.as_str(), "\n"]).collect()
}

/// Returns the width of a text on a terminal, whatever its style.
pub(super) fn shown_width(text: &str) -> usize {
    let mut parts = text.split('\u{1b}');
    let first = parts.next().map_or(0, UnicodeWidthStr::width);
    // A style is a sequence from the escape to `m`.
    first + parts.map(|part| part.split_once('m').map_or(part, |(_, shown)| shown).width()).sum::<usize>()
}

/// Divides a text at its blanks into lines of at most `width`. A word that is longer, such as a
/// path, stays whole.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().expect("there is always one");
        if line.is_empty() {
            line.push_str(word);
        } else if shown_width(line) + 1 + shown_width(word) <= width {
            line.extend([" ", word]);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

/// Returns the account's name, followed by the list unless that is `followers`.
pub(super) fn account_and_list(account: &str, list: &str) -> String {
    if list == List::FOLLOWERS.name() { account.to_owned() } else { format!("{account} {list}") }
}

/// Writes how many accounts there are and, if it is another number, how many lists: `1 account, 5
/// lists`. `accounts` has the name of the account of each list.
pub(super) fn accounts_and_lists<'a>(accounts: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = accounts.collect();
    let lists = names.len() as u64;
    let accounts = names.into_iter().collect::<BTreeSet<_>>().len() as u64;
    let text = if accounts == 1 { "1 account".to_owned() } else { format!("{} accounts", grouped(accounts)) };
    if lists == accounts { text } else { format!("{text}, {} lists", grouped(lists)) }
}

/// Writes an instant to the minute, in Beijing: `2026-01-31 10:00`.
pub(super) fn in_beijing(at: DateTime<Utc>) -> String {
    wechat::in_beijing(at).format("%Y-%m-%d %H:%M").to_string()
}

/// Writes the date of an instant in Beijing.
pub(super) fn date_in_beijing(at: DateTime<Utc>) -> String {
    wechat::date_in_beijing(at).to_string()
}

/// Writes the time of an instant in UTC, for beside [`in_beijing`]: `02:00`.
pub(super) fn time_in_utc(at: DateTime<Utc>) -> String {
    at.format("%H:%M").to_string()
}

/// Writes bytes in units of 1,024: `2.00 KiB`.
pub(super) fn bytes(bytes: u64) -> String {
    HumanBytes(bytes).to_string()
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

    fn row<const COLUMNS: usize>(cells: [&str; COLUMNS]) -> [String; COLUMNS] {
        cells.map(str::to_owned)
    }

    #[test]
    fn columns_line_up_whatever_the_script() {
        let columns = [text("account"), number("pages"), text("outcome")];
        let rows = [row(["brand", "3", "published"]), row(["商店账号一", "1,000", "-"])];
        assert_eq!(
            render(columns, &rows, None),
            "account     pages  outcome\n\
             brand           3  published\n\
             商店账号一  1,000  -\n"
        );
    }

    #[test]
    fn a_table_that_is_too_wide_leaves_out_moves_down_and_wraps() {
        let columns = [
            text("account"),
            text("sinks").wrapping(),
            number("pages").extra(),
            number("disk"),
            text("error").or_below(),
        ];
        let rows = [
            row(["brand", "lake, lines, packed, single", "3", "2.00 KiB", "-"]),
            row(["商店", "lake", "1,000", "-", "the call for a token failed: no reply in time"]),
        ];
        assert_eq!(
            render(columns, &rows, Some(40)),
            "account  sinks                      disk\n\
             brand    lake, lines, packed,   2.00 KiB\n         single\n\
             商店     lake                          -\n    error: the call for a token failed:\n    no reply in time\n"
        );
        // The last one that fits loses nothing.
        let natural = render(columns, &rows, None);
        let width = natural.lines().map(UnicodeWidthStr::width).max().unwrap();
        assert_eq!(render(columns, &rows, Some(width)), natural);
        for width in 38..width {
            let rendered = render(columns, &rows, Some(width));
            assert!(rendered.lines().all(|line| line.width() <= width), "{width}:\n{rendered}");
        }
    }

    #[test]
    fn a_line_is_wrapped_at_its_blanks_and_a_path_stays_whole() {
        let text = "brand, lake: 250 rows, 2.00 KiB in /srv/lists/dt=2026-01-31/account=brand/part-00000.parquet";
        assert_eq!(line(text, None), format!("{text}\n"));
        let (before, path) = text.split_at(text.find('/').unwrap());
        assert_eq!(line(text, Some(60)), format!("{}\n    {path}\n", before.trim_end()));
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
