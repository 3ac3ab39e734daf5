//! Takes secrets out of what a program writes.

use std::sync::Arc;

use crate::options::{CommandOptions, Variable};

/// Takes the secrets of a program out of what it writes.
#[derive(Clone, Debug)]
pub(crate) struct Redaction {
    /// The lines of the secrets, the longest first, because one may be part of another.
    secrets: Arc<[String]>,
}

impl Redaction {
    pub(crate) fn new(options: &CommandOptions) -> Self {
        /// Shorter lines of a secret (the brace of a key file in JSON) reveal nothing, and occur in
        /// many texts.
        const SHORTEST: usize = 4;
        let secrets = options.environment.values().filter_map(|variable| match variable {
            Variable::Secret(secret) => Some(secret.expose()),
            Variable::Text(_) => None,
        });
        // Texts are redacted line by line, so each line of a secret is a secret of its own.
        let lines = secrets.flat_map(|secret| {
            secret.lines().map(str::trim).filter(|line| line.len() >= SHORTEST || line.len() == secret.len())
        });
        let mut secrets: Vec<String> = lines.filter(|line| !line.is_empty()).map(str::to_owned).collect();
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        Self { secrets: secrets.into() }
    }

    /// Returns `text` as one line to show: without secrets and control characters, and with at most
    /// `longest` characters.
    pub(crate) fn line(&self, text: &str, longest: usize) -> String {
        let mut line = text.trim().to_owned();
        for secret in self.secrets.iter() {
            line = line.replace(secret, "[redacted]");
        }
        let mut line = line.replace('\t', " ").replace(char::is_control, "\u{fffd}");
        if let Some((end, _)) = line.char_indices().nth(longest) {
            line.truncate(end);
            line.push('…');
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use fanout_sink::Secret;

    use super::*;

    fn redaction(secrets: &[&str]) -> Redaction {
        let mut options = CommandOptions::new(["true"]);
        let variables = secrets.iter().enumerate();
        options.environment =
            variables.map(|(number, secret)| (number.to_string(), Variable::Secret(Secret::new(*secret)))).collect();
        Redaction::new(&options)
    }

    #[test]
    fn every_line_of_every_secret_is_taken_out() {
        let redaction = redaction(&["hunter", "hunter2", "x", "BEGIN\nfirst line\n}\nEND"]);
        for (text, shown) in [
            ("password hunter2!", "password [redacted]!"),
            ("hunter", "[redacted]"),
            ("first line }", "[redacted] }"),
            ("x", "[redacted]"),
        ] {
            assert_eq!(redaction.line(text, 100), shown);
        }
    }

    #[test]
    fn a_line_is_short_and_plain() {
        let redaction = redaction(&[]);
        assert_eq!(redaction.line(" \x1b[31mred\tline\r\n", 100), "\u{fffd}[31mred line");
        assert_eq!(redaction.line("粉丝列表", 3), "粉丝列…");
    }

    #[test]
    fn text_in_the_pipeline_file_is_no_secret() {
        let mut options = CommandOptions::new(["true"]);
        options.environment.insert("LEVEL".to_owned(), Variable::Text("debug".to_owned()));
        assert_eq!(Redaction::new(&options).line("debug", 100), "debug");
    }
}
