//! `fanout new`: writes a crate or a script with a small sink, the beginning of a sink of your own.
//! It fills the templates beside this file, and needs no pipeline file.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::output::Terminal;
use crate::error::Exit;
use crate::registry::SinkRegistry;

/// Arguments of `fanout new`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct NewArguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Write a crate (or, with `--python`, a script) with a small sink that works, for you to
    /// change
    Sink(SinkArguments),
}

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
struct SinkArguments {
    /// The `type` in pipeline files, and the name of the folder: one lower-case word
    #[arg(value_parser = parse_name)]
    name: String,
    /// Write a program in Python instead of a crate in Rust
    #[arg(long, conflicts_with = "path")]
    python: bool,
    /// A checkout of fanout to depend on; a crate needs it
    #[arg(long, value_name = "FOLDER", value_parser = fanout_sink::parse_local_path)]
    path: Option<PathBuf>,
}

const EXAMPLES: &str = "\
A crate needs `--path`: fanout is in no package registry, and a package of its name there would be another's.

Examples:
  fanout new sink ledger --path ../fanout
  fanout new sink ledger --python";

/// A path in the new folder, and the template of that file.
type File = (&'static str, &'static str);

const RUST: [File; 7] = [
    ("Cargo.toml", include_str!("new/rust/Cargo.toml.template")),
    ("README.md", include_str!("new/rust/README.md.template")),
    (".gitignore", include_str!("new/rust/gitignore.template")),
    ("src/lib.rs", include_str!("new/rust/lib.rs.template")),
    ("src/main.rs", include_str!("new/rust/main.rs.template")),
    ("tests/conformance.rs", include_str!("new/rust/conformance.rs.template")),
    ("{{name}}.toml", include_str!("new/rust/pipeline.toml.template")),
];

const PYTHON: [File; 4] = [
    ("README.md", include_str!("new/python/README.md.template")),
    ("fanout_etl/sink.py", include_str!("../../integrations/python/fanout_etl/sink.py")),
    ("{{name}}_sink.py", include_str!("new/python/sink.py.template")),
    ("{{name}}.toml", include_str!("new/python/pipeline.toml.template")),
];

/// Writes the files of a new sink into a new folder.
pub(super) fn execute(arguments: &NewArguments, registry: &SinkRegistry, terminal: &Terminal) -> Exit {
    let What::Sink(arguments) = &arguments.what;
    let name = arguments.name.as_str();
    if registry.types().any(|known| known == name) {
        terminal.error(&format!("`{name}` is a type already (`fanout sinks` lists them); expected another name"), None);
        return Exit::Usage;
    }
    if !arguments.python && arguments.path.is_none() {
        let message = "a crate needs `--path FOLDER`, a checkout of fanout to depend on: fanout is in no package registry, \
                       and a package of its name there would be another's";
        terminal.error(message, Some("`--python` writes a script, which depends on nothing"));
        return Exit::Usage;
    }
    let (files, dependencies, next): (&[File], _, _) = match &arguments.path {
        None => (&PYTHON, Vec::new(), format!("fanout run {name}.toml")),
        Some(path) => match dependencies(path) {
            Ok(dependencies) => (&RUST, dependencies, "cargo test".to_owned()),
            Err(message) => {
                terminal.error(&message, Some("`--path` names a checkout of fanout"));
                return Exit::Usage;
            }
        },
    };
    let fill = |text: &str| {
        let text = dependencies.iter().fold(text.to_owned(), |text, (place, line)| text.replace(place, line));
        text.replace("{{name}}", name).replace("{{Type}}", &type_name(name))
    };
    if let Err((path, error)) = write(Path::new(name), files, fill) {
        let hint = (error.kind() == io::ErrorKind::AlreadyExists).then_some("choose another name, or remove it first");
        terminal.error(&format!("`{}` cannot be created: {error}", path.display()), hint);
        return Exit::Failed;
    }
    let written: Vec<String> =
        files.iter().map(|(path, _)| format!("{name}/{}\n", path.replace("{{name}}", name))).collect();
    terminal.result(&format!("{}\nnext: cd {name} && {next}\n", written.concat()));
    Exit::Done
}

/// Writes the files of a new folder. A folder that exists is an error, and stays as it is.
fn write(folder: &Path, files: &[File], fill: impl Fn(&str) -> String) -> Result<(), (PathBuf, io::Error)> {
    fs::create_dir(folder).map_err(|error| (folder.to_owned(), error))?;
    for (name, text) in files {
        let path = folder.join(fill(name));
        let parent = path.parent().expect("a file lies in the folder");
        let written = fs::create_dir_all(parent)
            .and_then(|()| OpenOptions::new().write(true).create_new(true).open(&path))
            .and_then(|mut file| file.write_all(fill(text).as_bytes()));
        written.map_err(|error| (path, error))?;
    }
    Ok(())
}

/// Returns the lines of a Cargo.toml that depend on fanout, each with its place in the template.
fn dependencies(checkout: &Path) -> Result<Vec<(&'static str, String)>, String> {
    let is_checkout = checkout.join("Cargo.toml").is_file() && checkout.join("sinks/api/Cargo.toml").is_file();
    let found = checkout.canonicalize().ok().filter(|_| is_checkout);
    let checkout = found.ok_or_else(|| format!("found no checkout of fanout in `{}`", checkout.display()))?;
    let of = |below: &str| format!("path = {}", toml_text(&checkout.join(below)));
    let sink = of("sinks/api");
    Ok(vec![
        ("{{fanout}}", format!("fanout = {{ {} }}", of(""))),
        ("{{fanout-sink}}", format!("fanout-sink = {{ {sink}, features = [\"files\"] }}")),
        ("{{fanout-sink-conformance}}", format!("fanout-sink = {{ {sink}, features = [\"conformance\", \"files\"] }}")),
    ])
}

/// Writes a path as a string of TOML, which is the same as in JSON.
fn toml_text(path: &Path) -> String {
    let path: PathBuf = path.components().collect();
    serde_json::Value::from(path.to_string_lossy()).to_string()
}

/// Parses a name that fits a type of sink, a crate and a folder.
fn parse_name(text: &str) -> Result<String, String> {
    let starts_well = text.starts_with(|letter: char| letter.is_ascii_lowercase());
    let fits = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_';
    if starts_well && text.len() <= 40 && text.chars().all(fits) && !text.ends_with('_') && !text.contains("__") {
        Ok(text.to_owned())
    } else {
        Err("expected one lower-case word of up to 40 letters, digits or `_`, such as `ledger`".to_owned())
    }
}

/// Returns the name as Rust writes types: `price_list` becomes `PriceList`.
fn type_name(name: &str) -> String {
    let word = |word: &str| word[..1].to_ascii_uppercase() + &word[1..];
    name.split('_').map(word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_lower_case_word() {
        for name in ["ledger", "price_list", "s3", "a"] {
            assert_eq!(parse_name(name).as_deref(), Ok(name));
        }
        for name in ["", "Ledger", "3s", "_a", "a_", "a__b", "a-b", "a b", "../a", "粉丝", &"a".repeat(41)] {
            assert!(parse_name(name).is_err(), "{name}");
        }
    }

    #[test]
    fn a_type_is_named_as_in_rust() {
        assert_eq!(["ledger", "price_list", "s3"].map(type_name), ["Ledger", "PriceList", "S3"]);
    }

    #[test]
    fn a_place_that_is_no_checkout_is_refused() {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let lines = dependencies(here).unwrap();
        assert_eq!(lines[0].1, format!("fanout = {{ path = \"{}\" }}", here.display()));
        let folder = tempfile::tempdir().unwrap();
        assert!(dependencies(folder.path()).unwrap_err().starts_with("found no checkout of fanout in"));
    }
}
