//! The width of comments: at most 100 columns ("House style" in `CONTRIBUTING.md`). `rustfmt` does
//! not wrap comments, so this test reads the sources.

use std::fs;
use std::path::{Path, PathBuf};

const WIDTH: usize = 100;

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

/// Returns the sources below `folder`, without what was built.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut sources = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let path = entry.path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if entry.file_type().unwrap().is_dir() && name != "target" && !name.starts_with('.') {
            sources.extend(self::sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            sources.push(path);
        }
    }
    sources
}

#[test]
fn comments_are_at_most_100_columns_wide() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let sources = sources(root);
    for room in ["benches", "examples", "sinks", "src", "tests"] {
        assert!(sources.iter().any(|source| source.starts_with(root.join(room))), "`{room}` has no sources");
    }
    let mut wide = Vec::new();
    for source in sources {
        let numbers = too_wide(&fs::read_to_string(&source).unwrap());
        wide.extend(numbers.into_iter().map(|number| format!("{}:{number}", source.display())));
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
