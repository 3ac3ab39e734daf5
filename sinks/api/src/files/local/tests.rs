//! The steps of publishing where another process comes between a look and a rename, which only
//! happens among publishers that share no lock.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::attempt::Attempt;
use super::folder::{move_aside, take_folder};
use super::place::Standing;
use super::publication::Publication;
use super::reading::read;
use super::single_file::SingleFile;
use super::target::Target;
use crate::context::SinkContext;
use crate::files::manifest::StagedList;
use crate::files::names::Names;
use crate::files::options::FileOptions;
use crate::files::tests::{context, leaf_options, publish, single_options, tree, walk};

/// A list of `context` that is staged, with what a publisher saw in its place before.
struct Staged {
    target: Target,
    attempt: Attempt,
    list: StagedList,
    seen: Option<Standing>,
}

impl Staged {
    fn new(options: &FileOptions, context: &SinkContext) -> Self {
        let target = target(options, context);
        let seen = target.standing().unwrap();
        let attempt = Attempt::open(&target).unwrap();
        // The files are made by a publishing elsewhere.
        let elsewhere = TempDir::new().unwrap();
        publish(options, &context.clone().with_directory(elsewhere.path()), &["a\nb\n"]);
        let folder = self::target(options, &context.clone().with_directory(elsewhere.path()));
        for entry in fs::read_dir(folder.folder()).unwrap() {
            let path = entry.unwrap().path();
            fs::copy(&path, attempt.list().join(path.file_name().unwrap())).unwrap();
        }
        let staged = folder.place().unwrap();
        let manifest = read(&staged.manifest()).unwrap().unwrap();
        let marker = read(&staged.marker()).unwrap().unwrap();
        let head = serde_json::from_slice(&manifest).unwrap();
        Self { target, attempt, list: StagedList { manifest, marker, head }, seen: Some(seen) }
    }

    fn take(&mut self) -> bool {
        let place = self.target.place().unwrap();
        let is_single_file = place.single_file.is_some();
        let Self { target, attempt, list, seen } = self;
        let publication = Publication { target, attempt, list, place };
        let seen = seen.take().unwrap();
        if is_single_file { SingleFile(&publication).take(&seen) } else { take_folder(&publication, &seen) }.unwrap()
    }
}

fn target(options: &FileOptions, context: &SinkContext) -> Target {
    let root = context.output_path(options.root.as_path().unwrap());
    Target::new(&root, &Names::new(options, context).unwrap()).unwrap()
}

/// Returns everything that readers see.
fn visible(directory: &Path) -> std::collections::BTreeMap<String, Vec<u8>> {
    tree(&directory.join("out"))
}

#[test]
fn what_came_since_the_look_stays() {
    for options in [leaf_options(), single_options()] {
        for has_older in [false, true] {
            let directory = TempDir::new().unwrap();
            let ours = context(directory.path());
            let older = ours.clone().with_walk(walk(6), ours.date);
            let newer = ours.clone().with_walk(walk(8), ours.date);
            let theirs = ours.clone().with_names("other", "archive");
            for other in [&newer, &theirs] {
                let _ = fs::remove_dir_all(directory.path().join("out"));
                fs::create_dir(directory.path().join("out")).unwrap();
                if has_older {
                    publish(&options, &older, &["a\n"]);
                }
                let mut staged = Staged::new(&options, &ours);
                fs::remove_dir_all(directory.path().join("out")).unwrap();
                publish(&options, other, &["x\n"]);
                let expected = visible(directory.path());
                assert!(!staged.take());
                assert_eq!(visible(directory.path()), expected);
            }
        }
    }
}

#[test]
fn what_was_looked_at_is_replaced() {
    for options in [leaf_options(), single_options()] {
        for has_older in [false, true] {
            let directory = TempDir::new().unwrap();
            let ours = context(directory.path());
            if has_older {
                publish(&options, &ours.clone().with_walk(walk(6), ours.date), &["a\n"]);
            }
            let mut staged = Staged::new(&options, &ours);
            fs::create_dir_all(staged.target.home()).unwrap();
            assert!(staged.take());
            let Standing::List(found) = staged.target.standing().unwrap() else { panic!("nothing is there") };
            assert!(found.is(&staged.list.manifest, &staged.list.marker));
        }
    }
}

#[test]
fn a_place_that_was_emptied_since_the_look_is_looked_at_again() {
    for options in [leaf_options(), single_options()] {
        let directory = TempDir::new().unwrap();
        let ours = context(directory.path());
        publish(&options, &ours.clone().with_walk(walk(6), ours.date), &["a\n"]);
        let mut staged = Staged::new(&options, &ours);
        fs::remove_dir_all(directory.path().join("out")).unwrap();
        fs::create_dir_all(staged.target.home()).unwrap();
        assert!(!staged.take());
        let files: Vec<String> = visible(directory.path()).into_keys().filter(|name| !name.ends_with('/')).collect();
        assert!(files.is_empty(), "{files:?}");
    }
}

/// Takes the place as on a file system where two folders cannot change places.
fn take_without_exchange(staged: &Staged) -> bool {
    let Staged { target, attempt, list, .. } = staged;
    let publication = Publication { target, attempt, list, place: target.place().unwrap() };
    move_aside(&publication, &attempt.begin_commit().unwrap()).unwrap()
}

#[test]
fn a_folder_that_others_move_away_at_the_same_moment_is_looked_at_again() {
    let directory = TempDir::new().unwrap();
    let ours = context(directory.path());
    publish(&leaf_options(), &ours.clone().with_walk(walk(6), ours.date), &["a\n"]);
    let mut staged = Staged::new(&leaf_options(), &ours);
    let elsewhere = directory.path().join("elsewhere");
    fs::rename(staged.target.folder(), &elsewhere).unwrap();
    assert!(!take_without_exchange(&staged));
    assert!(!staged.target.folder().exists());
    fs::rename(elsewhere, staged.target.folder()).unwrap();
    assert!(take_without_exchange(&staged));
    staged.seen = Some(staged.target.standing().unwrap());
    let Some(Standing::List(found)) = &staged.seen else { panic!("nothing is there") };
    assert!(found.is(&staged.list.manifest, &staged.list.marker));
}

#[test]
fn a_folder_that_was_moved_aside_and_cannot_go_back_is_kept_until_it_can() {
    let directory = TempDir::new().unwrap();
    let ours = context(directory.path());
    let theirs = ours.clone().with_names("other", "archive");
    let mut staged = Staged::new(&leaf_options(), &ours);
    publish(&leaf_options(), &theirs, &["x\n"]);
    let expected = visible(directory.path());
    let (place, aside) = (staged.target.folder().to_owned(), staged.attempt.replaced());
    // It was moved aside, and a third publisher has taken the place at that moment.
    fs::rename(&place, &aside).unwrap();
    fs::create_dir(&place).unwrap();
    fs::write(place.join("third"), "").unwrap();
    for seen in [Standing::Free, staged.seen.take().unwrap()] {
        staged.seen = Some(seen);
        assert!(!staged.take());
        assert_eq!(names(&aside), ["_SUCCESS", "_manifest.json", "part-00000.txt"]);
        assert_eq!(names(&place), ["third"]);
    }
    // The third one gives the place up. It is not free for this list.
    fs::remove_dir_all(&place).unwrap();
    staged.seen = Some(Standing::Free);
    assert!(!staged.take());
    assert_eq!(visible(directory.path()), expected);
}

fn names(folder: &Path) -> Vec<String> {
    tree(folder).into_keys().collect()
}
