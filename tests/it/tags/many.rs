//! A hundred tags of up to 200,000 people, with faults: both lists, to Parquet and newline JSON.

use std::fs::File;

use fanout::simulator::{Effect, Event, Fault, Heals, When};
use fanout_sink::arrow::array::AsArray;
use fanout_sink::arrow::datatypes::{Int32Type, Int64Type};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::*;

/// The newline JSON of people has two columns: so many rows are compared as text.
const SINKS: &str = "[sinks.people]\ntype = 'ndjson'\nlist = 'tag_members'\ncolumns = ['tag_id', 'openid']\noptions.root = 'out/people'\n\
                     [sinks.tags]\ntype = 'ndjson'\nlist = 'tags'\noptions.root = 'out/tags'\n\
                     [sinks.files]\ntype = 'parquet'\nlist = 'tag_members'\noptions.root = 'out/files'\n\
                     [sinks.tables]\ntype = 'parquet'\nlist = 'tags'\noptions.root = 'out/tables'\n";

const FULL: u64 = 10_000;

/// Returns tag and position of each row of the Parquet files of people, with its OpenID.
fn of_parquet(project: &Project) -> Vec<(i32, i64, String)> {
    let root = project.path("out/files");
    let is_it =
        |path: &std::path::PathBuf| path.starts_with(&root) && path.extension().is_some_and(|end| end == "parquet");
    let mut rows = Vec::new();
    for path in project.files().into_iter().filter(is_it) {
        for batch in ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap().build().unwrap() {
            let batch = batch.unwrap();
            let tags = batch["tag_id"].as_primitive::<Int32Type>().values();
            let positions = batch["position"].as_primitive::<Int64Type>().values();
            let openids = batch["openid"].as_string::<i32>();
            rows.extend(
                tags.iter()
                    .zip(positions)
                    .zip(openids)
                    .map(|((&tag, &at), openid)| (tag, at, openid.unwrap().to_owned())),
            );
        }
    }
    rows
}

#[test]
fn a_hundred_tags_of_up_to_200_000_people_with_faults_arrive_exact() {
    let mut tags_there = Tag::some(100);
    let people_of = |tags: &[Tag], id: i32| tags.iter().find(|tag| tag.id == id).unwrap().members;
    // The ids of tags that are large enough for what happens to them.
    let large: Vec<i32> = tags_there.iter().filter(|tag| tag.members > FULL).map(|tag| tag.id).collect();
    let [heals, never, deleted, repeats, overlaps, ..] = large[..] else { panic!("too few large tags") };
    for tag in &mut tags_there {
        match tag.id {
            id if id == heals => *tag = tag.clone().lagging(tag.members + 17, Heals::WhenRead),
            id if id == never => *tag = tag.clone().lagging(tag.members - 1, Heals::Never),
            _ => {}
        }
    }
    let at = |tag: i32, page, effect| Fault::new(Endpoint::TagMembers, When::Page(page), effect).tag(tag);
    let simulator = Simulator::builder()
        .followers(200_000)
        .tag_page_size(FULL)
        .tags(tags_there.clone())
        .fault(at(deleted, 1, Effect::Happens(Event::delete_tag(deleted))).times(1))
        .fault(at(repeats, 1, Effect::Duplicate(0..1)))
        .fault(at(overlaps, 2, Effect::Overlap(1)));
    let project = project(simulator, SINKS);
    project.finish(&[]);

    let truth: BTreeMap<i32, Vec<String>> = tags_there
        .iter()
        .map(|tag| (tag.id, truth(&project, tag.id)))
        .filter(|(_, people)| !people.is_empty())
        .collect();
    let mut lines = truth.iter().flat_map(|(tag, people)| {
        people.iter().map(move |openid| format!("{{\"tag_id\":{tag},\"openid\":\"{openid}\"}}"))
    });
    let root = project.path("out/people");
    let is_it =
        |path: &std::path::PathBuf| path.starts_with(&root) && path.extension().is_some_and(|end| end == "ndjson");
    for path in project.files().into_iter().filter(is_it) {
        let text = std::fs::read_to_string(path).unwrap();
        assert!(text.lines().all(|line| lines.next().as_deref() == Some(line)), "other people than those of the tags");
    }
    assert_eq!(lines.next(), None);
    let mut expected =
        truth.iter().flat_map(|(&tag, people)| (0..).zip(people).map(move |(at, openid)| (tag, at, openid)));
    let of_parquet = of_parquet(&project);
    assert_eq!(of_parquet.len(), truth.values().map(Vec::len).sum::<usize>());
    assert!(of_parquet.iter().all(|(tag, at, openid)| expected.next() == Some((*tag, *at, openid))));

    let expected: Vec<TagRow> = tags_there
        .iter()
        .map(|tag| match tag.id {
            id if id == never => {
                (id.into(), tag.name.clone(), tag.members - 1, Some(tag.members), "lagging".to_owned())
            }
            id if id == deleted => (id.into(), tag.name.clone(), tag.members, None, "deleted".to_owned()),
            id => complete(id, &tag.name, tag.members),
        })
        .collect();
    assert_eq!(tags(&project, TODAY), expected);

    let of_tag = |tag: &Tag| match tag.id {
        // The first page, and the one that is refused.
        id if id == deleted => 2,
        // The last page and the end are read once more.
        id if id == heals || id == never => tag.members.div_ceil(FULL) + 1 + 2,
        _ => tag.members.div_ceil(FULL) + 1,
    };
    // Before, whether the tag is gone, after, and once more for the count that stays wrong.
    assert_eq!(calls(&project), (4, tags_there.iter().map(of_tag).sum()));
    assert!(people_of(&tags_there, 102) == 200_000, "the largest tag is there");
}
