//! The sections `[source]`, `[journal]`, `[limits]` and `[metrics]`. Their documentation is the user's.

use std::net::SocketAddr;
use std::num::NonZero;
use std::path::PathBuf;
use std::time::Duration;

use fanout_sink::ByteSize;
use fanout_sink::schemars::JsonSchema;
use serde::Deserialize;

use super::address::{BaseUrl, ProxyUrl};
use super::checked;

/// The folder below `journal.path` that holds the reports of runs. No account may have this app id.
pub(crate) const RUNS: &str = "runs";

/// `[source]`: where the list is read, and with how much patience.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[schemars(crate = "fanout_sink::schemars")]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct SourceSection {
    /// `base_url`: scheme, host and port of the API; `https` only, unless the host is this machine. Default
    /// `https://api.weixin.qq.com`.
    #[schemars(with = "String", extend("default" = BaseUrl::WECHAT))]
    pub base_url: BaseUrl,
    /// `proxy`: an HTTP proxy, `http://host:port`. Default: the one that the environment names, or none.
    #[schemars(with = "Option<String>")]
    pub proxy: Option<ProxyUrl>,
    /// `ca_file`: certificates (PEM) to trust besides the usual ones; relative to the pipeline file. Default none.
    pub ca_file: Option<PathBuf>,
    /// `connect_timeout_secs`: the longest wait for a connection, in seconds. Default 10.
    #[serde(rename = "connect_timeout_secs", deserialize_with = "checked::seconds")]
    #[schemars(with = "u64", range(min = 1, max = 86_400), extend("default" = 10))]
    pub connect_timeout: Duration,
    /// `idle_timeout_secs`: the longest silence within a reply, in seconds. Default 30.
    #[serde(rename = "idle_timeout_secs", deserialize_with = "checked::seconds")]
    #[schemars(with = "u64", range(min = 1, max = 86_400), extend("default" = 30))]
    pub idle_timeout: Duration,
    /// `total_timeout_secs`: the longest time for one request and its reply, in seconds. Default 600.
    #[serde(rename = "total_timeout_secs", deserialize_with = "checked::seconds")]
    #[schemars(with = "u64", range(min = 1, max = 86_400), extend("default" = 600))]
    pub total_timeout: Duration,
    /// `max_reply_bytes`: the largest reply that is read, after decompression: `8 MiB`, `900 kB`, or bytes. Default
    /// `8 MiB`; a full page of 10,000 followers is 0.3 MB.
    #[serde(deserialize_with = "checked::bytes")]
    #[schemars(with = "ByteSize", extend("default" = "8 MiB"))]
    pub max_reply_bytes: u64,
    /// `max_shortfall_percent`: by how much of the `total` that WeChat states a list may be short and still count as
    /// complete. Default 2.0.
    #[serde(deserialize_with = "checked::percent")]
    #[schemars(range(min = 0, max = 100), extend("default" = 2.0))]
    pub max_shortfall_percent: f64,
    /// `[source.retry]`: what is done about faults that may pass.
    pub retry: RetrySection,
    /// `[source.quota]`: how a walk goes about the calls that WeChat grants a day.
    pub quota: QuotaSection,
    /// `[source] simulate`: the list comes from a simulated API instead, and no account is needed. Default none.
    pub simulate: Option<SimulateSection>,
}

impl Default for SourceSection {
    fn default() -> Self {
        Self {
            base_url: BaseUrl::WECHAT.parse().expect("a constant that a test parses"),
            proxy: None,
            ca_file: None,
            connect_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(30),
            total_timeout: Duration::from_secs(600),
            max_reply_bytes: 8 << 20,
            max_shortfall_percent: 2.0,
            retry: RetrySection::default(),
            quota: QuotaSection::default(),
            simulate: None,
        }
    }
}

/// `[source.retry]`: how often and how long calls are tried again. The waits double from `base_ms` to `max_ms`, with
/// jitter.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[schemars(crate = "fanout_sink::schemars")]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct RetrySection {
    /// `attempts`: calls in all, the first one included. Default 6.
    #[serde(deserialize_with = "checked::whole::<_, _, 1, 100>")]
    #[schemars(range(min = 1, max = 100), extend("default" = 6))]
    pub attempts: u32,
    /// `budget_secs`: the longest time that one call may be retried, in seconds. Default 600.
    #[serde(rename = "budget_secs", deserialize_with = "checked::seconds")]
    #[schemars(with = "u64", range(min = 1, max = 86_400), extend("default" = 600))]
    pub budget: Duration,
    /// `base_ms`: the first wait, in milliseconds. Default 500.
    #[serde(rename = "base_ms", deserialize_with = "checked::milliseconds")]
    #[schemars(with = "u64", range(max = 600_000), extend("default" = 500))]
    pub base: Duration,
    /// `max_ms`: the longest wait, in milliseconds, unless the server asks for more. Default 30000.
    #[serde(rename = "max_ms", deserialize_with = "checked::milliseconds")]
    #[schemars(with = "u64", range(max = 600_000), extend("default" = 30000))]
    pub max: Duration,
    /// `minute_secs`: how long WeChat's minute is, by which it counts calls, in seconds; a call over that limit waits for
    /// the next one. Default 60.
    #[serde(rename = "minute_secs", deserialize_with = "checked::seconds")]
    #[schemars(with = "u64", range(min = 1, max = 86_400), extend("default" = 60))]
    pub minute: Duration,
    /// `walk_budget`: tries beyond the first that all calls of a walk may take together, in one run. Default 100, which
    /// is a fifth of a day's calls.
    #[serde(deserialize_with = "checked::whole::<_, _, 0, 1_000_000>")]
    #[schemars(range(max = 1_000_000))]
    pub walk_budget: u32,
}

impl Default for RetrySection {
    fn default() -> Self {
        Self {
            attempts: 6,
            budget: Duration::from_secs(600),
            base: Duration::from_millis(500),
            max: Duration::from_secs(30),
            minute: Duration::from_secs(60),
            walk_budget: 100,
        }
    }
}

/// `[source.quota]`: what is asked and decided before a walk, so that it does not stop half-way unforeseen.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[schemars(crate = "fanout_sink::schemars")]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct QuotaSection {
    /// `check`: whether WeChat is asked before a walk how many calls are left today. That call is one of another kind,
    /// and no walk stops because of it. Default `true`.
    pub check: bool,
    /// `refuse`: whether a walk that today's calls cannot finish is refused before its first page, and not begun to go
    /// on another day. Default `false`.
    pub refuse: bool,
    /// `daily_calls`: the calls for pages that the account has a day, as far as WeChat does not say so itself. Default
    /// 500; larger accounts have more.
    #[serde(deserialize_with = "checked::whole::<_, _, 1, 100_000_000>")]
    #[schemars(range(min = 1, max = 100_000_000))]
    pub daily_calls: u64,
}

impl Default for QuotaSection {
    fn default() -> Self {
        Self { check: true, refuse: false, daily_calls: 500 }
    }
}

/// `[source] simulate = { followers = … }`: a WeChat API on this machine, with a list computed from a seed.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[schemars(crate = "fanout_sink::schemars")]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct SimulateSection {
    /// `followers`: the length of the list. No default.
    pub followers: u64,
    /// `seed`: another seed, another list. Default 1.
    #[serde(default = "SimulateSection::default_seed")]
    pub seed: u64,
    /// `latency_ms`: how long each reply is held back, in milliseconds. Default 0.
    #[serde(default, rename = "latency_ms", deserialize_with = "checked::milliseconds")]
    #[schemars(with = "u64", range(max = 600_000), extend("default" = 0))]
    pub latency: Duration,
    /// `page_size`: followers in one page, at most 10000 as with WeChat. Default 10000.
    #[serde(default = "SimulateSection::default_page_size", deserialize_with = "checked::whole::<_, _, 1, 10_000>")]
    #[schemars(range(min = 1, max = 10_000), extend("default" = 10_000))]
    pub page_size: u64,
}

impl SimulateSection {
    /// Makes a simulation of `followers` with the defaults for the rest.
    pub fn new(followers: u64) -> Self {
        let (seed, page_size) = (Self::default_seed(), Self::default_page_size());
        Self { followers, seed, latency: Duration::ZERO, page_size }
    }

    fn default_seed() -> u64 {
        1
    }

    fn default_page_size() -> u64 {
        10_000
    }
}

/// `[journal]`: where the raw pages of each walk are kept.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[schemars(crate = "fanout_sink::schemars")]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct JournalSection {
    /// `path`: the folder; relative to the pipeline file. Default `state`. Under `--simulate`, `<path>.simulated`.
    #[serde(deserialize_with = "checked::path")]
    pub path: PathBuf,
    /// `keep`: finished walks to keep for each account; one that is still owed to a sink is kept beyond that.
    /// Default 2.
    #[serde(deserialize_with = "checked::whole::<_, _, 1, 1_000_000>")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub keep: usize,
    /// `resume_within_hours`: up to what age a walk that was cut off is continued, in hours. Default 48.
    #[serde(rename = "resume_within_hours", deserialize_with = "checked::hours")]
    #[schemars(with = "u64", range(max = 8_760), extend("default" = 48))]
    pub resume_within: Duration,
}

impl Default for JournalSection {
    fn default() -> Self {
        Self { path: PathBuf::from("state"), keep: 2, resume_within: Duration::from_secs(48 * 3_600) }
    }
}

/// `[limits]`: what a run may use.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[schemars(crate = "fanout_sink::schemars")]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct LimitsSection {
    /// `memory`: the budget for everything in flight and what the sinks hold: `256 MiB`, `1 GB`, or bytes. Default
    /// `256 MiB`.
    #[serde(deserialize_with = "checked::bytes")]
    #[schemars(with = "ByteSize", extend("default" = "256 MiB"))]
    pub memory: u64,
    /// `accounts`: accounts that are read at the same time. Default 8.
    #[serde(deserialize_with = "checked::whole::<_, _, 1, 1_000>")]
    #[schemars(range(min = 1, max = 1_000))]
    pub accounts: usize,
    /// `calls_per_host`: calls that are under way to one host at the same time, of all accounts together. Default 100.
    #[serde(deserialize_with = "checked::whole::<_, _, 1, 1_000>")]
    #[schemars(range(min = 1, max = 1_000))]
    pub calls_per_host: usize,
    /// `deliveries`: lists that are delivered to the sinks at the same time once they are complete, and as many that are
    /// delivered while they are read: the first one of an account, and one that was large the last time. Default: the
    /// processors of this machine.
    #[serde(deserialize_with = "checked::whole::<_, _, 1, 1_000>")]
    #[schemars(with = "Option<usize>", range(min = 1, max = 1_000))]
    pub deliveries: usize,
}

impl Default for LimitsSection {
    fn default() -> Self {
        let deliveries = std::thread::available_parallelism().map_or(1, NonZero::get);
        Self { memory: 256 << 20, accounts: 8, calls_per_host: 100, deliveries }
    }
}

/// `[metrics]`: what a run tells Prometheus.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[schemars(crate = "fanout_sink::schemars")]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct MetricsSection {
    /// `path`: a file, written at the end of a run, for the textfile collector of `node_exporter` (`….prom`); relative to the
    /// pipeline file. Under `--simulate`, `<path>.simulated`. Default none.
    pub path: Option<PathBuf>,
    /// `listen`: an address and a port where `/metrics` is served while a run lasts, such as `127.0.0.1:9464`. Whoever
    /// reaches it reads names of accounts and numbers of followers. Default none.
    #[serde(deserialize_with = "checked::listen_address")]
    #[schemars(with = "Option<String>")]
    pub listen: Option<SocketAddr>,
}
