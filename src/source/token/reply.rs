//! Takes the token out of a provider's reply. No error carries any of the reply's text, which may
//! hold the token.
//!
//! A token of another program is checked by its form before it is sent to WeChat. WeChat's own is
//! taken as it is.

use fanout_sink::Secret;
use serde_json::Value;

use crate::source::call_error::CallError;
use crate::wechat::{ApiError, CredentialForm, ReplyError, read_reply, relayed_error};

/// Why another provider's reply holds no token.
#[derive(Debug, PartialEq)]
pub(super) enum NoToken {
    /// The provider passes on an error of WeChat.
    Relayed(ApiError),
    /// The reply cannot be used; the text continues "it …".
    Unusable(String),
}

impl From<NoToken> for CallError {
    fn from(error: NoToken) -> Self {
        match error {
            NoToken::Relayed(error) => Self::Api(error),
            NoToken::Unusable(problem) => Self::Malformed(format!("it {problem}")),
        }
    }
}

/// Reads the token in a reply of WeChat.
pub(super) fn of_wechat(body: &[u8]) -> Result<Secret, CallError> {
    let reply = read_reply(body).map_err(|error| match error {
        ReplyError::Api(error) => CallError::Api(error),
        ReplyError::Malformed(problem) => CallError::Malformed(format!("as a token reply, it is {problem}")),
    })?;
    match reply.get("access_token").and_then(Value::as_str) {
        Some(token) if !token.is_empty() => Ok(Secret::new(token)),
        _ => Err(CallError::Malformed("no `access_token` in it".to_owned())),
    }
}

/// Reads the token in the reply of a token server: at a JSON pointer, or the whole of a plain text.
pub(super) fn of_server(body: &[u8], pointer: &str) -> Result<Secret, NoToken> {
    match serde_json::from_slice(body) {
        Ok(Value::String(text)) => token(&text),
        Ok(json) => point(&json, pointer),
        Err(_) => plain(body).map_err(|error| match error {
            NoToken::Unusable(problem) => NoToken::Unusable(format!("is not JSON, and as plain text {problem}")),
            relayed @ NoToken::Relayed(_) => relayed,
        }),
    }
}

/// Reads the token in the output of a command: at a JSON pointer, or the whole output.
pub(super) fn of_command(output: &[u8], pointer: Option<&str>) -> Result<Secret, NoToken> {
    let json = serde_json::from_slice(output);
    match (json, pointer) {
        (Ok(json), Some(pointer)) => point(&json, pointer),
        (Err(error), Some(_)) => {
            let (line, column) = (error.line(), error.column());
            Err(NoToken::Unusable(format!("is not JSON, line {line} column {column}")))
        }
        (Ok(json @ Value::Object(_)), None) => Err(match relayed_error(&json, "") {
            Some(error) => NoToken::Relayed(error),
            None => NoToken::Unusable(
                "is JSON, expected the token alone; for JSON set `pointer`, such as `pointer = \"/access_token\"`"
                    .to_owned(),
            ),
        }),
        (Ok(Value::String(text)), None) => token(&text),
        (_, None) => plain(output),
    }
}

fn point(json: &Value, pointer: &str) -> Result<Secret, NoToken> {
    if let Some(error) = relayed_error(json, pointer) {
        return Err(NoToken::Relayed(error));
    }
    match json.pointer(pointer) {
        Some(Value::String(text)) => token(text),
        _ => Err(NoToken::Unusable(format!("has no text at `{pointer}`"))),
    }
}

fn plain(text: &[u8]) -> Result<Secret, NoToken> {
    match str::from_utf8(text) {
        Ok(text) => token(text),
        Err(_) => Err(NoToken::Unusable(format!("is no text, but {} bytes", text.len()))),
    }
}

fn token(text: &str) -> Result<Secret, NoToken> {
    CredentialForm::Token.check(text).map(|formed| Secret::new(formed.text)).map_err(NoToken::Unusable)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDRESS: &[u8] = br#"{"errcode":"40164","errmsg":"invalid ip 203.0.113.9"}"#;

    fn text(token: Result<Secret, NoToken>) -> String {
        token.unwrap().expose().to_owned()
    }

    #[test]
    fn a_token_is_taken_out_of_its_reply() {
        let token = of_wechat(br#"{"access_token":"T","expires_in":7200}"#).unwrap();
        assert_eq!(token.expose(), "T");
        for (body, pointer) in [
            (r#"{"data":[{"token":" T\n"}]}"#, "/data/0/token"),
            (r#"{"access_token":"T","errcode":"0"}"#, "/access_token"),
            ("  T\r\n", "/access_token"),
            ("\u{feff}T", "/access_token"),
            ("\"T\"\n", "/access_token"),
        ] {
            assert_eq!(text(of_server(body.as_bytes(), pointer)), "T", "{body}");
        }
        assert_eq!(text(of_command(b"  T\r\n", None)), "T");
        assert_eq!(text(of_command(br#"{"a":"T"}"#, Some("/a"))), "T");
    }

    #[test]
    fn an_error_of_wechat_that_is_passed_on_is_wechats() {
        let relayed = |token| matches!(token, Err(NoToken::Relayed(error)) if error.code == 40164);
        assert!(relayed(of_server(ADDRESS, "/access_token")));
        assert!(relayed(of_command(ADDRESS, None)));
        assert!(relayed(of_command(ADDRESS, Some("/access_token"))));
        let wrapped = [br#"{"code":1,"data":"#, ADDRESS, b"}"].concat();
        assert!(relayed(of_server(&wrapped, "/data/token")));
    }

    #[test]
    fn an_error_of_the_token_call_shows_nothing_of_the_body() {
        for body in [
            r#"{"access_token":"CANARY""#,
            r#"{"access_token":["CANARY"]}"#,
            r#"{"access_token":"CANARY CANARY"}"#,
            "CANARY CANARY",
            "[\"CANARY\"]",
            "\"CANARY.CANARY\"",
            "CANARY\nCANARY",
            "<html>CANARY</html>",
        ] {
            if !body.contains("CANARY CANARY") {
                let error = of_wechat(body.as_bytes()).unwrap_err();
                assert!(!format!("{error} {error:?}").contains("CANARY"), "{error:?}");
            }
            for error in [
                of_server(body.as_bytes(), "/access_token").unwrap_err(),
                of_command(body.as_bytes(), None).unwrap_err(),
                of_command(body.as_bytes(), Some("/access_token")).unwrap_err(),
            ] {
                assert!(!format!("{error:?}").contains("CANARY"), "{error:?}");
            }
        }
        for output in [&b"CANARY\xff"[..], b"", b" \n"] {
            assert!(!format!("{:?}", of_command(output, None).unwrap_err()).contains("CANARY"));
        }
        assert!(
            matches!(of_wechat(br#"{"errcode":40125,"errmsg":"x"}"#), Err(CallError::Api(error)) if error.code == 40125)
        );
        assert!(matches!(of_wechat(b"{}"), Err(CallError::Malformed(_))));
    }
}
