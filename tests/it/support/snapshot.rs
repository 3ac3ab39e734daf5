//! What a process prints, as it stands in a test: what differs from run to run is replaced.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::process::Ended;
use super::project::Project;

/// What differs from run to run, and what stands for it. In a table it must be as wide, so that the
/// columns stay.
const FILTERS: [(&str, &str); 10] = [
    (r"127\.0\.0\.1:\d+", "127.0.0.1:[PORT]"),
    // Of a log line, of a report, of a walk's name.
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", "[NOW]"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "YYYY-MM-DDThh:mm:ssZ"),
    // In `history`: in Beijing, and in UTC.
    (r"\d{4}-\d\d-\d\d \d\d:\d\d  \d\d:\d\d", "YYYY-MM-DD hh:mm  hh:mm"),
    (r"\d{8}T\d{6}Z", "YYYYMMDDThhmmssZ"),
    (r"rid: [0-9a-f-]+", "rid: [RID]"),
    (r"\d+(\.\d+)?(µs|ms|s)\b", "[TIME]"),
    (r"[\d.]+ ([KMGT]i)?B are free", "[FREE] are free"),
    // Seconds, and sizes of what holds times: the digits alone differ.
    (r"\b\d+\.\d( s\b|  )", ""),
    (r"\b\d+\.\d\d [KM]iB", ""),
];

static COMPILED: LazyLock<Vec<(Regex, &str)>> =
    LazyLock::new(|| FILTERS.map(|(pattern, replacement)| (Regex::new(pattern).unwrap(), replacement)).to_vec());

/// Returns exit code, stdout and stderr of a process in the folder of `project`.
pub(crate) fn shown(project: &Project, ended: &Ended) -> String {
    let code = ended.code.map_or_else(|| "none".to_owned(), |code| code.to_string());
    let text = format!("exit code: {code}\n----- stdout -----\n{}\n----- stderr -----\n{}", ended.stdout, ended.stderr);
    let folder = project.path("").canonicalize().unwrap();
    let text = text.replace(folder.to_str().unwrap(), "[FOLDER]");
    COMPILED.iter().fold(text, |text, (regex, replacement)| {
        let replace = |found: &Captures| match *replacement {
            "" => found[0].replace(|letter: char| letter.is_ascii_digit(), "N"),
            replacement => replacement.to_owned(),
        };
        regex.replace_all(&text, replace).into_owned()
    })
}

/// Asserts that a process in the folder of a project printed what stands in the test.
macro_rules! assert_shows {
    ($project:expr, $ended:expr, @$text:literal) => {
        insta::assert_snapshot!($crate::support::shown(&$project, &$ended), @$text)
    };
}
pub(crate) use assert_shows;
