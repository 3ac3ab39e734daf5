//! The lists that an account has: their names, and the call that reads each.
//!
//! A pipeline file names a list; `source` makes its calls; state, sinks and reports carry its name.

use std::borrow::Cow;
use std::fmt;

use fanout_sink::schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error};
use serde::{Serialize, Serializer};

/// A list of an account.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct List {
    name: &'static str,
    endpoint: &'static str,
    reading: Reading,
}

/// How a list is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reading {
    /// Page by page, through a cursor.
    Pages {
        /// The key of the request that carries the cursor.
        cursor_key: &'static str,
        /// How the request carries it.
        request: PageRequest,
    },
    /// Page by page, tag after tag.
    PagesOfTags,
    /// In numbered batches of elements of a decided walk of the list of followers.
    Batches,
    /// From a decided walk of another list, without a call.
    Derived,
}

/// How the request for a page carries its cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PageRequest {
    /// `GET`, in the query.
    Query,
    /// `POST`, in a JSON object.
    Body,
}

impl List {
    /// The followers of an account, from
    /// [`user/get`](https://developers.weixin.qq.com/doc/service/api/usermanage/userinfo/api_getfans)
    /// (获取用户列表).
    pub const FOLLOWERS: Self = Self {
        name: "followers",
        endpoint: "/cgi-bin/user/get",
        reading: Reading::Pages { cursor_key: "next_openid", request: PageRequest::Query },
    };

    /// The people whom an account has blocked, from
    /// [`getblacklist`](https://developers.weixin.qq.com/doc/service/api/usermanage/userinfo/api_getblacklist)
    /// (获取公众号的黑名单列表).
    pub const BLACKLIST: Self = Self {
        name: "blacklist",
        endpoint: "/cgi-bin/tags/members/getblacklist",
        reading: Reading::Pages { cursor_key: "begin_openid", request: PageRequest::Body },
    };

    /// The people of each tag, from
    /// [`user/tag/get`](https://developers.weixin.qq.com/doc/service/api/usermanage/tag/api_gettagfans)
    /// (获取标签下粉丝列表).
    pub const TAG_MEMBERS: Self =
        Self { name: "tag_members", endpoint: "/cgi-bin/user/tag/get", reading: Reading::PagesOfTags };

    /// The tags of an account, from
    /// [`tags/get`](https://developers.weixin.qq.com/doc/service/api/usermanage/tag/api_gettags)
    /// (获取公众号已创建的标签). A walk of [`TAG_MEMBERS`](Self::TAG_MEMBERS) reads them.
    pub const TAGS: Self = Self { name: "tags", endpoint: "/cgi-bin/tags/get", reading: Reading::Derived };

    /// Who came and who left between two decided walks of the followers. What a change of a person
    /// is proved by comes from [`PROFILES`](Self::PROFILES)' call.
    pub const CHANGES: Self = Self { name: "changes", endpoint: Self::PROFILES.endpoint, reading: Reading::Batches };

    /// The profiles of the followers, from
    /// [`user/info/batchget`](https://developers.weixin.qq.com/doc/service/api/usermanage/userinfo/api_batchuserinfo)
    /// (批量获取用户基本信息).
    pub const PROFILES: Self =
        Self { name: "profiles", endpoint: "/cgi-bin/user/info/batchget", reading: Reading::Batches };

    /// The path of the call that reads one profile
    /// ([获取用户基本信息](https://developers.weixin.qq.com/doc/service/api/usermanage/userinfo/api_userinfo)).
    pub const USER_INFO: &'static str = "/cgi-bin/user/info";

    /// A second list, for tests of what several lists of an account share. No pipeline file can
    /// name it.
    #[doc(hidden)]
    pub const SECOND: Self = Self { name: "second", ..Self::FOLLOWERS };

    /// The names that a pipeline file may use.
    const NAMES: [&str; Self::NAMED.len()] = {
        let mut names = [""; Self::NAMED.len()];
        let mut place = 0;
        while place < names.len() {
            names[place] = Self::NAMED[place].name;
            place += 1;
        }
        names
    };

    /// The lists that a pipeline file may name.
    pub const NAMED: [Self; 6] =
        [Self::FOLLOWERS, Self::PROFILES, Self::CHANGES, Self::TAGS, Self::TAG_MEMBERS, Self::BLACKLIST];

    /// Returns the list that a pipeline file calls `name`.
    pub fn named(name: &str) -> Option<Self> {
        Self::NAMED.into_iter().find(|list| list.name == name)
    }

    /// Returns the name that paths, records and reports use.
    pub fn name(self) -> &'static str {
        self.name
    }

    /// Returns what its rows are called, in the plural.
    pub fn rows_are(self) -> &'static str {
        match self {
            list if list == Self::BLACKLIST => "blocked people",
            list if list == Self::TAG_MEMBERS => "people of tags",
            list if list == Self::TAGS => "tags",
            list if list == Self::CHANGES => "changes",
            _ => "followers",
        }
    }

    /// Returns the path of the call that reads a page or a batch. WeChat counts calls by this path.
    pub fn endpoint(self) -> &'static str {
        self.endpoint
    }

    /// Returns how the list is read.
    pub fn reading(self) -> Reading {
        self.reading
    }

    /// Returns the list on a decided walk of which this one rests; `None` if it rests on none.
    pub fn rests_on(self) -> Option<Self> {
        match self.reading {
            Reading::Pages { .. } | Reading::PagesOfTags => None,
            Reading::Batches => Some(Self::FOLLOWERS),
            Reading::Derived => Some(Self::TAG_MEMBERS),
        }
    }
}

impl Default for List {
    fn default() -> Self {
        Self::FOLLOWERS
    }
}

impl fmt::Display for List {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name)
    }
}

impl fmt::Debug for List {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name)
    }
}

impl Serialize for List {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name)
    }
}

impl<'de> Deserialize<'de> for List {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::named(&name).ok_or_else(|| D::Error::unknown_variant(&name, &Self::NAMES))
    }
}

impl JsonSchema for List {
    fn schema_name() -> Cow<'static, str> {
        "List".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "description": "A list of an account.", "enum": Self::NAMES })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_by_its_name_and_an_unknown_one_is_refused_with_those_that_there_are() {
        assert_eq!(serde_json::from_str::<List>("\"followers\"").unwrap(), List::FOLLOWERS);
        let error = serde_json::from_str::<List>("\"profile\"").unwrap_err().to_string();
        assert!(["`profile`", "`followers`", "`profiles`"].iter().all(|name| error.contains(name)), "{error}");
    }
}
