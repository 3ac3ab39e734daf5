//! Begins a walk of profiles on a decided walk of followers.
//!
//! Before it: [`walk_run`](super::walk_run) has a walk that is to begin. Behind it: the walk is in
//! the state with its first reply, as [`OpenBatches`].
//!
//! The input is the newest decided walk of the date. It is pinned before the first call, so that no
//! prune removes it while the walk, or its list, exists.

use chrono::TimeDelta;

use super::batch_walk::{Input, NewBatches, begin_batches, with_batches_left};
use super::open_batches::{OpenBatches, Rank, rests_on};
use super::pinned_draft::{Drafted, pinned_draft};
use super::plan::Begin;
use super::refresh::{Binding, Copying, look};
use super::unit_context::UnitContext;
use super::walk::Earlier;
use crate::batches::Asked;
use crate::config::Verify;
use crate::error::Error;
use crate::journal::{JournalError, ListState, Plan, WalkFolder};
use crate::source::{BatchSource, SourceError};

/// An input that is older than this has many followers who have left since.
const STALE: TimeDelta = TimeDelta::hours(24);

/// Begins a walk with its first reply. Under `profiles.refresh_days` it first copies rows from
/// the list before.
///
/// # Errors
///
/// [`Error::InputMissing`] if no walk of its date is decided that it could rest on;
/// [`SourceError`] if the calls that are left do not suffice, or there is no first reply.
pub(super) async fn begin_profiles(
    context: &UnitContext,
    source: &BatchSource,
    state: &ListState,
    begin: Begin,
    earlier: &Earlier,
) -> Result<OpenBatches, Error> {
    let run = &context.run;
    if run.stop.is_cancelled() {
        return Err(Error::Interrupted);
    }
    // The input may be missing for the same reason, which says more.
    source.check_platform().await?;
    let new = New { context, source, state, begin, earlier };
    let mut bound_anew = false;
    if let Some((base, days)) = new.base()? {
        match Box::pin(new.refresh(base, days)).await? {
            Refreshed::Begun(batches) => return Ok(*batches),
            Refreshed::BoundAnew => bound_anew = true,
            Refreshed::Unusable => {}
        }
    }
    let Drafted { draft, folder, plan } = new.draft(None, bound_anew)?;
    let asked = Asked::all(plan.input.rows);
    new.rank().check(context, source, asked.batches()).await?;
    let input = Input::open(&folder, &plan.input, &run.stop).await?;
    let new = NewBatches { context, source, input: &input, asked: &asked };
    Ok(OpenBatches::new(begin_batches(new, draft).await?, input))
}

/// A walk that is to begin.
#[derive(Clone, Copy)]
struct New<'a> {
    context: &'a UnitContext,
    source: &'a BatchSource,
    state: &'a ListState,
    begin: Begin,
    earlier: &'a Earlier,
}

/// What came of a walk that was to copy rows.
enum Refreshed {
    /// It has begun.
    Begun(Box<OpenBatches>),
    /// The account is bound to another Open Platform account than in the list before.
    BoundAnew,
    /// Nothing can be copied from the list before, for another reason.
    Unusable,
}

impl New<'_> {
    /// Returns the list from which rows are to be copied, and `profiles.refresh_days`: the newest
    /// decided one. `--fresh` asks for everybody.
    ///
    /// The number is no part of the identity of the list, because a row says itself when it was
    /// fetched: whoever changes the number goes on with the list that there is. Under
    /// `profiles.verify = "twice"` only a list that was asked for twice is copied from.
    fn base(self) -> Result<Option<(WalkFolder, u32)>, Error> {
        let Some(days) = self.refresh_days() else { return Ok(None) };
        let newest = self.state.walks()?.into_iter().rev().find(|walk| walk.decision().is_some());
        // Rows of a list that asked once are not proved by asking the others twice.
        let verify = self.context.run.pipeline.profiles.verify;
        let is_proved = |base: &WalkFolder| {
            verify == Verify::Seams || base.header().plan.as_ref().is_some_and(|plan| plan.verify == verify)
        };
        Ok(newest.filter(is_proved).map(|base| (base, days)))
    }

    fn rank(&self) -> Rank<'_> {
        Rank { is_second: self.begin.is_second, earlier: self.earlier }
    }

    fn refresh_days(self) -> Option<u32> {
        let run = &self.context.run;
        run.pipeline.profiles.refresh_days.filter(|_| !run.options.fresh)
    }

    /// Begins a walk into which rows of `base` are copied.
    async fn refresh(self, base: WalkFolder, days: u32) -> Result<Refreshed, Error> {
        let Self { context, source, begin, earlier, .. } = self;
        if begin.is_second && earlier.day_is_over {
            // Which rows are copied takes long to find out, and would be found out for nothing.
            let at = context.run.pipeline.clock.now();
            return Err(SourceError::NotBegun { calls_left: 0, calls_needed: None, at }.into());
        }
        let stop = &context.run.stop;
        let Drafted { draft, folder, plan } = self.draft(Some(&base), false)?;
        let input = Input::open(&folder, &plan.input, stop).await?;
        let list = match OpenBatches::open(context, &base).await {
            Ok(batches) => batches.into_profiles(None).map_err(Error::from),
            Err(error) => Err(error),
        };
        let (input, copying) = match list {
            Ok(list) => Copying::plan(list, input, (days, plan.made_at), stop).await,
            Err(error) => (input, Err(error)),
        };
        let copying = match copying {
            Ok(copying) => copying,
            Err(error @ (Error::Journal(JournalError::Damaged { .. }) | Error::Changed { .. })) => {
                let walk = base.header().walk.to_string();
                tracing::warn!(walk, error = error.chain(), "the list before cannot be read; everybody is asked for");
                return Ok(Refreshed::Unusable);
            }
            Err(error) => return Err(error),
        };
        let batches = Asked::all(plan.input.rows - copying.copied()).batches();
        self.rank().check(context, source, batches).await?;
        let binding = context.run.or_stopped(look(source, &input, &copying)).await?;
        let now = context.run.pipeline.clock.now();
        match binding.map_err(|error| with_batches_left(error, 0, batches, now))? {
            Binding::Same => {}
            Binding::New => {
                tracing::warn!(
                    "the unionids are not those of the list before: the account is bound to another Open Platform \
                     account, and everybody is asked for"
                );
                return Ok(Refreshed::BoundAnew);
            }
            Binding::Unknown => {
                tracing::warn!("WeChat does not tell about rows of the list before; everybody is asked for");
                return Ok(Refreshed::Unusable);
            }
        }
        let (input, draft, asked) = copying.copy(input, draft, stop).await?;
        let copied = plan.input.rows - asked.len();
        tracing::info!(copied, asked = asked.len(), days, "profiles were copied from the list before");
        let new = NewBatches { context, source, input: &input, asked: &asked };
        Ok(Refreshed::Begun(Box::new(OpenBatches::new(begin_batches(new, draft).await?, input))))
    }

    /// Drafts a walk that rests on the newest decided walk of its date, and pins that one.
    fn draft(self, base: Option<&WalkFolder>, bound_anew: bool) -> Result<Drafted, Error> {
        let pipeline = &self.context.run.pipeline;
        let now = pipeline.clock.now();
        let drafted = pinned_draft(self.context, self.state, self.begin, |_, input| {
            Ok(Plan {
                input: rests_on(input),
                base: base.and_then(WalkFolder::decision).map(|decision| rests_on(&decision.snapshot)),
                refresh_days: self.refresh_days(),
                bound_anew,
                own: None,
                changes: None,
                verify: pipeline.profiles.verify,
                made_at: now,
            })
        })?;
        let input = drafted.folder.decision().map(|decision| &decision.snapshot);
        let age = input.map_or(TimeDelta::zero(), |input| now - input.last_fetched_at.unwrap_or(input.begun_at));
        if age > STALE {
            let hours = age.num_hours();
            tracing::warn!(hours, "the followers were read long ago; more of them have left since");
        }
        Ok(drafted)
    }
}
