//! Texts of a pipeline file that must have a certain form: each is checked while it is read, so
//! that the error knows its key.

use std::fmt;
use std::net::SocketAddr;

use fanout_sink::schemars::{self, JsonSchema};
use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};

/// Reads a text of which `parse` makes a `T`; where it returns `None`, the error says `expected`.
pub(super) fn read<'de, D, T>(
    deserializer: D,
    expected: &'static str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
{
    deserializer.deserialize_str(Text { expected, parse })
}

struct Text<Parse> {
    expected: &'static str,
    parse: Parse,
}

impl<T, Parse: FnOnce(&str) -> Option<T>> Visitor<'_> for Text<Parse> {
    type Value = T;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.expected)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        (self.parse)(text).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self.expected))
    }
}

/// What an [`Identifier`] is, in words.
pub(super) const IDENTIFIER: &str = "1 to 64 letters, digits, `_` or `-`";

/// What an [`Identifier`] is, for editors.
pub(crate) const IDENTIFIER_PATTERN: &str = "^[A-Za-z0-9_-]{1,64}$";

/// The name of a pipeline or a sink, or an app id: it may become the name of a folder.
#[derive(JsonSchema)]
#[schemars(extend("pattern" = IDENTIFIER_PATTERN))]
pub(super) struct Identifier(pub(super) String);

impl Identifier {
    pub(super) fn new(text: &str) -> Option<Self> {
        let is_fit = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
        ((1..=64).contains(&text.len()) && text.bytes().all(is_fit)).then(|| Self(text.to_owned()))
    }
}

impl<'de> Deserialize<'de> for Identifier {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read(deserializer, IDENTIFIER, Self::new)
    }
}

/// Reads an address to listen on.
pub(super) fn listen_address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SocketAddr>, D::Error> {
    read(deserializer, "an address and a port such as `127.0.0.1:9464`", |text| text.parse().ok()).map(Some)
}
