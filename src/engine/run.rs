//! A run: every account of a pipeline file, once.

use std::cmp::Reverse;
use std::sync::{Arc, OnceLock};

use chrono::Utc;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use super::account::{AccountRun, Refusal};
use super::account_tokens::AccountTokens;
use super::budget::{self, Budget};
use super::deliver::footprint;
use super::progress::Progress;
use super::run_context::{RunContext, Unit};
use super::run_options::RunOptions;
use super::slots::Slots;
use crate::config::{ConfigErrors, Pipeline};
use crate::error::Error;
use crate::journal::RunReports;
use crate::registry::{BoundSink, SinkRegistry};
use crate::report::{AccountReport, RunReport};
use crate::rows::row_schema;
use crate::source::{Client, SourceError};
use crate::wechat::List;

/// Bytes that the engine itself needs for a delivery, beside its pages: the count of distinct followers.
const ENGINE_MEMORY: u64 = 6 << 20;

/// Binds the sinks of a pipeline file, and holds their memory against `limits.memory`.
///
/// # Errors
///
/// Everything that is wrong with the file, sink by sink.
pub fn bind(pipeline: &Pipeline, registry: &SinkRegistry) -> Result<Vec<BoundSink>, ConfigErrors> {
    let sinks = registry.bind_all(pipeline, row_schema)?;
    page_budget(pipeline, &sinks)?;
    Ok(sinks)
}

/// Returns the bytes that are left for the accounts to share once each has a page of its own, and the sinks of those that
/// are delivered at the same time have what they declare.
fn page_budget(pipeline: &Pipeline, sinks: &[BoundSink]) -> Result<u64, ConfigErrors> {
    let limits = &pipeline.limits;
    let lists = pipeline.lists();
    let accounts = limits.accounts.min(pipeline.accounts.len() * lists.len());
    let deliveries = Slots::most(limits, accounts);
    // A delivery is of one list, and opens the sinks that take it.
    let sinks_of = |list| sinks.iter().filter(move |sink| sink.section().list == list);
    let sinks = lists.iter().map(|&list| sinks_of(list).map(BoundSink::memory).sum()).max().unwrap_or(0_u64);
    let page = footprint(pipeline.source.max_reply_bytes);
    let pages = accounts as u64 * budget::OWN;
    let fixed = (deliveries as u64).saturating_mul(sinks.saturating_add(ENGINE_MEMORY)).saturating_add(pages);
    match limits.memory.checked_sub(fixed) {
        Some(rest) if rest >= page => Ok(rest),
        _ => {
            let mib = |bytes: u64| bytes.div_ceil(1 << 20);
            let message = format!(
                "found {} MiB, expected at least {} MiB: {deliveries} deliveries at once, each with {} MiB for its sinks and {} \
                 MiB for the count of its followers, {} MiB for pages of {accounts} accounts, and a reply of up to {} MiB; lower \
                 `limits.deliveries` or `limits.accounts`, or raise this",
                mib(limits.memory),
                mib(fixed.saturating_add(page)),
                mib(sinks),
                mib(ENGINE_MEMORY),
                mib(pages),
                mib(page),
            );
            Err(pipeline.problem("limits.memory", message).into())
        }
    }
}

/// Finds out what would keep a run from its end, without any API call; changes nothing but the state folders that it
/// creates.
///
/// # Errors
///
/// [`ConfigErrors`] for what is wrong with the pipeline file. The reports say what stands in the way of each account.
pub async fn check(pipeline: Pipeline, registry: &SinkRegistry, options: RunOptions) -> Result<RunReport, Error> {
    let begun_at = Utc::now();
    let progress = Arc::new(Progress::new(&pipeline));
    let planned = Planned::new(pipeline, registry, options, progress, CancellationToken::new()).await?;
    let reports = planned.accounts.into_iter().map(|account| match account {
        Ok(account) => account.preview(),
        Err(report) => *report,
    });
    Ok(RunReport::new(&planned.run.pipeline, begun_at, reports.collect()))
}

/// Runs every account of `pipeline`, several at once, and reports on all of them.
///
/// `stop` ends the walks between two pages; what they have is kept, and the next run goes on from it.
///
/// # Errors
///
/// [`Error`] for what is found before the first API call and concerns every account; the reports have the rest.
pub async fn run(
    pipeline: Pipeline,
    registry: &SinkRegistry,
    options: RunOptions,
    progress: Arc<Progress>,
    stop: CancellationToken,
) -> Result<RunReport, Error> {
    let begun_at = Utc::now();
    let planned = Planned::new(pipeline, registry, options, progress, stop).await?;
    let places = Arc::new(Semaphore::new(planned.run.pipeline.limits.accounts));
    let mut reports: Vec<Option<AccountReport>> = Vec::new();
    let mut waiting = Vec::new();
    for (index, account) in planned.accounts.into_iter().enumerate() {
        match account {
            Err(report) => reports.push(Some(*report)),
            Ok(account) => {
                reports.push(None);
                waiting.push((index, account));
            }
        }
    }
    // Longest first: a long list that begins last is what everybody waits for in the end.
    waiting.sort_by_key(|(_, account)| Reverse(account.expected_calls()));
    let mut running = JoinSet::new();
    for (index, account) in waiting {
        let place = Arc::clone(&places).acquire_owned().await;
        let context = account.context();
        let span = tracing::info_span!("account", account = context.account().name, list = context.list().name());
        let work = async move {
            let _place = place;
            (index, account.run().await)
        };
        running.spawn(work.instrument(span));
    }
    while let Some(finished) = running.join_next().await {
        match finished {
            Ok((index, report)) => reports[index] = Some(report),
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        }
    }
    let pipeline = &planned.run.pipeline;
    let report = RunReport::new(pipeline, begun_at, reports.into_iter().flatten().collect());
    Ok(report.record(&RunReports::new(&pipeline.journal.path)))
}

/// Makes what the accounts of a run share: the budget, the connections, and what the pipeline file says.
pub(super) fn share(
    pipeline: Pipeline,
    sinks: &[BoundSink],
    options: RunOptions,
    progress: Arc<Progress>,
    stop: CancellationToken,
) -> Result<Arc<RunContext>, Error> {
    let budget = Budget::new(page_budget(&pipeline, sinks)?);
    let sinks_of = |list| sinks.iter().filter(|sink| sink.section().list == list).cloned().collect();
    let lists: Vec<(List, Arc<[BoundSink]>)> =
        pipeline.lists().into_iter().map(|list| (list, sinks_of(list))).collect();
    let units_of =
        |account| lists.iter().map(move |(list, sinks)| Unit { account, list: *list, sinks: Arc::clone(sinks) });
    let units = (0..pipeline.accounts.len()).flat_map(units_of).collect();
    let client = Client::new(&pipeline.source, &pipeline.limits).map_err(|error| match error {
        SourceError::CaFile { .. } => ConfigErrors::from(pipeline.problem("source.ca_file", error.to_string())).into(),
        error => Error::from(error),
    })?;
    let account_names = pipeline.account_names.as_slice().into();
    let slots = Slots::new(&pipeline.limits);
    let failed_first = OnceLock::new();
    let tokens = pipeline.accounts.iter().map(|_| AccountTokens::default()).collect();
    Ok(Arc::new(RunContext {
        pipeline,
        units,
        tokens,
        account_names,
        client,
        budget,
        slots,
        progress,
        stop,
        options,
        failed_first,
    }))
}

/// A run in which everything is checked and no API call was made.
struct Planned {
    run: Arc<RunContext>,
    /// One for each unit; for some there is already nothing but a report of what failed.
    accounts: Vec<Result<AccountRun, Box<AccountReport>>>,
}

impl Planned {
    async fn new(
        pipeline: Pipeline,
        registry: &SinkRegistry,
        options: RunOptions,
        progress: Arc<Progress>,
        stop: CancellationToken,
    ) -> Result<Self, Error> {
        let sinks = bind(&pipeline, registry)?;
        let run = share(pipeline, &sinks, options, progress, stop)?;
        let mut accounts = Vec::new();
        for unit in 0..run.units.len() {
            accounts.push(match Self::account(&run, unit).await {
                Ok(account) => Ok(account),
                Err(Refusal::Pipeline(errors)) => return Err(errors.into()),
                Err(Refusal::Account(error)) => Err(refused(&run, unit, &error)),
            });
        }
        Ok(Self { run, accounts })
    }

    async fn account(run: &Arc<RunContext>, unit: usize) -> Result<AccountRun, Refusal> {
        let account = AccountRun::plan(run, unit)?;
        account.check().await?;
        Ok(account)
    }
}

/// Reports that a list fails before its first call.
fn refused(run: &RunContext, unit: usize, error: &Error) -> Box<AccountReport> {
    let mut report = run.report(unit);
    report.fail(error);
    run.progress.units()[unit].finish(&report);
    run.note(&report);
    Box::new(report)
}
