//! `--log-format`: the lines on stderr are written for people, or for programs.

use std::ffi::OsString;

use clap::ValueEnum;

/// The format of the lines on stderr.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum LogFormat {
    /// For people: text, with colours and bars on a terminal.
    #[default]
    Text,
    /// For programs: one JSON object per line.
    Json,
}

impl LogFormat {
    /// Finds the format in a command line that clap refuses, for the error itself.
    pub(super) fn of_arguments(arguments: impl IntoIterator<Item = OsString>) -> Self {
        let arguments: Vec<OsString> = arguments.into_iter().collect();
        let apart = arguments.windows(2).any(|pair| pair[0] == "--log-format" && pair[1] == "json");
        let is_json = apart || arguments.iter().any(|argument| argument == "--log-format=json");
        if is_json { Self::Json } else { Self::Text }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_of_a_wrong_command_line_is_found_in_it() {
        for (arguments, format) in [
            (&["fanout", "rnu", "--log-format", "json"][..], LogFormat::Json),
            (&["fanout", "--log-format=json"], LogFormat::Json),
            (&["fanout", "run", "json", "--log-format", "text"], LogFormat::Text),
            (&["fanout", "run", "--log-format"], LogFormat::Text),
        ] {
            assert_eq!(LogFormat::of_arguments(arguments.iter().map(OsString::from)), format, "{arguments:?}");
        }
    }
}
