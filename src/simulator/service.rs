//! The builder of a simulator.
//!
//! Tests, benches and the demo begin here; `server` and `api` do the work, and a handle is what
//! they have of a simulator that runs.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use chrono::{NaiveDate, TimeDelta};
use tokio::net::TcpListener;

use super::api::Api;
use super::call::Endpoint;
use super::fault::Fault;
use super::flaw::Flaw;
use super::handle::SimulatorHandle;
use super::night::Nights;
use super::page::PageStyle;
use super::roster::Roster;
use super::row::ProfileStyle;
use super::server::{self, SharedApi};
use super::settings::Settings;
use super::tag::Tag;
use crate::clock::Clock;

/// The entry to the simulated API.
#[derive(Debug)]
pub struct Simulator;

impl Simulator {
    /// Returns a builder: 23,000 followers (as in WeChat's documentation), seed 0, full pages,
    /// batches of at most a hundred, bound to an Open Platform account, nobody on the blacklist, no
    /// tags but the system's, no latency, no faults, no flaws.
    pub fn builder() -> SimulatorBuilder {
        let settings = Settings::default();
        let address = (Ipv4Addr::LOCALHOST, 0).into();
        SimulatorBuilder { address, settings, binding: Some(0), faults: Vec::new(), flaws: Vec::new() }
    }
}

/// The settings of a simulated API, before it starts.
#[derive(Debug, Clone)]
#[must_use]
pub struct SimulatorBuilder {
    address: SocketAddr,
    settings: Settings,
    binding: Option<u64>,
    faults: Vec<Fault>,
    flaws: Vec<Flaw>,
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

    /// Makes the list of every account another one on each date in Beijing, by the clock of the
    /// simulator. It then has about as many followers as it was given.
    ///
    /// # Panics
    ///
    /// Panics if more than 100 of a thousand followers are to leave each night.
    pub fn nights(mut self, nights: Nights) -> Self {
        assert!(nights.per_mille <= 100, "at most 100 of a thousand leave each night");
        self.settings.nights = nights;
        self
    }

    /// Sets how many people are on the blacklist of each account: people who follow, and if there
    /// are more, people who do not.
    pub fn blacklisted(mut self, people: u64) -> Self {
        self.settings.blocked = people;
        self
    }

    /// Gives every account these tags besides the system's. The `tagid_list` of a profile then has
    /// those that the person has, but at most twenty, as with WeChat.
    pub fn tags(mut self, tags: impl IntoIterator<Item = Tag>) -> Self {
        self.settings.tags = tags.into_iter().collect();
        self
    }

    /// Sets how many followers a full page has.
    ///
    /// # Panics
    ///
    /// Panics if `page_size` is 0.
    pub fn page_size(mut self, page_size: u64) -> Self {
        self.settings.page_sizes.followers = at_least_one(page_size);
        self
    }

    /// Sets how many people a full page of the blacklist has.
    ///
    /// # Panics
    ///
    /// Panics if `page_size` is 0.
    pub fn blacklist_page_size(mut self, page_size: u64) -> Self {
        self.settings.page_sizes.blacklist = at_least_one(page_size);
        self
    }

    /// Sets how many people a full page of a tag has.
    ///
    /// # Panics
    ///
    /// Panics if `page_size` is 0.
    pub fn tag_page_size(mut self, page_size: u64) -> Self {
        self.settings.page_sizes.tag = at_least_one(page_size);
        self
    }

    /// Sets how pages of all lists are written.
    pub fn page_style(mut self, style: PageStyle) -> Self {
        self.settings.page_style = style;
        self
    }

    /// Sets how profiles are written.
    pub fn profile_style(mut self, style: ProfileStyle) -> Self {
        self.settings.profile_style = style;
        self
    }

    /// Sets the most people of one batch. More, or none at all, are refused with 40032.
    pub fn batch_limit(mut self, people: usize) -> Self {
        self.settings.batch_limit = people;
        self
    }

    /// Sets the Open Platform account that the accounts are bound to: with another one, all
    /// unionids are others, and with `None`, there are none.
    pub fn binding(mut self, binding: Option<u64>) -> Self {
        self.binding = binding;
        self
    }

    /// Sets how long every call takes.
    pub fn latency(mut self, latency: Duration) -> Self {
        self.settings.latency = latency;
        self
    }

    /// Sets how many calls to `user/get` an account has a day. The day ends at midnight in Beijing
    /// by the clock of the simulator.
    pub fn quota(self, calls: u64) -> Self {
        self.quota_of(Endpoint::UserGet, calls)
    }

    /// Sets how many calls to an endpoint an account has a day.
    pub fn quota_of(mut self, endpoint: Endpoint, calls: u64) -> Self {
        self.settings.daily_limits.insert(endpoint, calls);
        self
    }

    /// Sets how many calls to `user/get` the account `app_id` has a day.
    pub fn account_quota(mut self, app_id: impl Into<String>, calls: u64) -> Self {
        self.settings.page_limits.insert(app_id.into(), calls);
        self
    }

    /// Sets how many calls to `user/info/batchget`, and to `user/info`, an account has a day.
    pub fn profile_quota(self, calls: u64) -> Self {
        self.quota_of(Endpoint::BatchGet, calls).quota_of(Endpoint::UserInfo, calls)
    }

    /// Makes a batch take as many of the day's calls as it names people. By default it takes one.
    pub fn count_people(mut self) -> Self {
        self.settings.people_count = true;
        self
    }

    /// Makes `quota/get` answer what stood this many questions ago.
    pub fn quota_lag(mut self, questions: usize) -> Self {
        self.settings.quota_lag = questions;
        self
    }

    /// Sets the clock by whose days the quota counts and the lists change. The default is the
    /// system's.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.settings.clock = clock;
        self
    }

    /// Sets the clock so many days ahead of where it is.
    pub fn days_later(self, days: u32) -> Self {
        let clock = &self.settings.clock;
        if days > 0 {
            clock.set(clock.now() + TimeDelta::days(days.into()));
        }
        self
    }

    /// Adds a fault.
    pub fn fault(mut self, fault: Fault) -> Self {
        self.faults.push(fault);
        self
    }

    /// Adds a flaw.
    pub fn flaw(mut self, flaw: Flaw) -> Self {
        self.flaws.push(flaw);
        self
    }

    /// Returns the people of an account on `date`, if nothing happens to them. A test compares with
    /// it what another process has read from a simulator of these settings.
    pub fn roster(&self, app_id: &str, date: NaiveDate) -> Roster {
        self.settings.roster(app_id, date)
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
        api.binding = self.binding;
        for fault in self.faults {
            api.faults.add(fault);
        }
        for flaw in self.flaws {
            api.flaws.add(flaw);
        }
        let api = SharedApi::new(api);
        let server = tokio::spawn(server::serve(listener, api.clone()));
        Ok(SimulatorHandle::new(address, api, server))
    }
}

fn at_least_one(page_size: u64) -> u64 {
    assert!(page_size > 0, "a page has at least one person");
    page_size
}
