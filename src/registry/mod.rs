//! Which sinks exist: `type` in a pipeline file → [`SinkFactory`].
//!
//! Registration is explicit: what a binary can do is read in its `main`. A sink of your own is one more
//! [`with`](SinkRegistry::with):
//!
//! ```
//! use fanout::SinkRegistry;
//! use fanout_sink::{Batch, ClosureFactory, SinkError};
//!
//! let log = ClosureFactory::new("log", |_batch: Batch| async { Ok::<(), SinkError>(()) });
//! let registry = SinkRegistry::builtin().with(log);
//! assert!(registry.types().any(|name| name == "log"));
//! ```

mod bound;
mod columns;
mod roots;
mod schema;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use fanout_sink::arrow::datatypes::SchemaRef;
use fanout_sink::schemars::{JsonSchema, Schema, SchemaGenerator};
use fanout_sink::{ConfiguredSink, Delivery, SinkFactory};

pub use bound::BoundSink;
use columns::Projection;

use crate::config::{ConfigError, ConfigErrors, Deliver, Pipeline, SinkOptions, SinkSection, did_you_mean};
use crate::wechat::List;

/// The sinks that a pipeline file may name.
#[derive(Clone)]
pub struct SinkRegistry {
    factories: BTreeMap<String, Arc<dyn ErasedFactory>>,
}

impl SinkRegistry {
    /// Returns a registry of the sinks that the features compiled in: one line each, and nowhere else.
    pub fn builtin() -> Self {
        let registry = Self::empty();
        #[cfg(feature = "command")]
        let registry = registry.with(fanout_sink_command::CommandFactory);
        #[cfg(feature = "kafka")]
        let registry = registry.with(fanout_sink_kafka::KafkaFactory);
        #[cfg(feature = "ndjson")]
        let registry = registry.with(fanout_sink_ndjson::NdjsonFactory);
        #[cfg(feature = "parquet")]
        let registry = registry.with(fanout_sink_parquet::ParquetFactory);
        registry
    }

    /// Returns a registry of no sinks.
    pub fn empty() -> Self {
        Self { factories: BTreeMap::new() }
    }

    /// Adds a kind of sink.
    ///
    /// # Panics
    ///
    /// When the `type` is taken: two sinks under one name are a mistake in the program, not in a pipeline file.
    #[must_use]
    pub fn with<F: SinkFactory>(mut self, factory: F) -> Self {
        let name = factory.name().to_owned();
        let taken = self.factories.insert(name, Arc::new(Factory(Arc::new(factory))));
        if let Some(first) = taken {
            panic!("two sinks are registered as the type `{}`", first.name());
        }
        self
    }

    /// Iterates over the `type`s, in order.
    pub fn types(&self) -> impl Iterator<Item = &str> {
        self.factories.keys().map(String::as_str)
    }

    /// Iterates over each `type` with one line on what it writes, in order.
    pub fn summaries(&self) -> impl Iterator<Item = (&str, &str)> {
        self.factories.iter().map(|(name, factory)| (name.as_str(), factory.summary()))
    }

    /// Finds the factory of one sink and reads its options and columns, without opening anything. `schema` is that
    /// of the list, before `columns`.
    ///
    /// # Errors
    ///
    /// An unknown `type`, wrong options, wrong columns: all of them.
    pub fn bind(&self, section: &SinkSection, schema: &SchemaRef) -> Result<BoundSink, ConfigErrors> {
        let mut problems = Vec::new();
        let projection = Projection::new(section, schema, &mut problems);
        let factory = self.factories.get(&section.kind).ok_or_else(|| self.unknown_type(section).into());
        let sink = factory.and_then(|factory| factory.configure(&section.options));
        let sink = sink.map_err(|errors: ConfigErrors| problems.extend(errors)).ok();
        let bound = projection.zip(sink).map(|(projection, sink)| BoundSink::new(section, projection, sink));
        if section.deliver == Some(Deliver::Stream)
            && let Some(Delivery::WhenComplete { .. }) = bound.as_ref().map(BoundSink::delivery)
        {
            let message = format!(
                "found `stream`, expected `when_complete`: this `{}` cannot take back what it has sent",
                section.kind
            );
            problems.push(section.problem("deliver", message));
        }
        ConfigErrors::check(problems, bound)
    }

    /// Binds every sink of a pipeline, and compares them with each other. `row_schema` tells the columns of a list.
    ///
    /// # Errors
    ///
    /// As [`bind`](Self::bind), for all sinks; and two sinks that write to the same place, or a sink that cannot keep
    /// simulated outputs apart under `--simulate`.
    pub fn bind_all(
        &self,
        pipeline: &Pipeline,
        row_schema: impl Fn(List) -> SchemaRef,
    ) -> Result<Vec<BoundSink>, ConfigErrors> {
        let mut problems = Vec::new();
        let mut sinks = Vec::new();
        for section in &pipeline.sinks {
            match self.bind(section, &row_schema(section.list)) {
                Ok(sink) => sinks.push(sink),
                Err(errors) => problems.extend(errors),
            }
        }
        if pipeline.simulated_by_flag {
            problems.extend(sinks.iter().filter(|sink| sink.roots().is_empty()).map(|sink| {
                let message = format!(
                    "found `{}`, expected a sink that writes files under `--simulate`, so that simulated followers stay \
                     apart from real ones",
                    sink.section().kind
                );
                sink.section().problem("type", message)
            }));
        }
        roots::report_shared(&sinks, &pipeline.directory, &mut problems);
        ConfigErrors::check(problems, Some(sinks))
    }

    fn unknown_type(&self, section: &SinkSection) -> ConfigError {
        let types: Vec<&str> = self.types().collect();
        let registered = match types.as_slice() {
            [] => "but this program has no sinks".to_owned(),
            types => format!("expected one of `{}`", types.join("`, `")),
        };
        let hint = did_you_mean(&section.kind, &types);
        section.problem("type", format!("found {:?}, {registered}{hint}", section.kind))
    }
}

impl fmt::Debug for SinkRegistry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.types()).finish()
    }
}

/// A [`SinkFactory`] without its types, so that one map holds all of them.
trait ErasedFactory: Send + Sync {
    fn name(&self) -> &str;
    fn summary(&self) -> &str;
    fn schema(&self, generator: &mut SchemaGenerator) -> Schema;
    /// Reads the options, and puts them and the factory together.
    fn configure(&self, options: &SinkOptions) -> Result<ConfiguredSink, ConfigErrors>;
}

struct Factory<F>(Arc<F>);

impl<F: SinkFactory> ErasedFactory for Factory<F> {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn summary(&self) -> &str {
        self.0.summary()
    }

    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        F::Options::json_schema(generator)
    }

    fn configure(&self, options: &SinkOptions) -> Result<ConfiguredSink, ConfigErrors> {
        Ok(ConfiguredSink::shared(Arc::clone(&self.0), options.extract()?))
    }
}
