//! The sink with options that fit whatever columns a list has, as the conformance suite gives it lists of some only.

use std::path::PathBuf;

use fanout_sink::{Delivery, Found, SinkContext, SinkError, SinkFactory, SinkReport, async_trait};
use fanout_sink_kafka::{KafkaFactory, KafkaOptions, KafkaSink, KeyFormat};

/// Does what the author of a pipeline file does who leaves `openid` out of `columns`, or `position`: takes as the key
/// what there is, and one partition where readers could not put the rows of several in order.
pub(crate) struct Arranged(pub(crate) KafkaFactory);

fn arranged(mut options: KafkaOptions, context: &SinkContext) -> KafkaOptions {
    let columns = context.schema.fields().iter().filter(|field| !field.is_nullable());
    options.key = KeyFormat::Columns(columns.map(|field| field.name().clone()).collect());
    options.partitions = options.partitions.filter(|_| context.schema.column_with_name("position").is_some());
    options
}

#[async_trait]
impl SinkFactory for Arranged {
    type Options = KafkaOptions;
    type Sink = KafkaSink;

    fn name(&self) -> &str {
        self.0.name()
    }

    fn summary(&self) -> &str {
        self.0.summary()
    }

    fn delivery(&self, options: &KafkaOptions) -> Delivery {
        self.0.delivery(options)
    }

    fn memory(&self, options: &KafkaOptions) -> u64 {
        self.0.memory(options)
    }

    fn roots(&self, options: &KafkaOptions) -> Vec<PathBuf> {
        self.0.roots(options)
    }

    async fn check(&self, options: &KafkaOptions, context: &SinkContext) -> Result<(), SinkError> {
        self.0.check(&arranged(options.clone(), context), context).await
    }

    async fn open(&self, options: KafkaOptions, context: SinkContext) -> Result<KafkaSink, SinkError> {
        self.0.open(arranged(options, &context), context).await
    }

    async fn find(
        &self,
        options: &KafkaOptions,
        context: &SinkContext,
        report: &SinkReport,
    ) -> Result<Found, SinkError> {
        self.0.find(&arranged(options.clone(), context), context, report).await
    }
}
