//! The table: what the evening has left, what the morning meets, what the command line says.

use fanout::simulator::Simulator;

use super::*;
use crate::support::say;

/// What the API does in the morning.
#[derive(Clone, Copy, Debug)]
enum Api {
    Up,
    Down,
    /// So many calls a day for each account.
    Quota(u64),
    /// The call for this page of `brand` fails for good, once.
    FailsOnceAt(u64),
}

/// A line of the table.
struct Case {
    /// The pages that `brand` has before midnight. With 0 its first call has failed.
    pages: u64,
    /// Whether there is the account `shop`, which was finished before midnight.
    has_shop: bool,
    api: Api,
    arguments: &'static [&'static str],
    exit: i32,
    /// Account, date, verdict, calls.
    rows: &'static [(&'static str, &'static str, &'static str, u64)],
}

const BEFORE_YESTERDAY: &str = "2026-11-20";
const TOMORROW: &str = "2026-11-23";

/// The calls that finish a walk of so many pages: the page that is read again, the rest, the end.
const fn rest(pages: u64) -> u64 {
    1 + PAGES - pages + 1
}

const fn case(pages: u64, api: Api, arguments: &'static [&'static str]) -> Case {
    Case { pages, has_shop: false, api, arguments, exit: 0, rows: &[] }
}

const fn brand_and_shop(pages: u64, api: Api) -> Case {
    Case { has_shop: true, ..case(pages, api, &[]) }
}

const BOTH: [(&str, &str, &str, u64); 2] =
    [("brand", YESTERDAY, "published", rest(3)), ("brand", TODAY, "published", CALLS)];
const ONLY_TODAY: [(&str, &str, &str, u64); 1] = [("brand", TODAY, "published", CALLS)];

const TABLE: &[Case] = &[
    Case { rows: &ONLY_TODAY, ..case(0, Api::Up, &[]) },
    Case {
        rows: &[("brand", YESTERDAY, "published", rest(1)), ("brand", TODAY, "published", CALLS)],
        ..case(1, Api::Up, &[])
    },
    Case { rows: &BOTH, ..case(3, Api::Up, &[]) },
    Case {
        rows: &[("brand", YESTERDAY, "published", rest(PAGES)), ("brand", TODAY, "published", CALLS)],
        ..case(PAGES, Api::Up, &[])
    },
    Case { exit: 75, rows: &[("brand", TODAY, "failed", 1)], ..case(0, Api::Down, &[]) },
    Case {
        exit: 75,
        rows: &[("brand", YESTERDAY, "failed", 1), ("brand", TODAY, "failed", 1)],
        ..case(3, Api::Down, &[])
    },
    // The page that is read again, and the one that fails. Today's list does not wait for it.
    Case {
        exit: 1,
        rows: &[("brand", YESTERDAY, "failed", 2), ("brand", TODAY, "published", CALLS)],
        ..case(3, Api::FailsOnceAt(4), &[])
    },
    Case { rows: &BOTH, ..case(3, Api::Quota(rest(3) + CALLS), &[]) },
    Case {
        exit: 75,
        rows: &[("brand", YESTERDAY, "published", rest(3)), ("brand", TODAY, "failed", 0)],
        ..case(3, Api::Quota(rest(3) + CALLS - 1), &[])
    },
    Case {
        exit: 75,
        rows: &[("brand", YESTERDAY, "failed", rest(3)), ("brand", TODAY, "failed", 0)],
        ..case(3, Api::Quota(rest(3) - 1), &[])
    },
    Case { rows: &ONLY_TODAY, ..case(3, Api::Up, &["--date", TODAY]) },
    Case { rows: &[("brand", YESTERDAY, "published", rest(3))], ..case(3, Api::Up, &["--date", YESTERDAY]) },
    Case { rows: &[("brand", YESTERDAY, "published", CALLS)], ..case(0, Api::Up, &["--date", YESTERDAY]) },
    Case {
        exit: 1,
        rows: &[("brand", BEFORE_YESTERDAY, "failed", 0)],
        ..case(3, Api::Up, &["--date", BEFORE_YESTERDAY])
    },
    Case { exit: 2, ..case(3, Api::Up, &["--date", TOMORROW]) },
    Case { exit: 2, ..case(0, Api::Up, &["--date", TOMORROW]) },
    Case { rows: &ONLY_TODAY, ..case(3, Api::Up, &["--fresh"]) },
    Case {
        rows: &[("brand", TODAY, "published", CALLS), ("shop", TODAY, "published", CALLS)],
        ..brand_and_shop(0, Api::Up)
    },
    Case { rows: &[BOTH[0], BOTH[1], ("shop", TODAY, "published", CALLS)], ..brand_and_shop(3, Api::Up) },
    Case {
        exit: 75,
        rows: &[
            ("brand", YESTERDAY, "published", rest(3)),
            ("brand", TODAY, "failed", 0),
            ("shop", TODAY, "published", CALLS),
        ],
        ..brand_and_shop(3, Api::Quota(rest(3) + CALLS - 1))
    },
];

impl Case {
    /// Makes the project, and runs it on the evening of [`YESTERDAY`].
    fn evening(&self) -> Project {
        let mut simulator = Simulator::builder().followers(FOLLOWERS).page_size(PAGE_SIZE);
        if let Api::Quota(calls) = self.api {
            simulator = simulator.quota(calls);
        }
        let keys = "source.retry = { attempts = 1 }";
        let mut project = Project::builder().keys(keys).account("brand", "wxbrand");
        if self.has_shop {
            project = project.account("shop", "wxshop");
        }
        let sink = "[sinks.lines]\ntype = 'ndjson'\ncolumns = ['openid', 'fetched_at']\noptions = { root = 'out' }";
        let project = project.sinks(sink).simulator(simulator).clock_at(evening()).build();
        stop_at(&project, self.pages + 1, Some("wxbrand"));
        let ended = project.run(&["--json"]);
        assert_ne!(ended.code, Some(0), "{ended:?}");
        let walks = project.path("state/wxbrand/followers");
        let walks = std::fs::read_dir(walks).unwrap().count();
        assert_eq!(walks, usize::from(self.pages > 0), "a walk without a reply does not exist");
        project.api().clear_faults();
        project
    }

    fn check(&self) {
        let project = self.evening();
        let before = published(&project);
        project.clock.set(morning());
        match self.api {
            Api::Down => project.api().add_fault(Fault::new(Endpoint::UserGet, When::Always, Effect::status(503))),
            Api::FailsOnceAt(page) => {
                let fault = Fault::new(Endpoint::UserGet, When::Page(page), Effect::errcode(48001));
                project.api().add_fault(fault.account("wxbrand").times(1));
            }
            Api::Up | Api::Quota(_) => {}
        }
        let calls = project.calls();
        let ended = project.run(&[&["--json"], self.arguments].concat());
        let who = format!("{} pages, {:?}, {:?}, shop: {}", self.pages, self.api, self.arguments, self.has_shop);
        assert_eq!(ended.code, Some(self.exit), "{who}: {ended:?}");
        let found = if self.exit == 2 { Vec::new() } else { rows(&ended) };
        let expected: Rows = self.rows.iter().map(|&(a, d, v, c)| (a.into(), d.into(), v.into(), c)).collect();
        assert_eq!(found, expected, "{who}: {}", ended.stderr);
        assert_eq!(project.calls() - calls, found.iter().map(|row| row.3).sum::<u64>(), "{who}");

        // What lies in the output is what the rows say, and each list began on its own day.
        let mut dates: Vec<_> = before.into_keys().collect();
        let published_now = found.iter().filter(|row| row.2 == "published");
        dates.extend(published_now.map(|(account, date, ..)| (date.clone(), account.clone())));
        dates.sort();
        let lies = published(&project);
        assert_eq!(lies.keys().cloned().collect::<Vec<_>>(), dates, "{who}");
        let is_labelled = self.arguments == ["--date", YESTERDAY] && self.pages == 0;
        for ((date, account), days) in &lies {
            let begun = if is_labelled { TODAY } else { date.as_str() };
            assert_eq!(days[0], begun, "{who}: the list of {account} under {date} was read on {days:?}");
        }
        let shown: Vec<String> = found.iter().map(|(a, d, v, c)| format!("{a} {} {v} {c}", &d[5..])).collect();
        let lies: Vec<String> = lies.keys().map(|(date, account)| format!("{account} {}", &date[5..])).collect();
        say(&format!("midnight: {who} → exit {}; {}; out: {}", self.exit, shown.join(", "), lies.join(", ")));
    }
}

#[test]
fn every_list_is_published_under_the_day_of_its_first_reply() {
    for case in TABLE {
        case.check();
    }
}

#[test]
fn what_is_refused_says_why_and_what_to_do() {
    let case = case(3, Api::Quota(rest(3) + CALLS - 1), &[]);
    let project = case.evening();
    project.clock.set(morning());
    let future = project.run(&["--date", TOMORROW]);
    assert!(future.stderr.contains("`--date 2026-11-23` is in the future: in Beijing it is 2026-11-22"), "{future:?}");
    let past = project.run(&["--date", BEFORE_YESTERDAY]);
    assert!(past.stderr.contains("no walk of 2026-11-20 can be finished, and none can begin"), "{past:?}");
    let second = project.run(&[]);
    let words = "today's list is not begun: the account has 5 calls left today, and the list takes about 6";
    assert!(second.stderr.contains(words), "{second:?}");
    assert!(second.stderr.contains("`--date 2026-11-22` begins it today all the same"), "{second:?}");
    for said in [
        "brand: the walk of 2026-11-21 went on from page 4 of 5",
        "1 account, 2 lists: 1 published, 1 failed",
        "published in this run, by date: 2026-11-21 (1)",
    ] {
        assert!(second.stdout.contains(said), "{second:?}");
    }
    assert!(second.stderr.contains("the walk of 2026-11-21 goes on from page 4 of about 5"), "{second:?}");
}
