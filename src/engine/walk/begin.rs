//! Begins a walk: its first reply gives it its date, its name and its place on disk.
//!
//! Before it: the [unit](crate::engine::unit) has chosen to begin a walk. Behind it: the walk is in
//! the state with its first page, and [`follow`](super::follow) reads the rest.
//!
//! A walk without a reply does not exist: a run whose first call fails leaves nothing that could
//! claim a date.

use super::end::Goal;
use super::follow::refused_cursor;
use super::forecast::{Earlier, Forecast};
use crate::engine::budget::{FULL_PAGE, footprint};
use crate::engine::plan::Begin;
use crate::engine::unit_context::UnitContext;
use crate::error::Error;
use crate::journal::{End, Journal, ListState};
use crate::source::{Source, SourceError};
use crate::wechat::{ApiError, Chain, Cursor};

/// Asks for the first page of a list, and begins a walk with it.
///
/// # Errors
///
/// [`SourceError`] if the calls that are left do not suffice, or there
/// is no first page; [`Error::Interrupted`] if the run is to stop. Then no walk has begun.
pub(in crate::engine) async fn begin(
    context: &UnitContext,
    source: &Source,
    state: &ListState,
    choice: Begin,
    earlier: &Earlier,
) -> Result<Journal, Error> {
    let now = || context.run.pipeline.clock.now();
    let forecast = Forecast::of_new(context.last());
    let begun = match check_calls(context, source, choice, forecast, earlier).await {
        Ok(()) => first_reply(context, source, state, choice).await,
        Err(error) => Err(error),
    };
    begun.map_err(|error| forecast.with_pages_left(error, now()))
}

/// Compares the calls that are left today with those that the walk takes.
async fn check_calls(
    context: &UnitContext,
    source: &Source,
    choice: Begin,
    forecast: Forecast,
    earlier: &Earlier,
) -> Result<(), Error> {
    let run = &context.run;
    let now = || run.pipeline.clock.now();
    if choice.is_second && earlier.day_is_over {
        return Err(forecast.refuse_second(0, earlier, now()).into());
    }
    let left = run.or_stopped(source.calls_left()).await??;
    if choice.is_second {
        forecast.check_second(left, earlier, now())?;
    } else {
        forecast.check(left, &run.pipeline.source.quota, now())?;
    }
    Ok(())
}

async fn first_reply(
    context: &UnitContext,
    source: &Source,
    state: &ListState,
    choice: Begin,
) -> Result<Journal, Error> {
    let run = &context.run;
    let mut was_short = false;
    loop {
        let _lease = run.or_stopped(context.budget().reserve(footprint(FULL_PAGE))).await?;
        let page = match run.or_stopped(source.page(&Cursor::START, &Chain::default())).await? {
            Ok(page) => page,
            Err(error) => {
                let lost = |error: &ApiError| SourceError::CursorLost {
                    cursor: Cursor::START,
                    page: 1,
                    steps_back: 0,
                    error: error.clone(),
                };
                return Err(refused_cursor(&error).map(lost).unwrap_or(error).into());
            }
        };
        let total = page.summary.total;
        context.progress().set_total(total);
        let date = choice.date_of_first(page.fetched_at)?;
        if page.summary.openids > 0 {
            let journal = state.begin(date, &page)?;
            context.progress().add_page(page.summary.openids);
            return Ok(journal);
        }
        let goal = Goal::Total { limit_percent: run.pipeline.source.max_shortfall_percent };
        if let Some(total) = goal.accepts(0, total, was_short)? {
            return Ok(state.begin_empty(date, End { total, fetched_at: page.fetched_at })?);
        }
        was_short = true;
    }
}
