//! The way to WeChat, through the real binary: certificates, proxies, timeouts, encodings, and the
//! call for a token.

mod limits;
mod process_limits;
mod servers;
mod tls_and_proxies;

use std::io::Write;
use std::net::TcpListener;
use std::time::Duration;

use fanout::simulator::{Effect, Endpoint, Fault, Simulator, SimulatorBuilder, When};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;
use servers::{Piece, Seen};
use tokio::runtime::Runtime;

use crate::support::outputs::only_openids;
use crate::support::{Ended, Project};

const APP_ID: &str = "wxtransport";
const SECRET: &str = "5ec4e7aabbccddeeff00112233445566";

const PIPELINE: &str = r#"
name = "transport"
[source.retry]
attempts = 3
base_ms = 1
max_ms = 2
[[accounts]]
name = "brand"
app_id = "wxtransport"
secret = { env = "TEST_SECRET" }
[sinks.list]
type = "ndjson"
columns = ["openid"]
[sinks.list.options]
root = "out"
layout = "list.ndjson"
"#;

/// Runs the pipeline with these settings and variables.
fn run_with(project: &Project, settings: &[String], variables: &[(&str, &str)]) -> Ended {
    let mut command = project.run_command(&["--json"]);
    for name in ["http_proxy", "https_proxy", "all_proxy", "no_proxy"] {
        command.env_remove(name).env_remove(name.to_uppercase());
    }
    command.args(settings.iter().flat_map(|setting| ["--set", setting]));
    Ended::of(command.envs(variables.iter().copied()))
}

fn run(project: &Project, settings: &[String]) -> Ended {
    run_with(project, settings, &[])
}

fn base_url(port: u16) -> String {
    format!("source.base_url=http://127.0.0.1:{port}")
}

/// Returns the report of the only account.
#[track_caller]
fn account(ended: &Ended) -> Value {
    ended.json()["accounts"][0].clone()
}

/// Asserts that these followers are published, in order.
#[track_caller]
fn published(ended: &Ended, project: &Project, openids: &[String]) {
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let lines = std::fs::read_to_string(project.path("out/list.ndjson")).unwrap();
    assert!(only_openids(&lines) == openids, "{lines}");
}

/// Asserts that the account has failed with this exit code, these words in its error and these in
/// its hint.
#[track_caller]
fn failed(ended: &Ended, code: i32, error: &str, hint: &str) {
    assert_eq!(ended.code, Some(code), "{ended:?}");
    let account = account(ended);
    assert!(account["error"].as_str().unwrap().contains(error), "{ended:?}");
    assert!(account["hint"].as_str().unwrap().contains(hint), "{ended:?}");
}

/// Three pages, and the end.
const CALLS: u64 = 4;

fn simulator() -> SimulatorBuilder {
    Simulator::builder().followers(250).page_size(100)
}

/// Makes a project whose account has this secret.
fn reading(file: &str, simulator: SimulatorBuilder) -> Project {
    Project::builder().file(file).simulator(simulator).secret("TEST_SECRET", SECRET).build()
}

/// Makes a project that reads a server of the test.
fn without_api() -> Project {
    Project::builder().file(PIPELINE).secret("TEST_SECRET", SECRET).build()
}

fn truth(project: &Project) -> Vec<String> {
    project.truth_of(APP_ID)
}

fn seen(seen: &Seen) -> Vec<String> {
    seen.lock().unwrap().clone()
}

#[test]
fn a_simulated_list_needs_no_certificates_and_no_proxy() {
    let project = without_api();
    let mut command =
        project.command(&["run", "pipeline.toml", "--simulate", "5", "--set", "source.ca_file=missing.pem"]);
    command.args(["--set", "source.proxy=http://127.0.0.1:1"]);
    let ended = Ended::of(command.env("SSL_CERT_FILE", "/missing.pem").env("SSL_CERT_DIR", "/missing"));
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[test]
fn a_refused_connection_may_pass() {
    let project = without_api();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let ended = run(&project, &[base_url(port)]);
    failed(&ended, 75, "the call for a token failed after 3 tries", "check the network");
    failed(&ended, 75, "the connection failed: ", "");
}

#[test]
fn silence_within_a_reply_ends_the_call_and_it_is_made_again() {
    let stall = Fault::new(Endpoint::UserGet, When::Page(2), Effect::Stall).times(1);
    let project = reading(PIPELINE, simulator().fault(stall));
    let settings = ["source.idle_timeout_secs=1".to_owned()];
    published(&run(&project, &settings), &project, &truth(&project));
    assert_eq!(project.calls(), CALLS + 1);
}

#[test]
fn silence_that_stays_is_worth_another_run() {
    let stall = Fault::new(Endpoint::UserGet, When::Page(2), Effect::Stall);
    let project = reading(PIPELINE, simulator().fault(stall));
    let settings = ["source.idle_timeout_secs=1".to_owned()];
    failed(&run(&project, &settings), 75, "failed after 3 tries", "check the network");
    assert_eq!(project.calls(), 1 + 3);
}

const OPENIDS: [&str; 3] =
    ["oAAAAAAAAAAAAAAAAAAAAAAAAAAA", "oBBBBBBBBBBBBBBBBBBBBBBBBBBA", "oCCCCCCCCCCCCCCCCCCCCCCCCCCA"];

fn openids() -> [String; 3] {
    OPENIDS.map(str::to_owned)
}

/// The only page of a list of three.
fn page() -> String {
    let [first, second, last] = OPENIDS;
    format!(r#"{{"total":3,"count":3,"data":{{"openid":["{first}","{second}","{last}"]}},"next_openid":"{last}"}}"#)
}

/// A reply with these headers; the connection is closed behind it.
fn reply(headers: &str, body: &[u8]) -> Vec<u8> {
    [format!("HTTP/1.1 200 OK\r\nconnection: close\r\n{headers}\r\n").as_bytes(), body].concat()
}

fn json(body: &str) -> Vec<u8> {
    reply(&format!("content-length: {}\r\n", body.len()), body.as_bytes())
}

fn at_once(bytes: Vec<u8>) -> Vec<Piece> {
    vec![(Duration::ZERO, bytes)]
}

/// Serves a list of one page, which is sent in these pieces.
fn list_of_one_page(runtime: &Runtime, page: Vec<Piece>, requests: &Seen) -> u16 {
    let answer = move |request: &str| match request.split(' ').nth(1).unwrap() {
        "/cgi-bin/stable_token" => at_once(json(r#"{"access_token":"a token","expires_in":7200}"#)),
        path if path.contains("next_openid=") => at_once(json(r#"{"total":3,"count":0,"next_openid":""}"#)),
        _ => page.clone(),
    };
    runtime.block_on(servers::raw(answer, requests.clone()))
}

#[test]
fn a_reply_that_comes_slowly_is_waited_for_as_long_as_it_comes() {
    let runtime = Runtime::new().unwrap();
    let pause = Duration::from_millis(600);
    let slow: Vec<_> = json(&page()).chunks(60).map(|piece| (pause, piece.to_vec())).collect();
    let whole = pause * slow.len() as u32;
    assert!(whole > Duration::from_secs(2), "{whole:?}");
    let port = list_of_one_page(&runtime, slow, &Seen::default());

    let project = without_api();
    let settings = [base_url(port), "source.idle_timeout_secs=1".to_owned()];
    published(&run(&project, &settings), &project, &openids());

    // Within the time for the whole reply.
    let project = without_api();
    let ended = run(&project, &[base_url(port), "source.total_timeout_secs=1".to_owned()]);
    failed(&ended, 75, "no reply in time", "check the network");
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    let body = encoder.finish().unwrap();
    reply(&format!("content-encoding: gzip\r\ncontent-length: {}\r\n", body.len()), &body)
}

#[test]
fn a_reply_may_be_compressed() {
    let runtime = Runtime::new().unwrap();
    let requests = Seen::default();
    let port = list_of_one_page(&runtime, at_once(gzipped(page().as_bytes())), &requests);
    let project = without_api();
    published(&run(&project, &[base_url(port)]), &project, &openids());
    let requests = seen(&requests);
    assert!(requests.iter().all(|request| request.contains("\r\naccept-encoding: gzip\r\n")), "{requests:?}");
}

#[test]
fn a_reply_that_grows_beyond_the_limit_is_refused_and_not_repeated() {
    let runtime = Runtime::new().unwrap();
    let requests = Seen::default();
    // White space, which JSON allows before a page.
    let bomb = gzipped(&vec![b' '; 64 << 20]);
    assert!(bomb.len() < 100_000, "{} bytes on the wire", bomb.len());
    let port = list_of_one_page(&runtime, at_once(bomb), &requests);
    let ended = run(&without_api(), &[base_url(port), "source.max_reply_bytes=1 MiB".to_owned()]);
    failed(&ended, 1, "longer than 1048576 bytes", "`source.max_reply_bytes`");
    assert_eq!(account(&ended)["calls"], 1);
}

#[test]
fn a_reply_may_come_in_chunks() {
    let runtime = Runtime::new().unwrap();
    let page = page();
    let chunks: String =
        [&page[..7], &page[7..50], &page[50..], ""].map(|chunk| format!("{:x}\r\n{chunk}\r\n", chunk.len())).concat();
    let chunked = reply("transfer-encoding: chunked\r\n", chunks.as_bytes());
    let port = list_of_one_page(&runtime, at_once(chunked), &Seen::default());
    let project = without_api();
    published(&run(&project, &[base_url(port)]), &project, &openids());
}

#[test]
fn a_token_is_asked_for_with_a_length_and_without_a_refresh() {
    let runtime = Runtime::new().unwrap();
    let requests = Seen::default();
    let port = list_of_one_page(&runtime, at_once(json(&page())), &requests);
    let project = without_api();
    published(&run(&project, &[base_url(port)]), &project, &openids());
    let requests = seen(&requests);
    let (head, body) = requests[0].split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /cgi-bin/stable_token HTTP/1.1\r\n"), "{head}");
    assert!(head.contains(&format!("\r\ncontent-length: {}", body.len())), "{head}");
    assert!(!head.contains("transfer-encoding"), "{head}");
    let expected = serde_json::json!({
        "grant_type": "client_credential", "appid": APP_ID, "secret": SECRET, "force_refresh": false,
    });
    assert_eq!(serde_json::from_str::<Value>(body).unwrap(), expected);
    // Once for the whole walk.
    assert_eq!(requests.iter().filter(|request| request.starts_with("POST /cgi-bin/stable_token")).count(), 1);
}

#[test]
fn the_call_for_a_token_is_made_again_where_that_may_help() {
    for (effect, tries, code) in [
        (Effect::errcode(-1), 3, 75),
        (Effect::status(500), 3, 75),
        (Effect::Reset, 3, 75),
        (Effect::errcode(40001), 1, 1),
        (Effect::status(412), 1, 1),
    ] {
        let project = reading(PIPELINE, simulator());
        project.api().add_fault(Fault::new(Endpoint::StableToken, When::Always, effect.clone()));
        let ended = run(&project, &[]);
        failed(&ended, code, &format!("the call for a token failed after {tries} tr"), "");
        let requests = project.api().requests();
        assert_eq!((requests.stable_token, requests.user_get), (tries, 0), "{effect:?}");

        let project = project.without_state();
        project.api().clear_faults();
        project.api().add_fault(Fault::new(Endpoint::StableToken, When::Always, effect.clone()).times(tries - 1));
        published(&run(&project, &[]), &project, &truth(&project));
    }
}

#[test]
fn a_token_of_the_environment_is_used_as_it_is() {
    let pipeline = PIPELINE.replace("secret = { env = \"TEST_SECRET\" }", "token = { env = \"TEST_TOKEN\" }");
    let project = reading(&pipeline, simulator());
    let token = project.api().issue_token(APP_ID);
    published(&run_with(&project, &[], &[("TEST_TOKEN", &token)]), &project, &truth(&project));

    let ended = run_with(&project.without_state(), &[], &[("TEST_TOKEN", "a-stale-token")]);
    failed(&ended, 1, "the token from the environment variable `TEST_TOKEN` was refused", "does not renew a token");
    assert_eq!(project.api().requests().stable_token, 0);
}

#[test]
fn a_base_path_of_a_gateway_is_kept_and_belongs_to_the_identity_of_a_walk() {
    let runtime = Runtime::new().unwrap();
    let day_over = Fault::new(Endpoint::UserGet, When::Page(2), Effect::errcode(45009));
    for slash in ["", "/"] {
        let project = reading(PIPELINE, simulator());
        let requests = Seen::default();
        let port = runtime.block_on(servers::gateway("/x/wx", project.api().address(), requests.clone()));
        let base = |path: &str| [format!("source.base_url=http://127.0.0.1:{port}{path}")];
        // A walk that is begun behind one path is not continued behind another, nor without one.
        project.api().add_fault(day_over.clone());
        assert_eq!(run(&project, &base(&format!("/x/wx{slash}"))).code, Some(75));
        project.api().clear_faults();
        for other in ["", "/x"] {
            failed(&run(&project, &base(other)), 1, "127.0.0.1/x/wx", "");
        }
        project.api().begin_next_day();
        published(&run(&project, &base(&format!("/x/wx{slash}"))), &project, &truth(&project));
        for line in seen(&requests) {
            assert!(line.split(' ').nth(1).unwrap().starts_with("/x/wx/cgi-bin/"), "{line}");
        }
    }
    for wrong in ["http://127.0.0.1:1/x?y=1", "http://127.0.0.1:1/x#y", "http://127.0.0.1:1/cgi-bin/"] {
        let ended = run(&without_api(), &[format!("source.base_url={wrong}")]);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.stderr.contains("`source.base_url` (from `--set`): found "), "{ended:?}");
    }
}
