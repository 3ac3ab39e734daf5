//! The input of a walk of batches: the OpenIDs of its elements, by position.
//!
//! Before it: the journal of a decided walk of followers, or of the walk itself. Behind it: the
//! [walk](super::walk) asks for the OpenIDs of a batch's positions, and the delivery writes them
//! into its rows.

use tokio_util::sync::CancellationToken;

use super::followers_input::FollowersInput;
use super::openids::Openids;
use super::own_input::OwnInput;
use crate::batches::Form;
use crate::engine::difference::OpenidPass;
use crate::engine::element::Element;
use crate::error::Error;
use crate::journal::{ElementReader, JournalError, RestsOn, WalkFolder};
use crate::wechat::openid_prefix;

/// The OpenIDs of the elements of a walk of batches.
#[derive(Debug)]
pub(in crate::engine) struct Input(Source);

/// Where the OpenIDs lie.
#[derive(Debug)]
enum Source {
    /// In the walk of followers on which the walk rests.
    Followers(Box<FollowersInput>),
    /// In the journal of the walk itself.
    Own(OwnInput),
}

impl Input {
    /// Opens the decided walk `folder`, on which a walk rests as `rests_on` says. It reads every
    /// page, on a thread of its own.
    ///
    /// # Errors
    ///
    /// [`JournalError`] if a page cannot be read; [`Error::Changed`] if the list is not the one on
    /// which the walk rests; [`Error::Interrupted`] if `stop` is cancelled.
    pub(in crate::engine) async fn open(
        folder: &WalkFolder,
        rests_on: &RestsOn,
        stop: &CancellationToken,
    ) -> Result<Self, Error> {
        let followers = FollowersInput::open(folder, rests_on, stop).await?;
        Ok(Self(Source::Followers(Box::new(followers))))
    }

    /// Opens the elements that a walk has itself.
    ///
    /// # Errors
    ///
    /// [`JournalError`] if they cannot be read.
    pub(in crate::engine) fn own(elements: ElementReader) -> Result<Self, JournalError> {
        Ok(Self(Source::Own(OwnInput::open(elements)?)))
    }

    /// Returns the number of positions.
    pub(in crate::engine) fn rows(&self) -> u64 {
        match &self.0 {
            Source::Followers(followers) => followers.rows(),
            Source::Own(own) => own.rows(),
        }
    }

    /// Returns the OpenIDs at `positions`, which ascend.
    ///
    /// # Errors
    ///
    /// [`JournalError`] if a page or a frame can no longer be read.
    ///
    /// # Panics
    ///
    /// If there is no such position.
    pub(in crate::engine) fn openids(&self, positions: &[u64]) -> Result<Openids, JournalError> {
        match &self.0 {
            Source::Followers(followers) => followers.openids(positions),
            Source::Own(own) => own.openids(positions),
        }
    }

    /// Returns the elements that a walk has itself, in pieces, in the order of their positions;
    /// nothing if the walk has none of its own.
    pub(in crate::engine) fn elements(&self) -> impl Iterator<Item = Result<Vec<Element>, JournalError>> + '_ {
        let own = match &self.0 {
            Source::Followers(_) => None,
            Source::Own(own) => Some(own),
        };
        own.into_iter().flat_map(OwnInput::elements)
    }

    /// Returns how many of the first elements are [controls](crate::changes::Side::Control).
    pub(in crate::engine) fn controls(&self) -> u64 {
        match &self.0 {
            Source::Followers(_) => 0,
            Source::Own(own) => own.controls(),
        }
    }

    /// Returns what most OpenIDs begin with; `None` if they do not agree.
    pub(in crate::engine) fn prefix(&self) -> Option<&str> {
        match &self.0 {
            Source::Followers(followers) => followers.prefix(),
            Source::Own(own) => own.prefix(),
        }
    }

    /// Returns how an OpenID is asked for: alone, if it does not look like the others.
    pub(in crate::engine) fn form(&self, openid: &str) -> Form {
        let is_usual = match (openid_prefix::of(openid), self.prefix()) {
            (Some(prefix), Some(usual)) => prefix == usual,
            (Some(_), None) => true,
            (None, _) => false,
        };
        if is_usual { Form::Travels } else { Form::Alone }
    }
}

impl OpenidPass for Input {
    fn rows(&self) -> u64 {
        self.rows()
    }

    fn each(&self, take: &mut dyn FnMut(u64, &str) -> Result<(), Error>) -> Result<(), Error> {
        match &self.0 {
            Source::Followers(followers) => followers.each(take),
            Source::Own(own) => {
                let mut position = 0;
                for element in own.elements() {
                    for Element { openid, .. } in &element? {
                        take(position, openid)?;
                        position += 1;
                    }
                }
                Ok(())
            }
        }
    }
}
