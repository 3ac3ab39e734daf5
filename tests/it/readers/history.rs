//! Ten nights of three accounts: the deltas of each night, and the table of who follows that they
//! lead to.
//!
//! Before it: a test of a statement of `examples/changes`. Behind it: a sink writes the deltas, and
//! the test compares what the statement has made of them with the truth.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use fanout::rows::{ChangeRow, ChangeRows, DEFAULT_CHANGE_COLUMNS, change_schema};
use fanout::wechat::Profile;
use fanout_sink::chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use fanout_sink::{Batch, ConfiguredSink, SinkContext, Snapshot, WalkId};
use serde_json::{Map, Value, json};

/// How many nights there are, the first one included.
pub(crate) const NIGHTS: usize = 10;

/// An account: its nights, and the lives of its people.
struct Account {
    name: &'static str,
    app_id: &'static str,
    /// The minutes after half past two, in Beijing, at which its walks begin.
    minute: i64,
    /// A letter a night: `B` a baseline, `D` a delta, `.` neither.
    nights: &'static str,
    /// The number of a walk of these nights, less the night.
    first_number: fn(usize) -> u64,
    /// For each person what a night tells of them:
    /// `B` in the baseline, `F` followed, `f` followed (without an answer of WeChat), `U`
    /// unfollowed, `R` refollowed, `A` reappeared, `x` not in the baseline although they have
    /// followed before, `.` nothing.
    lives: &'static [&'static str],
}

const ACCOUNTS: [Account; 3] = [
    // Its table begins with a delta, and a night is missed.
    Account {
        name: "brand",
        app_id: "wx0000000000000001",
        minute: 0,
        nights: ".DDD.DDDDD",
        first_number: |_| 1,
        lives: &[
            ".F........",
            ".FU.......",
            ".f.U......",
            "..F..U.F..",
            "...U......",
            "..U..F.U..",
            "...R.....U",
            ".A.U.A....",
            ".FU..FU.FU",
            ".F.R.RU..A",
            ".UFU.F....",
            ".......f.U",
            "..f..U.A..",
            ".........F",
            ".........U",
        ],
    },
    // Its table begins with a baseline.
    Account {
        name: "shop",
        app_id: "wx0000000000000002",
        minute: 7,
        nights: "BDDDDDDDDD",
        first_number: |_| 41,
        lives: &[
            "B.........",
            "B..U......",
            "B..U..F...",
            "B..U..f..U",
            "B..R......",
            ".F........",
            ".F.U......",
            "BURAUFRUfU",
            "BR.......U",
            "B.U.A.....",
            "...F.U.A.U",
            "B........U",
            ".........A",
            ".fUfUfUfUf",
            "B...U.F.R.",
        ],
    },
    // Its state is lost after the fifth night, and another baseline begins it anew.
    Account {
        name: "店 3",
        app_id: "wx0000000000000003",
        minute: 59,
        nights: "BDDDD.BDDD",
        first_number: |night| if night < 6 { 7 } else { 1 },
        lives: &[
            "B.....B...",
            "B.....x...",
            "B..U......",
            "B..U..B...",
            ".F....x...",
            ".F....x..F",
            "B.R...B..U",
            ".F....B...",
            "......B...",
            "......B.U.",
            "..F.U..F..",
            "B.....x.A.",
            "..f...x..f",
            "..f...B...",
            "B...R.x...",
            ".F..U.B.U.",
        ],
    },
];

/// The changes of a night in an account.
#[derive(Debug)]
pub(crate) struct Delta {
    name: &'static str,
    app_id: &'static str,
    /// The date of the list.
    pub(crate) date: NaiveDate,
    /// The walk of `changes`.
    walk: WalkId,
    from: Option<WalkId>,
    to: WalkId,
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    openid: String,
    change: &'static str,
    not_before: Option<DateTime<Utc>>,
    not_after: DateTime<Utc>,
    is_verified: bool,
    profile: Option<Profile<'static>>,
    fetched_at: DateTime<Utc>,
}

/// The table, by account and person. Times are microseconds since 1970.
pub(crate) type Table = BTreeMap<(String, String), Value>;

/// Returns the date of a night.
pub(crate) fn date(night: usize) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 11, 25).unwrap() + TimeDelta::days(night as i64)
}

impl Account {
    /// Returns when the walk of a night began.
    fn begun_at(&self, night: usize) -> DateTime<Utc> {
        let half_past_two = date(night).and_hms_micro_opt(2, 30, 0, 123_456).unwrap().and_utc();
        half_past_two - TimeDelta::hours(8) + TimeDelta::minutes(self.minute)
    }

    fn walk(&self, night: usize) -> WalkId {
        WalkId::new((self.first_number)(night) + night as u64, self.begun_at(night))
    }

    /// Returns the walk of `changes` that begins some hours after the walk of a night.
    fn walk_of_changes(&self, night: usize, hours: i64) -> WalkId {
        WalkId::new(self.walk(night).number() + hours as u64, self.begun_at(night) + TimeDelta::hours(hours))
    }

    /// Returns when the last reply of the walk of a night arrived.
    fn read_at(&self, night: usize) -> DateTime<Utc> {
        self.begun_at(night) + TimeDelta::seconds(95)
    }

    /// Returns the night before this one that has a walk.
    fn night_before(&self, night: usize) -> usize {
        (0..night).rev().find(|&night| night == 0 || &self.nights[night..=night] != ".").unwrap()
    }

    fn openid(&self, person: usize) -> String {
        format!("o{}-{person:024}", self.minute % 10)
    }

    /// Returns the time of a follow that a night tells of.
    fn followed_at(&self, night: usize, person: usize, code: u8) -> DateTime<Utc> {
        let later = TimeDelta::seconds(1 + person as i64);
        let begun_at = self.begun_at(self.night_before(night));
        if code == b'A' { begun_at - later } else { begun_at + later }
    }

    fn unionid(person: usize) -> Option<String> {
        (!person.is_multiple_of(3)).then(|| format!("u-{person:026}"))
    }

    fn scene(night: usize) -> &'static str {
        ["ADD_SCENE_SEARCH", "ADD_SCENE_QR_CODE", "ADD_SCENE_WXA"][night % 3]
    }

    /// Returns what a night tells of a person, as a letter of their life.
    fn code(&self, night: usize, person: usize) -> u8 {
        let (night_code, code) = (self.nights.as_bytes()[night], self.lives[person].as_bytes()[night]);
        let possible: &[u8] = match night_code {
            b'B' => b".Bx",
            b'D' => b".FfURA",
            _ => b".",
        };
        assert!(possible.contains(&code), "night {night} of {}", self.lives[person]);
        code
    }

    /// Returns what a night tells of a person.
    fn row(&self, night: usize, person: usize) -> Option<Row> {
        let code = self.code(night, person);
        let change = match code {
            b'B' => "baseline",
            b'F' | b'f' => "followed",
            b'U' => "unfollowed",
            b'R' => "refollowed",
            b'A' => "reappeared",
            _ => return None,
        };
        let time = matches!(code, b'F' | b'A' | b'R').then(|| self.followed_at(night, person, code));
        let profile = time.map(|time| Profile {
            unionid: Self::unionid(person).map(Into::into),
            subscribe_time: Some(time.timestamp()),
            subscribe_scene: Some(Self::scene(night).into()),
            ..Profile::default()
        });
        let to_the_second = time.map(|time| DateTime::from_timestamp(time.timestamp(), 0).unwrap());
        let is_exact = code == b'F';
        Some(Row {
            openid: self.openid(person),
            change,
            not_before: match code {
                b'B' => None,
                _ if is_exact => to_the_second,
                _ => Some(self.begun_at(self.night_before(night))),
            },
            not_after: to_the_second.filter(|_| is_exact).unwrap_or_else(|| self.read_at(night)),
            is_verified: !matches!(code, b'B' | b'f'),
            profile,
            fetched_at: self.fetched_at(night, code),
        })
    }

    /// Returns when the reply was fetched that a row is from: of the list, or of the question.
    fn fetched_at(&self, night: usize, code: u8) -> DateTime<Utc> {
        self.read_at(night) + TimeDelta::seconds(if matches!(code, b'B' | b'f') { 0 } else { 60 })
    }
}

/// Returns the deltas of a night, one for each account that has one.
pub(crate) fn deltas(night: usize) -> Vec<Delta> {
    let of = |account: &Account| {
        let code = account.nights.as_bytes()[night];
        let rows = (0..account.lives.len()).filter_map(|person| account.row(night, person)).collect();
        (code != b'.').then(|| Delta {
            name: account.name,
            app_id: account.app_id,
            date: date(night),
            walk: account.walk_of_changes(night, 1),
            from: (code == b'D').then(|| account.walk(account.night_before(night))),
            to: account.walk(night),
            rows,
        })
    };
    ACCOUNTS.iter().filter_map(of).collect()
}

/// Returns a baseline of the first account at the walk at which its last delta ends, as a sink
/// receives it that wants one later, and the table that it leads to.
pub(crate) fn late_baseline() -> (Delta, Table) {
    let (account, night) = (&ACCOUNTS[0], NIGHTS - 1);
    let is_its = |row: &&mut Value| row["app_id"] == account.app_id && row["is_following"] == true;
    let mut table = truth(night);
    let row = |row: &mut Value| {
        let read_at = account.read_at(night).timestamp_micros();
        row["to_walk"] = account.walk(night).to_string().into();
        row["first_seen"] = row["first_seen"].as_i64().map_or(read_at, |seen| seen.min(read_at)).into();
        Row {
            openid: row["openid"].as_str().unwrap().to_owned(),
            change: "baseline",
            not_before: None,
            not_after: account.read_at(night),
            is_verified: false,
            profile: None,
            fetched_at: account.read_at(night),
        }
    };
    let rows = table.values_mut().filter(is_its).map(row).collect();
    let (name, app_id) = (account.name, account.app_id);
    let (date, walk, to) = (date(night), account.walk_of_changes(night, 2), account.walk(night));
    (Delta { name, app_id, date, walk, from: None, to, rows }, table)
}

/// Returns the table after a night.
pub(crate) fn truth(night: usize) -> Table {
    let mut table = Table::new();
    for account in &ACCOUNTS {
        for (person, life) in account.lives.iter().enumerate() {
            assert_eq!(life.len(), NIGHTS);
            if let Some(row) = truth_of(account, person, &life.as_bytes()[..=night]) {
                table.insert((account.app_id.to_owned(), account.openid(person)), row);
            }
        }
    }
    table
}

/// Returns the row of a person whose life so far is this; `None` if nothing has been told of them.
fn truth_of(account: &Account, person: usize, life: &[u8]) -> Option<Value> {
    let told = || life.iter().copied().enumerate().filter(|(_, code)| *code != b'.');
    let micros = |time: Option<DateTime<Utc>>| time.map(|time| time.timestamp_micros());
    let exact =
        |(night, code)| micros(Some(account.followed_at(night, person, code))).map(|time| time / 1_000_000 * 1_000_000);
    let (last_night, last) = told().next_back()?;
    let first_seen = told().find(|(_, code)| !matches!(code, b'U' | b'x'));
    // A baseline tells nothing of a follow that is known already.
    let mut follow: Option<(usize, u8)> = None;
    let mut is_following = false;
    for (night, code) in told() {
        match code {
            b'B' if !is_following => follow = None,
            b'F' | b'A' | b'R' => follow = Some((night, code)),
            b'f' => follow = None,
            _ => {}
        }
        is_following = !matches!(code, b'U' | b'x');
    }
    let leave = told().rfind(|(_, code)| matches!(code, b'U' | b'x' | b'R')).map(|(night, code)| {
        // From the walk before, or from the last one that told of the person. A name has no
        // fractions of a second.
        let before = match code {
            b'x' => account.walk(told().take_while(|told| told.0 < night).last().unwrap().0).begun_at(),
            _ => account.begun_at(account.night_before(night)),
        };
        let after = if code == b'R' { exact((night, code)) } else { micros(Some(account.read_at(night))) };
        (micros(Some(before)), after)
    });
    let has_answer = told().any(|(_, code)| matches!(code, b'F' | b'A' | b'R'));
    Some(json!({
        "app_id": account.app_id,
        "openid": account.openid(person),
        "is_following": !matches!(last, b'U' | b'x'),
        "first_seen": micros(first_seen.map(|(night, code)| account.fetched_at(night, code))),
        "followed_at": follow.and_then(exact),
        "unfollowed_not_before": leave.and_then(|leave| leave.0),
        "unfollowed_not_after": leave.and_then(|leave| leave.1),
        "unionid": Account::unionid(person).filter(|_| has_answer),
        "subscribe_scene": follow.map(|(night, _)| Account::scene(night)),
        "to_walk": account.walk(last_night).to_string(),
    }))
}

/// Returns a table without what an older delta would have told before a newer one: the time and
/// scene of a follow that has ended, the bounds of a leave that has been followed by a return.
pub(crate) fn newest(table: &Table) -> Table {
    let of = |row: &Value| {
        let mut row = row.clone();
        let outdated = if row["is_following"] == true {
            ["unfollowed_not_before", "unfollowed_not_after", "unionid"]
        } else {
            ["followed_at", "subscribe_scene", "unionid"]
        };
        for column in outdated {
            row[column] = Value::Null;
        }
        row
    };
    table.iter().map(|(key, row)| (key.clone(), of(row))).collect()
}

/// Asserts that a table is as expected, and names the rows that are not.
pub(crate) fn assert_same(table: &Table, expected: &Table, what: &str) {
    let keys: BTreeSet<_> = table.keys().chain(expected.keys()).collect();
    let other = keys.into_iter().filter(|key| table.get(*key) != expected.get(*key));
    let other: Vec<String> = other
        .map(|key| {
            format!("is {:?}\nnot {:?}", table.get(key).map(Value::to_string), expected.get(key).map(Value::to_string))
        })
        .collect();
    assert!(other.is_empty(), "{what}:\n{}", other.join("\n"));
}

/// Returns the table of rows that a statement has left, one JSON object each.
pub(crate) fn table<'a>(rows: impl Iterator<Item = &'a str>) -> Table {
    let row = |line| serde_json::from_str::<Value>(line).unwrap_or_else(|error| panic!("{line}: {error}"));
    let key = |row: &Value| ["app_id", "openid"].map(|column| row[column].as_str().unwrap().to_owned()).into();
    rows.map(row).map(|row| (key(&row), row)).collect()
}

/// Publishes a delta in a sink, as a run does.
pub(crate) async fn deliver(sink: &ConfiguredSink, delta: &Delta, directory: &Path) {
    let columns: Vec<usize> = (0..DEFAULT_CHANGE_COLUMNS).collect();
    let schema = change_schema().project(&columns).unwrap();
    let context = SinkContext::new(delta.name, delta.app_id, schema.into())
        .with_names("changes", "changes")
        .with_list("changes")
        .with_walk(delta.walk, delta.date)
        .with_directory(directory);
    let mut rows = ChangeRows::new(delta.app_id, delta.name, delta.from, delta.to);
    for row in &delta.rows {
        let Row { openid, change, not_before, not_after, is_verified, profile, fetched_at } = row;
        let (not_before, not_after, fetched_at) = (*not_before, *not_after, *fetched_at);
        let (is_verified, profile) = (*is_verified, profile.as_ref());
        rows.push(&ChangeRow { openid, change, not_before, not_after, is_verified, profile, fetched_at });
    }
    let count = rows.len() as u64;
    sink.check(&context).await.unwrap();
    let mut open = sink.open(context.clone()).await.unwrap();
    if !rows.is_empty() {
        open.write(&Batch::new(0, rows.finish().project(&columns).unwrap())).await.unwrap();
    }
    let snapshot = Snapshot {
        walk: delta.walk,
        date: delta.date,
        begun_at: delta.walk.begun_at(),
        rows: count,
        first_fetched_at: None,
        last_fetched_at: None,
        digest: String::new(),
        proof: Map::new(),
    };
    open.prepare(&snapshot).await.unwrap();
    assert_eq!(open.commit().await.unwrap().rows, count);
}
