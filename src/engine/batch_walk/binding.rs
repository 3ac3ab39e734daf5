//! Whether the account is still bound to the Open Platform account to which it was bound when the
//! walk began: with another one all unionids are others, and a list would have some of each.
//!
//! Before it: the [walk](super::walk) goes on, on another day than that of its last reply. Behind
//! it: it asks for the rest, or is given up.
//!
//! Some early followers are asked about alone, where no row can be taken for another. The first one
//! whose unionid is as before shows that nothing has changed. Two with others, each asked about
//! twice, show a new binding. These replies are not journaled, so no row depends on them.

use std::borrow::Cow;

use super::table::Stage;
use super::walk::{Run, settling};
use crate::batches::Round;
use crate::error::Error;
use crate::source::SourceError;
use crate::wechat::{date_in_beijing, read_profile, read_profiles};

/// The most followers who are asked about, each of another batch.
const ASKED: usize = 4;

/// So many with another unionid show a new binding, if so many can be asked about.
const ENOUGH: usize = 2;

/// Batches that are searched for followers.
const SEARCHED: u64 = 100;

/// A follower whose unionid the journal has.
struct Early {
    batch: u64,
    openid: String,
    unionid: Option<String>,
}

impl Run<'_, '_> {
    /// Checks the binding if the walk goes on on another day.
    ///
    /// # Errors
    ///
    /// [`SourceError::BoundAnew`] if it is another one; another [`SourceError`] if a call fails.
    pub(super) async fn check_binding(&mut self) -> Result<(), Error> {
        let today = date_in_beijing(self.walk.context.run.pipeline.clock.now());
        let last = self.walk.journal.fetched_between().1;
        if last.is_none_or(|last| date_in_beijing(last) == today) {
            return Ok(());
        }
        let early = self.early()?;
        let mut differing = 0;
        for follower in &early {
            let Some(unionid) = self.unionid_of(follower).await? else { continue };
            if unionid == follower.unionid {
                return Ok(());
            }
            differing += usize::from(self.unionid_of(follower).await? == Some(unionid));
            if differing == ENOUGH.min(early.len()) {
                return Err(SourceError::BoundAnew.into());
            }
        }
        tracing::debug!("no early follower tells whether the account is bound to another Open Platform account");
        Ok(())
    }

    /// Returns some followers of the first batches, one of each, whose rows nothing has put in
    /// doubt.
    fn early(&self) -> Result<Vec<Early>, Error> {
        let settling = settling(self.walk, self.asked);
        let has_identities = self.known.hints().has_identities;
        let mut early = Vec::new();
        let first = (0..self.asked.batches().min(SEARCHED)).filter(|&batch| self.table.is(batch, Stage::Done));
        for batch in first {
            let (known, replies) = settling.read(batch)?;
            if known.answers.iter().any(|(question, _)| matches!(question.round, Round::Single | Round::SingleAgain)) {
                continue;
            }
            let own: Vec<&str> = known.own().map(|place| known.openids.get(place)).collect();
            let rows = replies.iter().filter_map(|reply| Some(read_profiles(&reply.body).ok()?.rows)).flatten();
            let mut there = rows.filter(|row| row.subscribe == Some(true) && own.contains(&&*row.openid));
            if let Some(row) = there.find(|row| row.unionid.is_some() == has_identities) {
                let (openid, unionid) = (row.openid.into_owned(), row.unionid.map(Cow::into_owned));
                early.push(Early { batch, openid, unionid });
            }
            if early.len() == ASKED {
                break;
            }
        }
        Ok(early)
    }

    /// Asks for the unionid of a follower; `None` if WeChat does not tell about them.
    async fn unionid_of(&self, follower: &Early) -> Result<Option<Option<String>>, Error> {
        let Early { batch, openid, .. } = follower;
        let asked = self.walk.source.single(*batch, openid);
        let fetched = match self.walk.context.run.or_stopped(asked).await? {
            Ok(fetched) => fetched,
            Err(error) if error.may_be_of_elements() => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let Ok(reply) = read_profile(&fetched.body) else { return Ok(None) };
        let mut rows = reply.rows.into_iter();
        let row = rows.find(|row| row.subscribe == Some(true) && row.openid == **openid);
        Ok(row.map(|row| row.unionid.map(Cow::into_owned)))
    }
}
