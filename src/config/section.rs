//! The sections `[source]`, `[journal]`, `[limits]` and `[metrics]` of a pipeline file, as the
//! engine reads them.
//!
//! A key stands here once: its field, its bounds (`serde(with = …)`, from `bounded`) and its value
//! in `impl Default`. The JSON Schema takes all that from here, and its descriptions from the
//! comments on the fields. Users read them in an editor, so they repeat the default; a test
//! compares it with the real one.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use fanout_sink::schemars::{self, JsonSchema};
use serde::Deserialize;

use super::address::{BaseUrl, ProxyUrl};
use super::bounded::{Bytes, Hours, Milliseconds, Percent, Seconds, Whole};
use super::profiles::SourceProfilesSection;
use super::proxies::EnvironmentProxies;
use super::text;
use super::token::EndpointKeys;

/// The folder below `journal.path` that holds the reports of runs. No account may have this app id.
pub(crate) const RUNS: &str = "runs";

/// `[source]`: where the lists are read, and how long the program waits and tries again.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct SourceSection {
    /// `base_url`: scheme, host and port of the API, and the path that a gateway serves it at, if
    /// there is one (`https://gateway/wx`); `https` only, unless the host is this machine. Default
    /// `https://api.weixin.qq.com`.
    pub base_url: BaseUrl,
    /// `proxy`: an HTTP proxy, `http://host:port`. Default: the one of the environment, if any.
    pub proxy: Option<ProxyUrl>,
    /// The proxies that the environment names. No key sets them.
    #[serde(skip)]
    pub environment_proxies: EnvironmentProxies,
    /// `ca_file`: certificates (PEM) to trust besides the usual ones; relative to the pipeline
    /// file. Default none.
    #[serde(deserialize_with = "fanout_sink::local_path")]
    pub ca_file: Option<PathBuf>,
    /// `connect_timeout_secs`: the longest wait for a connection, in seconds. Default 10.
    #[serde(rename = "connect_timeout_secs", with = "Seconds")]
    pub connect_timeout: Duration,
    /// `idle_timeout_secs`: the longest silence within a reply, in seconds. Default 30.
    #[serde(rename = "idle_timeout_secs", with = "Seconds")]
    pub idle_timeout: Duration,
    /// `total_timeout_secs`: the longest time for a request and its reply, in seconds. Default 600.
    #[serde(rename = "total_timeout_secs", with = "Seconds")]
    pub total_timeout: Duration,
    /// `max_reply_bytes`: the largest reply that is read, after decompression: `8 MiB`, `900 KiB`,
    /// or bytes. Default `8 MiB`; a full page of 10,000 followers is 300 KiB.
    #[serde(with = "Bytes")]
    pub max_reply_bytes: u64,
    /// `max_shortfall_percent`: how much of the `total` that WeChat states may be missing from a
    /// list that still counts as complete. Default 2.0.
    #[serde(with = "Percent")]
    pub max_shortfall_percent: f64,
    /// `[source.retry]`: how failed calls are tried again.
    pub retry: RetrySection,
    /// `[source.quota]`: how a walk treats the calls that WeChat grants a day.
    pub quota: QuotaSection,
    /// `[source.profiles]`: the calls that read profiles.
    pub profiles: SourceProfilesSection,
    /// `[source.token_endpoint]`: the token server of all accounts that have no credential of their
    /// own. Default none.
    // `load` takes it out: the accounts of a pipeline have it.
    pub(super) token_endpoint: Option<EndpointKeys>,
    /// `[source] simulate`: reads the lists from a simulated API instead; no account is needed.
    /// Default none.
    pub simulate: Option<SimulateSection>,
}

impl Default for SourceSection {
    fn default() -> Self {
        Self {
            base_url: BaseUrl::wechat(),
            proxy: None,
            environment_proxies: EnvironmentProxies::default(),
            ca_file: None,
            connect_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(30),
            total_timeout: Duration::from_secs(600),
            max_reply_bytes: 8 << 20,
            max_shortfall_percent: 2.0,
            retry: RetrySection::default(),
            quota: QuotaSection::default(),
            profiles: SourceProfilesSection::default(),
            token_endpoint: None,
            simulate: None,
        }
    }
}

/// `[source.retry]`: how often and how long a failed call is tried again. The waits double from
/// `base_ms` to `max_ms`, with jitter.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct RetrySection {
    /// `attempts`: calls in all, the first one included. Default 6.
    #[serde(with = "Whole::<1, 100>")]
    pub attempts: u32,
    /// `budget_secs`: the longest time that one call may be retried, in seconds. Default 600.
    #[serde(rename = "budget_secs", with = "Seconds")]
    pub budget: Duration,
    /// `base_ms`: the first wait, in milliseconds. Default 500.
    #[serde(rename = "base_ms", with = "Milliseconds")]
    pub base: Duration,
    /// `max_ms`: the longest wait, in milliseconds, unless the server asks for more. Default 30000.
    #[serde(rename = "max_ms", with = "Milliseconds")]
    pub max: Duration,
    /// `minute_secs`: the length of the minute in which WeChat counts calls, in seconds; a call
    /// over that limit waits for the next one. Default 60.
    #[serde(rename = "minute_secs", with = "Seconds")]
    pub minute: Duration,
    /// `walk_budget`: tries beyond the first that all calls of a walk may take together, in one
    /// run. Default 100, which is a fifth of a day's calls.
    #[serde(with = "Whole::<0, 1_000_000>")]
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

/// `[source.quota]`: what is checked before a walk, so that it does not run out of calls half-way.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct QuotaSection {
    /// `check`: whether WeChat is asked before a walk how many calls are left today. That call is
    /// not one of them, and if it fails, the walk goes on. Default `true`.
    pub check: bool,
    /// `refuse`: whether a walk that today's calls cannot finish is refused before its first page,
    /// instead of being begun and continued on another day. Default `false`.
    pub refuse: bool,
    /// `daily_calls`: the calls for pages that the account has a day, where WeChat does not state
    /// them. Default 500; larger accounts have more.
    #[serde(with = "Whole::<1, 100_000_000>")]
    pub daily_calls: u64,
}

impl Default for QuotaSection {
    fn default() -> Self {
        Self { check: true, refuse: false, daily_calls: 500 }
    }
}

/// `[source] simulate = { followers = … }`: a WeChat API on this machine, with a list computed from
/// a seed.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct SimulateSection {
    /// `followers`: the length of the list. No default.
    pub followers: u64,
    /// `seed`: another seed makes another list. Default 1.
    #[serde(default = "default_seed")]
    pub seed: u64,
    /// `latency_ms`: how long each reply is held back, in milliseconds. Default 0.
    #[serde(default, rename = "latency_ms", with = "Milliseconds")]
    pub latency: Duration,
    /// `page_size`: followers in one page, at most 10000 as with WeChat. Default 10000.
    #[serde(default = "default_page_size", with = "Whole::<1, 10_000>")]
    pub page_size: u64,
    /// `changes_per_mille`: how many of a thousand followers leave from one date in Beijing to the
    /// next one, and about as many join or return; the list then has about `followers` people.
    /// Default 0: every date has the same list.
    #[serde(default, with = "Whole::<0, 100>")]
    pub changes_per_mille: u64,
    /// `holes`: how many people at most are missing from the list of a date although they follow;
    /// others on each date. Default 0.
    #[serde(default, with = "Whole::<0, 1_000>")]
    pub holes: u64,
    /// `night_a_run`: whether a run goes to the next date if the followers of today are read
    /// already, so that each run finds the list of another night. Default `false`.
    #[serde(default)]
    pub night_a_run: bool,
    /// `blacklisted`: how many people are on the blacklist. Default 0.
    #[serde(default, with = "Whole::<0, 100_000_000>")]
    pub blacklisted: u64,
    /// `tags`: how many tags the account has besides those of the system, with up to 200,000
    /// members each; none has more members than there are followers. Default 0.
    #[serde(default, with = "Whole::<0, 100>")]
    pub tags: u64,
}

// `followers` has no default, so the section cannot have an `impl Default`.
fn default_seed() -> u64 {
    1
}

fn default_page_size() -> u64 {
    10_000
}

/// `[journal]`: where the raw pages of each walk are kept.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct JournalSection {
    /// `path`: the folder; relative to the pipeline file. Default `state`. Under `--simulate`,
    /// `<path>.simulated`.
    #[serde(deserialize_with = "fanout_sink::local_path")]
    pub path: PathBuf,
    /// `keep`: finished walks to keep for each account; one that a sink still has to receive is
    /// kept beyond that. Default 2.
    #[serde(with = "Whole::<1, 1_000_000>")]
    pub keep: usize,
    /// `resume_within_hours`: the greatest age, in hours, of a walk that is resumed. Default 48.
    #[serde(rename = "resume_within_hours", with = "Hours")]
    pub resume_within: Duration,
}

impl Default for JournalSection {
    fn default() -> Self {
        Self { path: PathBuf::from("state"), keep: 2, resume_within: Duration::from_secs(48 * 3_600) }
    }
}

/// `[limits]`: what a run may use.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct LimitsSection {
    /// `memory`: the budget for everything in flight and what the sinks hold: `256 MiB`, `1 GiB`,
    /// or bytes. Default: 256 MiB, or more if the sinks need more for one delivery (or for
    /// `deliveries`, if that is given).
    // The schema must not have a default that depends on the sinks.
    #[serde(deserialize_with = "Bytes::deserialize_given")]
    #[schemars(with = "Bytes", extend("default" = null))]
    pub memory: Option<u64>,
    /// `accounts`: accounts that are read at the same time. Default 8.
    #[serde(with = "Whole::<1, 1_000>")]
    pub accounts: usize,
    /// `calls_per_host`: calls to one host at the same time, of all accounts together. Default 100.
    #[serde(with = "Whole::<1, 1_000>")]
    pub calls_per_host: usize,
    /// `deliveries`: complete lists that are delivered to the sinks at the same time, and as many
    /// that are delivered while they are read: the first one of an account, and one that was large
    /// the last time. Default: the processors of this machine, or fewer if `memory` does not
    /// suffice for so many.
    // The schema must not have the number of the machine that printed it.
    #[serde(deserialize_with = "Whole::<1, 1_000>::deserialize_given")]
    #[schemars(with = "Whole::<1, 1_000>", extend("default" = null))]
    pub deliveries: Option<usize>,
}

impl Default for LimitsSection {
    fn default() -> Self {
        Self { memory: None, accounts: 8, calls_per_host: 100, deliveries: None }
    }
}

/// `[metrics]`: what a run tells Prometheus.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct MetricsSection {
    /// `path`: a file, written at the end of a run, for the textfile collector of `node_exporter`
    /// (`….prom`); relative to the pipeline file. Under `--simulate`, `<path>.simulated`. Default
    /// none.
    #[serde(deserialize_with = "fanout_sink::local_path")]
    pub path: Option<PathBuf>,
    /// `listen`: an address and a port where `/metrics` is served during a run, such as
    /// `127.0.0.1:9464`. It shows the names of accounts and the numbers of their followers to
    /// everyone who can reach it. Default none.
    #[serde(deserialize_with = "text::listen_address")]
    #[schemars(with = "Option<String>")]
    pub listen: Option<SocketAddr>,
}
