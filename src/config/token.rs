//! Access tokens that another program fetches and renews, and how that program is asked for them.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use fanout_sink::schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use fanout_sink::{Secret, SecretReference};
use reqwest::Url;
use reqwest::header::{HeaderName, HeaderValue};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde::{Deserialize, de};

use super::address::is_loopback;
use super::checked;
use super::error::ConfigError;
use super::secret::SecretResolver;
use super::tree::Tree;

/// `token_endpoint`: a central token server (中控) that hands out the account's token over HTTP.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TokenEndpoint {
    /// `url`: what is asked for with GET; `https` only, unless the host is this machine. As text, or as a reference to
    /// a secret where its query holds one. No default.
    pub url: TokenUrl,
    /// `header` and `header_value`: what proves to the server that it may answer. Default none.
    pub header: Option<(HeaderName, HeaderValue)>,
    /// `pointer`: where in the JSON of the reply the token stands (RFC 6901). Default `/access_token`.
    pub pointer: String,
}

/// `token_command`: a program that writes the account's token to its standard output.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TokenCommand {
    /// The first item of `command`; with a `/` in it relative to the pipeline file. No shell looks at it. No default.
    pub program: PathBuf,
    /// The other items of `command`.
    pub arguments: Vec<String>,
    /// Where it is run: the folder of the pipeline file; empty for the working directory.
    pub directory: PathBuf,
    /// `pointer`: where in the JSON of the output the token stands (RFC 6901). Default: the output is the token.
    pub pointer: Option<String>,
    /// `timeout_secs`: the longest time that it may take, in seconds. Default 10.
    pub timeout: Duration,
}

/// The URL of a token server. Its path and query may hold secrets, so `Display` and `Debug` show only where it leads.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenUrl(Url);

impl TokenUrl {
    /// Returns the URL, for the one place that sends it.
    pub(crate) fn expose(&self) -> &Url {
        &self.0
    }

    /// Returns whether the host is this machine.
    pub(crate) fn is_loopback(&self) -> bool {
        is_loopback(&self.0)
    }

    /// Reads a URL; the message repeats nothing of it.
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
#[schemars(crate = "fanout_sink::schemars", extend("required" = ["url"]))]
#[serde(deny_unknown_fields)]
pub(super) struct EndpointKeys {
    /// `url`: what is asked for with GET; as text, or as a reference to a secret where its query holds one.
    #[schemars(schema_with = "text_or_reference")]
    url: Option<UrlKey>,
    /// `header`: the name of a header that proves to the server that it may answer.
    #[serde(default, deserialize_with = "header_name")]
    #[schemars(with = "Option<String>")]
    header: Option<HeaderName>,
    /// `header_value`: where its value is.
    header_value: Option<SecretReference>,
    /// `pointer`: where in the JSON of the reply the token stands (RFC 6901). Default `/access_token`.
    #[serde(default, deserialize_with = "pointer")]
    pointer: Option<String>,
}

/// What is written under `token_command`.
#[derive(Deserialize, JsonSchema)]
#[schemars(crate = "fanout_sink::schemars", extend("required" = ["command"]))]
#[serde(deny_unknown_fields)]
pub(super) struct CommandKeys {
    /// `command`: the program and its arguments. No shell looks at them.
    #[serde(default, deserialize_with = "command")]
    #[schemars(length(min = 1), extend("default" = null))]
    command: Vec<String>,
    /// `pointer`: where in the JSON of the output the token stands (RFC 6901). Default: the output is the token.
    #[serde(default, deserialize_with = "pointer")]
    pointer: Option<String>,
    /// `timeout_secs`: the longest time that it may take, in seconds. Default 10.
    #[serde(default, rename = "timeout_secs", deserialize_with = "optional_seconds")]
    #[schemars(with = "u64", range(min = 1, max = 86_400), extend("default" = 10))]
    timeout: Option<Duration>,
}

/// Describes a URL in plain sight, or a reference to one.
fn text_or_reference(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({ "anyOf": [{ "type": "string" }, SecretReference::json_schema(generator)] })
}

/// A URL in plain sight, or a reference to one.
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
    let text = String::deserialize(deserializer)?;
    let unfit = |_| D::Error::invalid_value(de::Unexpected::Str(&text), &"the name of an HTTP header");
    text.parse().map(Some).map_err(unfit)
}

/// Reads a JSON pointer.
fn pointer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.starts_with('/') {
        return Ok(Some(text));
    }
    Err(D::Error::invalid_value(de::Unexpected::Str(&text), &"a JSON pointer such as `/data/access_token`"))
}

/// Reads a program with its arguments. What was found is not repeated: an argument may be a secret.
fn command<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let words = Vec::<String>::deserialize(deserializer).unwrap_or_default();
    if words.first().is_some_and(|program| !program.is_empty()) {
        return Ok(words);
    }
    Err(D::Error::custom("expected a program with its arguments as a list, such as `[\"./token.sh\", \"brand\"]`"))
}

fn optional_seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    checked::seconds(deserializer).map(Some)
}

impl EndpointKeys {
    /// Completes the table at `path` of the whole file's `tree`; none where a problem was reported.
    pub(super) fn complete(
        self,
        path: &[&str],
        tree: &Tree,
        resolver: &SecretResolver,
        problems: &mut Vec<ConfigError>,
    ) -> Option<TokenEndpoint> {
        let key = |name| [path, &[name]].concat();
        let stands = |name| tree.get(&key(name)).is_some();
        let before = problems.len();
        let mut resolve = |name, reference: &SecretReference| {
            let secret = resolver.resolve(reference);
            secret.map_err(|message| problems.push(tree.problem(&key(name), message))).ok()
        };
        let header_value = self.header_value.as_ref().and_then(|reference| resolve("header_value", reference));
        let url = match self.url {
            Some(UrlKey::Text(url)) => Some(url),
            Some(UrlKey::Reference(reference)) => resolve("url", &reference).and_then(|url: Secret| {
                let url = TokenUrl::parse(url.expose());
                url.map_err(|message| problems.push(tree.problem(&key("url"), message))).ok()
            }),
            None if stands("url") => None,
            None => {
                problems.push(tree.missing(&key("url"), "the URL of the token server"));
                None
            }
        };
        for (name, other) in [("header", "header_value"), ("header_value", "header")] {
            if stands(name) && !stands(other) {
                let message = format!("missing, expected one because there is a `{name}`");
                problems.push(tree.problem(&key(other), message));
            }
        }
        let value = header_value.map(|value| HeaderValue::from_str(value.expose()));
        let header = match (self.header, value) {
            (Some(_), Some(Err(_))) => {
                let message = "found a secret that cannot be the value of an HTTP header (a line end, perhaps)";
                problems.push(tree.problem(&key("header_value"), message));
                None
            }
            (Some(name), Some(Ok(mut value))) => {
                value.set_sensitive(true);
                Some((name, value))
            }
            _ => None,
        };
        let pointer = self.pointer.unwrap_or_else(|| "/access_token".to_owned());
        Some(TokenEndpoint { url: url?, header, pointer }).filter(|_| problems.len() == before)
    }
}

impl CommandKeys {
    /// Completes the table at `path` of the whole file's `tree`; none where a problem was reported.
    pub(super) fn complete(
        self,
        path: &[&str],
        tree: &Tree,
        directory: &Path,
        problems: &mut Vec<ConfigError>,
    ) -> Option<TokenCommand> {
        let key = [path, &["command"]].concat();
        let Some((program, arguments)) = self.command.split_first() else {
            if tree.get(&key).is_none() {
                problems.push(tree.missing(&key, "a program with its arguments as a list"));
            }
            return None;
        };
        // A bare name is looked for where the system looks for programs.
        let program = if program.contains('/') {
            // The program begins in another folder, from which a relative path would lead elsewhere.
            let path = directory.join(program);
            std::path::absolute(&path).unwrap_or(path)
        } else {
            PathBuf::from(program)
        };
        Some(TokenCommand {
            program,
            arguments: arguments.to_vec(),
            directory: directory.to_owned(),
            pointer: self.pointer,
            timeout: self.timeout.unwrap_or(Duration::from_secs(10)),
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
