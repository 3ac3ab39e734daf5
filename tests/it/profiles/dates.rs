//! The dates of lists of profiles: the date of the followers that they rest on, also after days.

use fanout::report::Verdict;
use fanout_sink::SinkError;

use super::*;
use crate::support::noon;

const FIRST: &str = "2026-01-29";
const SECOND: &str = "2026-01-30";
const THIRD: &str = "2026-01-31";

fn on(date: &str, simulator: SimulatorBuilder, sinks: &str) -> Project {
    let builder = Project::builder().keys(QUICK).account("brand", APP_ID).sinks(sinks);
    builder.simulator(simulator).date(date).build()
}

fn dates(report: &RunReport) -> Vec<(String, Verdict)> {
    of_list(report, "profiles").iter().map(|row| (row.date.unwrap().to_string(), row.verdict)).collect()
}

fn date(text: &str) -> RunOptions {
    RunOptions::default().with_date(text.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_without_enough_calls_goes_on_the_next_day_under_the_first_date() {
    // Ten batches, of which four fit into a day.
    let project = on(FIRST, followers(990).profile_quota(4), LINES);
    let report = run(&project).await;
    let row = of_list(&report, "profiles")[0];
    assert_eq!((row.exit.code(), row.pages), (75, 4), "{row:#?}");
    let error = row.error.as_deref().unwrap();
    assert!(error.contains("done 4 of 10 batches, goes on tomorrow"), "{error}");
    let mut asked = calls(&project).0;
    for (day, reached) in [(SECOND, 8), (THIRD, 10)] {
        project.clock.set(noon(day));
        let report = run(&project).await;
        let rows = of_list(&report, "profiles");
        assert_eq!((rows[0].date.unwrap().to_string(), rows[0].pages), (FIRST.to_owned(), reached), "{report:#?}");
        // The list of the day itself needs more calls than are left.
        assert_eq!(rows.len(), 2, "{report:#?}");
        assert!(rows[1].error.as_deref().unwrap().starts_with("today's list is not begun"), "{report:#?}");
        assert_eq!(report.exit.code(), 75);
        let now = calls(&project).0;
        // Of those under way when the calls are used up, each is refused.
        assert!(now - asked <= 4 + 4, "what an earlier day has was asked for again: {report:#?}");
        asked = now;
    }
    let rows = published(&project, "brand");
    are_true(&project, APP_ID, &rows);
    assert!(project.path(&format!("out/lines/dt={FIRST}")).is_dir());
}

#[tokio::test(flavor = "multi_thread")]
async fn each_day_has_its_list_and_a_date_selects_one() {
    let project = on(FIRST, followers(250), LINES);
    assert_eq!(dates(&run(&project).await), [(FIRST.to_owned(), Verdict::Published)]);
    project.clock.set(noon(SECOND));
    assert_eq!(dates(&run(&project).await), [(SECOND.to_owned(), Verdict::Published)]);
    let report = run_with(&project, date(FIRST)).await;
    assert_eq!(dates(&report), [(FIRST.to_owned(), Verdict::AlreadyPublished)]);
    // Of a day that is over only what is there can be had.
    project.clock.set(noon(THIRD));
    let report = run_with(&project, date("2026-01-28")).await;
    assert_eq!(report.exit.code(), 1);
    assert!(
        of_list(&report, "profiles")[0].error.as_deref().unwrap().starts_with("no walk of 2026-01-28"),
        "{report:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_a_sink_has_missed_is_delivered_the_next_day_before_that_of_the_day() {
    let optional = format!("{LINES}\n{KEPT}\nrequired = false");
    let project = on(FIRST, followers(250), &optional);
    for _ in 0..2 {
        project.recorder.fail("kept", "prepare", SinkError::permanent("it is broken"));
    }
    assert_eq!(dates(&run(&project).await), [(FIRST.to_owned(), Verdict::Published)]);
    assert_eq!(project.recorder.published("kept", "brand"), None);
    project.clock.set(noon(SECOND));
    let report = run(&project).await;
    let both = [(FIRST.to_owned(), Verdict::Published), (SECOND.to_owned(), Verdict::Published)];
    assert_eq!(dates(&report), both, "{report:#?}");
    assert_eq!(project.recorder.count("kept commit"), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_label_of_yesterday_is_that_of_both_lists() {
    let project = on(SECOND, followers(250), &format!("{LINES}\n{FOLLOWERS}"));
    let report = run_with(&project, date(FIRST)).await;
    assert_eq!(report.exit.code(), 0, "{report:#?}");
    assert!(report.accounts.iter().all(|row| row.date == FIRST.parse().ok()), "{report:#?}");
    assert_eq!(dates(&run(&project).await), [(SECOND.to_owned(), Verdict::Published)]);
}
