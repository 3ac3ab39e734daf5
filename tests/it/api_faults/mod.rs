//! The moods of the API: a table of faults, each with what must come of it, to the call.
//!
//! Every row is a test of its own. The list has five pages; with its end it takes six calls. A run either publishes the
//! exact list, or publishes nothing, says why, and the next run goes on without losing a page.

mod errcodes;
mod http;
mod page_content;
mod quota;
mod retries;
mod tokens;

use fanout::engine::{AccountReport, Selection};
use fanout::simulator::{Effect, Endpoint, Fault, Simulator, SimulatorBuilder, When};

use crate::engine::{ONE_SINK, Place};

const FOLLOWERS: u64 = 50;
const PAGE_SIZE: u64 = 10;
const PAGES: u64 = FOLLOWERS.div_ceil(PAGE_SIZE);
/// What the list takes when nothing goes wrong: its pages and its end.
const CALLS: u64 = PAGES + 1;

/// One row of the table: a fault, and what must come of it.
pub(super) struct Mood {
    simulator: SimulatorBuilder,
    set: Vec<String>,
    expected: Expected,
}

/// What must come of a run.
enum Expected {
    /// The exact list.
    List { calls: u64 },
    /// Nothing but an error, and a journal to go on from.
    Error { exit: u8, calls: u64, words: Vec<&'static str> },
}

/// Makes a test of each row.
macro_rules! moods {
    ($($name:ident: $mood:expr;)*) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                $mood.check().await;
            }
        )*
    };
}
pub(super) use moods;

impl Mood {
    pub(super) fn of(fault: Fault) -> Self {
        let simulator = Simulator::builder().followers(FOLLOWERS).page_size(PAGE_SIZE);
        Self { simulator: simulator.fault(fault), set: Vec::new(), expected: Expected::List { calls: CALLS } }
    }

    /// The fault is one of the call for this page, each time.
    pub(super) fn page(page: u64, effect: Effect) -> Self {
        Self::of(Fault::new(Endpoint::UserGet, When::Page(page), effect))
    }

    /// The fault is one of the call for this page, once.
    pub(super) fn once(page: u64, effect: Effect) -> Self {
        Self::of(Fault::new(Endpoint::UserGet, When::Page(page), effect).times(1))
    }

    /// The fault is one of every call of this endpoint.
    pub(super) fn every(endpoint: Endpoint, effect: Effect) -> Self {
        Self::of(Fault::new(endpoint, When::Always, effect))
    }

    /// There is another fault besides.
    pub(super) fn and(self, fault: Fault) -> Self {
        Self { simulator: self.simulator.fault(fault), ..self }
    }

    /// Sets keys of the pipeline file.
    pub(super) fn set(self, keys: &[&str]) -> Self {
        Self { set: keys.iter().map(|&key| key.to_owned()).collect(), ..self }
    }

    /// The exact list is published with so many calls for pages.
    pub(super) fn publishes(self, calls: u64) -> Self {
        Self { expected: Expected::List { calls }, ..self }
    }

    /// Nothing is published, and error and hint hold these words.
    pub(super) fn fails(self, exit: u8, calls: u64, words: &[&'static str]) -> Self {
        Self { expected: Expected::Error { exit, calls, words: words.to_vec() }, ..self }
    }

    pub(super) async fn check(self) {
        let place = Place::new(self.simulator).await;
        let report = run(&place, &self.set).await;
        match self.expected {
            Expected::List { calls } => {
                exact(&place, &report);
                assert_eq!(place.calls(), calls);
            }
            Expected::Error { exit, calls, words } => {
                failed(&place, &report, exit, &words);
                assert_eq!(place.calls(), calls);
                goes_on(&place, &report, &self.set).await;
            }
        }
    }
}

/// Runs the pipeline with these keys.
pub(super) async fn run(place: &Place, set: &[String]) -> AccountReport {
    let report = place.run_set(&(place.head() + ONE_SINK), set, Selection::default()).await.unwrap();
    report.accounts.into_iter().next().unwrap()
}

/// Asserts that the exact list is published.
#[track_caller]
pub(super) fn exact(place: &Place, report: &AccountReport) {
    assert_eq!((report.exit.code(), &report.error), (0, &None), "{report:#?}");
    assert_eq!(place.recorder.published("kept", "brand").unwrap(), place.truth());
}

/// Asserts that nothing is published, and that error and hint hold these words.
#[track_caller]
pub(super) fn failed(place: &Place, report: &AccountReport, exit: u8, words: &[&str]) {
    assert_eq!(report.exit.code(), exit, "{report:#?}");
    let said = format!("{}\n{}", report.error.as_deref().unwrap(), report.hint.as_deref().unwrap());
    for word in words {
        assert!(said.contains(word), "`{word}` is not in: {said}");
    }
    assert_eq!(place.recorder.published("kept", "brand"), None);
}

/// Asserts that once everything is well again, the next run has the exact list, and reads no page twice but the last one.
async fn goes_on(place: &Place, failed: &AccountReport, set: &[String]) {
    place.simulator.clear_faults();
    place.simulator.begin_next_day();
    let calls = place.calls();
    let report = run(place, set).await;
    exact(place, &report);
    let boundary = u64::from(failed.pages > 0);
    assert_eq!(place.calls() - calls, PAGES - failed.pages + 1 + boundary, "the next run");
}
