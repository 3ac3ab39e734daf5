//! What the rows of a list are called, and what a list of changes or of tags tells, as text for
//! people. Every command names them with it.
//!
//! Before it: the reports and the status that `engine` and `inspect` return. Behind it: the tables
//! and the lines below them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use chrono::NaiveDate;

use super::table::grouped;
use crate::report::{ChangesReport, TagsReport};
use crate::wechat::List;

/// How many tags are named at once.
const NAMED: usize = 5;

/// Returns what the rows of a list are called.
pub(super) fn rows_of(list: &str) -> &'static str {
    List::named(list).unwrap_or_default().rows_are()
}

/// Returns whether the rows of a list are the followers of an account, as those of their profiles
/// are.
pub(super) fn has_followers(list: &str) -> bool {
    rows_of(list) == List::FOLLOWERS.rows_are()
}

/// Returns the title of a column with the rows of these lists.
pub(super) fn title_of_rows<'a>(mut lists: impl Iterator<Item = &'a str>) -> &'static str {
    if lists.all(has_followers) { List::FOLLOWERS.rows_are() } else { "rows" }
}

/// Returns what those are called whom the walk of a list reads. A walk of changes asks about
/// people: how many changes it tells is not known before its end.
pub(super) fn people_of(list: &str) -> &'static str {
    if list == List::CHANGES.name() { "people asked about" } else { rows_of(list) }
}

/// Writes what a list of changes of `date` tells: how many came and left, since when, and what is
/// not told.
pub(super) fn changes_in_words(changes: &ChangesReport, date: NaiveDate) -> String {
    let Some(since) = changes.since else {
        return match changes.baseline {
            0 => "the changes begin with this list".to_owned(),
            rows => format!("the changes begin with this list, and {} followers as baseline", grouped(rows)),
        };
    };
    let mut text = format!("{} followed, {} unfollowed", grouped(changes.followed), grouped(changes.unfollowed));
    for (count, what) in [(changes.refollowed, "refollowed"), (changes.reappeared, "reappeared")] {
        if count > 0 {
            let _ = write!(text, ", {} {what}", grouped(count));
        }
    }
    let _ = write!(text, " since {since}");
    if let Some(nights @ 2..) = nights(since, date) {
        let _ = write!(text, " ({} nights)", grouped(nights));
    }
    for (count, one, many) in [
        (changes.unverified, "not verified", "not verified"),
        (changes.holes, "hole in the list", "holes in the list"),
        (changes.open, "open", "open"),
    ] {
        if count > 0 {
            let _ = write!(text, "; {} {}", grouped(count), if count == 1 { one } else { many });
        }
    }
    for (sink, from) in &changes.gaps {
        let _ = write!(text, "; sink `{sink}` lacks what changed from {from} to {since}");
    }
    text
}

/// Returns how many nights lie between two lists.
fn nights(since: NaiveDate, date: NaiveDate) -> Option<u64> {
    u64::try_from((date - since).num_days()).ok()
}

/// Writes how many tags a list has, and which of them are not as they should be.
pub(super) fn tags_in_words(tags: &TagsReport) -> String {
    let mut text = if tags.tags == 1 { "1 tag".to_owned() } else { format!("{} tags", grouped(tags.tags)) };
    if tags.deleted > 0 {
        let _ = write!(text, ", {} deleted meanwhile", grouped(tags.deleted));
    }
    for (named, what) in [(&tags.lagging, "with another length than WeChat counts"), (&tags.failed, "failed")] {
        if !named.is_empty() {
            let _ = write!(text, ", {} {what}: {}", grouped(named.len() as u64), names(named));
        }
    }
    text
}

/// Writes some names of tags, each with its id. They come from WeChat, so they are quoted.
fn names(tags: &BTreeMap<String, String>) -> String {
    let some: Vec<String> = tags.iter().take(NAMED).map(|(id, name)| format!("{name:?} ({id})")).collect();
    let some = some.join(", ");
    match tags.len().saturating_sub(NAMED) {
        0 => some,
        more => format!("{some} and {} more", grouped(more as u64)),
    }
}

/// Writes what a list tells beside its rows; `None` if that is nothing.
pub(super) fn in_words(
    changes: Option<&ChangesReport>,
    tags: Option<&TagsReport>,
    date: Option<NaiveDate>,
) -> Option<String> {
    match (changes.zip(date), tags) {
        (Some((changes, date)), _) => Some(changes_in_words(changes, date)),
        (None, Some(tags)) => Some(tags_in_words(tags)),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes(told: &serde_json::Value) -> ChangesReport {
        let mut all = serde_json::json!({
            "since": "2026-01-30", "followed": 0, "unfollowed": 0, "refollowed": 0, "reappeared": 0, "baseline": 0,
            "unverified": 0, "holes": 0, "open": 0,
        });
        all.as_object_mut().unwrap().extend(told.as_object().unwrap().clone());
        serde_json::from_value(all).unwrap()
    }

    #[test]
    fn changes_tell_since_when_and_what_is_left_out() {
        let date = "2026-01-31".parse().unwrap();
        let told = |told| changes_in_words(&changes(&told), date);
        assert_eq!(told(serde_json::json!({})), "0 followed, 0 unfollowed since 2026-01-30");
        let all = serde_json::json!({
            "since": "2026-01-28", "followed": 1_200, "unfollowed": 30, "refollowed": 2, "reappeared": 1,
            "unverified": 4, "holes": 1, "open": 5, "gaps": { "lake": "2026-01-20" },
        });
        assert_eq!(
            told(all),
            "1,200 followed, 30 unfollowed, 2 refollowed, 1 reappeared since 2026-01-28 (3 nights); 4 not verified; \
             1 hole in the list; 5 open; sink `lake` lacks what changed from 2026-01-20 to 2026-01-28"
        );
        assert_eq!(told(serde_json::json!({ "since": null })), "the changes begin with this list");
        assert_eq!(
            told(serde_json::json!({ "since": null, "baseline": 1_000 })),
            "the changes begin with this list, and 1,000 followers as baseline"
        );
    }

    #[test]
    fn of_many_tags_some_are_named() {
        let failed: BTreeMap<String, String> = (100..107).map(|id| (id.to_string(), format!("t{id}"))).collect();
        let report = |lagging: &BTreeMap<String, String>, failed: &BTreeMap<String, String>| {
            let report = serde_json::json!({
                "tags": 9, "complete": 1, "deleted": 1, "lagging": lagging, "failed": failed,
            });
            tags_in_words(&serde_json::from_value(report).unwrap())
        };
        let none = BTreeMap::new();
        assert_eq!(report(&none, &none), "9 tags, 1 deleted meanwhile");
        assert_eq!(
            report(&[("7".to_owned(), "a\nb".to_owned())].into(), &failed),
            "9 tags, 1 deleted meanwhile, 1 with another length than WeChat counts: \"a\\nb\" (7), 7 failed: \
             \"t100\" (100), \"t101\" (101), \"t102\" (102), \"t103\" (103), \"t104\" (104) and 2 more"
        );
    }
}
