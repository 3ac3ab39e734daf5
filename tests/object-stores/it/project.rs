//! A folder with a pipeline file whose sinks write to an object store, and its runs.

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use fanout::simulator::Followers;
use tempfile::TempDir;

use crate::servers::{AZURITE_ACCOUNT, AZURITE_KEY};

pub(crate) const APP_ID: &str = "wxsimulated";

/// A pipeline with the sink `lake`.
pub(crate) struct Project {
    folder: TempDir,
    followers: u64,
    seed: u64,
}

/// How a process ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

impl Project {
    /// Makes a project whose sink of the type `kind` writes `followers` below `root`.
    pub(crate) fn new(kind: &str, root: &str, endpoint: &str, followers: u64, options: &str) -> Self {
        let seed = 1 + followers % 97;
        let project = Self { folder: tempfile::tempdir().unwrap(), followers, seed };
        let keys = if root.starts_with("az://") {
            format!("account = '{AZURITE_ACCOUNT}'\naccess_key = {{ env = 'LAKE_ACCOUNT_KEY' }}")
        } else {
            "access_key = { env = 'LAKE_ACCESS_KEY' }\nsecret_key = { env = 'LAKE_SECRET_KEY' }".to_owned()
        };
        let pipeline = format!(
            "name = 'objects'\n[source]\nsimulate = {{ followers = {followers}, seed = {seed} }}\n\
             [sinks.lake]\ntype = '{kind}'\n[sinks.lake.options]\nroot = '{root}'\n{options}\n\
             [sinks.lake.options.store]\nendpoint = '{endpoint}'\n{keys}\n"
        );
        std::fs::write(project.path("pipeline.toml"), pipeline).unwrap();
        project
    }

    /// Makes a project of several accounts, whose store has its keys from the environment.
    pub(crate) fn with_accounts(accounts: u64, root: &str, endpoint: &str) -> Self {
        let project = Self { folder: tempfile::tempdir().unwrap(), followers: 0, seed: 0 };
        let account = |number| {
            format!(
                "[[accounts]]\nname = 'brand-{number}'\napp_id = 'wx{number:016}'\nsecret = {{ env = 'NOWHERE' }}\n"
            )
        };
        let pipeline = format!(
            "name = 'objects'\n{}[sinks.lake]\ntype = 'parquet'\n[sinks.lake.options]\nroot = '{root}'\n\
             [sinks.lake.options.store]\nendpoint = '{endpoint}'\n",
            (0..accounts).map(account).collect::<String>()
        );
        std::fs::write(project.path("pipeline.toml"), pipeline).unwrap();
        project
    }

    /// Adds a sink in another store, with the same keys.
    pub(crate) fn add_sink(&self, name: &str, root: &str, endpoint: &str) {
        let sink = format!(
            "[sinks.{name}]\ntype = 'parquet'\n[sinks.{name}.options]\nroot = '{root}'\n\
             [sinks.{name}.options.store]\nendpoint = '{endpoint}'\naccess_key = {{ env = 'LAKE_ACCESS_KEY' }}\n\
             secret_key = {{ env = 'LAKE_SECRET_KEY' }}\n"
        );
        let pipeline = std::fs::read_to_string(self.path("pipeline.toml")).unwrap();
        std::fs::write(self.path("pipeline.toml"), pipeline + &sink).unwrap();
    }

    /// Makes the same project for the local disk.
    pub(crate) fn local(followers: u64) -> Self {
        Self::without_store("out", followers)
    }

    /// Makes a project without the option `store`.
    pub(crate) fn without_store(root: &str, followers: u64) -> Self {
        let seed = 1 + followers % 97;
        let project = Self { folder: tempfile::tempdir().unwrap(), followers, seed };
        let pipeline = format!(
            "name = 'objects'\n[source]\nsimulate = {{ followers = {followers}, seed = {seed} }}\n\
             [sinks.lake]\ntype = 'parquet'\noptions = {{ root = '{root}' }}\n"
        );
        std::fs::write(project.path("pipeline.toml"), pipeline).unwrap();
        project
    }

    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    /// Makes a command over the pipeline file.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fanout-object-store-tests"));
        command.args(arguments).current_dir(self.folder.path()).env_remove("RUST_LOG");
        command
            .env("LAKE_ACCESS_KEY", "key")
            .env("LAKE_SECRET_KEY", "hunter2-of-the-lake")
            .env("LAKE_ACCOUNT_KEY", AZURITE_KEY);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub(crate) fn fanout(&self, arguments: &[&str]) -> Ended {
        self.command(arguments).output().unwrap().into()
    }

    pub(crate) fn run(&self, more: &[&str]) -> Ended {
        self.fanout(&[&["run", "pipeline.toml"], more].concat())
    }

    /// Runs, and asserts that the run succeeds.
    pub(crate) fn finish(&self, more: &[&str]) {
        let ended = self.run(more);
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }

    /// Writes the OpenIDs of the list, in order, one a line, and returns the file.
    pub(crate) fn truth(&self) -> PathBuf {
        let path = self.path("truth");
        let lines: Vec<String> = Followers::new(self.seed, APP_ID, self.followers).iter().collect();
        std::fs::write(&path, lines.join("\n") + "\n").unwrap();
        path
    }
}
