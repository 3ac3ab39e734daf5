//! A property of librdkafka. librdkafka takes text; a pipeline file may also write a number or a
//! boolean.

use std::borrow::Cow;
use std::fmt;

use fanout_sink::schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

/// The value of a property.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Property(pub String);

impl<'de> Deserialize<'de> for Property {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Visitor)
    }
}

struct Visitor;

impl de::Visitor<'_> for Visitor {
    type Value = Property;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("text, a number, `true` or `false`")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Property, E> {
        Ok(Property(text.to_owned()))
    }

    fn visit_bool<E: de::Error>(self, flag: bool) -> Result<Property, E> {
        Ok(Property(flag.to_string()))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Property, E> {
        Ok(Property(number.to_string()))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Property, E> {
        Ok(Property(number.to_string()))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Property, E> {
        Ok(Property(number.to_string()))
    }
}

impl JsonSchema for Property {
    fn schema_name() -> Cow<'static, str> {
        "Property".into()
    }

    fn json_schema(_generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "number", "boolean"] })
    }
}
