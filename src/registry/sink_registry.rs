//! The registry itself: a map from `type` to the factory, and the binding of a pipeline's sinks.
//!
//! Before it: `main` registers the factories, and `config` reads the sections of the sinks. Behind
//! it: the engine's `bind` takes the [`BoundSink`]s.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use fanout_sink::schemars::{JsonSchema, Schema, SchemaGenerator};
use fanout_sink::{ConfiguredSink, Delivery, SinkFactory};

use super::bound::{BoundSink, with_hint};
use super::columns::{ListColumns, Projection};
use super::roots;
use crate::config::{ConfigError, ConfigErrors, Deliver, Pipeline, SinkOptions, SinkSection, did_you_mean};
use crate::wechat::List;

/// The sinks that a pipeline file may name.
#[derive(Clone)]
pub struct SinkRegistry {
    pub(super) factories: BTreeMap<String, Arc<dyn ErasedFactory>>,
}

impl SinkRegistry {
    /// Returns a registry of the built-in sinks, which Cargo features select. Each is named in one
    /// line, here only.
    pub fn builtin() -> Self {
        let registry = Self::empty();
        #[cfg(feature = "arrow")]
        let registry = registry.with(fanout_sink_arrow::ArrowFactory);
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
    /// If the `type` is registered already: that is a mistake in the program, not in a pipeline
    /// file.
    #[must_use]
    pub fn with<F: SinkFactory>(mut self, factory: F) -> Self {
        let name = factory.name().to_owned();
        let taken = self.factories.insert(name, Arc::new(Factory(Arc::new(factory))));
        if let Some(first) = taken {
            panic!("two sinks are registered as the type `{}`", first.name());
        }
        self
    }

    /// Iterates over the `type`s, in alphabetical order.
    pub fn types(&self) -> impl Iterator<Item = &str> {
        self.factories.keys().map(String::as_str)
    }

    /// Iterates over the `type`s, each with one line on what it writes, in alphabetical order.
    pub fn summaries(&self) -> impl Iterator<Item = (&str, &str)> {
        self.factories.iter().map(|(name, factory)| (name.as_str(), factory.summary()))
    }

    /// Finds the factory of one sink and reads its options and columns; opens nothing. `list` has
    /// the columns of the list.
    ///
    /// # Errors
    ///
    /// Every problem: an unknown `type`, wrong options, wrong columns, columns that the sink cannot
    /// take.
    pub fn bind(&self, section: &SinkSection, list: &ListColumns) -> Result<BoundSink, ConfigErrors> {
        let mut problems = Vec::new();
        let projection = Projection::new(section, list, &mut problems);
        let factory = self.factories.get(&section.kind).ok_or_else(|| self.unknown_type(section).into());
        let sink = factory.and_then(|factory| factory.configure(&section.options));
        let sink = sink.map_err(|errors: ConfigErrors| problems.extend(errors)).ok();
        let bound = projection.zip(sink).map(|(projection, sink)| BoundSink::new(section, projection, sink));
        let refusals = bound.as_ref().map(BoundSink::refusals).unwrap_or_default();
        problems.extend(refusals.iter().map(|refusal| section.problem("columns", with_hint(refusal))));
        // A sink whose options hold a `Root` has refused these already.
        for root in bound.as_ref().map(BoundSink::roots).unwrap_or_default() {
            let problem = root.problem().map(|problem| format!("found {:?}, {problem}", root.to_string()));
            problems.extend(problem.map(|message| section.problem("options", message)));
        }
        let delivery = bound.as_ref().map(BoundSink::delivery);
        if section.deliver == Some(Deliver::Stream)
            && matches!(delivery, Some(Delivery::WhenComplete { .. } | Delivery::OneShot))
        {
            let message = format!(
                "found `stream`, expected `when_complete`: this `{}` cannot take back what it has sent",
                section.kind
            );
            problems.push(section.problem("deliver", message));
        }
        if section.baseline && delivery == Some(Delivery::OneShot) {
            let message = format!(
                "found `true`, expected `false`: this `{}` gets the changes of each run anew, so it has no first list",
                section.kind
            );
            problems.push(section.problem("baseline", message));
        }
        ConfigErrors::check(problems, bound)
    }

    /// Binds every sink of a pipeline, and compares them with each other. `columns` returns those
    /// of a list.
    ///
    /// # Errors
    ///
    /// Every problem of [`bind`](Self::bind), for all sinks; also two sinks that write to the same
    /// place, and, under `--simulate`, a sink that cannot keep simulated outputs apart.
    pub fn bind_all(
        &self,
        pipeline: &Pipeline,
        columns: impl Fn(List) -> ListColumns,
    ) -> Result<Vec<BoundSink>, ConfigErrors> {
        let mut problems = Vec::new();
        let mut sinks = Vec::new();
        for section in &pipeline.sinks {
            match self.bind(section, &columns(section.list)) {
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

/// A [`SinkFactory`] without its types, so that one map can hold all of them.
pub(super) trait ErasedFactory: Send + Sync {
    fn name(&self) -> &str;
    fn summary(&self) -> &str;
    fn schema(&self, generator: &mut SchemaGenerator) -> Schema;
    /// Reads the options, and makes a configured sink of them and the factory.
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
