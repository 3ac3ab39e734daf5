use super::batches::{draft, open_profiles, reply};
use super::*;

/// Begins a walk and decides it, owed to no sink.
fn decided(state: &ListState) -> WalkFolder {
    let mut journal = begin(state);
    journal.append_end(End { total: 0, fetched_at: micros(0) }).unwrap();
    journal.decided(journal.folder().record_decision(Decision { sinks: Vec::new(), ..decision(&journal) }).unwrap());
    journal.folder().clone()
}

fn pin_of(walk: fanout_sink::WalkId) -> Pin {
    Pin { list: "profiles".to_owned(), walk }
}

fn numbers(state: &ListState) -> Vec<u64> {
    state.walks().unwrap().iter().map(|walk| walk.header.walk.number()).collect()
}

#[test]
fn a_walk_that_another_one_rests_on_is_not_pruned_from_its_draft_until_its_removal() {
    let folder = TempDir::new().unwrap();
    let (state, profiles) = (open_state(&folder), open_profiles(&folder));
    let walks: Vec<_> = (0..3).map(|_| decided(&state)).collect();
    let draft = draft(&profiles, 400);
    let pin = pin_of(draft.walk());
    walks[0].pin(&pin).unwrap();
    walks[0].pin(&pin).unwrap();
    assert_eq!(prune(&state, 1), 1);
    assert_eq!(numbers(&state), [1, 3]);
    let journal = draft.begin(&reply(0, 0)).unwrap();
    assert!(walks[0].is_pinned().unwrap());
    assert_eq!(prune(&state, 1), 0);
    assert_eq!(state.prunable(1, Duration::ZERO, micros(2_000)).unwrap(), []);
    // While the resting walk is removed it may still be given back.
    let path = journal.folder().path().to_owned();
    let removed = path.with_file_name(format!("{}~old", journal.walk()));
    fs::rename(&path, &removed).unwrap();
    assert!(walks[0].is_pinned().unwrap());
    assert!(profiles.remove(&removed).unwrap());
    assert!(!walks[0].is_pinned().unwrap(), "the walk that rested on it has gone");
    assert_eq!(prune(&state, 1), 1);
    assert_eq!(numbers(&state), [3]);
}

#[test]
fn a_draft_that_was_dropped_pins_nothing() {
    let folder = TempDir::new().unwrap();
    let (state, profiles) = (open_state(&folder), open_profiles(&folder));
    let walk = decided(&state);
    let draft = draft(&profiles, 400);
    walk.pin(&pin_of(draft.walk())).unwrap();
    assert!(walk.is_pinned().unwrap());
    drop(draft);
    assert!(!walk.is_pinned().unwrap());
}

#[test]
fn a_walk_that_was_removed_cannot_be_pinned_and_is_not_made_anew() {
    let folder = TempDir::new().unwrap();
    let (state, profiles) = (open_state(&folder), open_profiles(&folder));
    let walk = decided(&state);
    let draft = draft(&profiles, 400);
    assert!(state.remove(walk.path()).unwrap());
    let error = walk.pin(&pin_of(draft.walk())).unwrap_err();
    assert!(matches!(&error, JournalError::Gone { path } if path == walk.path()), "{error}");
    assert!(error.is_temporary());
    assert!(!walk.path().exists());
}

#[test]
fn a_walk_that_is_pinned_while_it_is_removed_is_given_back_whole() {
    let folder = TempDir::new().unwrap();
    let (state, profiles) = (open_state(&folder), open_profiles(&folder));
    let walk = decided(&state);
    let draft = draft(&profiles, 400);
    let pin = pin_of(draft.walk());
    // Pinned between the look at the pins and the rename.
    walk.pin(&pin).unwrap();
    assert!(!state.remove(walk.path()).unwrap());
    // As if the removal was killed between the rename and its look at the pins.
    let left = walk.path().with_file_name(format!("{}~old", walk.header().walk));
    fs::rename(walk.path(), &left).unwrap();
    assert!(state.walks().unwrap().is_empty());
    decided(&state);
    decided(&state);
    assert_eq!(prune(&state, 1), 1, "the second one");
    assert_eq!(numbers(&state), [1, 3]);
    assert!(Journal::open(state.walks().unwrap()[0].clone()).unwrap().end().is_some());
}

#[test]
fn a_walk_that_was_pinned_is_never_one_that_is_removed_at_the_same_time() {
    let folder = TempDir::new().unwrap();
    let (state, profiles) = (open_state(&folder), open_profiles(&folder));
    let draft = draft(&profiles, 400);
    let pin = pin_of(draft.walk());
    for round in 0..60 {
        let walk = decided(&state);
        let start = std::sync::Barrier::new(2);
        let (pinned, is_removed) = std::thread::scope(|scope| {
            let pinning = scope.spawn(|| {
                start.wait();
                walk.pin(&pin)
            });
            start.wait();
            // Each round meets another step of the pin.
            std::thread::sleep(Duration::from_micros(20 * round));
            let is_removed = state.remove(walk.path()).unwrap();
            (pinning.join().unwrap(), is_removed)
        });
        assert_eq!(walk.path().exists(), !is_removed);
        match pinned {
            Ok(()) => assert!(!is_removed && walk.is_pinned().unwrap(), "round {round}"),
            Err(error) => assert!(matches!(error, JournalError::Gone { .. }), "round {round}: {error}"),
        }
    }
}

#[test]
fn half_a_pin_does_not_count_and_one_of_another_form_does() {
    let folder = TempDir::new().unwrap();
    let (state, profiles) = (open_state(&folder), open_profiles(&folder));
    let walk = decided(&state);
    let draft = draft(&profiles, 400);
    let pins = walk.path().join("pins");
    fs::create_dir(&pins).unwrap();
    fs::write(pins.join(format!("profiles.{}.tmp", draft.walk())), "").unwrap();
    assert!(!walk.is_pinned().unwrap());
    fs::write(pins.join("something.json"), "").unwrap();
    assert!(walk.is_pinned().unwrap());
}

#[test]
fn a_walk_that_was_given_up_is_not_resumed_and_goes_once_a_newer_list_is_complete() {
    let folder = TempDir::new().unwrap();
    let state = open_state(&folder);
    let given_up = begin(&state).folder().clone();
    let now = micros(2_000);
    let open = |state: &ListState| state.walks().unwrap().open(Duration::from_secs(1), now).unwrap();
    assert_eq!(open(&state).0.len(), 1);
    given_up.give_up("WeChat refuses every batch").unwrap();
    assert!(state.walks().unwrap()[0].is_given_up());
    assert!(!given_up.is_resumable(Duration::from_secs(1), now).unwrap());
    assert_eq!(open(&state).0.len() + open(&state).1.len(), 0);
    let prunable = |state: &ListState| state.prunable(1, Duration::from_secs(1), now).unwrap();
    assert_eq!(prunable(&state), []);
    decided(&state);
    let [prunable] = &prunable(&state)[..] else { panic!("one") };
    assert_eq!((&prunable.path, prunable.why), (&given_up.path, PruneReason::Abandoned));
    assert_eq!(state.prune(1, Duration::from_secs(1), now).unwrap(), 1);
    assert_eq!(numbers(&state), [2]);
}

#[test]
fn a_pin_that_is_removed_holds_nothing_any_more() {
    let folder = TempDir::new().unwrap();
    let (state, profiles) = (open_state(&folder), open_profiles(&folder));
    let walk = decided(&state);
    let (one, other) = (draft(&profiles, 400), draft(&profiles, 400));
    for draft in [&one, &other] {
        walk.pin(&pin_of(draft.walk())).unwrap();
    }
    walk.unpin(&pin_of(one.walk())).unwrap();
    assert!(walk.is_pinned().unwrap(), "by the other walk");
    for _ in 0..2 {
        walk.unpin(&pin_of(other.walk())).unwrap();
        assert!(!walk.is_pinned().unwrap());
    }
}
