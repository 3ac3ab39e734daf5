//! What librdkafka is configured with: the options of the sink, and the properties of the pipeline
//! file that pass through.

use fanout_sink::{SinkContext, SinkError};
use rdkafka::ClientConfig;
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::BaseConsumer;
use rdkafka::error::KafkaError;

use super::log::Log;
use crate::options::{Compression, KafkaOptions, LARGEST_BATCH_BYTES};

/// Prefixes of the properties that a pipeline file cannot set, each with what to do instead: an
/// option sets them, or exactly once depends on their value.
const OWNED: [(&str, &str); 22] = [
    ("acks", "it is `all`"),
    ("batch.size", "use `max_batch_bytes`"),
    ("bootstrap.servers", "use `brokers`"),
    ("compression.", "use `compression`"),
    ("delivery.report.only.error", "no option changes it"),
    ("enable.auto.", "nothing is consumed"),
    ("enable.idempotence", "it is on"),
    ("group.", "use `prefix`"),
    ("isolation.level", "it is `read_committed`"),
    ("message.max.bytes", "use `max_batch_bytes`"),
    ("metadata.broker.list", "use `brokers`"),
    ("partitioner", "a key belongs to one partition"),
    ("queue.buffering.max.kbytes", "use `queue_bytes`"),
    ("queue.buffering.max.messages", "use `queue_bytes`"),
    ("request.required.acks", "it is `all`"),
    ("sasl.mechanism", "use `sasl`"),
    ("sasl.password", "use `sasl`"),
    ("sasl.username", "use `sasl`"),
    ("security.protocol", "use `sasl` and `tls`"),
    ("ssl.key", "use `tls`"),
    ("transaction.timeout.ms", "use `transaction_timeout_secs`"),
    ("transactional.id", "use `prefix`"),
];

/// Returns the transactional id, which is also the name of the consumer group. All pipelines that
/// deliver one list to one topic share it: the brokers let one of them deliver at a time, and each
/// sees what the others have delivered. It holds the app id, not the account's name: the pipeline
/// file may rename an account.
fn identity(options: &KafkaOptions, context: &SinkContext) -> String {
    format!("{}.{}.{}.{}", options.prefix, options.topic, context.app_id, context.list)
}

/// Returns the configuration that every client shares: addresses, encryption, credentials.
pub(super) fn connection_config(options: &KafkaOptions, context: &SinkContext) -> Result<ClientConfig, SinkError> {
    let mut config = ClientConfig::new();
    config.set("client.id", "fanout");
    for (key, property) in &options.properties {
        if let Some((_, instead)) = OWNED.iter().find(|(owned, _)| key.starts_with(owned)) {
            let message = format!("`{key}` cannot be set here: {instead}");
            return Err(SinkError::option(format!("properties.{key}"), message));
        }
        config.set(key, &property.0);
    }
    config.set("bootstrap.servers", options.brokers.as_deref().unwrap_or_default().join(","));
    let protocol = match (&options.sasl, &options.tls) {
        (None, None) => "plaintext",
        (None, Some(_)) => "ssl",
        (Some(_), None) => "sasl_plaintext",
        (Some(_), Some(_)) => "sasl_ssl",
    };
    config.set("security.protocol", protocol);
    set_sasl(&mut config, options)?;
    set_tls(&mut config, options, context);
    check(&config, options)?;
    Ok(config)
}

fn set_sasl(config: &mut ClientConfig, options: &KafkaOptions) -> Result<(), SinkError> {
    const MECHANISMS: [&str; 3] = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"];
    let Some(sasl) = &options.sasl else { return Ok(()) };
    if !MECHANISMS.contains(&sasl.mechanism.as_str()) {
        let message = format!("`{}` is not one of `{}`", sasl.mechanism, MECHANISMS.join("`, `"));
        return Err(SinkError::option("sasl.mechanism", message));
    }
    config.set("sasl.mechanism", &sasl.mechanism);
    config.set("sasl.username", &sasl.username);
    config.set("sasl.password", sasl.password.expose());
    Ok(())
}

fn set_tls(config: &mut ClientConfig, options: &KafkaOptions, context: &SinkContext) {
    let Some(tls) = &options.tls else { return };
    for (key, file) in [
        ("ssl.ca.location", &tls.ca_file),
        ("ssl.certificate.location", &tls.certificate_file),
        ("ssl.key.location", &tls.key_file),
    ] {
        if let Some(file) = file {
            config.set(key, context.directory.join(file).display().to_string());
        }
    }
    if let Some(password) = &tls.key_password {
        config.set("ssl.key.password", password.expose());
    }
}

/// Lets librdkafka check names and values. Its reason is shown only for `properties`: for another
/// key it may quote a secret.
fn check(config: &ClientConfig, options: &KafkaOptions) -> Result<(), SinkError> {
    match config.create_native_config() {
        Err(KafkaError::ClientConfig(_, reason, key, _)) if options.properties.contains_key(&key) => {
            Err(SinkError::option(format!("properties.{key}"), format!("librdkafka refuses it: {reason}")))
        }
        Err(KafkaError::ClientConfig(_, _, key, _)) => {
            Err(SinkError::permanent(format!("librdkafka refuses the value of `{key}`")))
        }
        Err(error) => Err(SinkError::permanent("librdkafka refuses its configuration").with_source(error)),
        Ok(_) => Ok(()),
    }
}

/// Returns the configuration of the producer.
pub(super) fn producer_config(options: &KafkaOptions, context: &SinkContext) -> Result<ClientConfig, SinkError> {
    let mut config = connection_config(options, context)?;
    config
        .set("transactional.id", identity(options, context))
        .set("transaction.timeout.ms", (u64::from(options.transaction_timeout_secs) * 1_000).to_string())
        .set("enable.idempotence", "true")
        .set("acks", "all")
        // Every record names its partition. This states the rule, for tests and for readers of the
        // configuration.
        .set("partitioner", "murmur2_random")
        .set("compression.type", codec(options.compression))
        .set("batch.size", options.max_batch_bytes.0.to_string())
        .set("message.max.bytes", LARGEST_BATCH_BYTES.to_string())
        .set("queue.buffering.max.kbytes", (options.queue_bytes.0 / 1_024).to_string())
        .set("queue.buffering.max.messages", "0")
        // Acknowledged records are counted by what is left in the queue.
        .set("delivery.report.only.error", "true");
    if !options.properties.contains_key("linger.ms") {
        // The rows come as fast as the journal is read: wait for full batches.
        config.set("linger.ms", "100");
    }
    Ok(config)
}

/// Makes the consumer that reads the checkpoint and the topic's metadata. It reads no records.
pub(super) fn consumer(options: &KafkaOptions, context: &SinkContext) -> Result<BaseConsumer<Log>, SinkError> {
    make_consumer(&consumer_config(options, context)?)
}

/// Makes a consumer that reads the last committed checkpoint at once.
///
/// [`consumer`] waits until a transaction with a newer checkpoint has ended. After a crash that is
/// when it times out, unless a producer is opened, which an observer does not do.
pub(super) fn observer(options: &KafkaOptions, context: &SinkContext) -> Result<BaseConsumer<Log>, SinkError> {
    let mut config = consumer_config(options, context)?;
    config.set("isolation.level", "read_uncommitted");
    make_consumer(&config)
}

fn make_consumer(config: &ClientConfig) -> Result<BaseConsumer<Log>, SinkError> {
    BaseConsumer::from_config_and_context(config, Log::default())
        .map_err(|error| SinkError::permanent("cannot make a client").with_source(error))
}

fn consumer_config(options: &KafkaOptions, context: &SinkContext) -> Result<ClientConfig, SinkError> {
    let mut config = connection_config(options, context)?;
    config
        .set("group.id", identity(options, context))
        .set("enable.auto.commit", "false")
        // With this the coordinator waits for the offsets of a transaction that is being committed.
        .set("isolation.level", "read_committed")
        .set("allow.auto.create.topics", "false");
    Ok(config)
}

fn codec(compression: Compression) -> &'static str {
    match compression {
        Compression::None => "none",
        Compression::Gzip => "gzip",
        Compression::Snappy => "snappy",
        Compression::Lz4 => "lz4",
        Compression::Zstd => "zstd",
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use fanout_sink::Secret;
    use fanout_sink::arrow::datatypes::Schema;

    use super::*;
    use crate::options::{Property, Sasl, Tls};

    fn context() -> SinkContext {
        SinkContext::new("brand", "wx1", Arc::new(Schema::empty()))
            .with_names("followers", "stream")
            .with_list("blacklist")
            .with_directory("/pipelines")
    }

    fn options() -> KafkaOptions {
        KafkaOptions::brokers("topic", ["one:9092".to_owned(), "two:9092".to_owned()])
    }

    fn sasl(mechanism: &str) -> Sasl {
        let password = Secret::new("hunter2");
        Sasl { mechanism: mechanism.to_owned(), username: "fanout".to_owned(), password }
    }

    #[test]
    fn what_exactly_once_depends_on_is_set() {
        let options = KafkaOptions { compression: Compression::Lz4, ..options() };
        let config = producer_config(&options, &context()).unwrap();
        for (key, value) in [
            ("bootstrap.servers", "one:9092,two:9092"),
            ("transactional.id", "fanout.topic.wx1.blacklist"),
            ("transaction.timeout.ms", "900000"),
            ("enable.idempotence", "true"),
            ("acks", "all"),
            ("partitioner", "murmur2_random"),
            ("compression.type", "lz4"),
            ("security.protocol", "plaintext"),
        ] {
            assert_eq!(config.get(key), Some(value), "{key}");
        }
        let config = consumer_config(&options, &context()).unwrap();
        assert_eq!(config.get("group.id"), Some("fanout.topic.wx1.blacklist"));
        assert_eq!(config.get("isolation.level"), Some("read_committed"));
    }

    #[test]
    fn credentials_and_encryption_become_the_protocol() {
        let tls = Some(Tls { ca_file: Some("ca.pem".into()), ..Tls::default() });
        for (sasl, tls, protocol) in [
            (None, None, "plaintext"),
            (None, tls.clone(), "ssl"),
            (Some(sasl("PLAIN")), None, "sasl_plaintext"),
            (Some(sasl("SCRAM-SHA-512")), tls, "sasl_ssl"),
        ] {
            let options = KafkaOptions { sasl, tls, ..options() };
            let config = connection_config(&options, &context()).unwrap();
            assert_eq!(config.get("security.protocol"), Some(protocol));
            assert_eq!(config.get("sasl.password"), options.sasl.as_ref().map(|_| "hunter2"));
            let place = options.tls.as_ref().map(|_| "/pipelines/ca.pem");
            assert_eq!(config.get("ssl.ca.location"), place);
        }
    }

    #[test]
    fn a_property_passes_through_unless_it_is_wrong_or_an_option() {
        let with = |key: &str, value: &str| {
            let properties = [(key.to_owned(), Property(value.to_owned()))].into();
            producer_config(&KafkaOptions { properties, ..options() }, &context())
        };
        assert_eq!(with("linger.ms", "7").unwrap().get("linger.ms"), Some("7"));
        for (key, value, expected) in [
            ("acks", "0", "`acks` cannot be set here: it is `all`"),
            ("sasl.password", "hunter2", "use `sasl`"),
            ("ssl.key.password", "hunter2", "use `tls`"),
            ("no.such.property", "1", "librdkafka refuses it"),
            ("linger.ms", "soon", "librdkafka refuses it"),
        ] {
            let error = with(key, value).unwrap_err();
            assert_eq!(error.key(), Some(format!("properties.{key}").as_str()));
            assert!(error.to_string().contains(expected) && !error.to_string().contains("hunter2"), "{error}");
        }
        let kerberos = KafkaOptions { sasl: Some(sasl("GSSAPI")), ..options() };
        assert_eq!(connection_config(&kerberos, &context()).unwrap_err().key(), Some("sasl.mechanism"));
    }
}
