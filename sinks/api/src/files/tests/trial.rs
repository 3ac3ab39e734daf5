//! The promises of a trial: it happens once for many lists, leaves nothing, and removes what a
//! killed one has left.

use super::*;

fn context_of(directory: &Path, account: usize) -> SinkContext {
    let name = format!("account{account}");
    SinkContext { account: name.clone(), app_id: name, ..context(directory) }
}

#[test]
fn lists_in_the_same_places_have_one_trial() {
    const LISTS: usize = 50;
    let directory = tempfile::tempdir().unwrap();
    let layout = "account={account}/dt={date}/part-{part}.txt".to_owned();
    let options = FileOptions { layout, ..leaf_options() };
    for is_published in [false, true] {
        let trials = Trials::default();
        for list in 0..LISTS {
            let context = context_of(directory.path(), list).with_trials(trials.clone());
            check(&options, &context).unwrap();
        }
        let tried = trials.succeeded("archive");
        assert_eq!(tried.len(), 1, "{tried:?}");
        let out = directory.path().join("out");
        let home = if is_published { &out } else { directory.path() };
        assert_eq!((tried[0].home.as_path(), tried[0].staging.as_path()), (home, directory.path()));
        assert_eq!((tried[0].moved, tried[0].replaces), (Moved::Folder, is_published));
        for list in 0..LISTS {
            publish(&options, &context_of(directory.path(), list), &["a\n"]);
        }
    }
}

#[test]
fn a_refusal_is_noted_for_the_sink_with_its_cause_and_its_hint() {
    let directory = tempfile::tempdir().unwrap();
    symlink("/absent/disk", directory.path().join("out")).unwrap();
    let trials = Trials::default();
    let context = context(directory.path()).with_trials(trials.clone());
    check(&leaf_options(), &context).unwrap_err();
    let refusal = trials.refused("archive").unwrap();
    assert!(refusal.problem.contains("cannot use `"), "{refusal:?}");
    assert!(refusal.problem.contains("out` is a link to `/absent/disk`, and nothing is there"), "{refusal:?}");
    assert!(refusal.hint.unwrap().starts_with("is its disk mounted?"));
    assert_eq!((trials.succeeded("archive"), trials.refused("another")), (Vec::new(), None));
}

#[test]
fn what_a_killed_trial_has_left_is_removed_and_what_another_one_holds_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("out");
    fs::create_dir(&out).unwrap();
    let held = out.join(".fanout-trial-1-3");
    for folder in [directory.path().join(".fanout-trial-1-1"), held.clone()] {
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("part"), "left").unwrap();
    }
    fs::write(out.join(".fanout-trial-1-2"), "left").unwrap();
    let theirs = out.join(".fanout-notes");
    fs::write(&theirs, "not of a trial").unwrap();
    let lock = fs::File::open(&held).unwrap();
    lock.lock().unwrap();
    for options in [leaf_options(), single_options()] {
        check(&options, &context(directory.path())).unwrap();
        let expected = ["out/", "out/.fanout-notes", "out/.fanout-trial-1-3/", "out/.fanout-trial-1-3/part"];
        assert_eq!(tree(directory.path()).into_keys().collect::<Vec<_>>(), expected);
    }
    drop(lock);
    check(&leaf_options(), &context(directory.path())).unwrap();
    assert_eq!(tree(directory.path()).into_keys().collect::<Vec<_>>(), ["out/", "out/.fanout-notes"]);
}

#[test]
fn trials_and_lists_at_once_disturb_each_other_in_nothing() {
    const THREADS: usize = 4;
    const ROUNDS: usize = 25;
    let directory = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let context = context_of(directory.path(), thread);
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    check(&leaf_options(), &context).unwrap();
                    let mut staged = prepared(&leaf_options(), &context, &["a\n"]);
                    if round % 2 == 0 { staged.commit().map(drop).unwrap() } else { staged.abort().unwrap() }
                }
            });
        }
    });
    assert!(tree(directory.path()).keys().all(|name| !name.contains(".fanout") && !name.contains(".staging")));
}

#[test]
fn a_folder_that_a_killed_attempt_has_made_beside_its_place_is_removed_by_the_next_one() {
    let directory = tempfile::tempdir().unwrap();
    let context = context(directory.path());
    // The name depends on the list only.
    let staging = directory.path().join("out.staging/pipeline=followers/sink=archive/app_id=wx1,list=followers,");
    let name = format!(".fanout-new-{}", &sha256(staging.as_os_str().as_encoded_bytes())[..16]);
    for folder in ["", "out", "out/dt=2026-11-22"] {
        fs::create_dir_all(directory.path().join(folder).join(&name)).unwrap();
    }
    publish(&leaf_options(), &context, &["a\n"]);
    assert!(tree(directory.path()).keys().all(|name| !name.contains(".fanout")), "{:?}", tree(directory.path()).keys());
}
