//! Faults of the API: a table of faults, each with its outcome and its exact number of calls.
//!
//! Every row is a test of its own, and is met by each list that is read page by page. The list has
//! five pages; with its end it takes six calls. A run either publishes the exact list, or publishes
//! nothing and says why, and the next run resumes without losing a page.

mod errcodes;
mod http;
mod page_content;
mod quota;
mod retries;
mod tokens;

use fanout::engine::RunOptions;
use fanout::report::AccountReport;
use fanout::simulator::{Effect, Endpoint, Fault, Simulator, SimulatorBuilder, When};

use crate::engine::{APP_ID, one_account};
use crate::support::{ONE_SINK, Project};

const FOLLOWERS: u64 = 50;
const PAGE_SIZE: u64 = 10;
const PAGES: u64 = FOLLOWERS.div_ceil(PAGE_SIZE);
/// The calls of an undisturbed walk: its pages and its end.
const CALLS: u64 = PAGES + 1;

/// A list that is read page by page.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Listed {
    Followers,
    Blacklist,
}

/// One row of the table: its faults and their outcome. A fault of `user/get` stands for one of the
/// list's own endpoint.
pub(super) struct Case {
    faults: Vec<Fault>,
    set: Vec<String>,
    expected: Expected,
}

/// The outcome of a run.
enum Expected {
    /// The exact list.
    List { calls: u64 },
    /// An error, nothing published, and a journal to resume from.
    Error { exit: u8, calls: u64, words: Vec<&'static str> },
}

/// Makes a test of each row of a table.
macro_rules! cases {
    ($($name:ident: $case:expr;)*) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                $case.check().await;
            }
        )*
    };
}
pub(super) use cases;

impl Case {
    pub(super) fn of(fault: Fault) -> Self {
        Self { faults: vec![fault], set: Vec::new(), expected: Expected::List { calls: CALLS } }
    }

    /// Meets every call for this page.
    pub(super) fn page(page: u64, effect: Effect) -> Self {
        Self::of(Fault::new(Endpoint::UserGet, When::Page(page), effect))
    }

    /// Meets the first call for this page.
    pub(super) fn once(page: u64, effect: Effect) -> Self {
        Self::of(Fault::new(Endpoint::UserGet, When::Page(page), effect).times(1))
    }

    /// Meets every call of this endpoint.
    pub(super) fn every(endpoint: Endpoint, effect: Effect) -> Self {
        Self::of(Fault::new(endpoint, When::Always, effect))
    }

    /// Adds another fault.
    pub(super) fn and(mut self, fault: Fault) -> Self {
        self.faults.push(fault);
        self
    }

    /// Sets keys of the pipeline file.
    pub(super) fn set(self, keys: &[&str]) -> Self {
        Self { set: keys.iter().map(|&key| key.to_owned()).collect(), ..self }
    }

    /// Expects the exact list, after this number of calls for pages.
    pub(super) fn publishes(self, calls: u64) -> Self {
        Self { expected: Expected::List { calls }, ..self }
    }

    /// Expects that nothing is published, and that error and hint hold these words.
    pub(super) fn fails(self, exit: u8, calls: u64, words: &[&'static str]) -> Self {
        Self { expected: Expected::Error { exit, calls, words: words.to_vec() }, ..self }
    }

    pub(super) async fn check(self) {
        for list in [Listed::Followers, Listed::Blacklist] {
            self.check_list(list).await;
        }
    }

    async fn check_list(&self, list: Listed) {
        let simulator = self.faults.iter().cloned().fold(list.simulator(), |simulator, fault| {
            let is_of_pages = fault.endpoint == Endpoint::UserGet;
            simulator.fault(Fault { endpoint: if is_of_pages { list.endpoint() } else { fault.endpoint }, ..fault })
        });
        let project = one_account(simulator);
        let report = list.run(&project, &self.set).await;
        match &self.expected {
            Expected::List { calls } => {
                list.is_exact(&project, &report);
                assert_eq!(list.calls(&project), *calls, "{list:?}");
            }
            Expected::Error { exit, calls, words } => {
                failed(&project, &report, *exit, words);
                assert_eq!(list.calls(&project), *calls, "{list:?}");
                list.goes_on(&project, &report, &self.set).await;
            }
        }
    }
}

impl Listed {
    fn endpoint(self) -> Endpoint {
        match self {
            Self::Followers => Endpoint::UserGet,
            Self::Blacklist => Endpoint::Blacklist,
        }
    }

    /// Makes an API whose list has five pages. The other list is of another length.
    fn simulator(self) -> SimulatorBuilder {
        let simulator = Simulator::builder();
        match self {
            Self::Followers => simulator.followers(FOLLOWERS).page_size(PAGE_SIZE),
            Self::Blacklist => simulator.followers(2 * FOLLOWERS).blacklisted(FOLLOWERS).blacklist_page_size(PAGE_SIZE),
        }
    }

    fn sink(self) -> String {
        match self {
            Self::Followers => ONE_SINK.to_owned(),
            Self::Blacklist => format!("{ONE_SINK}list = 'blacklist'\n"),
        }
    }

    fn calls(self, project: &Project) -> u64 {
        match self {
            Self::Followers => project.calls(),
            Self::Blacklist => project.api().requests().blacklist,
        }
    }

    /// Runs the pipeline with these keys.
    pub(super) async fn run(self, project: &Project, set: &[String]) -> AccountReport {
        let text = project.file() + &self.sink();
        let report = project.engine_run_set(&text, set, RunOptions::default()).await.unwrap();
        report.accounts.into_iter().next().unwrap()
    }

    /// Asserts that the exact list is published.
    #[track_caller]
    fn is_exact(self, project: &Project, report: &AccountReport) {
        assert_eq!((report.exit.code(), &report.error), (0, &None), "{report:#?}");
        let truth = match self {
            Self::Followers => project.truth(),
            Self::Blacklist => {
                let roster = project.api().roster(APP_ID);
                roster.blocked().map(|index| roster.openid(index)).collect()
            }
        };
        assert_eq!(project.recorder.published("kept", "brand").unwrap(), truth);
    }

    /// Asserts that without the faults a run of the next day publishes the exact list of the first
    /// day, reading only its last page twice, and then that of its own day.
    async fn goes_on(self, project: &Project, failed: &AccountReport, set: &[String]) {
        project.api().clear_faults();
        project.api().begin_next_day();
        let calls = self.calls(project);
        let text = project.file() + &self.sink();
        let report = project.engine_run_set(&text, set, RunOptions::default()).await.unwrap();
        report.accounts.iter().for_each(|report| self.is_exact(project, report));
        let (today, made) = (PAGES + 1, self.calls(project) - calls);
        if failed.pages == 0 {
            assert_eq!((report.accounts.len(), made), (1, today), "nothing is left of the first day");
            return;
        }
        let boundary = 1;
        assert_eq!(report.accounts.len(), 2, "the list of the first day, and that of today");
        assert_eq!(report.accounts[0].calls, PAGES - failed.pages + 1 + boundary);
        assert_eq!(made, report.accounts[0].calls + today);
    }
}

/// Runs the pipeline with these keys.
pub(super) async fn run(project: &Project, set: &[String]) -> AccountReport {
    Listed::Followers.run(project, set).await
}

/// Asserts that the exact list is published.
#[track_caller]
pub(super) fn exact(project: &Project, report: &AccountReport) {
    Listed::Followers.is_exact(project, report);
}

/// Asserts that nothing is published, and that error and hint hold these words.
#[track_caller]
pub(super) fn failed(project: &Project, report: &AccountReport, exit: u8, words: &[&str]) {
    assert_eq!(report.exit.code(), exit, "{report:#?}");
    let said = format!("{}\n{}", report.error.as_deref().unwrap(), report.hint.as_deref().unwrap());
    for word in words {
        assert!(said.contains(word), "`{word}` is not in: {said}");
    }
    assert_eq!(project.recorder.published("kept", "brand"), None);
}
