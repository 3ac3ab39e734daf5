//! Limits of memory and time for a reply, measured on the whole process, and warnings about replies
//! that are kept.

use std::net::SocketAddr;
use tokio::net::{TcpSocket, TcpStream};

use super::*;
use crate::support::own_peak_kib;

/// The most memory of its own that a run may take, whatever it is sent. Pages of the program file
/// do not count: they grow with the program, and no reply changes them.
const MOST_OWN_KIB: u64 = 32 << 10;

/// Two accounts: the first one gets the dangerous reply, the second one keeps the process alive
/// until after it.
const TWO_ACCOUNTS: &str = r#"
name = "limits"
[[accounts]]
name = "danger"
app_id = "wxdanger"
secret = { env = "TEST_SECRET" }
[[accounts]]
name = "witness"
app_id = "wxwitness"
secret = { env = "TEST_SECRET" }
[sinks.list]
type = "parquet"
[sinks.list.options]
root = "out"
"#;

/// Runs to the end, and returns the peak of its own memory with the outcome.
fn measured(project: &Project) -> (u64, Ended) {
    let mut process = project.start(&["--json"]);
    let mut peak = 0;
    while process.try_wait().unwrap().is_none() {
        peak = peak.max(own_peak_kib(process.id()).unwrap_or(0));
        std::thread::sleep(Duration::from_millis(5));
    }
    (peak, Ended::after(process))
}

#[cfg(target_os = "linux")]
#[test]
fn no_reply_takes_the_memory_of_the_machine() {
    const GIB: u64 = 1 << 30;
    for (effect, exit) in [
        (Effect::GzipBomb(GIB), 1),
        (Effect::Huge(2 * GIB), 1),
        // As long as is allowed, and no page.
        (Effect::Huge(8 << 20), 75),
        (Effect::Gzip, 0),
    ] {
        let danger = Fault::new(Endpoint::UserGet, When::Page(3), effect.clone()).account("wxdanger");
        // Later than the dangerous reply; the peak is that of the whole life of the process.
        let later = Effect::Delay(Duration::from_millis(1_500));
        let later = Fault::new(Endpoint::UserGet, When::Page(4), later).account("wxwitness");
        let simulator = Simulator::builder().followers(30_000).fault(danger).fault(later);
        let file = format!("{TWO_ACCOUNTS}[source.retry]\nattempts = 2\nbase_ms = 1\n");
        let (peak, ended) = measured(&reading(&file, simulator));
        assert_eq!(ended.code, Some(exit), "{effect:?}: {ended:?}");
        let report = ended.json();
        assert_eq!(report["accounts"][0]["exit"], exit, "{effect:?}: {ended:?}");
        assert_eq!(report["accounts"][1]["verdict"], "published", "{effect:?}: {ended:?}");
        assert!((1_000..MOST_OWN_KIB).contains(&peak), "{effect:?}: {peak} KiB");
    }
}

#[test]
fn a_connection_that_nobody_takes_is_given_up() {
    let runtime = Runtime::new().unwrap();
    let (address, _held) = runtime.block_on(full_listener());
    let settings = [base_url(address.port()), "source.connect_timeout_secs=1".to_owned()];
    let ended = run(&without_api(), &settings);
    failed(&ended, 75, "the call for a token failed after 3 tries", "check the network");
    failed(&ended, 75, "no reply in time", "");
}

/// Returns a listener that accepts no connection, with the connections that fill its queue. The
/// system does not answer further ones.
async fn full_listener() -> (SocketAddr, Vec<Box<dyn std::any::Any>>) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut held: Vec<Box<dyn std::any::Any>> = vec![Box::new(listener)];
    while let Ok(stream) = tokio::time::timeout(Duration::from_millis(300), TcpStream::connect(address)).await {
        held.push(Box::new(stream.unwrap()));
    }
    (address, held)
}

#[test]
fn a_follower_of_another_account_is_warned_of_and_kept() {
    let other = Fault::new(Endpoint::UserGet, When::Page(2), Effect::OtherAccount);
    let project = reading(PIPELINE, simulator().fault(other));
    let ended = run(&project, &[]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let lines = std::fs::read_to_string(project.path("out/list.ndjson")).unwrap();
    assert_eq!(lines.lines().count(), 250, "nobody is rejected");
    let tag = |line: usize| lines.lines().nth(line).unwrap().split('"').nth(3).unwrap()[..6].to_owned();
    let (own, other) = (tag(0), tag(100));
    assert_ne!(own, other);
    let warnings: Vec<_> = ended.stderr.lines().filter(|line| line.contains("followers of two accounts")).collect();
    assert_eq!(warnings.len(), 1, "{ended:?}");
    assert!(warnings[0].contains(&format!("begin with {own} and with {other}")), "{warnings:?}");
}

#[test]
fn a_count_that_is_not_that_of_the_array_is_warned_of_once() {
    let style = fanout::simulator::PageStyle { count: Some(7), ..Default::default() };
    let style = Fault::new(Endpoint::UserGet, When::Always, Effect::Style(style));
    let project = reading(PIPELINE, simulator().fault(style));
    let ended = run(&project, &[]);
    published(&ended, &project, &truth(&project));
    let warnings = ended.stderr.lines().filter(|line| line.contains("is not the number of followers that it lists"));
    assert_eq!(warnings.count(), 1, "{ended:?}");
}

#[test]
fn a_quota_that_cannot_do_is_warned_of_before_the_first_page() {
    let project = reading(PIPELINE, simulator().quota(CALLS + 2));
    let ended = run(&project, &[]);
    published(&ended, &project, &truth(&project));
    assert!(!ended.stderr.contains("cannot finish the list"), "{ended:?}");
    let ended = project.run(&["--json", "--fresh"]);
    failed(&ended, 75, "no calls left today, with about 1 page to go", "00:00 in Beijing");
    let warning = ended.stderr.lines().find(|line| line.contains("cannot finish the list")).unwrap();
    assert!(warning.contains("calls_left=2") && warning.contains("calls_needed=4"), "{warning}");
}

#[test]
fn a_classic_token_is_warned_of() {
    let file = PIPELINE.replace("[sinks.list]", "classic_token = true\n[sinks.list]");
    let project = reading(&file, simulator());
    let ended = run(&project, &[]);
    published(&ended, &project, &truth(&project));
    assert!(ended.stderr.contains("ends the one that other programs of this account use"), "{ended:?}");
}
