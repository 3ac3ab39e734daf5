//! Begins a walk of tags: the first reply about all of them gives it its date, its name and its
//! place on disk, and says which tags there are.
//!
//! Before it: the [unit](crate::engine::unit) has chosen to begin a walk. Behind it: the walk is in
//! the state with that reply, and [`walk`](super::walk) reads the people of each tag.

use super::all_tags::all_tags;
use super::selection::select;
use super::walk::pages_of;
use crate::config::TagName;
use crate::engine::plan::Begin;
use crate::engine::proof::{Proof, TagProof};
use crate::engine::unit_context::UnitContext;
use crate::engine::walk::{Earlier, Forecast};
use crate::error::Error;
use crate::journal::{ListState, TagJournal, TagsReply};
use crate::source::TagSource;
use crate::wechat::read_tags;

/// Asks for the tags of the account, and begins a walk with the reply.
///
/// # Errors
///
/// [`Error::UnknownTags`] if the account does not have a tag that is selected;
/// [`Error::AllTagsGone`] as [`all_tags`] says; [`SourceError`](crate::source::SourceError) if the
/// calls that are left do not suffice, or there is no reply; [`Error::Interrupted`] if the run is
/// to stop. Then no walk has begun.
pub(in crate::engine) async fn begin(
    context: &UnitContext,
    source: &TagSource,
    state: &ListState,
    choice: Begin,
    earlier: &Earlier,
) -> Result<TagJournal, Error> {
    let run = &context.run;
    let now = || run.pipeline.clock.now();
    if choice.is_second && earlier.day_is_over {
        return Err(Forecast::of_new(context.last()).refuse_second(0, earlier, now()).into());
    }
    let left = run.or_stopped(source.calls_left()).await??;
    let had_tags = context.last().and_then(TagProof::of).is_some_and(|proof| proof.tags > 0);
    let fetched = all_tags(context, source, had_tags).await;
    let fetched = fetched.map_err(|error| Forecast::of_new(context.last()).with_pages_left(error, now()))?;
    let found = TagsFound::in_reply(&fetched.body, run.pipeline.tags.select.as_deref())?;
    let forecast = Forecast::of_tags(found.pages, found.tags);
    if choice.is_second {
        forecast.check_second(left, earlier, now())?;
    } else {
        forecast.check(left, &run.pipeline.source.quota, now())?;
    }
    context.progress().set_total(Some(found.people));
    let date = choice.date_of_first(fetched.fetched_at)?;
    Ok(state.begin_tags(date, &TagsReply { fetched_at: fetched.fetched_at, ended: 0, body: fetched.body })?)
}

/// What a reply about all tags says of those that are selected.
#[derive(Clone, Copy, Debug)]
pub(in crate::engine) struct TagsFound {
    pub(in crate::engine) tags: u64,
    /// The people in them, as WeChat counts them.
    pub(in crate::engine) people: u64,
    /// The pages that they probably have.
    pages: u64,
}

impl TagsFound {
    fn in_reply(body: &[u8], wanted: Option<&[TagName]>) -> Result<Self, Error> {
        let tags = read_tags(body).expect("the source has read it");
        let selected = select(wanted, &tags)?;
        let people = || tags.iter().filter(|tag| selected.contains(&tag.id)).map(|tag| tag.count);
        let pages = people().map(|people| pages_of(people, None)).sum();
        Ok(Self { tags: selected.len() as u64, people: people().sum(), pages })
    }

    /// Returns how many calls for pages they take.
    pub(in crate::engine) fn calls(self) -> u64 {
        self.pages + self.tags
    }
}

/// Asks for the tags of the account, and begins nothing. `wanted` is `tags.select`.
///
/// # Errors
///
/// [`Error::UnknownTags`] if the account does not have a tag that is selected;
/// [`SourceError`](crate::source::SourceError) if there is no reply.
pub(in crate::engine) async fn look_at_tags(
    source: &TagSource,
    wanted: Option<&[TagName]>,
) -> Result<TagsFound, Error> {
    TagsFound::in_reply(&source.tags().await?.body, wanted)
}
