//! The messages of `protocol = "arrow"`: lines of JSON, which `sinks/README.md` describes.

use fanout_sink::arrow::datatypes::Schema;
use fanout_sink::chrono::NaiveDate;
use fanout_sink::{Output, SinkContext, Snapshot, WalkId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::options::CommandOptions;

/// The version of the protocol. A program refuses a version that it does not know.
const VERSION: u32 = 1;

/// A message to the program's stdin.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum ToProgram<'a> {
    /// The first line.
    Hello(Hello<'a>),
    /// The facts of the list, after the Arrow stream.
    Snapshot(&'a Snapshot),
    /// The last line if the list is to be published.
    Commit,
    /// The last line if it is not to be published.
    Abort,
}

/// Names the list that follows: its account, its walk, its columns.
#[derive(Debug, Serialize)]
pub(crate) struct Hello<'a> {
    protocol: u32,
    pipeline: &'a str,
    sink: &'a str,
    account: &'a str,
    app_id: &'a str,
    accounts: &'a [String],
    walk: WalkId,
    date: NaiveDate,
    followers: Option<u64>,
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
    /// The program has started and read the hello.
    Ready,
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
            Self::Ready => "ready",
            Self::Written { .. } => "written",
            Self::Prepared { .. } => "prepared",
            Self::Committed { .. } => "committed",
            Self::Error { .. } => "error",
        }
    }
}

impl<'a> Hello<'a> {
    pub(crate) fn new(options: &'a CommandOptions, context: &'a SinkContext) -> Self {
        Self {
            protocol: VERSION,
            pipeline: &context.pipeline,
            sink: &context.sink,
            account: &context.account,
            app_id: &context.app_id,
            accounts: &context.accounts,
            walk: context.walk,
            date: context.date,
            followers: context.rows,
            simulated: context.simulated,
            window: options.window.get(),
            settings: &options.settings,
            schema: columns(&context.schema),
        }
    }
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
