//! The claims of the README: its commands, its keys with their defaults, its tables, and the output
//! of the demo.

mod translation;

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::path::Path;

use fanout::config::{Environment, Overrides, Pipeline};
use fanout::error::Exit;
use fanout::rows::{default_columns, follower_schema, row_schema};
use fanout::wechat::List;
use fanout::{SinkRegistry, engine};
use fanout_sink_command::CommandOptions;
use fanout_sink_kafka::KafkaOptions;
use fanout_sink_ndjson::NdjsonOptions;
use fanout_sink_parquet::ParquetOptions;

use crate::support::outputs::rows_of;
use crate::support::{Ended, Project, fanout};

const README: &str = include_str!("../../../README.md");

/// The followers of the demo, as many as in the example of WeChat's documentation.
const FOLLOWERS: u64 = 23_000;

/// The tables of a pipeline file: the prefix of their keys, and their header. Nothing else may hold
/// keys.
const TABLES: [(&str, &str); 18] = [
    ("", ""),
    ("source.", "[source]"),
    ("source.simulate.", "[source.simulate]"),
    ("source.retry.", "[source.retry]"),
    ("source.quota.", "[source.quota]"),
    ("source.profiles.", "[source.profiles]"),
    ("source.token_endpoint.", "[source.token_endpoint]"),
    ("profiles.", "[profiles]"),
    ("tags.", "[tags]"),
    ("changes.", "[changes]"),
    ("accounts.", "[[accounts]]"),
    ("accounts.token_endpoint.", "[[accounts]]\n[accounts.token_endpoint]"),
    ("accounts.token_command.", "[[accounts]]\n[accounts.token_command]"),
    ("journal.", "[journal]"),
    ("limits.", "[limits]"),
    ("metrics.", "[metrics]"),
    ("sinks.<name>.", "[sinks.x]"),
    ("sinks.<name>.retry.", "[sinks.x.retry]"),
];

/// Returns the text of each fenced block of this language.
fn blocks(language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    README.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

/// Returns the rows of the first table behind `start`, cell by cell, without the backticks around a
/// whole cell.
fn table(start: &str) -> Vec<Vec<&'static str>> {
    let (_, rest) = README.split_once(start).unwrap_or_else(|| panic!("`{start}` is gone"));
    let lines = rest.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    let cells =
        |line: &'static str| line.trim_matches('|').split('|').map(|cell| cell.trim().trim_matches('`')).collect();
    lines.skip(2).map(cells).collect()
}

fn column(start: &str) -> BTreeSet<&'static str> {
    table(start).iter().map(|row| row[0]).collect()
}

/// Returns the commands of all shell blocks, without comments.
fn commands() -> Vec<Vec<&'static str>> {
    let lines = blocks("sh").into_iter().flat_map(str::lines);
    lines.map(|line| line.split('#').next().unwrap().split_whitespace().collect()).collect()
}

fn load(text: &str, set: &[String]) -> Result<Pipeline, String> {
    let environment: Environment = [("BRAND_SECRET", "not-a-real-secret")].into_iter().collect();
    let overrides = Overrides { set: set.to_vec(), environment, ..Overrides::default() };
    Pipeline::from_toml(text, Path::new("p.toml"), &overrides).map_err(|errors| errors.to_string())
}

/// Returns the keys that an error about the unknown key `unknown` says are known.
fn known_keys(errors: &str) -> Vec<String> {
    let (_, known) = errors.split_once("unknown key, expected one of ").unwrap_or_else(|| panic!("{errors}"));
    let known = known.lines().next().unwrap().split(';').next().unwrap();
    known.split(", ").map(|key| key.trim_matches('`').to_owned()).collect()
}

#[test]
fn the_first_command_publishes_what_the_readme_lists() {
    let file = include_str!("../../../pipelines/demo.toml");
    let project = Project::new("");
    std::fs::create_dir(project.path("pipelines")).unwrap();
    std::fs::write(project.path("pipelines/demo.toml"), file).unwrap();

    let first = &commands()[0];
    assert_eq!(first[..4], ["cargo", "run", "--release", "--"]);
    let run = project.fanout(&first[4..]);
    assert_eq!(run.code, Some(0), "{run:?}");

    let leaf = std::fs::read_dir(project.path("out/demo/parquet")).unwrap().next().unwrap().unwrap().file_name();
    let today = |path: &str| project.path(&path.replace("dt=2026-11-22", leaf.to_str().unwrap()));
    let listed: Vec<_> = blocks("text")[0].lines().map(|line| today(line.split_whitespace().next().unwrap())).collect();
    assert!(listed.iter().all(|path| path.exists()), "{listed:?}");
    let mut published = project.files();
    published.retain(|path| path.starts_with(project.path("out")));
    let listed: BTreeSet<_> = listed.iter().filter(|path| path.is_file()).collect();
    assert_eq!(listed, published.iter().collect());
    let rows: Vec<u64> = published.iter().filter_map(|path| rows_of(path)).collect();
    assert_eq!(rows, [FOLLOWERS; 2]);
}

#[test]
fn every_command_and_flag_exists() {
    assert!(commands().iter().any(|command| command == &["cargo", "test"]));
    let help = |command: &str| {
        let ended = Ended::of(&mut fanout(&[command, "--help"]));
        assert_eq!(ended.code, Some(0), "`fanout {command}`");
        ended.stdout
    };
    for command in commands().iter().filter(|command| command[0] == "fanout") {
        let help = help(command[1]);
        for flag in command.iter().filter(|word| word.starts_with("--")) {
            assert!(help.contains(flag), "`fanout {}` has no `{flag}`", command[1]);
        }
    }
    let (_, rest) = README.split_once("`fanout run FILE` also takes").unwrap();
    let sentence = rest.split("\n`fanout sinks`").next().unwrap();
    let flags: Vec<&str> = sentence.split('`').filter(|code| code.starts_with("--")).collect();
    assert_eq!(flags.len(), 11, "{flags:?}");
    for flag in flags {
        let flag = flag.split_whitespace().next().unwrap().split('=').next().unwrap();
        assert!(help("run").contains(flag), "`fanout run` has no `{flag}`");
    }
    for command in ["sinks", "simulate", "replay", "schema", "new", "completions", "man"] {
        help(command);
    }
}

#[test]
fn the_table_names_exactly_the_keys_there_are() {
    let mut expected = BTreeSet::new();
    for (prefix, header) in TABLES {
        let errors = load(&format!("{header}\nunknown = 1\n"), &[]).unwrap_err();
        expected.extend(known_keys(&errors).into_iter().map(|key| format!("{prefix}{key}")));
    }
    let is_table =
        |key: &str| TABLES.iter().any(|(prefix, _)| prefix.strip_prefix(key).is_some_and(|rest| rest.starts_with('.')));
    expected.retain(|key| !is_table(key));
    // The other form of `accounts`, whose only key it is.
    let errors = load("[accounts]\nunknown = 1\n", &[]).unwrap_err();
    assert!(errors.contains("`accounts.unknown`: unknown key, expected `file`"), "{errors}");
    expected.insert("accounts.file".to_owned());
    assert_eq!(column("### Keys"), expected.iter().map(String::as_str).collect());
}

#[test]
fn the_tables_of_options_name_exactly_the_keys_there_are() {
    for kind in SinkRegistry::builtin().types() {
        let text = format!(
            "name = 'p'\nsource.simulate.followers = 1\n[sinks.x]\ntype = '{kind}'\n[sinks.x.options]\nunknown = 1\n"
        );
        let pipeline = load(&text, &[]).unwrap();
        let errors = engine::bind(&pipeline, &SinkRegistry::builtin()).unwrap_err().to_string();
        let expected: BTreeSet<String> = known_keys(&errors).into_iter().collect();
        let documented = column(&format!("Options of `{kind}`"));
        assert_eq!(documented, expected.iter().map(String::as_str).collect(), "{kind}");
    }
}

#[test]
fn the_table_of_a_store_names_exactly_the_keys_there_are() {
    let sink = "[sinks.x]\ntype = 'ndjson'\noptions = { root = 'out', store = { unknown = 1 } }\n";
    let pipeline = load(&format!("name = 'p'\nsource.simulate.followers = 1\n{sink}"), &[]).unwrap();
    let errors = engine::bind(&pipeline, &SinkRegistry::builtin()).unwrap_err().to_string();
    let expected: BTreeSet<String> = known_keys(&errors).into_iter().collect();
    assert_eq!(column("Keys of `store`:"), expected.iter().map(String::as_str).collect());
}

/// Asserts that setting each documented default changes nothing of what `read` sees.
fn assert_defaults<T: Debug>(start: &str, base: &str, prefix: &str, read: impl Fn(&Pipeline) -> T) -> usize {
    let seen =
        |set: &[String]| format!("{:?}", read(&load(base, set).unwrap_or_else(|errors| panic!("{set:?}: {errors}"))));
    let plain = seen(&[]);
    let documented = table(start).into_iter().filter(|row| !row[1].is_empty());
    documented
        .map(|row| {
            let key = row[0].replace("<name>", "x");
            assert_eq!(seen(&[format!("{prefix}{key}={}", row[1])]), plain, "`{}` is not `{}`", row[0], row[1]);
        })
        .count()
}

#[test]
fn every_default_is_the_one_that_holds() {
    let base =
        "name = 'p'\nsource.simulate.followers = 1\n[sinks.x]\ntype = 'parquet'\n[sinks.x.options]\nroot = 'out'\n";
    assert_eq!(assert_defaults("### Keys", base, "", Pipeline::clone), 45);
    let options = "sinks.x.options.";
    let parquet = |pipeline: &Pipeline| pipeline.sinks[0].options.extract::<ParquetOptions>().unwrap();
    assert_eq!(assert_defaults("Options of `parquet`:", base, options, parquet), 6);
    let ndjson = |pipeline: &Pipeline| {
        let options: NdjsonOptions = pipeline.sinks[0].options.extract().unwrap();
        (options.compression.unwrap_or_default(), options.root)
    };
    assert_eq!(assert_defaults("Options of `ndjson`:", base, options, ndjson), 1);
    let base = "name = 'p'\nsource.simulate.followers = 1\n[sinks.x]\ntype = 'kafka'\noptions = { topic = 't' }\n";
    let kafka = |pipeline: &Pipeline| pipeline.sinks[0].options.extract::<KafkaOptions>().unwrap();
    assert_eq!(assert_defaults("Options of `kafka`", base, options, kafka), 8);
    let base =
        "name = 'p'\nsource.simulate.followers = 1\n[sinks.x]\ntype = 'command'\noptions = { command = ['cat'] }\n";
    let command = |pipeline: &Pipeline| {
        let mut options: CommandOptions = pipeline.sinks[0].options.extract().unwrap();
        let _ = options.format.get_or_insert_default();
        let _ = options.guarantee.get_or_insert_default();
        options
    };
    assert_eq!(assert_defaults("Options of `command`:", base, options, command), 9);
}

#[test]
fn the_program_in_it_is_the_example_and_works() {
    let example = include_str!("../../../examples/count.rs");
    let lines = |text: &str| -> Vec<String> {
        let code = text.lines().filter(|line| !line.starts_with("//!") && !line.starts_with("#["));
        code.filter(|line| !line.is_empty()).map(str::to_owned).collect()
    };
    assert_eq!(lines(blocks("rust,no_run")[0]), lines(example));

    // `cargo test` builds the examples with the tests, in a folder beside theirs.
    let tests = std::env::current_exe().unwrap();
    let program = tests.parent().unwrap().parent().unwrap().join("examples/count");
    assert!(program.exists(), "`cargo test --test` builds no examples: `cargo build --examples` does");
    let project = Project::new("name = 'p'\nsource.simulate.followers = 10_500\n[sinks.x]\ntype = 'count'\n");
    let run = Ended::of(project.command_of(&program).args(["run", "pipeline.toml"]));
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(run.stderr.contains("10000 followers\n500 followers\n"), "{run:?}");
}

#[test]
fn the_pipeline_file_in_it_works() {
    let pipeline = load(blocks("toml")[0], &[]).unwrap();
    engine::bind(&pipeline, &SinkRegistry::builtin()).unwrap();
}

#[test]
fn the_other_tables_are_complete() {
    let columns = follower_schema();
    let columns: Vec<&str> = columns.fields().iter().map(|field| field.name().as_str()).collect();
    assert_eq!(table("Each row has these columns").iter().map(|row| row[0]).collect::<Vec<_>>(), columns);

    let columns = row_schema(List::PROFILES);
    let columns: Vec<&str> = columns.fields().iter().map(|field| field.name().as_str()).collect();
    let (default, others) = columns.split_at(default_columns(List::PROFILES));
    assert_eq!(
        table("Every OpenID of the follower list has one row").iter().map(|row| row[0]).collect::<Vec<_>>(),
        default
    );
    for (list, start) in
        [(List::TAG_MEMBERS, "Each person of each tag has one row"), (List::TAGS, "Each tag has one row")]
    {
        let columns = row_schema(list);
        let columns = columns.fields()[..default_columns(list)].iter().map(|field| field.name().as_str());
        assert_eq!(table(start).iter().map(|row| row[0]).collect::<Vec<_>>(), columns.collect::<Vec<_>>(), "{list}");
    }

    let (_, behind) = README.split_once("A sink's `columns` may also name").unwrap();
    let named: Vec<&str> = behind[..behind.find("as it came").unwrap()].split('`').skip(1).step_by(2).collect();
    assert_eq!(named, others);

    let columns = row_schema(List::CHANGES);
    let columns: Vec<&str> = columns.fields().iter().map(|field| field.name().as_str()).collect();
    let default = &columns[..default_columns(List::CHANGES)];
    assert_eq!(table("Every change has one row").iter().map(|row| row[0]).collect::<Vec<_>>(), default);

    let exits = [Exit::Done, Exit::Failed, Exit::Usage, Exit::Later, Exit::Interrupted];
    let codes: Vec<String> = exits.iter().map(Exit::to_string).collect();
    let (_, rest) = README.split_once("## What it guarantees").unwrap();
    let documented: Vec<&str> = table(&rest[..rest.find("| exit code").unwrap()]).iter().map(|row| row[0]).collect();
    assert_eq!(documented, codes);

    for kind in SinkRegistry::builtin().types() {
        assert!(column("### Sinks").contains(kind), "{kind}");
    }
}
