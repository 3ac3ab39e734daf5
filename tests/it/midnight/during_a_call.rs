//! Midnight that passes while a call is under way, and a walk without a page that an earlier
//! version has left.

use fanout::engine::RunOptions;
use fanout::report::{RunReport, Verdict};
use fanout::simulator::Simulator;

use super::*;
use crate::support::ONE_SINK;

fn project() -> Project {
    let simulator = Simulator::builder().followers(FOLLOWERS).page_size(PAGE_SIZE);
    Project::builder().account("brand", "wxbrand").simulator(simulator).clock_at(evening()).build()
}

async fn run(project: &Project, options: RunOptions) -> RunReport {
    project.engine_run_file(&(project.file() + ONE_SINK), options).await.unwrap()
}

/// Returns the date, the verdict and the calls of each row.
fn dates(report: &RunReport) -> Vec<(String, Verdict, u64)> {
    let row = |row: &fanout::report::AccountReport| (row.date.unwrap().to_string(), row.verdict, row.calls);
    report.accounts.iter().map(row).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_reply_decides_however_late_it_is_and_no_later_one_does() {
    for (call, date) in [(1, TODAY), (2, YESTERDAY), (CALLS, YESTERDAY)] {
        let project = project();
        project.api().add_fault(Fault::new(Endpoint::UserGet, When::Call(call), Effect::Midnight));
        let report = run(&project, RunOptions::default()).await;
        assert_eq!(dates(&report), [(date.to_owned(), Verdict::Published, CALLS)], "midnight during call {call}");
        let snapshot = report.accounts[0].snapshot.as_ref().unwrap();
        assert_eq!(Some(snapshot.begun_at), snapshot.first_fetched_at, "a walk begins with its first reply");
        assert_eq!(snapshot.walk.begun_at().timestamp(), snapshot.begun_at.timestamp());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_label_is_kept_over_midnight() {
    let project = project();
    project.api().add_fault(Fault::new(Endpoint::UserGet, When::Call(1), Effect::Midnight));
    let report = run(&project, RunOptions::default().with_date(YESTERDAY.parse().unwrap())).await;
    assert_eq!(dates(&report), [(YESTERDAY.to_owned(), Verdict::Published, CALLS)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_walk_without_a_page_claims_nothing() {
    let project = project();
    stop_at(&project, 2, None);
    run(&project, RunOptions::default()).await;
    project.api().clear_faults();
    let pages = project.files().into_iter().find(|path| path.ends_with("pages")).unwrap();
    let bytes = std::fs::read(&pages).unwrap();
    let header = 9 + u32::from_le_bytes(bytes[..4].try_into().unwrap()) as usize;
    for left in [header, header + 5, bytes.len() - 1] {
        std::fs::write(&pages, &bytes[..left]).unwrap();
        let project = &project;
        project.clock.set(morning());
        let fresh = run(project, RunOptions::default()).await;
        let expected = if left == header { (Verdict::Published, CALLS) } else { (Verdict::AlreadyPublished, 0) };
        assert_eq!(dates(&fresh), [(TODAY.to_owned(), expected.0, expected.1)], "{left} bytes are left");
    }
}
