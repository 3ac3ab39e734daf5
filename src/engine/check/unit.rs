//! The check of one list of an account: its state, a token, the quota, a page.
//!
//! It uses the [`UnitRun`] and the [`Source`] that a run would use. Behind it:
//! [`disk_space`](super::disk_space) takes the length of the list.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Instant;

use chrono::Utc;

use super::finding::{Check, Finding};
use crate::engine::proof::FollowerProof;
use crate::engine::run_context::RunContext;
use crate::engine::unit::UnitRun;
use crate::error::{Error, Exit};
use crate::journal::Commit;
use crate::registry::BoundSink;
use crate::report::{AccountReport, FoundList, SinkOutcome, SinkState, Verdict};
use crate::source::{CallsLeft, Source, SourceError, Unanswered};
use crate::wechat::{ApiError, Chain, Cursor, Page, next_midnight};

/// What was found about one list of an account.
#[derive(Debug, Default)]
pub(super) struct UnitFindings {
    pub(super) findings: Vec<Finding>,
    /// The length of the list: the page's `total`, or the rows of the last list; `None` if there is
    /// neither.
    pub(super) followers: Option<u64>,
    /// The sinks of the list, with the bytes per follower of what each has published last; `None`
    /// for a new sink.
    pub(super) published: BTreeMap<String, Option<f64>>,
}

/// Makes the findings on what a run would begin with, from the report of
/// [`check`](crate::engine::check).
pub(super) fn state(report: &AccountReport) -> Vec<Finding> {
    let date = report.date.map_or_else(String::new, |date| date.to_string());
    let walk = report.walk.map_or_else(String::new, |walk| walk.to_string());
    let mut findings = Vec::new();
    if let Some(error) = &report.error {
        let finding = Finding::error(Check::State, report.exit, error.as_str());
        findings.push(Finding { hint: report.hint.clone(), ..finding });
    } else if report.verdict == Verdict::AlreadyPublished {
        findings.push(Finding::ok(Check::State, format!("the list of {date} is published: walk {walk}")));
    } else if report.snapshot.is_some() {
        findings.push(Finding::ok(
            Check::State,
            format!("the list of {date} is complete: walk {walk}; a run delivers it, without a call"),
        ));
    } else if report.walk.is_some() {
        findings.push(Finding::ok(Check::State, format!("walk {walk} of {date} is continued")));
    } else {
        findings.push(Finding::ok(Check::State, format!("a new walk of {date} begins")));
    }
    findings.extend(report.sinks.iter().filter_map(|outcome| at_sink(outcome, report)));
    findings.into_iter().map(|finding| finding.for_account(&report.account)).collect()
}

/// Makes the finding on a sink that has no list as it was published.
fn at_sink(outcome: &SinkOutcome, report: &AccountReport) -> Option<Finding> {
    let sink = &outcome.sink;
    let ok = |found: &str| Some(Finding::ok(Check::State, format!("sink `{sink}`: {found}")));
    match (&outcome.state, outcome.found) {
        (SinkState::Failed { error, hint }, _) => {
            let found = format!("sink `{sink}`: {error}");
            // The error of a required sink is the account's error, too.
            let is_new = report.error.as_ref() != Some(&found);
            let finding = if outcome.required {
                Finding::error(Check::State, report.exit, found)
            } else {
                Finding::warning(Check::State, found)
            };
            is_new.then(|| Finding { hint: hint.clone(), ..finding })
        }
        (SinkState::NotReached, Some(_)) => {
            Some(Finding::warning(Check::State, format!("sink `{sink}`: the list is gone, and is delivered again")))
        }
        (SinkState::NotReached, None) => ok("it lacks the list, and receives it"),
        (_, Some(FoundList::Gone)) => ok("the list is gone, and stays away (`when_gone`)"),
        (_, Some(FoundList::Replaced)) => ok("a newer list has replaced it"),
        _ => None,
    }
}

/// Checks one list of an account.
pub(super) async fn check_unit(run: &Arc<RunContext>, unit: usize, asks_for_page: bool) -> UnitFindings {
    // If the state cannot be used, `check` has reported that already.
    let Ok(planned) = UnitRun::plan(run, unit) else { return UnitFindings::default() };
    let context = planned.context();
    let mut checked = UnitFindings {
        findings: Vec::new(),
        followers: context.last().map(|list| list.rows),
        published: context
            .sinks()
            .iter()
            .map(|sink| (sink.name().to_owned(), bytes_per_follower(&planned, sink)))
            .collect(),
    };
    if let Err(error) = connect(&planned, asks_for_page, &mut checked).await {
        checked.findings.push(Finding::of(Check::Token, &error));
    }
    let name = &context.account().name;
    checked.findings = checked.findings.into_iter().map(|finding| finding.for_account(name)).collect();
    checked
}

/// Asks for a token, for the calls that are left, and for a page.
///
/// # Errors
///
/// If no token can be obtained: nothing else can be asked without one.
async fn connect(unit: &UnitRun, asks_for_page: bool, checked: &mut UnitFindings) -> Result<(), Error> {
    let source = unit.source();
    source.obtain_token().await.map_err(Error::from)?;
    let (left, unanswered) = source.ask_calls_left().await.map_err(Error::from)?;
    if let Some(refusal) = unanswered.as_ref().filter(|unanswered| unanswered.refuses_token() && !asks_for_page) {
        checked.findings.push(refused(refusal));
        return Ok(());
    }
    checked.findings.push(Finding::ok(Check::Token, "there is one"));
    let mut page = None;
    if asks_for_page && !(left.is_stated && left.calls == 0) {
        page = Some(first_page(&source).await);
    }
    let needed = match &page {
        Some(Ok((page, _))) => {
            checked.followers = page.summary.total.or(checked.followers);
            calls_for(page)
        }
        _ => unit.context().last().and_then(FollowerProof::of).map(|proof| proof.pages + 1),
    };
    checked.findings.push(quota(left, source.calls(), unanswered.as_ref(), needed));
    checked.findings.extend(page.map(|page| match page {
        Ok((page, seconds)) => {
            let total = page.summary.total.map_or_else(String::new, |total| format!(" of {total}"));
            let found = format!("the first one has {}{total} followers, and took {seconds:.1} s", page.summary.openids);
            Finding::ok(Check::Page, found)
        }
        Err(error) => Finding::of(Check::Page, &error.into()),
    }));
    Ok(())
}

/// Fetches the first page of the list. Returns it with the seconds that it took.
async fn first_page(source: &Source) -> Result<(Page, f64), SourceError> {
    let started = Instant::now();
    let page = source.page(&Cursor::START, &Chain::default()).await?;
    Ok((page, started.elapsed().as_secs_f64()))
}

/// Returns how many calls the list takes, from its first page: all pages but the last one are full,
/// and the end takes a call of its own.
fn calls_for(page: &Page) -> Option<u64> {
    Some(page.summary.total?.div_ceil(page.summary.openids.max(1)) + 1)
}

/// Makes the finding on the calls that are left today. The check itself has made `made` calls since
/// `left` was stated; the list takes about `needed`.
fn quota(left: CallsLeft, made: u64, unanswered: Option<&Unanswered>, needed: Option<u64>) -> Finding {
    let of = left.limit.map_or_else(String::new, |limit| format!(" of {limit}"));
    let calls = left.calls.saturating_sub(made);
    let mut found = format!("{calls}{of} calls for pages are left today");
    if let Some(Unanswered { problem, .. }) = unanswered {
        let _ = write!(found, ", as far as this state has counted; WeChat does not say ({problem})");
    } else if !left.is_stated {
        found.push_str(", as far as this state has counted; WeChat was not asked (`source.quota.check`)");
    }
    let tomorrow = next_midnight(Utc::now());
    if left.calls == 0 {
        let hint = format!("run again after {tomorrow}");
        let finding = if left.is_stated {
            Finding::error(Check::Quota, Exit::Later, found)
        } else {
            // A run would begin all the same.
            Finding::warning(Check::Quota, found)
        };
        return finding.with_hint(hint);
    }
    match needed.filter(|needed| *needed > left.calls) {
        Some(needed) => Finding::warning(Check::Quota, format!("{found}, and the list takes about {needed}"))
            .with_hint(format!("a run goes as far as it can today; run again after {tomorrow} to continue")),
        None => Finding::ok(Check::Quota, found),
    }
}

/// Makes the finding that WeChat refused the token when it was asked for the calls that are left.
fn refused(unanswered: &Unanswered) -> Finding {
    let found = format!("the token was refused: {}", unanswered.problem);
    let finding = Finding::error(Check::Token, Exit::Failed, found);
    Finding { hint: unanswered.api_error.as_ref().map(ApiError::hint), ..finding }
}

/// Returns the bytes per follower of what `sink` has published last.
fn bytes_per_follower(unit: &UnitRun, sink: &BoundSink) -> Option<f64> {
    let Commit { report, .. } = unit.last_commit(sink)?;
    (report.rows > 0).then(|| report.bytes as f64 / report.rows as f64)
}
