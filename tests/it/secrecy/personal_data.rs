//! What is known of a follower stands in the state and in the outputs, and nowhere else: no log, no
//! error, no report has an OpenID, a unionid or a remark, whatever goes wrong.

use std::collections::HashSet;
use std::path::Path;

use fanout::simulator::{
    Effect, Endpoint, Fault, Flaw, Move, OddRemark, Oddity, Profile, Simulator, SimulatorBuilder, When, Who,
};

use crate::support::{Ended, Project};

const APP_ID: &str = "wxpersonal";
const PEOPLE: u64 = 300;
const EVERYTHING: &str = "trace,hyper=trace,hyper_util=trace,reqwest=trace,rustls=trace,tower=trace,h2=trace";

/// Files of the state that hold what was read, as the docs say.
const REPLIES: [&str; 2] = ["pages", "pages~new"];

fn project(change: impl FnOnce(SimulatorBuilder) -> SimulatorBuilder) -> Project {
    let keys = "profiles.max_refused_percent = 1\nmetrics.path = 'fanout.prom'\n\
                [source]\nretry = { attempts = 2, base_ms = 1 }\nprofiles.ask_again_after_secs = 0";
    let lists = "[sinks.people]\ntype = 'ndjson'\nlist = 'profiles'\noptions = { root = 'out/people' }\n\
                 [sinks.ids]\ntype = 'parquet'\noptions = { root = 'out/ids' }";
    let simulator = change(Simulator::builder().followers(PEOPLE).page_size(100));
    Project::builder().keys(keys).account("brand", APP_ID).sinks(lists).simulator(simulator).build()
}

/// Returns the words of a text: runs of what an OpenID or a unionid may consist of.
fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| !byte.is_ascii_alphanumeric() && !b"_-".contains(byte))
}

/// What nobody but the operator of the account may see.
struct Known {
    ids: HashSet<Vec<u8>>,
    remarks: HashSet<String>,
}

impl Known {
    fn of(project: &Project) -> Self {
        let (mut ids, mut remarks) = (HashSet::new(), HashSet::new());
        let profiles = project.api().profiles(APP_ID);
        let all = (0..PEOPLE).flat_map(|index| [profiles.get(index), profiles.without_flaws(index)]);
        for Profile { openid, unionid, remark, .. } in all {
            ids.extend([Some(openid), unionid].into_iter().flatten().map(String::into_bytes));
            remarks.extend(remark.filter(|remark| remark.len() > 3));
        }
        assert!(ids.len() as u64 >= 2 * PEOPLE && remarks.len() > 5, "{} ids, {} remarks", ids.len(), remarks.len());
        Self { ids, remarks }
    }

    /// Returns what `text` has of it.
    fn find(&self, text: &[u8]) -> Option<String> {
        let id = words(text).find(|word| self.ids.contains(*word));
        let id = id.map(|id| String::from_utf8_lossy(id).into_owned());
        let text = String::from_utf8_lossy(text);
        // As it is, and with what a log or JSON makes of it.
        let escaped = |remark: &str| format!("{remark:?}").trim_matches('"').to_owned();
        let is_shown = |remark: &&String| text.contains(remark.as_str()) || text.contains(&escaped(remark));
        id.or_else(|| self.remarks.iter().find(is_shown).cloned())
    }

    #[track_caller]
    fn is_not_in(&self, what: &str, text: &[u8]) {
        let found = self.find(text);
        assert!(found.is_none(), "`{}` stands in {what}: {}", found.unwrap(), String::from_utf8_lossy(text));
    }

    /// Asserts that a command has shown nothing of it, and written it only where it belongs.
    #[track_caller]
    fn is_kept(&self, project: &Project, what: &str, ended: &Ended) {
        self.is_not_in(&format!("stdout of {what}"), ended.stdout.as_bytes());
        self.is_not_in(&format!("stderr of {what}"), ended.stderr.as_bytes());
        let out = project.path("out");
        let may_hold = |path: &Path| {
            path.starts_with(&out) && path.extension().is_some_and(|kind| kind == "ndjson" || kind == "parquet")
                || REPLIES.iter().any(|name| path.ends_with(name))
        };
        for path in project.files().iter().filter(|path| !may_hold(path)) {
            self.is_not_in(&format!("{} after {what}", path.display()), &std::fs::read(path).unwrap());
        }
    }
}

/// Runs a command with everything traced.
fn traced(project: &Project, arguments: &[&str]) -> Ended {
    Ended::of(project.command_with_secrets(arguments).env("RUST_LOG", EVERYTHING))
}

#[test]
fn what_is_looked_for_is_found_in_the_list() {
    let project = project(|api| api);
    project.finish(&[]);
    let known = Known::of(&project);
    let lines = project.files().into_iter().find(|path| path.extension().is_some_and(|kind| kind == "ndjson"));
    let text = std::fs::read_to_string(lines.unwrap()).unwrap();
    assert!(known.find(text.as_bytes()).is_some());
    let ids_only = |text: &str| Known { remarks: HashSet::new(), ids: known.ids.clone() }.find(text.as_bytes());
    let remarks_only = |text: &str| Known { ids: HashSet::new(), remarks: known.remarks.clone() }.find(text.as_bytes());
    let line = text.lines().find(|line| remarks_only(line).is_some()).unwrap();
    assert!(ids_only(line).is_some() && ids_only("brand wx000").is_none() && remarks_only("brand wx000").is_none());
}

#[test]
fn no_command_shows_anything_of_a_follower() {
    let odd = [
        (5, Oddity::Left),
        (50, Oddity::FalselyLeftInBatches),
        (99, Oddity::Missing { alone: false }),
        (120, Oddity::Doubled),
        (150, Oddity::MovesUnionids(Move::Up)),
        (200, Oddity::Refused { alone: true }),
        (220, Oddity::Unreadable { alone: true }),
        (240, Oddity::Remark(OddRemark::RawControls)),
        (241, Oddity::Remark(OddRemark::InvalidUtf8)),
        (260, Oddity::NoUnionidInBatches),
    ];
    let project =
        project(|api| odd.into_iter().fold(api, |api, (index, oddity)| api.flaw(Flaw::new(Who::Index(index), oddity))));
    let known = Known::of(&project);
    let commands: [&[&str]; 10] = [
        &["run", "pipeline.toml", "--json"],
        &["run", "pipeline.toml", "--fresh", "--log-format", "json"],
        &["status", "pipeline.toml"],
        &["status", "pipeline.toml", "--json"],
        &["history", "pipeline.toml", "brand"],
        &["history", "pipeline.toml", "brand", "--json"],
        &["report", "pipeline.toml", "--html", "report.html"],
        &["check", "pipeline.toml", "--connect"],
        &["replay", "pipeline.toml"],
        &["prune", "pipeline.toml", "--set", "journal.keep=1"],
    ];
    for command in commands {
        let ended = traced(&project, command);
        assert_eq!(ended.code, Some(0), "{command:?}: {ended:?}");
        known.is_kept(&project, &command.join(" "), &ended);
    }
}

#[test]
fn no_failure_shows_anything_of_a_follower() {
    let project_of = |fault| project(|api| api.fault(fault));
    let followers = project(|api| api).api().followers(APP_ID);
    let openid = |index| followers.openid(index);
    let of_batch = |effect| Fault::new(Endpoint::BatchGet, When::Naming(150), effect);
    let of_single = |effect| Fault::new(Endpoint::UserInfo, When::Always, effect);
    let of_page = |effect| Fault::new(Endpoint::UserGet, When::Page(2), effect);
    let mut faults = Vec::new();
    for code in [40003, 48001, -1, 40097] {
        // WeChat sends back whom it was asked about: in the batch, alone, as the cursor of a page.
        let refusal = |text: String| Effect::Errcode { code, message: format!("invalid openid hint: {text}") };
        faults.push(of_batch(refusal(format!("{} [{}]", openid(150), openid(98)))));
        faults.push(of_single(refusal(openid(PEOPLE - 1))));
        faults.push(of_page(refusal(openid(99))));
    }
    for effect in [
        Effect::errcode(40032),
        Effect::errcode(45009),
        Effect::Truncate(9_000),
        Effect::ResetAfter(9_000),
        Effect::status(500),
        Effect::body(format!(r#"[{{"openid":"{}"}}]"#, openid(150))),
        Effect::body(format!(r#"{{"user_info_list":[{{"openid":"{}","remark":"\"}}]}}"#, openid(150))),
        Effect::OtherAccount,
    ] {
        faults.extend([of_batch(effect.clone()), of_single(effect.clone()), of_page(effect)]);
    }
    for fault in faults {
        let what = format!("{:?} of {:?}", fault.effect, fault.endpoint);
        let project = project_of(fault);
        let known = Known::of(&project);
        let ended = traced(&project, &["run", "pipeline.toml", "--json"]);
        known.is_kept(&project, &what, &ended);
        for command in [&["status", "pipeline.toml"][..], &["report", "pipeline.toml", "--html", "report.html"]] {
            known.is_kept(&project, &what, &traced(&project, command));
        }
    }
}

#[test]
fn a_token_of_another_account_is_an_error_without_anything_of_a_follower() {
    let openid = project(|api| api).api().followers(APP_ID).openid(0);
    let refusal = Effect::Errcode { code: 40003, message: format!("invalid openid: {openid}") };
    let faults = [Endpoint::BatchGet, Endpoint::UserInfo].map(|endpoint| (endpoint, When::Always));
    let project = project(|api| {
        faults.into_iter().fold(api, |api, (endpoint, when)| api.fault(Fault::new(endpoint, when, refusal.clone())))
    });
    let ended = traced(&project, &["run", "pipeline.toml", "--json"]);
    assert!(ended.stderr.contains("WeChat refuses every follower that was asked about"), "{ended:?}");
    Known::of(&project).is_kept(&project, "a run", &ended);
}

#[test]
fn a_journal_that_is_damaged_is_an_error_without_anything_of_a_follower() {
    let project = project(|api| api);
    let known = Known::of(&project);
    project.finish(&[]);
    std::fs::remove_dir_all(project.path("out")).unwrap();
    let journals = project.files().into_iter().filter(|path| path.ends_with("pages"));
    for journal in journals {
        let whole = std::fs::read(&journal).unwrap();
        for at in [whole.len() / 3, whole.len() / 2, whole.len() - 20] {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x20;
            std::fs::write(&journal, &damaged).unwrap();
            for command in [&["run", "pipeline.toml"][..], &["status", "pipeline.toml"], &["replay", "pipeline.toml"]] {
                known.is_kept(&project, &format!("{command:?} at {at}"), &traced(&project, command));
            }
        }
        std::fs::write(&journal, &whole).unwrap();
    }
}
