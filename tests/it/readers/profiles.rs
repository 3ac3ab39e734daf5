//! Other programs read the profiles of a whole run: every column of every row, from Parquet, from
//! lines of JSON, and from the files of Kafka.
//!
//! The lines of one sink are parsed here and held against what the simulator says is true of each
//! follower. They then are the truth for the other programs, and for the other sinks.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use fanout::simulator::{Flaw, OddRemark, Oddity, Profile, Simulator, Standing, Who};
use serde_json::{Map, Value};

use crate::profiles::expected;
use crate::readers::read_with;
use crate::support::Project;

const APP_ID: &str = "wx0000000000000001";
const DATE: &str = "2026-01-29";
/// More than two batches of a delivery.
const FOLLOWERS: u64 = 5_432;
const FILE_ROWS: u64 = 2_000;

const OF_COLUMNS: &str = "tests/it/profile_columns.py";
const OF_KAFKA: &str = "tests/it/kafka_batches.py";
const HOW_TO_GET_THEM: &str = "pip install pyarrow pandas duckdb polars datafusion kafka-python lz4 python-snappy \
                               zstandard, and name that Python in READERS_PYTHON";

/// The columns that a sink gets if it chooses none.
const COLUMNS: [&str; 14] = [
    "app_id",
    "openid",
    "outcome",
    "unionid",
    "subscribe_time",
    "subscribe_scene",
    "qr_scene",
    "qr_scene_str",
    "remark",
    "tagid_list",
    "groupid",
    "language",
    "position",
    "fetched_at",
];

const OPTIONAL: [&str; 8] = ["account", "nickname", "headimgurl", "sex", "city", "province", "country", "raw"];

const TIMES: [&str; 2] = ["subscribe_time", "fetched_at"];

/// Each sink with its type, whether it takes the optional columns as well, and its options.
const SINKS: [(&str, &str, bool, &str); 9] = [
    ("truth", "ndjson", true, "layout = 'people.ndjson'"),
    ("gzip", "ndjson", true, "layout = 'people.ndjson.gz'\ncompression = 'gzip'"),
    ("lines", "ndjson", false, ""),
    ("whole", "parquet", true, "layout = 'people.parquet'"),
    ("plain", "parquet", true, "layout = 'people.parquet'\nencoding = 'plain'\ncompression = 'snappy'"),
    ("lake", "parquet", false, ""),
    ("rolled", "parquet", false, "max_file_rows = 2_000\nrow_group_rows = 700"),
    ("topic", "kafka", true, "topic = 'people'\npartitions = 3\nlayout = 'dt={date}/{account}/part-{part}'"),
    ("packed", "kafka", false, "topic = 'people'\npartitions = 2\ncompression = 'zstd'\nmax_batch_bytes = '100 kB'"),
];

fn sinks() -> String {
    SINKS.iter().fold(String::new(), |mut text, (sink, kind, has_all, options)| {
        let all = [&COLUMNS[..], &OPTIONAL].concat();
        let columns = if *has_all { format!("columns = {all:?}\n") } else { String::new() };
        write!(
            text,
            "[sinks.{sink}]\ntype = '{kind}'\nlist = 'profiles'\n{columns}[sinks.{sink}.options]\n\
             root = 'out/{sink}'\n{options}\n"
        )
        .unwrap();
        text
    })
}

/// Publishes profiles with every outcome but a conflict, and with every kind of null.
fn publish() -> Project {
    let share = |share, seed| Who::Share { share, seed };
    let flaws = [
        (share(0.02, 1), Oddity::Left),
        (share(0.02, 2), Oddity::NoUnionid),
        (share(0.001, 3), Oddity::Refused { alone: true }),
        (Who::Index(4_000), Oddity::Unreadable { alone: true }),
        (share(0.01, 5), Oddity::Remark(OddRemark::RawControls)),
        (share(0.01, 6), Oddity::Remark(OddRemark::InvalidUtf8)),
        (share(0.01, 7), Oddity::Remark(OddRemark::LoneSurrogate)),
    ];
    let simulator = Simulator::builder().followers(FOLLOWERS).page_size(1_000);
    let simulator =
        flaws.into_iter().fold(simulator, |simulator, (who, oddity)| simulator.flaw(Flaw::new(who, oddity)));
    let keys = "profiles.max_refused_percent = 1\n[source.profiles]\nconcurrency = 8\nask_again_after_secs = 0";
    let project = Project::builder().keys(keys).account("brand", APP_ID).sinks(&sinks());
    let project = project.simulator(simulator).date(DATE).build();
    project.finish(&[]);
    project
}

/// Reads the lines of the first sink, and asserts that they say what is true.
fn reference(project: &Project) -> Vec<Map<String, Value>> {
    let text = std::fs::read_to_string(project.path("out/truth/people.ndjson")).unwrap();
    let rows: Vec<Map<String, Value>> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let truth: Vec<Profile> = project.api().profiles(APP_ID).iter().collect();
    assert_eq!(rows.len(), truth.len());
    let mut compared = 0;
    for ((position, row), profile) in rows.iter().enumerate().zip(&truth) {
        assert_eq!(row.len(), COLUMNS.len() + OPTIONAL.len());
        compared += usize::from(is_true(row, position, profile));
    }
    assert!(compared > rows.len() * 9 / 10, "{compared} of {}", rows.len());
    for standing in [Standing::Follows, Standing::Left, Standing::Refused, Standing::Unreadable] {
        assert!(truth.iter().any(|profile| profile.standing == standing), "{standing:?}");
    }
    rows
}

/// Asserts that a row says what is true. Returns whether the optional columns were compared, too.
fn is_true(row: &Map<String, Value>, position: usize, profile: &Profile) -> bool {
    let time = row["subscribe_time"].as_str().map(|time| time.parse::<DateTime<Utc>>().unwrap());
    assert_eq!(time.map(|time| time.timestamp_micros()), profile.subscribe_time.map(|time| time * 1_000_000));
    let fetched_at: DateTime<Utc> = row["fetched_at"].as_str().unwrap().parse().unwrap();
    assert_eq!(fetched_at.date_naive().to_string(), DATE);
    let mut expected = expected(profile, position);
    // Compared above, with its fraction of a second.
    expected.remove("subscribe_time");
    expected.extend([("app_id", APP_ID.into()), ("account", "brand".into())]);
    for (column, value) in expected {
        assert_eq!(row[column], value, "`{column}` of position {position}");
    }
    // The rest is as the reply has it.
    let is_told = matches!(profile.standing, Standing::Follows | Standing::Left);
    let raw = row["raw"].as_str();
    assert_eq!(raw.is_some(), is_told, "position {position}");
    assert!(raw.is_none_or(|raw| raw.contains(&profile.openid)), "position {position}");
    // Some remarks make the reply no JSON.
    let Some(Ok(raw)) = raw.map(serde_json::from_str::<Map<String, Value>>) else { return false };
    for column in OPTIONAL.into_iter().filter(|column| !["account", "raw"].contains(column)) {
        assert_eq!(&row[column], raw.get(column).unwrap_or(&Value::Null), "`{column}` of position {position}");
    }
    true
}

/// Writes the file `truth`: rows with these columns, and with times in microseconds since 1970 if
/// `are_numbers`.
fn write_truth(project: &Project, rows: &[Map<String, Value>], columns: &[&str], are_numbers: bool) {
    let micros = |value: &Value| value.as_str().map(|time| time.parse::<DateTime<Utc>>().unwrap().timestamp_micros());
    let cell = |row: &Map<String, Value>, column: &str| match &row[column] {
        value if are_numbers && TIMES.contains(&column) => micros(value).into(),
        value => value.clone(),
    };
    let line = |row| Value::Object(columns.iter().map(|&column| (column.to_owned(), cell(row, column))).collect());
    let lines: Vec<String> = rows.iter().map(|row| line(row).to_string()).collect();
    let lines = lines.join("\n") + "\n";
    std::fs::write(project.path("truth"), lines).unwrap();
}

/// Returns the folder with the files of a sink's list.
fn leaf(sink: &str, options: &str) -> String {
    let below = match options {
        _ if options.contains("layout = 'people.") => String::new(),
        _ if options.contains("layout") => format!("/dt={DATE}/brand"),
        _ => format!("/dt={DATE}/account=brand"),
    };
    format!("out/{sink}{below}")
}

/// Lets other programs read every sink with and without the optional columns, and returns the lines
/// that they printed; `None` if one is not installed.
fn read_all(project: &Project, rows: &[Map<String, Value>]) -> Option<(i32, Vec<String>)> {
    let (mut worst, mut lines) = (0, Vec::new());
    for has_all in [false, true] {
        let columns = if has_all { [&COLUMNS[..], &OPTIONAL].concat() } else { COLUMNS.to_vec() };
        let of = |is_kafka: bool| {
            let these = move |sink: &&(&str, &str, bool, &str)| sink.2 == has_all && (sink.1 == "kafka") == is_kafka;
            SINKS.iter().filter(these).map(|&(sink, kind, _, options)| (kind.to_owned(), leaf(sink, options)))
        };
        let outputs: Vec<String> = of(false).flat_map(|(kind, folder)| [kind, folder]).collect();
        let topics: Vec<String> = of(true).map(|(_, folder)| folder).collect();
        for (script, outputs, are_numbers) in [(OF_COLUMNS, outputs, true), (OF_KAFKA, topics, false)] {
            write_truth(project, rows, &columns, are_numbers);
            let (code, said) = read_with(project, script, &outputs, HOW_TO_GET_THEM)?;
            worst = worst.max(code);
            lines.extend(said.lines().map(str::to_owned));
        }
    }
    Some((worst, lines))
}

#[test]
fn other_programs_read_every_column_of_every_profile() {
    let project = publish();
    let rows = reference(&project);
    let parts = std::fs::read_dir(project.path(&leaf("rolled", ""))).unwrap();
    let names = parts.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(names.filter(|name| name.starts_with("part-")).count() as u64, FOLLOWERS.div_ceil(FILE_ROWS));
    let Some((code, lines)) = read_all(&project, &rows) else { return };
    assert_eq!(code, 0, "{lines:#?}");
    let read = |beginning: &str| lines.iter().filter(|line| line.starts_with(beginning)).count();
    // Five programs of four lists, four of three, and one of two topics.
    assert_eq!([read("ok      parquet"), read("ok      ndjson"), read("ok ")], [20, 12, 34], "{lines:#?}");
}

#[test]
fn another_value_of_a_single_profile_is_noticed() {
    let project = publish();
    let rows = reference(&project);
    let place = |holds: &dyn Fn(&Value) -> bool, column: &str| rows.iter().position(|row| holds(&row[column])).unwrap();
    for (column, holds, wrong) in [
        (
            "tagid_list",
            (&|value: &Value| *value == Value::from(Vec::<i32>::new())) as &dyn Fn(&Value) -> bool,
            Value::Null,
        ),
        ("remark", &|value: &Value| *value == "", Value::Null),
        ("unionid", &Value::is_null, "".into()),
        ("subscribe_time", &Value::is_string, "2020-02-02T02:02:02Z".into()),
    ] {
        let mut altered = rows.clone();
        altered[place(holds, column)][column] = wrong;
        let Some((code, lines)) = read_all(&project, &altered) else { return };
        assert_eq!(code, 1, "{column}: {lines:#?}");
        assert!(!lines.iter().any(|line| line.starts_with("ok ")), "{column}: {lines:#?}");
    }
}
