//! The errors that a token server has of its own, told at `error_pointer`, and what they say.
//!
//! Before it: `endpoint` has a reply. Behind it: the token is read only from a reply without an
//! error. An error of WeChat that the server passes on, even within a text, is WeChat's.
//!
//! Tencent's own middleware for platforms (`wxcloudrun-wxcomponent`) answers every failure with
//! `{"code":1002,"errorMsg":"…","data":"WxErrCode != 0, resp: {61023 refresh_token is invalid}"}`,
//! and its `data` may also be the URL of a failed call with a token in it.

use serde_json::{Map, Value};

use crate::source::call_error::CallError;
use crate::wechat::{ApiError, relayed_error};

/// The fields beside the error that may say what is wrong, without case and `_`; the most telling
/// ones last.
const TEXTS: [&str; 9] =
    ["error", "errormsg", "errmsg", "errormessage", "errordescription", "message", "msg", "reason", "data"];

/// WeChat's numbers for third-party platforms. A server that has one as its own code passes it on.
const OF_PLATFORMS: std::ops::Range<i64> = 61_000..62_000;

/// Words of this length may be secrets. A `rid` has 26 characters, an app id 18.
const SECRET_LENGTH: usize = 27;

/// How far behind the word `errcode` its number may be: `WxErrCode != 0, resp: {61023 …`.
const NUMBER_WITHIN: usize = 24;

/// Returns the error that a reply tells at `error_pointer`, or passes on beside it; `None` if there
/// is none.
pub(super) fn find(body: &[u8], error_pointer: &str) -> Option<CallError> {
    let reply: Value = serde_json::from_slice(body).ok()?;
    if let Some(error) = relayed_error(&reply, error_pointer) {
        // The text may have been cut within a secret, which is then too short to be known.
        let is_cut = error.message.chars().count() >= ApiError::LONGEST_MESSAGE;
        let end = if is_cut { error.message.rfind(' ').unwrap_or(0) } else { error.message.len() };
        return Some(CallError::Api(ApiError::new(error.code, &without_secrets(&error.message[..end]))));
    }
    let value = reply.pointer(error_pointer).filter(|value| is_error(value))?;
    let texts = texts(&reply, error_pointer, value);
    if let Some(error) = texts.iter().find_map(|text| passed_on(text)) {
        return Some(CallError::Api(error));
    }
    let text = without_secrets(&texts.join(": "));
    let code = match value {
        Value::Number(code) => code.to_string(),
        Value::String(code) => without_secrets(code.trim()),
        _ => String::new(),
    };
    match code.parse() {
        Ok(code) if OF_PLATFORMS.contains(&code) => Some(CallError::Api(ApiError::new(code, &text))),
        _ => Some(CallError::Refused { code, text: ApiError::new(0, &text).message }),
    }
}

/// Returns whether the value at an `error_pointer` says that the server has failed.
fn is_error(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(is_error) => *is_error,
        Value::Number(code) => code.as_f64() != Some(0.0),
        Value::String(text) => !matches!(text.trim(), "" | "0"),
        Value::Array(_) | Value::Object(_) => true,
    }
}

/// Returns what the fields in and beside the error say.
fn texts<'a>(reply: &'a Value, error_pointer: &str, value: &'a Value) -> Vec<&'a str> {
    let (parent, key) = error_pointer.rsplit_once('/').unwrap_or_default();
    let beside = reply.pointer(parent).and_then(Value::as_object);
    let is_other = |name: &str| name != key;
    let mut texts = value.as_object().map(|fields| texts_of(fields, |_| true)).unwrap_or_default();
    texts.extend(beside.map(|fields| texts_of(fields, is_other)).unwrap_or_default());
    texts
}

fn texts_of(fields: &Map<String, Value>, is_asked: impl Fn(&str) -> bool) -> Vec<&str> {
    let place = |name: &str| {
        let name = name.to_ascii_lowercase().replace('_', "");
        TEXTS.iter().position(|known| *known == name)
    };
    let known = fields.iter().filter(|(name, _)| is_asked(name));
    let mut texts: Vec<(usize, &str)> =
        known.filter_map(|(name, text)| Some((place(name)?, text.as_str()?.trim()))).collect();
    texts.retain(|(_, text)| !text.is_empty());
    texts.sort_unstable_by_key(|(place, _)| *place);
    texts.into_iter().map(|(_, text)| text).collect()
}

/// Returns the error of WeChat that a text quotes: `…errcode…`, and close behind it a number of
/// WeChat.
fn passed_on(text: &str) -> Option<ApiError> {
    // The lower case has the same length, because only ASCII changes.
    const WORD: &str = "errcode";
    let behind = &text[text.to_ascii_lowercase().find(WORD)? + WORD.len()..];
    let is_part = |letter: char| letter.is_ascii_digit() || letter == '-';
    let mut numbers =
        behind.match_indices(is_part).filter(|&(at, _)| at < NUMBER_WITHIN && !behind[..at].ends_with(is_part));
    let (code, rest) = numbers.find_map(|(at, _)| {
        let end = behind[at..].find(|letter| !is_part(letter)).map_or(behind.len(), |length| at + length);
        let code: i64 = behind[at..end].parse().ok()?;
        (code == -1 || code >= 1_000).then_some((code, &behind[end..]))
    })?;
    let message = rest.split(['}', '\n']).next().unwrap_or_default();
    let message = message.trim_matches(|letter: char| letter.is_whitespace() || "\"',:;".contains(letter));
    Some(ApiError::new(code, &without_secrets(message)))
}

/// Replaces what may be a secret in a text of a token server: long words, and URLs.
fn without_secrets(text: &str) -> String {
    let is_of_word = |letter: char| letter.is_ascii_alphanumeric() || "_-+/.@=&?%~".contains(letter);
    let mut shown = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        let length = rest.find(|letter| !is_of_word(letter)).unwrap_or(rest.len());
        let (word, behind) = rest.split_at(length);
        let is_secret = word.len() >= SECRET_LENGTH || (word.contains('/') && word.contains(['?', '=']));
        shown.push_str(if is_secret { "…" } else { word });
        let between = behind.find(is_of_word).unwrap_or(behind.len());
        shown.push_str(&behind[..between]);
        rest = &behind[between..];
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(body: &str, pointer: &str) -> Option<String> {
        find(body.as_bytes(), pointer).map(|error| error.to_string())
    }

    #[test]
    fn only_a_value_that_says_so_is_an_error() {
        for value in ["0", "0.0", "\"\"", "\" \"", "\"0\"", "null", "false"] {
            assert_eq!(told(&format!("{{\"code\":{value},\"errorMsg\":\"OK\"}}"), "/code"), None, "{value}");
        }
        for (body, pointer) in [("{}", "/code"), ("T", "/code"), ("\"T\"", "/code"), ("{\"code\":1}", "/data/code")] {
            assert_eq!(told(body, pointer), None, "{body}");
        }
        for (value, shown) in [
            ("1002", "the server answered the error 1002: no such account"),
            ("-3", "the server answered the error -3: no such account"),
            ("\"E7\"", "the server answered the error E7: no such account"),
            ("true", "the server answered an error: no such account"),
            ("[]", "the server answered an error: no such account"),
            ("{\"msg\":\"inner\"}", "the server answered an error: inner: no such account"),
        ] {
            let body = format!("{{\"data\":{{\"code\":{value},\"message\":\"no such account\"}}}}");
            assert_eq!(told(&body, "/data/code").as_deref(), Some(shown), "{value}");
        }
    }

    #[test]
    fn what_stands_beside_an_error_is_told_in_the_order_from_general_to_particular() {
        let body = r#"{"data":"empty records","code":1002,"errorMsg":"系统错误","other":"CANARY"}"#;
        assert_eq!(told(body, "/code").unwrap(), "the server answered the error 1002: 系统错误: empty records");
        let body = r#"{"error":"no such account","error_description":""}"#;
        assert_eq!(told(body, "/error").unwrap(), "the server answered the error no such account");
    }

    #[test]
    fn an_error_of_wechat_within_a_text_is_wechats() {
        for (body, code, message) in [
            (
                r#"{"code":1002,"errorMsg":"系统错误","data":"WxErrCode != 0, resp: {61023 refresh_token is invalid rid: 61d3e476-294654f3-4d3917ee}"}"#,
                61023,
                "refresh_token is invalid rid: 61d3e476-294654f3-4d3917ee",
            ),
            (r#"{"code":1002,"data":"WxErrCode != 0, resp: {-1 system error}"}"#, -1, "system error"),
            (r#"{"code":500,"msg":"{\"errcode\":61004,\"errmsg\":\"x\"}"}"#, 61004, "errmsg\":\"x"),
            (r#"{"code":500,"msg":"errcode=45009"}"#, 45009, ""),
            (r#"{"code":61005,"msg":"ticket"}"#, 61005, "ticket"),
            (r#"{"code":"61003","msg":"none"}"#, 61003, "none"),
            (r#"{"code":7,"errcode":40125,"errmsg":"invalid appsecret"}"#, 40125, "invalid appsecret"),
        ] {
            match find(body.as_bytes(), "/code") {
                Some(CallError::Api(error)) => assert_eq!((error.code, &*error.message), (code, message), "{body}"),
                other => panic!("{body}: {other:?}"),
            }
        }
        for text in ["errcode", "errcode unknown", "errcode is 7", "an errcode, and much too far behind it a 61004"] {
            let body = format!("{{\"code\":1,\"msg\":\"{text}\"}}");
            let found = find(body.as_bytes(), "/code");
            assert!(matches!(found, Some(CallError::Refused { .. })), "{found:?}");
        }
    }

    #[test]
    fn no_text_of_a_token_server_shows_a_secret() {
        let secret = "CANARY0123456789_abcdef-0123";
        for text in [
            format!("bad token {secret}"),
            format!("refreshtoken@@@{secret}"),
            r#"Post \"https://api.weixin.qq.com/a?component_access_token=CANARY\": timeout"#.to_owned(),
            format!("errcode 61004 {secret}"),
            "x".repeat(290) + " CANARY_CANARY_CANARY_CANARY",
        ] {
            for body in [
                format!("{{\"code\":1,\"msg\":\"{text}\",\"token\":\"CANARY\"}}"),
                format!("{{\"code\":\"{secret}\",\"data\":\"{text}\"}}"),
                format!("{{\"code\":{{\"msg\":\"{text}\"}}}}"),
                format!("{{\"code\":1,\"errcode\":40001,\"errmsg\":\"{text}\"}}"),
            ] {
                let error = find(body.as_bytes(), "/code").unwrap_or_else(|| panic!("{body}"));
                assert!(!format!("{error} {error:?}").contains("CANARY"), "{error:?}");
            }
        }
    }
}
