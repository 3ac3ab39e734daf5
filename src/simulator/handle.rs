//! The handle on a simulator that runs: what a test reads of it, and what it makes happen.
//!
//! `service` makes it.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::task::JoinHandle;

use super::call::{Call, Endpoint, RequestCounts};
use super::day::begin_next_day;
use super::event::Event;
use super::fault::Fault;
use super::flaw::{Flaw, Profiles};
use super::followers::Followers;
use super::roster::Roster;
use super::server::SharedApi;

/// A simulated API that is running. It stops when the handle is dropped.
#[derive(Debug)]
pub struct SimulatorHandle {
    address: SocketAddr,
    api: SharedApi,
    server: JoinHandle<()>,
}

impl SimulatorHandle {
    pub(super) fn new(address: SocketAddr, api: SharedApi, server: JoinHandle<()>) -> Self {
        Self { address, api, server }
    }

    /// Returns the URL to use in place of `https://api.weixin.qq.com`, without a slash at its end.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns the address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the followers of an account as they stand if nothing happens, with which a test
    /// compares its list.
    pub fn followers(&self, app_id: &str) -> Followers {
        self.api.lock().settings.followers(app_id)
    }

    /// Returns what is true of the followers of an account now, with which a test compares its
    /// list.
    pub fn profiles(&self, app_id: &str) -> Profiles {
        self.api.lock().profiles(app_id)
    }

    /// Returns the people of an account as they stand now, with whom a test compares its lists.
    pub fn roster(&self, app_id: &str) -> Arc<Roster> {
        self.api.lock().roster(app_id)
    }

    /// Makes this happen to the people of an account, now. If its list changes by night, what
    /// happens to followers lasts until the next midnight.
    pub fn happen(&self, app_id: &str, event: &Event) {
        self.api.lock().happen(app_id, event);
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
        self.calls(Endpoint::UserGet, app_id)
    }

    /// Returns how many calls to an endpoint of lists or profiles an account has made with a valid
    /// token so far.
    pub fn calls(&self, endpoint: Endpoint, app_id: &str) -> u64 {
        self.api.lock().usage.calls(endpoint, app_id)
    }

    /// Takes so many of the day's calls to an endpoint, for a test in the role of another program
    /// of the account. They do not count as [`calls`](Self::calls).
    pub fn use_up(&self, endpoint: Endpoint, app_id: &str, calls: u64) {
        self.api.lock().use_up(endpoint, app_id, calls);
    }

    /// Sets the clock to the next midnight in Beijing, when every account has all its calls again,
    /// and lists that change by night do.
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

    /// Adds a flaw.
    pub fn add_flaw(&self, flaw: Flaw) {
        self.api.lock().flaws.add(flaw);
    }

    /// Removes all flaws.
    pub fn clear_flaws(&self) {
        self.api.lock().flaws.clear();
    }

    /// Binds the accounts to another Open Platform account, or to none.
    pub fn bind(&self, binding: Option<u64>) {
        self.api.lock().binding = binding;
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
