//! Chooses the rows that are copied into a new walk, and copies them.
//!
//! Before it: the [base](super::base), and the input of the new walk. Behind it: the draft of the
//! walk has the rows, in the shape of a reply, and the rest is asked for.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use tokio_util::sync::CancellationToken;

use super::ages::{Ages, Selection};
use super::base::{Base, Rows};
use super::join::{Join, Match, Matches};
use super::place::Place;
use crate::batches::{Asked, Bitmap, NEW};
use crate::engine::batch_walk::Input;
use crate::engine::deliver::ProfileList;
use crate::error::Error;
use crate::journal::{BatchDraft, CopiedRows, JournalError};
use crate::wechat::{read_profile, read_profiles};

/// Rows of a frame of copied rows.
const FRAME: usize = 400;

/// OpenIDs of the input that are read at once.
const READ: u64 = 1_000;

/// Rows that are to be copied into a new walk.
#[derive(Debug)]
pub(in crate::engine) struct Copying {
    base: Base,
    matches: Matches,
    selection: Selection,
    copied: u64,
    known: Vec<Known>,
}

/// What the base says of a follower whose row is to be copied.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) position: u64,
    pub(super) unionid: Option<String>,
}

/// A unionid is personal data.
impl fmt::Debug for Known {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Known").field("position", &self.position).finish_non_exhaustive()
    }
}

impl Copying {
    /// Chooses the rows of the decided `list` that are copied into a walk of `input` that was
    /// planned at `made_at`, with `profiles.refresh_days` = `days`. Gives the input back.
    ///
    /// # Errors
    ///
    /// [`JournalError`] if the list cannot be read, or a temporary file cannot be used;
    /// [`Error::Interrupted`] if `stop` is cancelled.
    pub(in crate::engine) async fn plan(
        list: Arc<ProfileList>,
        input: Input,
        (days, made_at): (u32, DateTime<Utc>),
        stop: &CancellationToken,
    ) -> (Input, Result<Self, Error>) {
        let base = match Base::new(list, stop).await {
            Ok(base) => base,
            Err(error) => return (input, Err(error)),
        };
        let stop = stop.clone();
        blocking(move || {
            let chosen = Self::choose(base, &input, days, made_at, &stop);
            (input, chosen)
        })
        .await
    }

    fn choose(
        base: Base,
        input: &Input,
        days: u32,
        made_at: DateTime<Utc>,
        stop: &CancellationToken,
    ) -> Result<Self, Error> {
        let mut join = Join::new(base.folder(), input.rows(), base.rows())?;
        base.each_follower(stop, &mut |openid, fetched_at, place| join.add_base(openid, fetched_at, place))?;
        for first in (0..input.rows()).step_by(READ as usize) {
            if stop.is_cancelled() {
                return Err(Error::Interrupted);
            }
            let positions: Vec<u64> = (first..input.rows().min(first + READ)).collect();
            let openids = input.openids(&positions)?;
            for (place, position) in positions.into_iter().enumerate() {
                join.add_input(position, openids.get(place))?;
            }
        }
        let mut ages = Ages::default();
        let matches = join.finish(|fetched_at| ages.add(fetched_at))?;
        let selection = ages.select(days, made_at);
        let (mut pass, mut copied) = (selection, 0);
        let mut oldest: BTreeMap<(i64, u64), Place> = BTreeMap::new();
        matches.each(|Match { position, fetched_at, place }| {
            if pass.is_copied(fetched_at) {
                copied += 1;
                oldest.insert((fetched_at, position), place);
                if oldest.len() > NEW {
                    oldest.pop_last();
                }
            }
            Ok::<_, JournalError>(())
        })?;
        let mut oldest: Vec<(u64, Place)> =
            oldest.into_iter().map(|((_, position), place)| (position, place)).collect();
        oldest.sort_unstable_by_key(|(position, _)| *position);
        let known = known(&base, input, &oldest)?;
        Ok(Self { base, matches, selection, copied, known })
    }

    /// Returns how many rows are copied.
    pub(in crate::engine) fn copied(&self) -> u64 {
        self.copied
    }

    /// Returns what the base says of the oldest of these rows, in the order of their positions: at
    /// most as many as a batch has.
    pub(super) fn known(&self) -> &[Known] {
        &self.known
    }

    /// Copies the rows into the draft. Gives the input back, and what is to be asked for.
    ///
    /// # Errors
    ///
    /// [`JournalError`] if a row cannot be read or written; [`Error::Interrupted`] if `stop` is
    /// cancelled.
    pub(in crate::engine) async fn copy(
        self,
        input: Input,
        mut draft: BatchDraft,
        stop: &CancellationToken,
    ) -> Result<(Input, BatchDraft, Asked), Error> {
        let stop = stop.clone();
        blocking(move || {
            let asked = self.copy_into(&input, &mut draft, &stop)?;
            Ok((input, draft, asked))
        })
        .await
    }

    fn copy_into(&self, input: &Input, draft: &mut BatchDraft, stop: &CancellationToken) -> Result<Asked, Error> {
        let mut writer =
            Writer { input, draft, rows: self.base.reader(), group: Vec::new(), copied: Bitmap::new(input.rows()) };
        let mut pass = self.selection;
        self.matches.each(|found| {
            if pass.is_copied(found.fetched_at) {
                writer.group.push(found);
            }
            if writer.group.len() == FRAME {
                if stop.is_cancelled() {
                    return Err(Error::Interrupted);
                }
                writer.flush()?;
            }
            Ok(())
        })?;
        writer.flush()?;
        Ok(Asked::without(writer.copied))
    }
}

/// Reads what the base says of some followers.
fn known(base: &Base, input: &Input, rows: &[(u64, Place)]) -> Result<Vec<Known>, JournalError> {
    let positions: Vec<u64> = rows.iter().map(|(position, _)| *position).collect();
    let openids = input.openids(&positions)?;
    let mut reader = base.reader();
    let mut known = Vec::with_capacity(rows.len());
    for (number, &(position, place)) in rows.iter().enumerate() {
        let row = read_profile(reader.row(place, openids.get(number))?.as_bytes()).unwrap_or_default();
        let unionid = row.rows.first().and_then(|profile| profile.unionid.as_deref().map(str::to_owned));
        known.push(Known { position, unionid });
    }
    Ok(known)
}

/// Writes frames of copied rows.
struct Writer<'a> {
    input: &'a Input,
    draft: &'a mut BatchDraft,
    rows: Rows<'a>,
    /// The rows of the next frame.
    group: Vec<Match>,
    /// The positions that were copied.
    copied: Bitmap,
}

impl Writer<'_> {
    /// Writes the next frame, unless it has no row.
    fn flush(&mut self) -> Result<(), JournalError> {
        let group = std::mem::take(&mut self.group);
        let positions: Vec<u64> = group.iter().map(|found| found.position).collect();
        let openids = self.input.openids(&positions)?;
        let mut rows = Vec::with_capacity(group.len());
        for (number, found) in group.iter().enumerate() {
            let row = self.rows.row(found.place, openids.get(number))?.to_owned();
            rows.push((found, openids.get(number), row));
        }
        let body = |rows: &[(&Match, &str, String)]| {
            let rows: Vec<&str> = rows.iter().map(|(_, _, row)| row.as_str()).collect();
            format!(r#"{{"user_info_list":[{}]}}"#, rows.join(","))
        };
        let reads_back = |rows: &[(&Match, &str, String)]| {
            let read = read_profiles(body(rows).as_bytes()).map(|reply| {
                reply.rows.len() == rows.len() && reply.rows.iter().zip(rows).all(|(read, row)| read.openid == row.1)
            });
            read.unwrap_or(false)
        };
        if !reads_back(&rows) {
            // A row that is not itself beside others is asked for.
            rows.retain(|row| reads_back(&[(row.0, row.1, row.2.clone())]));
        }
        if rows.is_empty() {
            return Ok(());
        }
        let time = |micros| DateTime::from_timestamp_micros(micros).expect("it was made from one");
        let of_rows = rows.iter().map(|(found, _, _)| (found.position, time(found.fetched_at))).collect();
        self.draft.copy(&CopiedRows { rows: of_rows, body: body(&rows).into() })?;
        for (found, _, _) in &rows {
            self.copied.mark(found.position);
        }
        Ok(())
    }
}

/// Does work that reads much from the disk, on a thread for such work.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}
