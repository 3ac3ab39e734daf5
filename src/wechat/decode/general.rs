//! The general path: all that JSON allows, parsed with serde.
//!
//! `paths` takes it where the fast path has not answered. Its errors are the ones that are
//! reported, and the fast path is tested against it.

use std::borrow::Cow;
use std::fmt;

use arrow::array::{StringArray, StringBuilder};
use fanout_sink::arrow;
use serde::Deserialize;
use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::wechat::cursor::Cursor;
use crate::wechat::page::{Malformed, PageReply, Summary};
use crate::wechat::reply::{Errcode, Errmsg, Integer};

/// Checks a reply and returns its envelope.
pub(super) fn summarize(body: &[u8]) -> Result<PageReply, Malformed> {
    parse(body, &mut Discard)
}

/// Checks a reply, and returns its envelope and its `OpenID`s.
pub(super) fn decode(body: &[u8]) -> Result<(PageReply, StringArray), Malformed> {
    // An OpenID of 28 characters takes 31 bytes on the wire.
    let mut openids = StringBuilder::with_capacity(body.len() / 31 + 1, body.len() / 31 * 28 + 28);
    let reply = parse(body, &mut openids)?;
    Ok((reply, openids.finish()))
}

fn parse(body: &[u8], openids: &mut impl Collect) -> Result<PageReply, Malformed> {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let reply = ReplySeed(openids).deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(reply)
}

/// What is done with each `OpenID` that is not empty.
trait Collect {
    fn collect(&mut self, openid: &str);
}

struct Discard;

impl Collect for Discard {
    fn collect(&mut self, _openid: &str) {}
}

impl Collect for StringBuilder {
    fn collect(&mut self, openid: &str) {
        self.append_value(openid);
    }
}

/// The keys of a reply.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Key {
    Total,
    Count,
    Data,
    NextOpenid,
    Errcode,
    Errmsg,
    #[serde(other)]
    Unknown,
}

struct ReplySeed<'a, C>(&'a mut C);

impl<'de, C: Collect> DeserializeSeed<'de> for ReplySeed<'_, C> {
    type Value = PageReply;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<PageReply, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, C: Collect> Visitor<'de> for ReplySeed<'_, C> {
    type Value = PageReply;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object with `total`, `count`, `data` and `next_openid`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<PageReply, A::Error> {
        let mut summary = Summary::default();
        let mut data_seen = false;
        let mut errcode = Errcode::default();
        let mut errmsg = Errmsg::default();
        while let Some(key) = map.next_key()? {
            match key {
                Key::Total => summary.total = map.next_value::<Integer>()?.natural(),
                Key::Count => summary.count = map.next_value::<Integer>()?.natural(),
                Key::NextOpenid => {
                    let next: Option<Cow<'_, str>> = map.next_value()?;
                    summary.next = next.and_then(|next| Cursor::after(&next));
                }
                Key::Errcode => errcode = map.next_value::<Errcode>()?,
                Key::Errmsg => errmsg = map.next_value()?,
                Key::Data if data_seen => return Err(de::Error::duplicate_field("data")),
                Key::Data => {
                    data_seen = true;
                    map.next_value_seed(Nullable(DataSeed { openids: &mut *self.0, summary: &mut summary }))?;
                }
                Key::Unknown => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(errcode.error(&errmsg).map_or(PageReply::Page(summary), PageReply::Error))
    }
}

/// A value that may be `null`; `null` changes nothing.
struct Nullable<S>(S);

impl<'de, S> DeserializeSeed<'de> for Nullable<S>
where
    S: DeserializeSeed<'de, Value = ()>,
{
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de, S> Visitor<'de> for Nullable<S>
where
    S: DeserializeSeed<'de, Value = ()>,
{
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value or null")
    }

    fn visit_none<E: de::Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        self.0.deserialize(deserializer)
    }
}

/// The object under `data`.
struct DataSeed<'a, C> {
    openids: &'a mut C,
    summary: &'a mut Summary,
}

impl<'de, C: Collect> DeserializeSeed<'de> for DataSeed<'_, C> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, C: Collect> Visitor<'de> for DataSeed<'_, C> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object with the array `openid`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = false;
        while let Some(key) = map.next_key::<Cow<'_, str>>()? {
            if key != "openid" {
                map.next_value::<IgnoredAny>()?;
            } else if seen {
                return Err(de::Error::duplicate_field("openid"));
            } else {
                seen = true;
                let array = ArraySeed { openids: &mut *self.openids, summary: &mut *self.summary };
                map.next_value_seed(Nullable(array))?;
            }
        }
        Ok(())
    }
}

/// The array of `OpenID`s.
struct ArraySeed<'a, C> {
    openids: &'a mut C,
    summary: &'a mut Summary,
}

impl<'de, C: Collect> DeserializeSeed<'de> for ArraySeed<'_, C> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, C: Collect> Visitor<'de> for ArraySeed<'_, C> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an array of strings")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<(), A::Error> {
        let Self { openids, summary } = self;
        while sequence.next_element_seed(ElementSeed { openids: &mut *openids, summary: &mut *summary })?.is_some() {}
        Ok(())
    }
}

/// One `OpenID`. It reaches the collector without a copy.
struct ElementSeed<'a, C> {
    openids: &'a mut C,
    summary: &'a mut Summary,
}

impl<'de, C: Collect> DeserializeSeed<'de> for ElementSeed<'_, C> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<C: Collect> Visitor<'_> for ElementSeed<'_, C> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an OpenID")
    }

    fn visit_str<E: de::Error>(self, openid: &str) -> Result<(), E> {
        if openid.is_empty() {
            self.summary.empty += 1;
        } else {
            self.summary.openids += 1;
            self.openids.collect(openid);
        }
        Ok(())
    }
}
