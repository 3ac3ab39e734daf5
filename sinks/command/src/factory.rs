//! `type = "command"` in a pipeline file: the factory of the sink.

use fanout_sink::arrow::datatypes::Field;
use fanout_sink::{Delivery, Found, Guarantee, Root, SinkContext, SinkError, SinkFactory, SinkReport, async_trait};
use fanout_sink_ndjson::LineEncoder;

use crate::conversation::Conversation;
use crate::options::{CommandOptions, ProgramGuarantee, Protocol};
use crate::program::Program;
use crate::sink::CommandSink;

/// An open sink holds one batch as it is sent. A page of 10,000 followers has 0.8 MB as Arrow and
/// 1.6 MB as lines.
const MEMORY: u64 = 4 << 20;

/// Opens [`CommandSink`]s.
#[derive(Debug, Default)]
pub struct CommandFactory;

#[async_trait]
impl SinkFactory for CommandFactory {
    type Options = CommandOptions;
    type Sink = CommandSink;

    fn name(&self) -> &'static str {
        "command"
    }

    fn summary(&self) -> &'static str {
        "a program in any language, which stages an Arrow stream and publishes when it is told to: exactly once; or which \
         reads lines to their end: at least once"
    }

    fn delivery(&self, options: &CommandOptions) -> Delivery {
        match (options.protocol, options.guarantee.unwrap_or_default()) {
            (Protocol::Arrow, ProgramGuarantee::ExactlyOnce) => Delivery::Staged,
            _ => Delivery::WhenComplete { guarantee: Guarantee::AtLeastOnce },
        }
    }

    fn memory(&self, _options: &CommandOptions) -> u64 {
        MEMORY
    }

    /// The program.
    fn threads(&self, _options: &CommandOptions) -> u64 {
        1
    }

    /// An Arrow stream has every type.
    fn takes(&self, options: &CommandOptions, field: &Field) -> bool {
        !options.sends_lines() || LineEncoder::takes(field)
    }

    /// None: fanout does not know where a program writes.
    fn roots(&self, _options: &CommandOptions) -> Vec<Root> {
        Vec::new()
    }

    async fn check(&self, options: &CommandOptions, context: &SinkContext) -> Result<(), SinkError> {
        options.validate()?;
        Program::find(options, context).map(drop)
    }

    async fn open(&self, options: CommandOptions, context: SinkContext) -> Result<CommandSink, SinkError> {
        options.validate()?;
        CommandSink::start(options, &context).await
    }

    /// Asks a program with `protocol = "arrow"`; a plain one cannot answer.
    async fn find(
        &self,
        options: &CommandOptions,
        context: &SinkContext,
        report: &SinkReport,
    ) -> Result<Found, SinkError> {
        options.validate()?;
        match options.protocol {
            Protocol::Arrow => Conversation::find(options.clone(), context, report).await,
            Protocol::Plain => Ok(Found::Unknown),
        }
    }
}
