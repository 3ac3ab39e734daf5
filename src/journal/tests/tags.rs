//! Walks of tags: the replies about all tags, and the journals of each tag.

use super::*;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn reply(ended: u64) -> TagsReply {
    TagsReply { fetched_at: at("2026-01-31T02:00:00Z"), ended, body: format!("{{\"tags\":[],\"n\":{ended}}}").into() }
}

fn page(cursor: &str, next: &str) -> Page {
    let body = format!(r#"{{"count":1,"data":{{"openid":["{next}"]}},"next_openid":"{next}"}}"#);
    let PageReply::Page(summary) = summarize(body.as_bytes()).unwrap() else { unreachable!() };
    let cursor = Cursor::after(cursor).unwrap_or_default();
    Page { cursor, body: body.into(), summary, fetched_at: at("2026-01-31T02:00:01Z") }
}

/// Begins a walk with two pages of tag 100, one of tag 7, and none of tag 8.
fn begin(state: &ListState) -> TagJournal {
    let journal = state.begin_tags("2026-01-31".parse().unwrap(), &reply(0)).unwrap();
    let mut of_tag = journal.pages_of(100).unwrap();
    of_tag.append(&page("", "a")).unwrap();
    of_tag.append(&page("a", "b")).unwrap();
    of_tag.append_end(End { total: 2, fetched_at: at("2026-01-31T02:00:02Z") }).unwrap();
    journal.pages_of(7).unwrap().append(&page("", "c")).unwrap();
    journal.pages_of(8).unwrap();
    journal
}

#[test]
fn the_replies_and_the_pages_of_each_tag_are_read_back() {
    let folder = TempDir::new().unwrap();
    let state = open_state(&folder);
    let mut journal = begin(&state);
    journal.append(&reply(1)).unwrap();
    drop(journal);
    let walk = state.walks().unwrap().last().unwrap().clone();
    let contents = walk.contents().unwrap();
    assert_eq!((contents.pages(), contents.openids(), contents.end()), (3, 3, None));
    let journal = TagJournal::open(walk).unwrap();
    assert_eq!(journal.replies().unwrap(), [reply(0), reply(1)]);
    let pages = |tag| journal.contents_of(tag).unwrap().map(|contents| (contents.pages(), contents.end().is_some()));
    assert_eq!([100, 7, 8, 9].map(pages), [Some((2, true)), Some((1, false)), Some((0, false)), None]);
}

#[test]
fn a_tag_whose_header_was_cut_off_begins_anew_and_a_torn_page_is_cut() {
    let folder = TempDir::new().unwrap();
    let state = open_state(&folder);
    let journal = begin(&state);
    let file = |tag: i32| journal.folder().path().join(format!("tag-{tag}/pages"));
    for (tag, keep) in [(7, 5), (100, 10)] {
        let length = fs::metadata(file(tag)).unwrap().len();
        let left = if tag == 7 { keep } else { length - keep };
        fs::OpenOptions::new().write(true).open(file(tag)).unwrap().set_len(left).unwrap();
    }
    assert_eq!(journal.pages_of(7).unwrap().pages(), 0);
    let of_tag = journal.pages_of(100).unwrap();
    assert_eq!((of_tag.pages(), of_tag.end()), (2, None), "its end was cut off");
}

#[test]
fn a_tag_of_a_decided_walk_that_was_cut_is_damage() {
    let folder = TempDir::new().unwrap();
    let state = open_state(&folder);
    let mut journal = begin(&state);
    journal.append_end(End { total: 2, fetched_at: at("2026-01-31T02:00:03Z") }).unwrap();
    let header = journal.folder().header().clone();
    let snapshot = Snapshot {
        walk: header.walk,
        date: header.date,
        begun_at: header.begun_at,
        rows: 2,
        first_fetched_at: None,
        last_fetched_at: None,
        digest: String::new(),
        proof: serde_json::Map::new(),
    };
    journal.decided(
        journal.folder().record_decision(Decision { snapshot, pipeline: "p".to_owned(), sinks: Vec::new() }).unwrap(),
    );
    assert_eq!(journal.pages_of(100).unwrap().pages(), 2);
    let file = journal.folder().path().join("tag-100/pages");
    let length = fs::metadata(&file).unwrap().len();
    fs::OpenOptions::new().write(true).open(file).unwrap().set_len(length - 10).unwrap();
    let error = journal.pages_of(100).unwrap_err();
    assert!(matches!(error, JournalError::Damaged { .. }), "{error}");
    assert!(error.hint().unwrap().contains("this list was decided"), "{error:?}");
    assert!(journal.pages_of(9).is_err(), "there is none");
}
