//! What a program answers when it is asked whether a list is still there, and what comes of it.

#![expect(clippy::unwrap_used, reason = "the functions beside a test may panic, as the test itself may")]

mod python;

use std::path::Path;
use std::sync::Arc;

use fanout_sink::arrow::datatypes::{DataType, Field, Schema};
use fanout_sink::chrono::{DateTime, TimeDelta, Utc};
use fanout_sink::{Found, Output, SinkContext, SinkError, SinkFactory, SinkReport, WalkId};
use fanout_sink_command::CommandFactory;
use python::python;
use serde_json::{Value, json};
use tempfile::TempDir;

const SAY: &str = r#"say() { printf '{"type":%s}\n' "$1"; }; read -r hello;"#;
const FIND: &str = r#"say '"ready","find":true'; read -r find;"#;

fn begun_at() -> DateTime<Utc> {
    "2026-11-22T01:02:03.4Z".parse().unwrap()
}

fn context(folder: &Path) -> SinkContext {
    let schema = Arc::new(Schema::new(vec![Field::new("openid", DataType::Utf8, false)]));
    SinkContext::new("brand", "wx1", schema)
        .with_walk(WalkId::new(7, begun_at()), "2026-11-22".parse().unwrap())
        .with_facts(begun_at(), Some(3))
        .with_directory(folder)
}

fn report() -> SinkReport {
    let outputs = vec![Output { location: "out/list.csv".to_owned(), rows: 3, bytes: 120 }];
    SinkReport { rows: 3, bytes: 120, outputs, mount: None }
}

async fn find_with(command: Value, context: &SinkContext) -> Result<Found, SinkError> {
    let options =
        json!({ "command": command, "settings": { "folder": "out" }, "start_timeout_secs": 2, "grace_secs": 2 });
    CommandFactory.find(&serde_json::from_value(options).unwrap(), context, &report()).await
}

/// Asks a shell script, which has read the hello.
async fn find(script: &str) -> Result<Found, SinkError> {
    let folder = tempfile::tempdir().unwrap();
    let command = json!(["sh", "-c", format!("{SAY}{script}")]);
    find_with(command, &context(folder.path())).await
}

#[tokio::test]
async fn each_of_the_six_words_is_an_answer() {
    for (answer, expected) in [
        (r#""found","state":"held""#, Found::Held),
        (r#""found","state":"replaced""#, Found::Replaced),
        (
            r#""found","state":"taken","message":"a list of the sink `x`""#,
            Found::Taken("a list of the sink `x`".to_owned()),
        ),
        (r#""found","state":"altered","message":"2 rows""#, Found::Altered("2 rows".to_owned())),
        (r#""found","state":"altered""#, Found::Altered("the program does not say what is there".to_owned())),
        (r#""found","state":"gone""#, Found::Gone),
        (r#""found","state":"unknown""#, Found::Unknown),
    ] {
        assert_eq!(find(&format!("{FIND} say '{answer}'")).await.unwrap(), expected, "{answer}");
    }
}

#[tokio::test]
async fn a_program_that_cannot_look_is_not_asked() {
    for ready in [r#"say '"ready"'; "#, r#"say '"ready","find":false';"#] {
        // A line would be a question.
        assert_eq!(find(&format!("{ready} ! read -r line")).await.unwrap(), Found::Unknown, "{ready}");
    }
    let folder = tempfile::tempdir().unwrap();
    let options = json!({ "command": ["false"], "protocol": "plain" });
    let options = serde_json::from_value(options).unwrap();
    let found = CommandFactory.find(&options, &context(folder.path()), &report()).await;
    assert_eq!(found.unwrap(), Found::Unknown);
}

#[tokio::test]
async fn a_program_is_told_the_task_and_what_it_has_reported() {
    let folder = tempfile::tempdir().unwrap();
    let keep = format!(r#"{SAY}{FIND} printf '%s\n%s\n' "$hello" "$find" >said; say '"found","state":"held"'"#);
    find_with(json!(["sh", "-c", keep]), &context(folder.path())).await.unwrap();
    let said = std::fs::read_to_string(folder.path().join("said")).unwrap();
    let said: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for (key, value) in [
        ("type", json!("hello")),
        ("protocol", json!(2)),
        ("task", json!("find")),
        ("list", json!("followers")),
        ("walk", json!("000007-20261122T010203Z")),
        ("begun_at", json!("2026-11-22T01:02:03.400000Z")),
        ("rows", json!(3)),
    ] {
        assert_eq!(said[0][key], value, "{key}");
    }
    assert_eq!(said[1], json!({ "type": "find", "commit": report() }));
}

#[tokio::test]
async fn an_answer_against_the_protocol_is_an_error() {
    for (script, expected) in [
        (r#"say '"found","state":"held"'"#, "said `found` before it said `ready`; expected `ready` or `error`"),
        ("exit 3", "ended with exit status 3 before it said `ready`"),
        (r#"say '"ready","find":true'; exit 4"#, "ended with exit status 4 after `find`, before it said `found`"),
        (r#"say '"ready","find":true'; sleep 100"#, "did not say `found` or `error` within `start_timeout_secs` = 2"),
        (r#"say '"ready","find":true'; say '"prepared"'"#, "said `prepared` after `find`, before it said `found`"),
        (r#"say '"ready","find":true'; say '"found","state":"lost"'"#, "unknown variant `lost`"),
        (r#"say '"ready","find":true'; say '"found"'"#, "missing field `state`"),
    ] {
        let error = find(script).await.unwrap_err();
        assert!(error.to_string().contains(expected) && !error.is_temporary(), "{script}: {error}");
    }
    let error = find(r#"say '"error","class":"temporary","message":"the database starts"'"#).await.unwrap_err();
    assert!(error.is_temporary() && error.to_string().ends_with("says: the database starts"), "{error}");
}

/// The answers of `fanout_sink.py` about a file, which is beside its label.
struct Example {
    folder: TempDir,
    python: String,
}

impl Example {
    const FILE: &str = "2026-11-22-wx1-followers.csv";

    fn new(python: String) -> Self {
        let example = Self { folder: tempfile::tempdir().unwrap(), python };
        std::fs::create_dir(example.folder.path().join("out")).unwrap();
        example
    }

    /// Writes the file, and the label of a list as the example does, but for `changes`.
    fn place(&self, bytes: usize, changes: &Value) {
        let context = context(self.folder.path());
        let mut label = json!({
            "pipeline": context.pipeline, "sink": context.sink, "app_id": "wx1", "list": "followers",
            "walk": context.walk, "begun_at": "2026-11-22T01:02:03.400000Z", "bytes": 120,
        });
        label.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        let out = self.folder.path().join("out");
        std::fs::write(out.join(format!(".{}.label", Self::FILE)), label.to_string()).unwrap();
        std::fs::write(out.join(Self::FILE), vec![b'x'; bytes]).unwrap();
    }

    async fn find(&self) -> Found {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/python/csv_sink.py");
        let context = context(self.folder.path());
        find_with(json!([self.python, script]), &context).await.unwrap()
    }
}

#[tokio::test]
async fn the_example_in_python_tells_what_became_of_its_file() {
    let Some(python) = python() else { return };
    let example = Example::new(python);
    assert_eq!(example.find().await, Found::Gone);
    assert!(example.folder.path().join("out").read_dir().unwrap().next().is_none(), "a look makes nothing");
    example.place(120, &json!({}));
    assert_eq!(example.find().await, Found::Held);
    example.place(119, &json!({}));
    assert!(matches!(example.find().await, Found::Altered(text) if text.contains("119 bytes, expected 120")));
    example.place(120, &json!({ "sink": "other" }));
    assert!(matches!(example.find().await, Found::Taken(text) if text.contains("sink `other`")));
    let instant = |seconds| (begun_at() + TimeDelta::seconds(seconds)).format("%FT%T.%6fZ").to_string();
    // The number of the walk says nothing.
    for (number, seconds, expected) in [(1, 1, Found::Replaced), (9, -1, Found::Gone)] {
        let walk = WalkId::new(number, begun_at() + TimeDelta::seconds(seconds));
        example.place(120, &json!({ "walk": walk, "begun_at": instant(seconds) }));
        assert_eq!(example.find().await, expected);
    }
    std::fs::remove_file(example.folder.path().join("out").join(format!(".{}.label", Example::FILE))).unwrap();
    assert_eq!(example.find().await, Found::Unknown);
}
