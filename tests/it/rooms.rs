//! The modules import only what the table in `src/lib.rs` allows, and no modules import each other
//! in a circle.
//!
//! The test reads the sources: `use` lines and paths that begin with `crate::` or `super::`,
//! without comments. An import through a face (`mod.rs`, `lib.rs`) counts for the room and not for
//! a file, so faces must hold nothing of their own.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// One source file, without its comments and unit tests.
struct Source {
    path: PathBuf,
    code: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Reads the sources below `folder`, those of unit tests left out.
fn sources(folder: &Path) -> Vec<Source> {
    let mut sources = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() && name != "tests" {
            sources.extend(self::sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") && name != "tests.rs" {
            let text = fs::read_to_string(&path).unwrap();
            let product = text.split("\n#[cfg(test)]\nmod ").next().unwrap();
            let lines = product.lines().filter(|line| !line.trim_start().starts_with("//"));
            sources.push(Source { code: lines.collect::<Vec<_>>().join("\n"), path });
        }
    }
    sources.sort_by(|one, other| one.path.cmp(&other.path));
    sources
}

/// Returns the paths that a source names, written out from the root of its crate:
/// `["journal", "lock", "HeldLocks"]`.
fn paths(source: &Source, root: &Path) -> Vec<Vec<String>> {
    let module = module_of(&source.path, root);
    let mut paths = Vec::new();
    for (start, base) in [("crate::", 0), ("super::", 1), ("self::", 2)] {
        let mut rest = source.code.as_str();
        while let Some(at) = rest.find(start) {
            let is_word = rest[..at].ends_with(|before: char| before.is_alphanumeric() || "_:".contains(before));
            rest = &rest[at + start.len()..];
            if is_word {
                continue;
            }
            let mut parent = match base {
                0 => Vec::new(),
                1 => module[..module.len().saturating_sub(1)].to_vec(),
                _ => module.clone(),
            };
            while let Some(further) = rest.strip_prefix("super::") {
                parent.pop();
                rest = further;
            }
            for path in tree(rest) {
                paths.push(parent.iter().cloned().chain(path).collect());
            }
        }
    }
    paths
}

/// Returns the paths of a `use` tree: `a::{b, c::d}` has two.
fn tree(text: &str) -> Vec<Vec<String>> {
    if let Some(group) = text.strip_prefix('{') {
        return members(group).into_iter().flat_map(tree).collect();
    }
    let end = text.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    let Some(rest) = rest.strip_prefix("::") else { return vec![vec![word.to_owned()]] };
    tree(rest).into_iter().map(|path| std::iter::once(word.to_owned()).chain(path).collect()).collect()
}

/// Splits a group at the commas of its own level.
fn members(group: &str) -> Vec<&str> {
    let (mut depth, mut start, mut members) = (0, 0, Vec::new());
    for (at, letter) in group.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 0 => {
                members.push(group[start..at].trim());
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                members.push(group[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    members.retain(|member| !member.is_empty());
    members
}

/// Returns the module that a file is: `src/journal/lock.rs` is `["journal", "lock"]`.
fn module_of(path: &Path, root: &Path) -> Vec<String> {
    let relative = path.strip_prefix(root).unwrap().with_extension("");
    let mut module: Vec<String> = relative.iter().map(|part| part.to_str().unwrap().to_owned()).collect();
    if matches!(module.last().map(String::as_str), Some("mod" | "lib" | "main")) {
        module.pop();
    }
    module
}

/// Finds a circle in a graph, if there is one.
fn circle(graph: &BTreeMap<String, BTreeSet<String>>) -> Option<Vec<&str>> {
    fn visit<'a>(
        node: &'a str,
        graph: &'a BTreeMap<String, BTreeSet<String>>,
        way: &mut Vec<&'a str>,
        done: &mut BTreeSet<&'a str>,
    ) -> Option<Vec<&'a str>> {
        if let Some(at) = way.iter().position(|earlier| *earlier == node) {
            return Some(way[at..].to_vec());
        }
        if !done.insert(node) {
            return None;
        }
        way.push(node);
        let found = graph.get(node)?.iter().find_map(|next| visit(next, graph, way, done));
        way.pop();
        found
    }
    let mut done = BTreeSet::new();
    graph.keys().find_map(|node| visit(node, graph, &mut Vec::new(), &mut done))
}

/// Returns which file of a crate takes something from which other one, without the faces.
fn files(root: &Path) -> BTreeMap<String, BTreeSet<String>> {
    let sources = sources(root);
    let modules: BTreeSet<Vec<String>> = sources.iter().map(|source| module_of(&source.path, root)).collect();
    let is_face =
        |source: &Source| matches!(source.path.file_stem().and_then(|name| name.to_str()), Some("mod" | "lib"));
    let faces: BTreeSet<Vec<String>> =
        sources.iter().filter(|source| is_face(source)).map(|source| module_of(&source.path, root)).collect();
    let mut graph = BTreeMap::new();
    for source in sources.iter().filter(|source| !is_face(source)) {
        let own = module_of(&source.path, root);
        // The longest beginning of a path that is a module is the file that it leads to.
        let target = |path: Vec<String>| {
            let found =
                (1..=path.len()).rev().map(|length| path[..length].to_vec()).find(|path| modules.contains(path))?;
            (found != own && !faces.contains(&found)).then(|| found.join("::"))
        };
        let targets: BTreeSet<String> = paths(source, root).into_iter().filter_map(target).collect();
        graph.insert(own.join("::"), targets);
    }
    graph
}

/// Returns the table at the head of `src/lib.rs`: module → what it may import.
fn table() -> BTreeMap<String, BTreeSet<String>> {
    let text = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let words = |cell: &str| -> BTreeSet<String> { cell.split('`').skip(1).step_by(2).map(str::to_owned).collect() };
    let rows = text.lines().filter_map(|line| line.strip_prefix("//! | `"));
    rows.map(|row| {
        let cells: Vec<&str> = row.split(" | ").collect();
        let [module, _job, may_import] = cells.as_slice() else { panic!("a row of three cells: {row}") };
        (module.trim_end_matches('`').to_owned(), words(may_import))
    })
    .collect()
}

/// Returns which room takes something from which other one.
fn rooms() -> BTreeMap<String, BTreeSet<String>> {
    let src = root().join("src");
    let mut rooms: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for source in sources(&src) {
        let Some(room) = module_of(&source.path, &src).into_iter().next() else { continue };
        let others = paths(&source, &src).into_iter().filter_map(|path| path.into_iter().next());
        rooms.entry(room.clone()).or_default().extend(others.filter(|other| *other != room));
    }
    rooms
}

#[test]
fn every_module_imports_only_what_the_table_in_lib_rs_allows() {
    let (table, rooms) = (table(), rooms());
    assert!(table.len() > 10, "the table was not found: {table:?}");
    assert_eq!(table.keys().collect::<Vec<_>>(), rooms.keys().collect::<Vec<_>>(), "modules in the table and in src");
    for (room, imports) in &rooms {
        let forbidden: Vec<_> = imports.difference(&table[room]).collect();
        assert!(forbidden.is_empty(), "`{room}` imports {forbidden:?}, which the table in src/lib.rs does not allow");
    }
}

#[test]
fn no_modules_import_each_other_in_a_circle() {
    assert_eq!(circle(&rooms()), None);
    // What the table allows has none either, so that no later import can make one.
    assert_eq!(circle(&table()), None);
}

#[test]
fn no_files_of_a_crate_import_each_other_in_a_circle() {
    let mut crates = vec![root().join("src")];
    crates.extend(fs::read_dir(root().join("sinks")).unwrap().map(|entry| entry.unwrap().path().join("src")));
    crates.retain(|folder| folder.is_dir());
    assert!(crates.len() > 5, "{crates:?}");
    for folder in crates {
        let files = files(&folder);
        assert!(files.values().any(|imports| !imports.is_empty()), "no import was found below {}", folder.display());
        assert_eq!(circle(&files), None, "below {}", folder.display());
    }
}

#[test]
fn a_face_documents_and_re_exports_and_nothing_else() {
    let mut folders = vec![root().join("src")];
    folders.extend(fs::read_dir(root().join("sinks")).unwrap().map(|entry| entry.unwrap().path().join("src")));
    folders.retain(|folder| folder.is_dir());
    for source in folders.iter().flat_map(|folder| sources(folder)) {
        if source.path.file_name().unwrap() != "mod.rs" {
            continue;
        }
        for item in source.code.split(';').map(str::trim).filter(|item| !item.is_empty()) {
            let item = item.lines().filter(|line| !line.trim().starts_with("#[")).collect::<Vec<_>>().join(" ");
            let is_harmless = ["mod ", "pub mod ", "pub use ", "pub(super) use ", "pub(crate) use ", "pub(crate) mod "]
                .iter()
                .any(|start| item.starts_with(start))
                || item.starts_with("pub(in ");
            assert!(is_harmless, "{} has {item:?}", source.path.display());
        }
    }
}

#[test]
fn no_sink_depends_on_the_program() {
    for entry in fs::read_dir(root().join("sinks")).unwrap() {
        let Ok(manifest) = fs::read_to_string(entry.unwrap().path().join("Cargo.toml")) else { continue };
        let depends = manifest.lines().any(|line| line.starts_with("fanout.") || line.starts_with("fanout ="));
        assert!(!depends, "{manifest}");
    }
}

#[test]
fn the_reader_of_imports_reads_them() {
    let source = |code: &str| Source { path: PathBuf::from("src/journal/lock.rs"), code: code.to_owned() };
    let read = |code: &str| {
        let paths = paths(&source(code), Path::new("src"));
        paths.into_iter().map(|path| path.join("::")).collect::<Vec<_>>()
    };
    assert_eq!(
        read("use crate::wechat::{Cursor, day::{a, b}};"),
        ["wechat::Cursor", "wechat::day::a", "wechat::day::b"]
    );
    assert_eq!(read("use super::disk;\nuse super::super::report::X;"), ["journal::disk", "report::X"]);
    assert_eq!(read("use super::{disk, pins::hold};"), ["journal::disk", "journal::pins::hold"]);
    assert_eq!(
        read("pub(in crate::journal) fn f() { crate::causes::error_chain(e) }"),
        ["journal", "causes::error_chain"]
    );
    let edges = [("a", "b"), ("b", "c"), ("c", "a"), ("d", "a")];
    let mut graph: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (from, to) in edges {
        graph.entry(from.to_owned()).or_default().insert(to.to_owned());
    }
    assert_eq!(circle(&graph), Some(vec!["a", "b", "c"]));
    graph.get_mut("c").unwrap().clear();
    assert_eq!(circle(&graph), None);
}
