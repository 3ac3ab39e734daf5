//! The fields of a profile.
//!
//! Before it: nothing; the readers fill it. Behind it: the engine and `rows` read it.

use std::borrow::Cow;
use std::fmt;

/// What WeChat says of one follower. A field that the reply leaves out, or that is `null`, is
/// `None`.
///
/// It is personal data, so its `Debug` shows which fields there are, and none of them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Profile<'a> {
    /// The OpenID that the row is about; empty if the row has none.
    pub openid: Cow<'a, str>,
    /// Whether the person follows the account.
    pub subscribe: Option<bool>,
    /// The person in all accounts of one Open Platform account. Never empty: WeChat leaves it out
    /// if the account is bound to no Open Platform account, and an empty one counts as left out.
    pub unionid: Option<Cow<'a, str>>,
    /// The time of the last follow, in seconds since 1970, from 0 to the end of the year 9999.
    pub subscribe_time: Option<i64>,
    /// How the person came to follow: `ADD_SCENE_QR_CODE` and others, an open set.
    pub subscribe_scene: Option<Cow<'a, str>>,
    /// The number of the QR code that was scanned; 0 if none was.
    pub qr_scene: Option<i64>,
    /// The text of the QR code that was scanned.
    pub qr_scene_str: Option<Cow<'a, str>>,
    /// What the operator has noted on the person.
    pub remark: Option<Cow<'a, str>>,
    /// The tags that the operator has given the person.
    pub tagid_list: Option<Vec<i32>>,
    /// The group of the person, from before there were tags.
    pub groupid: Option<i32>,
    /// The language of the person's WeChat: `zh_CN` and others.
    pub language: Option<Cow<'a, str>>,
    /// Empty since 2021, as all that follow.
    pub nickname: Option<Cow<'a, str>>,
    /// The address of the person's picture.
    pub headimgurl: Option<Cow<'a, str>>,
    /// 0 unknown, 1 male, 2 female.
    pub sex: Option<i32>,
    /// The person's city.
    pub city: Option<Cow<'a, str>>,
    /// The person's province.
    pub province: Option<Cow<'a, str>>,
    /// The person's country.
    pub country: Option<Cow<'a, str>>,
    /// The row as it came: JSON, or what is close to it. Bytes that are no UTF-8 are U+FFFD here.
    pub raw: Cow<'a, str>,
}

impl Profile<'_> {
    /// Returns the same profile with texts of its own.
    pub fn into_owned(self) -> Profile<'static> {
        fn own(text: Cow<'_, str>) -> Cow<'static, str> {
            Cow::Owned(text.into_owned())
        }
        Profile {
            openid: own(self.openid),
            subscribe: self.subscribe,
            unionid: self.unionid.map(own),
            subscribe_time: self.subscribe_time,
            subscribe_scene: self.subscribe_scene.map(own),
            qr_scene: self.qr_scene,
            qr_scene_str: self.qr_scene_str.map(own),
            remark: self.remark.map(own),
            tagid_list: self.tagid_list,
            groupid: self.groupid,
            language: self.language.map(own),
            nickname: self.nickname.map(own),
            headimgurl: self.headimgurl.map(own),
            sex: self.sex,
            city: self.city.map(own),
            province: self.province.map(own),
            country: self.country.map(own),
            raw: own(self.raw),
        }
    }
}

impl fmt::Debug for Profile<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Profile")
            .field("subscribe", &self.subscribe)
            .field("has_openid", &!self.openid.is_empty())
            .field("has_unionid", &self.unionid.is_some())
            .field("has_subscribe_time", &self.subscribe_time.is_some())
            .field("bytes", &self.raw.len())
            .finish_non_exhaustive()
    }
}
