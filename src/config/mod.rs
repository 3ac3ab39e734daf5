//! The pipeline file: one TOML file with the accounts, their source, the journal, the limits and
//! the sinks.
//!
//! The command line calls [`Pipeline::load`], which merges four layers (built-in defaults, the
//! file, `FANOUT_` environment variables, `--set`), checks all of them, and reports every problem
//! at once: each with the file, the key, what was found and what was expected. Nothing is opened
//! here. The options of sinks are checked in the next step, by
//! [`SinkRegistry::bind_all`](crate::SinkRegistry::bind_all), because only a sink knows its own.
//!
//! ```toml
//! name = "followers"
//!
//! [[accounts]]
//! name = "brand"
//! app_id = "wx0123456789abcdef"
//! secret = { env = "BRAND_SECRET" }
//!
//! [sinks.archive]                  # `archive` is yours: logs, reports and errors use it
//! type = "parquet"                 # the engine's keys: type, list, required, deliver, columns, …
//! [sinks.archive.options]          # the sink's own keys
//! root = "out/followers"
//! ```
//!
//! # Overrides
//!
//! `FANOUT_JOURNAL__PATH=/data/state` and `--set journal.path=/data/state` both set the key `path`
//! of `[journal]`: in a variable's name `__` separates levels, and case does not matter. A value is
//! read as TOML if it is TOML (`5`, `true`, `["openid"]`), and as text otherwise; a list is
//! replaced as a whole. A variable that is close to a key is an error; one that is far from every
//! key is a warning, because the surroundings of a process set variables, too. Those that
//! Kubernetes sets for a service named `fanout…` are passed over, as are `FANOUT_REQUIRE_ALL` and
//! those that the file names as a secret's `env`.

mod account;
mod account_words;
mod accounts_csv;
mod accounts_file;
mod address;
mod bounded;
mod changes;
mod context;
mod encoding;
mod environment;
mod error;
mod known_keys;
mod layers;
mod load;
mod profiles;
mod proxies;
mod section;
mod secret;
mod selected;
mod shard;
mod shared_endpoint;
mod sink_section;
mod slips;
mod syntax;
mod tags;
#[cfg(test)]
mod tests;
mod text;
mod token;
mod token_url;
mod tree;

pub use account::{Account, Credential};
pub use address::{BaseUrl, ProxyUrl};
pub use changes::ChangesSection;
pub use environment::Environment;
pub use error::{ConfigError, ConfigErrors};
pub use layers::Overrides;
pub use load::Pipeline;
pub use profiles::{ProfilesSection, SourceProfilesSection, Verify};
pub use proxies::{ChosenProxy, EnvironmentProxies};
pub use secret::TokenSource;
pub use section::{
    JournalSection, LimitsSection, MetricsSection, QuotaSection, RetrySection, SimulateSection, SourceSection,
};
pub use shard::Shard;
pub use sink_section::{Deliver, SinkOptions, SinkRetry, SinkSection, WhenGone};
pub use tags::{TagName, TagsSection};
pub use token::{TokenCommand, TokenEndpoint};
pub use token_url::TokenUrl;

pub(crate) use account::CREDENTIALS;
pub(crate) use error::did_you_mean;
pub(crate) use load::{Draft, schema};
pub(crate) use section::RUNS;
pub(crate) use text::IDENTIFIER_PATTERN;
pub(crate) use token::TokenServer;
