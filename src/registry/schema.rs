//! The [JSON Schema](https://json-schema.org) of a pipeline file: the engine's keys from `config`,
//! and the options of each kind of sink.
//!
//! Before it: the types of `config`, and the factories of the registry. Behind it: `cli` prints it,
//! for `fanout schema` and `fanout sinks`.

use fanout_sink::schemars::generate::SchemaSettings;
use fanout_sink::schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::sink_registry::SinkRegistry;
use crate::config;

impl SinkRegistry {
    /// Returns the JSON Schema of the options of the sink type `name`; `None` if there is no such
    /// type.
    pub fn options_schema(&self, name: &str) -> Option<Value> {
        let factory = self.factories.get(name)?;
        Some(without_null(factory.schema(&mut generator())))
    }

    /// Returns the JSON Schema of the pipeline files that this program reads.
    pub fn pipeline_schema(&self) -> Value {
        let mut schema = without_null(config::schema(&mut generator()));
        schema["$schema"] = "https://json-schema.org/draft/2020-12/schema".into();
        schema["title"] = "A pipeline file of fanout".into();
        schema["required"] = json!(["name", "sinks"]);
        let credentials = config::CREDENTIALS.map(|key| json!({ "required": [key] }));
        let or_none = [&credentials[..], &[json!({ "not": { "anyOf": credentials } })]].concat();
        let source_has = |key| json!({ "properties": { "source": { "required": [key] } }, "required": ["source"] });
        let accounts_have =
            |one_of: &[Value]| json!({ "properties": { "accounts": { "items": { "oneOf": one_of } } } });
        // Without a simulation there must be accounts, each with exactly one kind of credential, or
        // at most one beside a token server of all accounts.
        schema["if"] = source_has("simulate");
        schema["else"] = json!({
            "required": ["accounts"],
            "if": source_has("token_endpoint"),
            "then": accounts_have(&or_none),
            "else": accounts_have(&credentials),
        });
        self.describe_sinks(&mut schema["properties"]["sinks"]);
        schema
    }

    /// Adds the parts that depend on the kind of sink.
    fn describe_sinks(&self, sinks: &mut Value) {
        sinks["minProperties"] = 1.into();
        sinks["propertyNames"] = json!({ "pattern": config::IDENTIFIER_PATTERN });
        let sink = &mut sinks["additionalProperties"];
        let types: Vec<&str> = self.types().collect();
        sink["required"] = json!(["type"]);
        sink["properties"]["type"]["enum"] = json!(types);
        sink["properties"]["options"] = json!({ "description": "The sink\u{2019}s own keys.", "type": "object" });
        let of_type = |name: &&str| {
            let options = self.options_schema(name).expect("it is one of the types");
            let needs_options = ["required", "oneOf"].iter().any(|keyword| options.get(keyword).is_some());
            let mut then = json!({ "properties": { "options": options } });
            if needs_options {
                then["required"] = json!(["options"]);
            }
            json!({ "if": { "properties": { "type": { "const": name } }, "required": ["type"] }, "then": then })
        };
        sink["allOf"] = types.iter().map(of_type).collect();
    }
}

/// Makes a generator that puts each subschema where it is used, so that a reader follows no
/// references.
fn generator() -> SchemaGenerator {
    SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true).into_generator()
}

/// Removes `null` from the schema: TOML has no such value, and an optional key is left out.
fn without_null(schema: Schema) -> Value {
    let mut schema = schema.to_value();
    take_out_null(&mut schema);
    schema
}

fn take_out_null(schema: &mut Value) {
    match schema {
        Value::Object(keywords) => {
            keywords.values_mut().for_each(take_out_null);
            take_out_of_keywords(keywords);
        }
        Value::Array(schemas) => schemas.iter_mut().for_each(take_out_null),
        _ => {}
    }
}

fn take_out_of_keywords(keywords: &mut Map<String, Value>) {
    if keywords.get("default") == Some(&Value::Null) {
        keywords.remove("default");
    }
    for keyword in ["type", "enum", "anyOf"] {
        let Some(Value::Array(choices)) = keywords.get_mut(keyword) else { continue };
        let before = choices.len();
        choices.retain(|choice| *choice != Value::Null && choice != "null" && *choice != json!({ "type": "null" }));
        if choices.len() == before || choices.len() != 1 {
            continue;
        }
        // A single alternative is no choice: inline it.
        let only = choices.remove(0);
        match (keyword, only) {
            ("type", only) => drop(keywords.insert("type".to_owned(), only)),
            ("anyOf", Value::Object(only)) => {
                keywords.remove("anyOf");
                for (key, value) in only {
                    keywords.entry(key).or_insert(value);
                }
            }
            (keyword, only) => drop(keywords.insert(keyword.to_owned(), Value::Array(vec![only]))),
        }
    }
}
