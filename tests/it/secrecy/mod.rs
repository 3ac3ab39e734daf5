//! No token and no secret in anything that a run writes, at every log level and in every failure.

mod panics_and_core_files;
mod personal_data;
mod token_providers;

use bytes::Bytes;
use fanout::simulator::{Effect, Endpoint, Fault, Simulator, TOKEN_MARKER, When};

use crate::support::{Ended, Project};

const APP_ID: &str = "wxsecrecy";
const SECRET: &str = "CANARYSECRET0123456789";
const OTHER_SECRET: &str = "CANARYSECRET9876543210";
const CANARY: &str = "CANARYSECRET";

const PIPELINE: &str = r#"
name = "secrecy"
[source.retry]
attempts = 3
base_ms = 1
[[accounts]]
name = "brand"
app_id = "wxsecrecy"
secret = { env = "TEST_SECRET" }
[sinks.archive]
type = "parquet"
[sinks.archive.options]
root = "out"
"#;

/// Runs the pipeline from the beginning with everything traced, and searches all that it has
/// written.
fn traced_run(project: &Project, secret: &str) -> Ended {
    traced_command(&project.without_state(), &["run", "pipeline.toml"], &[("TEST_SECRET", secret)])
}

/// Runs a command with everything traced, and searches all that it has written.
fn traced_command(project: &Project, command: &[&str], variables: &[(&str, &str)]) -> Ended {
    let mut command = project.command(command);
    let everything = "trace,hyper=trace,hyper_util=trace,reqwest=trace,rustls=trace,tower=trace,h2=trace";
    let ended = Ended::of(command.env("RUST_LOG", everything).envs(variables.iter().copied()));
    let mut written = vec![ended.stdout.clone().into_bytes(), ended.stderr.clone().into_bytes()];
    written.extend(project.files().iter().map(|path| std::fs::read(path).unwrap()));
    for text in &written {
        for needle in [TOKEN_MARKER, CANARY] {
            let found = text.windows(needle.len()).any(|window| window == needle.as_bytes());
            assert!(!found, "{needle} was written: {}", String::from_utf8_lossy(text));
        }
    }
    ended
}

fn html(body: &str) -> Effect {
    let headers = vec![("content-type".to_owned(), "text/html".to_owned())];
    Effect::Http { status: 200, headers, body: Bytes::from(format!("<html>{body}</html>")) }
}

fn status(status: u16) -> Effect {
    Effect::Http { status, headers: Vec::new(), body: Bytes::from_static(b"{}") }
}

fn project() -> Project {
    Project::reading(PIPELINE, Simulator::builder().followers(500).page_size(100).secret(APP_ID, SECRET))
}

#[test]
fn a_traced_run_shows_no_token_and_no_secret() {
    let ended = traced_run(&project(), SECRET);
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[test]
fn neither_does_one_that_logs_json_nor_a_look_at_the_connections() {
    let (run, check) = (&["run", "pipeline.toml"][..], &["check", "pipeline.toml", "--connect"][..]);
    for command in [&[run, &["--log-format", "json"]].concat(), check] {
        for (secret, code) in [(SECRET, 0), (OTHER_SECRET, 1)] {
            let ended = traced_command(&project(), command, &[("TEST_SECRET", secret)]);
            assert_eq!(ended.code, Some(code), "{ended:?}");
        }
    }
}

#[test]
fn a_refused_secret_is_not_shown() {
    let ended = traced_run(&project(), OTHER_SECRET);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("40125"), "{ended:?}");
}

#[test]
fn no_failing_call_shows_the_token_that_it_was_made_with() {
    let token = project().api().issue_token(APP_ID);
    // The fault, the exit code, and words of the error.
    let cases = [
        (status(500), 75, "500"),
        (status(302), 1, "302"),
        (Effect::Reset, 75, "connection"),
        (Effect::Truncate(50), 75, "cannot be used"),
        (html(&format!("/cgi-bin/user/get?access_token={token}")), 75, "cannot be used"),
        (Effect::errcode(-1), 75, "errcode -1"),
        (Effect::errcode(48001), 1, "errcode 48001"),
        (Effect::ExpireToken, 1, "errcode 42001"),
        (Effect::EarlyEnd, 1, "total"),
    ];
    for (effect, code, message) in cases {
        let project = project();
        project.api().add_fault(Fault::new(Endpoint::UserGet, When::Always, effect.clone()));
        let ended = traced_run(&project, SECRET);
        assert_eq!(ended.code, Some(code), "{effect:?}: {ended:?}");
        assert!(ended.stderr.contains(message), "{effect:?}: {ended:?}");
    }
}

#[test]
fn what_a_server_sends_back_of_a_token_or_a_secret_is_not_shown() {
    let project = project();
    let token = project.api().issue_token(APP_ID);
    let echo = |code, secret: &str| Effect::Errcode { code, message: format!("no good: {secret}, sent with the call") };
    // Long enough for the text to be cut within the token.
    let cut = Effect::Errcode { code: 48001, message: format!("{}{token}", "x".repeat(280)) };
    let typed = Effect::body(format!("{{\"data\":\"{token}\"}}"));
    for (endpoint, effect, code, message) in [
        (Endpoint::UserGet, echo(48001, &token), 1, "errcode 48001: no good: …, sent with the call"),
        (Endpoint::UserGet, echo(-1, &token), 75, "errcode -1: no good: …, sent with the call"),
        (Endpoint::UserGet, cut, 1, "xxx…"),
        (Endpoint::UserGet, typed, 75, "cannot be used"),
        (Endpoint::StableToken, echo(40125, SECRET), 1, "errcode 40125: no good: …, sent with the call"),
    ] {
        project.api().clear_faults();
        project.api().add_fault(Fault::new(endpoint, When::Always, effect.clone()));
        let ended = traced_run(&project, SECRET);
        assert_eq!(ended.code, Some(code), "{effect:?}: {ended:?}");
        assert!(ended.stderr.contains(message), "{effect:?}: {ended:?}");
    }
}

#[test]
fn a_malformed_token_reply_is_not_repeated() {
    let project = project();
    let token = project.api().issue_token(APP_ID);
    let replies = [format!("{{\"access_token\":\"{token}\""), format!("{{\"access_token\":[\"{token}\"]}}"), token];
    for reply in replies {
        project.api().clear_faults();
        let effect = Effect::Http { status: 200, headers: Vec::new(), body: Bytes::from(reply) };
        project.api().add_fault(Fault::new(Endpoint::StableToken, When::Always, effect));
        let ended = traced_run(&project, SECRET);
        assert_eq!(ended.code, Some(75), "{ended:?}");
    }
}
