//! `create_topic`, `sasl` and `tls`: how the brokers are reached, and a topic is created.

use std::path::PathBuf;

use fanout_sink::Secret;
use fanout_sink::schemars::{self, JsonSchema};
use serde::Deserialize;

/// `create_topic`: what a topic is made with.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateTopic {
    /// Its partitions.
    #[schemars(range(min = 1))]
    pub partitions: u32,
    /// How many brokers have each of them.
    #[schemars(range(min = 1))]
    pub replication: u32,
    /// What is removed from it: `delete`, `compact` or `compact,delete`; without it, what the brokers have by default.
    #[serde(default)]
    pub cleanup_policy: Option<String>,
}

/// `sasl`: name and password.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sasl {
    /// `PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`.
    pub mechanism: String,
    /// The name.
    pub username: String,
    /// The password, as `{ env = "NAME" }` or `{ file = "path" }`.
    pub password: Secret,
}

/// `tls`: certificates. An empty table trusts what the system trusts.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// The certificates to trust (PEM) instead of the system's; relative to the pipeline file.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// The certificate of this client (PEM); relative to the pipeline file.
    #[serde(default)]
    pub certificate_file: Option<PathBuf>,
    /// Its key (PEM); relative to the pipeline file.
    #[serde(default)]
    pub key_file: Option<PathBuf>,
    /// The password of the key.
    #[serde(default)]
    pub key_password: Option<Secret>,
}
