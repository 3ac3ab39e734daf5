//! Limits how many requests are under way to one host at the same time, of all accounts together.
//!
//! Each client of `http` takes the limiter of its host from here.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use reqwest::Url;
use tokio::sync::Semaphore;

/// The hosts of a run: WeChat's, and those of token servers. Clones share the limits.
#[derive(Clone, Debug)]
pub(super) struct Hosts {
    /// The most requests that may be under way to one host.
    requests: usize,
    limiters: Arc<Mutex<HashMap<String, Arc<Semaphore>>>>,
}

impl Hosts {
    pub(super) fn new(requests: usize) -> Self {
        Self { requests, limiters: Arc::default() }
    }

    /// Returns the limiter of the host of `target`. A request needs one of its permits, and waits
    /// for it in the order of arrival.
    pub(super) fn limiter(&self, target: &Url) -> Arc<Semaphore> {
        let host = target.host_str().unwrap_or_default();
        let mut limiters = self.limiters.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(limiters.entry(host.to_owned()).or_insert_with(|| Arc::new(Semaphore::new(self.requests))))
    }
}
