//! The reader of `errcode`, for every reply of WeChat: pages, tokens, quotas, and replies that a
//! token server passes on.
//!
//! `decode::general` reads pages with the types of this file; `source` hands all other replies to
//! [`read_reply`]. WeChat itself sends `{"errcode":40013,"errmsg":"…"}`. Gateways and token servers
//! write the number as text or as `40013.0`, and leave out `errmsg`.

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny};
use serde_json::{Map, Value};

use super::api_error::ApiError;

/// Why a reply has no fields to read.
#[derive(Debug, thiserror::Error)]
pub enum ReplyError {
    /// WeChat's error reply: `errcode` is not 0.
    #[error("{0}")]
    Api(ApiError),
    /// It is no JSON object, or its `errcode` is no number. The text shows nothing of the reply.
    #[error("{0}")]
    Malformed(String),
}

/// Reads a reply of WeChat and returns its fields.
///
/// # Errors
///
/// [`ReplyError`] if the reply is an error of WeChat, or not of its form.
pub fn read_reply(body: &[u8]) -> Result<Map<String, Value>, ReplyError> {
    let reply: Map<String, Value> = serde_json::from_slice(body).map_err(|error| {
        ReplyError::Malformed(format!("not a JSON object, line {} column {}", error.line(), error.column()))
    })?;
    match api_error(&reply) {
        Ok(None) => Ok(reply),
        Ok(Some(error)) => Err(ReplyError::Api(error)),
        Err(error) => Err(ReplyError::Malformed(error.to_string())),
    }
}

/// Returns the error that the fields of a reply state; `None` if `errcode` is 0 or absent.
fn api_error(reply: &Map<String, Value>) -> Result<Option<ApiError>, serde_json::Error> {
    let errcode = reply.get("errcode").map_or(Ok(Errcode::default()), Errcode::deserialize)?;
    let errmsg = reply.get("errmsg").map_or(Ok(Errmsg::default()), Errmsg::deserialize)?;
    Ok(errcode.error(&errmsg))
}

/// Returns the error of WeChat that is passed on in a field of another server's reply, at any of
/// the objects that `pointer` leads through (RFC 6901); `None` if there is none, or its number is
/// none of WeChat's.
pub fn relayed_error(reply: &Value, pointer: &str) -> Option<ApiError> {
    let ends = pointer.match_indices('/').map(|(end, _)| end).chain([pointer.len()]);
    let mut objects = ends.filter_map(|end| reply.pointer(&pointer[..end])?.as_object());
    let error = objects.find_map(|object| api_error(object).ok()?)?;
    // WeChat's numbers have more digits. A server of another kind says 200 where all is well.
    (!(1..1_000).contains(&error.code)).then_some(error)
}

/// The value of `errcode`; `null` counts as 0.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Errcode(i64);

impl Errcode {
    /// Returns the error with this number and this text; `None` if the number is 0.
    pub(super) fn error(self, message: &Errmsg) -> Option<ApiError> {
        (self.0 != 0).then(|| ApiError::new(self.0, &message.0))
    }
}

impl<'de> Deserialize<'de> for Errcode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wrong = || D::Error::custom("`errcode` is neither an integer nor a string that holds one");
        match Option::<Integer>::deserialize(deserializer)? {
            None => Ok(Self(0)),
            Some(number) => number.signed().map(Self).ok_or_else(wrong),
        }
    }
}

/// The value of `errmsg`. Anything but text counts as absent.
#[derive(Clone, Debug, Default)]
pub(super) struct Errmsg(String);

impl<'de> Deserialize<'de> for Errmsg {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Shape {
            Text(String),
            Other(IgnoredAny),
        }
        Ok(match Shape::deserialize(deserializer)? {
            Shape::Text(text) => Self(text),
            Shape::Other(_) => Self::default(),
        })
    }
}

/// A number of a reply: an integer, a float without a fraction, or a string that holds one of them;
/// none for any other value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Integer(Option<i128>);

impl Integer {
    /// Returns the number if it is not negative.
    pub(super) fn natural(self) -> Option<u64> {
        self.0.and_then(|number| u64::try_from(number).ok())
    }

    fn signed(self) -> Option<i64> {
        self.0.and_then(|number| i64::try_from(number).ok())
    }
}

/// Returns the number in the field of a reply, if it is one and not negative.
pub fn natural(value: &Value) -> Option<u64> {
    Integer::deserialize(value).ok()?.natural()
}

impl<'de> Deserialize<'de> for Integer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Shape {
            Signed(i64),
            Unsigned(u64),
            Float(f64),
            Text(String),
            Other(IgnoredAny),
        }
        Ok(Self(match Shape::deserialize(deserializer)? {
            Shape::Signed(number) => Some(number.into()),
            Shape::Unsigned(number) => Some(number.into()),
            Shape::Float(number) => whole(number),
            Shape::Text(text) => {
                let text = text.trim();
                text.parse().ok().or_else(|| text.parse().ok().and_then(whole))
            }
            Shape::Other(_) => None,
        }))
    }
}

/// Returns a float as an integer, if it is one and small enough to be exact.
fn whole(number: f64) -> Option<i128> {
    const EXACT: f64 = (1_u64 << 53) as f64;
    (number.fract() == 0.0 && number.abs() < EXACT).then_some(number as i128)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wechat::{PageReply, summarize};

    /// Every way in which a number may be written.
    const FORMS: [&str; 7] = ["40013", "\"40013\"", "40013.0", "4.0013e4", "\" 40013 \"", "\"40013.0\"", "\"+40013\""];

    fn code(body: &str) -> Option<i64> {
        match read_reply(body.as_bytes()) {
            Ok(_) => Some(0),
            Err(ReplyError::Api(error)) => Some(error.code),
            Err(ReplyError::Malformed(_)) => None,
        }
    }

    /// The same for the reader of pages.
    fn code_of_page(body: &str) -> Option<i64> {
        match summarize(body.as_bytes()) {
            Ok(PageReply::Page(_)) => Some(0),
            Ok(PageReply::Error(error)) => Some(error.code),
            Err(_) => None,
        }
    }

    #[test]
    fn an_errcode_is_read_alike_in_every_reply_and_every_form() {
        for (form, expected) in FORMS
            .map(|form| (form, Some(40013)))
            .into_iter()
            .chain(
                [("0", 0), ("\"0\"", 0), ("0.0", 0), ("null", 0), ("-1", -1), ("\"-1\"", -1)]
                    .map(|(f, c)| (f, Some(c))),
            )
            .chain(
                ["true", "[]", "{}", "\"\"", "\"ok\"", "1.5", "\"1.5\"", "1e300", "\"inf\"", "\"nan\""]
                    .map(|f| (f, None)),
            )
        {
            for body in [
                format!("{{\"errcode\":{form}}}"),
                format!("{{\"errcode\":{form},\"errmsg\":\"invalid appid\"}}"),
                format!("{{\"errmsg\":null,\"errcode\":{form}}}"),
                format!("{{\"errmsg\":7,\"errcode\":{form}}}"),
            ] {
                assert_eq!((code(&body), code_of_page(&body)), (expected, expected), "{body}");
            }
        }
    }

    #[test]
    fn what_is_no_reply_is_described_without_its_text() {
        for body in ["CANARY", "[\"CANARY\"]", "{\"access_token\":\"CANARY\"", "{\"errcode\":\"CANARY\"}", ""] {
            let error = read_reply(body.as_bytes()).unwrap_err();
            assert!(matches!(error, ReplyError::Malformed(_)), "{body}");
            assert!(!format!("{error} {error:?}").contains("CANARY"), "{error}");
        }
    }

    #[test]
    fn an_error_that_is_passed_on_is_found_on_the_way_to_the_token() {
        let code =
            |body: &str, pointer| relayed_error(&serde_json::from_str(body).unwrap(), pointer).map(|error| error.code);
        for form in FORMS {
            let error = format!("{{\"errcode\":{form},\"errmsg\":\"x\"}}");
            assert_eq!(code(&error, "/access_token"), Some(40013));
            assert_eq!(code(&format!("{{\"data\":{error}}}"), "/data/access_token"), Some(40013));
            assert_eq!(code(&format!("{{\"data\":[{error}]}}"), "/data/0/access_token"), Some(40013));
            assert_eq!(code(&format!("{{\"access_token\":{error}}}"), "/access_token"), Some(40013));
            assert_eq!(code(&format!("{{\"elsewhere\":{error}}}"), "/access_token"), None);
        }
        assert_eq!(code(r#"{"errcode":0,"access_token":"T"}"#, "/access_token"), None);
        assert_eq!(code("\"T\"", "/access_token"), None);
    }
}
