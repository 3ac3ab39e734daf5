//! Paths on this machine, in pipeline files and on the command line.
//!
//! Every key of a pipeline file that is a path is read with [`local_path`]: those of the engine,
//! and those of the options of sinks. A path is taken as it is written. Forms that other programs
//! replace or look up elsewhere are errors: `s3://…` would become a folder named `s3:`, and `~/…`
//! one named `~`, beside the pipeline file.

use std::fmt;
use std::path::PathBuf;

use serde::Deserializer;
use serde::de::{Error, Visitor};

/// Deserialises a path on this machine, as a `PathBuf` or an `Option<PathBuf>`.
///
/// ```
/// use std::path::PathBuf;
///
/// #[derive(serde::Deserialize)]
/// struct Options {
///     #[serde(deserialize_with = "fanout_sink::local_path")]
///     root: PathBuf,
/// }
///
/// assert!(serde_json::from_str::<Options>(r#"{"root":"out/followers"}"#).is_ok());
/// assert!(serde_json::from_str::<Options>(r#"{"root":"s3://lake/followers"}"#).is_err());
/// ```
///
/// # Errors
///
/// A path of another form. The error shows it, and names the right form.
pub fn local_path<'de, D, P>(deserializer: D) -> Result<P, D::Error>
where
    D: Deserializer<'de>,
    P: From<PathBuf>,
{
    struct PathVisitor;

    impl Visitor<'_> for PathVisitor {
        type Value = PathBuf;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("a path")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<PathBuf, E> {
            parse_local_path(text).map_err(E::custom)
        }
    }

    deserializer.deserialize_str(PathVisitor).map(P::from)
}

/// Parses a path on this machine.
///
/// # Errors
///
/// A path of another form. The message shows it, and names the right form.
pub fn parse_local_path(text: &str) -> Result<PathBuf, String> {
    match foreign_path(text) {
        None => Ok(PathBuf::from(text)),
        Some(problem) => Err(format!("found {text:?}, {problem}")),
    }
}

/// Returns why `text` is no path on this machine, and the right form, without the text itself;
/// `None` for a path that is taken as it is written.
pub fn foreign_path(text: &str) -> Option<String> {
    const LOCAL: &str = "expected a path on this machine, such as `/data/followers`";
    if text.is_empty() {
        return Some(format!("which is empty; {LOCAL}"));
    }
    if let Some(scheme) = scheme(text) {
        return Some(match scheme {
            "file" => "a URL; expected the path alone, without `file://`".to_owned(),
            _ if scheme.len() == 1 => format!("a path of Windows; {LOCAL}"),
            _ => format!("but no storage for `{scheme}://` is built in; {LOCAL}"),
        });
    }
    if text.contains('\\') {
        return Some("which has `\\`; expected `/` between folders".to_owned());
    }
    if text.starts_with('~') {
        return Some(
            "but `~` is not replaced, as a shell does it; expected the whole path, such as `/home/me/lake`".to_owned(),
        );
    }
    if let Some(variable) = variable(text) {
        return Some(format!(
            "but {variable} is not replaced, as a shell does it; expected the path itself (a value for `--set` passes \
             through your shell)"
        ));
    }
    if text.trim() != text {
        return Some("which has a blank or a line end around it; expected the path alone".to_owned());
    }
    // What joins or varies emoji is seen by what it does.
    let is_hidden = |character: char| {
        character.is_control() || (is_invisible(character) && !"\u{200d}\u{fe0e}\u{fe0f}".contains(character))
    };
    text.chars().find(|&character| is_hidden(character)).map(|hidden| {
        format!("which has a character that cannot be seen (U+{:04X}); expected the path without it", u32::from(hidden))
    })
}

/// Returns the scheme of a URL, or the letter of a drive: what stands before a colon at the end of
/// a folder's name, or behind the first letter.
fn scheme(text: &str) -> Option<&str> {
    let is_scheme = |name: &str| {
        name.starts_with(|first: char| first.is_ascii_alphabetic())
            && name.chars().all(|character| character.is_ascii_alphanumeric() || "+.-".contains(character))
    };
    if let Some((scheme, _)) = text.split_once("://") {
        return Some(scheme.rsplit(['/', '\\']).next().unwrap_or(scheme));
    }
    let names = text.split(['/', '\\']).filter_map(|name| name.strip_suffix(':'));
    let drive = text.get(..2).and_then(|drive| drive.strip_suffix(':'));
    names.chain(drive).find(|name| is_scheme(name))
}

/// Returns the form of a variable in the text: of a shell, of Windows, or of a template.
fn variable(text: &str) -> Option<&'static str> {
    let is_name = |first: char| first.is_ascii_alphabetic() || first == '_';
    let after = |mark: &str| text.match_indices(mark).map(|(at, _)| &text[at + mark.len()..]).collect::<Vec<_>>();
    if after("$").iter().any(|rest| rest.starts_with(|first: char| is_name(first) || "{(".contains(first))) {
        return Some("the variable behind `$`");
    }
    let is_windows = |rest: &&str| {
        let name = rest.split('%').next().unwrap_or_default();
        // `%E5%BA` is part of an encoded address, and `%Y%m` of a date.
        if name.len() <= 2 {
            return false;
        }
        rest.len() > name.len() && name.starts_with(is_name) && name.chars().all(|c| is_name(c) || c.is_ascii_digit())
    };
    if after("%").iter().any(is_windows) {
        return Some("the variable between `%`");
    }
    (text.contains("{{") || text.contains('`')).then_some("the template")
}

/// Returns whether a character cannot be seen, and is no blank.
pub fn is_invisible(character: char) -> bool {
    matches!(character,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_taken_as_it_is_written() {
        for path in [
            "out",
            "out/followers",
            "/data/out",
            "./~backup",
            "../out",
            "out/a:b",
            "out/12:30",
            "100$",
            "50%",
            "100%/50%",
            "a b",
            "关注者/列表",
            "店❤\u{fe0f}",
            ".",
            "/",
            "out/",
            "-",
            "a$1",
            "{date}",
        ] {
            assert_eq!(parse_local_path(path), Ok(PathBuf::from(path)));
        }
    }

    #[test]
    fn a_path_of_another_form_is_an_error_that_names_the_right_one() {
        for (path, problem) in [
            ("s3://lake/followers", "no storage for `s3://` is built in; expected a path on this machine"),
            ("S3://lake", "no storage for `S3://` is built in"),
            ("s3:/lake", "no storage for `s3://` is built in"),
            ("s3a://lake", "no storage for `s3a://`"),
            ("gs://lake", "no storage for `gs://`"),
            ("oss://lake", "no storage for `oss://`"),
            ("cos://lake", "no storage for `cos://`"),
            ("hdfs://namenode:8020/lake", "no storage for `hdfs://`"),
            ("https://lake.example/x", "no storage for `https://`"),
            ("abfss://c@a.dfs.core.windows.net/x", "no storage for `abfss://`"),
            ("out/s3://lake", "no storage for `s3://`"),
            ("s3:", "no storage for `s3://`"),
            ("file:///data/out", "a URL; expected the path alone, without `file://`"),
            ("file:/data/out", "a URL; expected the path alone"),
            ("C:\\lake", "a path of Windows"),
            ("C:/lake", "a path of Windows"),
            ("d:lake", "a path of Windows"),
            ("out\\lake", "which has `\\`; expected `/`"),
            ("\\\\server\\share", "which has `\\`"),
            ("~", "but `~` is not replaced"),
            ("~/lake", "but `~` is not replaced"),
            ("~me/lake", "but `~` is not replaced"),
            ("$HOME/lake", "but the variable behind `$` is not replaced"),
            ("${HOME}/lake", "but the variable behind `$` is not replaced"),
            ("/data/${ENV:-dev}", "but the variable behind `$` is not replaced"),
            ("out/$(date +%F)", "but the variable behind `$` is not replaced"),
            ("%USERPROFILE%/lake", "but the variable between `%` is not replaced"),
            ("{{ root }}/lake", "but the template is not replaced"),
            ("out/`date`", "but the template is not replaced"),
            (" out", "which has a blank or a line end around it"),
            ("out\n", "which has a blank or a line end around it"),
            ("out\u{a0}", "which has a blank or a line end around it"),
            ("o\u{200b}ut", "a character that cannot be seen (U+200B)"),
            ("\u{feff}out", "a character that cannot be seen (U+FEFF)"),
            ("o\0ut", "a character that cannot be seen (U+0000)"),
            ("", "which is empty"),
        ] {
            let error = parse_local_path(path).unwrap_err();
            assert!(error.starts_with(&format!("found {path:?}, ")) && error.contains(problem), "{error}");
            assert!(!foreign_path(path).unwrap().contains("lake/"), "{error}");
        }
    }
}
