//! `token_endpoint` and `token_command`: the access token comes from a token server or from the
//! output of a program.
//!
//! Before it: `account` and `shared_endpoint` have the keys as fields and complete them, and
//! `token_url` reads the URL. Behind it: `source::token` asks for the tokens.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use fanout_sink::schemars::{self, JsonSchema, Schema, SchemaGenerator, json_schema};
use fanout_sink::{SecretReference, foreign_path};
use reqwest::header::{HeaderName, HeaderValue};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde::{Deserialize, Serialize};

use super::bounded::Seconds;
use super::context::Context;
use super::proxies::EnvironmentProxies;
use super::text;
use super::token_url::TokenUrl;

/// `token_endpoint`: a central token server (中控) that returns the account's token over HTTP.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TokenEndpoint {
    /// `url`: the URL of the GET request, with the account's app id for `{app_id}`; `https` only,
    /// unless the host is this machine. As text, or as a reference to a secret if its query holds
    /// one. No default.
    pub url: TokenUrl,
    /// `header` and `header_value`: the header that authorises the request. Default none.
    pub header: Option<(HeaderName, HeaderValue)>,
    /// `pointer`: where in the JSON of the reply the token stands (RFC 6901). Default
    /// `/access_token`.
    pub pointer: String,
    /// `error_pointer`: where in the JSON of the reply the server says that it has failed
    /// (RFC 6901). Default none.
    pub error_pointer: Option<String>,
}

impl TokenEndpoint {
    /// Returns the token server of one account.
    pub(super) fn for_account(&self, app_id: &str) -> Self {
        Self { url: self.url.for_account(app_id), ..self.clone() }
    }

    /// Returns the server that is asked, whatever the account.
    pub(crate) fn server(&self) -> TokenServer {
        TokenServer { template: self.url.template().to_owned(), header: self.header.clone() }
    }
}

/// A token server: accounts whose `url`, as it is written, and whose header are the same have the
/// same one. A host may have several of them. It has no `Debug`: both may hold secrets.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct TokenServer {
    template: String,
    header: Option<(HeaderName, HeaderValue)>,
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

/// What is written under `token_endpoint`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[schemars(extend("required" = ["url"]))]
#[serde(deny_unknown_fields)]
pub(super) struct EndpointKeys {
    /// `url`: the URL of the GET request; as text, or as a reference to a secret if its query holds
    /// one. In its path and its query, `{app_id}` stands for the account's app id.
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
    /// `error_pointer`: where in the JSON of the reply the server says that it has failed
    /// (RFC 6901), such as `/code`: with any value but 0, false, null and an empty text. Default
    /// none.
    error_pointer: Option<JsonPointer>,
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
#[derive(Clone, Debug)]
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
#[derive(Clone, Debug, Serialize, JsonSchema)]
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
        let error_pointer = self.error_pointer.map(|pointer| pointer.0);
        Some(TokenEndpoint { url: url?, header, pointer: self.pointer.0, error_pointer })
            .filter(|_| context.problems.len() == before)
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
