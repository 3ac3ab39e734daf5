//! A Postgres server for the tests, in a temporary folder and on a socket. It stops when the last
//! test drops it.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio_postgres::{Client, NoTls};

/// The user of the server if the tests run as root, which Postgres refuses. Every Unix has the user
/// `nobody`.
const NOBODY: u32 = 65_534;

const DEFAULT_PORT: u16 = 5432;

/// How long the server may take to start.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// A server that is running.
#[derive(Debug)]
pub(crate) struct Server {
    folder: TempDir,
    process: Child,
    bin: PathBuf,
    /// The port; the socket's name contains it, too.
    port: u16,
}

/// Returns the server that the tests share; without one, prints that `test` is skipped and returns
/// `None`.
pub(crate) fn server(test: &str) -> Option<Arc<Server>> {
    static SHARED: Mutex<Weak<Server>> = Mutex::new(Weak::new());
    let bin = bin(test)?;
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    Some(shared.upgrade().unwrap_or_else(|| {
        let server = Arc::new(Server::start(bin, None));
        *shared = Arc::downgrade(&server);
        server
    }))
}

/// Returns the folder of the programs of a Postgres server; without one, prints that `test` is
/// skipped and returns `None`.
pub(crate) fn bin(test: &str) -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let folders = versions.map(|version| version.unwrap().path().join("bin"));
    let folders = folders.chain(variable("POSTGRES_BIN").map(PathBuf::from));
    let found = folders.filter(|folder| folder.join("initdb").is_file() && folder.join("psql").is_file()).last();
    if found.is_none() {
        assert!(
            variable("FANOUT_REQUIRE_ALL").is_none(),
            "`{test}` needs a Postgres server; `POSTGRES_BIN` names its programs"
        );
        say(&format!("skipped: {test} (no Postgres server; `POSTGRES_BIN` names its programs)"));
    }
    found
}

impl Server {
    /// Makes a database cluster and starts it, on a socket and, if `port` is given, on TCP as well.
    pub(crate) fn start(bin: PathBuf, port: Option<u16>) -> Self {
        let folder = TempDir::new().unwrap();
        if is_root() {
            std::os::unix::fs::chown(folder.path(), Some(NOBODY), Some(NOBODY)).unwrap();
        }
        let data = folder.path().join("data");
        let arguments = ["-A", "trust", "-U", "postgres", "--no-sync", "--locale=C.UTF-8", "-E", "UTF8", "-D"];
        let initdb = program(&bin, "initdb").args(arguments).arg(&data).output().unwrap();
        assert!(initdb.status.success(), "{initdb:?}");
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let mut command = program(&bin, "postgres");
        command.arg("-D").arg(&data).arg("-k").arg(folder.path());
        command.args(["-c", "fsync=off", "-c", "full_page_writes=off"]);
        let addresses = if port.is_some() { "127.0.0.1" } else { "" };
        let port = port.unwrap_or(DEFAULT_PORT);
        command.args(["-c", &format!("listen_addresses={addresses}"), "-p", &port.to_string()]);
        let process = command.stdout(Stdio::null()).stderr(log).spawn().unwrap();
        let server = Self { folder, process, bin, port };
        let started = Instant::now();
        while !server.psql("SELECT 1").status.success() {
            assert!(started.elapsed() < START_TIMEOUT, "{}", server.log());
            std::thread::sleep(Duration::from_millis(50));
        }
        server
    }

    /// Returns the server's folder, which contains its socket.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Makes the server's user the owner of a file.
    pub(crate) fn give(&self, path: &Path) {
        assert!(path.starts_with(self.folder()));
        if is_root() {
            std::os::unix::fs::chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
        }
    }

    /// Returns the server's log.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    /// Returns the sink's option `url` for this server.
    pub(crate) fn url(&self) -> String {
        format!("host={} user=postgres dbname=postgres", self.folder.path().display())
    }

    /// Runs one or more SQL statements.
    pub(crate) fn psql(&self, sql: &str) -> std::process::Output {
        self.psql_command(sql).output().unwrap()
    }

    /// Returns the command that runs SQL.
    pub(crate) fn psql_command(&self, sql: &str) -> Command {
        let mut command = Command::new(self.bin.join("psql"));
        command.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", "postgres", "-h"]);
        command.arg(self.folder.path()).args(["-p", &self.port.to_string(), "-c", sql]).stdin(Stdio::null());
        command
    }

    /// Runs SQL that must succeed, and returns what it prints.
    pub(crate) fn sql(&self, sql: &str) -> String {
        let output = self.psql(sql);
        assert!(output.status.success(), "{sql}: {output:?}");
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    /// Makes a schema of its own for a test.
    pub(crate) fn schema(&self, name: &str) -> String {
        self.sql(&format!("CREATE SCHEMA IF NOT EXISTS \"{name}\""));
        name.to_owned()
    }

    /// Connects to the server.
    pub(crate) async fn client(&self) -> Client {
        let (client, connection) = tokio_postgres::connect(&self.url(), NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // SIGQUIT makes Postgres stop at once, with all its processes.
        let _ = Command::new("kill").args(["-s", "QUIT", &self.process.id().to_string()]).status();
        let _ = self.process.wait();
    }
}

fn program(bin: &Path, name: &str) -> Command {
    let mut command = Command::new(bin.join(name));
    command.current_dir("/").stdin(Stdio::null());
    if is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}

fn is_root() -> bool {
    std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").unwrap()) == 0
}

/// Returns an environment variable that configures the tests.
#[expect(clippy::disallowed_methods, reason = "how tests are run is no configuration of a pipeline")]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Prints a line whether the test passes or not. The harness shows the output of `eprintln!` only
/// if the test fails.
pub(crate) fn say(line: &str) {
    std::io::stderr().write_all(format!("{line}\n").as_bytes()).unwrap();
}
