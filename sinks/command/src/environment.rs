//! The environment variables of a program.

use std::collections::BTreeMap;
use std::ffi::OsString;

use fanout_sink::SinkContext;

use crate::message::fixed_width;
use crate::options::{CommandOptions, RESERVED};

/// The variables that a program inherits from fanout, if they are set: enough to find programs, a
/// home, a language and a folder for temporary files. The pipeline file names all others.
const INHERITED: [&str; 9] = ["PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR"];

/// Returns the whole environment of a program.
pub(crate) fn environment(options: &CommandOptions, context: &SinkContext) -> BTreeMap<String, OsString> {
    let inherited = INHERITED.iter().filter_map(|&name| Some((name.to_owned(), inherited(name)?)));
    let configured = options.environment.iter().map(|(name, value)| (name.clone(), value.expose().into()));
    let (walk, date) = (context.walk.to_string(), context.date.to_string());
    let begun_at = fixed_width(context.begun_at.unwrap_or(context.walk.begun_at()));
    let facts = [
        ("PIPELINE", context.pipeline.as_str()),
        ("NAME", &context.sink),
        ("ACCOUNT", &context.account),
        ("APP_ID", &context.app_id),
        ("LIST", &context.list),
        ("WALK", &walk),
        ("BEGUN_AT", &begun_at),
        ("DATE", &date),
        ("SIMULATED", if context.simulated { "true" } else { "false" }),
    ];
    let rows = context.rows.map(|rows| ("ROWS", rows.to_string()));
    let facts = facts.into_iter().map(|(name, value)| (name, value.to_owned())).chain(rows);
    let facts = facts.map(|(name, value)| (format!("{RESERVED}{name}"), value.into()));
    inherited.chain(configured).chain(facts).collect()
}

#[expect(clippy::disallowed_methods, reason = "what a program inherits is no configuration of fanout")]
fn inherited(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}
