//! A [`Subject`] for a sink that writes files, from its options and a reader.
//!
//! Before it: a sink's own test. Behind it: `run`.

use std::path::Path;

use serde_json::Value;

use super::closures::subject;
use super::rows::{ReadError, Row};
use super::subject::{ReadBack, Subject, Traces, files_under};
use crate::configured::ConfiguredSink;
use crate::context::SinkContext;
use crate::sink::SinkFactory;

/// Makes a [`Subject`] for a sink that takes `root` and `layout` as the sinks of this project do.
///
/// `options` are those of the sink in a pipeline file, without `root`: each case sets its own. If
/// they have a `layout`, it must begin with `{date}-{account}.`; if not, the sink must publish to
/// `dt={date}/account={account}/`. `read_rows` reads a list from all of its outputs (manifest and
/// marker included) in the order of their names.
///
/// # Panics
///
/// The subject panics if the sink refuses the options.
pub fn file_subject<F: SinkFactory>(
    factory: fn() -> F,
    options: Value,
    read_rows: fn(&Traces) -> Result<Vec<Row>, ReadError>,
) -> impl Subject {
    let is_single_file = options["layout"].is_string();
    let sink = move |directory: &Path| {
        let mut options = options.clone();
        options["root"] = directory.join("out").to_string_lossy().into();
        ConfiguredSink::new(factory(), serde_json::from_value(options).expect("the sink takes these options"))
    };
    subject(sink, move |directory, context| {
        let mut outputs = files_under(&context.output_path(&directory.join("out")))?;
        let place = place(is_single_file, context);
        outputs.retain(|name, _| name.contains(&place));
        if outputs.is_empty() {
            return Ok(None);
        }
        Ok(Some(ReadBack { rows: read_rows(&outputs)?, outputs }))
    })
}

/// Returns the text that the names of a list's outputs below the root contain.
fn place(is_single_file: bool, context: &SinkContext) -> String {
    let SinkContext { date, account, .. } = context;
    if is_single_file { format!("{date}-{account}.") } else { format!("dt={date}/account={account}/") }
}
