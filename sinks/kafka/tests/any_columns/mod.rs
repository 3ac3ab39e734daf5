//! The sink with options that fit the columns of each list: the conformance suite also delivers
//! lists that have only some columns.

use fanout_sink::arrow::datatypes::Field;
use fanout_sink::{Delivery, Found, Root, SinkContext, SinkError, SinkFactory, SinkReport, async_trait};
use fanout_sink_kafka::{KafkaFactory, KafkaOptions, KafkaSink, KeyFormat};

/// Sets the options that a list without `openid` or without `position` needs. The key consists of
/// the columns that the list has. Readers order the rows of several partitions by `position`, so
/// without it there is one partition.
pub(crate) struct AnyColumns(pub(crate) KafkaFactory);

fn with_columns_of(mut options: KafkaOptions, context: &SinkContext) -> KafkaOptions {
    let columns = context.schema.fields().iter().filter(|field| !field.is_nullable());
    options.key = KeyFormat::Columns(columns.map(|field| field.name().clone()).collect());
    options.partitions = options.partitions.filter(|_| context.schema.column_with_name("position").is_some());
    options
}

#[async_trait]
impl SinkFactory for AnyColumns {
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

    fn takes(&self, options: &KafkaOptions, field: &Field) -> bool {
        self.0.takes(options, field)
    }

    fn roots(&self, options: &KafkaOptions) -> Vec<Root> {
        self.0.roots(options)
    }

    async fn check(&self, options: &KafkaOptions, context: &SinkContext) -> Result<(), SinkError> {
        self.0.check(&with_columns_of(options.clone(), context), context).await
    }

    async fn open(&self, options: KafkaOptions, context: SinkContext) -> Result<KafkaSink, SinkError> {
        self.0.open(with_columns_of(options, &context), context).await
    }

    async fn find(
        &self,
        options: &KafkaOptions,
        context: &SinkContext,
        report: &SinkReport,
    ) -> Result<Found, SinkError> {
        self.0.find(&with_columns_of(options.clone(), context), context, report).await
    }
}
