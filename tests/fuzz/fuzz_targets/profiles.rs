//! No reply makes the reader of profiles panic. What it reads strictly is JSON and says what
//! `serde_json` says, and a row alone says what it says among others.

#![no_main]

use fanout::wechat::{Profile, ProfileReply, read_profile, read_profiles};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use serde_json::value::RawValue;

fuzz_target!(|body: &[u8]| {
    for reply in [read_profiles(body), read_profile(body)].into_iter().flatten() {
        check(body, &reply);
    }
});

fn check(body: &[u8], reply: &ProfileReply<'_>) {
    // These two mean something in a row that is the reply.
    let has_errcode = ["errcode", "errmsg"].iter().any(|key| reply.unknown.contains_key(*key));
    if reply.replaced == 0 && !has_errcode {
        for row in &reply.rows {
            let alone = read_profile(row.raw.as_bytes()).expect("a row that was read among others");
            assert!(alone.rows[0] == *row);
        }
    }
    if reply.lenient == 0 && reply.replaced == 0 {
        serde_json::from_slice::<&RawValue>(body).expect("what is read strictly is JSON");
        reply.rows.iter().for_each(compare);
    }
}

/// Compares a row that was read strictly with what `serde_json` makes of it.
fn compare(row: &Profile<'_>) {
    // Fails where the value of an unknown key is a number that no float holds, or half a surrogate
    // pair.
    let Ok(value) = serde_json::from_str::<Value>(&row.raw) else { return };
    let texts = [
        ("unionid", &row.unionid),
        ("subscribe_scene", &row.subscribe_scene),
        ("qr_scene_str", &row.qr_scene_str),
        ("remark", &row.remark),
        ("language", &row.language),
        ("nickname", &row.nickname),
        ("headimgurl", &row.headimgurl),
        ("city", &row.city),
        ("province", &row.province),
        ("country", &row.country),
    ];
    let text = |key: &str| value.get(key).and_then(Value::as_str);
    for (key, read) in texts {
        let expected = text(key).filter(|text| key != "unionid" || !text.is_empty());
        assert_eq!(read.as_deref(), expected, "{key}");
    }
    assert_eq!(row.openid, text("openid").unwrap_or_default());
    let numbers = [
        ("subscribe", row.subscribe.map(i64::from)),
        ("subscribe_time", row.subscribe_time),
        ("qr_scene", row.qr_scene),
        ("groupid", row.groupid.map(i64::from)),
        ("sex", row.sex.map(i64::from)),
    ];
    for (key, read) in numbers {
        assert_eq!(read, value.get(key).and_then(Value::as_i64), "{key}");
    }
    let tags = value.get("tagid_list").and_then(Value::as_array);
    let tags = tags.map(|tags| tags.iter().map(|tag| tag.as_i64().expect("an integer")).collect::<Vec<_>>());
    assert_eq!(row.tagid_list.as_ref().map(|tags| tags.iter().map(|tag| i64::from(*tag)).collect()), tags);
}
