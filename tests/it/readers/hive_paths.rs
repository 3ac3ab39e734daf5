//! What readers see in the path of a list: a folder `key=value` is a column to them, and its value
//! may be no text.

use std::collections::BTreeSet;

use crate::readers::read_with;
use crate::support::{Project, run_script, variable};

const HOW_TO_GET_THEM: &str =
    "pip install pyarrow pandas duckdb polars datafusion, and name that Python in READERS_PYTHON";
const NOT_DONE: &str = "other programs were not asked to read paths";

/// Names that some reader takes for something else than text, and names that none does.
const NAMES: [&str; 34] = [
    "007",
    "7",
    "00",
    "-3",
    "-0",
    "1e5",
    "1E400",
    "0x10",
    "0b1",
    "1.5",
    ".5",
    "1.0",
    "99999999999",
    "20260101",
    "99999999999999999999",
    "1d",
    "2026-01-01",
    "2026-1-1",
    "01-01-2026",
    "12:30",
    "2026-01-01 00:00:00",
    "null",
    "NULL",
    "__HIVE_DEFAULT_PARTITION__",
    "true",
    "False",
    "nan",
    "NaN",
    "inf",
    "-Infinity",
    "epoch",
    "\u{ff11}\u{ff12}",
    "0x1p3",
    "１_000",
];
const TEXTS: [&str; 12] =
    ["brand", "品牌 北京", "shop-1", "a7", "7a", "7年", "+7", "e5", "NA", "2026-13-01", "1L", "nil"];

/// A project with an account of each name, and a sink of files.
fn project(names: &[&str], kind: &str, options: &str, keys: &str) -> Project {
    let names = names.iter().enumerate();
    let builder =
        names.fold(Project::builder(), |builder, (number, name)| builder.account(name, &format!("wx{number:016x}")));
    let sink = format!("[sinks.lake]\ntype = '{kind}'\n{keys}\n[sinks.lake.options]\nroot = 'out'\n{options}");
    builder.sinks(&sink).build()
}

#[test]
fn a_column_in_path_and_file_is_refused_with_the_way_out() {
    let extensions =
        [("parquet", "", "x-{part}.parquet"), ("ndjson", "", "x-{part}.ndjson"), ("kafka", "topic = 't'", "{part}")];
    for (kind, options, file) in extensions {
        for key in ["app_id", "APP_ID", "openid", "Position"] {
            let column = key.to_lowercase();
            let layout = format!("{options}\nlayout = 'dt={{date}}/{key}={{app_id}}/{file}'");
            for command in ["check", "run"] {
                let project = project(&["brand"], kind, &layout, "");
                let ended = project.fanout(&[command, "pipeline.toml", "--simulate", "5"]);
                assert_eq!(ended.code, Some(2), "{ended:?}");
                let expected = format!(
                    "`sinks.lake.options.layout`: `{key}=` in `layout` is a column to readers, and the files have the column \
                     `{column}` as well: readers refuse such files, or take one of the two; leave `{column}` out with \
                     `columns`, or rename the key, such as `path_{key}=`"
                );
                assert!(ended.stderr.contains(&expected), "{ended:?}");
            }
        }
        // What the error names.
        let layout = |key: &str| format!("{options}\nlayout = 'dt={{date}}/{key}={{app_id}}/{file}'");
        for (layout, columns) in [
            (layout("app_id"), "columns = ['openid', 'position', 'fetched_at']"),
            (layout("path_app_id"), ""),
            (options.to_owned(), ""),
        ] {
            let key = if kind == "kafka" { "\nkey = 'openid'" } else { "" };
            let project = project(&["brand"], kind, &format!("{layout}{key}"), columns);
            let ended = project.fanout(&["check", "pipeline.toml", "--simulate", "5"]);
            assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{ended:?}");
        }
    }
    // The column `account` and the default layout.
    let project = project(&["brand"], "parquet", "", "columns = ['openid', 'account']");
    let ended = project.fanout(&["check", "pipeline.toml", "--simulate", "5"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("leave `account` out with `columns`, or rename the key"), "{ended:?}");
}

#[test]
fn readers_take_a_column_from_the_path_or_from_the_file() {
    let project = Project::builder()
        .account("007", "wx0000000000000007")
        .account("7", "wx0000000000000070")
        .sinks(
            "[sinks.path]\ntype = 'parquet'\ncolumns = ['openid', 'position', 'account']\n[sinks.path.options]\n\
             root = 'path'\nlayout = 'dt={date}/app_id={app_id}/x-{part}.parquet'\n\
             [sinks.lines]\ntype = 'ndjson'\ncolumns = ['account', 'openid']\n[sinks.lines.options]\n\
             root = 'lines'\nlayout = '{date}/{account}/x.ndjson'\n\
             [sinks.records]\ntype = 'kafka'\ncolumns = ['account', 'openid']\n[sinks.records.options]\n\
             topic = 't'\nkey = 'openid'\nroot = 'records'\nlayout = '{date}/{account}/x-{part}'\ncompression = 'none'\n",
        )
        .build();
    let run = project.fanout(&["run", "pipeline.toml", "--simulate", "1_000", "--clock", "2026-01-31T04:00:00Z"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    for account in ["007", "7"] {
        let lines = project.path("lines.simulated/2026-01-31").join(account).join("x.ndjson");
        let lines = std::fs::read_to_string(lines).unwrap();
        let expected = format!("{{\"account\":\"{account}\",\"openid\":");
        assert_eq!(lines.lines().filter(|line| line.starts_with(&expected)).count(), 1_000, "{lines:.200}");
        let records = project.path("records.simulated/2026-01-31").join(account).join("x-00000");
        let records = std::fs::read(records).unwrap();
        let found = records.windows(expected.len()).filter(|window| *window == expected.as_bytes()).count();
        assert_eq!(found, 1_000);
    }
    std::fs::write(project.path("truth"), "007 wx0000000000000007 1000\n7 wx0000000000000070 1000\n").unwrap();
    if let Some((code, said)) = read_with(&project, "tests/it/hive_columns.py", &["path.simulated"], HOW_TO_GET_THEM) {
        assert_eq!(code, 0, "{said}");
        assert_eq!(said.lines().filter(|line| line.starts_with("ok ")).count(), 5, "{said}");
    }
}

#[test]
fn a_name_that_a_reader_takes_for_something_else_is_warned_of() {
    let all = [&NAMES[..], &TEXTS].concat();
    let all = project(&all, "parquet", "", "");
    let run = all.fanout(&["run", "pipeline.toml", "--simulate", "3", "--clock", "2026-01-31T04:00:00Z"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    // The names that the check warns of, each in a file of its own.
    let warns = |name: &str| {
        let alone = project(&[name], "parquet", "", "");
        let ended = alone.fanout(&["check", "pipeline.toml", "--simulate", "3"]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let warning = format!("warning: sink `lake`: readers that guess types take `account={name}` for ");
        assert_eq!(ended.stderr.contains("warning"), ended.stderr.contains(&warning), "{ended:?}");
        ended.stderr.contains(&warning)
    };
    for name in NAMES {
        assert!(warns(name), "{name}");
    }
    for name in TEXTS {
        assert!(!warns(name), "{name}");
    }
    let readers = variable("HIVE_READERS").unwrap_or_default();
    let arguments: Vec<&str> = std::iter::once("out.simulated").chain(readers.split_whitespace()).collect();
    if let Some((code, said)) = run_script(&all, "tests/it/hive_names.py", &arguments, NOT_DONE, HOW_TO_GET_THEM) {
        assert_eq!(code, 0, "{said}");
        let lines = said.lines().filter(|line| line.starts_with('['));
        let misread: Vec<(String, String, String)> = lines.map(|line| serde_json::from_str(line).unwrap()).collect();
        let names: BTreeSet<&str> = misread.iter().map(|(_, name, _)| name.as_str()).collect();
        assert!(names.contains("007") && names.contains("2026-01-01"), "{said}");
        let unwarned: Vec<&&str> = names.iter().filter(|name| TEXTS.contains(name)).collect();
        assert!(unwarned.is_empty(), "{unwarned:?}\n{said}");
    }
}

#[test]
fn two_names_that_readers_take_for_one_value_are_both_named() {
    let project = project(&["007", "7", "brand", "1e5", "100000"], "ndjson", "", "");
    let ended = project.fanout(&["check", "pipeline.toml", "--simulate", "3"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let expected = "warning: sink `lake`: readers that guess types mix lists under `account=`: `100000` and `1e5` are all the \
                    number 100000 and `007` and `7` are all the number 7\nhint: ";
    assert!(ended.stderr.contains(expected), "{ended:?}");
    // In the findings, too, and for machines.
    let connected = project.fanout(&["check", "pipeline.toml", "--simulate", "3", "--connect", "--json"]).json();
    let findings = connected["findings"].as_array().unwrap();
    let warnings: Vec<_> = findings.iter().filter(|finding| finding["severity"] == "warning").collect();
    assert_eq!(warnings.len(), 2, "{connected}");
    assert!(warnings.iter().all(|finding| finding["check"] == "sink" && finding["exit"] == 0), "{connected}");
}
