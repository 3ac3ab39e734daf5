//! The builder of a simulator, and the handle on one that runs.
//!
//! Tests, benches and the demo begin here; `server` and `api` do the work.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::api::{Api, Settings};
use super::call::{Call, RequestCounts};
use super::day::begin_next_day;
use super::fault::Fault;
use super::followers::Followers;
use super::page::PageStyle;
use super::server::{self, SharedApi};
use crate::clock::Clock;

/// The entry to the simulated API.
#[derive(Debug)]
pub struct Simulator;

impl Simulator {
    /// Returns a builder: 23,000 followers (as in WeChat's documentation), seed 0, full pages, no
    /// latency, no faults.
    pub fn builder() -> SimulatorBuilder {
        let settings = Settings {
            seed: 0,
            followers: 23_000,
            accounts: HashMap::new(),
            secrets: HashMap::new(),
            page_size: 10_000,
            page_style: PageStyle::default(),
            latency: Duration::ZERO,
            // More than any bench makes. A test of the quota sets its own.
            daily_limit: 100_000_000,
            daily_limits: HashMap::new(),
            clock: Clock::default(),
        };
        SimulatorBuilder { address: (Ipv4Addr::LOCALHOST, 0).into(), settings, faults: Vec::new() }
    }
}

/// The settings of a simulated API, before it starts.
#[derive(Debug, Clone)]
#[must_use]
pub struct SimulatorBuilder {
    address: SocketAddr,
    settings: Settings,
    faults: Vec<Fault>,
}

impl SimulatorBuilder {
    /// Sets the address to listen on. The default is a free port of `127.0.0.1`.
    pub fn address(mut self, address: SocketAddr) -> Self {
        self.address = address;
        self
    }

    /// Sets how many followers an account has.
    pub fn followers(mut self, count: u64) -> Self {
        self.settings.followers = count;
        self
    }

    /// Sets how many followers the account `app_id` has.
    pub fn account(mut self, app_id: impl Into<String>, followers: u64) -> Self {
        self.settings.accounts.insert(app_id.into(), followers);
        self
    }

    /// Sets the secret that the account `app_id` must send. Other accounts accept any secret.
    pub fn secret(mut self, app_id: impl Into<String>, secret: impl Into<String>) -> Self {
        self.settings.secrets.insert(app_id.into(), secret.into());
        self
    }

    /// Sets the seed from which, with the app id, the followers are computed.
    pub fn seed(mut self, seed: u64) -> Self {
        self.settings.seed = seed;
        self
    }

    /// Sets how many followers a full page has.
    ///
    /// # Panics
    ///
    /// Panics if `page_size` is 0.
    pub fn page_size(mut self, page_size: u64) -> Self {
        assert!(page_size > 0, "a page has at least one follower");
        self.settings.page_size = page_size;
        self
    }

    /// Sets how pages are written.
    pub fn page_style(mut self, style: PageStyle) -> Self {
        self.settings.page_style = style;
        self
    }

    /// Sets how long every call takes.
    pub fn latency(mut self, latency: Duration) -> Self {
        self.settings.latency = latency;
        self
    }

    /// Sets how many calls to `user/get` an account has a day. The day ends at midnight in Beijing
    /// by the clock of the simulator.
    pub fn quota(mut self, calls: u64) -> Self {
        self.settings.daily_limit = calls;
        self
    }

    /// Sets how many calls to `user/get` the account `app_id` has a day.
    pub fn account_quota(mut self, app_id: impl Into<String>, calls: u64) -> Self {
        self.settings.daily_limits.insert(app_id.into(), calls);
        self
    }

    /// Sets the clock whose days the quota counts by. The default is the system's.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.settings.clock = clock;
        self
    }

    /// Adds a fault.
    pub fn fault(mut self, fault: Fault) -> Self {
        self.faults.push(fault);
        self
    }

    /// Starts to serve, on the runtime of the caller.
    ///
    /// # Errors
    ///
    /// Returns the error of the operating system if the address cannot be bound.
    pub async fn start(self) -> io::Result<SimulatorHandle> {
        let listener = TcpListener::bind(self.address).await?;
        let address = listener.local_addr()?;
        let mut api = Api::new(self.settings);
        for fault in self.faults {
            api.faults.add(fault);
        }
        let api = SharedApi::new(api);
        let server = tokio::spawn(server::serve(listener, api.clone()));
        Ok(SimulatorHandle { address, api, server })
    }
}

/// A simulated API that is running. It stops when the handle is dropped.
#[derive(Debug)]
pub struct SimulatorHandle {
    address: SocketAddr,
    api: SharedApi,
    server: JoinHandle<()>,
}

impl SimulatorHandle {
    /// Returns the URL to use in place of `https://api.weixin.qq.com`, without a slash at its end.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns the address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the followers of an account, with which a test compares its list.
    pub fn followers(&self, app_id: &str) -> Followers {
        self.api.lock().settings.followers(app_id)
    }

    /// Returns the stable token of an account, for a test in the role of a token server. It does
    /// not count as a call.
    pub fn issue_token(&self, app_id: &str) -> String {
        self.api.lock().tokens.stable(app_id, false).0
    }

    /// Ends every token of an account now.
    pub fn expire_tokens(&self, app_id: &str) {
        self.api.lock().tokens.expire(app_id);
    }

    /// Returns the number of calls to each endpoint so far.
    pub fn requests(&self) -> RequestCounts {
        self.api.lock().counts
    }

    /// Returns how many calls to `user/get` an account has made with a valid token so far.
    pub fn user_get_calls(&self, app_id: &str) -> u64 {
        self.api.lock().used.get(app_id).copied().unwrap_or(0)
    }

    /// Sets the clock to the next midnight in Beijing, when every account has all its calls again.
    pub fn begin_next_day(&self) {
        begin_next_day(&self.api.lock().settings.clock);
    }

    /// Returns the newest calls, the oldest of them first: at most ten thousand.
    pub fn log(&self) -> Vec<Call> {
        self.api.lock().log.iter().cloned().collect()
    }

    /// Adds a fault, which counts calls from now on.
    pub fn add_fault(&self, fault: Fault) {
        self.api.lock().faults.add(fault);
    }

    /// Removes all faults.
    pub fn clear_faults(&self) {
        self.api.lock().faults.clear();
    }

    /// Closes every connection, and waits until the port is free.
    pub async fn shutdown(mut self) {
        self.server.abort();
        // The result is the error of a cancelled task.
        let _ = (&mut self.server).await;
    }
}

impl Drop for SimulatorHandle {
    fn drop(&mut self) {
        self.server.abort();
    }
}
