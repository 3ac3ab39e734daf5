use std::collections::BTreeMap;

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::config::Verify;

const DATE: &str = "2026-11-22";

fn profiles() -> Identity {
    Identity { list: "profiles".to_owned(), ..identity() }
}

pub(super) fn open_profiles(folder: &TempDir) -> ListState {
    ListState::open(&folder.path().join("state"), profiles(), "pipeline `test`").unwrap()
}

/// Returns the plan of a walk over `rows` elements.
fn plan(rows: u64) -> Plan {
    let walk = "000001-20261122T000000Z".parse().unwrap();
    let input = RestsOn { walk, rows, digest: "sha256:0".to_owned() };
    let (own, changes) = (None, None);
    Plan {
        input,
        base: None,
        refresh_days: None,
        bound_anew: false,
        verify: Verify::Seams,
        own,
        changes,
        made_at: micros(500),
    }
}

pub(super) fn draft(state: &ListState, rows: u64) -> BatchDraft {
    state.draft(DATE.parse().unwrap(), plan(rows)).unwrap()
}

/// Returns a reply of batch `number`; `part` tells apart those of one number.
pub(super) fn reply(number: u64, part: u64) -> Numbered {
    Numbered {
        number,
        label: format!("part {part}").into(),
        fetched_at: micros(1_000 + number as i64 * 10 + part as i64),
        body: format!(r#"{{"user_info_list":[{{"openid":"o{number}-{part}"}}]}}"#).into(),
    }
}

fn copied(positions: &[u64]) -> CopiedRows {
    let rows = positions.iter().map(|&position| (position, micros(position as i64))).collect();
    CopiedRows { rows, body: format!("rows {positions:?}").into() }
}

fn end() -> End {
    End { total: 9, fetched_at: micros(9_000) }
}

fn reopen(state: &ListState) -> Result<BatchJournal, JournalError> {
    BatchJournal::open(state.walks()?.last().unwrap().clone())
}

/// Returns the replies in a journal, by their numbers.
fn replies(journal: &BatchJournal, numbers: u64) -> BTreeMap<u64, Vec<Numbered>> {
    let all = (0..numbers).map(|number| (number, journal.replies(number).unwrap()));
    all.filter(|(_, replies)| !replies.is_empty()).collect()
}

fn copied_rows(journal: &BatchJournal) -> Vec<CopiedRows> {
    journal.copied().map(Result::unwrap).collect()
}

proptest! {
    // Each case syncs several files.
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn replies_in_any_order_are_read_back_by_number_in_the_order_of_the_journal(
        numbers in prop::collection::vec(0_u64..20, 1..40),
        cut in any::<prop::sample::Index>(),
    ) {
        let folder = TempDir::new().unwrap();
        let state = open_profiles(&folder);
        let all: Vec<_> = numbers.iter().zip(0..).map(|(&number, part)| reply(number, part)).collect();
        let mut journal = draft(&state, 20).begin(&all[0]).unwrap();
        let mut lengths = vec![journal.bytes()];
        for reply in &all[1..] {
            journal.append(reply).unwrap();
            lengths.push(journal.bytes());
        }
        let expected = |written: &[Numbered]| {
            let mut of_number = BTreeMap::<u64, Vec<Numbered>>::new();
            for reply in written {
                of_number.entry(reply.number).or_default().push(reply.clone());
            }
            of_number
        };
        let assert_holds = |journal: &BatchJournal, written: &[Numbered]| {
            let expected = expected(written);
            assert_eq!(replies(journal, 20), expected);
            assert_eq!(journal.answered(), expected.len() as u64);
            assert!((0..21).all(|number| journal.has(number) == expected.contains_key(&number)));
            let times = || written.iter().map(|reply| reply.fetched_at);
            assert_eq!(journal.fetched_between(), (times().min(), times().max()));
        };
        assert_holds(&journal, &all);
        drop(journal);
        assert_holds(&reopen(&state).unwrap(), &all);

        // Cut anywhere behind the first reply, it has those that are whole, and goes on from there.
        let length = lengths[0] + cut.index((lengths.last().unwrap() - lengths[0]) as usize + 1) as u64;
        fs::OpenOptions::new().write(true).open(pages_file(&state)).unwrap().set_len(length).unwrap();
        let whole = lengths.iter().rposition(|&end| end <= length).unwrap() + 1;
        let contents = state.walks().unwrap().last().unwrap().clone().contents().unwrap();
        assert_eq!(contents.answered(), Some(expected(&all[..whole]).len() as u64));
        let mut journal = reopen(&state).unwrap();
        assert_holds(&journal, &all[..whole]);
        journal.append(&reply(7, 99)).unwrap();
        let gone_on = [&all[..whole], &[reply(7, 99)]].concat();
        assert_holds(&reopen(&state).unwrap(), &gone_on);
    }
}

#[test]
fn a_walk_of_batches_is_seen_together_with_its_first_reply() {
    let folder = TempDir::new().unwrap();
    let state = open_profiles(&folder);
    let mut draft = draft(&state, 400);
    let walk = draft.walk();
    draft.copy(&copied(&[0, 1])).unwrap();
    assert!(state.walks().unwrap().is_empty());
    let journal = draft.begin(&reply(3, 0)).unwrap();
    let seen = state.walks().unwrap().last().unwrap().clone();
    assert_eq!((journal.walk(), seen.header().walk), (walk, walk));
    assert_eq!(seen.header().plan, Some(plan(400)));
    assert_eq!(seen.header().begun_at, plan(400).made_at);
    assert!(seen.path().join("commits").is_dir());
    let contents = seen.contents().unwrap();
    assert_eq!((contents.answered(), contents.copied_rows(), contents.end()), (Some(1), Some(2), None));
}

#[test]
fn a_draft_that_is_given_up_leaves_nothing() {
    let folder = TempDir::new().unwrap();
    let state = open_profiles(&folder);
    let mut draft = draft(&state, 400);
    draft.copy(&copied(&[0, 1])).unwrap();
    assert_eq!(fs::read_dir(&state.path).unwrap().count(), 1);
    drop(draft);
    assert_eq!(fs::read_dir(&state.path).unwrap().count(), 0);
}

#[test]
fn an_empty_input_begins_and_ends_with_the_end_and_so_does_one_whose_rows_were_all_copied() {
    let folder = TempDir::new().unwrap();
    let state = open_profiles(&folder);
    for (rows, positions) in [(0, &[][..]), (3, &[0, 1, 2])] {
        let mut draft = draft(&state, rows);
        if !positions.is_empty() {
            draft.copy(&copied(positions)).unwrap();
        }
        let journal = draft.begin_ended(end()).unwrap();
        for journal in [journal, reopen(&state).unwrap()] {
            assert_eq!((journal.answered(), journal.end()), (0, Some(&end())));
            assert_eq!(journal.copied_rows(), rows);
            assert_eq!(journal.fetched_between(), (None, None));
        }
        let walk = state.walks().unwrap().last().unwrap().clone();
        assert!(walk.is_resumable(Duration::ZERO, micros(i64::from(u32::MAX))).unwrap(), "it needs no call");
    }
}

#[test]
fn copied_rows_are_read_back_in_ascending_order_before_and_after_a_restart() {
    let folder = TempDir::new().unwrap();
    let state = open_profiles(&folder);
    let frames = [copied(&[0, 2, 3]), copied(&[4]), copied(&[100, 10_000_000_000])];
    let mut draft = draft(&state, 10_000_000_001);
    for frame in &frames {
        draft.copy(frame).unwrap();
    }
    let mut journal = draft.begin(&reply(0, 0)).unwrap();
    journal.append_end(end()).unwrap();
    for journal in [journal, reopen(&state).unwrap()] {
        assert_eq!(copied_rows(&journal), frames);
        assert_eq!(journal.copied_rows(), 6);
        assert_eq!(replies(&journal, 3).len(), 1);
    }
}

#[test]
fn copied_rows_that_do_not_ascend_are_refused() {
    let refused = |frames: &[&[u64]]| {
        let folder = TempDir::new().unwrap();
        let state = open_profiles(&folder);
        let mut draft = draft(&state, 100);
        let copy = || frames.iter().for_each(|frame| draft.copy(&copied(frame)).unwrap());
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(copy)).is_err()
    };
    assert!(!refused(&[&[1, 2], &[3, 99]]));
    for frames in [&[&[1, 2][..], &[2, 3]][..], &[&[2, 1]], &[&[1, 1]], &[&[3], &[1]], &[&[100]], &[&[]]] {
        assert!(refused(frames), "{frames:?}");
    }
}

#[test]
fn a_walk_cut_within_its_copied_rows_has_no_reply_either() {
    let folder = TempDir::new().unwrap();
    let state = open_profiles(&folder);
    let mut draft = draft(&state, 100);
    draft.copy(&copied(&[1, 2])).unwrap();
    let whole = fs::metadata(state.path.join(format!("{}~new", draft.walk())).join("pages")).unwrap().len();
    draft.copy(&copied(&[3, 4])).unwrap();
    let journal = draft.begin(&reply(0, 0)).unwrap();
    assert_eq!(journal.copied_rows(), 4);
    let path = pages_file(&state);
    let mut bytes = fs::read(&path).unwrap();
    bytes[whole as usize + 12] ^= 1;
    fs::write(&path, bytes).unwrap();
    let journal = reopen(&state).unwrap();
    assert_eq!((journal.copied_rows(), journal.answered(), journal.bytes()), (2, 0, whole));
}

#[test]
fn a_flipped_bit_cuts_an_open_walk_of_batches_and_is_an_error_in_a_decided_one() {
    let folder = TempDir::new().unwrap();
    let state = open_profiles(&folder);
    let mut journal = draft(&state, 400).begin(&reply(1, 0)).unwrap();
    let first = journal.bytes() as usize;
    journal.append(&reply(0, 0)).unwrap();
    let second = journal.bytes() as usize;
    journal.append_end(end()).unwrap();
    let path = pages_file(&state);
    let whole = fs::read(&path).unwrap();
    let altered = |byte: usize| {
        let mut altered = whole.clone();
        altered[byte] ^= 1 << (byte % 8);
        fs::write(&path, &altered).unwrap();
        altered
    };
    for byte in 0..whole.len() {
        altered(byte);
        if byte < first {
            assert!(state.walks().unwrap().is_empty(), "byte {byte}");
        } else {
            let journal = reopen(&state).unwrap();
            assert_eq!(journal.answered(), 1 + u64::from(byte >= second), "byte {byte}");
            assert_eq!(journal.end(), None, "byte {byte}");
        }
    }
    fs::write(&path, &whole).unwrap();
    let mut journal = reopen(&state).unwrap();
    let snapshot = Snapshot { walk: journal.walk(), ..super::decision(&begin(&open_state(&folder))).snapshot };
    journal.decided(
        journal.folder().record_decision(Decision { snapshot, pipeline: "p".to_owned(), sinks: Vec::new() }).unwrap(),
    );
    for byte in 0..whole.len() {
        let altered = altered(byte);
        assert!(matches!(reopen(&state), Err(JournalError::Damaged { .. })), "byte {byte}");
        assert_eq!(fs::read(&path).unwrap(), altered, "a decided walk is never cut");
    }
}

#[test]
fn a_reply_altered_after_it_was_opened_is_noticed() {
    let folder = TempDir::new().unwrap();
    let state = open_profiles(&folder);
    let mut draft = draft(&state, 400);
    draft.copy(&copied(&[1])).unwrap();
    let journal = draft.begin(&reply(1, 0)).unwrap();
    let path = pages_file(&state);
    let whole = fs::read(&path).unwrap();
    for byte in header_length(&whole)..whole.len() {
        let mut altered = whole.clone();
        altered[byte] ^= 1;
        fs::write(&path, altered).unwrap();
        let read = [journal.replies(1).map(drop), journal.copied().next().unwrap().map(drop)];
        let damaged = read.into_iter().filter_map(Result::err).collect::<Vec<_>>();
        let [JournalError::Damaged { what, .. }] = &damaged[..] else { panic!("byte {byte}: {damaged:?}") };
        assert!(what.ends_with(" is no longer what was written"), "{what}");
    }
}

#[test]
fn a_number_beyond_the_input_is_not_believed() {
    let folder = TempDir::new().unwrap();
    let state = open_profiles(&folder);
    let mut journal = draft(&state, 3).begin(&reply(2, 0)).unwrap();
    journal.file.append(ReplyKind::Batch, u64::MAX, micros(0), b"", b"").unwrap();
    drop(journal);
    assert_eq!(reopen(&state).unwrap().answered(), 1, "the walk is cut before it");
}

#[test]
fn a_walk_of_pages_is_not_opened_as_one_of_batches_nor_the_other_way_round() {
    let folder = TempDir::new().unwrap();
    let (followers, profiles) = (open_state(&folder), open_profiles(&folder));
    drop(begin(&followers));
    drop(draft(&profiles, 400).begin(&reply(0, 0)).unwrap());
    for state in [&followers, &profiles] {
        let (path, walk) = (pages_file(state), state.walks().unwrap().last().unwrap().clone());
        let before = fs::read(&path).unwrap();
        let opened = match walk.header().plan {
            None => BatchJournal::open(walk).map(drop),
            Some(_) => Journal::open(walk).map(drop),
        };
        assert!(matches!(opened, Err(JournalError::Damaged { .. })), "{opened:?}");
        assert_eq!(fs::read(&path).unwrap(), before, "nothing is cut");
    }
}

#[test]
fn a_reply_takes_less_room_on_disk_than_it_has_bytes() {
    let folder = TempDir::new().unwrap();
    let state = open_profiles(&folder);
    let rows = (0..100).map(|row| format!(r#"{{"subscribe":1,"openid":"o{row:027}","language":"zh_CN","remark":""}}"#));
    let body = Bytes::from(rows.collect::<Vec<_>>().join(","));
    let big = Numbered { body: body.clone(), ..reply(0, 0) };
    let mut journal = draft(&state, 100).begin(&reply(0, 0)).unwrap();
    let before = journal.bytes();
    journal.append(&big).unwrap();
    assert!((journal.bytes() - before) * 4 < body.len() as u64, "{} bytes", journal.bytes() - before);
    assert_eq!(journal.replies(0).unwrap(), [reply(0, 0), big]);
}

#[test]
fn what_a_reply_says_of_a_person_is_not_in_its_debug_output() {
    let shown = format!("{:?} {:?}", reply(1, 0), copied(&[1, 2]));
    assert!(!shown.contains("o1-0") && !shown.contains("rows [") && !shown.contains("part"), "{shown}");
}

#[test]
fn each_walk_of_changes_of_a_date_is_owed() {
    let owed = |changes: Option<ChangePlan>| {
        let folder = TempDir::new().unwrap();
        let state = open_profiles(&folder);
        for _ in 0..2 {
            let plan =
                Plan { own: Some(OwnElements { count: 0, are_asked: true }), changes: changes.clone(), ..plan(0) };
            let draft = state.draft(DATE.parse().unwrap(), plan).unwrap();
            let mut journal = draft.begin_ended(end()).unwrap();
            let snapshot = Snapshot {
                walk: journal.walk(),
                date: DATE.parse().unwrap(),
                begun_at: micros(500),
                rows: 0,
                first_fetched_at: None,
                last_fetched_at: None,
                digest: String::new(),
                proof: serde_json::Map::new(),
            };
            let decision = Decision { snapshot, pipeline: "p".to_owned(), sinks: vec!["a".to_owned()] };
            journal.decided(journal.folder().record_decision(decision).unwrap());
        }
        state.walks().unwrap().owed().unwrap().len()
    };
    let sinks = vec!["a".to_owned()];
    let (base_read, read_until) = ((micros(1), micros(2)), micros(3));
    let changes = ChangePlan {
        from: None,
        from_date: None,
        after: None,
        base_read,
        read_until,
        totals: None,
        sinks,
        told_everybody: None,
        gaps: BTreeMap::new(),
        away: BTreeMap::new(),
    };
    assert_eq!((owed(Some(changes)), owed(None)), (2, 1), "a newer list of a date replaces an older one");
}
