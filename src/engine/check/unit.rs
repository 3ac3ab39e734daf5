//! The check of one list of an account: its state, a token, the quota, a page.
//!
//! It uses the [`UnitRun`] and the [`Source`] that a run would use. Behind it:
//! [`disk_space`](super::disk_space) takes the length of the list.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Instant;

use fanout_sink::Snapshot;

use super::finding::{Check, Finding};
use crate::batches::Asked;
use crate::engine::list_source::ListSource;
use crate::engine::proof::replies_of;
use crate::engine::run_context::RunContext;
use crate::engine::tag_walk::{TagsFound, look_at_tags};
use crate::engine::unit::UnitRun;
use crate::error::{Error, Exit};
use crate::journal::Commit;
use crate::registry::BoundSink;
use crate::report::{AccountReport, ChangesReport, FoundList, SinkOutcome, SinkState, Verdict};
use crate::source::{CallsLeft, Source, SourceError, Unanswered};
use crate::wechat::{ApiError, Chain, Cursor, List, Page, Reading, next_midnight};

/// What was found about one list of an account.
#[derive(Debug, Default)]
pub(super) struct UnitFindings {
    pub(super) findings: Vec<Finding>,
    pub(super) list: List,
    /// The length of the list: the page's `total`, or the rows of the last list, or of the one that
    /// it rests on; `None` if there is none of them.
    pub(super) rows: Option<u64>,
    /// The sinks of the list, with the bytes per row of what each has published last; `None` for a
    /// new sink. Nothing is known of a list that cannot be checked.
    pub(super) published: Option<BTreeMap<String, Option<f64>>>,
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
    findings.into_iter().map(|finding| finding.about(&report.account, &report.list)).collect()
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
    let list = run.units[unit].list;
    let planned = match UnitRun::plan(run, unit) {
        Ok(Some(planned)) => planned,
        // The list on which others rest is complete.
        Ok(None) => return UnitFindings { list, rows: Some(0), ..UnitFindings::default() },
        // If the state cannot be used, `check` has reported that already.
        Err(_) => return UnitFindings { list, ..UnitFindings::default() },
    };
    let context = planned.context();
    let tells_all = list != List::CHANGES || context.sinks().iter().any(|sink| sink.section().baseline);
    let input = planned.last_input().filter(|_| tells_all);
    let mut checked = UnitFindings {
        list,
        findings: Vec::new(),
        rows: context.last().or(input.as_ref()).map(|list| list.rows).or((!tells_all).then_some(0)),
        published: Some(
            context.sinks().iter().map(|sink| (sink.name().to_owned(), bytes_per_row(&planned, sink))).collect(),
        ),
    };
    checked.findings.extend(planned.newest().as_ref().and_then(newest_changes));
    if list.reading() != Reading::Derived
        && let Err(error) = connect(&planned, asks_for_page, &mut checked).await
    {
        checked.findings.push(Finding::of(Check::Token, &error));
    }
    let name = &context.account().name;
    checked.findings = checked.findings.into_iter().map(|finding| finding.about(name, list.name())).collect();
    checked
}

/// Makes the finding on the changes that were told last: the next ones will probably cost as many
/// calls. `None` if `list` is not a list of changes.
fn newest_changes(list: &Snapshot) -> Option<Finding> {
    let ChangesReport { since, followed, unfollowed, holes, .. } = ChangesReport::of(list)?;
    let (date, batches) = (list.date, replies_of(list).unwrap_or(0));
    let found = match since {
        Some(since) => format!(
            "the newest changes are those of {date} since {since}: {followed} followed, {unfollowed} unfollowed, \
             holes: {holes}, batches that verified them: {batches}"
        ),
        None => format!("the changes begin with the list of {date}; the next one tells the first of them"),
    };
    Some(Finding::ok(Check::State, found))
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
    if let ListSource::Pages(source) = &source
        && asks_for_page
        && !(left.is_stated && left.calls == 0)
    {
        page = Some(first_page(source).await);
    }
    let mut tags = None;
    if let ListSource::Tags(source) = &source
        && asks_for_page
    {
        tags = Some(look_at_tags(source, unit.context().run.pipeline.tags.select.as_deref()).await);
    }
    if let Some(Ok(tags)) = &tags {
        checked.rows = Some(tags.people);
    }
    let needed = match &page {
        Some(Ok((page, _))) => {
            checked.rows = page.summary.total.or(checked.rows);
            calls_for(page)
        }
        _ if tags.is_some() => tags.as_ref().and_then(|tags| tags.as_ref().ok()).map(|tags| tags.calls()),
        _ => match unit.context().list().reading() {
            Reading::Pages { .. } | Reading::PagesOfTags | Reading::Derived => {
                unit.context().last().and_then(replies_of).map(|pages| pages + 1)
            }
            // How many will have come and left is not known before.
            Reading::Batches if unit.context().list() == List::CHANGES => unit.context().last().and_then(replies_of),
            Reading::Batches => checked.rows.map(|rows| Asked::all(rows).batches()),
        },
    };
    let tomorrow = next_midnight(unit.context().run.pipeline.clock.now());
    let what = if unit.context().list().reading() == Reading::Batches { "batches" } else { "pages" };
    let made = source.stats().calls();
    checked.findings.push(quota(left, (made, what), unanswered.as_ref(), needed, &tomorrow));
    checked.findings.extend(page.map(|page| match page {
        Ok((page, seconds)) => {
            let total = page.summary.total.map_or_else(String::new, |total| format!(" of {total}"));
            let people = unit.context().list().rows_are();
            let found = format!("the first one has {}{total} {people}, and took {seconds:.1} s", page.summary.openids);
            Finding::ok(Check::Page, found)
        }
        Err(error) => Finding::of(Check::Page, &error.into()),
    }));
    checked.findings.extend(tags.map(|tags| match tags {
        Ok(TagsFound { tags, people, .. }) => {
            Finding::ok(Check::Page, format!("tags to read: {tags}, and people in them as WeChat counts: {people}"))
        }
        Err(error) => Finding::of(Check::Page, &error),
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
/// `left` was stated; the list takes about `needed`, and `what` they are for.
fn quota(
    left: CallsLeft,
    (made, what): (u64, &str),
    unanswered: Option<&Unanswered>,
    needed: Option<u64>,
    tomorrow: &str,
) -> Finding {
    let of = left.limit.map_or_else(String::new, |limit| format!(" of {limit}"));
    let calls = left.calls.saturating_sub(made);
    let mut found = format!("{calls}{of} calls for {what} are left today");
    if let Some(Unanswered { problem, .. }) = unanswered {
        let _ = write!(found, ", as far as this state has counted; WeChat does not say ({problem})");
    } else if !left.is_stated {
        found.push_str(", as far as this state has counted; WeChat was not asked (`source.quota.check`)");
    }
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

/// Returns the bytes per row of what `sink` has published last.
fn bytes_per_row(unit: &UnitRun, sink: &BoundSink) -> Option<f64> {
    let Commit { report, .. } = unit.last_commit(sink)?;
    (report.rows > 0).then(|| report.bytes as f64 / report.rows as f64)
}
