//! `fanout report`: the page about past runs, and what a browser shows of it.

use std::fs;
use std::io::Read;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use chrono::{DateTime, Days, Utc};
use fanout_sink::WalkId;
use serde_json::{Value, json};

use crate::support::{Ended, Project, run_script};

const HOW_TO_GET_IT: &str = "pip install playwright, name that Python in READERS_PYTHON, and install Chromium (Debian: chromium-headless-shell)";

/// The most lists of an account, and the most runs, that the page shows.
const PAST: usize = 90;

/// The account whose last run has failed.
const FAILED: &str = "北京早报";
/// An error that would run as a script if it were taken for markup.
const HOSTILE: &str = "</script><script>window.harmed = 1</script><img src=x onerror=\"harmed=2\"> & 'no' {{runs}}";

/// Accounts in several scripts, and one that is hostile.
const ACCOUNTS: [&str; 6] = ["brand", "花城会员", FAILED, "متجر", "<b onclick=harmed=3>\"'&amp;", "never run"];

fn pipeline() -> String {
    let accounts = ACCOUNTS.iter().enumerate().map(|(place, name)| {
        let name = name.replace('"', "\\\"");
        format!("[[accounts]]\nname = \"{name}\"\napp_id = 'wx{place}'\nsecret = {{ env = 'NOWHERE' }}\n")
    });
    let sink = "[sinks.lines]\ntype = 'ndjson'\noptions = { root = 'out', layout = '{app_id}.ndjson' }\n";
    format!("name = 'nightly'\n{}{sink}", accounts.collect::<String>())
}

/// Makes a project with the reports of `count` nights, all copied from the report of one real run.
fn nights(count: u64) -> Project {
    let project = Project::new(&pipeline());
    let selected = ACCOUNTS[..5].iter().flat_map(|name| ["--account", name]);
    let run = ["run", "pipeline.toml", "--simulate", "300", "--json"].into_iter().chain(selected).collect::<Vec<_>>();
    let ended = project.fanout(&run);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let runs = project.path("state.simulated/runs");
    fs::remove_dir_all(&runs).unwrap();
    fs::create_dir(&runs).unwrap();
    for night in 0..count {
        let begun_at = "2026-06-01T18:00:00Z".parse::<DateTime<Utc>>().unwrap() + Days::new(night);
        let report = of_night(ended.json(), night, begun_at, night + 1 == count);
        fs::write(runs.join(format!("{}-nightly.json", begun_at.format("%Y%m%dT%H%M%SZ"))), report.to_string())
            .unwrap();
    }
    project
}

/// Gives a report the date and the numbers of another night. In the last night, and in some others,
/// an account has failed.
fn of_night(mut report: Value, night: u64, begun_at: DateTime<Utc>, is_last: bool) -> Value {
    report["begun_at"] = begun_at.format("%Y-%m-%dT%H:%M:%SZ").to_string().into();
    report["seconds"] = json!(400.0 + (night * 37 % 90) as f64);
    for (place, account) in report["accounts"].as_array_mut().unwrap().iter_mut().enumerate() {
        let followers = 1_000 * (5 - place as u64) + 3 * night + night * night % 17;
        let date = begun_at.date_naive().to_string();
        account["previous_rows"] = json!(followers - 2);
        for (key, value) in [
            ("walk", json!(WalkId::new(night, begun_at))),
            ("date", json!(date)),
            ("rows", json!(followers)),
            ("last_fetched_at", json!(begun_at)),
        ] {
            account["snapshot"][key] = value;
        }
        account["date"] = json!(date);
        account["calls_left"] = json!(500 - account["calls"].as_u64().unwrap());
        if account["account"] == FAILED && (is_last || night % 20 == 7) {
            for key in ["snapshot", "walk", "date", "calls_left"] {
                account[key] = Value::Null;
            }
            account["verdict"] = "failed".into();
            account["exit"] = 1.into();
            (account["error"], account["hint"]) = (HOSTILE.into(), "make room on this disk".into());
        }
    }
    if is_last || night % 20 == 7 {
        report["exit"] = 1.into();
    }
    report
}

/// Makes a project of two accounts whose changes of `count` nights are told. Before the last one, a
/// night is missed.
fn nights_of_changes(count: u64) -> Project {
    let accounts: String = ["brand", "商店"]
        .map(|name| format!("[[accounts]]\nname = '{name}'\napp_id = 'wx{name}'\nsecret = {{ env = 'NOWHERE' }}\n"))
        .concat()
        .replace("wx商店", "wxshop");
    let sink = "[sinks.told]\ntype = 'ndjson'\nlist = 'changes'\noptions = { root = 'out' }\n";
    let project = Project::new(&format!("name = 'nightly'\n{accounts}{sink}"));
    let ended = project.fanout(&["run", "pipeline.toml", "--simulate", "300", "--json"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let runs = project.path("state.simulated/runs");
    fs::remove_dir_all(&runs).unwrap();
    fs::create_dir(&runs).unwrap();
    for night in 0..count {
        let day = night + u64::from(night + 1 == count);
        let begun_at = "2026-06-01T18:00:00Z".parse::<DateTime<Utc>>().unwrap() + Days::new(day);
        let mut report = ended.json();
        report["begun_at"] = begun_at.format("%Y-%m-%dT%H:%M:%SZ").to_string().into();
        for (place, account) in report["accounts"].as_array_mut().unwrap().iter_mut().enumerate() {
            let date = begun_at.date_naive();
            for (key, value) in [
                ("walk", json!(WalkId::new(night, begun_at))),
                ("date", json!(date)),
                ("last_fetched_at", json!(begun_at)),
            ] {
                account["snapshot"][key] = value;
            }
            account["date"] = json!(date);
            if account["list"] == "changes" {
                let [followed, unfollowed] = came_and_left(night).map(|people| people * (place as u64 + 1));
                account["snapshot"]["rows"] = json!(followed + unfollowed);
                let before = begun_at.date_naive() - Days::new(1 + day - night);
                let since = (night > 0).then_some(before);
                let changes = json!({ "since": since, "followed": followed, "unfollowed": unfollowed });
                account["changes"].as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
            }
        }
        fs::write(runs.join(format!("{}-nightly.json", begun_at.format("%Y%m%dT%H%M%SZ"))), report.to_string())
            .unwrap();
    }
    project
}

/// Returns how many people come and leave in a night, to be multiplied for each list. In the first
/// night nothing is compared.
fn came_and_left(night: u64) -> [u64; 2] {
    if night == 0 { [0, 0] } else { [1_200 + night * 31 % 90, 400 + night * 17 % 60] }
}

fn render(project: &Project, name: &str) -> String {
    let ended = Ended::of(&mut project.command(&["report", "pipeline.toml", "--simulate", "300", "--html", name]));
    assert_eq!((ended.code, ended.stdout, ended.stderr.as_str()), (Some(0), format!("{name}\n"), ""));
    fs::read_to_string(project.path(name)).unwrap()
}

#[test]
fn the_same_reports_make_the_same_page_and_it_says_what_they_say() {
    let project = nights(3);
    let page = render(&project, "one.html");
    assert!(page == render(&project, "two.html"));
    assert!(page.contains("2 of 6 accounts have no new list"));
    assert!(page.contains("<b>4</b><span>accounts with their list</span>"));
    // The last night of four accounts, and the night before of the account that failed.
    let followers = |place: u64, night: u64| 1_000 * (5 - place) + 3 * night + night * night % 17;
    let all: u64 = [0, 1, 3, 4].map(|place| followers(place, 2)).iter().sum::<u64>() + followers(2, 1);
    let digits = all.to_string();
    let (thousands, rest) = digits.split_at(digits.len() - 3);
    assert!(page.contains(&format!("<b>{thousands},{rest}</b><span>followers")), "{all}");
    // Begun at 18:00 UTC, which is the next day in Beijing.
    assert!(
        page.contains(r#"<time datetime="2026-06-03T18:00:00Z">2026-06-04 02:00 <span class="quiet">18:00 UTC</span>"#)
    );
    assert!(page.contains("no run yet"));
}

#[test]
fn nothing_that_a_report_says_is_markup_and_nothing_is_fetched() {
    let page = render(&nights(2), "page.html");
    for harm in ["<script>window", "<img", "<b onclick", "onerror=\""] {
        assert!(!page.contains(harm), "{harm}");
    }
    assert!(page.contains("&#60;/script&#62;&#60;script&#62;window.harmed = 1"));
    assert!(page.contains("{{runs}}"), "what looks like a place of the template is left alone");
    assert_eq!(page.matches("<script>").count(), 1);
    for attribute in ["src=", "@import", "url(", "<link", "<iframe"] {
        assert!(!page.replace("&#60;img src=x", "").contains(attribute), "{attribute}");
    }
    let mut links = page.match_indices("href=\"").map(|(place, found)| &page[place + found.len()..]);
    assert!(links.all(|link| link.starts_with('#')));
}

#[test]
fn however_many_runs_there_were_a_page_stays_small() {
    let page = render(&nights(PAST as u64 + 40), "page.html");
    let lines = page.split("<path class=\"line\" d=\"").skip(1).map(|rest| rest.split_once('"').unwrap().0);
    let points: Vec<_> = lines.map(|line| line.matches(['M', 'L']).count()).collect();
    assert_eq!(points, [PAST; 5]);
    let runs = page.split("<h2 id=\"runs\">").nth(1).unwrap();
    assert_eq!(runs.matches("<tr><td><time").count(), PAST);
}

#[test]
fn the_changes_of_each_night_are_drawn_up_and_down_and_stand_in_a_table() {
    let count = 20;
    let page = render(&nights_of_changes(count), "page.html");
    assert_eq!(page.matches(r#"<path class="came""#).count(), 2, "a chart for each account");
    let drawn = |class: &str| {
        let path = page.split(&format!(r#"<path class="{class}" d=""#)).nth(1).unwrap();
        path.split_once('"').unwrap().0.to_owned()
    };
    let bars = |class: &str, sign: &str| drawn(class).matches(&format!("v{sign}")).count() as u64;
    assert_eq!((bars("came", "-"), bars("left", "")), (count - 1, count - 1), "the first night has no bar");
    assert!(!drawn("left").contains('-'), "those who left go down");
    // The second row of an account is that of its changes.
    let [followed, unfollowed] = came_and_left(count - 1).map(|people| people * 2);
    let grouped = |number: u64| format!("{},{:03}", number / 1_000, number % 1_000);
    let short = |number: u64| if number < 1_000 { number.to_string() } else { grouped(number) };
    let cells = [grouped(followed), short(unfollowed), format!("+{}", grouped(followed - unfollowed))];
    let cells = cells.map(|cell| format!(r#"<td class="number">{cell}</td>"#)).concat();
    // A night was missed before it.
    let night = r#"<tr><th scope="row"><span class="date">2026-06-21</span> <span class="quiet">since <span class="date">2026-06-19</span></span></th>"#;
    assert!(page.contains(&format!("{night}{cells}")), "{night}{cells}");
    assert_eq!(page.matches("since <span").count(), 2, "of one night, for each account");
    let sums =
        (1..count).map(came_and_left).fold([0; 2], |sums, night| [sums[0] + night[0] * 2, sums[1] + night[1] * 2]);
    let all = format!("{} followed and {} left in 19 lists of changes: +", grouped(sums[0]), grouped(sums[1]));
    assert!(page.contains(&all), "{all}");
    assert!(
        page.contains("<summary>5 earlier lists</summary>")
            && page.contains("<span>followed / left in the last changes")
    );
    // Changes are no followers.
    assert!(page.contains("<b>600</b><span>followers in the last lists</span>"));
}

#[test]
fn before_the_first_run_the_page_says_that_there_was_none() {
    let project = Project::new(&pipeline());
    let page = render(&project, "page.html");
    assert!(page.contains("There was no run yet.") && page.contains("6 of 6 accounts have no new list"));
    let ended = project.fanout(&["report", "pipeline.toml", "--simulate", "300", "--html", "no/such/folder/page.html"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.starts_with("error: cannot write `no/such/folder/page.html`: "), "{ended:?}");
}

#[test]
fn a_page_replaces_the_one_before_as_a_whole() {
    let project = Project::new(&pipeline());
    let (page, link, other) = (project.path("page.html"), project.path("link.html"), project.path("other"));
    let old = render(&project, "page.html");
    let mut reader = fs::File::open(&page).unwrap();
    std::os::unix::fs::symlink("page.html", &link).unwrap();
    fs::write(&other, "").unwrap();
    let files = project.files();
    render(&project, "link.html");
    let [old_file, new_file, other_file] =
        [reader.metadata(), fs::metadata(&page), fs::metadata(&other)].map(Result::unwrap);
    assert_ne!(old_file.ino(), new_file.ino(), "the old page is replaced, not written over");
    assert_eq!(new_file.mode(), other_file.mode(), "a web server may read it");
    assert!(link.is_symlink());
    assert_eq!(project.files(), files, "nothing is left beside it");
    let mut read = String::new();
    reader.read_to_string(&mut read).unwrap();
    assert!(read == old, "a reader that has begun goes on with the old page");
    fs::set_permissions(&page, fs::Permissions::from_mode(0o600)).unwrap();
    render(&project, "page.html");
    assert_eq!(fs::metadata(&page).unwrap().mode() & 0o777, 0o600, "a page that is closed to others stays so");
}

#[test]
fn a_page_can_go_into_a_pipe() {
    let project = Project::new(&pipeline());
    let ended = project.fanout(&["report", "pipeline.toml", "--simulate", "300", "--html", "/dev/stdout"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.starts_with("<!doctype html>\n"), "{ended:?}");
    assert!(ended.stdout.ends_with("</html>\n/dev/stdout\n"), "{ended:?}");
}

#[test]
fn a_browser_shows_the_page_without_the_network_on_a_desk_and_on_a_phone() {
    let project = nights(30);
    render(&project, "page.html");
    let changes = render(&nights_of_changes(30), "page.html");
    fs::write(project.path("changes.html"), changes).unwrap();
    let screenshots = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/ci");
    let arguments = ["page.html", screenshots.to_str().unwrap(), FAILED, "changes.html"];
    let not_done = "no browser was asked to show the page of `fanout report`";
    if let Some((code, said)) = run_script(&project, "tests/it/report_page.py", &arguments, not_done, HOW_TO_GET_IT) {
        assert_eq!(code, 0, "{said}");
        assert_eq!(said.lines().filter(|line| line.starts_with("ok ")).count(), 5, "{said}");
    }
}
