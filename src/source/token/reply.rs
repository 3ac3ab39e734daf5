//! Takes the token out of a provider's reply. No error carries any of the reply's text, which may
//! hold the token.

use fanout_sink::Secret;
use serde::Deserialize;
use serde_json::Value;

use crate::source::call_error::CallError;
use crate::wechat::ApiError;

/// Reads the token in a reply of WeChat.
pub(super) fn parse(body: &[u8]) -> Result<Secret, CallError> {
    #[derive(Deserialize)]
    struct TokenReply {
        #[serde(default)]
        errcode: i64,
        #[serde(default)]
        errmsg: String,
        access_token: Option<String>,
    }
    let reply: TokenReply = serde_json::from_slice(body).map_err(|error| {
        CallError::Malformed(format!("not a token reply in JSON, line {} column {}", error.line(), error.column()))
    })?;
    match reply.access_token {
        _ if reply.errcode != 0 => Err(CallError::Api(ApiError::new(reply.errcode, &reply.errmsg))),
        Some(token) if !token.is_empty() => Ok(Secret::new(token)),
        _ => Err(CallError::Malformed("no `access_token` in it".to_owned())),
    }
}

/// Reads the token at a JSON pointer in the reply of another provider.
pub(super) fn point(body: &[u8], pointer: &str) -> Result<Secret, String> {
    let json: Value = serde_json::from_slice(body)
        .map_err(|error| format!("it is not JSON, line {} column {}", error.line(), error.column()))?;
    match json.pointer(pointer).and_then(Value::as_str).map(str::trim) {
        Some(token) if !token.is_empty() => Ok(Secret::new(token)),
        _ => Err(format!("it has no text at `{pointer}`")),
    }
}

/// Takes the whole reply of another provider as the token.
pub(super) fn plain(body: &[u8]) -> Result<Secret, String> {
    let text = str::from_utf8(body).map_err(|_| "it wrote something that is not text".to_owned())?.trim();
    match text.lines().count() {
        0 => Err("it wrote nothing".to_owned()),
        1 => Ok(Secret::new(text)),
        lines => Err(format!("it wrote {lines} lines, expected the token alone")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_taken_out_of_its_reply() {
        let token = parse(br#"{"access_token":"T","expires_in":7200}"#).unwrap();
        assert_eq!(token.expose(), "T");
        assert_eq!(point(br#"{"data":[{"token":" T\n"}]}"#, "/data/0/token").unwrap().expose(), "T");
        assert_eq!(plain(b"  T\r\n").unwrap().expose(), "T");
    }

    #[test]
    fn an_error_of_the_token_call_shows_nothing_of_the_body() {
        for body in [r#"{"access_token":"CANARY""#, r#"{"access_token":["CANARY"]}"#, "CANARY"] {
            let error = parse(body.as_bytes()).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("CANARY"), "{error:?}");
            assert!(!point(body.as_bytes(), "/access_token").unwrap_err().contains("CANARY"));
        }
        for output in [&b"CANARY\nCANARY"[..], b"CANARY\xff", b"", b" \n"] {
            assert!(!plain(output).unwrap_err().contains("CANARY"));
        }
        assert!(
            matches!(parse(br#"{"errcode":40125,"errmsg":"x"}"#), Err(CallError::Api(error)) if error.code == 40125)
        );
        assert!(matches!(parse(b"{}"), Err(CallError::Malformed(_))));
    }
}
