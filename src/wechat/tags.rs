//! The reply of `tags/get`: the tags of an account, each with its id, its name and a count.
//!
//! Before it: [`source`](crate::source) asks for it. Behind it: the engine chooses the tags that it
//! reads, and compares their counts with the people that it finds.

use std::fmt::Write as _;

use serde_json::Value;

use super::reply::{ReplyError, natural, read_reply};

/// A tag of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    /// Its id, unique within the account.
    pub id: i32,
    /// Its name, which the operator may change.
    pub name: String,
    /// The people that WeChat counts; it may lag behind.
    pub count: u64,
}

impl Tag {
    /// Returns whether the tag is one of WeChat's own, which every account has: nobody has made it,
    /// and nobody can change it.
    pub fn is_of_wechat(&self) -> bool {
        (0..=2).contains(&self.id)
    }
}

/// Reads a reply of `tags/get`, and returns its tags by their ids. Without a list of tags it says
/// nothing: it would delete every tag. Numbers may be text; a count that is none is 0. A name may
/// hold what JSON does not allow there: control characters, and bytes that are no UTF-8.
///
/// # Errors
///
/// [`ReplyError`] if the reply is an error of WeChat or not of its form, a tag has no id or no
/// name, or two have one id.
pub fn read_tags(body: &[u8]) -> Result<Vec<Tag>, ReplyError> {
    let reply = match read_reply(body) {
        Err(ReplyError::Malformed(_)) => read_reply(readable(body).as_bytes())?,
        read => read?,
    };
    let malformed = |what: &str| ReplyError::Malformed(what.to_owned());
    let Some(Value::Array(listed)) = reply.get("tags") else { return Err(malformed("its `tags` are no list")) };
    let tag = |tag: &Value| {
        let id = natural(tag.get("id")?).and_then(|id| i32::try_from(id).ok())?;
        let name = tag.get("name")?.as_str()?.to_owned();
        // No account has more people, and sums of counts stay in their type.
        let count = tag.get("count").and_then(natural).unwrap_or(0).min(u32::MAX.into());
        Some(Tag { id, name, count })
    };
    let mut tags =
        listed.iter().map(tag).collect::<Option<Vec<_>>>().ok_or_else(|| malformed("a tag has no id or no name"))?;
    tags.sort_unstable_by_key(|tag| tag.id);
    if tags.windows(2).any(|pair| pair[0].id == pair[1].id) {
        return Err(malformed("two tags have one id"));
    }
    Ok(tags)
}

/// Returns a reply with its control characters escaped where they are part of a text, and with
/// U+FFFD for what is no UTF-8.
fn readable(body: &[u8]) -> String {
    let body = String::from_utf8_lossy(body);
    let mut readable = String::with_capacity(body.len());
    let (mut is_text, mut is_escaped) = (false, false);
    for character in body.chars() {
        match character {
            '\0'..='\x1f' if is_text => {
                let _ = write!(readable, "\\u{:04x}", u32::from(character));
                is_escaped = false;
                continue;
            }
            '"' if !is_escaped => is_text = !is_text,
            _ => {}
        }
        is_escaped = is_text && character == '\\' && !is_escaped;
        readable.push(character);
    }
    readable
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<Vec<(i32, String, u64)>, String> {
        let tags = read_tags(body.as_bytes()).map_err(|error| error.to_string())?;
        Ok(tags.into_iter().map(|Tag { id, name, count }| (id, name, count)).collect())
    }

    #[test]
    fn tags_are_read_however_their_numbers_are_written_and_come_by_their_ids() {
        let body = r#"{"tags":[{"id":"134","name":"\u0001\"\ud83d\ude00\" a\/b","count":"5"},{"name":"星标组","id":2,"count":0.0},{"id":100,"name":"","more":[]}]}"#;
        let expected = [(2, "星标组", 0), (100, "", 0), (134, "\u{1}\"\u{1f600}\" a/b", 5)];
        assert_eq!(read(body).unwrap(), expected.map(|(id, name, count)| (id, name.to_owned(), count)));
        assert_eq!(read(r#"{"tags":[]}"#).unwrap(), []);
    }

    #[test]
    fn a_name_may_hold_what_json_does_not_allow() {
        let body = b"{\n\"tags\":[{\"id\":1,\"name\":\"a\x07\\\\\n\\\"\x14\"},\t{\"id\":3,\"name\":\"\xff\"}]}";
        let tags = read_tags(body).unwrap();
        assert_eq!(tags.iter().map(|tag| tag.name.as_str()).collect::<Vec<_>>(), ["a\u{7}\\\n\"\u{14}", "\u{fffd}"]);
    }

    #[test]
    fn what_is_no_list_of_tags_is_refused() {
        for (body, expected) in [
            (r#"{"errcode":48001,"errmsg":"api unauthorized"}"#, "errcode 48001"),
            (r#"{"tags":{}}"#, "no list"),
            (r#"{"errcode":0,"tags":null}"#, "no list"),
            (r#"{"errcode":0}"#, "no list"),
            (r#"{"tags":[{"name":"VIP"}]}"#, "no id or no name"),
            (r#"{"tags":[{"id":-1,"name":"VIP"}]}"#, "no id or no name"),
            (r#"{"tags":[{"id":1}]}"#, "no id or no name"),
            (r#"{"tags":[{"id":1,"name":"a"},{"id":"1","name":"b"}]}"#, "two tags have one id"),
            ("[]", "not a JSON object"),
        ] {
            let error = read(body).unwrap_err();
            assert!(error.contains(expected), "{body}: {error}");
        }
    }
}
