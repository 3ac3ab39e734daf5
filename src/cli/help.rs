//! Fits a help text to the width of the terminal: clap writes each explanation on one line, and
//! examples end in one.
//!
//! `command` has the text, `output` prints it.

use super::table::{shown_width, wrap};

/// The width of a help text that goes elsewhere than to a terminal.
pub(super) const USUAL: usize = 80;

/// Wider lines are hard to read.
pub(super) const WIDEST: usize = 100;

/// An explanation has at least this much room beside what it explains; else it stands below.
const ROOM: usize = 36;

/// Wraps the lines of `text` that are wider than `width`.
pub(super) fn fit(text: &str, width: usize) -> String {
    text.lines().map(|line| fit_line(line, width)).collect()
}

fn fit_line(line: &str, width: usize) -> String {
    if shown_width(line) <= width {
        return format!("{line}\n");
    }
    let body = line.trim_start();
    let indent = line.len() - body.len();
    // `--flag <VALUE>    explanation`, or `command    explanation`.
    let (head, rest) = match body.find("  ") {
        Some(gap) => body.split_at(gap),
        None => ("", body),
    };
    let explanation = rest.trim_start();
    let beside = if head.is_empty() { indent } else { indent + shown_width(head) + rest.len() - explanation.len() };
    let (mut text, hanging) = if head.is_empty() {
        (" ".repeat(indent), indent)
    } else if beside + ROOM <= width {
        (format!("{}{head}{}", " ".repeat(indent), " ".repeat(beside - indent - shown_width(head))), beside)
    } else {
        (format!("{}{head}\n{}", " ".repeat(indent), " ".repeat(indent + 4)), indent + 4)
    };
    for (number, part) in wrap(explanation, width.saturating_sub(hanging)).iter().enumerate() {
        if number > 0 {
            text.push_str(&" ".repeat(hanging));
        }
        text.extend([part, "\n"]);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_explanation_stays_beside_its_flag_if_there_is_room() {
        let line = "      --set <KEY>  Set a key of the pipeline file, and another one, too";
        assert_eq!(
            fit(line, 56),
            "      --set <KEY>  Set a key of the pipeline file, and\n                   another one, too\n"
        );
        assert_eq!(
            fit(line, 40),
            "      --set <KEY>\n          Set a key of the pipeline\n          file, and another one, too\n"
        );
        assert_eq!(fit(line, 100), format!("{line}\n"));
        assert_eq!(fit("  one two three", 9), "  one two\n  three\n");
        let bold = "\u{1b}[1mone\u{1b}[0m two";
        assert_eq!(fit(bold, 7), format!("{bold}\n"), "what makes a word bold has no width");
    }
}
