//! The options of one type of sink, as text for people, from their JSON Schema.

use std::fmt::Write as _;

use serde_json::{Map, Value};

/// Describes every option (type, default, meaning, an example), and shows the shortest section of a pipeline file.
pub(super) fn describe(name: &str, summary: &str, schema: &Value) -> String {
    let mut text = format!("{name}: {summary}\n\n[sinks.<name>.options]\n");
    let none = Map::new();
    let options = schema["properties"].as_object().unwrap_or(&none);
    if options.is_empty() {
        text.push_str("\n  There are no options.\n");
    }
    let (required, optional): (Vec<_>, Vec<_>) = options.iter().partition(|(key, _)| is_required(schema, key));
    for (key, option) in required.iter().chain(&optional) {
        let presence = match option.get("default") {
            _ if is_required(schema, key) => "required".to_owned(),
            Some(default) => format!("default {}", toml(default)),
            None => "optional".to_owned(),
        };
        let _ = writeln!(text, "\n  {key}: {}, {presence}", kind(option));
        for line in description(option) {
            let _ = writeln!(text, "      {line}");
        }
        let _ = writeln!(text, "      for example: {key} = {}", toml(&example(option)));
    }
    let _ = writeln!(text, "\nThe shortest section:\n\n  [sinks.mine]\n  type = {}", toml(&name.into()));
    let required = options.iter().filter(|(key, _)| is_required(schema, key) || is_first_choice(schema, key));
    let required: Vec<String> =
        required.map(|(key, option)| format!("  {key} = {}\n", toml(&example(option)))).collect();
    if !required.is_empty() {
        let _ = write!(text, "  [sinks.mine.options]\n{}", required.concat());
    }
    text
}

fn is_required(schema: &Value, key: &str) -> bool {
    schema["required"].as_array().is_some_and(|keys| keys.iter().any(|known| known == key))
}

/// Returns whether `key` belongs to the first of several sets of options of which one is required.
fn is_first_choice(schema: &Value, key: &str) -> bool {
    is_required(&schema["oneOf"][0], key)
}

/// Returns the lines of a description: a doc comment has its own.
fn description(option: &Value) -> impl Iterator<Item = &str> {
    option["description"].as_str().unwrap_or_default().lines()
}

/// Returns the type of an option's value in words.
fn kind(option: &Value) -> String {
    let choices = choices(option);
    if !choices.is_empty() {
        return choices.iter().map(toml).collect::<Vec<_>>().join(" or ");
    }
    let word = |kind: &Value| match kind.as_str() {
        Some("string") => "text",
        Some("integer") => "whole number",
        Some("number") => "number",
        Some("boolean") => "true or false",
        Some("array") => "list",
        Some("object") => "table",
        _ => "value",
    };
    let mut text = match &option["type"] {
        Value::Array(kinds) => kinds.iter().map(word).collect::<Vec<_>>().join(" or "),
        Value::Null => match option["anyOf"].as_array() {
            Some(forms) => forms.iter().map(kind).collect::<Vec<_>>().join(", or "),
            None => "table".to_owned(),
        },
        kind => word(kind).to_owned(),
    };
    match (option.get("minimum"), option.get("maximum")) {
        (Some(minimum), Some(maximum)) => drop(write!(text, " from {minimum} to {maximum}")),
        (Some(minimum), None) if minimum.as_f64() != Some(0.0) => drop(write!(text, " of at least {minimum}")),
        _ => {}
    }
    text
}

/// Returns the values that an option may have; empty if its type is the only limit.
fn choices(option: &Value) -> Vec<Value> {
    if let Some(choices) = option["enum"].as_array() {
        return choices.clone();
    }
    let variants = option["oneOf"].as_array().map(Vec::as_slice).unwrap_or_default();
    // In a schema, a variant with documentation is a constant of its own.
    let constants = variants.iter().map(|variant| variant.get("const").cloned());
    constants.collect::<Option<Vec<_>>>().unwrap_or_default()
}

/// Returns an example of an option: its default, the example of its schema, or a value of its type.
fn example(option: &Value) -> Value {
    let examples = option["examples"].as_array().and_then(|examples| examples.first());
    let given = option
        .get("default")
        .filter(|default| !is_empty(default))
        .or(examples)
        .cloned()
        .or_else(|| choices(option).into_iter().next());
    given.unwrap_or_else(|| match option["type"].as_str() {
        Some("integer" | "number") => option.get("minimum").cloned().unwrap_or_else(|| 1.into()),
        Some("boolean") => true.into(),
        Some("array") => Value::Array(Vec::new()),
        Some("string") => "…".into(),
        _ => of_variant(option),
    })
}

/// Returns whether a value is empty, and so shows nothing.
fn is_empty(value: &Value) -> bool {
    *value == "" || value.as_object().is_some_and(Map::is_empty) || value.as_array().is_some_and(Vec::is_empty)
}

/// Returns a value for the first form that an option of several forms has.
fn of_variant(option: &Value) -> Value {
    if let Some(first) = option["anyOf"].as_array().and_then(|forms| forms.first()) {
        return example(first);
    }
    let table = if option.get("properties").is_some() { option } else { &option["oneOf"][0] };
    let keys = table["properties"].as_object().into_iter().flatten().filter(|(key, _)| is_required(table, key));
    Value::Object(keys.map(|(key, option)| (key.clone(), example(option))).collect())
}

/// Writes a value in TOML.
fn toml(value: &Value) -> String {
    match value {
        Value::Array(values) => format!("[{}]", values.iter().map(toml).collect::<Vec<_>>().join(", ")),
        Value::Object(table) if table.is_empty() => "{}".to_owned(),
        Value::Object(table) => {
            let pairs: Vec<String> = table.iter().map(|(key, value)| format!("{key} = {}", toml(value))).collect();
            format!("{{ {} }}", pairs.join(", "))
        }
        // Strings, numbers and booleans are the same in JSON and TOML.
        value => value.to_string(),
    }
}
