//! The URL of a token server, which may stand for all accounts of a platform: `{app_id}` in it is
//! the app id of the account that is asked for.
//!
//! Before it: `token` reads it as a key. Behind it: `source::token` makes the request with it.

use std::fmt;

use reqwest::Url;

use super::address::is_loopback;

/// What stands in a URL for the app id of the account.
pub(super) const PLACEHOLDER: &str = "{app_id}";

/// The URL of a token server. Its path and query may hold secrets, so `Display` and `Debug` show
/// only its origin.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenUrl {
    /// As it is written, with its placeholders.
    template: String,
    /// The URL of an account; before one is named, that of an account without an app id.
    url: Url,
}

impl TokenUrl {
    /// Returns the whole URL, which may hold secrets, for the request.
    pub(crate) fn expose(&self) -> &Url {
        &self.url
    }

    /// Returns whether the host is this machine.
    pub(crate) fn is_loopback(&self) -> bool {
        is_loopback(&self.url)
    }

    /// Returns the URL as it is written, which may hold secrets.
    pub(super) fn template(&self) -> &str {
        &self.template
    }

    /// Returns whether each account has a URL of its own.
    pub(crate) fn names_account(&self) -> bool {
        let asked = |url: &Url| (url.path().to_owned(), url.query().map(str::to_owned));
        asked(&self.for_account("a").url) != asked(&self.for_account("b").url)
    }

    /// Returns the URL of the account with this app id.
    pub(super) fn for_account(&self, app_id: &str) -> Self {
        // Only the app id differs from a URL that has been parsed, and it is percent-encoded.
        let url = filled(&self.template, app_id).unwrap_or_else(|_| self.url.clone());
        Self { url, ..self.clone() }
    }

    /// Parses a URL. The error is a message without any part of it.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        const EXPECTED: &str = "expected a URL such as `https://tokens.example/wechat` (what was found is not shown: it may hold \
                                a secret)";
        let url = filled(text, "").map_err(|_| EXPECTED)?;
        match url.scheme() {
            _ if !url.has_host() || !url.username().is_empty() || url.password().is_some() => return Err(EXPECTED),
            "https" => {}
            "http" if is_loopback(&url) => {}
            "http" => {
                return Err(
                    "expected `https://`: a token must not travel in the clear (`http://` is for this machine)",
                );
            }
            _ => return Err(EXPECTED),
        }
        if !filled(text, "a").is_ok_and(|other| other.origin() == url.origin()) {
            return Err("found `{app_id}` outside of the path and the query, expected one host for all accounts");
        }
        if has_other_placeholder(text) {
            return Err("found a placeholder other than `{app_id}`, which is the only one");
        }
        Ok(Self { template: text.to_owned(), url })
    }
}

impl fmt::Display for TokenUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.url.origin().ascii_serialization())
    }
}

impl fmt::Debug for TokenUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "TokenUrl({self}/…)")
    }
}

fn filled(template: &str, app_id: &str) -> Result<Url, impl std::error::Error + use<>> {
    Url::parse(&template.replace(PLACEHOLDER, &percent_encoded(app_id)))
}

/// Encodes everything but the characters that RFC 3986 calls unreserved.
fn percent_encoded(text: &str) -> String {
    let encoded = |byte: u8| match byte {
        _ if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(encoded).collect()
}

/// Returns whether there is a word in braces that is not [`PLACEHOLDER`]. Other braces may be of a
/// secret.
fn has_other_placeholder(text: &str) -> bool {
    let rest = text.replace(PLACEHOLDER, "");
    let words = rest.split('{').skip(1).filter_map(|rest| rest.split_once('}'));
    let is_word =
        |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphabetic() || b"_-. ".contains(&byte));
    words.into_iter().any(|(word, _)| is_word(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_of_a_token_server_is_shown_without_what_may_be_secret() {
        let url = TokenUrl::parse("https://tokens.example:8443/hunter2?key=hunter2").unwrap();
        assert_eq!(format!("{url} {url:?}"), "https://tokens.example:8443 TokenUrl(https://tokens.example:8443/…)");
        assert!(TokenUrl::parse("http://127.0.0.1:1/token?key=x").is_ok());
        for text in ["http://tokens.example/hunter2", "https://me:hunter2@a.b/", "hunter2", "ftp://a.b/hunter2"] {
            assert!(!TokenUrl::parse(text).unwrap_err().contains("hunter2"), "{text}");
        }
    }

    #[test]
    fn an_app_id_takes_its_place_wherever_it_stands_and_is_encoded() {
        let url = TokenUrl::parse("https://a.b/v1/{app_id}/token?appid={app_id}&key=x").unwrap();
        let of = |app_id: &str| url.for_account(app_id).expose().to_string();
        assert_eq!(of("wx0123456789abcdef"), "https://a.b/v1/wx0123456789abcdef/token?appid=wx0123456789abcdef&key=x");
        assert_eq!(
            of("a/b ?&=é#"),
            "https://a.b/v1/a%2Fb%20%3F%26%3D%C3%A9%23/token?appid=a%2Fb%20%3F%26%3D%C3%A9%23&key=x"
        );
        assert_eq!(url.for_account("a").for_account("b"), url.for_account("b"));
        assert_eq!(url.for_account("a").template(), url.template());
    }

    #[test]
    fn only_the_path_and_the_query_name_an_account() {
        for (text, names_account) in [
            ("https://a.b/{app_id}", true),
            ("https://a.b/?appid={app_id}", true),
            ("https://a.b/token", false),
            // What is behind `#` is not sent.
            ("https://a.b/token#{app_id}", false),
        ] {
            assert_eq!(TokenUrl::parse(text).unwrap().names_account(), names_account, "{text}");
        }
        for text in ["https://{app_id}.a.b/", "https://a.b{app_id}/"] {
            assert!(TokenUrl::parse(text).unwrap_err().contains("outside of the path"), "{text}");
        }
        assert!(TokenUrl::parse("https://a.b:8{app_id}/").is_err());
    }

    #[test]
    fn a_slip_in_the_placeholder_is_not_sent() {
        for text in ["{appid}", "{APP_ID}", "{app_id}&x={name}", "{ app_id }", "{{app_id}}{app-id}"] {
            let problem = TokenUrl::parse(&format!("https://a.b/hunter2?appid={text}")).unwrap_err();
            assert!(problem.contains("other than `{app_id}`") && !problem.contains("hunter2"), "{problem}");
        }
        for text in ["a{b", "a}b{", "{1}", "{}"] {
            assert!(TokenUrl::parse(&format!("https://a.b/?key={text}")).is_ok(), "{text}");
        }
    }
}
