//! `create_topic`, `sasl` and `tls`: how the brokers are reached, and a topic is created.

use std::path::PathBuf;

use fanout_sink::Secret;
use fanout_sink::schemars::{self, JsonSchema};
use serde::Deserialize;

/// `create_topic`: what a topic is created with.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateTopic {
    /// The number of partitions.
    #[schemars(range(min = 1))]
    pub partitions: u32,
    /// The number of brokers that hold each partition.
    #[schemars(range(min = 1))]
    pub replication: u32,
    /// The topic's `cleanup.policy`: `delete`, `compact` or `compact,delete`; by default the
    /// brokers' own.
    #[serde(default)]
    pub cleanup_policy: Option<String>,
}

/// `sasl`: user name and password.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sasl {
    /// `PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`.
    pub mechanism: String,
    /// The user name.
    pub username: String,
    /// The password, as `{ env = "NAME" }` or `{ file = "path" }`.
    pub password: Secret,
}

/// `tls`: certificates. An empty table trusts the authorities that the system trusts.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// The authorities to trust (PEM) instead of the system's; relative to the pipeline file.
    #[serde(default, deserialize_with = "fanout_sink::local_path")]
    pub ca_file: Option<PathBuf>,
    /// The certificate of this client (PEM); relative to the pipeline file.
    #[serde(default, deserialize_with = "fanout_sink::local_path")]
    pub certificate_file: Option<PathBuf>,
    /// The key of that certificate (PEM); relative to the pipeline file.
    #[serde(default, deserialize_with = "fanout_sink::local_path")]
    pub key_file: Option<PathBuf>,
    /// The password of the key.
    #[serde(default)]
    pub key_password: Option<Secret>,
}
