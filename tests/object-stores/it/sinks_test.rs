//! `fanout sinks test` over object stores: every promise of the contract, with the list read back
//! by pyarrow.

use crate::project::{Ended, Project};
use crate::servers::{AZURITE_KEY, Azurite, Moto, Server};
use crate::support::{file, python, say};

/// Cases that a configured sink with a reader does not run, wherever it writes: the columns are
/// those of its list, and no file can be put in its way.
const SKIPPED: [&str; 5] = [
    "a_list_of_one_column_is_published",
    "columns_come_in_any_order",
    "values_of_every_kind_come_back",
    "a_list_of_profiles_comes_back",
    "a_batch_refused_for_now_is_accepted_later",
];

fn conforms(kind: &str, root: &str, endpoint: &str, options: &str) {
    let project = Project::new(kind, root, endpoint, 100, options);
    let (python, reader) = (python(), file("reader.py"));
    let test = ["sinks", "test", "pipeline.toml", "--sink", "lake"];
    let reader = ["--", &python, reader.to_str().unwrap(), "print", endpoint];
    let mut command = project.command(&[&test[..], &reader[..]].concat());
    let ended = Ended::from(command.env("LAKE_ACCOUNT_KEY", AZURITE_KEY).output().unwrap());
    let outcomes = |outcome: &'static str| {
        let lines = ended.stdout.lines().filter_map(move |line| line.strip_prefix(outcome));
        lines.map(|rest| rest.trim_start().split(':').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(outcomes("broken "), Vec::<String>::new(), "{ended:?}");
    assert_eq!(outcomes("skipped "), SKIPPED, "{ended:?}");
    let kept = outcomes("kept ").len();
    say(&format!("object stores: `{kind}` at `{root}` kept {kept} promises, and broke none"));
    assert!(kept > 20, "{ended:?}");
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

fn conforms_at<S: Server>(kind: &str, options: &str) {
    let Some(store) = S::start() else { return };
    conforms(kind, &S::root(), &store.endpoint(), options);
    // Nothing but what readers pass over stays, and nothing at the real root.
    assert_eq!(store.keys("lists"), Vec::<String>::new());
}

const OF_KAFKA: &str = "topic = 'followers'\npartitions = 1";

#[test]
fn parquet_keeps_every_promise_on_s3() {
    conforms_at::<Moto>("parquet", "");
}

#[test]
fn ndjson_keeps_every_promise_on_s3() {
    conforms_at::<Moto>("ndjson", "");
}

#[test]
fn kafka_keeps_every_promise_on_s3() {
    conforms_at::<Moto>("kafka", OF_KAFKA);
}

#[test]
fn parquet_keeps_every_promise_on_azure() {
    conforms_at::<Azurite>("parquet", "");
}

#[test]
fn ndjson_keeps_every_promise_on_azure() {
    conforms_at::<Azurite>("ndjson", "");
}

#[test]
fn kafka_keeps_every_promise_on_azure() {
    conforms_at::<Azurite>("kafka", OF_KAFKA);
}
