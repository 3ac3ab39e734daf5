//! What a program answers when it is asked whether a list is still there, and what comes of it.

#![expect(clippy::unwrap_used, reason = "the functions beside a test may panic, as the test itself may")]

mod python;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use fanout_sink::arrow::array::{RecordBatch, StringArray};
use fanout_sink::arrow::datatypes::{DataType, Field, Schema};
use fanout_sink::chrono::{DateTime, TimeDelta, Utc};
use fanout_sink::{Batch, Found, Output, Sink, SinkContext, SinkError, SinkFactory, SinkReport, WalkId};
use fanout_sink_command::CommandFactory;
use python::python;
use serde_json::{Value, json};
use tempfile::TempDir;

const SAY: &str = r#"say() { printf '{"type":%s}\n' "$1"; }; read -r hello;"#;
const FIND: &str = r#"say '"ready","find":true'; read -r find;"#;

/// Where `fanout_etl` is.
fn environment() -> Value {
    json!({ "PYTHONPATH": Path::new(env!("CARGO_MANIFEST_DIR")).join("../../integrations/python") })
}

fn begun_at() -> DateTime<Utc> {
    "2026-11-22T01:02:03.4Z".parse().unwrap()
}

fn context(folder: &Path) -> SinkContext {
    let schema = Arc::new(Schema::new(vec![Field::new("openid", DataType::Utf8, false)]));
    SinkContext::new("brand", "wx1", schema)
        .with_walk(WalkId::new(7, begun_at()), "2026-11-22".parse().unwrap())
        .with_facts(begun_at(), Some(3))
        .with_digest("sha256:00")
        .with_directory(folder)
}

fn report() -> SinkReport {
    let outputs = vec![Output { location: "out/list.csv".to_owned(), rows: 3, bytes: 120 }];
    SinkReport { rows: 3, bytes: 120, outputs, mount: None }
}

async fn find_with(command: Value, context: &SinkContext) -> Result<Found, SinkError> {
    let options = json!({
        "command": command, "settings": { "folder": "out" }, "environment": environment(), "start_timeout_secs": 2,
        "grace_secs": 2,
    });
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
        ("digest", json!("sha256:00")),
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

/// The answers of `fanout_etl.sink` about the file of `report`, which is beside its label. With
/// today's settings, `csv_sink.py` would write another file.
struct Example {
    folder: TempDir,
    python: String,
}

impl Example {
    const FILE: &str = "list.csv";
    const LABEL: &str = ".list.csv.label";

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
        std::fs::write(self.out(Self::LABEL), label.to_string()).unwrap();
        std::fs::write(self.out(Self::FILE), vec![b'x'; bytes]).unwrap();
    }

    fn out(&self, name: &str) -> PathBuf {
        self.folder.path().join("out").join(name)
    }

    /// Returns the names in the folder `out`.
    fn names(&self) -> Vec<String> {
        let entries = self.out("").read_dir().unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort_unstable();
        names
    }

    fn command(&self) -> Value {
        json!([self.python, Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/python/csv_sink.py")])
    }

    async fn find(&self) -> Found {
        find_with(self.command(), &context(self.folder.path())).await.unwrap()
    }

    /// Delivers a list of three rows up to its `prepare`.
    async fn prepared(&self) -> impl Sink {
        let context = context(self.folder.path());
        let options =
            json!({ "command": self.command(), "settings": { "folder": "out" }, "environment": environment() });
        let options = serde_json::from_value(options).unwrap();
        let mut sink = CommandFactory.open(options, context.clone()).await.unwrap();
        let column = StringArray::from_iter_values(["o1", "o2", "o3"]);
        let records = RecordBatch::try_new(context.schema.clone(), vec![Arc::new(column)]).unwrap();
        sink.write(&Batch::new(0, records)).await.unwrap();
        let snapshot = json!({
            "walk": context.walk, "date": context.date, "begun_at": begun_at(), "rows": 3, "first_fetched_at": null,
            "last_fetched_at": null, "digest": "", "proof": {},
        });
        sink.prepare(&serde_json::from_value(snapshot).unwrap()).await.unwrap();
        sink
    }
}

#[tokio::test]
async fn the_example_in_python_tells_what_became_of_its_file() {
    let Some(python) = python() else { return };
    let example = Example::new(python);
    assert_eq!(example.find().await, Found::Gone);
    assert_eq!(example.names(), [""; 0], "a look makes nothing");
    example.place(120, &json!({}));
    assert_eq!(example.find().await, Found::Held);
    example.place(119, &json!({}));
    assert!(matches!(example.find().await, Found::Altered(text) if text.contains("119 bytes, expected 120")));
    example.place(120, &json!({ "sink": "other" }));
    assert!(matches!(example.find().await, Found::Taken(text) if text.contains("sink `other`")));
    let instant = |seconds| (begun_at() + TimeDelta::seconds(seconds)).format("%FT%T.%6fZ").to_string();
    // The number of the walk says nothing.
    let older = Found::Altered("out/list.csv is of the older walk 000009-20261122T010202Z".to_owned());
    for (number, seconds, expected) in [(1, 1, Found::Replaced), (9, -1, older)] {
        let walk = WalkId::new(number, begun_at() + TimeDelta::seconds(seconds));
        example.place(120, &json!({ "walk": walk, "begun_at": instant(seconds) }));
        assert_eq!(example.find().await, expected);
    }
    std::fs::remove_file(example.out(Example::LABEL)).unwrap();
    assert_eq!(example.find().await, Found::Unknown);
}

#[tokio::test]
async fn the_example_in_python_does_not_guess() {
    let Some(python) = python() else { return };
    let example = Example::new(python);
    example.place(120, &json!({ "begun_at": 7, "walk": "another" }));
    assert_eq!(example.find().await, Found::Unknown);
    for label in ["", "{\"pipeline\":", "null", "[]", "{}"] {
        std::fs::write(example.out(Example::LABEL), label).unwrap();
        assert_eq!(example.find().await, Found::Unknown, "{label}");
    }
    // The folder may be on a disk that is not mounted.
    std::fs::remove_dir_all(example.out("")).unwrap();
    assert_eq!(example.find().await, Found::Unknown);
    assert!(!example.out("").exists(), "a look makes nothing");
}

#[tokio::test]
async fn the_example_in_python_has_its_label_ready_before_the_commit() {
    const FILE: &str = "2026-11-22-wx1-followers.csv";
    let Some(python) = python() else { return };
    let example = Example::new(python);
    let mut sink = example.prepared().await;
    let names = example.names();
    assert!(names.len() == 2 && names[0].starts_with(&format!("{FILE}.staged-")), "{names:?}");
    assert_eq!(names[1], format!("{}.label", names[0]));
    let label = std::fs::read(example.out(&names[1])).unwrap();
    let bytes = std::fs::metadata(example.out(&names[0])).unwrap().len();
    assert_eq!(serde_json::from_slice::<Value>(&label).unwrap()["bytes"], json!(bytes));
    sink.abort().await.unwrap();
    assert_eq!(example.names(), [""; 0]);
    example.prepared().await.commit().await.unwrap();
    assert_eq!(example.names(), [&format!(".{FILE}.label"), FILE]);
    assert_eq!(std::fs::read(example.out(&format!(".{FILE}.label"))).unwrap(), label);
}

#[tokio::test]
async fn the_example_in_python_refuses_a_protocol_that_it_does_not_know() {
    let Some(python) = python() else { return };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/python/csv_sink.py");
    let hello = r#"{"type":"hello","protocol":3}"#;
    let mut command = Command::new("sh");
    command.args(["-c", r#"printf '%s\n' "$1" | "$2" "$3""#, "sh", hello, &python]).arg(script);
    command.env("PYTHONPATH", Path::new(env!("CARGO_MANIFEST_DIR")).join("../../integrations/python"));
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.starts_with(r#"{"type": "error", "class": "permanent", "message": "fanout_etl.sink knows protocol 2"#),
        "{text}"
    );
}
