//! What is true of a follower: the profile that a test compares with what was published.
//!
//! `flaw` may change it, and `row` writes it as WeChat does. Like the followers, profiles are
//! computed from a seed and an index.

use super::followers::Followers;

/// What is true of a follower, as the list `profiles` should say it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// The OpenID.
    pub openid: String,
    /// What comes of the person in a list of profiles.
    pub standing: Standing,
    /// `unionid`; `None` also while the account is bound to no Open Platform account.
    pub unionid: Option<String>,
    /// `subscribe_time`, in seconds.
    pub subscribe_time: Option<i64>,
    /// `subscribe_scene`
    pub subscribe_scene: Option<&'static str>,
    /// `qr_scene`
    pub qr_scene: Option<i64>,
    /// `qr_scene_str`
    pub qr_scene_str: Option<String>,
    /// `remark`, with U+FFFD for what is no text on the wire.
    pub remark: Option<String>,
    /// `groupid`
    pub groupid: Option<i32>,
    /// `tagid_list`
    pub tagid_list: Option<Vec<i32>>,
    /// `language`
    pub language: Option<&'static str>,
}

/// What comes of a person in a list of profiles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Standing {
    /// The person follows the account.
    Follows,
    /// The person has unfollowed it.
    Left,
    /// WeChat refuses the OpenID, even alone.
    Refused,
    /// No reply about the person alone can be read.
    Unreadable,
}

impl Profile {
    /// Returns the profile of a person of whom nothing is known but what came of them.
    pub fn without_row(openid: String, standing: Standing) -> Self {
        Self {
            openid,
            standing,
            unionid: None,
            subscribe_time: None,
            subscribe_scene: None,
            qr_scene: None,
            qr_scene_str: None,
            remark: None,
            groupid: None,
            tagid_list: None,
            language: None,
        }
    }
}

/// What is computed of a person, without what flaws change.
#[derive(Debug, Clone, Copy)]
pub(super) struct Person {
    pub(super) subscribe_time: i64,
    pub(super) scene: &'static str,
    pub(super) qr_scene: u32,
    pub(super) qr_scene_str: Words,
    pub(super) remark: Words,
    pub(super) groupid: i32,
    pub(super) tags: TagIds,
    pub(super) language: &'static str,
}

/// When a person began to follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Follow {
    /// In seconds since 1970.
    pub(super) since: i64,
    /// Tells the times apart that one person has begun to follow.
    pub(super) number: u64,
}

/// The ids of a person's tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TagIds {
    ids: [i32; MOST_TAGS],
    count: usize,
}

impl TagIds {
    /// Returns the first of these ids: as many as a person can have.
    pub(super) fn of(ids: impl IntoIterator<Item = i32>) -> Self {
        let mut tags = Self { ids: [0; MOST_TAGS], count: 0 };
        for (place, id) in tags.ids.iter_mut().zip(ids) {
            *place = id;
            tags.count += 1;
        }
        tags
    }

    pub(super) fn as_slice(&self) -> &[i32] {
        &self.ids[..self.count]
    }

    /// Adds the tag [`NEW_TAG`], in place of the last one if there are too many.
    fn add_new(&mut self) {
        self.count = self.count.min(MOST_TAGS - 1) + 1;
        self.ids[self.count - 1] = NEW_TAG;
    }
}

/// A text with a number behind it. Both forms of the text are constants, so that a row is written
/// without an allocation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Words {
    text: &'static str,
    /// The text as it stands between the quotes of a JSON string.
    pub(super) json: &'static str,
    pub(super) number: Option<u32>,
}

impl Words {
    const NONE: Self = Self { text: "", json: "", number: None };

    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty() && self.number.is_none()
    }

    /// Returns what a reader should make of it.
    pub(super) fn text(&self) -> String {
        self.number.map_or_else(|| self.text.to_owned(), |number| format!("{}{number}", self.text))
    }
}

/// The most tags of one person, as WeChat documents it.
const MOST_TAGS: usize = 20;

/// The most tags that are computed of a person while the account has no list of tags.
const MOST_COMPUTED: usize = 3;

/// The values of `subscribe_scene` that were seen or documented. That for a QR code is the first.
const SCENES: [&str; 13] = [
    "ADD_SCENE_QR_CODE",
    "ADD_SCENE_SEARCH",
    "ADD_SCENE_PROFILE_CARD",
    "ADD_SCENE_PROFILE_LINK",
    "ADD_SCENE_PROFILE_ITEM",
    "ADD_SCENE_PAID",
    "ADD_SCENE_WECHAT_ADVERTISEMENT",
    "ADD_SCENE_REPRINT",
    "ADD_SCENE_LIVESTREAM",
    "ADD_SCENE_CHANNELS",
    "ADD_SCENE_WXA",
    "ADD_SCENE_ACCOUNT_MIGRATION",
    "ADD_SCENE_OTHERS",
];

/// Remarks, each as a text and as JSON. Some need an escape, some hold what splits a line or a
/// cell.
const REMARKS: [(&str, &str); 10] = [
    ("老客户 ", "老客户 "),
    ("VIP ", "VIP "),
    ("😀 ", "😀 "),
    ("👍🏽 ", r"\ud83d\udc4d\ud83c\udffd "),
    ("says \"hi\", again ", r#"says \"hi\", again "#),
    ("two\nlines ", r"two\nlines "),
    ("a\ttab ", r"a\ttab "),
    ("C:\\shop\\", r"C:\\shop\\"),
    ("a/b; c ", "a/b; c "),
    ("bell\u{7} ", r"bell\u0007 "),
];

/// The salts of [`Followers::bits`].
const PERSON: u64 = 1;
const TIME: u64 = 2;
const AGAIN: u64 = 5;

/// The first moment at which a person may have followed, and the seconds after it: from 2015 to
/// 2025.
const FIRST_FOLLOW: i64 = 1_420_041_600;
const FOLLOWS_WITHIN: u64 = 340_000_000;

impl Person {
    /// Returns the person at `index` of the list.
    pub(super) fn of(followers: &Followers, index: u64) -> Self {
        let bits = followers.bits(index, PERSON);
        // Each value takes bits of its own, and the way of following the first ones.
        let part = |shift: u32, bound: u64| part(bits, shift, bound);
        let Way { scene, qr_scene, qr_scene_str } = Way::of(bits);
        let number = (bits >> 32) as u32;
        let remark = match part(16, 16) {
            0 => {
                let (text, json) = REMARKS[part(20, REMARKS.len() as u64) as usize];
                Words { text, json, number: Some(number % 10_000) }
            }
            _ => Words::NONE,
        };
        let tag_count = part(24, 8).saturating_sub(8 - 1 - MOST_COMPUTED as u64) as usize;
        let first_tag = 100 + (number % 40) as i32;
        let tags = TagIds::of([first_tag, first_tag + 7, 2].into_iter().take(tag_count));
        Self {
            subscribe_time: FIRST_FOLLOW + (followers.bits(index, TIME) % FOLLOWS_WITHIN) as i64,
            scene,
            qr_scene,
            qr_scene_str,
            remark,
            groupid: group(tags),
            tags,
            language: if part(40, 16) == 0 { "zh_TW" } else { "zh_CN" },
        }
    }

    /// Makes the person one who has followed in this way since then.
    pub(super) fn follow(&mut self, followers: &Followers, index: u64, follow: Follow) {
        self.subscribe_time = follow.since;
        Way { scene: self.scene, qr_scene: self.qr_scene, qr_scene_str: self.qr_scene_str } =
            Way::of(followers.bits(index, AGAIN ^ follow.number << 32));
    }

    /// Gives the person these tags, and no others.
    pub(super) fn set_tags(&mut self, tags: TagIds) {
        self.tags = tags;
        self.groupid = group(tags);
    }

    /// Adds the tag [`NEW_TAG`].
    pub(super) fn tag(&mut self) {
        self.tags.add_new();
    }
}

/// How a person came to follow.
struct Way {
    scene: &'static str,
    qr_scene: u32,
    qr_scene_str: Words,
}

impl Way {
    fn of(bits: u64) -> Self {
        let scene = SCENES[part(bits, 0, 2 * SCENES.len() as u64).saturating_sub(SCENES.len() as u64) as usize];
        let is_by_code = scene == SCENES[0];
        let number = (bits >> 32) as u32;
        let qr_scene_str = match part(bits, 8, 4) {
            _ if !is_by_code => Words::NONE,
            0 => Words { text: "", json: "", number: Some(number) },
            1 => Words { text: "店/", json: "店/", number: Some(number % 1_000) },
            _ => Words::NONE,
        };
        let is_by_number = is_by_code && qr_scene_str.is_empty();
        Self { scene, qr_scene: if is_by_number { number } else { 0 }, qr_scene_str }
    }
}

/// Returns a value below `bound` from eight of the bits.
fn part(bits: u64, shift: u32, bound: u64) -> u64 {
    (bits >> shift & 0xff) % bound
}

/// Returns the old group of a person: that of their first tag.
fn group(tags: TagIds) -> i32 {
    tags.as_slice().first().copied().unwrap_or(0)
}

/// The tag of those who are tagged in the course of a run.
pub(super) const NEW_TAG: i32 = 999;

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn people_differ_in_everything() {
        let followers = Followers::new(1, "wxprofile", 10_000);
        let people: Vec<_> = (0..followers.count()).map(|index| Person::of(&followers, index)).collect();
        let scenes: HashSet<_> = people.iter().map(|person| person.scene).collect();
        assert_eq!(scenes.len(), SCENES.len());
        let remarks: HashSet<_> = people.iter().map(|person| person.remark.text).collect();
        assert_eq!(remarks.len(), REMARKS.len() + 1);
        for count in 0..=MOST_COMPUTED {
            assert!(people.iter().any(|person| person.tags.as_slice().len() == count), "{count} tags");
        }
        let coded = people.iter().filter(|person| person.scene == SCENES[0]);
        assert!(coded.clone().all(|person| (person.qr_scene == 0) != person.qr_scene_str.is_empty()));
        let share = coded.count() as f64 / people.len() as f64;
        assert!((0.3..0.7).contains(&share), "{share} came by a code");
        assert!(people.iter().any(|person| person.language == "zh_TW"));
        assert!(people.iter().any(|person| i64::from(person.qr_scene) > i64::from(i32::MAX)), "it is no i32");
    }

    #[test]
    fn both_forms_of_a_remark_say_the_same() {
        for (text, json) in REMARKS {
            assert_eq!(serde_json::from_str::<String>(&format!("\"{json}\"")).unwrap(), text);
        }
    }
}
