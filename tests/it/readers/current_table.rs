//! The statements of `examples/changes` keep the table of who follows, in the engines that read
//! Parquet. Postgres has its test in `examples/postgres`; `tests/parquet-readers/run` adds Spark
//! with Iceberg, and Sail with Delta Lake.

#[path = "history.rs"]
mod history;

use fanout_sink::ConfiguredSink;
use fanout_sink_parquet::ParquetFactory;
use serde_json::json;

use crate::support::{Project, run_script, variable};
use history::{NIGHTS, Table, assert_same, date, deliver, deltas, late_baseline, newest, table, truth};

const SCRIPT: &str = "tests/it/current_table.py";
const NOT_DONE: &str = "the statements of `examples/changes` were not run on files";
const HOW_TO_GET_THEM: &str = "pip install duckdb, and name that Python in READERS_PYTHON";

/// Publishes the deltas of all nights, and in another root the late baseline.
async fn publish() -> Project {
    let project = Project::new("name = 'changes'\n[source]\nsimulate = { followers = 1 }\n");
    let sink =
        |root: &str| ConfiguredSink::new(ParquetFactory, serde_json::from_value(json!({ "root": root })).unwrap());
    let changes = sink("changes");
    for delta in (0..NIGHTS).flat_map(deltas) {
        deliver(&changes, &delta, &project.path(".")).await;
    }
    deliver(&sink("baseline"), &late_baseline().0, &project.path(".")).await;
    project
}

/// Merges the deltas of these nights into a new table, one after the other, each from a root, and
/// returns the table after each.
fn merge(project: &Project, steps: &[(&str, usize)]) -> Option<Vec<Table>> {
    let engine = variable("TABLE_ENGINE").unwrap_or_else(|| "duckdb".to_owned());
    let statement = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/changes");
    let mut arguments = vec![engine.clone(), format!("{statement}/merge-{engine}.sql")];
    arguments.extend(steps.iter().flat_map(|&(root, night)| [root.to_owned(), date(night).to_string()]));
    let (code, said) = run_script(project, SCRIPT, &arguments, NOT_DONE, HOW_TO_GET_THEM)?;
    assert_eq!(code, 0, "{said}");
    let tables: Vec<Table> =
        said.split("== ").skip(1).map(|rows| table(rows.lines().filter(|line| line.starts_with('{')))).collect();
    assert_eq!(tables.len(), steps.len(), "{said}");
    Some(tables)
}

#[tokio::test]
async fn the_table_says_who_follows_after_each_night_however_often_a_delta_is_merged() {
    let project = publish().await;
    let twice = (0..NIGHTS).flat_map(|night| [night, night]);
    let again = 0..NIGHTS;
    let nights: Vec<usize> = twice.chain(again).collect();
    let steps: Vec<(&str, usize)> = nights.iter().map(|&night| ("changes", night)).collect();
    let Some(tables) = merge(&project, &steps) else { return };
    for (step, (&night, table)) in nights.iter().zip(&tables).enumerate() {
        let last = if step < 2 * NIGHTS { night } else { NIGHTS - 1 };
        assert_same(table, &truth(last), &format!("step {step}, night {night}"));
    }
}

#[tokio::test]
async fn an_older_delta_that_comes_late_changes_nothing_newer() {
    let project = publish().await;
    // No delta from before a baseline comes after it.
    for nights in [[0, 4, 3, 2, 1, 6, 5, 9, 8, 7], [0, 2, 1, 3, 4, 5, 7, 8, 6, 9], [0, 1, 3, 2, 4, 5, 9, 6, 7, 8]] {
        let steps: Vec<(&str, usize)> = nights.iter().map(|&night| ("changes", night)).collect();
        let Some(tables) = merge(&project, &steps) else { return };
        assert_same(&newest(tables.last().unwrap()), &newest(&truth(NIGHTS - 1)), &format!("{nights:?}"));
    }
}

#[tokio::test]
async fn a_baseline_that_comes_later_changes_nothing_that_a_delta_has_told() {
    let project = publish().await;
    let steps = (0..NIGHTS).map(|night| ("changes", night)).chain([("baseline", NIGHTS - 1); 2]);
    let Some(tables) = merge(&project, &steps.collect::<Vec<_>>()) else { return };
    let [.., before, after, again] = &tables[..] else { panic!("{tables:?}") };
    let (_, expected) = late_baseline();
    assert_ne!(truth(NIGHTS - 1), expected);
    assert_same(before, &truth(NIGHTS - 1), "before");
    assert_same(after, &expected, "after");
    assert_same(again, &expected, "again");
}
