//! Signals to the real process while it waits: it ends in time, and the next run resumes.

use std::net::TcpListener;
use std::process::Child;
use std::thread;
use std::time::{Duration, Instant};

use fanout::simulator::{Effect, Endpoint, Fault, Simulator, When};

use crate::support::outputs::only_openids;
use crate::support::{Ended, Project, signal, wait_until};

const FOLLOWERS: u64 = 400;
const PAGES: u64 = 4;
/// The pages, and the end.
const CALLS: u64 = PAGES + 1;
const APP_ID: &str = "wxstopping";

/// The promised time, and one second for a busy machine.
const IN_TIME: Duration = Duration::from_secs(5 + 1);

/// The run waits ten minutes between two tries, and a day in all.
const PIPELINE: &str = r#"
name = "stopping"
[source]
idle_timeout_secs = 86_400
total_timeout_secs = 86_400
[source.retry]
base_ms = 600_000
max_ms = 600_000
budget_secs = 86_400
[[accounts]]
name = "brand"
app_id = "wxstopping"
secret = { env = "TEST_SECRET" }
[sinks.list]
type = "ndjson"
columns = ["openid"]
[sinks.list.options]
root = "out"
layout = "list.ndjson"
"#;

/// Longer than any test.
const FOR_EVER: Duration = Duration::from_secs(86_400);

/// Sends a signal, and expects the process to end as one that was interrupted.
fn ends_in_time(process: Child, name: &str, what: &str) -> Ended {
    let sent = Instant::now();
    signal(&process, name);
    let ended = Ended::after(process);
    let elapsed = sent.elapsed();
    assert!(elapsed < IN_TIME, "SIG{name} while {what}: {elapsed:?}, {ended:?}");
    assert_eq!(ended.code, Some(130), "SIG{name} while {what}: {ended:?}");
    assert!(ended.stderr.contains("run the same command again to go on"), "{ended:?}");
    ended
}

#[test]
fn a_run_that_waits_for_the_server_ends_in_time_and_goes_on_later() {
    let too_many = Effect::too_many_requests(3_600);
    let cases = [
        ("the headers of a page do not come", Endpoint::UserGet, Effect::Delay(FOR_EVER)),
        ("the body of a page does not come", Endpoint::UserGet, Effect::Stall),
        ("a page is to be tried again", Endpoint::UserGet, Effect::errcode(-1)),
        ("the next minute has not come", Endpoint::UserGet, Effect::errcode(45011)),
        ("the server wants to be left alone", Endpoint::UserGet, too_many),
        ("a connection is to be tried again", Endpoint::UserGet, Effect::Reset),
        ("the headers of a token do not come", Endpoint::StableToken, Effect::Delay(FOR_EVER)),
        ("the body of a token does not come", Endpoint::StableToken, Effect::Stall),
        ("a token is to be tried again", Endpoint::StableToken, Effect::errcode(-1)),
        ("the calls that are left are asked for", Endpoint::Quota, Effect::Delay(FOR_EVER)),
    ];
    for (what, endpoint, effect) in cases {
        for name in ["TERM", "INT"] {
            // The third call for a page: there are pages to keep. The first call of another
            // endpoint.
            let number = if endpoint == Endpoint::UserGet { 3 } else { 1 };
            let fault = Fault::new(endpoint, When::Call(number), effect.clone());
            let builder = Simulator::builder().followers(FOLLOWERS).page_size(FOLLOWERS / PAGES).fault(fault);
            let project = Project::reading(PIPELINE, builder);
            let process = project.start(&[]);
            let requests = || project.api().requests();
            wait_until(what, || match endpoint {
                Endpoint::UserGet => requests().user_get == number,
                Endpoint::Quota => requests().quota == number,
                _ => requests().stable_token == number,
            });
            // The call is counted before its reply takes effect.
            thread::sleep(Duration::from_millis(50));
            ends_in_time(process, name, what);
            assert!(!project.path("out/list.ndjson").exists());

            let ended = project.run(&[]);
            assert_eq!(ended.code, Some(0), "{what}: {ended:?}");
            let list = std::fs::read_to_string(project.path("out/list.ndjson")).unwrap();
            assert!(only_openids(&list) == project.truth_of(APP_ID), "{what}");
            assert!(project.calls() <= CALLS + 2, "{what}: {} calls", project.calls());
        }
    }
}

#[test]
fn a_run_that_waits_for_a_server_which_never_answers_ends_in_time() {
    // The system accepts connections for it, and nothing reads from them.
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    for name in ["TERM", "INT"] {
        let project = Project::new(PIPELINE);
        let process = project.start(&["--set", &format!("source.base_url=http://{}", server.local_addr().unwrap())]);
        wait_until("the state of the run", || project.path("state").join(APP_ID).join("followers").exists());
        thread::sleep(Duration::from_millis(100));
        ends_in_time(process, name, "the server never answers");
    }
}

#[test]
fn a_run_that_waits_for_a_program_ends_in_time_and_the_program_with_it() {
    let project = Project::new(&PIPELINE.replace(
        "secret = { env = \"TEST_SECRET\" }",
        "token_command = { command = [\"sh\", \"-c\", \"echo $$ > pid && exec sleep 3600\"], timeout_secs = 3_600 }",
    ));
    let process = project.start(&["--set", "source.base_url=http://127.0.0.1:9"]);
    let program = || std::fs::read_to_string(project.path("pid")).unwrap_or_default();
    wait_until("the program", || program().ends_with('\n'));
    ends_in_time(process, "TERM", "a program has no token yet");
    let folder = format!("/proc/{}/cwd", program().trim());
    // It was killed; the process that adopts it takes a moment to reap it.
    wait_until("the end of the program", || std::fs::read_link(&folder).is_err());
}
