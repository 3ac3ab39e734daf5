//! Faults: which calls go wrong, and how.
//!
//! `api` applies them to each reply before it is sent. Faults are data: a fault picks calls, and
//! its [`Effect`] knows what becomes of them.

use std::ops::RangeInclusive;

use super::call::{Call, Endpoint};
use super::effect::{Around, Effect};
use super::followers::mix;
use super::reply::SimulatedReply;

/// One thing that goes wrong: on which calls, and how.
///
/// Each fault counts the calls to its endpoint (and of its account and for its tag, if it has one)
/// on its own, from 1, retries included. If several faults take effect on one call, they do so in
/// the order in which they were added.
///
/// ```
/// use fanout::simulator::{Effect, Endpoint, Fault, When};
///
/// // The third call for a page of this account is answered with "system busy", once.
/// let busy = Fault::new(Endpoint::UserGet, When::Call(3), Effect::errcode(-1))
///     .account("wx0123456789abcdef");
/// // Page 7 is cut off the first two times that it is asked for.
/// let torn = Fault::new(Endpoint::UserGet, When::Page(7), Effect::Truncate(1_000)).times(2);
/// # let _ = (busy, torn);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    /// The endpoint whose calls are counted.
    pub endpoint: Endpoint,
    /// The account whose calls are counted; `None` for all accounts.
    pub app_id: Option<String>,
    /// The tag whose calls are counted; `None` for all calls.
    pub tag: Option<i32>,
    /// The calls that go wrong.
    pub when: When,
    /// How often the fault takes effect at most; `None` for no limit.
    pub times: Option<u64>,
    /// How they go wrong.
    pub effect: Effect,
}

impl Fault {
    /// Returns a fault for the calls of all accounts, without a limit.
    pub fn new(endpoint: Endpoint, when: When, effect: Effect) -> Self {
        Self { endpoint, app_id: None, tag: None, when, times: None, effect }
    }

    /// Limits the fault to the calls of one account.
    #[must_use]
    pub fn account(mut self, app_id: impl Into<String>) -> Self {
        self.app_id = Some(app_id.into());
        self
    }

    /// Limits the fault to the calls for the members of one tag.
    #[must_use]
    pub fn tag(mut self, id: i32) -> Self {
        self.tag = Some(id);
        self
    }

    /// Limits how often the fault takes effect.
    #[must_use]
    pub fn times(mut self, times: u64) -> Self {
        self.times = Some(times);
        self
    }
}

/// The calls on which a fault takes effect, by the fault's own count.
#[derive(Debug, Clone, PartialEq)]
pub enum When {
    /// Every call.
    Always,
    /// The call with this number.
    Call(u64),
    /// The calls with these numbers.
    Calls(RangeInclusive<u64>),
    /// Every call whose number is a multiple: `Every(3)` picks the calls 3, 6, 9 and so on.
    Every(u64),
    /// The calls that ask for this page, counted from 1. The end of a list is the page after the
    /// last one.
    Page(u64),
    /// The calls for profiles that name the follower at this index of the list, counted from 0.
    Naming(u64),
    /// Calls that are picked at random; the same seed picks the same calls.
    Chance {
        /// The probability of each call, from 0 to 1.
        probability: f64,
        /// Decides which calls.
        seed: u64,
    },
}

/// The faults of one simulator, each with its counters.
#[derive(Debug, Default)]
pub(super) struct Faults {
    counted: Vec<CountedFault>,
}

#[derive(Debug)]
struct CountedFault {
    fault: Fault,
    calls: u64,
    effects: u64,
}

impl Faults {
    pub(super) fn add(&mut self, fault: Fault) {
        self.counted.push(CountedFault { fault, calls: 0, effects: 0 });
    }

    pub(super) fn clear(&mut self) {
        self.counted.clear();
    }

    /// Counts `call`, which names the followers at the indices `named`, and applies the faults to
    /// its reply.
    pub(super) fn apply(
        &mut self,
        call: &Call,
        named: &[Option<u64>],
        around: &mut Around<'_>,
        reply: &mut SimulatedReply,
    ) {
        for counted in &mut self.counted {
            if counted.count(call, named) {
                counted.fault.effect.apply(call, around, reply);
            }
        }
    }
}

impl CountedFault {
    /// Counts `call`. Returns whether the fault takes effect on it.
    fn count(&mut self, call: &Call, named: &[Option<u64>]) -> bool {
        let fault = &self.fault;
        let is_anothers = fault.app_id.is_some() && fault.app_id != call.app_id;
        if fault.endpoint != call.endpoint || is_anothers || (fault.tag.is_some() && fault.tag != call.tag) {
            return false;
        }
        self.calls += 1;
        let takes_effect =
            fault.times.is_none_or(|times| self.effects < times) && fault.when.picks(self.calls, call, named);
        self.effects += u64::from(takes_effect);
        takes_effect
    }
}

impl When {
    fn picks(&self, number: u64, call: &Call, named: &[Option<u64>]) -> bool {
        match self {
            Self::Always => true,
            Self::Call(picked) => number == *picked,
            Self::Calls(picked) => picked.contains(&number),
            Self::Every(step) => number.is_multiple_of(*step),
            Self::Page(picked) => call.page == Some(*picked),
            Self::Naming(picked) => named.contains(&Some(*picked)),
            Self::Chance { probability, seed } => {
                // A float between 0 and 1 can hold 53 bits.
                let draw = (mix(mix(*seed) ^ number) >> 11) as f64 / (1_u64 << 53) as f64;
                draw < *probability
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picked(fault: Fault, calls: u64) -> Vec<u64> {
        let mut counted = CountedFault { fault, calls: 0, effects: 0 };
        let app_id = Some("wxa".to_owned());
        let endpoint = Endpoint::UserGet;
        let mut call = Call { endpoint, app_id, tag: Some(7), page: None, start: None, people: 0, named: Vec::new() };
        let mut is_picked = |number: u64| {
            call.page = Some(number.div_ceil(2));
            counted.count(&call, &[None, Some(number)])
        };
        (1..=calls).filter(|&number| is_picked(number)).collect()
    }

    fn fault(when: When) -> Fault {
        Fault::new(Endpoint::UserGet, when, Effect::Reset)
    }

    #[test]
    fn a_fault_picks_the_calls_that_it_names() {
        assert_eq!(picked(fault(When::Always), 3), [1, 2, 3]);
        assert_eq!(picked(fault(When::Call(2)), 5), [2]);
        assert_eq!(picked(fault(When::Calls(2..=4)), 9), [2, 3, 4]);
        assert_eq!(picked(fault(When::Every(3)), 9), [3, 6, 9]);
        assert_eq!(picked(fault(When::Page(2)), 9), [3, 4]);
        assert_eq!(picked(fault(When::Naming(4)), 9), [4]);
        assert_eq!(picked(fault(When::Page(2)).times(1), 9), [3]);
        assert_eq!(picked(fault(When::Every(2)).times(2), 9), [2, 4]);
    }

    #[test]
    fn a_fault_of_another_account_tag_or_endpoint_counts_nothing() {
        assert_eq!(picked(fault(When::Always).tag(8), 3), [0; 0]);
        assert_eq!(picked(fault(When::Always).tag(7), 3), [1, 2, 3]);
        assert_eq!(picked(fault(When::Always).account("wxb"), 3), [0; 0]);
        assert_eq!(picked(fault(When::Always).account("wxa"), 3), [1, 2, 3]);
        assert_eq!(picked(Fault::new(Endpoint::Token, When::Always, Effect::Reset), 3), [0; 0]);
    }

    #[test]
    fn chance_is_as_likely_as_it_says_and_the_same_each_time() {
        let calls = 10_000;
        let chance = |seed| picked(fault(When::Chance { probability: 0.25, seed }), calls);
        assert_eq!(chance(1), chance(1));
        assert_ne!(chance(1), chance(2));
        let share = chance(1).len() as f64 / calls as f64;
        assert!((0.23..0.27).contains(&share), "{share}");
        assert!(picked(fault(When::Chance { probability: 0.0, seed: 1 }), 100).is_empty());
        assert_eq!(picked(fault(When::Chance { probability: 1.0, seed: 1 }), 100).len(), 100);
    }
}
