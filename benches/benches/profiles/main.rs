//! How fast a reply of `user/info/batchget` becomes profiles: fanout's reader, with and without the
//! Arrow rows, and serde. Method and reading: `benches/README.md`.
//!
//! ```text
//! cargo bench --package fanout-benches --bench profiles [-- FILTER]
//! ```
//!
//! Before the clock starts, each contestant reads each kind of reply once, and must find the same
//! profiles.

mod contestants;

use std::hint::black_box;
use std::time::Duration;

use contestants::contestants;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fanout::simulator::Followers;
use serde::{Deserialize, Serialize};

/// The most rows of a reply of WeChat.
const ROWS: u64 = 100;

/// What operators note on people.
const REMARKS: [&str; 5] = ["", "重要客户，十二月回访", "广州门店 王女士", "", "已购买「冬季礼盒」两次，喜欢红色 😀"];

const SCENES: [&str; 4] =
    ["ADD_SCENE_QR_CODE", "ADD_SCENE_SEARCH", "ADD_SCENE_PROFILE_CARD", "ADD_SCENE_WECHAT_ADVERTISEMENT"];

criterion_group!(benches, usual, escaped, spaced);
criterion_main!(benches);

/// As WeChat sends it.
fn usual(criterion: &mut Criterion) {
    compare(criterion, "profiles", &serde_json::to_string(&reply()).expect(WRITTEN));
}

/// Every character beyond ASCII as an escape.
fn escaped(criterion: &mut Criterion) {
    let written = serde_json::to_string(&reply()).expect(WRITTEN);
    let mut body = String::new();
    for character in written.chars() {
        if character.is_ascii() {
            body.push(character);
        } else {
            let mut units = [0; 2];
            body.extend(character.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
        }
    }
    compare(criterion, "escaped profiles", &body);
}

/// With white space, and the keys in another order.
fn spaced(criterion: &mut Criterion) {
    let body = serde_json::to_value(reply()).and_then(|reply| serde_json::to_string_pretty(&reply));
    compare(criterion, "pretty profiles", &body.expect(WRITTEN));
}

const WRITTEN: &str = "strings and numbers can be written";

fn compare(criterion: &mut Criterion, name: &str, body: &str) {
    let expected = reply();
    let mut contestants = contestants();
    for contestant in &mut contestants {
        assert!(contestant.agrees(body.as_bytes(), &expected), "`{}` reads other profiles", contestant.name());
    }
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::ElementsAndBytes { elements: ROWS, bytes: body.len() as u64 });
    group.sample_size(20).warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(4));
    for contestant in &mut contestants {
        group.bench_function(contestant.name(), |bencher| {
            bencher.iter(|| contestant.run(black_box(body.as_bytes())));
        });
    }
    group.finish();
}

/// The reply, as a program declares it for serde.
#[derive(Serialize, Deserialize)]
struct Reply {
    user_info_list: Vec<Row>,
}

#[derive(Serialize, Deserialize)]
struct Row {
    subscribe: u8,
    openid: String,
    nickname: String,
    sex: i32,
    language: String,
    city: String,
    province: String,
    country: String,
    headimgurl: String,
    subscribe_time: i64,
    unionid: String,
    remark: String,
    groupid: i32,
    tagid_list: Vec<i32>,
    subscribe_scene: String,
    qr_scene: i64,
    qr_scene_str: String,
}

fn reply() -> Reply {
    let openids = Followers::new(1, "wx0000000000000000", ROWS);
    let unionids = Followers::new(2, "wx0000000000000001", ROWS);
    let rows = openids.range(0..ROWS).zip(unionids.range(0..ROWS)).enumerate();
    let rows = rows.map(|(number, (openid, unionid))| Row {
        subscribe: 1,
        openid,
        nickname: String::new(),
        sex: 0,
        language: "zh_CN".to_owned(),
        city: String::new(),
        province: String::new(),
        country: String::new(),
        headimgurl: String::new(),
        subscribe_time: 1_705_999_105 + 977 * number as i64,
        unionid,
        remark: REMARKS[number % REMARKS.len()].to_owned(),
        groupid: 0,
        tagid_list: if number % 3 == 0 { vec![2, 128 + number as i32] } else { Vec::new() },
        subscribe_scene: SCENES[number % SCENES.len()].to_owned(),
        qr_scene: 0,
        qr_scene_str: if number % 4 == 0 { format!("{}", 1_705_999_105 + number) } else { String::new() },
    });
    Reply { user_info_list: rows.collect() }
}
