//! One reply of `user/get`: its envelope, and its `OpenID`s.
//!
//! Two passes with the same parser. [`summarize`] checks every byte and keeps what the walk needs (the next cursor, the
//! total, how many `OpenID`s) before the page goes to the journal; [`decode`] collects the `OpenID`s into an Arrow array
//! behind it. Whatever JSON allows is understood: any key order, unknown keys, escapes, white space.
//!
//! Shapes: the documentation of
//! [`user/get`](https://developers.weixin.qq.com/doc/service/api/usermanage/userinfo/api_getfans), which says "may be empty"
//! where the wire says "absent".

use std::borrow::Cow;
use std::fmt;

use arrow::array::{StringArray, StringBuilder};
use fanout_sink::arrow;
use serde::Deserialize;
use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::Cursor;
use super::errcode::ApiError;

/// A reply that was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// A part of the list, perhaps an empty one.
    Page(Summary),
    /// `errcode` was not 0.
    Error(ApiError),
}

/// What a page says, apart from the `OpenID`s themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Followers of the account as WeChat states them; none where the field is absent or not a non-negative integer.
    pub total: Option<u64>,
    /// `OpenID`s in this page as WeChat states them. The array is what counts.
    pub count: Option<u64>,
    /// `OpenID`s in the array, without empty strings.
    pub openids: u64,
    /// Empty strings in the array.
    pub empty: u64,
    /// The cursor of the next page; none where it is absent, null or empty.
    pub next: Option<Cursor>,
}

/// A reply that is not what `user/get` sends.
#[derive(Debug, thiserror::Error)]
#[error("the reply is not a page of the list: {0}")]
pub struct Malformed(#[from] serde_json::Error);

/// Checks a reply and returns its envelope.
///
/// # Errors
///
/// [`Malformed`] names line and column of the first byte that does not fit.
pub fn summarize(body: &[u8]) -> Result<Reply, Malformed> {
    parse(body, &mut Discard)
}

/// Checks a reply, and returns its envelope and its `OpenID`s, in order and without empty strings.
///
/// # Errors
///
/// [`Malformed`] names line and column of the first byte that does not fit.
pub fn decode(body: &[u8]) -> Result<(Reply, StringArray), Malformed> {
    // An OpenID of 28 characters takes 31 bytes on the wire.
    let mut openids = StringBuilder::with_capacity(body.len() / 31 + 1, body.len() / 31 * 28 + 28);
    let reply = parse(body, &mut openids)?;
    Ok((reply, openids.finish()))
}

fn parse(body: &[u8], openids: &mut impl Collect) -> Result<Reply, Malformed> {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let reply = ReplySeed(openids).deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(reply)
}

/// What becomes of each `OpenID` that is not empty.
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
    type Value = Reply;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Reply, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, C: Collect> Visitor<'de> for ReplySeed<'_, C> {
    type Value = Reply;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object with `total`, `count`, `data` and `next_openid`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Reply, A::Error> {
        let mut summary = Summary::default();
        let mut data_seen = false;
        let mut errcode = 0;
        let mut errmsg = Cow::Borrowed("");
        while let Some(key) = map.next_key()? {
            match key {
                Key::Total => summary.total = map.next_value::<Lenient>()?.natural(),
                Key::Count => summary.count = map.next_value::<Lenient>()?.natural(),
                Key::NextOpenid => {
                    let next: Option<Cow<'_, str>> = map.next_value()?;
                    summary.next = next.and_then(|next| Cursor::after(&next));
                }
                Key::Errcode => {
                    errcode = map.next_value::<Lenient>()?.integer().ok_or_else(|| {
                        de::Error::custom("`errcode` is neither an integer nor a string that holds one")
                    })?;
                }
                Key::Errmsg => errmsg = map.next_value()?,
                Key::Data if data_seen => return Err(de::Error::duplicate_field("data")),
                Key::Data => {
                    data_seen = true;
                    map.next_value_seed(Nullable(DataSeed { openids: &mut *self.0, summary: &mut summary }))?;
                }
                Key::Unknown => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        if errcode == 0 { Ok(Reply::Page(summary)) } else { Ok(Reply::Error(ApiError::new(errcode, &errmsg))) }
    }
}

/// A number, a string that holds one, or anything else, which is no number.
struct Lenient(Option<i128>);

impl Lenient {
    fn natural(&self) -> Option<u64> {
        self.0.and_then(|number| u64::try_from(number).ok())
    }

    fn integer(&self) -> Option<i64> {
        self.0.and_then(|number| i64::try_from(number).ok())
    }
}

impl<'de> Deserialize<'de> for Lenient {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Shape<'a> {
            Signed(i64),
            Unsigned(u64),
            Text(#[serde(borrow)] Cow<'a, str>),
            Other(IgnoredAny),
        }
        Ok(Self(match Shape::deserialize(deserializer)? {
            Shape::Signed(number) => Some(number.into()),
            Shape::Unsigned(number) => Some(number.into()),
            Shape::Text(text) => text.parse().ok(),
            Shape::Other(_) => None,
        }))
    }
}

/// A value that may be `null`, which then leaves everything as it is.
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

/// One `OpenID`, never copied on its way to the collector.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn page(body: &str) -> (Summary, Vec<String>) {
        let (reply, openids) = decode(body.as_bytes()).unwrap();
        assert_eq!(summarize(body.as_bytes()).unwrap(), reply);
        let Reply::Page(summary) = reply else { panic!("an error: {body}") };
        (summary, openids.iter().flatten().map(str::to_owned).collect())
    }

    fn next(cursor: &str) -> Option<Cursor> {
        Cursor::after(cursor)
    }

    #[test]
    fn an_ordinary_page_is_understood() {
        let (summary, openids) = page(r#"{"total":3,"count":2,"data":{"openid":["oA","oB"]},"next_openid":"oB"}"#);
        assert_eq!(openids, ["oA", "oB"]);
        let expected = Summary { total: Some(3), count: Some(2), openids: 2, empty: 0, next: next("oB") };
        assert_eq!(summary, expected);
    }

    #[test]
    fn the_reply_after_the_last_openid_has_no_data() {
        let (summary, openids) = page(r#"{"total":770270,"count":0,"next_openid":""}"#);
        assert!(openids.is_empty());
        assert_eq!(summary, Summary { total: Some(770_270), count: Some(0), ..Summary::default() });
    }

    #[test]
    fn key_order_white_space_escapes_and_unknown_keys_change_nothing() {
        let plain = r#"{"total":2,"count":2,"data":{"openid":["oA","o\"é"]},"next_openid":"oB"}"#;
        let odd = "\n{ \"next_openid\" : \"\\u006fB\", \"x\": [{\"total\": 9}], \"errcode\": 0, \"errmsg\": \"ok\",\n\t\"data\": \
                   {\"y\": null, \"openid\": [ \"\\u006fA\" , \"o\\\"\\u00e9\" ] }, \"count\": 2, \"total\": 2 }\r\n";
        assert_eq!(page(plain), page(odd));
    }

    #[test]
    fn missing_and_null_data_are_an_empty_page() {
        for data in [r#""data":null,"#, r#""data":{},"#, r#""data":{"openid":null},"#, r#""data":{"openid":[]},"#, ""] {
            let (summary, openids) = page(&format!(r#"{{"total":0,{data}"next_openid":null}}"#));
            assert_eq!((summary.openids, summary.next), (0, None), "{data}");
            assert!(openids.is_empty());
        }
    }

    #[test]
    fn empty_strings_are_counted_and_dropped() {
        let (summary, openids) = page(r#"{"total":2,"count":2,"data":{"openid":["","oA","oB"]},"next_openid":"oB"}"#);
        assert_eq!(openids, ["oA", "oB"]);
        assert_eq!((summary.openids, summary.empty), (2, 1));
    }

    #[test]
    fn an_errcode_is_an_error_even_beside_data() {
        let body = br#"{"errcode":-1,"errmsg":"system error","data":{"openid":["oA"]}}"#;
        assert_eq!(summarize(body).unwrap(), Reply::Error(ApiError::new(-1, "system error")));
        let as_text = br#"{"errcode":"45009","errmsg":"reach max api daily quota limit"}"#;
        assert!(matches!(summarize(as_text).unwrap(), Reply::Error(error) if error.code == 45009));
    }

    #[test]
    fn a_total_that_is_no_count_is_no_total() {
        for total in ["null", "-1", "1.5", "\"many\"", "[]", "{\"a\":1}", "184467440737095516160"] {
            let (summary, _) = page(&format!(r#"{{"total":{total},"next_openid":""}}"#));
            assert_eq!(summary.total, None, "{total}");
        }
        assert_eq!(page(r#"{"total":"12"}"#).0.total, Some(12));
    }

    #[test]
    fn what_is_no_page_is_refused() {
        let deep = format!(r#"{{"total":1,"data":{}1{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
        for body in [
            "",
            "null",
            "[]",
            "<html></html>",
            r#"{"total":1"#,
            r#"{"total":1}x"#,
            r#"{"data":{"openid":[1]}}"#,
            r#"{"data":{"openid":["a"]},"data":{"openid":["b"]}}"#,
            r#"{"data":{"openid":["a"],"openid":["b"]}}"#,
            r#"{"data":["a"]}"#,
            r#"{"next_openid":5}"#,
            r#"{"errcode":"x"}"#,
            "{\"data\":{\"openid\":[\"a\u{1}\"]}}",
            &deep,
        ] {
            assert!(summarize(body.as_bytes()).is_err(), "accepted: {}", &body[..body.len().min(60)]);
        }
        assert!(summarize(b"{\"data\":{\"openid\":[\"\xff\"]}}").is_err());
    }

    #[test]
    fn every_truncation_is_refused() {
        let body = br#"{"total":3,"count":2,"data":{"openid":["oA","oB"]},"next_openid":"oB"}"#;
        for length in 0..body.len() {
            assert!(summarize(&body[..length]).is_err(), "accepted the first {length} bytes");
        }
    }
}
