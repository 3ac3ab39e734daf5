//! Tags and the people of each tag, against a simulated API: what arrives is exact, and nothing is
//! asked for twice.

mod case;
mod faults;
mod kills;
mod many;
mod selection;

use std::collections::BTreeMap;
use std::path::Path;

use fanout::simulator::{Endpoint, Simulator, SimulatorBuilder, Tag};
use serde_json::Value;

use crate::support::Project;

const APP_ID: &str = "wx0000000000000001";

/// A page of a tag has so many people.
const PAGE: u64 = 10;

/// The people of an account; a tag has some of them.
const FOLLOWERS: u64 = 200;

/// The tags of the account beside WeChat's own: three pages, three full ones, and none.
const VIP: i32 = 100;
const SHOP: i32 = 101;
const NOBODY: i32 = 102;

fn three_tags() -> [Tag; 3] {
    [Tag::new(VIP, "VIP", 25), Tag::new(SHOP, "店\"1\"", 30), Tag::new(NOBODY, "empty", 0)]
}

/// Makes an API with these tags.
fn tagged(tags: impl IntoIterator<Item = Tag>) -> SimulatorBuilder {
    Simulator::builder().followers(FOLLOWERS).tag_page_size(PAGE).tags(tags)
}

/// Sinks of both lists.
const BOTH: &str = "[sinks.people]\ntype = 'ndjson'\nlist = 'tag_members'\noptions.root = 'out/people'\n\
                    [sinks.tags]\ntype = 'ndjson'\nlist = 'tags'\noptions.root = 'out/tags'\n";

/// Makes a project with one account; calls are tried twice, and counts that differ are asked again
/// at once.
fn project(simulator: SimulatorBuilder, sinks: &str) -> Project {
    let keys = "[source]\nretry = { attempts = 2, base_ms = 1 }\n[tags]\nrecount_after_secs = 0";
    let builder = Project::builder().keys(keys).account("brand", APP_ID).date("2026-01-15");
    builder.sinks(sinks).simulator(simulator).build()
}

/// Returns how many calls for all tags, and for people of a tag, were made.
fn calls(project: &Project) -> (u64, u64) {
    let of = |endpoint| project.api().calls(endpoint, APP_ID);
    (of(Endpoint::Tags), of(Endpoint::TagMembers))
}

/// Returns the people of a tag, now.
fn truth(project: &Project, tag: i32) -> Vec<String> {
    let roster = project.api().roster(APP_ID);
    roster.members(tag).map(|index| roster.openid(index)).collect()
}

/// Reads the rows of the newline JSON files below `out/<sink>` for a date.
fn rows(project: &Project, sink: &str, date: &str) -> Vec<Value> {
    let root = project.path("out").join(sink);
    let is_it = |path: &Path| {
        path.starts_with(&root)
            && path.extension().is_some_and(|extension| extension == "ndjson")
            && path.to_string_lossy().contains(&format!("dt={date}/"))
    };
    let files = project.files().into_iter().filter(|path| is_it(path));
    let lines: Vec<String> = files.map(|path| std::fs::read_to_string(path).unwrap()).collect();
    lines.iter().flat_map(|text| text.lines()).map(|line| serde_json::from_str(line).unwrap()).collect()
}

const TODAY: &str = "2026-01-15";
const TOMORROW: &str = "2026-01-16";

/// Returns the published people of each tag that has some. Asserts that tags come by their ids, and
/// people by their positions.
#[track_caller]
fn people(project: &Project, date: &str) -> BTreeMap<i32, Vec<String>> {
    by_tag(&rows(project, "people", date))
}

#[track_caller]
fn by_tag(rows: &[Value]) -> BTreeMap<i32, Vec<String>> {
    let mut people: BTreeMap<i32, Vec<String>> = BTreeMap::new();
    for row in rows {
        let tag = row["tag_id"].as_i64().unwrap() as i32;
        assert!(people.last_key_value().is_none_or(|(last, _)| *last <= tag), "tags come by their ids");
        let of_tag = people.entry(tag).or_default();
        assert_eq!(row["position"], of_tag.len(), "tag {tag}");
        assert_eq!(row["app_id"], APP_ID);
        of_tag.push(row["openid"].as_str().unwrap().to_owned());
    }
    people
}

/// A row of the list of tags: id, name, count, people, outcome.
type TagRow = (i64, String, u64, Option<u64>, String);

fn tags(project: &Project, date: &str) -> Vec<TagRow> {
    let row = |row: &Value| {
        let text = |column: &str| row[column].as_str().unwrap().to_owned();
        (
            row["tag_id"].as_i64().unwrap(),
            text("name"),
            row["count"].as_u64().unwrap(),
            row["members"].as_u64(),
            text("outcome"),
        )
    };
    rows(project, "tags", date).iter().map(row).collect()
}

/// Returns the row that a tag without a fault has.
fn complete(id: i32, name: &str, people: u64) -> TagRow {
    (id.into(), name.to_owned(), people, Some(people), "complete".to_owned())
}
