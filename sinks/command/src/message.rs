//! The messages of `protocol = "arrow"`: lines of JSON, which `sinks/README.md` describes.

use fanout_sink::arrow::datatypes::Schema;
use fanout_sink::chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use fanout_sink::{Found, Output, SinkContext, SinkReport, Snapshot, WalkId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::options::CommandOptions;

/// The version of the protocol. A program refuses a version that it does not know.
const VERSION: u32 = 2;

/// A message to the program's stdin.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum ToProgram<'a> {
    /// The first line.
    Hello(Box<Hello<'a>>),
    /// The question whether a committed list is still there, with the report of its commit.
    Find { commit: &'a SinkReport },
    /// The facts of the list, after the Arrow stream.
    Snapshot(&'a Snapshot),
    /// The last line if the list is to be published.
    Commit,
    /// The last line if it is not to be published.
    Abort,
}

/// What the program is started for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Task {
    /// To receive a list and publish it.
    Deliver,
    /// To look whether a committed list is still there.
    Find,
}

/// Names the task and the list: its account, its walk, its columns.
#[derive(Debug, Serialize)]
pub(crate) struct Hello<'a> {
    protocol: u32,
    task: Task,
    pipeline: &'a str,
    sink: &'a str,
    account: &'a str,
    app_id: &'a str,
    accounts: &'a [String],
    list: &'a str,
    walk: WalkId,
    begun_at: String,
    date: NaiveDate,
    rows: Option<u64>,
    digest: Option<&'a str>,
    simulated: bool,
    window: u32,
    settings: &'a Map<String, Value>,
    schema: Vec<Column<'a>>,
}

#[derive(Debug, Serialize)]
struct Column<'a> {
    name: &'a str,
    #[serde(rename = "type")]
    data_type: String,
    nullable: bool,
}

/// A message from the program's stdout.
#[derive(Debug, Deserialize, PartialEq, Eq)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum FromProgram {
    /// The program has started and read the hello. `find`: it can look for a list.
    Ready {
        #[serde(default)]
        find: bool,
    },
    /// What it has found. `message` says what is there instead, or what differs.
    Found { state: State, message: Option<String> },
    /// It has processed the first `batches` batches.
    Written { batches: u64 },
    /// The list is durable, and not visible.
    Prepared { rows: Option<u64> },
    /// The list is visible.
    Committed {
        rows: u64,
        bytes: Option<u64>,
        #[serde(default)]
        outputs: Vec<Output>,
    },
    /// It has failed.
    Error { class: Class, message: String, hint: Option<String> },
}

/// What a program has found of a committed list.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    Held,
    Replaced,
    Taken,
    Altered,
    Gone,
    Unknown,
}

impl State {
    /// Returns the state with `message`, if it has one.
    pub(crate) fn found(self, message: String) -> Found {
        match self {
            Self::Held => Found::Held,
            Self::Replaced => Found::Replaced,
            Self::Taken => Found::Taken(message),
            Self::Altered => Found::Altered(message),
            Self::Gone => Found::Gone,
            Self::Unknown => Found::Unknown,
        }
    }
}

/// Whether a retry may succeed.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Class {
    Temporary,
    Permanent,
}

impl ToProgram<'_> {
    /// Returns the message as a line.
    pub(crate) fn line(&self) -> Vec<u8> {
        let mut line = serde_json::to_vec(self).expect("the keys are text, and nothing else can fail");
        line.push(b'\n');
        line
    }
}

impl FromProgram {
    /// Returns the `type` of the message.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Ready { .. } => "ready",
            Self::Found { .. } => "found",
            Self::Written { .. } => "written",
            Self::Prepared { .. } => "prepared",
            Self::Committed { .. } => "committed",
            Self::Error { .. } => "error",
        }
    }
}

impl<'a> Hello<'a> {
    pub(crate) fn new(task: Task, options: &'a CommandOptions, context: &'a SinkContext) -> Self {
        Self {
            protocol: VERSION,
            task,
            pipeline: &context.pipeline,
            sink: &context.sink,
            account: &context.account,
            app_id: &context.app_id,
            accounts: &context.accounts,
            list: &context.list,
            walk: context.walk,
            begun_at: fixed_width(context.begun_at.unwrap_or(context.walk.begun_at())),
            date: context.date,
            rows: context.rows,
            digest: context.digest.as_deref(),
            simulated: context.simulated,
            window: options.window.get(),
            settings: &options.settings,
            schema: columns(&context.schema),
        }
    }
}

/// Returns an instant as a text of a fixed width: a later instant is a greater text.
pub(crate) fn fixed_width(instant: DateTime<Utc>) -> String {
    instant.to_rfc3339_opts(SecondsFormat::Micros, true)
}

fn columns(schema: &Schema) -> Vec<Column<'_>> {
    let fields = schema.fields().iter();
    let columns = fields.map(|field| Column {
        name: field.name(),
        data_type: field.data_type().to_string(),
        nullable: field.is_nullable(),
    });
    columns.collect()
}
