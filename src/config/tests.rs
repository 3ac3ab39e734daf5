//! Pipeline files: the values of valid ones, and the errors of wrong ones.

use std::path::Path;
use std::time::Duration;

use fanout_sink::Secret;
use serde::Deserialize;

use super::*;

mod accounts_file;
mod credentials;
mod slips;

const FILE: &str = "pipelines/p.toml";

/// The least that a valid file holds.
const VALID: &str = r#"
name = "followers"
[[accounts]]
name = "brand"
app_id = "wx01"
secret = { env = "BRAND_SECRET" }
[sinks.archive]
type = "parquet"
[sinks.archive.options]
root = "out"
"#;

fn environment(more: &[(&str, &str)]) -> Overrides {
    let variables = [("BRAND_SECRET", "hunter2"), ("PATH", "/bin")];
    Overrides { environment: variables.iter().chain(more).copied().collect(), ..Overrides::default() }
}

fn set(assignments: &[&str]) -> Overrides {
    Overrides { set: assignments.iter().map(|&text| text.to_owned()).collect(), ..environment(&[]) }
}

fn load_with(text: &str, overrides: &Overrides) -> Result<Pipeline, ConfigErrors> {
    Pipeline::from_toml(text, Path::new(FILE), overrides)
}

fn load(text: &str) -> Pipeline {
    load_with(text, &environment(&[])).unwrap()
}

/// Returns the problems of `text`, one a line, without the file's name that each must start with.
fn problems_with(text: &str, overrides: &Overrides) -> String {
    let rendered = load_with(text, overrides).unwrap_err().to_string();
    let lines = rendered.lines().map(|line| line.strip_prefix(FILE).and_then(|line| line.strip_prefix(": ")).unwrap());
    lines.collect::<Vec<_>>().join("\n")
}

fn problems(text: &str) -> String {
    problems_with(text, &environment(&[]))
}

/// Returns the valid file with `old` replaced.
fn with(old: &str, new: &str) -> String {
    assert!(VALID.contains(old), "{old}");
    VALID.replacen(old, new, 1)
}

#[test]
fn what_a_file_leaves_out_has_its_default() {
    let pipeline = load(VALID);
    assert_eq!(pipeline.name, "followers");
    assert_eq!(pipeline.directory, Path::new("pipelines"));
    assert_eq!(pipeline.source.base_url.to_string(), "https://api.weixin.qq.com");
    assert_eq!(pipeline.source.connect_timeout, Duration::from_secs(10));
    assert_eq!(pipeline.source.idle_timeout, Duration::from_secs(30));
    assert_eq!(pipeline.source.total_timeout, Duration::from_secs(600));
    assert_eq!(pipeline.source.max_reply_bytes, 8 * 1024 * 1024);
    assert!((pipeline.source.max_shortfall_percent - 2.0).abs() < f64::EPSILON);
    assert_eq!((pipeline.source.retry.attempts, pipeline.source.retry.budget), (6, Duration::from_secs(600)));
    assert_eq!((pipeline.source.retry.base.as_millis(), pipeline.source.retry.max.as_millis()), (500, 30_000));
    assert!(pipeline.source.proxy.is_none() && pipeline.source.ca_file.is_none() && pipeline.source.simulate.is_none());
    assert_eq!(pipeline.journal.path, Path::new("pipelines/state"));
    assert_eq!((pipeline.journal.keep, pipeline.journal.resume_within), (2, Duration::from_secs(48 * 60 * 60)));
    assert_eq!((pipeline.limits.memory, pipeline.limits.deliveries, pipeline.limits.accounts), (None, None, 8));
    let sink = &pipeline.sinks[0];
    assert_eq!((sink.name.as_str(), sink.kind.as_str(), sink.required, sink.queue), ("archive", "parquet", true, 4));
    assert!(sink.columns.is_none() && !pipeline.simulated_by_flag);
    assert!(matches!(&pipeline.accounts[0].credential, Credential::Secret(secret) if secret.expose() == "hunter2"));
}

#[test]
fn every_key_has_its_unit() {
    let text = VALID.to_owned()
        + r#"
        [source]
        base_url = "http://127.0.0.1:8080"
        proxy = "http://proxy:3128"
        connect_timeout_secs = 1
        idle_timeout_secs = 2
        total_timeout_secs = 3
        max_reply_bytes = "2 MiB"
        max_shortfall_percent = 5
        retry = { attempts = 4, budget_secs = 5, base_ms = 6, max_ms = 7, minute_secs = 12, walk_budget = 13 }
        quota = { check = false, refuse = true, daily_calls = 14 }
        [journal]
        path = "/data/state/"
        keep = 9
        resume_within_hours = 10
        [limits]
        memory = "64 MiB"
        accounts = 11
        deliveries = 15
        "#;
    let pipeline = load(&text);
    assert_eq!(pipeline.source.base_url.to_string(), "http://127.0.0.1:8080");
    assert_eq!(pipeline.source.proxy.unwrap().url().as_str(), "http://proxy:3128/");
    assert_eq!(pipeline.source.connect_timeout.as_secs(), 1);
    assert_eq!(pipeline.source.idle_timeout.as_secs(), 2);
    assert_eq!(pipeline.source.total_timeout.as_secs(), 3);
    assert_eq!(pipeline.source.max_reply_bytes, 2 << 20);
    assert!((pipeline.source.max_shortfall_percent - 5.0).abs() < f64::EPSILON);
    assert_eq!((pipeline.source.retry.attempts, pipeline.source.retry.budget.as_secs()), (4, 5));
    assert_eq!((pipeline.source.retry.base.as_millis(), pipeline.source.retry.max.as_millis()), (6, 7));
    assert_eq!((pipeline.source.retry.minute.as_secs(), pipeline.source.retry.walk_budget), (12, 13));
    let QuotaSection { check, refuse, daily_calls, .. } = pipeline.source.quota;
    assert_eq!((check, refuse, daily_calls), (false, true, 14));
    assert_eq!(pipeline.journal.path, Path::new("/data/state"));
    assert_eq!((pipeline.journal.keep, pipeline.journal.resume_within.as_secs()), (9, 10 * 3_600));
    assert_eq!((pipeline.limits.memory, pipeline.limits.accounts), (Some(64 << 20), 11));
    assert_eq!(pipeline.limits.deliveries, Some(15));
}

#[test]
fn the_command_line_beats_the_environment_and_the_environment_the_file() {
    let text = VALID.to_owned() + "[journal]\nkeep = 3\npath = \"file\"\n[limits]\naccounts = 3\n";
    let variables = [("FANOUT_JOURNAL__KEEP", "4"), ("FANOUT_JOURNAL__PATH", "variable"), ("FANOUT_REQUIRE_ALL", "1")];
    let overrides = Overrides { set: vec!["journal.keep=5".to_owned()], ..environment(&variables) };
    let pipeline = load_with(&text, &overrides).unwrap();
    assert_eq!((pipeline.limits.accounts, pipeline.journal.keep), (3, 5));
    assert_eq!(pipeline.journal.path, Path::new("pipelines/variable"));
}

#[test]
fn an_override_is_toml_where_it_is_toml_and_text_otherwise() {
    let assignments = [
        "name=2026-01-02",
        "sinks.archive.columns=[\"openid\"]",
        "sinks.archive.required=false",
        "sinks.archive.options.root=a=b",
        "sinks.copy.type=ndjson",
    ];
    let pipeline = load_with(VALID, &set(&assignments)).unwrap();
    assert_eq!(pipeline.name, "2026-01-02");
    assert_eq!(pipeline.sinks[0].columns, Some(vec!["openid".to_owned()]));
    assert!(!pipeline.sinks[0].required);
    let options = pipeline.sinks[0].options.extract::<Options>().unwrap();
    assert_eq!(options.root, "a=b");
    assert_eq!(pipeline.sinks[1].kind, "ndjson");
}

#[test]
fn a_variable_finds_the_names_of_the_file_whatever_their_case() {
    let text = VALID.replace("sinks.archive", "sinks.My-Archive");
    let pipeline = load_with(&text, &environment(&[("FANOUT_SINKS__MY_ARCHIVE__QUEUE", "7")])).unwrap();
    assert_eq!((pipeline.sinks.len(), pipeline.sinks[0].queue), (1, 7));
}

#[test]
fn a_variable_that_is_close_to_a_key_is_an_error() {
    let error = |name| problems_with(VALID, &environment(&[(name, "1")]));
    assert_eq!(
        error("FANOUT_JOURNAL__KEPP"),
        "`journal.kepp` (from `FANOUT_JOURNAL__KEPP`): unknown key, expected one of `path`, `keep`, \
         `resume_within_hours`; did you mean `FANOUT_JOURNAL__KEEP`?"
    );
    for (name, key, meant) in [
        ("FANOUT_JOURNAL_KEEP", "journal_keep", "FANOUT_JOURNAL__KEEP"),
        ("FANOUT_JOURNAL_KEPP", "journal_kepp", "FANOUT_JOURNAL__KEEP"),
        ("FANOUT_JURNAL__KEEP", "jurnal.keep", "FANOUT_JOURNAL__KEEP"),
        ("FANOUT_SINK__ARCHIVE__QUEUE", "sink.archive.queue", "FANOUT_SINKS__ARCHIVE__QUEUE"),
        ("FANOUT_SOURCE_RETRY__ATTEMPTS", "source_retry.attempts", "FANOUT_SOURCE__RETRY__ATTEMPTS"),
        ("FANOUT_NAMES", "names", "FANOUT_NAME"),
        ("FANOUT_BASE_URL", "base_url", "FANOUT_SOURCE__BASE_URL"),
        ("FANOUT_MEMORY", "memory", "FANOUT_LIMITS__MEMORY"),
    ] {
        let expected = format!("`{key}` (from `{name}`): sets no key; did you mean `{meant}`?");
        assert_eq!(error(name), expected);
    }
    assert_eq!(
        error("FANOUT_SINKS__ARCHVE__QUEUE"),
        "`sinks.archve` (from `FANOUT_SINKS__ARCHVE__QUEUE`): missing `type`, expected a kind of sink (`fanout sinks` \
         lists them); did you mean `archive`?"
    );
    assert_eq!(
        error("FANOUT_JOURNAL__KEEP__X"),
        "`journal.keep` (from `FANOUT_JOURNAL__KEEP__X`): found a table, expected a whole number from 1 to 1000000"
    );
}

#[test]
fn variables_of_the_surroundings_change_nothing() {
    let links = [
        ("PORT", "tcp://10.0.0.1:80"),
        ("SERVICE_HOST", "10.0.0.1"),
        ("SERVICE_PORT", "80"),
        ("SERVICE_PORT_HTTP", "80"),
        ("PORT_80_TCP", "tcp://10.0.0.1:80"),
        ("PORT_80_TCP_ADDR", "10.0.0.1"),
        ("PORT_80_TCP_PORT", "80"),
        ("PORT_80_TCP_PROTO", "tcp"),
        ("PORT_53_UDP", "udp://10.0.0.1:53"),
        ("PORT_9_SCTP_PROTO", "sctp"),
    ];
    // Services named `fanout`, `fanout-x`, `fanout-source`, `fanout-journal-path`.
    for service in ["", "X_", "SOURCE_", "JOURNAL_PATH_"] {
        for (name, value) in links {
            let name = format!("FANOUT_{service}{name}");
            let pipeline = load_with(VALID, &environment(&[(&name, value)]));
            assert_eq!(pipeline.map(|pipeline| pipeline.name), Ok("followers".to_owned()), "{name}");
        }
    }
    for stranger in ["COLOUR", "HOME", "VERSION", "PATH", "PORT", "OTHER__THING", "IMAGE_TAG", "_", ""] {
        let name = format!("FANOUT_{stranger}");
        assert!(load_with(VALID, &environment(&[(&name, "80")])).is_ok(), "{name}");
    }
}

#[test]
fn a_malformed_set_is_an_error_that_shows_no_value() {
    for (assignment, shown) in [("queue", "queue"), ("=hunter2", "="), ("a..b=hunter2", "a..b=")] {
        assert_eq!(
            problems_with(VALID, &set(&[assignment])),
            format!("found `--set {shown}`, expected `--set key=value` with a dotted key")
        );
    }
    assert_eq!(
        problems_with(VALID, &set(&["journal.keep=many"])),
        "`journal.keep` (from `--set`): found \"many\", expected a whole number from 1 to 1000000"
    );
}

#[test]
fn every_problem_is_reported_at_once() {
    let text = r#"
        name = "two words"
        sink = 1
        [source]
        retry = { attempts = 0, base_mss = 1 }
        max_shortfall_percent = 101.5
        total_timeout_secs = "ten"
        simulate = { seed = 1 }
        [journal]
        keep = -1
        resume_within_hours = true
        [limits]
        memory = "64 MiBs"
        accounts = 1.5
        [[accounts]]
        name = 5
        app_id = "../wx"
        secret = { env = "BRAND_SECRET" }
        token = { env = "BRAND_SECRET" }
        [sinks.archive]
        type = "parquet"
        queue = "four"
        columns = "openid"
        options = 5
        [sinks."a b"]
        type = "parquet"
        [sinks.untyped]
    "#;
    let identifier = "1 to 64 letters, digits, `_` or `-`";
    let expected = [
        "`accounts[0].name`: found 5, expected 1 to 64 characters without `/`, `\\`, line ends, or blanks around them",
        "`journal.keep`: found -1, expected a whole number from 1 to 1000000",
        "`journal.resume_within_hours`: found `true`, expected a whole number of hours from 0 to 8760",
        "`limits.accounts`: found 1.5, expected a whole number from 1 to 1000",
        "`limits.memory`: found \"64 MiBs\", expected a number of bytes such as `8 MiB`, `900 KiB` or `1_000` (units: B, kB, KiB, MB, MiB, GB, GiB, TB, TiB)",
        &format!("`name`: found \"two words\", expected {identifier}"),
        "`sink`: unknown key, expected one of `name`, `source`, `accounts`, `journal`, `profiles`, `changes`, `tags`, \
         `limits`, `metrics`, `sinks`; did you mean `sinks`?",
        "`sinks.archive.columns`: found \"openid\", expected a list",
        "`sinks.archive.options`: found 5, expected a table",
        "`sinks.archive.queue`: found \"four\", expected a whole number from 1 to 1024",
        "`source.max_shortfall_percent`: found 101.5, expected a percentage from 0 to 100",
        "`source.retry.attempts`: found 0, expected a whole number from 1 to 100",
        "`source.retry.base_mss`: unknown key, expected one of `attempts`, `budget_secs`, `base_ms`, `max_ms`, \
         `minute_secs`, `walk_budget`; did you mean `base_ms`?",
        "`source.simulate.followers`: missing, expected a value",
        "`source.total_timeout_secs`: found \"ten\", expected a whole number of seconds from 1 to 86400",
        "`accounts[0].app_id`: the app id has `.`, as character 1 of 5; expected an app id (AppID), which is `wx` and 16 \
         hexadecimal digits; it stands in the account's console, under Basic Configuration (基本配置)",
        "`accounts[0]`: found both `secret` and `token`, expected one of them",
        &format!("`sinks.a b`: found \"a b\" as the name of a sink, expected {identifier}"),
        "`sinks.untyped`: missing `type`, expected a kind of sink (`fanout sinks` lists them)",
    ];
    assert_eq!(problems(text), expected.join("\n"));
}

#[test]
fn the_keys_of_profiles_have_units_and_bounds() {
    let keys = "profiles = { max_refused_percent = 1.5, resume_within_days = 3, refresh_days = 10, verify = \"twice\" }\n\
                source.profiles = { concurrency = 16, daily_calls = 5_000_000, ask_again_after_secs = 0 }\n";
    let pipeline = load(&format!("{keys}{VALID}"));
    let ProfilesSection { max_refused_percent, resume_within, refresh_days, verify, .. } = pipeline.profiles;
    assert_eq!((resume_within.as_secs(), refresh_days, verify), (3 * 86_400, Some(10), Verify::Twice));
    assert!((1.4..1.6).contains(&max_refused_percent));
    let SourceProfilesSection { concurrency, daily_calls, ask_again_after, .. } = pipeline.source.profiles;
    assert_eq!((concurrency, daily_calls, ask_again_after.as_secs()), (16, 5_000_000, 0));
    let wrong = "profiles.refresh_days = 0\nprofiles.verify = \"thrice\"\nsource.profiles.concurrency = 1001\n";
    let found = problems(&format!("{wrong}{VALID}"));
    let of = |key: &str| found.lines().any(|line| line.starts_with(&format!("`{key}`: found")));
    for key in ["profiles.refresh_days", "source.profiles.concurrency"] {
        assert!(of(key), "{found}");
    }
    assert!(found.contains("`profiles.verify`") && found.contains("`twice`"), "{found}");
}

#[test]
fn a_selection_of_no_tag_is_refused() {
    let empty = problems(&format!("tags.select = []\n{VALID}"));
    assert_eq!(
        empty,
        "`tags.select`: found an empty list, expected at least one tag; without the key all tags are read"
    );
}

#[test]
fn what_is_missing_is_named() {
    assert_eq!(
        problems(""),
        "`name`: missing, expected 1 to 64 letters, digits, `_` or `-`\n\
         `accounts`: missing, expected at least one `[[accounts]]` with `name`, `app_id` and `secret`\n\
         `sinks`: missing, expected at least one `[sinks.<name>]` with `type` and `[sinks.<name>.options]`"
    );
    assert_eq!(
        problems(&with("name = \"brand\"\napp_id = \"wx01\"\nsecret = { env = \"BRAND_SECRET\" }", "")),
        "`accounts[0].name`: missing, expected a name of your choice\n\
         `accounts[0].app_id`: missing, expected the account's app id, such as `wx0123456789abcdef`\n\
         `accounts[0]`: missing `secret`, `token`, `token_endpoint` or `token_command`, expected one of them, such as \
         `secret = { env = \"NAME\" }`"
    );
}

#[test]
fn a_syntax_error_has_its_line_and_column_and_shows_no_line() {
    assert_eq!(
        problems("name = \"demo\"\n[source\n"),
        "line 2, column 8: invalid table header, expected `.`, `]`; `]` is missing at the end of the header"
    );
    assert!(!problems("secret = \"hunter2\nname = 1").contains("hunter2"));
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let error = Pipeline::load(Path::new("no/such.toml"), &Overrides::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "no/such.toml: the pipeline file cannot be read (No such file or directory (os error 2))"
    );
}

#[test]
fn one_app_id_is_one_account() {
    let twin = "[[accounts]]\nname = \"other\"\napp_id = \"wx01\"\nsecret = { env = \"BRAND_SECRET\" }\n";
    assert_eq!(
        problems(&with("[sinks.archive]", &format!("{twin}[sinks.archive]"))),
        "`accounts[1].app_id`: found `wx01` in the account `other`, which the account `brand` has already; one app id \
         is one list"
    );
    let twin = twin.replace("other", "brand").replace("wx01", "wx02");
    assert_eq!(
        problems(&with("[sinks.archive]", &format!("{twin}[sinks.archive]"))),
        "`accounts[1].name`: found `brand`, which `accounts[0]` has already; expected a name of its own"
    );
}

#[test]
fn an_account_name_may_be_in_any_script_and_is_no_path() {
    assert_eq!(load(&with("\"brand\"", "\"品牌 一号\"")).accounts[0].name, "品牌 一号");
    for name in ["", " brand", "a/b", "a\\\\b", "a\\nb"] {
        let message = problems(&with("\"brand\"", &format!("\"{name}\"")));
        assert!(message.starts_with("`accounts[0].name`: found "), "{message}");
    }
    // Emoji are joined and varied by characters that alone cannot be seen.
    for name in [
        "店❤\u{fe0f}",
        "👩\u{200d}👧 家",
        "品\u{3000}牌",
        "☎\u{fe0f}\u{200d}☎",
        "1\u{fe0f}\u{20e3}号店",
        "ℹ\u{fe0f} 服务号",
    ] {
        assert_eq!(load(&with("\"brand\"", &format!("\"{name}\""))).accounts[0].name, name);
    }
    for (hidden, kind) in [
        ("\u{200b}", "an invisible character (U+200B)"),
        ("\u{200d}", "an invisible character (U+200D)"),
        ("\u{fe0f}", "an invisible character (U+FE0F)"),
        ("\u{feff}", "an invisible character (U+FEFF)"),
        ("\u{202e}", "an invisible character (U+202E)"),
        ("\u{ad}", "an invisible character (U+00AD)"),
        ("\u{a0}", "an unusual blank (U+00A0)"),
        ("\u{2009}", "an unusual blank (U+2009)"),
    ] {
        let message = problems(&with("\"brand\"", &format!("\"br{hidden}and\"")));
        assert!(message.starts_with(&format!("`accounts[0].name`: found {kind} as character 3 of ")), "{message}");
    }
}

#[test]
fn a_simulated_source_needs_no_account_and_no_secret() {
    let text = "name = \"demo\"\n[source]\nsimulate = { followers = 23_000 }\n[sinks.a]\ntype = \"parquet\"\n";
    let pipeline = load_with(text, &Overrides::default()).unwrap();
    let simulate = pipeline.source.simulate.unwrap();
    assert_eq!((simulate.followers, simulate.seed, simulate.page_size), (23_000, 1, 10_000));
    assert_eq!(simulate.latency, Duration::ZERO);
    assert_eq!(pipeline.accounts[0].name, "simulated");
    assert_eq!(pipeline.accounts[0].app_id, "wxsimulated");
    assert!(matches!(pipeline.accounts[0].credential, Credential::Simulated));
    assert_eq!(pipeline.journal.path, Path::new("pipelines/state"));
    assert!(!pipeline.simulated_by_flag);
}

#[test]
fn the_simulate_flag_reads_no_secret_and_keeps_to_its_own_state() {
    let text = VALID.to_owned() + "[journal]\npath = \"state/\"\n[source]\nca_file = \"no.pem\"\n";
    let overrides = Overrides { simulate: Some(5), ..Overrides::default() };
    let pipeline = load_with(&text, &overrides).unwrap();
    assert_eq!(pipeline.source.simulate.unwrap().followers, 5);
    assert_eq!((pipeline.accounts[0].name.as_str(), pipeline.accounts[0].app_id.as_str()), ("brand", "wx01"));
    assert!(matches!(pipeline.accounts[0].credential, Credential::Simulated));
    assert_eq!(pipeline.journal.path, Path::new("pipelines/state.simulated"));
    assert!(pipeline.simulated_by_flag);

    let text = VALID.to_owned() + "[source]\nsimulate = { followers = 9, seed = 3, latency_ms = 50 }\n";
    let simulate = load_with(&text, &overrides).unwrap().source.simulate.unwrap();
    assert_eq!((simulate.followers, simulate.seed, simulate.latency.as_millis()), (5, 3, 50));

    let overrides = Overrides { set: vec!["source.simulate.seed=7".to_owned()], ..overrides };
    let simulate = load_with(VALID, &overrides).unwrap().source.simulate.unwrap();
    assert_eq!((simulate.followers, simulate.seed), (5, 7));
}

#[test]
fn the_addresses_and_files_of_a_source_are_checked() {
    let error = |key: &str| problems(&(VALID.to_owned() + "[source]\n" + key));
    assert_eq!(
        error("base_url = \"http://api.weixin.qq.com\""),
        "`source.base_url`: found \"http://api.weixin.qq.com\", expected `https://`: a token must not travel in the clear \
         (`http://` is for this machine)"
    );
    assert_eq!(
        error("proxy = \"http://me:hunter2@proxy\""),
        "`source.proxy`: found credentials in a URL, expected a proxy such as `http://proxy.example:3128`"
    );
    assert_eq!(
        error("ca_file = \"no.pem\""),
        "`source.ca_file`: found no file at `pipelines/no.pem`, expected certificates in PEM"
    );
    assert_eq!(
        error("retry = { base_ms = 60_000 }"),
        "`source.retry.base_ms`: found 60000, expected at most `source.retry.max_ms`, which is 30000"
    );
    assert_eq!(
        error("max_reply_bytes = \"1 kB\""),
        "`source.max_reply_bytes`: found 1000 bytes, expected at least `1 MiB`"
    );
}

/// The options of a sink, for example.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    root: String,
    #[serde(default)]
    compression: Compression,
    password: Option<Secret>,
    #[serde(default)]
    parts: Option<std::num::NonZeroU32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Compression {
    #[default]
    Zstd,
    Gzip,
}

fn option_problems(options: &str, overrides: &Overrides) -> String {
    let pipeline = load_with(&with("root = \"out\"", options), overrides).unwrap();
    let errors = pipeline.sinks[0].options.extract::<Options>().unwrap_err().to_string();
    errors.replace(&format!("{FILE}: "), "")
}

#[test]
fn the_options_of_a_sink_are_read_with_their_secrets() {
    let text = with("root = \"out\"", "root = \"out\"\npassword = { env = \"BRAND_SECRET\" }\ncompression = \"gzip\"");
    let options = load(&text).sinks[0].options.extract::<Options>().unwrap();
    assert_eq!(options.password.unwrap().expose(), "hunter2");
    assert!(matches!(options.compression, Compression::Gzip) && options.parts.is_none());
}

#[test]
fn every_wrong_option_is_reported_with_its_full_key() {
    let options = "rot = 1\ncompression = \"gzipp\"\npassword = { env = \"NO\" }\nparts = 0";
    assert_eq!(
        option_problems(options, &environment(&[])),
        "`sinks.archive.options.compression`: found \"gzipp\", expected one of `zstd`, `gzip`; did you mean `gzip`?\n\
         `sinks.archive.options.parts`: found 0, expected a whole number of 1 or more\n\
         `sinks.archive.options.password`: the environment variable `NO` is not set; `export NO=…` before the run\n\
         `sinks.archive.options.rot`: unknown key, expected one of `root`, `compression`, `password`, `parts`; did you \
         mean `root`?\n\
         `sinks.archive.options.root`: missing, expected a value"
    );
}

#[test]
fn a_wrong_option_names_the_override_that_set_it() {
    let variable = environment(&[("FANOUT_SINKS__ARCHIVE__OPTIONS__ROTO", "x")]);
    assert_eq!(
        option_problems("root = \"out\"", &variable),
        "`sinks.archive.options.roto` (from `FANOUT_SINKS__ARCHIVE__OPTIONS__ROTO`): unknown key, expected one of `root`, \
         `compression`, `password`, `parts`; did you mean `FANOUT_SINKS__ARCHIVE__OPTIONS__ROOT`?"
    );
    assert_eq!(
        option_problems("root = \"out\"", &set(&["sinks.archive.options.root=5"])),
        "`sinks.archive.options.root` (from `--set`): found 5, expected a string"
    );
}

#[test]
fn a_digest_follows_what_a_sink_writes_and_nothing_else() {
    let digest = |text: &str, overrides: &Overrides| load_with(text, overrides).unwrap().sinks[0].digest();
    let first = digest(VALID, &environment(&[]));
    assert_eq!(first.len(), 16);
    assert_eq!(first, digest(&with("name = \"followers\"", "name = \"other\""), &environment(&[])));
    assert_eq!(first, digest(VALID, &set(&["sinks.archive.options.root=out", "sinks.archive.queue=9"])));
    for change in ["type=ndjson", "columns=[\"openid\"]", "options.root=elsewhere", "options.password={env=\"A\"}"] {
        assert_ne!(first, digest(VALID, &set(&[&format!("sinks.archive.{change}")])), "{change}");
    }
}

#[test]
fn debug_of_a_pipeline_shows_no_secret() {
    assert!(!format!("{:?}", load(VALID)).contains("hunter2"));
}
