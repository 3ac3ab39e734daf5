//! Programs that break the protocol, and the errors that their users see. In every case nothing is
//! committed and no process is left.

#![expect(clippy::unwrap_used, reason = "the functions beside a test may panic, as the test itself may")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use fanout_sink::arrow::array::{Int64Array, RecordBatch};
use fanout_sink::arrow::datatypes::{DataType, Field, Schema};
use fanout_sink::{
    Batch, Secret, SecretReference, Sink, SinkContext, SinkError, SinkFactory, SinkReport, Snapshot,
    with_secret_resolver,
};
use fanout_sink_command::CommandFactory;
use serde_json::{Value, json};
use tempfile::TempDir;

/// Functions for every script. `snapshot` waits for the end of the list: only the line after it
/// contains the word `followers`.
const PRELUDE: &str = r#"
say() { printf '{"type":%s}\n' "$1"; }
hello() { read -r hello; say '"ready"'; }
snapshot() { grep -a -q proof; }
echo $$ >>pids
"#;

/// The value of every secret in these tests.
const SECRET: &str = "correct horse battery";

/// A script, its options, and the list that it receives.
struct Scenario {
    folder: TempDir,
    script: &'static str,
    options: Value,
    /// The rows of each batch.
    batches: &'static [i64],
}

impl Scenario {
    /// Two batches of three rows for `script`.
    fn of(script: &'static str) -> Self {
        let options = json!({
            "grace_secs": 2,
            "environment": { "TOKEN": { "env": "TOKEN" } },
        });
        Self { folder: tempfile::tempdir().unwrap(), script, options, batches: &[3, 3] }
    }

    fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.options[key] = value.into();
        self
    }

    fn in_batches(self, batches: &'static [i64]) -> Self {
        Self { batches, ..self }
    }

    async fn open(&self) -> Result<impl Sink, SinkError> {
        let mut options = self.options.clone();
        options["command"] = json!(["sh", "-c", format!("{PRELUDE}{}", self.script)]);
        let resolve = |_: &SecretReference| Ok(Secret::new(SECRET));
        let options = with_secret_resolver(resolve, || serde_json::from_value(options)).unwrap();
        CommandFactory.open(options, self.context()).await
    }

    fn context(&self) -> SinkContext {
        SinkContext::new("brand", "wx1", schema()).with_directory(self.folder.path())
    }

    /// Delivers the list as the engine does, and aborts if that fails.
    async fn run(&self) -> Result<SinkReport, SinkError> {
        let mut sink = self.open().await?;
        let delivered = deliver(&mut sink, self.batches).await;
        if delivered.is_err() {
            sink.abort().await.unwrap();
        }
        delivered
    }

    async fn error(&self) -> SinkError {
        let error = self.run().await.unwrap_err();
        assert!(!format!("{error} {:?}", error.hint()).contains(SECRET), "{error}");
        assert_eq!(self.survivors(), [""; 0], "{error}");
        error
    }

    /// Waits for the processes of the script to end, and returns those that do not.
    fn survivors(&self) -> Vec<String> {
        let pids = std::fs::read_to_string(self.folder.path().join("pids")).unwrap_or_default();
        let started = Instant::now();
        let mut survivors: Vec<String> = pids.lines().map(str::to_owned).collect();
        while !survivors.is_empty() && started.elapsed() < Duration::from_secs(5) {
            survivors.retain(|pid| is_there(pid));
            std::thread::sleep(Duration::from_millis(5));
        }
        survivors
    }
}

/// Returns whether a process runs, or is a child of this one that was not reaped.
fn is_there(pid: &str) -> bool {
    let Ok(text) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else { return false };
    let mut fields = text.rsplit(')').next().unwrap().split_whitespace();
    let (state, parent) = (fields.next().unwrap(), fields.next().unwrap());
    state != "Z" || parent == std::process::id().to_string()
}

async fn deliver(sink: &mut impl Sink, batches: &[i64]) -> Result<SinkReport, SinkError> {
    let mut followers = 0;
    for (sequence, rows) in batches.iter().enumerate() {
        let column = Int64Array::from_iter_values(followers..followers + rows);
        let records = RecordBatch::try_new(schema(), vec![Arc::new(column)]).unwrap();
        sink.write(&Batch::new(sequence as u64, records)).await?;
        followers += rows;
    }
    sink.prepare(&snapshot(followers as u64)).await?;
    sink.commit().await
}

fn schema() -> Arc<Schema> {
    Arc::new(Schema::new(vec![Field::new("position", DataType::Int64, false)]))
}

fn snapshot(followers: u64) -> Snapshot {
    serde_json::from_value(json!({
        "walk": "000001-20260130T000000Z", "date": "2026-01-30", "begun_at": "2026-01-30T00:00:00Z", "rows": followers,
        "first_fetched_at": null, "last_fetched_at": null, "digest": "", "proof": {},
    }))
    .unwrap()
}

/// Makes a test of each script and its error.
macro_rules! misbehaviour {
    ($($name:ident: $scenario:expr => $message:literal $(, hint $hint:literal)?;)*) => {
        $(#[tokio::test]
        async fn $name() {
            let error = $scenario.error().await;
            let words = error.to_string();
            let (command, said) = words.split_once("` ").unwrap();
            assert!(command.starts_with('`'), "{words}");
            assert_eq!(said, $message);
            assert!(!error.is_temporary());
            $(assert_eq!(error.hint(), Some($hint));)?
        })*
    };
}

const NOT_A_MESSAGE: &str =
    "stdout is for messages, one JSON object a line; what else there is to say belongs on stderr";

misbehaviour! {
    it_dies_at_the_start: Scenario::of("echo 'no module' >&2; exit 3")
        => "ended with exit status 3 before it said `ready`; stderr ends with `no module`";
    it_shows_its_secret_and_dies: Scenario::of("echo \"the token is $TOKEN\" >&2; exit 1")
        => "ended with exit status 1 before it said `ready`; stderr ends with `the token is [redacted]`";
    it_is_killed: Scenario::of("hello; snapshot; kill -KILL $$")
        => "was ended by signal 9 after the list, before it said `prepared`";
    it_ends_well_but_too_early: Scenario::of("hello").with("window", 1)
        => "ended with exit status 0 while it was given the list";
    it_never_gets_ready: Scenario::of("sleep 100").with("start_timeout_secs", 1)
        => "did not say `ready` or `error` within `start_timeout_secs` = 1";
    it_writes_garbage: Scenario::of("echo hello, world")
        => "wrote a line to stdout that is no message: `hello, world` (expected value at line 1 column 1)",
        hint "stdout is for messages, one JSON object a line; what else there is to say belongs on stderr";
    it_writes_its_secret: Scenario::of("echo \"$TOKEN\"")
        => "wrote a line to stdout that is no message: `[redacted]` (expected value at line 1 column 1)";
    it_writes_its_secret_where_a_type_belongs: Scenario::of("say \"\\\"$TOKEN\\\"\"")
        => "wrote a line to stdout that is no message: `{\"type\":\"[redacted]\"}` (unknown variant `[redacted]`, expected one of \
            `ready`, `found`, `written`, `prepared`, `committed`, `error` at line 1 column 31)";
    it_mistypes_a_message: Scenario::of("say '\"raedy\"'")
        => "wrote a line to stdout that is no message: `{\"type\":\"raedy\"}` (unknown variant `raedy`, expected one of \
            `ready`, `found`, `written`, `prepared`, `committed`, `error` at line 1 column 15)";
    it_mistypes_a_value: Scenario::of("hello; say '\"written\",\"batch\":1'; cat >/dev/null")
        => "wrote a line to stdout that is no message: `{\"type\":\"written\",\"batch\":1}` (unknown field `batch`, expected \
            `batches`)";
    it_commits_out_of_turn: Scenario::of("say '\"committed\",\"rows\":6'")
        => "said `committed` before it said `ready`; expected `ready` or `error`";
    it_prepares_out_of_turn: Scenario::of("hello; say '\"prepared\"'; sleep 100").with("window", 1)
        => "said `prepared` while it was given the list; expected `written` or `error`";
    it_acknowledges_too_much: Scenario::of("hello; snapshot; say '\"written\",\"batches\":3'")
        => "acknowledged 3 batches after 0; it has been given 2";
    it_acknowledges_twice: Scenario::of("hello; snapshot; say '\"written\",\"batches\":1'; say '\"written\",\"batches\":1'")
        => "acknowledged 1 batches after 1; it has been given 2";
    it_acknowledges_too_little: Scenario::of("hello; snapshot; say '\"written\",\"batches\":1'; say '\"prepared\"'")
        => "said `prepared` when it had acknowledged 1 of 2 batches";
    it_never_acknowledges: Scenario::of("hello; cat >/dev/null").with("window", 2).with("batch_timeout_secs", 1)
        => "acknowledged only 0 of 2 batches within `batch_timeout_secs` = 1";
    it_never_reads: Scenario::of("hello; sleep 100").in_batches(&[100_000]).with("batch_timeout_secs", 1)
        => "did not read batch 1 within `batch_timeout_secs` = 1";
    it_closes_its_input: Scenario::of("hello; exec <&-; sleep 100").in_batches(&[100_000])
        => "closed its stdin while it was given the list, and did not end";
    it_closes_its_output: Scenario::of("hello; exec >&-; cat >/dev/null").with("window", 1)
        => "ended with exit status 0 while it was given the list";
    it_miscounts_what_it_prepares: Scenario::of("hello; snapshot; say '\"written\",\"batches\":2'; say '\"prepared\",\"rows\":5'")
        => "has prepared 5 rows; it was given 6";
    it_miscounts_what_it_commits: Scenario::of(
        "hello; snapshot; say '\"written\",\"batches\":2'; say '\"prepared\"'; read -r line; say '\"committed\",\"rows\":7'")
        => "has committed 7 rows; it was given 6";
    it_dies_at_the_commit: Scenario::of(
        "hello; snapshot; say '\"written\",\"batches\":2'; say '\"prepared\"'; read -r line; echo \"full: $line\" >&2; exit 4")
        => "ended with exit status 4 after `commit`, before it said `committed`; stderr ends with `full: {\"type\":\"commit\"}`";
    it_never_commits: Scenario::of(
        "hello; snapshot; say '\"written\",\"batches\":2'; say '\"prepared\"'; sleep 100").with("commit_timeout_secs", 1)
        => "did not say `committed` or `error` within `commit_timeout_secs` = 1";
    it_floods_its_output_with_messages: Scenario::of("hello; exec yes '{\"type\":\"ready\"}'").with("window", 1)
        => "said `ready` while it was given the list; expected `written` or `error`";
    it_says_that_it_cannot: Scenario::of(
        "hello; say \"\\\"error\\\",\\\"class\\\":\\\"permanent\\\",\\\"message\\\":\\\"no table, $TOKEN\\\",\\\"hint\\\":\\\"make one\\\"\"; cat >/dev/null")
        .with("window", 1) => "says: no table, [redacted]", hint "make one";
    it_leaves_a_child_behind: Scenario::of("sleep 100 & echo $! >>pids; hello; exit 5").with("window", 1)
        => "ended with exit status 5 while it was given the list";
    it_hides_from_the_end: Scenario::of("trap '' TERM; hello; snapshot; while :; do sleep 1; done").with("prepare_timeout_secs", 1)
        => "did not say `written`, `prepared` or `error` within `prepare_timeout_secs` = 1";
    a_plain_one_fails: Scenario::of("cat >/dev/null; echo 'no space' >&2; exit 7").with("protocol", "plain")
        => "ended with exit status 7 after the end of its input; stderr ends with `no space`";
    a_plain_one_stops_reading: Scenario::of("head -n 1 >/dev/null").with("protocol", "plain").in_batches(&[100_000, 3])
        => "ended with exit status 0 while it was given the list";
    a_plain_one_never_reads: Scenario::of("sleep 100").with("protocol", "plain").in_batches(&[100_000]).with("batch_timeout_secs", 1)
        => "did not read a batch within `batch_timeout_secs` = 1";
    a_plain_one_never_ends: Scenario::of("cat >/dev/null; sleep 100").with("protocol", "plain").with("commit_timeout_secs", 1)
        => "did not end within `commit_timeout_secs` = 1 of the end of its input";
}

#[tokio::test]
async fn it_floods_its_output_with_a_line_that_does_not_end() {
    let error = Scenario::of("hello; yes | tr -d '\\n'").with("window", 1).error().await;
    assert!(error.to_string().ends_with("yyyyy…` (longer than 1048576 bytes)"), "{error}");
    assert_eq!(error.hint(), Some(NOT_A_MESSAGE));
}

#[tokio::test]
async fn a_program_that_keeps_to_the_protocol_commits() {
    let script = "say '\"ready\"'; read -r line
        snapshot; say '\"written\",\"batches\":2'; say '\"prepared\",\"rows\":6'; read -r line
        say \"\\\"committed\\\",\\\"rows\\\":6,\\\"outputs\\\":[{\\\"location\\\":\\\"here?$TOKEN\\\",\\\"rows\\\":6,\\\"bytes\\\":7}]\"";
    let scenario = Scenario::of(script);
    let mut sink = scenario.open().await.unwrap();
    let report = deliver(&mut sink, scenario.batches).await.unwrap();
    assert_eq!((report.rows, report.bytes, report.outputs[0].location.as_str()), (6, 7, "here?[redacted]"));
    assert_eq!(scenario.survivors(), [""; 0]);
    assert_eq!(sink.commit().await.unwrap(), report);
}

#[tokio::test]
async fn a_temporary_error_is_one() {
    let script = "say '\"error\",\"class\":\"temporary\",\"message\":\"the database starts\"'";
    let error = Scenario::of(script).error().await;
    assert!(error.is_temporary() && error.to_string().ends_with("says: the database starts"), "{error}");
}

#[tokio::test]
async fn a_temporary_error_over_the_list_is_one_after_which_it_begins_anew() {
    let script =
        "hello; say '\"error\",\"class\":\"temporary\",\"message\":\"the connection is gone\"'; cat >/dev/null";
    let error = Scenario::of(script).with("window", 1).error().await;
    assert!(error.is_aborted() && error.to_string().ends_with("says: the connection is gone"), "{error}");
}

#[tokio::test]
async fn a_commit_that_is_refused_for_now_is_asked_for_again() {
    let script = "hello; snapshot; say '\"written\",\"batches\":2'; say '\"prepared\"'
        read -r line; say '\"error\",\"class\":\"temporary\",\"message\":\"locked\"'
        read -r line; say '\"committed\",\"rows\":6'";
    let scenario = Scenario::of(script);
    let mut sink = scenario.open().await.unwrap();
    let error = deliver(&mut sink, scenario.batches).await.unwrap_err();
    assert!(error.is_temporary() && error.to_string().ends_with("says: locked"), "{error}");
    assert_eq!(sink.commit().await.unwrap().rows, 6);
}

#[tokio::test]
async fn an_abort_is_said_where_it_can_be_and_is_else_the_end_of_the_input() {
    let script =
        "hello; snapshot; say '\"written\",\"batches\":2'; say '\"prepared\"'; read -r line; echo \"$line\" >said";
    let scenario = Scenario::of(script);
    let mut sink = scenario.open().await.unwrap();
    sink.prepare(&snapshot(0)).await.unwrap_err();
    let mut sink = scenario.open().await.unwrap();
    for sequence in 0..2 {
        let records = RecordBatch::new_empty(schema());
        sink.write(&Batch::new(sequence, records)).await.unwrap();
    }
    sink.prepare(&snapshot(0)).await.unwrap();
    sink.abort().await.unwrap();
    assert_eq!(std::fs::read_to_string(scenario.folder.path().join("said")).unwrap(), "{\"type\":\"abort\"}\n");

    let scenario = Scenario::of("hello; cat >/dev/null; echo ended >said");
    let mut sink = scenario.open().await.unwrap();
    sink.abort().await.unwrap();
    assert_eq!(std::fs::read_to_string(scenario.folder.path().join("said")).unwrap(), "ended\n");
    assert_eq!(scenario.survivors(), [""; 0]);
}

#[tokio::test]
async fn a_program_that_does_not_abort_is_killed_with_all_that_it_has_started() {
    let scenario = Scenario::of("trap '' TERM; sleep 100 & echo $! >>pids; hello; while :; do sleep 1; done");
    let mut sink = scenario.open().await.unwrap();
    let error = sink.abort().await.unwrap_err();
    assert!(error.to_string().ends_with("did not end within `grace_secs` = 2 of its abort"), "{error}");
    assert_eq!(scenario.survivors(), [""; 0]);
}

#[tokio::test]
async fn an_abort_is_no_end_of_the_input_for_a_plain_program() {
    let scenario = Scenario::of("cat >staged && mv staged published").with("protocol", "plain");
    let mut sink = scenario.open().await.unwrap();
    sink.abort().await.unwrap();
    assert!(!scenario.folder.path().join("published").exists());
    assert_eq!(scenario.survivors(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_whose_sink_is_dropped_is_killed() {
    let scenario = Scenario::of("trap '' TERM; hello; while :; do sleep 1; done");
    drop(scenario.open().await.unwrap());
    // The runtime reaps it in the background.
    assert_eq!(scenario.survivors(), [""; 0]);
}

#[tokio::test]
async fn a_program_has_the_environment_that_is_listed() {
    let scenario = Scenario::of("hello; env >environment; cat >/dev/null")
        .with("environment", json!({ "TOKEN": { "env": "TOKEN" }, "LEVEL": "debug", "LANG": "C" }));
    let mut sink = scenario.open().await.unwrap();
    sink.abort().await.unwrap();
    let text = std::fs::read_to_string(scenario.folder.path().join("environment")).unwrap();
    let variables: Vec<&str> = text.lines().filter_map(|line| Some(line.split_once('=')?.0)).collect();
    let documented =
        ["PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "TOKEN", "LEVEL"];
    // Variables that a shell sets itself.
    let shell = ["PWD", "OLDPWD", "SHLVL", "_"];
    for name in variables {
        assert!(name.starts_with("SINK_") || documented.contains(&name) || shell.contains(&name), "{name}");
    }
    for line in [
        &format!("TOKEN={SECRET}"),
        "LEVEL=debug",
        "LANG=C",
        "SINK_ACCOUNT=brand",
        "SINK_APP_ID=wx1",
        "SINK_LIST=followers",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is not in {text}");
    }
}

#[tokio::test]
async fn what_cannot_be_started_is_found_before() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("script"), "").unwrap();
    let context = SinkContext::new("brand", "wx1", schema()).with_directory(folder.path());
    let script = folder.path().join("script").canonicalize().unwrap();
    for (options, key, message) in [
        (json!({ "command": [] }), "command", "`command` names no program".to_owned()),
        (
            json!({ "command": ["no-such-program"] }),
            "command",
            "the program `no-such-program` is in no folder of `PATH`".to_owned(),
        ),
        (
            json!({ "command": ["./script"] }),
            "command",
            format!("the program `{}` is not executable", script.display()).replace("/script", "/./script"),
        ),
        (json!({ "command": ["./missing"] }), "command", "/./missing` is not there".to_owned()),
        (json!({ "command": ["sh"], "directory": "nowhere" }), "directory", "nowhere` cannot be entered".to_owned()),
        (json!({ "command": ["sh"], "directory": "script" }), "directory", "script` cannot be entered".to_owned()),
        (
            json!({ "command": ["sh"], "format": "arrow" }),
            "format",
            "`format` belongs to `protocol = \"plain\"`".to_owned(),
        ),
        (
            json!({ "command": ["sh"], "protocol": "plain", "settings": { "a": 1 } }),
            "settings",
            "`settings` belongs to `protocol = \"arrow\"`".to_owned(),
        ),
        (
            json!({ "command": ["sh"], "protocol": "plain", "guarantee": "exactly_once" }),
            "guarantee",
            "`guarantee` belongs to".to_owned(),
        ),
        (
            json!({ "command": ["sh"], "environment": { "SINK_DATE": "x" } }),
            "environment.SINK_DATE",
            "is set by fanout".to_owned(),
        ),
        (
            json!({ "command": ["sh"], "environment": { "A=B": "x" } }),
            "environment",
            "cannot be the name of a variable".to_owned(),
        ),
    ] {
        let options = || serde_json::from_value(options.clone()).unwrap();
        let errors = [
            CommandFactory.check(&options(), &context).await.unwrap_err(),
            CommandFactory.open(options(), context.clone()).await.map(drop).unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.key(), Some(key), "{error}");
            assert!(error.to_string().contains(&message), "{error}, expected {message}");
        }
    }
}
