//! A crash leaves no core file, which would hold the secret and the token, and a panic prints no
//! secret.

use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use fanout::SinkRegistry;
use fanout::config::{Environment, Overrides, Pipeline};
use fanout::engine::{self, Progress, RunOptions};
use fanout::simulator::{Effect, Endpoint, Fault, Simulator, TOKEN_MARKER, When};
use fanout_sink::schemars::{self, JsonSchema};
use fanout_sink::{
    Batch, Delivery, Found, Secret, Sink, SinkContext, SinkError, SinkFactory, SinkReport, Snapshot, async_trait,
};
use serde::Deserialize;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use crate::support::{Ended, Project, say, signal, variable, wait_until, wrapped};

const CANARY: &str = "CANARYSECRET";

fn pipeline(base_url: &str, sink: &str) -> String {
    format!(
        "name = 'crash'\n[source]\nbase_url = '{base_url}'\n[[accounts]]\nname = 'brand'\napp_id = 'wxcores'\n\
         secret = {{ env = 'TEST_SECRET' }}\n[sinks.lines]\n{sink}\n"
    )
}

/// Returns a command that may write core files of any size, if the system lets it.
fn with_cores(command: &Command) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", "ulimit -c unlimited && exec \"$@\"", "sh"]);
    let mut shell = wrapped(shell, command);
    shell.stdout(Stdio::null()).stderr(Stdio::null());
    shell
}

/// Sends a signal until the process has ended. Rust's handler for stack overflows takes the first
/// SIGSEGV and returns, so that it comes again.
fn end_by(mut process: Child, name: &str) -> ExitStatus {
    loop {
        if let Some(status) = process.try_wait().unwrap() {
            return status;
        }
        signal(&process, name);
        thread::sleep(Duration::from_millis(50));
    }
}

/// Returns whether the system writes a core file of a process that does not forbid it; if not,
/// nothing can be tested.
fn system_writes_cores() -> bool {
    let folder = tempfile::tempdir().unwrap();
    let mut sleep = Command::new("sleep");
    let sleep = with_cores(sleep.arg("60")).current_dir(folder.path()).spawn().unwrap();
    // The shell must have become `sleep` before the signal comes.
    let name = format!("/proc/{}/comm", sleep.id());
    wait_until("the program", || std::fs::read_to_string(&name).is_ok_and(|name| name.trim() == "sleep"));
    let writes = end_by(sleep, "ABRT").core_dumped();
    if !writes {
        say("skipped: this system writes no core files, or its hard limit (`ulimit -H -c`) forbids them");
    }
    writes
}

/// Returns whether this process, and so every program that it starts, ignores a signal.
fn is_ignored(number: u32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.is_some_and(|mask| u64::from_str_radix(mask.trim(), 16).unwrap() >> (number - 1) & 1 == 1)
}

#[test]
fn a_crash_leaves_no_core_file_whatever_the_limit_is() {
    if !system_writes_cores() {
        return;
    }
    let stall = Fault::new(Endpoint::UserGet, When::Call(2), Effect::Stall);
    for (name, number) in [("ABRT", 6), ("SEGV", 11), ("QUIT", 3), ("XCPU", 24)] {
        if is_ignored(number) {
            say(&format!("skipped: SIG{name} is ignored where the tests were started, as `nohup` and `&` make it"));
            continue;
        }
        let builder = Simulator::builder().followers(30).page_size(10).fault(stall.clone());
        let project = Project::builder().name("crash").account("brand", "wxcores").simulator(builder);
        let project = project.sink_of_files("lines", "ndjson", "").secret("TEST_SECRET", CANARY).build();
        let process = with_cores(&project.run_command(&[])).spawn().unwrap();
        // From the second call on it holds the secret and a token.
        while project.calls() < 2 {
            thread::sleep(Duration::from_millis(5));
        }
        let status = end_by(process, name);
        assert!(status.signal().is_some(), "SIG{name}: {status:?}");
        assert!(!status.core_dumped(), "SIG{name}: {status:?}");
        for path in project.files() {
            let content = std::fs::read(&path).unwrap();
            for needle in [CANARY, TOKEN_MARKER] {
                let found = content.windows(needle.len()).any(|window| window == needle.as_bytes());
                assert!(!found, "SIG{name}: {needle} is in {}", path.display());
            }
        }
    }
}

/// A sink that panics with its options and its context in the message.
struct Clumsy;

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[schemars(crate = "schemars")]
struct ClumsyOptions {
    #[expect(dead_code, reason = "only its `Debug` is looked at")]
    password: Secret,
}

struct ClumsySink(ClumsyOptions, SinkContext);

#[async_trait]
impl SinkFactory for Clumsy {
    type Options = ClumsyOptions;
    type Sink = ClumsySink;

    fn name(&self) -> &'static str {
        "clumsy"
    }

    fn summary(&self) -> &'static str {
        "panics"
    }

    fn delivery(&self, _options: &ClumsyOptions) -> Delivery {
        Delivery::Staged
    }

    fn memory(&self, _options: &ClumsyOptions) -> u64 {
        0
    }

    fn roots(&self, _options: &ClumsyOptions) -> Vec<fanout_sink::Root> {
        Vec::new()
    }

    async fn check(&self, _options: &ClumsyOptions, _context: &SinkContext) -> Result<(), SinkError> {
        Ok(())
    }

    async fn open(&self, options: ClumsyOptions, context: SinkContext) -> Result<ClumsySink, SinkError> {
        Ok(ClumsySink(options, context))
    }

    async fn find(
        &self,
        _options: &ClumsyOptions,
        _context: &SinkContext,
        _report: &SinkReport,
    ) -> Result<Found, SinkError> {
        Ok(Found::Unknown)
    }
}

#[async_trait]
impl Sink for ClumsySink {
    async fn write(&mut self, _batch: &Batch) -> Result<(), SinkError> {
        panic!("too clumsy: {:?} {:?}", self.0, self.1)
    }

    async fn prepare(&mut self, _snapshot: &Snapshot) -> Result<(), SinkError> {
        Ok(())
    }

    async fn commit(&mut self) -> Result<SinkReport, SinkError> {
        Ok(SinkReport::default())
    }

    async fn abort(&mut self) -> Result<(), SinkError> {
        Ok(())
    }
}

#[test]
#[ignore = "the process that the next test looks at"]
fn a_run_with_a_sink_that_panics() {
    let Some(base_url) = variable("PANIC_BASE_URL") else { return };
    let sink = "type = 'clumsy'\noptions = { password = { env = 'TEST_SECRET' } }";
    let environment = Environment::from_iter([("TEST_SECRET", CANARY)]);
    let overrides = Overrides { environment, ..Overrides::default() };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("p.toml");
    let pipeline = Pipeline::from_toml(&pipeline(&base_url, sink), &file, &overrides).unwrap();
    let progress = Arc::new(Progress::new(&pipeline));
    let registry = SinkRegistry::builtin().with(Clumsy);
    let run = engine::run(pipeline.clone(), &registry, RunOptions::default(), progress, CancellationToken::new());
    let report = Runtime::new().unwrap().block_on(run).unwrap();
    panic!("{pipeline:?} {registry:?} {report:?}");
}

#[test]
fn a_panic_prints_no_secret() {
    let project = Project::reading("", Simulator::builder().followers(30).page_size(10));
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args([
        "--exact",
        "secrecy::panics_and_core_files::a_run_with_a_sink_that_panics",
        "--ignored",
        "--nocapture",
    ]);
    let ended = Ended::of(child.env("PANIC_BASE_URL", project.api().base_url()).env("RUST_BACKTRACE", "full"));
    let written = ended.stdout.clone() + &ended.stderr;
    // The sink panicked twice, with its options in the message and a backtrace.
    assert!(written.matches("too clumsy: ClumsyOptions { password: Secret(…) }").count() == 2, "{written}");
    assert!(written.contains("the sink panicked") && written.contains("stack backtrace:"), "{written}");
    assert_eq!(project.api().requests().stable_token, 1);
    for needle in [CANARY, TOKEN_MARKER] {
        assert!(!written.contains(needle), "{needle} was printed: {written}");
    }
}
