//! Begins a walk of changes.
//!
//! Before it: [`walk_run`](crate::engine::walk_run) has a walk that is to begin. Behind it: the
//! walk is in the state with its first reply, or with its end if nobody is to be asked.
//!
//! Which lists are compared is chosen now, when the followers of this run have been read. What has
//! changed is looked at before anything is written.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use fanout_sink::WalkId;
use tokio_util::sync::CancellationToken;

use super::base::Base;
use super::chain::{AllCarried, Chain, carried, plan};
use super::draft::{Followers, add_delta, add_held, blocking, draft};
use crate::batches::Asked;
use crate::changes::{ChainEnd, FollowersWalk, Step, check_prefix, check_share, next};
use crate::engine::batch_walk::{Input, NewBatches, begin_batches};
use crate::engine::difference::{Difference, OpenidPass as _};
use crate::engine::open_batches::{OpenBatches, Rank, input_dates, rests_on};
use crate::engine::plan::Begin;
use crate::engine::proof::{FollowerProof, Proof};
use crate::engine::unit_context::UnitContext;
use crate::engine::walk::Earlier;
use crate::error::{Error, Exit};
use crate::journal::{BatchDraft, ChangePlan, Gap, JournalError, ListState, OwnElements, Pin, WalkFolder};
use crate::registry::BoundSink;
use crate::source::BatchSource;

/// How often lists are compared of which one is removed before it is pinned.
const TRIES: u32 = 5;

/// A walk that is to begin.
#[derive(Clone, Copy)]
struct New<'a> {
    context: &'a UnitContext,
    source: &'a BatchSource,
    state: &'a ListState,
    rank: Rank<'a>,
}

/// Begins the changes of a date: the delta behind the end of the chain, or the chain itself.
///
/// # Errors
///
/// [`Error::InputMissing`] if no list of the date is decided, or earlier changes are not;
/// [`Error::Implausible`] if too much has changed, [`Error::ChainBroken`] or
/// [`Error::ChainUnreadable`] if the list before is gone or damaged, and `--accept-change` does not
/// let them pass; [`Error::BaselineTooLate`] if a sink that
/// has received changes asks for everybody now; those of [`begin_batches`].
pub(in crate::engine) async fn begin_changes(
    context: &UnitContext,
    source: &BatchSource,
    state: &ListState,
    begin: Begin,
    earlier: &Earlier,
) -> Result<OpenBatches, Error> {
    let new = New { context, source, state, rank: Rank { is_second: begin.is_second, earlier } };
    new.check().await?;
    let mut tries = 0;
    loop {
        tries += 1;
        match Box::pin(new.of_date(begin)).await {
            Err(Error::Journal(JournalError::Gone { .. })) if tries < TRIES => {
                tracing::debug!("a walk was removed before it was pinned");
            }
            result => return result,
        }
    }
}

/// Begins a walk that tells who follows at the end of the chain, to the sinks that were added.
///
/// # Errors
///
/// As [`begin_changes`].
pub(in crate::engine) async fn begin_baseline(
    context: &UnitContext,
    source: &BatchSource,
    state: &ListState,
    earlier: &Earlier,
) -> Result<OpenBatches, Error> {
    let new = New { context, source, state, rank: Rank { is_second: false, earlier } };
    new.check().await?;
    let chain = new.chain()?;
    let late = chain.late(context.sinks(), None);
    let to = chain.end().and_then(|end| Some(end.header().plan.as_ref()?.input.walk));
    let (Some(end), Some(to)) = (chain.end(), to) else {
        let date = context.run.options.date_or_today(context.run.pipeline.clock.now());
        return Err(new.missing(date));
    };
    let held = carried(context, end).await?;
    new.baseline(to, Some(end), late, Some(held)).await
}

impl New<'_> {
    /// Checks that a walk may begin at all.
    async fn check(self) -> Result<(), Error> {
        let run = &self.context.run;
        if run.stop.is_cancelled() {
            return Err(Error::Interrupted);
        }
        if run.pipeline.changes.verify {
            // The followers may be missing for the same reason, which says more.
            self.source.check_platform().await?;
        }
        Ok(())
    }

    /// Reads the chain, of which nothing is under way then.
    fn chain(self) -> Result<Chain, Error> {
        let chain = Chain::read(self.state)?;
        for walk in chain.stale() {
            walk.give_up("the changes have gone on without it")?;
        }
        match chain.open() {
            None => Ok(chain),
            Some(open) if self.context.run.options.fresh => {
                open.give_up("it was begun anew by `--fresh`")?;
                Ok(Chain::read(self.state)?)
            }
            Some(open) => Err(self.missing(open.header().date)),
        }
    }

    /// Makes the error of a walk behind changes that are not complete.
    fn missing(self, date: NaiveDate) -> Error {
        Error::InputMissing { list: self.context.list(), date, exit: Exit::Later }
    }

    async fn of_date(self, begin: Begin) -> Result<OpenBatches, Error> {
        let (chain, accepts) = (self.chain()?, self.context.run.options.accept_change);
        let late = chain.late(self.context.sinks(), None);
        match self.step(&chain, begin)? {
            Step::EndIsGone { from, .. } if !accepts => Err(Error::ChainBroken { walk: from.to_string() }),
            Step::Baseline { to } => self.anew(None, to).await,
            Step::EndIsGone { to, .. } => self.anew(chain.end(), to).await,
            Step::Delta { from, to } => {
                let owed = self.context.sinks().iter().filter(|sink| !sink.is_one_shot());
                let names = owed.map(|sink| sink.name().to_owned());
                let sinks = names.filter(|name| !late.contains(name)).collect();
                let end = chain.end().expect("a delta goes on from the end of the chain");
                chain.check_baselines(self.context.sinks())?;
                for sink in chain.elsewhere(self.context)? {
                    tracing::warn!(
                        sink,
                        "the options of the sink are not those with which it received the changes before; if it writes to \
                         another place now, only what changes from here on comes there; a sink of another name begins anew"
                    );
                }
                let mut away = chain.away(self.context.sinks());
                // Those that ask for everybody are told everybody before.
                let is_back = |sink: &&BoundSink| !sink.section().baseline;
                let back = self.context.sinks().iter().filter(is_back).map(BoundSink::name);
                let gaps: BTreeMap<String, Gap> = back.filter_map(|name| away.remove_entry(name)).collect();
                for (sink, Gap { from_walk, from_date }) in &gaps {
                    tracing::warn!(
                        sink,
                        from = %from_walk,
                        from_date = from_date.to_string(),
                        to = %from,
                        to_date = end.header().date.to_string(),
                        "the sink was away, and is not told what has changed between these two lists; with \
                         `baseline = true` it is told everybody instead"
                    );
                }
                match self.delta(end, (from, to), sinks, (gaps, away)).await {
                    Err(error) if self.is_of_end(&error, end, from)? => {
                        if !accepts {
                            return Err(Error::ChainUnreadable { walk: from.to_string(), error: Box::new(error) });
                        }
                        tracing::warn!(error = error.chain(), "the changes cannot go on from the last ones");
                        self.anew(Some(end), to).await
                    }
                    result => result,
                }
            }
            Step::Nothing | Step::NoList => unreachable!("they are errors"),
        }
    }

    /// Begins the chain, or begins it anew behind an `end` from which it cannot go on.
    async fn anew(self, end: Option<&WalkFolder>, to: WalkId) -> Result<OpenBatches, Error> {
        let with_everybody = self.context.sinks().iter().filter(|sink| sink.section().baseline);
        let sinks = with_everybody.map(|sink| sink.name().to_owned()).collect();
        if let Some(end) = end {
            tracing::warn!(
                walk = end.header().walk.to_string(),
                "the list at which the last changes end cannot be compared any more; what has changed since is not told"
            );
        }
        self.baseline(to, end, sinks, None).await
    }

    /// Returns whether an error is that the end of the chain, or the list at which it ends, can no
    /// longer be read, or is another one than it was.
    fn is_of_end(self, error: &Error, end: &WalkFolder, from: WalkId) -> Result<bool, JournalError> {
        let path = match error {
            Error::Changed { walk, .. } => return Ok(*walk == from.to_string()),
            Error::Journal(
                JournalError::Damaged { path, .. } | JournalError::Record { path, .. } | JournalError::Io { path, .. },
            ) => path,
            _ => return Ok(false),
        };
        let walks = self.context.input().walks()?;
        let list = walks.iter().find(|folder| folder.header().walk == from);
        Ok(path.starts_with(end.path()) || list.is_some_and(|list| path.starts_with(list.path())))
    }

    /// Chooses the lists that are compared. The date is that of `--date`, else the newest that this
    /// run has read or found and whose list is complete.
    fn step(self, chain: &Chain, begin: Begin) -> Result<Step, Error> {
        let walks: Vec<FollowersWalk> = self.context.input().walks()?.iter().map(followers_walk).collect();
        let end = chain.end().and_then(|end| {
            let header = end.header();
            Some(ChainEnd { date: header.date, to: header.plan.as_ref()?.input.walk })
        });
        let (dates, exit) = input_dates(self.context, begin);
        let mut failed = None;
        for date in dates {
            match (next(end, &walks, date), end) {
                (Step::NoList, _) => {
                    let list = self.context.input_list();
                    failed.get_or_insert(Error::InputMissing { list, date, exit });
                }
                (Step::Nothing, Some(ChainEnd { date: end, .. })) => {
                    failed.get_or_insert(Error::ChainBeyond { date, end });
                }
                (step, _) => return Ok(step),
            }
        }
        Err(failed.expect("there is at least one date"))
    }

    fn followers(self, walk: WalkId) -> Result<Followers, Error> {
        let mut walks = self.context.input().walks()?.into_iter();
        let found = walks.find(|folder| folder.header().walk == walk);
        let decided = found.and_then(|folder| Some((folder.decision()?.snapshot.clone(), folder)));
        decided
            .map(|(snapshot, folder)| Followers { folder, snapshot })
            .ok_or_else(|| Error::ChainBroken { walk: walk.to_string() })
    }

    /// Begins a walk that tells who follows, to `sinks`; if there are none, it tells nothing.
    async fn baseline(
        self,
        to: WalkId,
        after: Option<&WalkFolder>,
        sinks: Vec<String>,
        held: Option<AllCarried>,
    ) -> Result<OpenBatches, Error> {
        let (stop, to) = (&self.context.run.stop, self.followers(to)?);
        let seen = to.seen();
        let mut told_everybody = after.map_or_else(|| Some(Vec::new()), |after| plan(after)?.told_everybody.clone());
        if let Some(told) = &mut told_everybody {
            told.extend(sinks.iter().filter(|sink| !told.contains(sink)).cloned().collect::<Vec<_>>());
        }
        let mut away = after.and_then(plan).map_or_else(BTreeMap::new, |plan| plan.away.clone());
        away.retain(|name, _| !sinks.contains(name));
        let changes = ChangePlan {
            from: None,
            from_date: None,
            after: after.map(|after| after.header().walk),
            base_read: (seen.earliest, seen.latest),
            read_until: seen.latest,
            totals: None,
            sinks,
            told_everybody,
            gaps: BTreeMap::new(),
            away,
        };
        let tells_everybody = changes.tells_everybody();
        let count = held.as_ref().map_or(0, |held| held.people.len() as u64);
        let own = OwnElements { count, are_asked: false };
        let mut draft = draft(self.context, self.state, &to, changes, own)?;
        if let Some(after) = after {
            // Its decision says for which sinks the chain has begun.
            after.pin(&Pin { list: self.context.list().name().to_owned(), walk: draft.walk() })?;
        }
        if let Some(held) = held {
            add_held(&mut draft, held)?;
        }
        let everybody =
            if tells_everybody { Some(Input::open(&to.folder, &rests_on(&to.snapshot), stop).await?) } else { None };
        Ok(self.begin(draft, 0).await?.with_everybody(everybody))
    }

    /// Begins a walk that tells what has changed from the list `from` to the list `to`.
    async fn delta(
        self,
        end: &WalkFolder,
        (from, to): (WalkId, WalkId),
        sinks: Vec<String>,
        (gaps, away): (BTreeMap<String, Gap>, BTreeMap<String, Gap>),
    ) -> Result<OpenBatches, Error> {
        let (run, from, to) = (&self.context.run, self.followers(from)?, self.followers(to)?);
        let base = Base {
            list: Input::open(&from.folder, &rests_on(&from.snapshot), &run.stop).await?,
            carried: carried(self.context, end).await?,
        };
        let newer = Input::open(&to.folder, &rests_on(&to.snapshot), &run.stop).await?;
        if !run.options.accept_change {
            check_prefix(base.list.prefix(), newer.prefix())?;
        }
        let (base, newer, difference) = compare(base, newer, &to, run.stop.clone()).await?;
        let counted = Counted::of(&base, &difference);
        if !run.options.accept_change {
            let (rows, newer_rows) = (base.list.rows(), newer.rows());
            let most = run.pipeline.changes.max_change_percent;
            check_share(counted.joined, counted.missing - counted.carried, rows, newer_rows, most)?;
        }
        let Counted { joined, missing, carried } = counted;
        tracing::info!(joined, missing, carried, from = %from.snapshot.walk, "two lists were compared");
        let are_asked = run.pipeline.changes.verify;
        let controls = if are_asked && joined + missing > 0 { difference.controls() } else { Vec::new() };
        let own = OwnElements { count: controls.len() as u64 + joined + missing, are_asked };
        let total = |followers: &Followers| FollowerProof::of(&followers.snapshot).map(|proof| proof.total);
        let changes = ChangePlan {
            from: Some(rests_on(&from.snapshot)),
            from_date: Some(from.snapshot.date),
            after: Some(end.header().walk),
            base_read: (from.seen().earliest, from.seen().latest),
            read_until: to.seen().latest,
            totals: total(&from).zip(total(&to)),
            sinks,
            told_everybody: plan(end).and_then(|plan| plan.told_everybody.clone()),
            gaps,
            away,
        };
        let mut draft = draft(self.context, self.state, &to, changes, own)?;
        let draft = blocking(move || {
            add_delta(&mut draft, &base, &newer, &difference, &controls)?;
            Ok(draft)
        });
        self.begin(draft.await?, if are_asked { own.count } else { 0 }).await
    }

    /// Begins the walk of `draft`, which asks about so many elements.
    async fn begin(self, draft: BatchDraft, asked: u64) -> Result<OpenBatches, Error> {
        let (context, source) = (self.context, self.source);
        let (input, asked) = (Input::own(draft.elements())?, Asked::all(asked));
        if !asked.is_empty() {
            self.rank.check(context, source, asked.batches()).await?;
        }
        let new = NewBatches { context, source, input: &input, asked: &asked };
        Ok(OpenBatches::new(begin_batches(new, draft).await?, input))
    }
}

/// How many people a difference has.
struct Counted {
    joined: u64,
    missing: u64,
    /// Those of `missing` whom the chain carries.
    carried: u64,
}

impl Counted {
    fn of(base: &Base, difference: &Difference) -> Self {
        let of_list = base.list.rows();
        let carried =
            (of_list..base.rows()).filter(|&position| difference.missing().is_marked(position)).count() as u64;
        Self { joined: difference.joined().marked_count(), missing: difference.missing().marked_count(), carried }
    }
}

/// Compares two lists. Temporary files lie in the folder of the newer one.
async fn compare(
    base: Base,
    newer: Input,
    to: &Followers,
    stop: CancellationToken,
) -> Result<(Base, Input, Difference), Error> {
    let folder = to.folder.path().to_owned();
    blocking(move || {
        let difference = Difference::of(&base, &newer, &folder, &stop)?;
        Ok((base, newer, difference))
    })
    .await
}

fn followers_walk(folder: &WalkFolder) -> FollowersWalk {
    let header = folder.header();
    FollowersWalk { walk: header.walk, date: header.date, is_decided: folder.decision().is_some() }
}
