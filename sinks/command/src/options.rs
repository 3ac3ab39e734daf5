//! What a pipeline file may say under `[sinks.<name>.options]`.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use fanout_sink::schemars::{self, JsonSchema};
use fanout_sink::{Secret, SecretReference, SinkError, foreign_path};
use serde::de::value::MapAccessDeserializer;
use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::{Map, Value};

/// The prefix of the variables that name the list. It is not `FANOUT_`, because those variables
/// override keys of a pipeline file.
pub(crate) const RESERVED: &str = "SINK_";

/// The options of a `command` sink.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CommandOptions {
    /// The program and its arguments, as in `["python3", "my_sink.py"]`, without a shell. A name
    /// without a slash is looked up in `PATH`; a path starts at `directory`.
    #[serde(deserialize_with = "command")]
    #[schemars(example = ["python3", "my_sink.py"])]
    pub command: Vec<String>,
    /// The protocol between fanout and the program: `arrow` or `plain`.
    #[serde(default)]
    pub protocol: Protocol,
    /// What a `plain` program reads: `ndjson` or `arrow`.
    pub format: Option<Format>,
    /// What an `arrow` program guarantees: `exactly_once` if it publishes nothing before `commit`,
    /// else `at_least_once`.
    pub guarantee: Option<ProgramGuarantee>,
    /// The working directory of the program; relative to the pipeline file. By default the folder
    /// of that file.
    #[serde(default, deserialize_with = "fanout_sink::local_path")]
    pub directory: PathBuf,
    /// The environment of the program: text, or a secret as `{ env = "NAME" }` or
    /// `{ file = "path" }`. Beside it the program has only a few variables such as `PATH` and
    /// `HOME`, and those that name the list.
    #[serde(default)]
    pub environment: BTreeMap<String, Variable>,
    /// Settings of an `arrow` program. The hello contains them.
    #[serde(default)]
    pub settings: Map<String, Value>,
    /// The most batches that are sent to an `arrow` program before it acknowledges one.
    #[serde(default = "default_window")]
    pub window: NonZeroU32,
    /// The longest time from the start of the program to its `ready`, and from `find` to `found`,
    /// in seconds.
    #[serde(default = "default_start_timeout")]
    pub start_timeout_secs: NonZeroU32,
    /// The longest time that the program may take for a batch, in seconds.
    #[serde(default = "default_batch_timeout")]
    pub batch_timeout_secs: NonZeroU32,
    /// The longest time from the end of the list to `prepared`, in seconds.
    #[serde(default = "default_publish_timeout")]
    pub prepare_timeout_secs: NonZeroU32,
    /// The longest time from `commit` to `committed`, in seconds; for a `plain` program, from the
    /// end of its input to its own end.
    #[serde(default = "default_publish_timeout")]
    pub commit_timeout_secs: NonZeroU32,
    /// The time that a program has to end before it is killed, in seconds.
    #[serde(default = "default_grace")]
    pub grace_secs: NonZeroU32,
}

/// The protocol between fanout and the program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// The program receives a hello, an Arrow IPC stream, and commit or abort, and answers in lines
    /// of JSON.
    #[default]
    Arrow,
    /// The program reads the list to the end of its input; its end is the commit.
    Plain,
}

/// What a `plain` program reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// One JSON object a line.
    #[default]
    Ndjson,
    /// An Arrow IPC stream.
    Arrow,
}

/// The guarantee of an `arrow` program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProgramGuarantee {
    /// It publishes nothing before `commit`, and then the whole list. It receives batches during
    /// the walk.
    #[default]
    ExactlyOnce,
    /// It cannot take back what it has received. It receives batches when the list is complete.
    AtLeastOnce,
}

/// The value of an environment variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Variable {
    /// Text, as it stands in the pipeline file.
    Text(String),
    /// A secret, to which the pipeline file only refers.
    Secret(Secret),
}

impl Variable {
    pub(crate) fn expose(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::Secret(secret) => secret.expose(),
        }
    }
}

impl<'de> Deserialize<'de> for Variable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        // Not an untagged enum: its error does not say why a secret could not be read.
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Variable;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("text, or a secret as `{ env = \"NAME\" }` or `{ file = \"path\" }`")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Variable, E> {
                Ok(Variable::Text(text.to_owned()))
            }

            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Variable, A::Error> {
                Secret::deserialize(MapAccessDeserializer::new(map)).map(Variable::Secret)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl JsonSchema for Variable {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Variable".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let secret = generator.subschema_for::<SecretReference>();
        schemars::json_schema!({ "anyOf": [{ "type": "string" }, secret] })
    }
}

// An interpreter with a large library starts within seconds. Half a minute is for a loaded machine.
fn default_start_timeout() -> NonZeroU32 {
    const { NonZeroU32::new(30).expect("not zero") }
}

fn default_batch_timeout() -> NonZeroU32 {
    const { NonZeroU32::new(60).expect("not zero") }
}

// A database may sort and index ten million rows here.
fn default_publish_timeout() -> NonZeroU32 {
    const { NonZeroU32::new(600).expect("not zero") }
}

fn default_grace() -> NonZeroU32 {
    const { NonZeroU32::new(5).expect("not zero") }
}

// One batch that the program works on, one that it can begin at once, and two for bursts.
/// Reads a program with its arguments; the program may be a path.
fn command<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let command = Vec::<String>::deserialize(deserializer)?;
    match command.first().filter(|program| !program.is_empty()).and_then(|program| foreign_path(program)) {
        Some(problem) => Err(de::Error::custom(format!("found {:?}, {problem}", command[0]))),
        None => Ok(command),
    }
}

fn default_window() -> NonZeroU32 {
    const { NonZeroU32::new(4).expect("not zero") }
}

/// Returns a number of seconds as a time.
pub(crate) fn seconds(number: NonZeroU32) -> Duration {
    Duration::from_secs(number.get().into())
}

impl CommandOptions {
    /// Makes options with every default, for the program and arguments `command`.
    ///
    /// # Panics
    ///
    /// Never: a `command` is all that has no default.
    pub fn new(command: impl IntoIterator<Item: Into<String>>) -> Self {
        let command: Vec<String> = command.into_iter().map(Into::into).collect();
        serde_json::from_value(serde_json::json!({ "command": command })).expect("the rest has defaults")
    }

    /// Returns whether the program reads lines of JSON, and not an Arrow stream.
    pub(crate) fn sends_lines(&self) -> bool {
        self.protocol == Protocol::Plain && self.format.unwrap_or_default() == Format::Ndjson
    }

    /// Checks the options, alone and against each other.
    pub(crate) fn validate(&self) -> Result<(), SinkError> {
        if self.command.first().is_none_or(String::is_empty) {
            let message =
                "`command` names no program; expected one, and its arguments, as in `[\"python3\", \"my_sink.py\"]`";
            return Err(SinkError::option("command", message));
        }
        let is_plain = self.protocol == Protocol::Plain;
        let misplaced = [
            ("format", !is_plain && self.format.is_some()),
            ("guarantee", is_plain && self.guarantee.is_some()),
            ("settings", is_plain && !self.settings.is_empty()),
        ];
        if let Some((key, _)) = misplaced.iter().find(|(_, is_misplaced)| *is_misplaced) {
            let (other, hint) = if is_plain {
                ("arrow", "a plain program delivers at least once, and is told things by `command` and `environment`")
            } else {
                ("plain", "with `protocol = \"arrow\"` the program reads an Arrow IPC stream")
            };
            let message = format!("`{key}` belongs to `protocol = \"{other}\"`");
            return Err(SinkError::option(*key, message).with_hint(hint));
        }
        for name in self.environment.keys() {
            if name.is_empty() || name.contains(['=', '\0']) {
                return Err(SinkError::option("environment", format!("`{name}` cannot be the name of a variable")));
            }
            if name.starts_with(RESERVED) {
                let message = format!("`{name}` is set by fanout, as every variable that begins with `{RESERVED}`");
                return Err(SinkError::option(format!("environment.{name}"), message));
            }
        }
        Ok(())
    }

    /// Returns the command as one short line, for messages.
    pub(crate) fn shown(&self) -> String {
        const LONGEST: usize = 60;
        let words = self.command.join(" ");
        let mut line: String = words.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
        if let Some((end, _)) = line.char_indices().nth(LONGEST) {
            line.truncate(end);
            line.push('…');
        }
        line
    }
}
