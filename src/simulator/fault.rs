//! Faults: which calls go wrong, and how.
//!
//! `api` applies them to each reply before it is sent. Faults are data; only [`Effect::apply`]
//! knows what each of them does.

use std::ops::{Range, RangeInclusive};
use std::time::{Duration, SystemTime};

use bytes::Bytes;

use super::body::Transmission;
use super::call::{Call, Endpoint};
use super::day::begin_next_day;
use super::followers::mix;
use super::page::PageStyle;
use super::reply::{Coding, Content, SimulatedReply, message};
use super::token::Tokens;
use crate::clock::Clock;

/// One thing that goes wrong: on which calls, and how.
///
/// Each fault counts the calls to its endpoint (and of its account, if it has one) on its own, from
/// 1, retries included. If several faults take effect on one call, they do so in the order in which
/// they were added.
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
        Self { endpoint, app_id: None, when, times: None, effect }
    }

    /// Limits the fault to the calls of one account.
    #[must_use]
    pub fn account(mut self, app_id: impl Into<String>) -> Self {
        self.app_id = Some(app_id.into());
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
    /// Calls that are picked at random; the same seed picks the same calls.
    Chance {
        /// The probability of each call, from 0 to 1.
        probability: f64,
        /// Decides which calls.
        seed: u64,
    },
}

/// How a call goes wrong.
///
/// The effects on a page ([`Style`](Effect::Style) and those after it) leave every other reply
/// unchanged.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// A status 200 whose JSON is an error. A request id is appended to the message.
    Errcode {
        /// The `errcode`.
        code: i64,
        /// The beginning of the `errmsg`.
        message: String,
    },
    /// This response in place of WeChat's: an error status, a redirect, HTML, nothing, or any
    /// bytes.
    Http {
        /// The status.
        status: u16,
        /// The headers.
        headers: Vec<(String, String)>,
        /// The body.
        body: Bytes,
    },
    /// A body of this many spaces, without a `Content-Length`.
    Huge(u64),
    /// A body of at least this many spaces, compressed to a thousandth.
    GzipBomb(u64),
    /// These bytes before the body, for example a byte order mark.
    Prefix(Bytes),
    /// These bytes in place of those of the body, from byte `at` on.
    Overwrite {
        /// The position of the first byte, counted from 0.
        at: usize,
        /// The bytes.
        bytes: Bytes,
    },
    /// This type in the header `Content-Type`.
    ContentType(String),
    /// The body is compressed.
    Gzip,
    /// The body comes in chunks, without a `Content-Length`.
    Chunked,
    /// The reply comes later by this time.
    Delay(Duration),
    /// The body comes in small pieces.
    Drip {
        /// The bytes of one piece.
        bytes: usize,
        /// The pause before each piece.
        pause: Duration,
    },
    /// The connection is closed after this many bytes of the body.
    Truncate(usize),
    /// The connection is reset after this many bytes of the body.
    ResetAfter(usize),
    /// The headers come, but no body.
    Stall,
    /// The connection is reset before the first byte.
    Reset,
    /// The connection is closed before the first byte.
    Close,
    /// The reply comes; then the connection is closed without notice, although it could have been
    /// used again.
    CloseIdle,
    /// Every token of the account expires now, and this call is refused with the code for an
    /// expired token.
    ExpireToken,
    /// Midnight in Beijing passes while the call is under way.
    Midnight,
    /// The page is written in this style.
    Style(PageStyle),
    /// The page ends after this many followers, and its cursor is the last of them; the next page
    /// continues from there.
    Short(u64),
    /// The page with this number, counted from 1, in place of the right one: its cursor leads back.
    RepeatPage(u64),
    /// The end of the list, although more followers come.
    EarlyEnd,
    /// The key `next_openid` has this value; `None` leaves it out.
    NextOpenid(Option<String>),
    /// The key `data` is left out.
    MissingData,
    /// `total` has this value.
    Total(i64),
    /// `total` grows by this number from page to page; that of the first page is right.
    DriftTotal(i64),
    /// The OpenIDs at these positions of the page, counted from 0, are left out; the cursor stays.
    Omit(Range<u64>),
    /// The OpenIDs at these positions of the page, counted from 0, come twice; the cursor stays.
    Duplicate(Range<u64>),
    /// This many followers of the pages before come again, before those of the page; the cursor
    /// stays.
    Overlap(u64),
    /// The followers are those of another account, as a token of that account would return them;
    /// the cursor stays.
    OtherAccount,
}

impl Effect {
    /// Returns an error reply with this code, and with the text that WeChat has for it.
    pub fn errcode(code: i64) -> Self {
        Self::Errcode { code, message: message(code).to_owned() }
    }

    /// Returns a response with this status, without headers and body.
    pub fn status(status: u16) -> Self {
        Self::Http { status, headers: Vec::new(), body: Bytes::new() }
    }

    /// Returns a response with this status and a page of HTML, as a proxy sends it.
    pub fn html(status: u16) -> Self {
        let body = Bytes::from(format!("<html><body><h1>{status}</h1><hr>nginx</body></html>"));
        Self::Http { status, headers: vec![("content-type".to_owned(), "text/html".to_owned())], body }
    }

    /// Returns status 429, with `Retry-After` in seconds.
    pub fn too_many_requests(retry_after_secs: u64) -> Self {
        let headers = vec![("retry-after".to_owned(), retry_after_secs.to_string())];
        Self::Http { status: 429, headers, body: Bytes::new() }
    }

    /// Returns status 429, with `Retry-After` as a date.
    pub fn too_many_requests_until(date: SystemTime) -> Self {
        let headers = vec![("retry-after".to_owned(), httpdate::fmt_http_date(date))];
        Self::Http { status: 429, headers, body: Bytes::new() }
    }

    /// Returns status 302, to `location`.
    pub fn redirect(location: &str) -> Self {
        let headers = vec![("location".to_owned(), location.to_owned())];
        Self::Http { status: 302, headers, body: Bytes::new() }
    }

    /// Returns a status 200 with this body, whose type is JSON.
    pub fn body(body: impl Into<Bytes>) -> Self {
        let headers = vec![("content-type".to_owned(), "application/json; encoding=utf-8".to_owned())];
        Self::Http { status: 200, headers, body: body.into() }
    }

    /// Applies this effect to the reply to `call`.
    fn apply(&self, call: &Call, tokens: &mut Tokens, clock: &Clock, reply: &mut SimulatedReply) {
        match self {
            Self::Errcode { code, message } => reply.replace(SimulatedReply::errcode_with(*code, message)),
            Self::Http { status, headers, body } => {
                reply.replace(SimulatedReply::http(*status, headers.clone(), body.clone()));
            }
            Self::Huge(length) => reply.content = Content::Spaces(*length),
            Self::GzipBomb(length) => reply.content = Content::GzippedSpaces(*length),
            Self::Prefix(prefix) => reply.prefix = prefix.clone(),
            Self::Overwrite { at, bytes } => reply.overwrite(*at, bytes),
            Self::ContentType(content_type) => reply.set_header("content-type", content_type),
            Self::Gzip => reply.coding = Coding::Gzipped,
            Self::Chunked => reply.coding = Coding::Chunked,
            Self::Delay(delay) => reply.delay += *delay,
            Self::Drip { bytes, pause } => reply.transmission = Transmission::Dripping(*bytes, *pause),
            Self::Truncate(length) => reply.transmission = Transmission::Truncated(*length),
            Self::ResetAfter(length) => reply.transmission = Transmission::Torn(*length),
            Self::Stall => reply.transmission = Transmission::Stalled,
            Self::Reset => reply.transmission = Transmission::Reset,
            Self::Close => reply.transmission = Transmission::Closed,
            Self::CloseIdle => reply.transmission = Transmission::ThenClosed,
            Self::ExpireToken => {
                tokens.expire(call.app_id.as_deref().unwrap_or_default());
                reply.replace(SimulatedReply::errcode(42001));
            }
            Self::Midnight => begin_next_day(clock),
            _ => self.apply_to_page(reply),
        }
    }

    fn apply_to_page(&self, reply: &mut SimulatedReply) {
        let Content::Page(page) = &mut reply.content else { return };
        match self {
            Self::Style(style) => page.style = style.clone(),
            Self::Short(length) => page.shorten(*length),
            Self::RepeatPage(number) => page.become_number(*number),
            Self::EarlyEnd => page.become_end(),
            Self::NextOpenid(next_openid) => page.next_openid.clone_from(next_openid),
            Self::MissingData => page.has_data = false,
            Self::Total(total) => page.total = *total,
            Self::DriftTotal(step) => page.drift_total(*step),
            Self::Omit(positions) => page.omit(positions),
            Self::Duplicate(positions) => page.duplicate(positions),
            Self::Overlap(length) => page.overlap(*length),
            Self::OtherAccount => page.become_another_accounts(),
            _ => {}
        }
    }
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

    /// Counts `call`, and applies the faults to its reply.
    pub(super) fn apply(&mut self, call: &Call, tokens: &mut Tokens, clock: &Clock, reply: &mut SimulatedReply) {
        for counted in &mut self.counted {
            if counted.count(call) {
                counted.fault.effect.apply(call, tokens, clock, reply);
            }
        }
    }
}

impl CountedFault {
    /// Counts `call`. Returns whether the fault takes effect on it.
    fn count(&mut self, call: &Call) -> bool {
        let fault = &self.fault;
        if fault.endpoint != call.endpoint || (fault.app_id.is_some() && fault.app_id != call.app_id) {
            return false;
        }
        self.calls += 1;
        let takes_effect = fault.times.is_none_or(|times| self.effects < times) && fault.when.picks(self.calls, call);
        self.effects += u64::from(takes_effect);
        takes_effect
    }
}

impl When {
    fn picks(&self, number: u64, call: &Call) -> bool {
        match self {
            Self::Always => true,
            Self::Call(picked) => number == *picked,
            Self::Calls(picked) => picked.contains(&number),
            Self::Every(step) => number.is_multiple_of(*step),
            Self::Page(picked) => call.page == Some(*picked),
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
        let call = |page| Call { endpoint: Endpoint::UserGet, app_id: Some("wxa".to_owned()), page, start: None };
        (1..=calls).filter(|number| counted.count(&call(Some(number.div_ceil(2))))).collect()
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
        assert_eq!(picked(fault(When::Page(2)).times(1), 9), [3]);
        assert_eq!(picked(fault(When::Every(2)).times(2), 9), [2, 4]);
    }

    #[test]
    fn a_fault_of_another_account_or_endpoint_counts_nothing() {
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
