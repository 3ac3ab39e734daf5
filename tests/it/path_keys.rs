//! Paths of other forms: each key that is a path refuses them, names the right form, and nothing is
//! made under such a name.

use std::fs;
use std::path::Path;

use fanout::SinkRegistry;
use fanout::config::{Overrides, Pipeline};
use fanout::registry::ListColumns;
use fanout::simulator::Simulator;
use regex::Regex;

use crate::support::Project;

/// Paths of other forms, and a part of what the error says.
const FOREIGN: [(&str, &str); 16] = [
    ("s3://lake/followers", "no storage for `s3://` is built in"),
    ("s3:/lake", "no storage for `s3://` is built in"),
    ("gs://lake/followers", "no storage for `gs://` is built in"),
    ("oss://lake/followers", "no storage for `oss://` is built in"),
    ("cos://lake/followers", "no storage for `cos://` is built in"),
    ("hdfs://namenode:8020/lake", "no storage for `hdfs://` is built in"),
    ("file:///lake", "expected the path alone, without `file://`"),
    ("~/lake", "`~` is not replaced"),
    ("~", "`~` is not replaced"),
    ("$HOME/lake", "the variable behind `$` is not replaced"),
    ("${HOME}/lake", "the variable behind `$` is not replaced"),
    ("%LAKE%/followers", "the variable between `%` is not replaced"),
    ("C:\\\\lake", "a path of Windows"),
    ("C:/lake", "a path of Windows"),
    ("lake ", "a blank or a line end around it"),
    ("la\\u200bke", "a character that cannot be seen (U+200B)"),
];

/// Returns what the error says of such a path in a key that may also name an object store; `None`
/// if it is one.
fn problem_of_root(path: &str, problem: &'static str) -> Option<&'static str> {
    if !cfg!(feature = "object-store") {
        return Some(problem);
    }
    match path {
        "s3://lake/followers" => None,
        "s3:/lake" => Some("expected `s3://bucket/prefix`"),
        "oss://lake/followers" => Some("`store.endpoint = \"https://s3.oss-cn-hangzhou.aliyuncs.com\"`"),
        "cos://lake/followers" => Some("`store.endpoint = \"https://cos.ap-guangzhou.myqcloud.com\"`"),
        _ => Some(problem),
    }
}

/// A pipeline file with every key that is a path, each with its own name as the value.
const EVERY_PATH: &str = r#"
name = "p"
source.ca_file = "source.ca_file"
journal.path = "journal.path"
metrics.path = "metrics.path"
[[accounts]]
name = "a"
app_id = "wx0000000000000001"
secret = { file = "accounts[0].secret" }
[[accounts]]
name = "b"
app_id = "wx0000000000000002"
token = { file = "accounts[1].token" }
[[accounts]]
name = "c"
app_id = "wx0000000000000003"
token_command = { command = ["accounts[2].token_command.command"] }
[[accounts]]
name = "d"
app_id = "wx0000000000000004"
token_endpoint = { url = { file = "accounts[3].token_endpoint.url" } }
[[accounts]]
name = "e"
app_id = "wx0000000000000005"
token_endpoint = { url = "https://a.b", header = "x", header_value = { file = "accounts[4].token_endpoint.header_value" } }
[sinks.parquet]
type = "parquet"
options.root = "sinks.parquet.options.root"
[sinks.ndjson]
type = "ndjson"
options.root = "sinks.ndjson.options.root"
[sinks.layout]
type = "ndjson"
options = { root = "out", layout = "sinks.layout.options.layout" }
[sinks.kafka]
type = "kafka"
options = { root = "sinks.kafka.options.root", topic = "t" }
[sinks.command]
type = "command"
options = { command = ["sinks.command.options.command"], directory = "sinks.command.options.directory" }
[sinks.variable]
type = "command"
options = { command = ["cat"], environment = { X = { file = "sinks.variable.options.environment.X" } } }
"#;

/// Returns every problem of a pipeline file and of its sinks.
fn problems(text: &str, file: &Path) -> String {
    let pipeline = match Pipeline::from_toml(text, file, &Overrides::default()) {
        Ok(pipeline) => pipeline,
        Err(errors) => return errors.to_string(),
    };
    let columns = |list| {
        let schema = fanout::rows::row_schema(list);
        ListColumns { schema, default: fanout::rows::default_columns(list) }
    };
    SinkRegistry::builtin().bind_all(&pipeline, columns).map_or_else(|errors| errors.to_string(), |_| String::new())
}

#[test]
fn each_key_that_is_a_path_refuses_other_forms_and_names_the_right_one() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("p.toml");
    for name in ["accounts[0].secret", "source.ca_file"] {
        fs::write(folder.path().join(name), "00112233445566778899aabbccddeeff").unwrap();
    }
    fs::write(folder.path().join("accounts[1].token"), "a-token").unwrap();
    for name in ["accounts[3].token_endpoint.url", "accounts[4].token_endpoint.header_value"] {
        fs::write(folder.path().join(name), "https://a.b").unwrap();
    }
    let keys = Regex::new("\"([a-z]+[a-z_]*[.\\[][^\" ]+\\.?[^\" ]*)\"").unwrap();
    let is_key = |key: &&str| !key.contains("://") && *key != "a.b";
    let keys: Vec<&str> =
        keys.captures_iter(EVERY_PATH).map(|found| found.get(1).unwrap().as_str()).filter(is_key).collect();
    assert_eq!(keys.len(), 15, "{keys:?}");
    for key in keys {
        for (path, problem) in FOREIGN {
            let problem =
                if key.rsplit('.').next() == Some("root") { problem_of_root(path, problem) } else { Some(problem) };
            let Some(problem) = problem else { continue };
            let text = EVERY_PATH.replace(&format!("\"{key}\""), &format!("\"{path}\""));
            let problems = problems(&text, &file);
            let named = problems
                .lines()
                .any(|line| line.starts_with(&format!("{}: `{key}`: ", file.display())) && line.contains(problem));
            // A layout is checked when its sink is opened, which `check` does.
            assert!(named || key.ends_with(".layout"), "{key} = {path}: {problems}");
        }
    }
    let names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 5, "{names:?}");
}

#[test]
fn a_run_a_check_and_a_report_make_no_folder_of_such_a_name() {
    let simulator = || Simulator::builder().followers(10);
    for (path, problem) in FOREIGN {
        let toml = |root: &str| {
            format!(
                "name = 'p'\naccounts = [{{ name = 'a', app_id = 'wx0000000000000001', secret.env = 'TEST_SECRET' }}]\n\
                 [sinks.x]\ntype = 'ndjson'\n{root}\n"
            )
        };
        for options in [
            format!("options.root = \"{path}\""),
            format!("options = {{ root = 'out', layout = \"{path}/{{date}}/{{account}}/part-{{part}}.ndjson\" }}"),
        ] {
            let is_layout = options.contains("layout");
            let problem = if is_layout { Some(problem) } else { problem_of_root(path, problem) };
            // A layout has no blank at its end then.
            let Some(problem) = problem.filter(|_| !(is_layout && path == "lake ")) else { continue };
            let project = Project::reading(&toml(&options), simulator());
            for command in [&["run", "pipeline.toml"][..], &["check", "pipeline.toml"]] {
                let ended = crate::support::Ended::of(&mut project.command_with_secrets(command));
                assert_eq!(ended.code, Some(2), "{path}: {ended:?}");
                assert!(ended.stderr.contains(problem), "{path}: {ended:?}");
            }
            assert_eq!(project.api().requests().total(), 0);
            let names = fs::read_dir(project.path("")).unwrap().map(|entry| entry.unwrap().file_name());
            let foreign: Vec<_> = names.filter(|name| name != "pipeline.toml" && name != "state").collect();
            assert!(foreign.is_empty(), "{path}: {foreign:?}");
        }
    }
    let project = Project::reading(
        "name = 'p'\nsource.simulate.followers = 1\nsinks.x = { type = 'ndjson', options.root = 'out' }\n",
        simulator(),
    );
    let ended = project.fanout(&["report", "pipeline.toml", "--html=~/report.html"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("`~` is not replaced"), "{ended:?}");
}

/// Every field of an option or a section that holds a path is read as one.
#[test]
fn every_path_of_a_pipeline_file_is_read_as_one() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let field = Regex::new(r"pub (?:\(super\) )?[a-z_]+: (?:Option<)?PathBuf>?,").unwrap();
    let mut fields = 0;
    let mut folders = vec![root.join("src/config"), root.join("sinks")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            if path.extension().is_none_or(|extension| extension != "rs") {
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            // The items of a file; a struct that is read has `Deserialize` in its head.
            for item in text.split("\n}\n").filter(|item| item.contains("Deserialize, ") && item.contains("struct ")) {
                let item = &item[item.rfind("#[derive(").unwrap_or(0)..];
                for found in field.find_iter(item) {
                    let attributes = item[..found.start()].rsplit("\n\n").next().unwrap();
                    let attributes = attributes.rsplit(",\n    ///").next().unwrap();
                    assert!(attributes.contains("fanout_sink::local_path"), "{}: {}", path.display(), found.as_str());
                    fields += 1;
                }
            }
        }
    }
    assert!(fields >= 9, "{fields}");
}
