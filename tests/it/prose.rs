//! The width of comments: at most 100 columns ("House style" in `CONTRIBUTING.md`). `rustfmt` does
//! not wrap comments, so this test reads the sources.

use std::fs;
use std::path::{Path, PathBuf};

const WIDTH: usize = 100;

/// The folders and files whose comments are wrapped. The others are not wrapped yet: add a room
/// once it is, and write `.` when all are.
const ROOMS: &[&str] = &[
    "benches",
    "examples/count.rs",
    "examples/postgres/src",
    "sinks/api/src/conformance",
    "sinks/api/src/files",
    "sinks/api/src/hexadecimal.rs",
    "sinks/api/tests",
    "src/backoff.rs",
    "src/causes.rs",
    "src/cli/progress",
    "src/cli/report",
    "src/config",
    "src/engine",
    "src/error.rs",
    "src/inspect",
    "src/journal",
    "src/lib.rs",
    "src/main.rs",
    "src/metrics",
    "src/registry",
    "src/report.rs",
    "src/rows",
    "src/simulator",
    "src/source",
    "src/wechat",
    "tests/broker/src",
    "tests/fuzz",
    "tests/it/api_faults",
    "tests/it/chaos",
    "tests/it/cli",
    "tests/it/crash_safety",
    "tests/it/engine",
    "tests/it/inspection",
    "tests/it/main.rs",
    "tests/it/many_accounts",
    "tests/it/prose.rs",
    "tests/it/readers",
    "tests/it/readme",
    "tests/it/secrecy",
    "tests/it/sinks_test.rs",
    "tests/it/state",
    "tests/it/support",
    "tests/it/transport",
];

/// Returns the numbers of the comment lines of a source that are too wide. Tables, addresses and
/// examples in code cannot be wrapped.
fn too_wide(source: &str) -> Vec<usize> {
    let mut numbers = Vec::new();
    let mut is_code = false;
    for (number, line) in (1..).zip(source.lines()) {
        let Some(comment) = line.trim_start().strip_prefix("//") else {
            is_code = false;
            continue;
        };
        let text = comment.trim_start_matches(['/', '!']).trim_start();
        let is_fence = text.starts_with("```");
        is_code ^= is_fence;
        let is_exempt = is_code || is_fence || text.starts_with('|') || text.contains("://");
        if line.chars().count() > WIDTH && !is_exempt {
            numbers.push(number);
        }
    }
    numbers
}

/// Returns the sources at or below `path`, without what was built.
fn sources(path: &Path) -> Vec<PathBuf> {
    if path.is_file() {
        return Vec::from_iter(path.extension().is_some_and(|extension| extension == "rs").then(|| path.to_owned()));
    }
    let entries = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    let is_source = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap();
        name != "target" && !name.starts_with('.')
    };
    entries.filter(is_source).flat_map(|path| sources(&path)).collect()
}

#[test]
fn comments_are_at_most_100_columns_wide() {
    let mut wide = Vec::new();
    for room in ROOMS {
        let sources = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join(room));
        assert!(!sources.is_empty(), "`{room}` has no sources");
        for source in sources {
            let numbers = too_wide(&fs::read_to_string(&source).unwrap());
            wide.extend(numbers.into_iter().map(|number| format!("{}:{number}", source.display())));
        }
    }
    assert!(wide.is_empty(), "wrap these comments at {WIDTH} columns:\n{}", wide.join("\n"));
}

#[test]
fn a_wide_comment_is_found_and_what_cannot_be_wrapped_is_not() {
    let wide = "x".repeat(WIDTH);
    for (source, expected) in [
        (format!("//! {wide}"), vec![1]),
        (format!("fn f() {{\n    /// {wide}\n    // {wide}\n}}"), vec![2, 3]),
        (format!("// {}", &wide[3..]), vec![]),
        (format!("// {}\u{e9}", &wide[4..]), vec![]),
        (format!("let x = \"{wide}\";"), vec![]),
        (format!("/// | {wide} |"), vec![]),
        (format!("/// See https://example.com/{wide}"), vec![]),
        (format!("/// ```\n/// {wide}\n/// ```\n/// {wide}"), vec![4]),
        (format!("/// ```text\n/// {wide}\nfn f() {{}}\n/// {wide}"), vec![4]),
    ] {
        assert_eq!(too_wide(&source), expected, "{source}");
    }
}
