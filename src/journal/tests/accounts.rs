use super::batches::{draft, open_profiles, reply};
use super::*;

fn account(folder: &TempDir) -> AccountFolder {
    AccountFolder::new(&folder.path().join("state"), "wx1")
}

fn names(folder: &TempDir) -> Vec<String> {
    let parts = account(folder).parts().unwrap();
    parts.iter().map(|part| part.path.file_name().unwrap().to_str().unwrap().to_owned()).collect()
}

/// Begins a walk and decides it for the sinks `a` and `b`.
fn decided(state: &ListState) -> Journal {
    let mut journal = begin(state);
    journal.append_end(End { total: 0, fetched_at: micros(0) }).unwrap();
    journal.decided(journal.folder().record_decision(decision(&journal)).unwrap());
    journal
}

#[test]
fn all_of_an_account_goes_and_nothing_of_another_one() {
    let folder = TempDir::new().unwrap();
    let (followers, profiles) = (open_state(&folder), open_profiles(&folder));
    drop(begin(&followers));
    drop(draft(&profiles, 400).begin(&reply(0, 0)).unwrap());
    followers.ledger("/cgi-bin/user/get").count(micros(0));
    drop((followers, profiles));
    let other = Identity { app_id: "wx2".to_owned(), ..identity() };
    let other = ListState::open(&folder.path().join("state"), other, "x").unwrap();
    drop(begin(&other));
    let parts = ["calls.user-get.json", "followers", "followers.lock", "profiles", "profiles.lock"];
    assert_eq!(names(&folder), parts);
    let mut removed = Vec::new();
    account(&folder).lock("test").unwrap().remove(&mut removed).unwrap();
    assert_eq!(removed.len(), parts.len());
    assert!(!folder.path().join("state/wx1").exists());
    assert_eq!(other.walks().unwrap().len(), 1);
    assert_eq!(names(&folder), Vec::<String>::new());
    account(&folder).lock("test").unwrap().remove(&mut removed).unwrap();
}

#[test]
fn an_account_that_another_process_reads_is_not_locked() {
    let folder = TempDir::new().unwrap();
    let (followers, profiles) = (open_state(&folder), open_profiles(&folder));
    drop(followers);
    let refused = account(&folder).lock("test").unwrap_err();
    assert!(refused.to_string().starts_with("list `profiles` of app id `wx1` is in use"), "{refused}");
    let holder = account(&folder).lock_holder(&HeldLocks::read()).unwrap().unwrap();
    assert!(holder.starts_with(&format!("process {} on `", std::process::id())), "{holder}");
    drop(profiles);
    let token = TokenLock::take(&folder.path().join("state"), "wx1", "x").unwrap();
    let refused = account(&folder).lock("test").unwrap_err();
    assert!(refused.to_string().starts_with("the token of app id `wx1` is in use"), "{refused}");
    drop(token);
    account(&folder).lock("test").unwrap();
}

#[test]
fn a_list_is_owed_whatever_its_options_until_every_sink_has_it_or_a_newer_one_replaces_it() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("state");
    let of_length = |followers: u64| Identity {
        options: [("followers".to_owned(), followers.into())].into_iter().collect(),
        ..identity()
    };
    let mut journals = Vec::new();
    for followers in [1, 2] {
        journals.push(decided(&ListState::open(&path, of_length(followers), "x").unwrap()));
    }
    let owed = account(&folder).owed().unwrap();
    let expected = OwedList {
        list: "followers".into(),
        date: "2026-11-22".parse().unwrap(),
        pipeline: "p".into(),
        sinks: vec!["a".into(), "b".into()],
    };
    // That of the newer list, of the same date.
    assert_eq!(owed, [expected]);
    if let Some(journal) = journals.last() {
        for sink in ["a", "b"] {
            let (pipeline, list, options) = ("p".to_owned(), "followers".to_owned(), "0".to_owned());
            let recipient = Recipient { pipeline, list, sink: sink.to_owned(), options };
            journal.folder().record_commit(&Commit { recipient, report: SinkReport::default() }).unwrap();
        }
    }
    assert_eq!(account(&folder).owed().unwrap(), []);
}

#[test]
fn of_a_list_that_cannot_be_read_it_is_not_known_whether_it_is_owed() {
    let folder = TempDir::new().unwrap();
    let state = open_state(&folder);
    let journal = decided(&state);
    begin(&state);
    fs::write(journal.folder().path().join("decision.json"), "{}").unwrap();
    assert!(matches!(account(&folder).owed(), Err(JournalError::Record { .. })));
}

#[test]
fn a_removal_that_was_cut_off_is_finished_by_the_next() {
    let folder = TempDir::new().unwrap();
    drop(decided(&open_state(&folder)));
    let path = folder.path().join("state/wx1");
    fs::rename(path.join("followers"), path.join("followers~old")).unwrap();
    assert_eq!(account(&folder).owed().unwrap(), [], "what is left is no list");
    account(&folder).lock("test").unwrap().remove(&mut Vec::new()).unwrap();
    assert!(!path.exists());
}
