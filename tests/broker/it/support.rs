//! A broker, a project that delivers to it, and a reader of topics.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use fanout::simulator::Followers;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{Headers, Message};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use tempfile::TempDir;
use tokio::runtime::Runtime;

pub(crate) const APP_ID: &str = "wxsimulated";
/// Fixed, so that midnight in Beijing changes nothing.
pub(crate) const DATE: &str = "2026-11-22";
pub(crate) const PARTITIONS: usize = 4;

/// Returns the address of the broker of this process, which lives as long as the process.
pub(crate) fn broker() -> String {
    static BROKER: OnceLock<String> = OnceLock::new();
    BROKER.get_or_init(|| noida::kafka::spawn("127.0.0.1:0").unwrap().to_string()).clone()
}

/// A folder with a pipeline file, its state and its outputs.
pub(crate) struct Project {
    folder: TempDir,
    pub(crate) followers: u64,
    seed: u64,
}

/// How a process ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stderr: String,
}

impl Project {
    /// Makes a project that delivers `followers` to `topic` at `brokers`.
    ///
    /// It has a prefix of its own: all projects have the same pipeline, sink and account, and would
    /// fence each other.
    pub(crate) fn new(brokers: &str, topic: &str, followers: u64, options: &str) -> Self {
        let seed = 1 + followers % 97;
        let project = Self { folder: tempfile::tempdir().unwrap(), followers, seed };
        let pipeline = format!(
            "name = 'broker'\n[source]\nsimulate = {{ followers = {followers}, seed = {seed} }}\n\
             [sinks.stream]\ntype = 'kafka'\n[sinks.stream.options]\ntopic = '{topic}'\nbrokers = ['{brokers}']\n\
             prefix = '{topic}'\n{options}\n"
        );
        std::fs::write(project.path("pipeline.toml"), pipeline).unwrap();
        project
    }

    /// Makes a project at the broker of this process; the sink creates the topic.
    pub(crate) fn creating(topic: &str, followers: u64, options: &str) -> Self {
        let create = format!("create_topic = {{ partitions = {PARTITIONS}, replication = 1 }}\n");
        Self::new(&broker(), topic, followers, &(create + options))
    }

    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    pub(crate) fn command(&self, more: &[&str]) -> Command {
        self.command_on(DATE, more)
    }

    fn command_on(&self, date: &str, more: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fanout-broker-tests"));
        command.args(["run", "pipeline.toml", "--date", date]).args(more).current_dir(self.folder.path());
        command.env_remove("RUST_LOG").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        command
    }

    pub(crate) fn run(&self, more: &[&str]) -> Ended {
        self.run_on(DATE, more)
    }

    pub(crate) fn run_on(&self, date: &str, more: &[&str]) -> Ended {
        let output = self.command_on(date, more).spawn().unwrap().wait_with_output().unwrap();
        Ended { code: output.status.code(), stderr: String::from_utf8(output.stderr).unwrap() }
    }

    /// Runs, and asserts that the run succeeds.
    pub(crate) fn finish(&self) {
        let ended = self.run(&[]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }

    /// Returns the folder of the first walk; `None` if no walk has begun.
    pub(crate) fn walk(&self) -> Option<PathBuf> {
        let lists = std::fs::read_dir(self.path(&format!("state/{APP_ID}"))).ok()?;
        let list = lists.flatten().map(|entry| entry.path()).find(|path| path.is_dir())?;
        let walks = std::fs::read_dir(list).ok()?.flatten().map(|entry| entry.path());
        walks.filter(|path| path.join("pages").exists()).min()
    }

    /// Returns how many walks have begun.
    pub(crate) fn walks(&self) -> usize {
        let list = self.walk().and_then(|walk| Some(walk.parent()?.to_owned()));
        let entries = list.map(|list| std::fs::read_dir(list).unwrap().flatten());
        entries.into_iter().flatten().filter(|entry| entry.path().join("pages").exists()).count()
    }

    pub(crate) fn is_decided(&self) -> bool {
        self.walk().is_some_and(|walk| walk.join("decision.json").exists())
    }

    /// Removes the first walk's commit records, as if the process had ended before writing them.
    pub(crate) fn forget_commits(&self) {
        for entry in std::fs::read_dir(self.walk().unwrap().join("commits")).unwrap() {
            std::fs::remove_file(entry.unwrap().path()).unwrap();
        }
    }

    /// Returns the OpenIDs of the list, in order.
    pub(crate) fn truth(&self) -> Vec<String> {
        Followers::new(self.seed, APP_ID, self.followers).iter().collect()
    }
}

/// A record as a reader sees it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) partition: i32,
    pub(crate) key: Vec<u8>,
    pub(crate) value: Vec<u8>,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) timestamp: Option<i64>,
}

/// Makes a topic that removes no records. By default it would remove those with the times of an old
/// list.
pub(crate) fn keep_everything_in(topic: &str, partitions: usize) {
    let topic = topic.to_owned();
    let create = async move {
        let admin: AdminClient<_> = ClientConfig::new().set("bootstrap.servers", broker()).create().unwrap();
        let replication = TopicReplication::Fixed(1);
        let made = NewTopic::new(&topic, partitions as i32, replication).set("retention.ms", "-1");
        admin.create_topics([&made], &AdminOptions::new()).await.unwrap();
    };
    // On a thread of its own: one runtime cannot block on another.
    std::thread::spawn(|| Runtime::new().unwrap().block_on(create)).join().unwrap();
}

/// Reads every record that a `read_committed` reader sees, to the end of each partition.
pub(crate) fn read_committed(brokers: &str, topic: &str, partitions: usize) -> Vec<Seen> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("group.id", format!("reader-of-{topic}"))
        .set("isolation.level", "read_committed")
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .create()
        .unwrap();
    let mut assignment = TopicPartitionList::new();
    for partition in 0..partitions {
        assignment.add_partition_offset(topic, partition as i32, Offset::Beginning).unwrap();
    }
    consumer.assign(&assignment).unwrap();
    let (mut seen, mut ends) = (Vec::new(), 0);
    while ends < partitions {
        match consumer.poll(Duration::from_secs(20)).expect("a record, or the end of a partition") {
            Err(KafkaError::PartitionEOF(_)) => ends += 1,
            Err(error) => panic!("{error}"),
            Ok(record) => seen.push(Seen {
                partition: record.partition(),
                key: record.key().unwrap().to_vec(),
                value: record.payload().unwrap_or_default().to_vec(),
                headers: record.headers().map(texts).unwrap_or_default(),
                timestamp: record.timestamp().to_millis(),
            }),
        }
    }
    seen
}

fn texts(headers: &impl Headers) -> BTreeMap<String, String> {
    let text = |bytes: Option<&[u8]>| String::from_utf8(bytes.unwrap().to_vec()).unwrap();
    headers.iter().map(|header| (header.key.to_owned(), text(header.value))).collect()
}

/// Asserts that a topic of this process's broker has each row of the list once.
pub(crate) fn assert_holds(topic: &str, truth: &[String]) -> Vec<Seen> {
    let seen = read_committed(&broker(), topic, PARTITIONS);
    let mut found = vec![0; truth.len()];
    for record in &seen {
        let value: serde_json::Value = serde_json::from_slice(&record.value).unwrap();
        let position = value["position"].as_u64().unwrap() as usize;
        assert_eq!(value["openid"], truth[position].as_str());
        assert_eq!(record.key, format!("{APP_ID}:{}", truth[position]).as_bytes());
        found[position] += 1;
    }
    let wrong = found.iter().position(|&found| found != 1);
    assert_eq!(wrong.map(|position| (position, found[position])), None, "a row is there too often, or not at all");
    seen
}

/// Returns an environment variable that configures the tests.
#[expect(clippy::disallowed_methods, reason = "how tests are run is no configuration of a pipeline")]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Returns a number from an environment variable that configures the tests.
pub(crate) fn number(name: &str, otherwise: u64) -> u64 {
    variable(name).map_or(otherwise, |value| value.replace('_', "").parse().unwrap())
}

/// Prints a line whether the test passes or not. The harness shows the output of `eprintln!` only
/// if the test fails.
pub(crate) fn say(line: &str) {
    std::io::stderr().write_all(format!("{line}\n").as_bytes()).unwrap();
}

/// Returns a file of this package.
pub(crate) fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}
