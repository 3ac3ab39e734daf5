//! One account: its state, a token, its quota, a page.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Instant;

use chrono::Utc;

use super::finding::{Check, Finding};
use crate::engine::account::AccountRun;
use crate::engine::proof::FollowerProof;
use crate::engine::report::{AccountReport, Verdict};
use crate::engine::shared::Shared;
use crate::error::{Error, Exit};
use crate::journal::Commit;
use crate::registry::BoundSink;
use crate::source::{ApiError, CallsLeft, Chain, Cursor, Page, Source, SourceError, Unanswered, next_midnight};

/// What came of an account, and what is known of its list.
#[derive(Debug, Default)]
pub(super) struct Examination {
    pub(super) findings: Vec<Finding>,
    /// Followers: as the page says, or as the last list had; none if neither is there.
    pub(super) followers: Option<u64>,
    /// Bytes a follower of what each sink has published last, in the order of the pipeline file; none of a sink that is
    /// new.
    pub(super) published: Vec<Option<f64>>,
}

/// Tells what a run would begin with, as [`check`](crate::engine::check) has found.
pub(super) fn state(report: &AccountReport) -> Finding {
    let date = report.date.as_deref().unwrap_or_default();
    let finding = match (&report.walk, &report.error) {
        (_, Some(error)) => {
            Finding { hint: report.hint.clone(), ..Finding::error(Check::State, report.exit, error.as_str()) }
        }
        (Some(walk), None) => Finding::ok(Check::State, format!("walk {walk} of {date} goes on")),
        (None, None) => Finding::ok(Check::State, format!("a new walk begins, of {date}")),
    };
    debug_assert!(report.error.is_some() || report.verdict == Verdict::Ready, "nothing else comes of a check");
    finding.for_account(&report.account)
}

/// Tries out the account with number `index`.
pub(super) async fn examine(
    shared: &Arc<Shared>,
    sinks: &Arc<[BoundSink]>,
    index: usize,
    asks_for_page: bool,
) -> Examination {
    // An account that has no state that can be used has a finding already, of the check.
    let Ok(run) = AccountRun::plan(shared, sinks, index) else { return Examination::default() };
    let mut examination = Examination {
        findings: Vec::new(),
        followers: run.last().map(|list| list.rows),
        published: sinks.iter().map(|sink| bytes_a_follower(&run, sink)).collect(),
    };
    if let Err(error) = connect(&run, asks_for_page, &mut examination).await {
        examination.findings.push(Finding::of(Check::Token, &error));
    }
    let account = &shared.pipeline.accounts[index].name;
    examination.findings = examination.findings.into_iter().map(|finding| finding.for_account(account)).collect();
    examination
}

/// Asks for a token, the calls that are left, and a page.
///
/// # Errors
///
/// Why there is no token, without which nothing else can be asked.
async fn connect(run: &AccountRun, asks_for_page: bool, examination: &mut Examination) -> Result<(), Error> {
    let source = run.source().map_err(Error::from)?;
    source.obtain_token().await.map_err(Error::from)?;
    let (left, unanswered) = source.ask_calls_left().await.map_err(Error::from)?;
    if let Some(refusal) = unanswered.as_ref().filter(|unanswered| unanswered.refuses_token() && !asks_for_page) {
        examination.findings.push(refused(refusal));
        return Ok(());
    }
    examination.findings.push(Finding::ok(Check::Token, "there is one"));
    let mut page = None;
    if asks_for_page && !(left.is_stated && left.calls == 0) {
        page = Some(first_page(&source).await);
    }
    let needed = match &page {
        Some(Ok((page, _))) => {
            examination.followers = page.summary.total.or(examination.followers);
            calls_for(page)
        }
        _ => run.last().and_then(FollowerProof::of).map(|proof| proof.pages + 1),
    };
    examination.findings.push(quota(left, source.calls(), unanswered.as_ref(), needed));
    examination.findings.extend(page.map(|page| match page {
        Ok((page, seconds)) => {
            let total = page.summary.total.map_or_else(String::new, |total| format!(" of {total}"));
            let found = format!("the first one has {}{total} followers, and took {seconds:.1} s", page.summary.openids);
            Finding::ok(Check::Page, found)
        }
        Err(error) => Finding::of(Check::Page, &error.into()),
    }));
    Ok(())
}

/// Fetches the first page of the list, and says how many seconds that took.
async fn first_page(source: &Source) -> Result<(Page, f64), SourceError> {
    let started = Instant::now();
    let page = source.page(&Cursor::START, &Chain::default()).await?;
    Ok((page, started.elapsed().as_secs_f64()))
}

/// Returns how many calls the list takes that begins with `page`: pages are full but for the last one, and then comes the
/// end.
fn calls_for(page: &Page) -> Option<u64> {
    Some(page.summary.total?.div_ceil(page.summary.openids.max(1)) + 1)
}

/// Judges what is left of the day's calls, `made` of which the doctor has taken since. The list takes about `needed`.
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
            // A run would try all the same.
            Finding::warning(Check::Quota, found)
        };
        return finding.with_hint(hint);
    }
    match needed.filter(|needed| *needed > left.calls) {
        Some(needed) => Finding::warning(Check::Quota, format!("{found}, and the list takes about {needed}"))
            .with_hint(format!("a run goes as far as it can today, and on from there after {tomorrow}")),
        None => Finding::ok(Check::Quota, found),
    }
}

/// Tells that WeChat has refused the token to the question for the calls that are left.
fn refused(unanswered: &Unanswered) -> Finding {
    let found = format!("the token was refused: {}", unanswered.problem);
    let finding = Finding::error(Check::Token, Exit::Failed, found);
    Finding { hint: unanswered.api_error.as_ref().map(ApiError::hint), ..finding }
}

/// Returns the bytes a follower of what `sink` has published last.
fn bytes_a_follower(run: &AccountRun, sink: &BoundSink) -> Option<f64> {
    let Commit { report, .. } = run.last_commit(sink)?;
    (report.rows > 0).then(|| report.bytes as f64 / report.rows as f64)
}
