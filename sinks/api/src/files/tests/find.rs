//! The findings on a list after it was published.

use super::*;
use crate::found::Found;
use crate::sink::Output;

/// Publishes a list, changes its folder, and returns the finding.
fn found_after(options: &FileOptions, change: fn(&Path)) -> Found {
    let directory = tempfile::tempdir().unwrap();
    let context = context(directory.path()).with_digest("sha256:00");
    let report = publish(options, &context, &["a\nb\n", "c\n"][..if options.rolling { 2 } else { 1 }]);
    change(&directory.path().join(if options.rolling { LEAF } else { "out" }));
    let before = tree(directory.path());
    let found = find(options, &context, &report).unwrap();
    assert_eq!(tree(directory.path()), before);
    found
}

#[test]
fn a_published_list_is_found_as_it_was_left() {
    type Case = (fn(&Path), Result<Found, &'static str>);
    let leaf: [Case; 11] = [
        (|_| {}, Ok(Found::Held)),
        (|folder| fs::remove_dir_all(folder).unwrap(), Ok(Found::Gone)),
        (|folder| fs::remove_dir_all(folder.ancestors().nth(2).unwrap()).unwrap(), Ok(Found::Gone)),
        (
            |folder| {
                fs::remove_file(folder.join("part-00000.txt")).unwrap();
                fs::remove_file(folder.join("part-00001.txt")).unwrap();
            },
            Ok(Found::Gone),
        ),
        (|folder| fs::remove_file(folder.join("part-00001.txt")).unwrap(), Ok(Found::Gone)),
        (|folder| fs::write(folder.join("part-00000.txt"), "a\n").unwrap(), Err("has 2 bytes, and 4 were published")),
        (|folder| fs::remove_file(folder.join("_SUCCESS")).unwrap(), Ok(Found::Gone)),
        (|folder| fs::write(folder.join("_SUCCESS"), "{}").unwrap(), Err("_SUCCESS` belongs to another manifest")),
        (|folder| fs::remove_file(folder.join("_manifest.json")).unwrap(), Err("_manifest.json` is missing")),
        (|folder| fs::write(folder.join("_manifest.json"), "{}").unwrap(), Err("is not a manifest")),
        (
            |folder| {
                let manifest = folder.join("_manifest.json");
                let text = fs::read_to_string(&manifest).unwrap();
                fs::write(manifest, text.replace("sha256:00", "sha256:01")).unwrap();
            },
            Err("has the digest `sha256:01`, and the list `sha256:00`"),
        ),
    ];
    for (change, expected) in leaf {
        match (found_after(&leaf_options(), change), expected) {
            (found, Ok(expected)) => assert_eq!(found, expected),
            (Found::Altered(text), Err(expected)) => assert!(text.contains(expected), "{text}"),
            (found, Err(expected)) => panic!("{found:?} instead of {expected}"),
        }
    }
    for (change, expected) in [
        ((|_| {}) as fn(&Path), Found::Held),
        (|root| fs::remove_dir_all(root).unwrap(), Found::Gone),
        (|root| fs::remove_file(root.join("list.txt")).unwrap(), Found::Gone),
        (
            |root| {
                fs::remove_dir_all(root).unwrap();
                fs::create_dir(root).unwrap();
                fs::write(root.join("other.txt"), "theirs").unwrap();
            },
            Found::Gone,
        ),
    ] {
        assert_eq!(found_after(&single_options(), change), expected);
    }
}

#[test]
fn what_lies_in_the_place_of_a_list_is_named() {
    for options in [leaf_options(), single_options()] {
        let directory = tempfile::tempdir().unwrap();
        let older = context(directory.path());
        let newer = older.clone().with_walk(walk(8), older.date);
        let report = publish(&options, &older, &["a\n"]);
        let found = |context: &SinkContext, report: &SinkReport| find(&options, context, report).unwrap();
        let Found::Taken(text) = found(&older.clone().with_list("blacklist"), &report) else { panic!("not taken") };
        assert!(text.contains("that of the list `followers` of app id `wx1`"), "{text}");
        let Found::Altered(text) = found(&newer, &report) else { panic!("not altered") };
        assert!(text.contains("of the older walk `000007-"), "{text}");
        let report_of_newer = publish(&options, &newer, &["b\n"]);
        assert_eq!(found(&older, &report), Found::Replaced);
        assert_eq!(found(&newer, &report_of_newer), Found::Held);
    }
    let directory = tempfile::tempdir().unwrap();
    let context = context(directory.path());
    let report = publish(&leaf_options(), &context, &["a\n"]);
    let leaf = directory.path().join(LEAF);
    fs::remove_dir_all(&leaf).unwrap();
    fs::create_dir(&leaf).unwrap();
    fs::write(leaf.join("x.csv"), "theirs").unwrap();
    let found = find(&leaf_options(), &context, &report).unwrap();
    assert!(matches!(&found, Found::Taken(text) if text.contains("holds `x.csv`")), "{found:?}");
}

#[test]
fn what_stands_where_the_folder_was_is_named() {
    let changes: [fn(&Path); 2] =
        [|path| fs::write(path, "theirs").unwrap(), |path| symlink("no-such-folder", path).unwrap()];
    for options in [leaf_options(), single_options()] {
        let directory = tempfile::tempdir().unwrap();
        let context = context(directory.path());
        let report = publish(&options, &context, &["a\n"]);
        let folder = Path::new(&report.outputs[0].location).parent().unwrap();
        for path in [folder, &directory.path().join("out")] {
            for change in changes {
                fs::remove_dir_all(directory.path().join("out")).unwrap();
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                change(path);
                let found = find(&options, &context, &report).unwrap();
                let expected = format!("`{}` is not a folder", path.display());
                assert_eq!(found, Found::Taken(expected));
                // A delivery would fail.
                let delivered = StagedFiles::open(&options, &context)
                    .and_then(|mut staged| staged.prepare(&snapshot(&context, 0)).and_then(|()| staged.commit()));
                assert!(delivered.is_err());
                fs::remove_file(path).unwrap();
                fs::create_dir_all(directory.path().join("out")).unwrap();
            }
        }
    }
}

#[test]
fn a_list_is_found_after_its_account_or_the_layout_has_another_name() {
    let single = FileOptions { layout: "{account}.txt".to_owned(), ..single_options() };
    for (committed, today) in
        [(&single, &single), (&leaf_options(), &leaf_options()), (&single, &leaf_options()), (&leaf_options(), &single)]
    {
        let directory = tempfile::tempdir().unwrap();
        let context = context(directory.path());
        let report = publish(committed, &context, &["a\n"]);
        let renamed = SinkContext { account: "brand".to_owned(), ..context };
        let found = || find(today, &renamed, &report).unwrap();
        assert_eq!(found(), Found::Held, "{committed:?} {today:?}");
        let file = Path::new(&report.outputs[0].location);
        fs::write(file, "ab\n").unwrap();
        assert!(matches!(found(), Found::Altered(text) if text.contains("3 bytes")), "{committed:?} {today:?}");
        // Another file in the earlier place is not in the way of the next delivery.
        for entry in fs::read_dir(file.parent().unwrap()).unwrap() {
            fs::remove_file(entry.unwrap().path()).unwrap();
        }
        fs::write(file.with_file_name("other.txt"), "theirs").unwrap();
        assert_eq!(found(), Found::Gone, "{committed:?} {today:?}");
        publish(today, &renamed, &["a\n"]);
    }
}

#[test]
fn a_list_whose_disk_is_not_mounted_is_not_gone() {
    let directory = tempfile::tempdir().unwrap();
    let context = context(directory.path());
    let report = publish(&leaf_options(), &context, &["a\n"]);
    assert!(Path::new(report.mount.as_ref().unwrap()).is_absolute());
    let elsewhere = SinkReport { mount: Some("/mnt/archive".to_owned()), ..report };
    assert_eq!(find(&leaf_options(), &context, &elsewhere).unwrap(), Found::Held, "it is there all the same");
    fs::remove_dir_all(directory.path().join("out")).unwrap();
    let error = find(&leaf_options(), &context, &elsewhere).unwrap_err();
    assert_eq!((error.kind(), error.hint()), (SinkErrorKind::Permanent, Some("is its disk mounted?")));
    assert!(error.to_string().contains("`/mnt/archive`"), "{error}");
}

#[test]
fn a_report_that_names_no_place_says_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let context = context(directory.path());
    let report = publish(&leaf_options(), &context, &["a\n"]);
    for location in ["out/part-00000.txt", "/\u{fffd}/part-00000.txt", "stdout"] {
        let output = Output { location: location.to_owned(), rows: 1, bytes: 2 };
        let report = SinkReport { outputs: vec![output], ..report.clone() };
        assert_eq!(find(&leaf_options(), &context, &report).unwrap(), Found::Unknown);
    }
    let nothing = SinkReport { outputs: Vec::new(), ..report };
    assert_eq!(find(&leaf_options(), &context, &nothing).unwrap(), Found::Unknown);
}
