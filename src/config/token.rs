//! `token_endpoint` and `token_command`: the access token comes from a token server or from the
//! output of a program.
//!
//! `account` has the keys as fields and completes them; `source::token` asks for the tokens.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use fanout_sink::schemars::{self, JsonSchema, Schema, SchemaGenerator, json_schema};
use fanout_sink::{SecretReference, foreign_path};
use reqwest::Url;
use reqwest::header::{HeaderName, HeaderValue};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde::{Deserialize, Serialize};

use super::address::is_loopback;
use super::bounded::Seconds;
use super::context::Context;
use super::proxies::EnvironmentProxies;
use super::text;

/// `token_endpoint`: a central token server (中控) that returns the account's token over HTTP.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TokenEndpoint {
    /// `url`: the URL of the GET request; `https` only, unless the host is this machine. As text,
    /// or as a reference to a secret if its query holds one. No default.
    pub url: TokenUrl,
    /// `header` and `header_value`: the header that authorises the request. Default none.
    pub header: Option<(HeaderName, HeaderValue)>,
    /// `pointer`: where in the JSON of the reply the token stands (RFC 6901). Default
    /// `/access_token`.
    pub pointer: String,
}

/// `token_command`: a program that writes the account's token to its standard output.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TokenCommand {
    /// The first item of `command`; relative to the pipeline file if there is a `/` in it. It is
    /// run without a shell. No default.
    pub program: PathBuf,
    /// The other items of `command`.
    pub arguments: Vec<String>,
    /// The folder in which it is run, that of the pipeline file; empty for the working directory.
    pub directory: PathBuf,
    /// `pointer`: where in the JSON of the output the token stands (RFC 6901). Default: the output
    /// is the token.
    pub pointer: Option<String>,
    /// `timeout_secs`: the longest time that it may take, in seconds. Default 10.
    pub timeout: Duration,
}

/// The URL of a token server. Its path and query may hold secrets, so `Display` and `Debug` show
/// only its origin.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenUrl(Url);

impl TokenUrl {
    /// Returns the whole URL, which may hold secrets, for the request.
    pub(crate) fn expose(&self) -> &Url {
        &self.0
    }

    /// Returns whether the host is this machine.
    pub(crate) fn is_loopback(&self) -> bool {
        is_loopback(&self.0)
    }

    /// Parses a URL. The error is a message without any part of it.
    fn parse(text: &str) -> Result<Self, &'static str> {
        const EXPECTED: &str = "expected a URL such as `https://tokens.example/wechat` (what was found is not shown: it may hold \
                                a secret)";
        let url = Url::parse(text).map_err(|_| EXPECTED)?;
        match url.scheme() {
            _ if !url.has_host() || !url.username().is_empty() || url.password().is_some() => Err(EXPECTED),
            "https" => Ok(Self(url)),
            "http" if is_loopback(&url) => Ok(Self(url)),
            "http" => Err("expected `https://`: a token must not travel in the clear (`http://` is for this machine)"),
            _ => Err(EXPECTED),
        }
    }
}

impl fmt::Display for TokenUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.origin().ascii_serialization())
    }
}

impl fmt::Debug for TokenUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "TokenUrl({self}/…)")
    }
}

/// What is written under `token_endpoint`.
#[derive(Deserialize, JsonSchema)]
#[schemars(extend("required" = ["url"]))]
#[serde(deny_unknown_fields)]
pub(super) struct EndpointKeys {
    /// `url`: the URL of the GET request; as text, or as a reference to a secret if its query holds
    /// one.
    #[schemars(schema_with = "text_or_reference")]
    url: Option<UrlKey>,
    /// `header`: the name of a header that authorises the request.
    #[serde(default, deserialize_with = "header_name")]
    #[schemars(with = "Option<String>")]
    header: Option<HeaderName>,
    /// `header_value`: where its value is.
    header_value: Option<SecretReference>,
    /// `pointer`: where in the JSON of the reply the token stands (RFC 6901). Default
    /// `/access_token`.
    #[serde(default = "JsonPointer::access_token")]
    pointer: JsonPointer,
}

/// What is written under `token_command`.
#[derive(Deserialize, JsonSchema)]
#[schemars(extend("required" = ["command"]))]
#[serde(deny_unknown_fields)]
pub(super) struct CommandKeys {
    /// `command`: the program and its arguments. It is run without a shell.
    #[serde(default, deserialize_with = "command")]
    #[schemars(length(min = 1), extend("default" = null))]
    command: Vec<String>,
    /// `pointer`: where in the JSON of the output the token stands (RFC 6901). Default: the output
    /// is the token.
    pointer: Option<JsonPointer>,
    /// `timeout_secs`: the longest time that it may take, in seconds. Default 10.
    #[serde(default = "default_timeout", rename = "timeout_secs", with = "Seconds")]
    timeout: Duration,
}

fn default_timeout() -> Duration {
    Duration::from_secs(10)
}

/// Describes a [`UrlKey`].
fn text_or_reference(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({ "anyOf": [{ "type": "string" }, SecretReference::json_schema(generator)] })
}

/// A URL as text, or a reference to a secret that is one.
enum UrlKey {
    Text(TokenUrl),
    Reference(SecretReference),
}

impl<'de> Deserialize<'de> for UrlKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct UrlVisitor;
        impl<'de> Visitor<'de> for UrlVisitor {
            type Value = UrlKey;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a URL, or a reference to a secret that holds one")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<UrlKey, E> {
                TokenUrl::parse(text).map(UrlKey::Text).map_err(E::custom)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<UrlKey, A::Error> {
                SecretReference::deserialize(MapAccessDeserializer::new(map)).map(UrlKey::Reference)
            }
        }
        deserializer.deserialize_any(UrlVisitor)
    }
}

fn header_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<HeaderName>, D::Error> {
    text::read(deserializer, "the name of an HTTP header", |name| name.parse().ok()).map(Some)
}

/// A JSON pointer that leads below the root.
#[derive(Serialize, JsonSchema)]
struct JsonPointer(String);

impl JsonPointer {
    fn access_token() -> Self {
        Self("/access_token".to_owned())
    }
}

impl<'de> Deserialize<'de> for JsonPointer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text::read(deserializer, "a JSON pointer such as `/data/access_token`", |pointer| {
            pointer.starts_with('/').then(|| Self(pointer.to_owned()))
        })
    }
}

/// Reads a program with its arguments. The error does not show them: an argument may be a secret.
fn command<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let words = Vec::<String>::deserialize(deserializer).unwrap_or_default();
    if let Some(program) = words.first().filter(|program| !program.is_empty()) {
        return match foreign_path(program) {
            None => Ok(words),
            Some(problem) => Err(D::Error::custom(format!("found a program (not shown), {problem}"))),
        };
    }
    Err(D::Error::custom("expected a program with its arguments as a list, such as `[\"./token.sh\", \"brand\"]`"))
}

impl EndpointKeys {
    /// Completes the table at `path` of the file; `None` if a problem was reported.
    pub(super) fn complete(self, path: &[&str], context: &mut Context) -> Option<TokenEndpoint> {
        let key = |name| [path, &[name]].concat();
        let before = context.problems.len();
        let value = self.header_value.and_then(|reference| context.secret(&key("header_value"), &reference));
        let url = match self.url {
            Some(UrlKey::Text(url)) => Some(url),
            Some(UrlKey::Reference(reference)) => {
                let url = context.secret(&key("url"), &reference);
                url.and_then(|url| context.ok(&key("url"), TokenUrl::parse(url.expose().trim())))
            }
            None => {
                if !context.has(&key("url")) {
                    context.report_missing(&key("url"), "the URL of the token server");
                }
                None
            }
        };
        if let Some(url) = url.as_ref().filter(|url| !url.is_loopback()) {
            let proxy = EnvironmentProxies::of(&context.resolver.environment).proxy_for(url.expose());
            context.ok(&key("url"), proxy);
        }
        for (name, other) in [("header", "header_value"), ("header_value", "header")] {
            if context.has(&key(name)) && !context.has(&key(other)) {
                context.report(&key(other), format!("missing, expected one because there is a `{name}`"));
            }
        }
        let header = self.header.zip(value).and_then(|(name, value)| {
            let unfit = |_| "found a secret that cannot be the value of an HTTP header (a line end, perhaps)";
            let value = HeaderValue::from_str(value.expose().trim()).map_err(unfit);
            let mut value = context.ok(&key("header_value"), value)?;
            value.set_sensitive(true);
            Some((name, value))
        });
        Some(TokenEndpoint { url: url?, header, pointer: self.pointer.0 }).filter(|_| context.problems.len() == before)
    }
}

impl CommandKeys {
    /// Completes the table at `path` of the file; `None` if a problem was reported.
    pub(super) fn complete(self, path: &[&str], context: &mut Context) -> Option<TokenCommand> {
        let key = [path, &["command"]].concat();
        let directory = &context.resolver.directory;
        let Some((program, arguments)) = self.command.split_first() else {
            if !context.has(&key) {
                context.report_missing(&key, "a program with its arguments as a list");
            }
            return None;
        };
        let program = if program.contains('/') {
            // Absolute, because the program starts in another folder.
            let path = directory.join(program);
            std::path::absolute(&path).unwrap_or(path)
        } else {
            // The system looks for a bare name in `PATH`.
            PathBuf::from(program)
        };
        Some(TokenCommand {
            program,
            arguments: arguments.to_vec(),
            directory: directory.clone(),
            pointer: self.pointer.map(|pointer| pointer.0),
            timeout: self.timeout,
        })
    }
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
}
