//! The check of a whole pipeline file: each list, then what concerns all of them.
//!
//! Before it: [`check`](crate::engine::check) has looked at everything that costs no call. Then
//! each list tries a token, the quota question and one page. At the end comes what was tried in the
//! folders that the run will write in, and the free space is compared with what the lists will
//! take. Nothing is published, and no page is kept.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::finding::{Check, CheckReport, Finding};
use super::unit::{UnitFindings, check_unit, state};
use super::{disk_space, place, readers};
use crate::config::{Pipeline, RetrySection};
use crate::engine::at_once::at_once;
use crate::engine::bind::bind;
use crate::engine::progress::Progress;
use crate::engine::run::check_with_trials;
use crate::engine::run_context::RunContext;
use crate::engine::run_options::RunOptions;
use crate::error::Error;
use crate::registry::SinkRegistry;

/// A call is tried twice, without a long wait: a user would not wait a minute for a check.
const TRIES: u32 = 2;

/// By how many seconds the clocks may differ. A smaller difference changes the date of a list only
/// if the list begins at midnight.
const CLOCK_TOLERANCE_SECS: i64 = 60;

/// Tries everything that a run of `pipeline` will need. With `asks_for_page` each list costs one
/// call of its account's quota, or two if the first one fails.
///
/// # Errors
///
/// As [`check`](crate::engine::check), before any call. The findings have everything else.
pub async fn check_connected(
    mut pipeline: Pipeline,
    registry: &SinkRegistry,
    options: RunOptions,
    asks_for_page: bool,
) -> Result<CheckReport, Error> {
    let (checked, trials) = check_with_trials(pipeline.clone(), registry, options.clone()).await?;
    limit_retries(&mut pipeline.source.retry);
    let sinks = bind(&pipeline, registry)?;
    let progress = Arc::new(Progress::new(&pipeline));
    let run = RunContext::new(pipeline, &sinks, options, progress, CancellationToken::new())?;
    let units = check_units(&run, asks_for_page).await;

    let mut findings = Vec::new();
    for (unit, found) in units.iter().enumerate() {
        let (account, list) = (run.account(unit), run.units[unit].list.name());
        let reports = checked.accounts.iter().filter(|report| report.app_id == account.app_id && report.list == list);
        findings.extend(reports.flat_map(state));
        findings.extend(found.findings.iter().cloned());
    }
    findings.extend(place::findings(&run, &sinks, &trials));
    findings.extend(readers::findings(&run.pipeline, &sinks));
    findings.extend(disk_space::compare(&run, &sinks, &units));
    findings.extend(run.client.clock_ahead().map(|ahead| clock(ahead.num_seconds())));
    Ok(CheckReport::new(&run.pipeline.name, findings))
}

/// Leaves a call one more try after a short pause.
fn limit_retries(retry: &mut RetrySection) {
    retry.attempts = retry.attempts.min(TRIES);
    // Longer waits are not begun: the minute quota's, or that of a `Retry-After`.
    retry.budget = retry.budget.min(retry.base * 2);
}

/// Checks the units, as many at a time as a run would.
async fn check_units(run: &Arc<RunContext>, asks_for_page: bool) -> Vec<UnitFindings> {
    let check = |unit| {
        let run = Arc::clone(run);
        async move { check_unit(&run, unit, asks_for_page).await }
    };
    at_once(run.pipeline.limits.accounts, (0..run.units.len()).map(check)).await
}

/// Makes the finding on the clock of this machine; the API's clock is `ahead` of it, in seconds.
fn clock(ahead: i64) -> Finding {
    let off = ahead.unsigned_abs();
    if off <= CLOCK_TOLERANCE_SECS.unsigned_abs() {
        return Finding::ok(Check::Clock, "this machine and the API agree on the time, to the minute");
    }
    let side = if ahead > 0 { "behind" } else { "ahead of" };
    let found = format!("this machine is {off} seconds {side} the API");
    Finding::warning(Check::Clock, found).with_hint(
        "set the clock, for example with NTP: fanout takes from it the date of a list in Beijing, and the day of a call",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::check::finding::Severity;

    #[test]
    fn a_clock_may_be_off_by_a_minute_and_not_by_more() {
        for (ahead, severity, words) in [
            (0, Severity::Ok, "agree"),
            (60, Severity::Ok, "agree"),
            (-60, Severity::Ok, "agree"),
            (61, Severity::Warning, "61 seconds behind the API"),
            (-3_600, Severity::Warning, "3600 seconds ahead of the API"),
            (i64::MAX / 1_000, Severity::Warning, "behind"),
        ] {
            let finding = clock(ahead);
            assert_eq!(finding.severity, severity, "{ahead}");
            assert!(finding.found.contains(words), "{}", finding.found);
        }
    }
}
