//! `fanout sinks test`: it runs the conformance suite on configured sinks, and touches no real
//! output.

use crate::examples::examples;
use crate::support::{Ended, Project, python_with};

const FILES: &str = r#"
name = "test"
[[accounts]]
name = "brand"
app_id = "wx1"
secret = { env = "A_SECRET_THAT_NOBODY_HAS_SET" }
[sinks.archive]
type = "ndjson"
options = { root = "out" }
[sinks.broken]
type = "command"
options = { protocol = "plain", command = ["sh", "-c", "cat >/dev/null; exit 5"] }
[sinks.wrong]
type = "parquet"
[sinks.stream]
type = "arrow"
options = { path = "out.arrow" }
[sinks.to_stdout]
type = "arrow"
options = { path = "-" }
"#;

/// Prints the lists of a sink of files whose layout is the default one.
const READER: [&str; 4] = ["--", "sh", "-c", "cat \"$SINK_ROOT/dt=$SINK_DATE/account=$SINK_ACCOUNT\"/*.ndjson"];

fn test(project: &Project, file: &str, sink: &str, more: &[&str]) -> Ended {
    project.fanout(&[&["sinks", "test", file, "--sink", sink], more].concat())
}

fn count(ended: &Ended, outcome: &str) -> usize {
    ended.stdout.lines().filter(|line| line.starts_with(&format!("{outcome} "))).count()
}

#[test]
fn a_sink_of_files_is_tested_elsewhere() {
    let project = Project::new(FILES);
    let ended = test(&project, "pipeline.toml", "archive", &[]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(count(&ended, "broken"), 0, "{ended:?}");
    assert!(ended.stdout.contains("skipped  a_list_is_published_exactly_and_in_order: nothing reads"), "{ended:?}");
    let (kept, skipped) = (count(&ended, "kept"), count(&ended, "skipped"));
    let last = format!(
        "{kept} kept, {skipped} skipped, 0 broken; nothing was read back: name a reader after `--` to compare the rows"
    );
    assert_eq!(ended.stdout.lines().last(), Some(last.as_str()));
    assert_eq!(project.files(), [project.path("pipeline.toml")]);
}

#[test]
fn with_a_reader_every_row_is_compared() {
    let project = Project::new(FILES);
    let ended = test(&project, "pipeline.toml", "archive", &READER);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let skipped: Vec<&str> =
        ended.stdout.lines().filter_map(|line| line.strip_prefix("skipped  ")?.split(':').next()).collect();
    let expected = [
        "a_list_of_one_column_is_published",
        "columns_come_in_any_order",
        "values_of_every_kind_come_back",
        "a_list_of_profiles_comes_back",
        "a_batch_refused_for_now_is_accepted_later",
    ];
    assert_eq!(skipped, expected);

    let wrong = ["--", "sh", "-c", "echo '{\"openid\":\"o\"}'"];
    let ended = test(&project, "pipeline.toml", "archive", &wrong);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(
        ended.stdout.contains("broken   a_list_is_published_exactly_and_in_order: found 1 rows, expected 10;"),
        "{ended:?}"
    );
}

#[test]
fn a_program_is_tested_where_it_publishes_and_more_than_once() {
    let project = examples();
    let reader =
        ["--yes", "--", "sh", "-c", "gzip -dc \"../../out/gzip/$SINK_DATE-$SINK_APP_ID-$SINK_LIST.ndjson.gz\""];
    for _ in 0..2 {
        let ended = test(&project, "examples/shell/gzip.toml", "lines", &reader);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(ended.stdout.contains("kept     a_list_is_published_exactly_and_in_order\n"), "{ended:?}");
        assert_eq!(count(&ended, "broken"), 0, "{ended:?}");
    }
}

#[test]
fn a_sink_that_breaks_its_promises_fails_the_test() {
    let ended = test(&Project::new(FILES), "pipeline.toml", "broken", &["--yes"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let line = "broken   the_report_counts_every_row: `commit` failed: `sh -c cat >/dev/null; exit 5` ended with exit status 5 \
                after the end of its input (`Sink`, line 8: the report counts every row that was written)";
    assert!(ended.stdout.lines().any(|found| found == line), "{ended:?}");
}

#[test]
fn nothing_is_published_to_a_real_place_unasked() {
    let project = Project::new(FILES);
    let error = |sink: &str| {
        let ended = test(&project, "pipeline.toml", sink, &[]);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{ended:?}");
        ended.stderr
    };
    assert_eq!(
        error("broken"),
        "error: pipeline.toml: `sinks.broken.type`: found `command`, which publishes made-up lists to its real destination, where \
         they stay; expected `--yes`, to allow that\n"
    );
    assert_eq!(
        error("archiv"),
        "error: pipeline.toml: `sinks`: found no sink `archiv`, which `--sink` asks for; expected one of `archive`, `broken`, \
         `stream`, `to_stdout`, `wrong`; did you mean `archive`?\n"
    );
    assert!(error("wrong").contains("`sinks.wrong.options.root`: missing"));
}

/// Prints the rows of an Arrow stream without the column that the sink adds.
const ARROW_READER: &str = r#"
import json, os, pyarrow
with pyarrow.OSFile(os.environ["SINK_ROOT"]) as file:
    rows = pyarrow.ipc.open_stream(file).read_all().drop_columns(["dt"]).to_pylist()
for row in rows:
    print(json.dumps(row, default=lambda value: value.isoformat()))
"#;

#[test]
fn a_one_shot_sink_keeps_what_a_sink_without_a_memory_can_promise() {
    let Some(python) = python_with("pyarrow") else { return };
    let project = Project::new(FILES);
    let ended = test(&project, "pipeline.toml", "stream", &["--", &python, "-c", ARROW_READER]);
    assert_eq!((ended.code, count(&ended, "broken")), (Some(0), 0), "{ended:?}");
    assert!(ended.stdout.contains("kept     a_list_is_published_exactly_and_in_order\n"), "{ended:?}");
    let reason = ": the sink is one-shot: each run delivers anew, one list after the other\n";
    for case in ["nothing_is_visible_before_commit", "two_accounts_at_once_do_not_disturb_each_other"] {
        assert!(ended.stdout.contains(&format!("skipped  {case}{reason}")), "{ended:?}");
    }
    assert_eq!(project.files(), [project.path("pipeline.toml")]);

    let ended = test(&project, "pipeline.toml", "to_stdout", &["--yes"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{ended:?}");
    assert!(
        ended.stderr.contains("found a sink that writes to stdout, where the outcome of each case goes"),
        "{ended:?}"
    );
}
