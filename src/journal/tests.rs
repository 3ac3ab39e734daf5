use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, Utc};
use fanout_sink::{SinkReport, Snapshot};
use serde_json::Map;
use tempfile::TempDir;

use super::frame::ReplyKind;
use super::*;
use crate::wechat::{Cursor, Page, PageReply, summarize};

mod accounts;
mod batches;
mod pins;
mod tags;

fn identity() -> Identity {
    Identity {
        format: FORMAT,
        app_id: "wx1".to_owned(),
        host: "official".to_owned(),
        list: "followers".to_owned(),
        options: Map::new(),
    }
}

/// Returns the instant `count` microseconds after the beginning of 1970.
fn micros(count: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(count).unwrap()
}

fn open_state(folder: &TempDir) -> ListState {
    ListState::open(&folder.path().join("state"), identity(), "pipeline `test`").unwrap()
}

/// Begins a walk with its first page.
fn begin(state: &ListState) -> Journal {
    state.begin("2026-11-22".parse().unwrap(), &page(1)).unwrap()
}

/// Prunes when no open walk is young enough to be finished.
fn prune(state: &ListState, keep: usize) -> usize {
    state.prune(keep, Duration::ZERO, micros(2_000)).unwrap()
}

/// Returns the length of the header in the file of a walk.
fn header_length(whole: &[u8]) -> usize {
    frame::PREFIX + u32::from_le_bytes(whole[..4].try_into().unwrap()) as usize
}

/// Returns page `number` of a list with one follower a page.
fn page(number: u64) -> Page {
    let body = format!(r#"{{"total":9,"count":1,"data":{{"openid":["o{number}"]}},"next_openid":"o{number}"}}"#);
    let PageReply::Page(summary) = summarize(body.as_bytes()).unwrap() else { unreachable!() };
    let cursor = Cursor::after(&format!("o{}", number - 1)).filter(|_| number > 1).unwrap_or_default();
    Page { cursor, body: body.into(), summary, fetched_at: micros(number as i64 * 1000) }
}

fn reopen(state: &ListState) -> Result<Journal, JournalError> {
    Journal::open(state.walks()?.last().unwrap().clone())
}

fn decision(journal: &Journal) -> Decision {
    let snapshot = Snapshot {
        walk: journal.walk(),
        date: "2026-11-22".parse().unwrap(),
        begun_at: DateTime::UNIX_EPOCH,
        rows: journal.pages(),
        first_fetched_at: None,
        last_fetched_at: None,
        digest: String::new(),
        proof: [("total".to_owned(), 9.into())].into_iter().collect(),
    };
    Decision { snapshot, pipeline: "p".to_owned(), sinks: vec!["a".to_owned(), "b".to_owned()] }
}

fn pages_file(state: &ListState) -> PathBuf {
    state.walks().unwrap().last().unwrap().clone().path.join("pages")
}

#[test]
fn pages_are_read_back_as_they_were_fetched() {
    let folder = TempDir::new().unwrap();
    let state = open_state(&folder);
    let mut journal = begin(&state);
    for number in 2..=3 {
        assert_eq!(journal.append(&page(number)).unwrap().number, number);
    }
    journal.append_end(End { total: 9, fetched_at: micros(4000) }).unwrap();
    for journal in [journal, reopen(&state).unwrap()] {
        let read: Vec<_> = journal.reader().map(Result::unwrap).collect();
        assert_eq!(read.len(), 3);
        for (read, number) in read.iter().zip(1..) {
            assert_eq!((read.number, read.fetched_at), (number, micros(number as i64 * 1000)));
            assert_eq!(read.body, page(number).body);
        }
        assert_eq!(journal.end(), Some(&End { total: 9, fetched_at: micros(4000) }));
        assert_eq!(journal.chain().next(), Cursor::after("o3"));
        assert_eq!(journal.fetched_between(), (Some(micros(1000)), Some(micros(3000))));
    }
}

#[test]
fn a_file_cut_anywhere_loses_no_whole_page_before_the_cut() {
    let folder = TempDir::new().unwrap();
    let state = open_state(&folder);
    let mut journal = begin(&state);
    let mut ends = vec![journal.bytes()];
    for number in 2..=4 {
        journal.append(&page(number)).unwrap();
        ends.push(journal.bytes());
    }
    let path = pages_file(&state);
    let whole = fs::read(&path).unwrap();
    for length in ends[0]..=ends[3] {
        fs::write(&path, &whole[..length as usize]).unwrap();
        let mut journal = reopen(&state).unwrap();
        let expected = 1 + ends.iter().rposition(|&end| end <= length).unwrap() as u64;
        assert_eq!(journal.pages(), expected, "cut to {length} bytes");
        // The walk continues from there.
        journal.append(&page(expected + 1)).unwrap();
        assert_eq!(reopen(&state).unwrap().pages(), expected + 1);
    }
}

#[test]
fn a_walk_whose_first_reply_is_not_whole_does_not_exist_and_its_number_is_not_given_again() {
    let folder = TempDir::new().unwrap();
    let state = open_state(&folder);
    let of_a_page = begin(&state);
    let of_an_end =
        state.begin_empty("2026-11-22".parse().unwrap(), End { total: 0, fetched_at: micros(1000) }).unwrap();
    for journal in [of_a_page, of_an_end] {
        let path = journal.folder().path.join("pages");
        let whole = fs::read(&path).unwrap();
        let exists = || state.walks().unwrap().iter().any(|walk| walk.header.walk == journal.walk());
        assert!(exists());
        for length in header_length(&whole)..whole.len() {
            fs::write(&path, &whole[..length]).unwrap();
            assert!(!exists(), "cut to {length} of {} bytes", whole.len());
        }
    }
    assert_eq!(begin(&state).walk().number(), 3);
    assert_eq!(prune(&state, 1), 2, "they go with the walks of their age");
}

#[test]
fn an_empty_list_begins_and_ends_with_its_only_reply() {
    let folder = TempDir::new().unwrap();
    let state = open_state(&folder);
    let end = End { total: 0, fetched_at: micros(1000) };
    let journal = state.begin_empty("2026-11-22".parse().unwrap(), end.clone()).unwrap();
    for journal in [journal, reopen(&state).unwrap()] {
        assert_eq!((journal.pages(), journal.end()), (0, Some(&end)));
        assert_eq!(journal.folder().header().begun_at, end.fetched_at);
    }
}

#[test]
fn open_walks_that_can_be_resumed_stay_when_others_are_pruned() {
    let folder = TempDir::new().unwrap();
    let state = open_state(&folder);
    let begin = |date: &str| state.begin(date.parse().unwrap(), &page(1)).unwrap();
    let decide = |mut journal: Journal| {
        journal.append_end(End { total: 1, fetched_at: micros(1000) }).unwrap();
        let mut decision = decision(&journal);
        (decision.snapshot.date, decision.sinks) = (journal.folder().header().date, Vec::new());
        journal.decided(journal.folder().record_decision(decision).unwrap());
    };
    let open = |resume_within: u64| {
        let (resumable, too_old) =
            state.walks().unwrap().open(Duration::from_micros(resume_within), micros(2_000)).unwrap();
        let numbers =
            |walks: Vec<WalkFolder>| -> Vec<u64> { walks.iter().map(|walk| walk.header.walk.number()).collect() };
        (numbers(resumable), numbers(too_old))
    };
    begin("2026-11-20");
    begin("2026-11-21");
    decide(begin("2026-11-22"));
    assert_eq!(open(1_000), (vec![2, 1], vec![]), "each began at microsecond 1,000");
    assert_eq!(open(999), (vec![], vec![2, 1]));
    assert_eq!(state.prune(1, Duration::from_millis(1), micros(2_000)).unwrap(), 0);
    decide(begin("2026-11-21"));
    assert_eq!(open(1_000), (vec![1], vec![]), "a newer list of the second one's date is decided");
    assert_eq!(state.prune(1, Duration::from_micros(999), micros(2_000)).unwrap(), 3, "only the last list stays");
}

#[test]
fn a_reader_of_half_a_page_sees_those_before_it_and_cuts_nothing() {
    let folder = TempDir::new().unwrap();
    let state = open_state(&folder);
    let mut journal = begin(&state);
    let one = journal.bytes();
    journal.append(&page(2)).unwrap();
    let path = pages_file(&state);
    let whole = fs::read(&path).unwrap();
    for length in one..whole.len() as u64 {
        fs::write(&path, &whole[..length as usize]).unwrap();
        let contents = state.walks().unwrap().last().unwrap().clone().contents().unwrap();
        assert_eq!((contents.pages(), contents.openids(), contents.last_fetched_at()), (1, 1, Some(micros(1000))));
        assert_eq!(fs::metadata(&path).unwrap().len(), length);
    }
}

#[test]
fn a_flipped_bit_is_never_believed() {
    let folder = TempDir::new().unwrap();
    let state = open_state(&folder);
    let mut journal = begin(&state);
    let first = journal.bytes() as usize;
    journal.append(&page(2)).unwrap();
    let second = journal.bytes() as usize;
    journal.append(&page(3)).unwrap();
    let path = pages_file(&state);
    let whole = fs::read(&path).unwrap();
    for byte in 0..whole.len() {
        let mut altered = whole.clone();
        altered[byte] ^= 1 << (byte % 8);
        fs::write(&path, &altered).unwrap();
        if byte < first {
            assert_eq!(state.walks().unwrap().len(), 0, "byte {byte}");
        } else {
            assert_eq!(reopen(&state).unwrap().pages(), 1 + u64::from(byte >= second), "byte {byte}");
        }
    }
}

#[test]
fn damage_to_a_decided_walk_is_an_error() {
    let folder = TempDir::new().unwrap();
    let state = open_state(&folder);
    let mut journal = begin(&state);
    journal.append_end(End { total: 1, fetched_at: micros(0) }).unwrap();
    journal.decided(journal.folder().record_decision(decision(&journal)).unwrap());
    let path = pages_file(&state);
    let whole = fs::read(&path).unwrap();
    let flipped = (0..whole.len()).map(|byte| {
        let mut altered = whole.clone();
        altered[byte] ^= 1 << (byte % 8);
        altered
    });
    let cut = (0..whole.len()).map(|length| whole[..length].to_vec());
    for altered in flipped.chain(cut).chain([[&whole[..], b"x"].concat()]) {
        fs::write(&path, &altered).unwrap();
        let error = reopen(&state).unwrap_err();
        assert!(matches!(error, JournalError::Damaged { .. }));
        assert!(error.hint().unwrap().starts_with("this list was decided"));
        assert_eq!(fs::read(&path).unwrap(), altered, "a decided walk is never cut");
    }
}

#[test]
fn a_record_with_a_flipped_bit_or_a_missing_end_is_never_believed() {
    let folder = TempDir::new().unwrap();
    let state = open_state(&folder);
    let mut journal = begin(&state);
    journal.append_end(End { total: 0, fetched_at: micros(0) }).unwrap();
    journal.decided(journal.folder().record_decision(decision(&journal)).unwrap());
    let recipient = Recipient {
        pipeline: "p".to_owned(),
        list: "followers".to_owned(),
        sink: "a".to_owned(),
        options: "0".to_owned(),
    };
    let commit = Commit { recipient: recipient.clone(), report: SinkReport::default() };
    journal.folder().record_commit(&commit).unwrap();
    for name in ["decision.json", "commits/p.a.0.json"] {
        // Returns whether the record is the one that was written; a record that was altered is an
        // error.
        let read = || match name {
            "decision.json" => {
                Ok(state.walks()?.last().and_then(|walk| walk.decision.clone()) == Some(decision(&journal)))
            }
            _ => Ok(journal.folder().commit(&recipient)? == Some(commit.clone())),
        };
        let path = journal.folder().path.join(name);
        let whole = fs::read(&path).unwrap();
        let mut believed = 0;
        for bit in 0..8 * whole.len() {
            let mut altered = whole.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            fs::write(&path, &altered).unwrap();
            match read() {
                Err(JournalError::Record { path: named, .. }) => assert_eq!(named, path),
                // The flip made another kind of blank between the keys.
                Ok(true) => believed += 1,
                other => panic!("bit {bit} of {name}: {other:?}"),
            }
        }
        assert!(believed < 10, "{believed} flips in {name} were not noticed");
        for length in 0..whole.len() - 1 {
            fs::write(&path, &whole[..length]).unwrap();
            assert!(matches!(read(), Err(JournalError::Record { .. })), "{name} cut to {length} bytes");
        }
        fs::write(&path, &whole).unwrap();
    }
}

#[test]
fn a_decision_of_another_walk_is_never_believed() {
    let folder = TempDir::new().unwrap();
    let state = open_state(&folder);
    let mut journal = begin(&state);
    let other = decision(&begin(&state));
    journal.append_end(End { total: 0, fetched_at: micros(0) }).unwrap();
    journal.decided(journal.folder().record_decision(other).unwrap());
    assert!(matches!(state.walks(), Err(JournalError::Record { .. })));
}

#[test]
fn a_copy_of_a_walk_under_another_name_is_no_walk() {
    let folder = TempDir::new().unwrap();
    let state = open_state(&folder);
    let journal = begin(&state);
    let copy = journal.folder().path.with_file_name("000007-19700101T000000Z");
    fs::create_dir(&copy).unwrap();
    fs::copy(journal.folder().path.join("pages"), copy.join("pages")).unwrap();
    assert_eq!(state.walks().unwrap().len(), 1);
}

#[test]
fn a_page_altered_after_it_was_opened_is_noticed() {
    let folder = TempDir::new().unwrap();
    let state = open_state(&folder);
    let mut journal = begin(&state);
    journal.append(&page(2)).unwrap();
    let path = pages_file(&state);
    let mut bytes = fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&path, bytes).unwrap();
    assert!(matches!(journal.reader().nth(1), Some(Err(JournalError::Damaged { .. }))));
    let error = journal.page(2).unwrap_err();
    assert!(matches!(error, JournalError::Damaged { .. }));
    assert!(error.hint().unwrap().starts_with("run again: the list was not decided yet"));
    assert_eq!(reopen(&state).unwrap().pages(), 1, "it is cut at the damage");
}

#[test]
fn a_page_that_follows_from_no_earlier_one_cuts_the_walk() {
    let folder = TempDir::new().unwrap();
    let state = open_state(&folder);
    let mut journal = begin(&state);
    let stray = page(5);
    let cursor = stray.cursor.as_str().as_bytes();
    journal.file.append(ReplyKind::Page, 2, micros(0), cursor, &stray.body).unwrap();
    drop(journal);
    assert_eq!(reopen(&state).unwrap().pages(), 1);
}

#[test]
fn a_second_run_is_told_who_holds_the_account() {
    let folder = TempDir::new().unwrap();
    let state = open_state(&folder);
    let error = ListState::open(&folder.path().join("state"), identity(), "second").unwrap_err();
    let process = format!("process {} on `", std::process::id());
    let says_who = |holder: &str| holder.starts_with(&process) && holder.ends_with(" UTC), pipeline `test`");
    assert!(matches!(&error, JournalError::Locked { holder, .. } if says_who(holder)), "{error}");
    // The lock file had a longer line before: nothing of it is left.
    drop(state);
    let lock = folder.path().join("state/wx1/followers.lock");
    fs::write(&lock, "a line\n".repeat(100)).unwrap();
    let _state = open_state(&folder);
    let lock = fs::read_to_string(lock).unwrap();
    assert!(lock.starts_with(&process) && !lock.contains("a line"), "{lock}");
}

#[test]
fn a_walk_of_another_identity_is_an_error_and_not_damage() {
    let folder = TempDir::new().unwrap();
    drop(begin(&open_state(&folder)));
    let other = Identity { host: "proxy.example".to_owned(), ..identity() };
    let state = ListState::open(&folder.path().join("state"), other, "x").unwrap();
    assert!(matches!(state.walks(), Err(JournalError::Foreign { field: "API host", .. })));
}

#[test]
fn only_its_owner_may_read_the_state() {
    let folder = TempDir::new().unwrap();
    let state = open_state(&folder);
    let mut journal = begin(&state);
    journal.append_end(End { total: 0, fetched_at: micros(0) }).unwrap();
    journal.decided(journal.folder().record_decision(decision(&journal)).unwrap());
    let mut open = vec![folder.path().join("state")];
    let mut files = 0;
    while let Some(path) = open.pop() {
        let metadata = fs::metadata(&path).unwrap();
        let mode = metadata.permissions().mode() & 0o777;
        if metadata.is_dir() {
            assert_eq!(mode, 0o700, "{}", path.display());
            open.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else {
            assert_eq!(mode, 0o600, "{}", path.display());
            files += 1;
        }
    }
    assert_eq!(files, 3, "lock, pages, decision");
}

#[test]
fn pruning_keeps_the_newest_walks_and_those_that_are_owed() {
    let folder = TempDir::new().unwrap();
    let state = open_state(&folder);
    let mut owed = begin(&state);
    owed.append_end(End { total: 0, fetched_at: micros(0) }).unwrap();
    owed.decided(owed.folder().record_decision(decision(&owed)).unwrap());
    let commit = |sink: &str| Commit {
        recipient: Recipient {
            pipeline: "p".to_owned(),
            list: "followers".to_owned(),
            sink: sink.to_owned(),
            options: "0".to_owned(),
        },
        report: SinkReport::default(),
    };
    owed.folder().record_commit(&commit("a")).unwrap();
    for _ in 0..3 {
        begin(&state);
    }
    assert_eq!(owed.folder().lacking().unwrap(), ["b"]);
    assert_eq!(prune(&state, 2), 1);
    assert_eq!(state.walks().unwrap().len(), 3);
    owed.folder().record_commit(&commit("b")).unwrap();
    let left = || -> Vec<_> { state.walks().unwrap().iter().map(|walk| walk.header.walk.number()).collect() };
    assert_eq!(prune(&state, 1), 1);
    assert_eq!(left(), [1, 4], "the newest list that is complete stays beside the newest walk");
    let mut newer = begin(&state);
    newer.append_end(End { total: 0, fetched_at: micros(0) }).unwrap();
    newer.decided(newer.folder().record_decision(Decision { sinks: Vec::new(), ..decision(&newer) }).unwrap());
    assert_eq!(prune(&state, 1), 2);
    assert_eq!(left(), [5]);
}

#[test]
fn what_a_cut_off_removal_left_is_no_walk_and_goes_with_the_next() {
    let folder = TempDir::new().unwrap();
    let state = open_state(&folder);
    let mut old = begin(&state);
    old.append_end(End { total: 0, fetched_at: micros(0) }).unwrap();
    old.decided(old.folder().record_decision(decision(&old)).unwrap());
    let left = old.folder().path.with_file_name(format!("{}~old", old.walk()));
    fs::rename(&old.folder().path, &left).unwrap();
    fs::remove_file(left.join("pages")).unwrap();
    let begun = begin(&state);
    let never_begun = begun.folder().path.with_file_name("000009-19700101T000000Z~new");
    fs::create_dir(&never_begun).unwrap();
    assert_eq!(state.walks().unwrap().len(), 1);
    assert_eq!(prune(&state, 1), 0);
    assert!(!left.exists() && !never_begun.exists() && begun.folder().path.exists());
}

#[test]
fn a_walk_that_cannot_be_read_is_removed_with_those_of_its_age() {
    let folder = TempDir::new().unwrap();
    let state = open_state(&folder);
    let unreadable = begin(&state);
    unreadable.file().file().set_len(3).unwrap();
    begin(&state);
    assert_eq!(prune(&state, 2), 0, "only one walk is newer");
    begin(&state);
    assert_eq!(prune(&state, 2), 1);
    assert!(!unreadable.folder().path.exists());
    assert_eq!(state.walks().unwrap().len(), 2);
}

#[test]
fn a_walk_that_cannot_be_read_keeps_its_number() {
    let folder = TempDir::new().unwrap();
    let state = open_state(&folder);
    let unreadable = begin(&state);
    unreadable.file().file().set_len(3).unwrap();
    // Both walks begin in the same second.
    let next = begin(&state);
    assert_ne!(next.walk(), unreadable.walk());
    assert_eq!(state.walks().unwrap().len(), 1);
}

#[test]
fn walks_are_in_the_order_of_their_numbers_however_long_these_are() {
    let folder = TempDir::new().unwrap();
    let state = open_state(&folder);
    fs::create_dir(state.path.join("999998-19700101T000000Z")).unwrap();
    for number in 999_999..=1_000_001 {
        assert_eq!(begin(&state).walk().number(), number);
    }
    let numbers = || state.walks().unwrap().iter().map(|walk| walk.header.walk.number()).collect::<Vec<_>>();
    assert_eq!(numbers(), [999_999, 1_000_000, 1_000_001]);
    assert_eq!(prune(&state, 2), 2);
    assert_eq!(numbers(), [1_000_000, 1_000_001]);
}

#[test]
fn what_does_not_have_the_name_of_a_walk_is_left_alone() {
    let folder = TempDir::new().unwrap();
    let state = open_state(&folder);
    let others =
        ["notes", "notes~old", "1-19700101T000000Z", "0000001-19700101T000000Z~new", "000001-19700101T000000Z~"];
    for other in others {
        fs::create_dir(state.path.join(other)).unwrap();
    }
    for number in 1..=3 {
        assert_eq!(begin(&state).walk().number(), number);
    }
    assert_eq!(state.prunable(1, Duration::ZERO, micros(1)).unwrap(), []);
    assert_eq!(prune(&state, 1), 2);
    assert_eq!(state.walks().unwrap().len(), 1);
    assert!(others.iter().all(|other| state.path.join(other).is_dir()));
}

#[test]
fn two_lists_of_an_account_are_held_at_once_and_one_list_once() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("state");
    let second = Identity { list: "second".to_owned(), ..identity() };
    let (first, beside) = (open_state(&folder), ListState::open(&path, second.clone(), "x").unwrap());
    begin(&first);
    assert!(beside.walks().unwrap().is_empty(), "the lists have walks of their own");
    let refused = ListState::open(&path, second, "y").unwrap_err();
    assert!(refused.to_string().starts_with("list `second` of app id `wx1` is in use"), "{refused}");
}

#[test]
fn a_token_has_one_owner_whichever_list_it_is_used_for() {
    let folder = TempDir::new().unwrap();
    let held = TokenLock::take(folder.path(), "wx1", "x").unwrap();
    let refused = TokenLock::take(folder.path(), "wx1", "y").unwrap_err();
    assert!(refused.to_string().starts_with("the token of app id `wx1` is in use"), "{refused}");
    drop(held);
    TokenLock::take(folder.path(), "wx1", "y").unwrap();
}

#[test]
fn a_walk_of_other_options_is_another_walk_and_has_no_part_in_keep() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("state");
    let length = |followers: u64| Identity {
        options: [("followers".to_owned(), followers.into())].into_iter().collect(),
        ..identity()
    };
    let short = ListState::open(&path, length(1), "x").unwrap();
    begin(&short);
    drop(short);
    let long = ListState::open(&path, length(2), "x").unwrap();
    assert!(long.walks().unwrap().is_empty());
    for number in 2..=4 {
        let mut journal = begin(&long);
        assert_eq!(journal.walk().number(), number, "a number is given once");
        journal.append_end(End { total: 0, fetched_at: micros(0) }).unwrap();
        journal
            .decided(journal.folder().record_decision(Decision { sinks: Vec::new(), ..decision(&journal) }).unwrap());
    }
    assert_eq!(prune(&long, 1), 2);
    drop(long);
    assert_eq!(ListState::open(&path, length(1), "x").unwrap().walks().unwrap().len(), 1);
}

#[test]
fn a_list_that_another_selection_of_its_date_has_replaced_is_owed_to_nobody() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("state");
    let of = |tag: &str| Identity {
        options: [("select".to_owned(), serde_json::json!([tag]))].into_iter().collect(),
        ..identity()
    };
    let decide = |state: &ListState, date: &str| {
        let mut journal = state.begin(date.parse().unwrap(), &page(1)).unwrap();
        journal.append_end(End { total: 0, fetched_at: micros(0) }).unwrap();
        journal.decided(journal.folder().record_decision(decision(&journal)).unwrap());
        journal.walk().number()
    };
    let owed = |tag: &str| -> Vec<u64> {
        let owed = ListFolder::new(&path, of(tag)).walks().unwrap().owed().unwrap();
        owed.iter().map(|walk| walk.header().walk.number()).collect()
    };
    let before = ListState::open(&path, of("before"), "x").unwrap();
    let (replaced, stays) = (decide(&before, "2026-11-20"), decide(&before, "2026-11-21"));
    let newest = decide(&before, "2026-11-22");
    assert_eq!(owed("before"), [replaced, stays, newest]);
    drop(before);
    let state = ListState::open(&path, of("now"), "x").unwrap();
    let now = decide(&state, "2026-11-20");
    assert_eq!((owed("before"), owed("now")), (vec![stays, newest], vec![now]));
    assert_eq!(prune(&state, 1), 1, "nothing needs the list that was replaced");
    assert_eq!((owed("before"), owed("now")), (vec![stays, newest], vec![now]));
}

#[test]
fn walks_of_other_options_are_pruned_by_keep_unless_they_are_owed() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("state");
    let of = |pipeline: &str| Identity {
        options: [("pipeline".to_owned(), pipeline.into())].into_iter().collect(),
        ..identity()
    };
    let decide = |state: &ListState, date: &str, is_owed: bool| {
        let mut journal = state.begin(date.parse().unwrap(), &page(1)).unwrap();
        journal.append_end(End { total: 0, fetched_at: micros(0) }).unwrap();
        let decided = decision(&journal);
        let sinks = if is_owed { decided.sinks.clone() } else { Vec::new() };
        assert!(!is_owed || !sinks.is_empty());
        journal.decided(journal.folder().record_decision(Decision { sinks, ..decided }).unwrap());
    };
    let numbers = |pipeline: &str| {
        let walks = ListFolder::new(&path, of(pipeline)).walks().unwrap();
        walks.iter().map(|walk| walk.header().walk.number()).collect::<Vec<_>>()
    };
    let renamed = ListState::open(&path, of("before"), "x").unwrap();
    decide(&renamed, "2026-11-20", true);
    for date in ["2026-11-21", "2026-11-22", "2026-11-23"] {
        decide(&renamed, date, false);
    }
    drop(renamed);
    let state = ListState::open(&path, of("now"), "x").unwrap();
    decide(&state, "2026-11-24", false);
    let prunable = state.prunable(2, Duration::ZERO, micros(2_000)).unwrap();
    assert_eq!(prunable.iter().map(|item| item.why).collect::<Vec<_>>(), [PruneReason::BeyondKeep]);
    assert_eq!(prune(&state, 2), 1);
    assert_eq!((numbers("before"), numbers("now")), (vec![1, 3, 4], vec![5]));
    assert_eq!(prune(&state, 1), 1);
    assert_eq!((numbers("before"), numbers("now")), (vec![1, 4], vec![5]), "the newest stays, and what is owed");
}
