//! The check of a whole pipeline file, account by account, and what concerns all of them.
//!
//! It goes the way of a run as far as that costs next to nothing: what [`check`](super::check) finds, a token, a question
//! for the calls that are left, one page. Then it writes where the run will write, and compares the room there with what
//! the lists will take. Nothing is published, and no page is kept.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::account::{self, AccountFindings, check_account};
use super::finding::{Check, CheckReport, Finding};
use super::{place, room};
use crate::config::{Pipeline, RetrySection};
use crate::engine::progress::Progress;
use crate::engine::run::{bind, check, share};
use crate::engine::run_context::RunContext;
use crate::engine::run_options::RunOptions;
use crate::error::Error;
use crate::registry::SinkRegistry;

/// A check that waited for the next minute would help no user: a call is tried once more, at once.
const TRIES: u32 = 2;

/// By how many seconds the clocks may differ: less than that moves no list to another date that is not begun at midnight.
const CLOCK_TOLERANCE_SECS: i64 = 60;

/// Tries out everything that a run of `pipeline` will need. `asks_for_page` costs each account one call of its quota, two
/// where the first one fails.
///
/// # Errors
///
/// What [`check`] returns, before any call; the rest is in the findings.
pub async fn check_connected(
    mut pipeline: Pipeline,
    registry: &SinkRegistry,
    options: RunOptions,
    asks_for_page: bool,
) -> Result<CheckReport, Error> {
    let checked = check(pipeline.clone(), registry, options.clone()).await?;
    limit_retries(&mut pipeline.source.retry);
    let sinks = bind(&pipeline, registry)?;
    let progress = Arc::new(Progress::new(&pipeline));
    let run = share(pipeline, &sinks, options, progress, CancellationToken::new())?;
    let accounts = check_accounts(&run, asks_for_page).await;

    let mut findings = Vec::new();
    for (report, account) in checked.accounts.iter().zip(&accounts) {
        findings.push(account::state(report));
        findings.extend(account.findings.iter().cloned());
    }
    findings.extend(place::probe(&run, &sinks));
    findings.extend(room::compare(&run, &sinks, &accounts));
    findings.extend(run.client.clock_ahead().map(|ahead| clock(ahead.num_seconds())));
    Ok(CheckReport::new(&run.pipeline.name, findings))
}

fn limit_retries(retry: &mut RetrySection) {
    retry.attempts = retry.attempts.min(TRIES);
    // Beyond it nothing is waited for: not a minute's quota, nor what `Retry-After` asks.
    retry.budget = retry.budget.min(retry.base * 2);
}

/// Examines the accounts, as many at a time as a run would.
async fn check_accounts(run: &Arc<RunContext>, asks_for_page: bool) -> Vec<AccountFindings> {
    let units = run.units.len();
    let slots = Arc::new(Semaphore::new(run.pipeline.limits.accounts));
    let mut running = JoinSet::new();
    for unit in 0..units {
        let (run, slots) = (Arc::clone(run), Arc::clone(&slots));
        running.spawn(async move {
            let _slot = slots.acquire_owned().await;
            (unit, check_account(&run, unit, asks_for_page).await)
        });
    }
    let mut accounts: Vec<AccountFindings> = (0..units).map(|_| AccountFindings::default()).collect();
    while let Some(checked) = running.join_next().await {
        match checked {
            Ok((unit, account)) => accounts[unit] = account,
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        }
    }
    accounts
}

/// Judges the clock of this machine; the API's was `ahead` of it, in seconds.
fn clock(ahead: i64) -> Finding {
    let off = ahead.unsigned_abs();
    if off <= CLOCK_TOLERANCE_SECS.unsigned_abs() {
        return Finding::ok(Check::Clock, "this machine and the API agree on the time, to the minute");
    }
    let side = if ahead > 0 { "behind" } else { "ahead of" };
    let found = format!("this machine is {off} seconds {side} the API");
    Finding::warning(Check::Clock, found).with_hint(
        "set the clock, with NTP for one: by it a list gets its date at midnight in Beijing, and the day's calls are counted",
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
