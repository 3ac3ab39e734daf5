//! Flaws: what is odd about people, in every reply about them, and what is true of them all the
//! same.
//!
//! A [`Fault`](super::Fault) picks calls; a [`Flaw`] picks people. `api` asks here how it must
//! answer about a person, and `batch` does it. A test asks [`Profiles`] what is true.

use std::collections::HashMap;
use std::sync::Arc;

use super::followers::{Followers, mix};
use super::profile::{Follow, Person, Profile, Standing, TagIds};
use super::roster::{Roster, Tie};

/// Something odd about people: who they are, and what it is.
///
/// ```
/// use fanout::simulator::{Flaw, Move, Oddity, Simulator, Who};
///
/// // One person in a thousand makes WeChat refuse each batch that they are in.
/// let refused = Flaw::new(Who::Share { share: 0.001, seed: 1 }, Oddity::Refused { alone: false });
/// // The unionids of those behind the tenth follower are those of their neighbours.
/// let moved = Flaw::new(Who::Index(9), Oddity::MovesUnionids(Move::Up)).account("wx1");
/// let simulator = Simulator::builder().flaw(refused).flaw(moved);
/// # let _ = simulator;
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Flaw {
    /// The account whose followers they are; `None` for all accounts.
    pub app_id: Option<String>,
    /// The people.
    pub who: Who,
    /// What is odd about them.
    pub oddity: Oddity,
}

impl Flaw {
    /// Returns a flaw of people of all accounts.
    pub fn new(who: Who, oddity: Oddity) -> Self {
        Self { app_id: None, who, oddity }
    }

    /// Limits the flaw to the people of one account.
    #[must_use]
    pub fn account(mut self, app_id: impl Into<String>) -> Self {
        self.app_id = Some(app_id.into());
        self
    }
}

/// The people whom a flaw is about.
#[derive(Debug, Clone, PartialEq)]
pub enum Who {
    /// Every follower.
    Everybody,
    /// The follower at this index of the list, counted from 0.
    Index(u64),
    /// The followers at these indices.
    Indices(Vec<u64>),
    /// Followers who are picked at random; the same seed picks the same ones.
    Share {
        /// The probability of each, from 0 to 1.
        share: f64,
        /// Decides which.
        seed: u64,
    },
}

impl Who {
    fn picks(&self, index: u64) -> bool {
        match self {
            Self::Everybody => true,
            Self::Index(picked) => index == *picked,
            Self::Indices(picked) => picked.contains(&index),
            Self::Share { share, seed } => {
                // A float between 0 and 1 can hold 53 bits.
                let draw = (mix(mix(*seed) ^ index) >> 11) as f64 / (1_u64 << 53) as f64;
                draw < *share
            }
        }
    }
}

/// What is odd about a person. The truth is that they follow, unless it says otherwise.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Oddity {
    /// WeChat refuses each batch with them (errcode 40003), and if `alone`, the single question
    /// too.
    Refused {
        /// Whether the single question is refused as well. The truth is then [`Standing::Refused`].
        alone: bool,
    },
    /// They have unfollowed: `subscribe` is 0, and most keys are absent.
    Left,
    /// The first `answers` replies about them say that they have unfollowed.
    FalselyLeft {
        /// The number of replies, batches and single ones together.
        answers: u32,
    },
    /// Every batch says that they have unfollowed; the single reply is right.
    FalselyLeftInBatches,
    /// They unfollow when the account has made this many calls for batches.
    Leaves {
        /// The number of calls.
        calls: u64,
    },
    /// They had unfollowed, and follow again when the account has made this many calls for batches.
    Returns {
        /// The number of calls.
        calls: u64,
    },
    /// They get another tag when the account has made this many calls for batches.
    Tagged {
        /// The number of calls.
        calls: u64,
    },
    /// Their row is missing in each batch, and if `alone`, the single reply is an empty object.
    Missing {
        /// Whether the single reply has nothing as well. The truth is then
        /// [`Standing::Unreadable`].
        alone: bool,
    },
    /// Their row comes twice in each batch.
    Doubled,
    /// In each batch, the unionids of the rows behind theirs are out of step.
    MovesUnionids(Move),
    /// Batches leave out their unionid; the single reply has it.
    NoUnionidInBatches,
    /// They have no unionid.
    NoUnionid,
    /// Their remark is written in a way that JSON does not allow.
    Remark(OddRemark),
    /// Their remark ends in a backslash that eats the quote, so no batch with them can be read, and
    /// if `alone`, neither can the single reply.
    Unreadable {
        /// Whether the single reply cannot be read either. The truth is then
        /// [`Standing::Unreadable`].
        alone: bool,
    },
}

/// How the unionids behind a row are out of step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    /// Each row behind it has the unionid of the next one. The last row has none.
    Up,
    /// The row itself, too, has the unionid of the next one. The last row has none.
    UpFromOwn,
    /// The row behind it has the same unionid once more, and each one after it that of the row
    /// before.
    Down,
    /// Each row behind it has the unionid of the next one, and the last row that of the first of
    /// them.
    Around,
}

/// How a remark is written that a strict reader refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OddRemark {
    /// Control characters, without an escape.
    RawControls,
    /// A byte that is not UTF-8.
    InvalidUtf8,
    /// Half of a surrogate pair, as an escape.
    LoneSurrogate,
}

impl OddRemark {
    /// Returns the remark as it stands between its quotes.
    pub(super) fn wire(self) -> &'static [u8] {
        match self {
            Self::RawControls => b"bell\x07 and\x14\nline",
            Self::InvalidUtf8 => b"not \xff text",
            Self::LoneSurrogate => br"half \ud83d pair",
        }
    }

    /// Returns what a lenient reader should make of it.
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::RawControls => "bell\u{7} and\u{14}\nline",
            Self::InvalidUtf8 => "not \u{fffd} text",
            Self::LoneSurrogate => "half \u{fffd} pair",
        }
    }
}

/// How one person is to be answered about, now.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "people may be odd in each of these ways, whatever the others are")]
pub(super) struct Condition {
    pub(super) has_left: bool,
    pub(super) is_back: bool,
    pub(super) is_tagged: bool,
    pub(super) has_no_unionid: bool,
    pub(super) remark: Option<OddRemark>,
    /// Each of these is `Some(alone)`.
    pub(super) is_refused: Option<bool>,
    pub(super) is_missing: Option<bool>,
    pub(super) is_broken: Option<bool>,
    pub(super) is_doubled: bool,
    pub(super) is_left_in_batches: bool,
    pub(super) is_mute_in_batches: bool,
    pub(super) moves: Option<Move>,
    /// The number of the flaw that makes the first replies false, and the number of these replies.
    pub(super) false_answers: Option<(usize, u32)>,
    /// How they last began to follow, if an event or a night has told.
    pub(super) follow: Option<Follow>,
    /// Their tags, if the account has a list of them.
    pub(super) tags: Option<TagIds>,
}

/// Seconds after which those who return have followed again.
const BACK_AFTER: i64 = 400_000_000;

/// Returns the condition of the person at `index` when the account has made `calls` calls for
/// batches.
fn condition(flaws: &[Flaw], app_id: &str, roster: &Roster, index: u64, calls: u64) -> Condition {
    let tie = roster.tie(index);
    let mut condition = Condition {
        has_left: tie != Tie::Follows,
        is_refused: matches!(tie, Tie::Refused | Tie::Stranger).then_some(true),
        follow: roster.follow_of(index),
        tags: roster.tag_ids(index),
        ..Condition::default()
    };
    for (number, flaw) in flaws.iter().enumerate() {
        if flaw.app_id.as_deref().is_some_and(|known| known != app_id) || !flaw.who.picks(index) {
            continue;
        }
        match flaw.oddity {
            Oddity::Refused { alone } => condition.is_refused = Some(alone || condition.is_refused == Some(true)),
            Oddity::Left => condition.has_left = true,
            Oddity::FalselyLeft { answers } => condition.false_answers = Some((number, answers)),
            Oddity::FalselyLeftInBatches => condition.is_left_in_batches = true,
            Oddity::Leaves { calls: from } => condition.has_left |= calls >= from,
            Oddity::Returns { calls: from } => {
                condition.has_left |= calls < from;
                condition.is_back |= calls >= from;
            }
            Oddity::Tagged { calls: from } => condition.is_tagged |= calls >= from,
            Oddity::Missing { alone } => condition.is_missing = Some(alone),
            Oddity::Doubled => condition.is_doubled = true,
            Oddity::MovesUnionids(moves) => condition.moves = Some(moves),
            Oddity::NoUnionidInBatches => condition.is_mute_in_batches = true,
            Oddity::NoUnionid => condition.has_no_unionid = true,
            Oddity::Remark(remark) => condition.remark = Some(remark),
            Oddity::Unreadable { alone } => condition.is_broken = Some(alone),
        }
    }
    condition
}

impl Condition {
    /// Returns the person as the flaws leave them.
    pub(super) fn person(&self, followers: &Followers, index: u64) -> Person {
        let mut person = Person::of(followers, index);
        if let Some(follow) = self.follow {
            person.follow(followers, index, follow);
        }
        if let Some(tags) = self.tags {
            person.set_tags(tags);
        }
        if self.is_tagged {
            person.tag();
        }
        if self.is_back {
            person.subscribe_time += BACK_AFTER;
        }
        person
    }

    fn standing(&self) -> Standing {
        let alone = Some(true);
        if self.is_refused == alone {
            Standing::Refused
        } else if self.is_missing == alone || self.is_broken == alone {
            Standing::Unreadable
        } else if self.has_left {
            Standing::Left
        } else {
            Standing::Follows
        }
    }
}

/// The flaws of one simulator, and how often those that heal have shown.
#[derive(Debug, Default)]
pub(super) struct Flaws {
    list: Arc<Vec<Flaw>>,
    answers: HashMap<(usize, String, u64), u32>,
}

impl Flaws {
    pub(super) fn add(&mut self, flaw: Flaw) {
        Arc::make_mut(&mut self.list).push(flaw);
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Returns how to answer about a person, and counts the answer.
    pub(super) fn condition(&mut self, app_id: &str, roster: &Roster, index: u64, calls: u64) -> Condition {
        let mut condition = condition(&self.list, app_id, roster, index, calls);
        if let Some((flaw, answers)) = condition.false_answers {
            let given = self.answers.entry((flaw, app_id.to_owned(), index)).or_default();
            *given += 1;
            condition.has_left |= *given <= answers;
        }
        condition
    }

    /// Returns what is true of the people of an account, now.
    pub(super) fn profiles(
        &self,
        app_id: &str,
        roster: Arc<Roster>,
        unionids: Option<Followers>,
        calls: u64,
    ) -> Profiles {
        Profiles { app_id: app_id.to_owned(), roster, unionids, flaws: Arc::clone(&self.list), calls }
    }
}

/// What is true of the followers of one simulated account, at the moment at which it was asked for.
#[derive(Debug, Clone)]
pub struct Profiles {
    app_id: String,
    roster: Arc<Roster>,
    unionids: Option<Followers>,
    flaws: Arc<Vec<Flaw>>,
    calls: u64,
}

impl Profiles {
    /// Returns the number of people in the list of followers.
    pub fn count(&self) -> u64 {
        self.roster.list_of_followers().len()
    }

    /// Returns what is true of the person at `index`, counted from 0, whether they follow or not.
    pub fn get(&self, index: u64) -> Profile {
        let condition = condition(&self.flaws, &self.app_id, &self.roster, index, self.calls);
        let standing = condition.standing();
        let profile = Profile::without_row(self.roster.openid(index), standing);
        let person = condition.person(&self.roster.everybody(), index);
        match standing {
            Standing::Refused | Standing::Unreadable => profile,
            Standing::Left => Profile { tagid_list: Some(Vec::new()), language: Some(person.language), ..profile },
            Standing::Follows => Profile {
                unionid: self.unionids.filter(|_| !condition.has_no_unionid).map(|unionids| unionids.openid(index)),
                subscribe_time: Some(person.subscribe_time),
                subscribe_scene: Some(person.scene),
                qr_scene: Some(i64::from(person.qr_scene)),
                qr_scene_str: Some(person.qr_scene_str.text()),
                remark: Some(condition.remark.map_or_else(|| person.remark.text(), |remark| remark.text().to_owned())),
                groupid: Some(person.groupid),
                tagid_list: Some(person.tags.as_slice().to_vec()),
                language: Some(person.language),
                ..profile
            },
        }
    }

    /// Returns what would be true of that person without any flaw.
    pub fn without_flaws(&self, index: u64) -> Profile {
        Self { flaws: Arc::default(), ..self.clone() }.get(index)
    }

    /// Returns an iterator over the profiles of all people in the list, in its order.
    pub fn iter(&self) -> impl Iterator<Item = Profile> {
        self.roster.listed().map(|index| self.get(index))
    }
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;

    use super::super::night::Nights;
    use super::super::profile::NEW_TAG;
    use super::*;

    const APP_ID: &str = "wxflaw";

    fn roster() -> Roster {
        Roster::new(1, APP_ID, (1_000, 0), Nights::default(), &[], NaiveDate::MIN)
    }

    fn profiles(flaws: &[Flaw], calls: u64) -> Profiles {
        let mut known = Flaws::default();
        for flaw in flaws {
            known.add(flaw.clone());
        }
        known.profiles(APP_ID, Arc::new(roster()), Some(Followers::new(2, APP_ID, 1_000)), calls)
    }

    fn who(who: Who, oddity: Oddity) -> Vec<u64> {
        let plain = profiles(&[], 0);
        let flawed = profiles(&[Flaw::new(who, oddity)], 0);
        (0..plain.count()).filter(|&index| plain.get(index) != flawed.get(index)).collect()
    }

    #[test]
    fn a_flaw_is_about_the_people_whom_it_names() {
        assert_eq!(who(Who::Index(3), Oddity::Left), [3]);
        assert_eq!(who(Who::Indices(vec![3, 5]), Oddity::Left), [3, 5]);
        assert_eq!(who(Who::Everybody, Oddity::Left).len(), 1_000);
        let share = |seed| who(Who::Share { share: 0.1, seed }, Oddity::Left);
        assert_eq!(share(1), share(1));
        assert_ne!(share(1), share(2));
        assert!((60..140).contains(&share(1).len()), "{}", share(1).len());
        let other = Flaw::new(Who::Everybody, Oddity::Left).account("wxother");
        assert!(profiles(&[other], 0).iter().all(|profile| profile.standing == Standing::Follows));
    }

    #[test]
    fn what_heals_or_shows_in_batches_only_is_not_true() {
        for oddity in [
            Oddity::FalselyLeft { answers: 9 },
            Oddity::FalselyLeftInBatches,
            Oddity::Refused { alone: false },
            Oddity::Missing { alone: false },
            Oddity::Unreadable { alone: false },
            Oddity::Doubled,
            Oddity::MovesUnionids(Move::Up),
            Oddity::NoUnionidInBatches,
        ] {
            assert!(who(Who::Everybody, oddity).is_empty(), "{oddity:?}");
        }
    }

    #[test]
    fn the_truth_changes_with_the_calls() {
        let at = |oddity, calls| profiles(&[Flaw::new(Who::Index(0), oddity)], calls).get(0);
        let follows = profiles(&[], 0).get(0);
        assert_eq!(at(Oddity::Leaves { calls: 2 }, 1), follows);
        assert_eq!(at(Oddity::Leaves { calls: 2 }, 2).standing, Standing::Left);
        assert_eq!(at(Oddity::Returns { calls: 2 }, 1).standing, Standing::Left);
        let back = at(Oddity::Returns { calls: 2 }, 2);
        assert!(back.standing == Standing::Follows && back.subscribe_time > follows.subscribe_time);
        let tagged = at(Oddity::Tagged { calls: 2 }, 2);
        assert_eq!(tagged.tagid_list.unwrap().last(), Some(&NEW_TAG));
        assert_eq!(at(Oddity::Tagged { calls: 2 }, 1), follows);
    }

    #[test]
    fn what_shows_first_heals_after_as_many_answers() {
        let mut flaws = Flaws::default();
        flaws.add(Flaw::new(Who::Index(7), Oddity::FalselyLeft { answers: 2 }));
        let mut has_left = |index| flaws.condition(APP_ID, &roster(), index, 0).has_left;
        assert_eq!(
            [has_left(7), has_left(8), has_left(7), has_left(7), has_left(7)],
            [true, false, true, false, false]
        );
    }
}
