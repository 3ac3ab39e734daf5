//! One account: its state, a token, its quota, a page.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Instant;

use chrono::Utc;

use super::finding::{Check, Finding};
use crate::engine::account::AccountRun;
use crate::engine::proof::FollowerProof;
use crate::engine::run_context::RunContext;
use crate::error::{Error, Exit};
use crate::journal::Commit;
use crate::registry::BoundSink;
use crate::report::{AccountReport, Verdict};
use crate::source::{CallsLeft, Source, SourceError, Unanswered};
use crate::wechat::{ApiError, Chain, Cursor, Page, next_midnight};

/// What came of an account, and what is known of its list.
#[derive(Debug, Default)]
pub(super) struct AccountFindings {
    pub(super) findings: Vec<Finding>,
    /// Followers: as the page says, or as the last list had; none if neither is there.
    pub(super) followers: Option<u64>,
    /// Bytes a follower of what each sink of the list has published last, by the sink's name; `None` for a new sink.
    pub(super) published: BTreeMap<String, Option<f64>>,
}

/// Tells what a run would begin with, as [`check`](crate::engine::check) has found.
pub(super) fn state(report: &AccountReport) -> Finding {
    let date = report.date.map_or_else(String::new, |date| date.to_string());
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

/// Tries out one list of an account.
pub(super) async fn check_account(run: &Arc<RunContext>, unit: usize, asks_for_page: bool) -> AccountFindings {
    // Where the state cannot be used, `fanout check` has found that already.
    let Ok(account) = AccountRun::plan(run, unit) else { return AccountFindings::default() };
    let context = account.context();
    let mut checked = AccountFindings {
        findings: Vec::new(),
        followers: context.last().map(|list| list.rows),
        published: context
            .sinks()
            .iter()
            .map(|sink| (sink.name().to_owned(), bytes_a_follower(&account, sink)))
            .collect(),
    };
    if let Err(error) = connect(&account, asks_for_page, &mut checked).await {
        checked.findings.push(Finding::of(Check::Token, &error));
    }
    let name = &context.account().name;
    checked.findings = checked.findings.into_iter().map(|finding| finding.for_account(name)).collect();
    checked
}

/// Asks for a token, the calls that are left, and a page.
///
/// # Errors
///
/// Why there is no token, without which nothing else can be asked.
async fn connect(account: &AccountRun, asks_for_page: bool, checked: &mut AccountFindings) -> Result<(), Error> {
    let source = account.source();
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
        _ => account.context().last().and_then(FollowerProof::of).map(|proof| proof.pages + 1),
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

/// Judges what is left of the day's calls, `made` of which the check itself has taken since. The list takes about `needed`.
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
fn bytes_a_follower(account: &AccountRun, sink: &BoundSink) -> Option<f64> {
    let Commit { report, .. } = account.last_commit(sink)?;
    (report.rows > 0).then(|| report.bytes as f64 / report.rows as f64)
}
