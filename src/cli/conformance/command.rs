//! The arguments of `fanout sinks test`, and the line that it prints for each case.

use std::path::PathBuf;

use clap::Args;
use fanout_sink::conformance::{Outcome, Summary, cases};

use super::subject::Configured;
use crate::cli::output::Terminal;
use crate::config::{ConfigErrors, Environment, Overrides, Pipeline, did_you_mean};
use crate::engine;
use crate::error::{Error, Exit};
use crate::registry::{BoundSink, SinkRegistry};

/// Arguments of `fanout sinks test`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct TestArguments {
    /// The pipeline file (TOML)
    file: PathBuf,
    /// The sink to test, by its name in the file
    #[arg(long, value_name = "NAME")]
    sink: String,
    /// Set a key of the pipeline file, such as `sinks.table.options.settings.table=test`; may be
    /// repeated
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Let a sink that writes no files publish made-up lists to its real destination
    #[arg(long)]
    yes: bool,
    /// A program that prints the published list named by `SINK_APP_ID`, `SINK_LIST`, `SINK_DATE` …,
    /// as lines of JSON
    #[arg(last = true, value_name = "READER")]
    reader: Vec<String>,
}

const EXAMPLES: &str = "\
The suite delivers made-up lists of the accounts `conformance-north` and `conformance-south`, with aborts and crashes.
A sink that writes files writes to a temporary folder, or in an object store beside its root, to the prefix `ROOT.fanout-sinks-test`, whose objects are removed.
Without a reader, the suite relies on what the sink reports.

Exit codes: 0 every promise was kept, 1 one was broken, 2 the command line or the pipeline file is wrong.

Examples:
  fanout sinks test pipelines/demo.toml --sink lake
  fanout sinks test followers.toml --sink table --yes -- sh -c 'cat \"out/$SINK_DATE-$SINK_APP_ID-$SINK_LIST.ndjson\"'";

/// Runs the conformance suite over a sink, and prints the outcome of each case as it ends.
pub(in crate::cli) async fn execute(
    arguments: &TestArguments,
    registry: &SinkRegistry,
    environment: &Environment,
    terminal: &Terminal,
) -> Result<Exit, Error> {
    // Simulated: the accounts need no credentials, because their lists are not read.
    let overrides = Overrides {
        set: arguments.set.clone(),
        simulate: Some(0),
        environment: environment.clone(),
        ..Overrides::default()
    };
    let pipeline = Pipeline::load(&arguments.file, &overrides)?;
    let sink = bind(&pipeline, &arguments.sink, registry)?;
    if sink.uses_stdout() {
        let message = "found a sink that writes to stdout, where the outcome of each case goes; expected a file";
        return Err(ConfigErrors::from(sink.section().problem("options", message)).into());
    }
    if sink.roots().is_empty() && !arguments.yes {
        let message = format!(
            "found `{}`, which publishes made-up lists to its real destination, where they stay; expected `--yes`, to \
             allow that",
            sink.section().kind
        );
        return Err(ConfigErrors::from(sink.section().problem("type", message)).into());
    }
    let subject = Configured::new(sink, &pipeline.directory, &arguments.reader);
    let summary = run(&subject, terminal).await;
    terminal.result(&conclusion(&summary, arguments.reader.is_empty()));
    Ok(if summary.failures.is_empty() { Exit::Done } else { Exit::Failed })
}

/// Binds one sink of a pipeline. The others may be wrong.
fn bind(pipeline: &Pipeline, name: &str, registry: &SinkRegistry) -> Result<BoundSink, ConfigErrors> {
    let Some(section) = pipeline.sinks.iter().find(|section| section.name == name) else {
        let names: Vec<&str> = pipeline.sinks.iter().map(|section| section.name.as_str()).collect();
        let hint = did_you_mean(name, &names);
        let message =
            format!("found no sink `{name}`, which `--sink` asks for; expected one of `{}`{hint}", names.join("`, `"));
        return Err(pipeline.problem("sinks", message).into());
    };
    engine::bind_one(section, registry)
}

async fn run(subject: &Configured<'_>, terminal: &Terminal) -> Summary {
    let mut summary = Summary::default();
    for case in cases() {
        let result = case.run(subject).await;
        terminal.result(&match &result {
            Ok(Outcome::Kept) => format!("kept     {}\n", case.name()),
            Ok(Outcome::Skipped { reason }) => format!("skipped  {}: {reason}\n", case.name()),
            Err(failure) => format!("broken   {failure}\n"),
        });
        summary.record(case.name(), result);
    }
    summary
}

fn conclusion(summary: &Summary, is_unread: bool) -> String {
    let (kept, skipped, broken) = (summary.kept.len(), summary.skipped.len(), summary.failures.len());
    let note = if is_unread { "; nothing was read back: name a reader after `--` to compare the rows" } else { "" };
    format!("{kept} kept, {skipped} skipped, {broken} broken{note}\n")
}
