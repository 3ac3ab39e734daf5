//! The lists that an account has: their names, and the call that reads each.
//!
//! A pipeline file names a list; `source` makes its calls; state, sinks and reports carry its name.

use std::borrow::Cow;
use std::fmt;

use fanout_sink::schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error};
use serde::{Serialize, Serializer};

/// A list of an account that is read page by page.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct List {
    name: &'static str,
    endpoint: &'static str,
    cursor_key: &'static str,
}

impl List {
    /// The followers of an account, from
    /// [`user/get`](https://developers.weixin.qq.com/doc/service/api/usermanage/userinfo/api_getfans)
    /// (获取用户列表).
    pub const FOLLOWERS: Self = Self { name: "followers", endpoint: "/cgi-bin/user/get", cursor_key: "next_openid" };

    /// A second list, for tests of what several lists of an account share. No pipeline file can
    /// name it.
    #[doc(hidden)]
    pub const SECOND: Self = Self { name: "second", ..Self::FOLLOWERS };

    /// The names that a pipeline file may use.
    const NAMES: [&str; 1] = [Self::FOLLOWERS.name];

    /// Returns the list that a pipeline file calls `name`.
    pub fn named(name: &str) -> Option<Self> {
        [Self::FOLLOWERS].into_iter().find(|list| list.name == name)
    }

    /// Returns the name that paths, records and reports use.
    pub fn name(self) -> &'static str {
        self.name
    }

    /// Returns the path of the call that reads a page. WeChat counts calls by this path.
    pub fn endpoint(self) -> &'static str {
        self.endpoint
    }

    /// Returns the key in the query that carries the cursor.
    pub fn cursor_key(self) -> &'static str {
        self.cursor_key
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
        assert!(error.contains("`profile`") && error.contains("`followers`"), "{error}");
    }
}
