//! `key` and `value`: a keyword, or a list of columns.

use std::borrow::Cow;
use std::fmt;

use fanout_sink::schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

/// The key of a record. A key is never null.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum KeyFormat {
    /// `app_id:openid`: the account's app id, a colon, and the column `openid`. It is unique over
    /// all accounts, but not over the lists of an account.
    #[default]
    AppIdAndOpenid,
    /// `openid`: the column of that name.
    Openid,
    /// A JSON object of these columns.
    Columns(Vec<String>),
}

/// The value of a record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ValueFormat {
    /// `json`: a JSON object of all columns.
    #[default]
    Json,
    /// A JSON object of these columns.
    Columns(Vec<String>),
    /// `none`: null. In a compacted topic a null value deletes its key.
    None,
}

const KEY: &str = "`app_id:openid`, `openid` or a list of columns";
const VALUE: &str = "`json`, `none` or a list of columns";

impl fmt::Display for KeyFormat {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AppIdAndOpenid => formatter.write_str("app_id:openid"),
            Self::Openid => formatter.write_str("openid"),
            Self::Columns(columns) => write!(formatter, "json:{}", columns.join(",")),
        }
    }
}

impl fmt::Display for ValueFormat {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json => formatter.write_str("json"),
            Self::Columns(columns) => write!(formatter, "json:{}", columns.join(",")),
            Self::None => formatter.write_str("none"),
        }
    }
}

impl<'de> Deserialize<'de> for KeyFormat {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match deserializer.deserialize_any(Visitor(KEY))? {
            Written::Columns(columns) => Ok(Self::Columns(columns)),
            Written::Word(word) if word == "app_id:openid" => Ok(Self::AppIdAndOpenid),
            Written::Word(word) if word == "openid" => Ok(Self::Openid),
            Written::Word(word) => Err(unexpected(&word, KEY)),
        }
    }
}

impl<'de> Deserialize<'de> for ValueFormat {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match deserializer.deserialize_any(Visitor(VALUE))? {
            Written::Columns(columns) => Ok(Self::Columns(columns)),
            Written::Word(word) if word == "json" => Ok(Self::Json),
            Written::Word(word) if word == "none" => Ok(Self::None),
            Written::Word(word) => Err(unexpected(&word, VALUE)),
        }
    }
}

fn unexpected<E: de::Error>(word: &str, expected: &'static str) -> E {
    E::invalid_value(de::Unexpected::Str(word), &expected)
}

enum Written {
    Word(String),
    Columns(Vec<String>),
}

struct Visitor(&'static str);

impl<'de> de::Visitor<'de> for Visitor {
    type Value = Written;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0)
    }

    fn visit_str<E: de::Error>(self, word: &str) -> Result<Written, E> {
        Ok(Written::Word(word.to_owned()))
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut items: A) -> Result<Written, A::Error> {
        let mut columns = Vec::new();
        while let Some(column) = items.next_element()? {
            columns.push(column);
        }
        if columns.is_empty() { Err(de::Error::invalid_length(0, &self)) } else { Ok(Written::Columns(columns)) }
    }
}

fn schema_of(words: [&str; 2], description: &str) -> Schema {
    json_schema!({
        "anyOf": [
            { "type": "string", "enum": words },
            { "type": "array", "items": { "type": "string" }, "minItems": 1 },
        ],
        "description": description,
    })
}

impl JsonSchema for KeyFormat {
    fn schema_name() -> Cow<'static, str> {
        "KeyFormat".into()
    }

    fn json_schema(_generator: &mut SchemaGenerator) -> Schema {
        schema_of(["app_id:openid", "openid"], KEY)
    }
}

impl JsonSchema for ValueFormat {
    fn schema_name() -> Cow<'static, str> {
        "ValueFormat".into()
    }

    fn json_schema(_generator: &mut SchemaGenerator) -> Schema {
        schema_of(["json", "none"], VALUE)
    }
}
