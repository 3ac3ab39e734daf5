//! The JSON Schema of pipeline files, and the options of each kind of sink that `fanout sinks`
//! prints.

use std::path::Path;

use boon::{Compiler, SchemaIndex, Schemas, ValidationError};
use fanout::SinkRegistry;
use fanout::config::{Environment, Overrides, Pipeline};
use fanout_sink::{Batch, ClosureFactory, SinkError};
use figment::providers::{Format, Toml};
use serde_json::Value;

use crate::pipelines::files;
use crate::support::{Ended, fanout};

const COMMITTED: &str = include_str!("../../pipelines/schema.json");

const GOOD: &str = r#"
name = "good"
[[accounts]]
name = "brand"
app_id = "wx1"
secret = { env = "BRAND_SECRET" }
[sinks.lake]
type = "parquet"
[sinks.lake.options]
root = "out"
"#;

fn registry() -> SinkRegistry {
    SinkRegistry::builtin()
}

/// A compiled schema.
struct Validator {
    schemas: Schemas,
    index: SchemaIndex,
}

impl Validator {
    fn new(schema: Value) -> Self {
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.add_resource("schema.json", schema).unwrap();
        let index = compiler.compile("schema.json", &mut schemas).unwrap_or_else(|error| panic!("{error:#}"));
        Self { schemas, index }
    }

    /// Returns where a pipeline file is wrong; nothing for one that is right.
    fn places(&self, text: &str) -> Vec<String> {
        let mut places = Vec::new();
        if let Err(error) = self.schemas.validate(&parse(text), self.index) {
            collect(&error, &mut places);
        }
        places
    }
}

/// Collects the places of the errors that have no further cause.
fn collect(error: &ValidationError, places: &mut Vec<String>) {
    if error.causes.is_empty() {
        places.push(error.instance_location.to_string());
    }
    error.causes.iter().for_each(|cause| collect(cause, places));
}

fn validator(registry: &SinkRegistry) -> Validator {
    Validator::new(registry.pipeline_schema())
}

fn parse(text: &str) -> Value {
    Toml::from_str(text).unwrap_or_else(|error| panic!("{error} in {text}"))
}

#[test]
fn the_committed_schema_is_what_the_program_prints() {
    let printed = Ended::of(&mut fanout(&["schema"]));
    assert_eq!(printed.code, Some(0), "{printed:?}");
    let mut committed: Value = serde_json::from_str(COMMITTED).unwrap();
    // The committed schema has the sinks of every feature; this program may have fewer.
    let has = |kind: &Value| registry().types().any(|known| kind == known);
    let sink = &mut committed["properties"]["sinks"]["additionalProperties"];
    sink["properties"]["type"]["enum"].as_array_mut().unwrap().retain(has);
    sink["allOf"].as_array_mut().unwrap().retain(|branch| has(&branch["if"]["properties"]["type"]["const"]));
    assert!(committed == printed.json(), "write it anew: cargo run --all-features -- schema > pipelines/schema.json");
}

#[test]
fn every_pipeline_file_of_ours_is_valid() {
    let validator = Validator::new(serde_json::from_str(COMMITTED).unwrap());
    for file in files() {
        let found = validator.places(&std::fs::read_to_string(&file).unwrap());
        assert_eq!(found, Vec::<String>::new(), "{}", file.display());
    }
    assert_eq!(validator.places(GOOD), Vec::<String>::new());
}

#[test]
fn beside_a_token_server_of_all_accounts_an_account_needs_no_credential_and_has_at_most_one() {
    let validator = validator(&registry());
    let shared = "[source.token_endpoint]\nurl = \"https://a.b/?appid={app_id}\"\n";
    let good = GOOD.replace("[[accounts]]", &format!("{shared}[[accounts]]"));
    let credential = "secret = { env = \"BRAND_SECRET\" }\n";
    assert_eq!(validator.places(&good), Vec::<String>::new());
    assert_eq!(validator.places(&good.replace(credential, "")), Vec::<String>::new());
    let two = good.replace(credential, &format!("{credential}token = {{ file = \"t\" }}\n"));
    assert!(validator.places(&two).contains(&"/accounts/0".to_owned()), "{two}");
    assert!(validator.places(&good.replace("url = ", "uri = ")).contains(&"/source/token_endpoint".to_owned()));
}

#[test]
fn what_a_run_refuses_in_a_file_an_editor_marks() {
    let validator = validator(&registry());
    let lake = "[sinks.lake.options]\n";
    for (found, replacement, place) in [
        ("name = \"good\"", "nam = \"good\"", ""),
        ("name = \"good\"", "name = \"not so good\"", "/name"),
        ("app_id = \"wx1\"\n", "", "/accounts/0"),
        ("secret = ", "token = { file = \"t\" }\nsecret = ", "/accounts/0"),
        ("secret = { env = \"BRAND_SECRET\" }\n", "", "/accounts/0"),
        ("{ env = \"BRAND_SECRET\" }", "\"hunter2\"", "/accounts/0/secret"),
        ("type = \"parquet\"", "type = \"parkett\"", "/sinks/lake/type"),
        ("type = \"parquet\"\n", "", "/sinks/lake"),
        ("type = \"parquet\"\n", "type = \"parquet\"\nrequired = \"yes\"\n", "/sinks/lake/required"),
        ("type = \"parquet\"\n", "type = \"parquet\"\ndeliver = \"never\"\n", "/sinks/lake/deliver"),
        ("type = \"parquet\"\n", "type = \"parquet\"\nqueue = 0\n", "/sinks/lake/queue"),
        ("type = \"parquet\"\n", "type = \"parquet\"\nretry.attempts = 0\n", "/sinks/lake/retry/attempts"),
        ("root = \"out\"\n", "", "/sinks/lake/options"),
        ("root = \"out\"", "rooot = \"out\"", "/sinks/lake/options"),
        (lake, "[sinks.lake.options]\ncompression = \"lzma\"\n", "/sinks/lake/options/compression"),
        (lake, "[sinks.lake.options]\nzstd_level = 10\n", "/sinks/lake/options/zstd_level"),
        // The validator has no place for the name of a key.
        (lake, "[sinks.\"my lake\"]\ntype = \"parquet\"\noptions.root = \"out\"\n[sinks.lake.options]\n", ""),
    ] {
        assert!(GOOD.contains(found), "{found}");
        let wrong = GOOD.replacen(found, replacement, 1);
        let places = validator.places(&wrong);
        assert!(places.iter().any(|found| found == place), "{place} is not marked, but {places:?}, in {wrong}");
        let environment: Environment = [("BRAND_SECRET", "anything")].into_iter().collect();
        let overrides = Overrides { environment, ..Overrides::default() };
        let loaded = Pipeline::from_toml(&wrong, Path::new("p.toml"), &overrides);
        let refused = loaded.and_then(|pipeline| fanout::engine::bind(&pipeline, &registry()).map(drop));
        let bound = refused.is_err();
        // Only `check` looks at the level of zstd.
        assert!(bound || replacement.contains("zstd_level"), "a run takes what an editor marks: {wrong}");
    }
}

#[test]
fn the_accounts_may_be_in_a_file() {
    let (head, tail) = GOOD.split_once("[[accounts]]").unwrap();
    let (_, sinks) = tail.split_once("[sinks.lake]").unwrap();
    let places =
        |accounts: &str| validator(&registry()).places(&format!("{head}accounts = {accounts}\n[sinks.lake]{sinks}"));
    assert_eq!(places("{ file = \"accounts.csv\" }"), Vec::<String>::new());
    assert!(places("{ fil = \"accounts.csv\" }").contains(&"/accounts".to_owned()));
    assert!(places("{ file = 5 }").contains(&"/accounts/file".to_owned()));
    assert!(places("[]").contains(&"/accounts".to_owned()));
}

#[test]
fn a_sink_of_ones_own_is_part_of_the_schema() {
    let custom = "[sinks.hook]\ntype = \"hook\"\n";
    let hook = ClosureFactory::new("hook", |_batch: Batch| async { Ok::<(), SinkError>(()) });
    let with_hook = validator(&registry().with(hook));
    assert_eq!(with_hook.places(&format!("{GOOD}{custom}")), Vec::<String>::new());
    let unknown_option = format!("{GOOD}{custom}options = {{ url = \"x\" }}\n");
    assert_eq!(with_hook.places(&unknown_option), ["/sinks/hook/options"]);
    assert_eq!(validator(&registry()).places(&format!("{GOOD}{custom}")), ["/sinks/hook/type"]);
}

/// Collects every default of a schema with its dotted key.
fn defaults(schema: &Value, prefix: &str, found: &mut Vec<(String, Value)>) {
    for (key, property) in schema["properties"].as_object().into_iter().flatten() {
        let key = format!("{prefix}{key}");
        match property.get("properties") {
            Some(_) => defaults(property, &format!("{key}."), found),
            None => found.extend(property.get("default").map(|default| (key, default.clone()))),
        }
    }
}

#[test]
fn every_default_of_the_schema_is_the_one_that_holds() {
    let base =
        "name = 'p'\nsource.simulate.followers = 1\n[sinks.x]\ntype = 'parquet'\n[sinks.x.options]\nroot = 'out'\n";
    let load = |set: Vec<String>| {
        let overrides = Overrides { set: set.clone(), ..Overrides::default() };
        let pipeline =
            Pipeline::from_toml(base, Path::new("p.toml"), &overrides).unwrap_or_else(|e| panic!("{set:?}: {e}"));
        format!("{pipeline:?}")
    };
    let schema = registry().pipeline_schema();
    let mut found = Vec::new();
    defaults(&schema, "", &mut found);
    defaults(&schema["properties"]["sinks"]["additionalProperties"], "sinks.x.", &mut found);
    assert!(found.len() >= 22, "{found:?}");
    let plain = load(Vec::new());
    for (key, default) in found {
        assert_eq!(load(vec![format!("{key}={default}")]), plain, "`{key}` is not `{default}`");
    }
}

/// Collects the description and the default of each key of a schema.
fn descriptions(schema: &Value, found: &mut Vec<(String, Value)>) {
    for property in schema["properties"].as_object().into_iter().flat_map(serde_json::Map::values) {
        descriptions(property, found);
        let text = property["description"].as_str().unwrap_or_default().replace('\n', " ");
        found.push((text, property.get("default").cloned().unwrap_or_default()));
    }
    for alternative in ["items", "oneOf", "anyOf"].map(|keyword| &schema[keyword]) {
        match alternative {
            Value::Array(schemas) => schemas.iter().for_each(|schema| descriptions(schema, found)),
            Value::Object(_) => descriptions(alternative, found),
            _ => {}
        }
    }
}

#[test]
fn every_description_names_the_default_of_its_key() {
    let mut schema = registry().pipeline_schema();
    // The options are the sinks' own, and described in their words.
    schema["properties"]["sinks"] = schema["properties"]["sinks"]["additionalProperties"].take();
    schema["properties"]["sinks"]["properties"].as_object_mut().unwrap().remove("options");
    let mut found = Vec::new();
    descriptions(&schema, &mut found);
    assert!(found.iter().filter(|(_, default)| !default.is_null()).count() >= 25, "{found:?}");
    for (description, default) in found {
        // A default that is no value has a colon before it:
        // `Default: the processors of this machine.`
        let words = description.split_once(" Default ").map_or("none.", |(_, words)| words);
        let expected = match default {
            Value::Null => "none".to_owned(),
            Value::Number(number) => number.to_string(),
            Value::String(text) => format!("`{text}`"),
            other => format!("`{other}`"),
        };
        let rest = words.strip_prefix(&expected);
        let is_named = rest.is_some_and(|rest| rest.starts_with(['.', ',', ';', ':']));
        assert!(is_named, "the default is {expected}, and the description says: {description}");
    }
}

#[test]
fn every_option_of_a_sink_is_described() {
    for kind in registry().types() {
        let ended = Ended::of(&mut fanout(&["sinks", kind]));
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let schema = registry().options_schema(kind).unwrap();
        for (key, option) in schema["properties"].as_object().unwrap() {
            assert!(ended.stdout.contains(&format!("\n  {key}: ")), "{key} in {}", ended.stdout);
            assert!(ended.stdout.contains(&format!("for example: {key} = ")), "{key}");
            let description = option["description"].as_str().unwrap_or_else(|| panic!("{kind}: {key} has no text"));
            assert!(description.lines().all(|line| ended.stdout.contains(line)), "{key}");
        }
        let (_, section) = ended.stdout.split_once("The shortest section:\n").unwrap();
        let text = format!("name = \"p\"\nsource.simulate.followers = 1\n{section}");
        assert_eq!(validator(&registry()).places(&text), Vec::<String>::new(), "{text}");
        let pipeline = Pipeline::from_toml(&text, Path::new("p.toml"), &Overrides::default()).unwrap();
        fanout::engine::bind(&pipeline, &registry()).unwrap();
    }
}

#[test]
fn an_unknown_type_is_told_which_there_are() {
    let ended = Ended::of(&mut fanout(&["sinks", "parkett"]));
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.starts_with("error: found no sink type `parkett`, expected one of `"), "{ended:?}");
    let near = Ended::of(&mut fanout(&["sinks", "parquett"]));
    assert!(near.stderr.ends_with("did you mean `parquet`?\n"), "{near:?}");
}
