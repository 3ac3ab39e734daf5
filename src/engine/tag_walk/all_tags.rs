//! Asks for all tags of an account, and believes a reply without any tag only with care.
//!
//! Before it: a walk [begins](super::begin), or has [read](super::walk) the people of its tags.
//! Behind it: the reply goes to the journal, and says which tags there are.
//!
//! A reply without any tag would delete all of them from what is published. WeChat lists tags of
//! its own for most accounts, so it is probably a mistake if there were tags before.

use crate::engine::unit_context::UnitContext;
use crate::error::Error;
use crate::source::{Fetched, TagSource};
use crate::wechat::read_tags;

/// Asks for the tags of the account. If an earlier reply `had_tags` and this one has none, it asks
/// once more.
///
/// # Errors
///
/// [`Error::AllTagsGone`] if the second reply has none, either, and `--accept-change` does not let
/// it pass; [`SourceError`](crate::source::SourceError) if there is no reply;
/// [`Error::Interrupted`] if the run is to stop.
pub(super) async fn all_tags(context: &UnitContext, source: &TagSource, had_tags: bool) -> Result<Fetched, Error> {
    let run = &context.run;
    let fetched = run.or_stopped(source.tags()).await??;
    if !had_tags || !has_none(&fetched) {
        return Ok(fetched);
    }
    tracing::warn!("WeChat lists no tag at all, and did before; it is asked once more");
    let fetched = run.or_stopped(source.tags()).await??;
    if has_none(&fetched) && !run.options.accept_change {
        return Err(Error::AllTagsGone);
    }
    Ok(fetched)
}

fn has_none(fetched: &Fetched) -> bool {
    read_tags(&fetched.body).expect("the source has read it").is_empty()
}
