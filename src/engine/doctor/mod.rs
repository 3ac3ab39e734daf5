//! The doctor: everything that can be tried out before a run, and what came of it.
//!
//! It goes the way of a run as far as that costs next to nothing: what [`check`](super::check) finds, a token, a question
//! for the calls that are left, one page. Then it writes where the run will write, and compares the room there with what
//! the lists will take. Nothing is published, and no page is kept.

mod account;
mod finding;
mod place;
mod room;

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::run_options::RunOptions;
use super::progress::Progress;
use super::run::{bind, check, share};
use super::run_context::RunContext;
use crate::config::{Pipeline, Retry};
use crate::error::Error;
use crate::registry::{BoundSink, SinkRegistry};
use account::{Examination, examine};
use finding::amount;
pub use finding::{Check, Diagnosis, Finding, Severity};

/// A doctor who waits for the next minute helps nobody: a call is tried once more, and at once.
const TRIES: u32 = 2;

/// By how many seconds the clocks may differ: less than that moves no list to another date that is not begun at midnight.
const CLOCK_TOLERANCE_SECS: i64 = 60;

/// Tries out everything that a run of `pipeline` will need. `asks_for_page` costs each account one call of its quota, two
/// where the first one fails.
///
/// # Errors
///
/// What [`check`] returns, before any call; the rest is in the findings.
pub async fn diagnose(
    mut pipeline: Pipeline,
    registry: &SinkRegistry,
    options: RunOptions,
    asks_for_page: bool,
) -> Result<Diagnosis, Error> {
    let checked = check(pipeline.clone(), registry, options.clone()).await?;
    hurry(&mut pipeline.source.retry);
    let sinks: Arc<[BoundSink]> = bind(&pipeline, registry)?.into();
    let progress = Arc::new(Progress::new(&pipeline));
    let run = share(pipeline, &sinks, options, progress, CancellationToken::new())?;
    let examinations = examine_all(&run, &sinks, asks_for_page).await;

    let mut findings = Vec::new();
    for (report, examination) in checked.accounts.iter().zip(&examinations) {
        findings.push(account::state(report));
        findings.extend(examination.findings.iter().cloned());
    }
    findings.extend(place::probe(&run, &sinks));
    findings.extend(room::compare(&run, &sinks, &examinations));
    findings.extend(run.client.clock_ahead().map(|ahead| clock(ahead.num_seconds())));
    Ok(Diagnosis::new(&run.pipeline.name, findings))
}

fn hurry(retry: &mut Retry) {
    retry.attempts = retry.attempts.min(TRIES);
    // Beyond it nothing is waited for: not a minute's quota, nor what `Retry-After` asks.
    retry.budget = retry.budget.min(retry.base * 2);
}

/// Examines the accounts, as many at a time as a run would.
async fn examine_all(run: &Arc<RunContext>, sinks: &Arc<[BoundSink]>, asks_for_page: bool) -> Vec<Examination> {
    let accounts = run.pipeline.accounts.len();
    let slots = Arc::new(Semaphore::new(run.pipeline.limits.accounts));
    let mut running = JoinSet::new();
    for index in 0..accounts {
        let (run, sinks, slots) = (Arc::clone(run), Arc::clone(sinks), Arc::clone(&slots));
        running.spawn(async move {
            let _slot = slots.acquire_owned().await;
            (index, examine(&run, &sinks, index, asks_for_page).await)
        });
    }
    let mut examinations: Vec<Examination> = (0..accounts).map(|_| Examination::default()).collect();
    while let Some(examined) = running.join_next().await {
        match examined {
            Ok((index, examination)) => examinations[index] = examination,
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        }
    }
    examinations
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
