//! What the commands say of lists of changes and of tags: a run, `status`, `history`, `check`, the
//! metrics and the page.

use chrono::TimeDelta;
use fanout::simulator::{Effect, Endpoint, Event, Fault, Simulator, Tag, When};
use serde_json::{Value, json};

use crate::support::{Ended, Project, noon, shown};

const APP_ID: &str = "wx0000000000000001";

const FIRST: &str = "2026-01-10";
const SECOND: &str = "2026-01-11";
/// Nothing runs on the day between.
const FOURTH: &str = "2026-01-13";

const KEYS: &str = "[source]\nretry = { attempts = 2, base_ms = 1 }\nprofiles.ask_again_after_secs = 0\n\
                    [tags]\nrecount_after_secs = 0\n[metrics]\npath = 'fanout.prom'";

const CHANGES: &str = "[sinks.told]\ntype = 'ndjson'\nlist = 'changes'\noptions.root = 'out/told'\n";

const TAGS: &str = "[sinks.people]\ntype = 'ndjson'\nlist = 'tag_members'\noptions.root = 'out/people'\n\
                    [sinks.tags]\ntype = 'ndjson'\nlist = 'tags'\noptions.root = 'out/tags'\n\
                    [sinks.blocked]\ntype = 'ndjson'\nlist = 'blacklist'\noptions.root = 'out/blocked'\n";

fn project(sinks: &str) -> Project {
    let empty = (102..108).map(|id| Tag::new(id, format!("empty {id}"), 0));
    let tags = [Tag::new(100, "VIP", 25), Tag::new(101, "店\"1\"\u{1b}", 30)].into_iter().chain(empty);
    let simulator = Simulator::builder().followers(1_000).page_size(400).tags(tags).tag_page_size(10).quota(500);
    let builder = Project::builder().keys(KEYS).account("brand", APP_ID).sinks(sinks);
    builder.simulator(simulator).date(FIRST).build()
}

fn happen(project: &Project, events: impl IntoIterator<Item = Event>) {
    events.into_iter().for_each(|event| project.api().happen(APP_ID, &event));
}

/// Lets people come and leave, and the next list lack some who stay.
fn people_come_and_leave(project: &Project) {
    let came = noon(SECOND) - TimeDelta::hours(6);
    happen(project, [Event::follow([2_000, 2_001, 2_002], came), Event::leave([5, 7]), Event::hide([9])]);
}

/// Returns the lines of a text that hold `word`, each up to the seconds that something took.
fn lines(text: &str, word: &str) -> Vec<String> {
    let found = text.lines().filter(|line| line.contains(word));
    found.map(|line| line.split(", and took").next().unwrap_or_default().to_owned()).collect()
}

/// Returns the exit code and the result of a command, without the log.
fn result(project: &Project, ended: &Ended) -> String {
    let shown = shown(project, ended);
    shown.split_once("\n----- stderr").expect("there is always such a line").0.to_owned()
}

/// Returns the samples of the metrics whose names begin with `fanout_<name>`, without the labels
/// that all of them have.
fn samples(project: &Project, name: &str) -> Vec<String> {
    let text = std::fs::read_to_string(project.path("fanout.prom")).unwrap();
    let samples = text.lines().filter(|line| line.starts_with(&format!("fanout_{name}")));
    samples.map(|line| line.replace("account=\"brand\",", "").replace(",pipeline=\"test\"", "")).collect()
}

/// The first night has nothing to compare; the second tells who came and left; the fourth tells two
/// nights at once, and since when.
#[test]
fn a_run_says_who_came_and_left_since_which_night() {
    let project = project(CHANGES);
    insta::assert_snapshot!(result(&project, &project.run(&[])), @r#"
    exit code: 0
    ----- stdout -----
    account        verdict    date         rows  change  pages     calls  retries  seconds  sinks
    brand          published  2026-01-10  1,000       -      3  4 of 500        0      N.N  -
    brand changes  published  2026-01-10      0       -      0         0        0      N.N  told: not for it
    1 account, 2 lists: 2 published; 1,000 followers, 4 calls, N.N s
    published in this run, by date: 2026-01-10 (2)
    brand changes: the changes begin with this list
    "#);
    people_come_and_leave(&project);
    project.clock.set(noon(SECOND));
    insta::assert_snapshot!(result(&project, &project.run(&[])), @r#"
    exit code: 0
    ----- stdout -----
    account        verdict    date         rows  change  pages               calls  retries  seconds  sinks
    brand          published  2026-01-11  1,000      +0      3            4 of 500        0      N.N  -
    brand changes  published  2026-01-11      5      +1      1  5, 99,999,998 left        0      N.N  told: published
    1 account, 2 lists: 2 published; 1,000 followers, 3 followed, 2 unfollowed, 9 calls, N.N s
    published in this run, by date: 2026-01-11 (2)
    brand changes: 3 followed, 2 unfollowed since 2026-01-10; 1 hole in the list
    brand changes, told: 5 rows, N.NN KiB in [FOLDER]/out/told/dt=2026-01-11/account=brand/part-00000.ndjson
    "#);
    insta::assert_snapshot!(samples(&project, "change").join("\n"), @r#"
    fanout_changes{list="changes",change="followed"} 3
    fanout_changes{list="changes",change="unfollowed"} 2
    fanout_changes{list="changes",change="refollowed"} 0
    fanout_changes{list="changes",change="reappeared"} 0
    fanout_changes{list="changes",change="baseline"} 0
    fanout_change_holes{list="changes"} 1
    fanout_change_open{list="changes"} 0
    fanout_changes_unverified{list="changes"} 0
    "#);
    insta::assert_snapshot!(samples(&project, "list_rows").join("\n"), @r#"
    fanout_list_rows{list="followers"} 1000
    fanout_list_rows{list="changes"} 5
    "#);

    happen(&project, [Event::leave([11]), Event::show([9])]);
    project.clock.set(noon(FOURTH));
    let ended = project.finish(&["--json"]);
    let report = ended.json();
    let changes = report["accounts"].as_array().unwrap().iter().find(|row| row["list"] == "changes").unwrap();
    let expected = json!({
        "since": SECOND, "followed": 0, "unfollowed": 1, "refollowed": 0, "reappeared": 0, "baseline": 0,
        "unverified": 0, "holes": 0, "open": 0, "gaps": {},
    });
    assert_eq!((&changes["changes"], &changes["tags"]), (&expected, &Value::Null), "{report:#}");

    insta::assert_snapshot!(result(&project, &project.fanout(&["status", "pipeline.toml"])), @r#"
    exit code: 0
    ----- stdout -----
    account        list of      rows  sinks  walk under way   calls today       disk
    brand          2026-01-13  1,000  -      -                   4 of 500  NN.NN KiB
    brand changes  2026-01-13      1  told   -               1 of 500,000   N.NN KiB
    brand changes: 0 followed, 1 unfollowed since 2026-01-11 (2 nights)
    "#);
    insta::assert_snapshot!(result(&project, &project.fanout(&["history", "pipeline.toml", "brand"])), @r#"
    exit code: 0
    ----- stdout -----
    begun in Beijing  UTC    verdict    list of              rows  change  pages               calls  retries  seconds  tells                                                          error
    YYYY-MM-DD hh:mm  hh:mm  published  2026-01-10          1,000       -      3            4 of 500        0      N.N  -                                                              -
    YYYY-MM-DD hh:mm  hh:mm  published  2026-01-10 changes      0       -      0                   0        0      N.N  the changes begin with this list                               -
    YYYY-MM-DD hh:mm  hh:mm  published  2026-01-11          1,000      +0      3            4 of 500        0      N.N  -                                                              -
    YYYY-MM-DD hh:mm  hh:mm  published  2026-01-11 changes      5      +1      1  5, 99,999,998 left        0      N.N  3 followed, 2 unfollowed since 2026-01-10; 1 hole in the list  -
    YYYY-MM-DD hh:mm  hh:mm  published  2026-01-13          1,000      +0      3            4 of 500        0      N.N  -                                                              -
    YYYY-MM-DD hh:mm  hh:mm  published  2026-01-13 changes      1      -1      1  5, 99,999,999 left        0      N.N  0 followed, 1 unfollowed since 2026-01-11 (2 nights)           -
    "#);
    let checked = Ended::of(&mut project.command_with_secrets(&["check", "--connect", "pipeline.toml"]));
    insta::assert_snapshot!(lines(&checked.stdout, "newest changes").join("\n"), @"brand changes  state    ok  the newest changes are those of 2026-01-13 since 2026-01-11: 0 followed, 1 unfollowed, holes: 0, batches that verified them: 1");
    assert_eq!(lines(&checked.stdout, "calls for batches are left today").len(), 1, "{checked:?}");
}

/// A walk of changes that cannot be verified now is open, and says how many batches are left.
#[test]
fn changes_under_way_count_their_batches() {
    let project = project(CHANGES);
    project.finish(&[]);
    people_come_and_leave(&project);
    happen(&project, [Event::leave(20..200)]);
    project.clock.set(noon(SECOND));
    let fault = Fault::new(Endpoint::BatchGet, When::Calls(2..=1_000), Effect::errcode(-1));
    project.api().add_fault(fault);
    let ended = project.run(&["--accept-change"]);
    assert_eq!(ended.code, Some(75), "{ended:?}");
    project.clock.set(noon(SECOND) + TimeDelta::hours(2));
    let status = project.fanout(&["status", "pipeline.toml"]).stdout;
    let under_way = "2026-01-11: 1 of 2 batches, 189 people asked about, last reply 1 h 59 min old";
    assert!(lines(&status, "brand changes  ")[0].contains(under_way), "{status}");
    insta::assert_snapshot!(lines(&status, "brand changes:").join("\n"), @r"
    brand changes: 1 of 2 batches left, each takes 1 of the day's calls: 1 day
    brand changes: the changes begin with this list
    ");
}

/// Tags that cannot be read are named, and the run that publishes the others ends with 1.
#[test]
fn a_partial_list_of_tags_names_the_tags_that_it_lacks() {
    let project = project(TAGS);
    let broken = Fault::new(Endpoint::TagMembers, When::Always, Effect::errcode(-1)).tag(101);
    project.api().add_fault(broken);
    let ended = project.run(&["--set", "tags.partial=true"]);
    // Both lists lack the tag, and it is told once.
    assert_eq!(
        lines(&ended.stderr, "error: account `brand`, lists `tag_members`, `tags`: the list lacks").len(),
        1,
        "{ended:?}"
    );
    insta::assert_snapshot!(result(&project, &ended), @r#"
    exit code: 1
    ----- stdout -----
    account            verdict    date        rows  change  pages                calls  retries  seconds  sinks
    brand tag_members  failed     2026-01-10    25       -      3  15, 99,999,988 left        1      N.N  people: published
    brand blacklist    published  2026-01-10     0       -      0     1 of 100,000,000        0      N.N  blocked: published
    brand tags         failed     2026-01-10     8       -      0                    0        0      N.N  tags: published
    1 account, 3 lists: 2 failed, 1 published; 25 people of tags, 0 blocked people, 8 tags, 16 calls, N.N s
    published in this run, by date: 2026-01-10 (1)
    brand tag_members: 8 tags, 1 failed: "店\"1\"\u{1b}" (101)
    brand tag_members, people: 25 rows, N.NN KiB in [FOLDER]/out/people/dt=2026-01-10/account=brand/part-00000.ndjson
    brand blacklist, blocked: 0 rows, 0 B in [FOLDER]/out/blocked/dt=2026-01-10/account=brand/part-00000.ndjson
    brand tags: 8 tags, 1 failed: "店\"1\"\u{1b}" (101)
    brand tags, tags: 8 rows, N.NN KiB in [FOLDER]/out/tags/dt=2026-01-10/account=brand/part-00000.ndjson
    "#);
    insta::assert_snapshot!(samples(&project, "tags").join("\n"), @r#"
    fanout_tags{list="tag_members",outcome="complete"} 7
    fanout_tags{list="tag_members",outcome="lagging"} 0
    fanout_tags{list="tag_members",outcome="deleted"} 0
    fanout_tags{list="tag_members",outcome="failed"} 1
    fanout_tags{list="tags",outcome="complete"} 7
    fanout_tags{list="tags",outcome="lagging"} 0
    fanout_tags{list="tags",outcome="deleted"} 0
    fanout_tags{list="tags",outcome="failed"} 1
    "#);
    let partial = ["status", "pipeline.toml", "--set", "tags.partial=true"];
    insta::assert_snapshot!(result(&project, &project.fanout(&partial)), @r#"
    exit code: 1
    ----- stdout -----
    account            list of     rows  sinks    walk under way  calls today      disk
    brand tag_members  2026-01-10    25  people   -                 12 of 500  N.NN KiB
    brand blacklist    2026-01-10     0  blocked  -                  1 of 500  N.NN KiB
    brand tags         2026-01-10     8  tags     -                         -  N.NN KiB
    brand tag_members: 8 tags, 1 failed: "店\"1\"\u{1b}" (101)
    brand tags: 8 tags, 1 failed: "店\"1\"\u{1b}" (101)
    "#);
    let problems = project.fanout(&[&partial[..], &["--problems"]].concat());
    assert_eq!(problems.code, Some(1), "{problems:?}");
    insta::assert_snapshot!(result(&project, &project.fanout(&["history", "pipeline.toml", "brand"])), @r#"
    exit code: 0
    ----- stdout -----
    begun in Beijing  UTC    verdict    list of                 rows  change  pages                calls  retries  seconds  tells                                    error
    YYYY-MM-DD hh:mm  hh:mm  failed     2026-01-10 tag_members    25       -      3  15, 99,999,988 left        1      N.N  8 tags, 1 failed: "店\"1\"\u{1b}" (101)  the list lacks 1 tag that could not be read: "店\"1\"\u{1b}" (101)
    YYYY-MM-DD hh:mm  hh:mm  published  2026-01-10 blacklist       0       -      0     1 of 100,000,000        0      N.N  -                                        -
    YYYY-MM-DD hh:mm  hh:mm  failed     2026-01-10 tags            8       -      0                    0        0      N.N  8 tags, 1 failed: "店\"1\"\u{1b}" (101)  the list lacks 1 tag that could not be read: "店\"1\"\u{1b}" (101)
    "#);
    let checked = Ended::of(&mut project.command_with_secrets(&["check", "--connect", "pipeline.toml"]));
    insta::assert_snapshot!(lines(&checked.stdout, "  page  ").join("\n"), @r"
    brand tag_members  page     ok  tags to read: 8, and people in them as WeChat counts: 55
    brand blacklist    page     ok  the first one has 0 of 0 blocked people
    ");
}
