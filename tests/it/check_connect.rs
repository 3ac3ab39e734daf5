//! `fanout check --connect`: it names each problem before a run meets it, with what to do about it.

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;
use std::process::Command;

use bytes::Bytes;
use fanout::simulator::{Effect, Endpoint, Fault, Simulator, SimulatorBuilder, TOKEN_MARKER, When};
use tempfile::TempDir;

use crate::crash_safety::small_disk::way_to_mount;
use crate::support::{Ended, Project, assert_shows, wrapped};

const PIPELINE: &str = r#"
name = "doctor"
[source.retry]
base_ms = 1
[[accounts]]
name = "brand"
app_id = "wxbrand"
secret = { env = "BRAND_SECRET" }
[[accounts]]
name = "shop"
app_id = "wxshop"
secret = { env = "SHOP_SECRET" }
[sinks.lake]
type = "parquet"
[sinks.lake.options]
root = "out/lake"
[sinks.lines]
type = "ndjson"
[sinks.lines.options]
root = "out/lines"
"#;

const SECRET: &str = "CANARYSECRET0123456789";
const OTHER_SECRET: &str = "CANARYSECRET9876543210";
const FOLLOWERS: u64 = 23_000;

fn project(simulator: SimulatorBuilder) -> Project {
    let simulator = simulator.followers(FOLLOWERS).secret("wxbrand", SECRET);
    let project = Project::builder().file(PIPELINE).simulator(simulator);
    project.secret("BRAND_SECRET", SECRET).secret("SHOP_SECRET", SECRET).build()
}

fn check_command(project: &Project, more: &[&str]) -> Command {
    let check = ["check", "--connect", "pipeline.toml", "--clock", "2026-11-22T04:00:00Z"];
    project.command_with_secrets(&[&check, more].concat())
}

/// Runs the check; it prints no token and no secret, and stderr has no error.
fn check(project: &Project, more: &[&str]) -> Ended {
    silent(Ended::of(&mut check_command(project, more)))
}

#[track_caller]
fn silent(ended: Ended) -> Ended {
    for text in [&ended.stdout, &ended.stderr] {
        assert!(!text.contains(TOKEN_MARKER) && !text.contains("CANARY"), "{ended:?}");
    }
    // Retries and renewed tokens are logged as in a run.
    assert!(ended.stderr.lines().all(|line| line.contains(" INFO ")), "{ended:?}");
    ended
}

/// Returns the lines of an account (or of all), without its name and without WeChat's request ids.
fn lines(ended: &Ended, account: &str) -> Vec<String> {
    let lines = ended.stdout.lines().filter_map(|line| line.strip_prefix(account));
    let words =
        lines.map(|line| line.split_whitespace().filter(|word| !is_request_id(word)).collect::<Vec<_>>().join(" "));
    words.collect()
}

fn is_request_id(word: &str) -> bool {
    let word = word.trim_end_matches(';');
    word == "rid:" || (word.len() == 26 && word.matches('-').count() == 2)
}

/// Asserts that some line begins with `beginning` and holds `words`.
#[track_caller]
fn assert_line(lines: &[String], beginning: &str, words: &[&str]) {
    let found = lines.iter().any(|line| line.starts_with(beginning) && words.iter().all(|word| line.contains(word)));
    assert!(found, "no line `{beginning}…` with {words:?} in {lines:#?}");
}

#[test]
fn where_all_is_well_every_check_says_so_and_a_page_is_counted() {
    let project = project(Simulator::builder().quota(500));
    let ended = check(&project, &[]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for account in ["brand", "shop"] {
        let lines = lines(&ended, account);
        assert_eq!(
            lines[..3],
            [
                "state ok a new walk of 2026-11-22 begins",
                "token ok there is one",
                "quota ok 499 of 500 calls for pages are left today",
            ]
        );
        assert_line(&lines, "page ok the first one has 10000 of 23000 followers, and took ", &[]);
        let ledger = std::fs::read_to_string(project.path(&format!("state/wx{account}/calls.user-get.json")));
        assert_eq!(serde_json::from_str::<serde_json::Value>(&ledger.unwrap()).unwrap()["calls"], 1);
    }
    assert_eq!(project.api().requests().user_get, 2);
    let all = lines(&ended, "(all)");
    assert_line(&all, "sink ok `lake`: a folder was written, synced and moved in", &[]);
    assert_line(&all, "sink ok `lines`: a folder was written", &[]);
    assert_line(&all, "journal ok a walk was written", &["/state`"]);
    // Two lists of 31 bytes a follower in the journal; and at most 150 for each of two sinks.
    assert_line(&all, "disk ok ", &["the journal, `lake`, `lines`", "the next lists take 1.36 MiB to 14.52 MiB"]);
    assert_line(&all, "clock ok ", &["to the minute"]);
    assert!(ended.stdout.ends_with("\n13 ok, warnings: 0, errors: 0\n"), "{}", ended.stdout);
    // Nothing is left but the folders of the state.
    assert!(project.files().iter().all(|path| !path.to_string_lossy().contains(".fanout")));
    assert!(!project.path("out").exists());
}

#[test]
fn without_calls_no_page_is_asked_for() {
    let project = project(Simulator::builder().quota(500));
    let ended = check(&project, &["--no-calls"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(lines(&ended, "brand")[2..], ["quota ok 500 of 500 calls for pages are left today"]);
    assert_eq!((project.api().requests().user_get, project.api().requests().quota), (0, 2));
    assert_line(&lines(&ended, "(all)"), "disk ok ", &["; lists that are not counted yet: 2"]);
    let misused = project.fanout(&["check", "pipeline.toml", "--no-calls"]);
    assert_eq!(misused.code, Some(2), "{misused:?}");
}

#[test]
fn a_wrong_secret_is_named_and_the_other_accounts_are_looked_at() {
    let project = project(Simulator::builder());
    let mut command = check_command(&project, &[]);
    let ended = silent(Ended::of(command.env("BRAND_SECRET", OTHER_SECRET)));
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let brand = lines(&ended, "brand");
    assert_eq!(brand.len(), 2, "without a token nothing can be asked: {brand:#?}");
    let hint = "hint: check `app_id` and the secret: they must belong to the same account";
    assert_line(&brand, "token error the call for a token failed", &["errcode 40125: invalid appsecret", hint]);
    assert_line(&lines(&ended, "shop"), "page ok", &[]);
}

#[test]
fn an_address_that_is_not_allowed_is_named_with_where_it_belongs() {
    let fault = Fault::new(Endpoint::StableToken, When::Always, Effect::errcode(40164)).account("wxshop");
    let project = project(Simulator::builder().fault(fault));
    let ended = check(&project, &[]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let words = ["errcode 40164: invalid ip 127.0.0.1", "hint: ", "add `127.0.0.1` to the IP allow list"];
    assert_line(&lines(&ended, "shop"), "token error ", &words);
    assert_line(&lines(&ended, "brand"), "page ok", &[]);
}

#[test]
fn an_empty_quota_is_said_before_a_page_is_asked_for() {
    let project = project(Simulator::builder().account_quota("wxbrand", 0).account_quota("wxshop", 3));
    let ended = check(&project, &[]);
    assert_eq!(ended.code, Some(75), "{ended:?}");
    let brand = lines(&ended, "brand");
    assert_line(
        &brand,
        "quota error 0 of 0 calls for pages are left today; hint: run again after ",
        &["00:00 in Beijing"],
    );
    assert_eq!(brand.len(), 3, "{brand:#?}");
    assert_eq!(project.api().user_get_calls("wxbrand"), 0);
    // Three pages and the end, with three calls left: a run would stop one call before the end.
    let words = ["and the list takes about 4; hint: a run goes as far as it can today"];
    assert_line(&lines(&ended, "shop"), "quota warning 2 of 3 calls for pages are left today,", &words);
}

#[test]
fn a_quota_that_nobody_states_is_the_ledgers() {
    let fault = Fault::new(Endpoint::Quota, When::Always, Effect::errcode(76022));
    let project = project(Simulator::builder().fault(fault));
    for spent in [0, 1] {
        let ended = check(&project, &["--no-calls", "--set", "source.quota.daily_calls=1"]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let (severity, left) = if spent == 0 { ("ok", 1) } else { ("warning", 0) };
        let line =
            format!("quota {severity} {left} of 1 calls for pages are left today, as far as this state has counted; ");
        assert_line(&lines(&ended, "brand"), &line, &["WeChat does not say (WeChat answered errcode 76022, "]);
        check(&project, &[]);
    }
}

#[test]
fn a_token_of_another_program_that_is_refused_is_found_without_a_page() {
    let project = project(Simulator::builder());
    let text = PIPELINE.replace("secret = { env = \"SHOP_SECRET\" }", "token = { env = \"SHOP_SECRET\" }");
    std::fs::write(project.path("pipeline.toml"), text).unwrap();
    let ended = check(&project, &["--no-calls"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert_line(
        &lines(&ended, "shop"),
        "token error the token was refused: WeChat answered errcode 40001, hint: ",
        &[],
    );
    let ended = check(&project, &["--set", "source.quota.check=false"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let refused = "page error the token from the environment variable `SHOP_SECRET` was refused";
    assert_line(&lines(&ended, "shop"), refused, &["hint: "]);
}

#[test]
fn a_clock_that_is_off_is_said_with_its_side() {
    let body = r#"{"errcode":0,"quota":{"daily_limit":500,"used":0,"remain":500}}"#;
    for (date, words) in
        [("Thu, 01 Jan 2015 00:00:00 GMT", "ahead of the API"), ("Fri, 01 Jan 2100 00:00:00 GMT", "behind the API")]
    {
        let headers = vec![("date".to_owned(), date.to_owned())];
        let effect = Effect::Http { status: 200, headers, body: Bytes::from_static(body.as_bytes()) };
        let project = project(Simulator::builder().fault(Fault::new(Endpoint::Quota, When::Always, effect)));
        let ended = check(&project, &["--no-calls"]);
        assert_eq!(ended.code, Some(0), "a run would begin: {ended:?}");
        assert_line(&lines(&ended, "(all)"), "clock warning this machine is ", &[words, "; hint: set the clock"]);
    }
}

#[test]
fn a_disk_that_cannot_be_written_is_found_and_the_accounts_are_looked_at_all_the_same() {
    let Some(way) = way_to_mount() else { return };
    let full = "mount -t tmpfs -o size=4k none disk && (cat /dev/zero >disk/zeros; true)";
    let read_only = "mount -t tmpfs -o ro none disk";
    for (mount, words, hint) in [
        (read_only, "Read-only file system", "must be writable for this user"),
        (full, "No space left on device", "hint: make room on this disk"),
    ] {
        let project = project(Simulator::builder());
        std::fs::create_dir(project.path("disk")).unwrap();
        let check = check_command(&project, &["--set", "sinks.lake.options.root=disk/lake"]);
        let mut unshare = Command::new("unshare");
        unshare.args(way).args(["sh", "-c", &format!("{mount} 2>/dev/null; \"$@\""), "sh"]);
        let ended = silent(Ended::of(&mut wrapped(unshare, &check)));
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert_line(&lines(&ended, "(all)"), "sink error `lake`: cannot write ", &[words, hint]);
        assert_line(&lines(&ended, "(all)"), "sink ok `lines`", &[]);
        assert_line(&lines(&ended, "brand"), "page ok", &[]);
    }
}

#[test]
fn the_json_document_has_every_finding() {
    let fault = Fault::new(Endpoint::UserGet, When::Always, Effect::errcode(48001)).account("wxshop");
    let project = project(Simulator::builder().fault(fault));
    let ended = check(&project, &["--json"]);
    let document = ended.json();
    assert_eq!((ended.code, &document["exit"]), (Some(1), &1.into()));
    let findings = document["findings"].as_array().unwrap();
    assert_eq!(findings.len(), 13, "{document:#}");
    let page = |account: &str| {
        findings.iter().find(|finding| finding["account"] == account && finding["check"] == "page").unwrap().clone()
    };
    assert_eq!((&page("brand")["severity"], &page("brand")["hint"]), (&"ok".into(), &serde_json::Value::Null));
    assert_eq!((&page("shop")["severity"], &page("shop")["exit"]), (&"error".into(), &1.into()));
    assert!(page("shop")["hint"].as_str().unwrap().contains("must be verified"));
    assert_eq!(findings.last().unwrap()["account"], serde_json::Value::Null);
}

#[test]
fn an_account_that_another_run_holds_is_left_alone() {
    let project = project(Simulator::builder());
    let folder = project.path("state/wxbrand");
    std::fs::create_dir_all(&folder).unwrap();
    let lock = std::fs::File::create(folder.join("followers.lock")).unwrap();
    lock.lock().unwrap();
    let ended = check(&project, &[]);
    let brand = lines(&ended, "brand");
    assert_eq!(brand.len(), 1, "{brand:#?}");
    assert_line(&brand, "state error ", &["; hint: "]);
    assert_line(&lines(&ended, "shop"), "page ok", &[]);
}

#[test]
fn a_simulated_list_can_be_tried_out_too() {
    let project = project(Simulator::builder());
    let ended = silent(project.fanout(&["check", "pipeline.toml", "--connect", "--simulate", "12_000"]));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_line(&lines(&ended, "brand"), "page ok the first one has 10000 of 12000 followers", &[]);
    assert_eq!(project.api().requests().total(), 0);
}

/// `check --connect` shows a line for each thing that was tried: here a wrong secret among things
/// that work.
#[test]
fn the_connections_are_shown_with_the_secret_that_is_wrong() {
    let project = project(Simulator::builder().quota(500));
    let mut command = check_command(&project, &[]);
    assert_shows!(project, silent(Ended::of(command.env("BRAND_SECRET", OTHER_SECRET))), @r"
    exit code: 1
    ----- stdout -----
    account  check           found
    brand    state    ok     a new walk of 2026-11-22 begins
    brand    token    error  the call for a token failed after 1 try and [TIME], with 0 calls for the list in this run: WeChat answered errcode 40125: invalid appsecret rid: [RID]; hint: check `app_id` and the secret: they must belong to the same account
    shop     state    ok     a new walk of 2026-11-22 begins
    shop     token    ok     there is one
    shop     quota    ok     499 of 500 calls for pages are left today
    shop     page     ok     the first one has 10000 of 23000 followers, and took N.N s
    (all)    journal  ok     a walk was written, synced and moved in `[FOLDER]/state`
    (all)    sink     ok     `lake`: a folder was written, synced and moved in `[FOLDER]`
    (all)    sink     ok     `lines`: a folder was written, synced and moved in `[FOLDER]`
    (all)    disk     ok     [FREE] are free for the journal, `lake`, `lines`, where the next lists take NNN.NN KiB to N.NN MiB; lists that are not counted yet: 1
    (all)    clock    ok     this machine and the API agree on the time, to the minute
    10 ok, warnings: 0, errors: 1

    ----- stderr -----
    ");
}

/// Makes `name` in the project a link to a folder on another file system. Returns the temporary
/// folder around it, or `None` if this machine has no other file system.
fn link_elsewhere(project: &Project, name: &str) -> Option<TempDir> {
    let elsewhere = TempDir::new_in("/dev/shm").ok()?;
    let device = |path: &Path| fs::metadata(path).unwrap().dev();
    if device(elsewhere.path()) == device(&project.path("")) {
        return None;
    }
    let folder = elsewhere.path().join("inside");
    fs::create_dir(&folder).unwrap();
    symlink(folder, project.path(name)).unwrap();
    Some(elsewhere)
}

#[test]
fn a_root_that_is_a_link_is_tried_beside_where_it_leads() {
    let project = project(Simulator::builder());
    let Some(elsewhere) = link_elsewhere(&project, "lists") else { return };
    let ended = check(&project, &["--set", "sinks.lake.options.root=lists"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let words = &[elsewhere.path().to_str().unwrap(), "and moved to `", "/lists`"];
    assert_line(&lines(&ended, "(all)"), "sink ok `lake`: a folder was written and synced in `", words);
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 1, "nothing is left beside the folder");
}

#[test]
fn a_journal_is_tried_inside_itself() {
    let project = project(Simulator::builder());
    let Some(_elsewhere) = link_elsewhere(&project, "state") else { return };
    let ended = check(&project, &[]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_line(&lines(&ended, "(all)"), "journal ok a walk was written, synced and moved in `", &[]);
}
