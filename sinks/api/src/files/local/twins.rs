//! Accounts whose lists would have one place, because the file system does not tell their names
//! apart: some ignore case (`Brand`, `brand`), compose or decompose letters (`가` as one code point
//! or two), or drop final dots.
//!
//! Before it: a sink's `check`. Behind it: the file system, which is asked only about names that
//! look alike.

use std::fs;
use std::path::{Path, PathBuf};

use unicode_normalization::UnicodeNormalization;

use super::traces::{Traces, new_name};
use crate::context::SinkContext;
use crate::error::SinkError;
use crate::files::error::io_error;
use crate::files::layout::Layout;

/// Checks that no other account of the run has the place of this one below `root`.
///
/// # Errors
///
/// [`SinkError::option`] if the file system of `root` takes the two for one; a permanent error if
/// it cannot be asked.
pub(super) fn check_twins(root: &Path, layout: &Layout, context: &SinkContext) -> Result<(), SinkError> {
    // Each pair is compared once: by the account that comes first.
    let others = context.accounts.iter().skip_while(|name| **name != context.account).skip(1);
    for other in others.filter(|other| look_alike(other, &context.account)) {
        let place = path_below(layout, context)?;
        let others_place = path_below(layout, &SinkContext { account: other.clone(), ..context.clone() })?;
        // A layout with the app id tells them apart.
        if place == others_place || layout.names_app_id() {
            continue;
        }
        let folder = root.ancestors().find(|folder| folder.is_dir()).unwrap_or(Path::new("."));
        if are_one(folder, &place, &others_place)? {
            let message = format!(
                "makes one place of the accounts `{}` and `{other}`: the file system of `{}` takes `{}` and `{}` for one name",
                context.account,
                folder.display(),
                place.display(),
                others_place.display()
            );
            return Err(SinkError::option("layout", message)
                .with_hint("name one of the accounts differently, or put `{app_id}` into the layout"));
        }
    }
    Ok(())
}

/// Returns whether some file system may take two names for one. All that do are in its answer; the
/// file system itself is asked about the rest.
fn look_alike(one: &str, other: &str) -> bool {
    let [one, other] = [one, other].map(|name| name.trim_end_matches(['.', ' ']));
    // Each of thousands of accounts is compared with the others. Many names are ASCII, and many
    // have a common beginning, which is quickly passed over.
    if one.is_ascii() && other.is_ascii() {
        return one.eq_ignore_ascii_case(other);
    }
    let same = one.char_indices().zip(other.chars()).find(|((_, one), other)| one != other);
    let from = same.map_or(one.len().min(other.len()), |((at, _), _)| at);
    folded(&one[from..]).eq(folded(&other[from..]))
}

fn folded(name: &str) -> impl Iterator<Item = char> {
    let upper = name.nfd().flat_map(char::to_uppercase);
    upper.flat_map(char::to_lowercase)
}

fn path_below(layout: &Layout, context: &SinkContext) -> Result<PathBuf, SinkError> {
    Ok(layout.folder(context)?.join(layout.file(context, 0)?))
}

/// Makes the one path in a folder of its own, and looks whether the other one is there.
fn are_one(folder: &Path, one: &Path, other: &Path) -> Result<bool, SinkError> {
    let mut traces = Traces::default();
    let trial = folder.join(new_name());
    traces.paths.push(trial.clone());
    traces.make_folder(&trial)?;
    fs::create_dir_all(trial.join(one)).map_err(|error| io_error("try names in", folder, error))?;
    Ok(fs::symlink_metadata(trial.join(other)).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_some_file_system_takes_for_one_look_alike() {
        for (one, other) in [
            ("Brand", "brand"),
            ("BRAND-1", "brand-1"),
            ("Ärzte", "ärzte"),
            ("\u{e9}t\u{e9}", "e\u{301}te\u{301}"),
            ("\u{ac00}", "\u{1100}\u{1161}"),
            ("stra\u{df}e", "STRASSE"),
            ("\u{212a}elvin", "kelvin"),
            ("brand.", "brand"),
            ("σίγμας", "ΣΊΓΜΑΣ"),
        ] {
            assert!(look_alike(one, other), "{one} {other}");
        }
        for (one, other) in [("brand", "brands"), ("粉丝", "粉絲"), ("a.b", "ab"), ("e", "\u{e9}"), ("店1", "店2")]
        {
            assert!(!look_alike(one, other), "{one} {other}");
        }
    }

    #[test]
    fn the_file_system_says_whether_two_names_are_one() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| PathBuf::from(format!("dt=2026-11-22/account={name}/part"));
        assert!(are_one(directory.path(), &path("Brand"), &path("Brand")).unwrap());
        // The file systems on which the tests run tell letters apart.
        assert!(!are_one(directory.path(), &path("Brand"), &path("brand")).unwrap());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }
}
