//! The reader against serde: what serde takes is read strictly with the same result, and what is
//! read strictly serde takes. The lenient reader against the strict one, and against the text that
//! was meant.

use std::borrow::Cow;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::*;

/// The envelope, as a program declares it for serde.
#[derive(Deserialize)]
struct TwinReply<'a> {
    #[serde(borrow, default)]
    user_info_list: Option<Vec<&'a RawValue>>,
}

/// A row, likewise.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Twin<'a> {
    subscribe: Option<u8>,
    openid: Option<Cow<'a, str>>,
    nickname: Option<Cow<'a, str>>,
    sex: Option<i32>,
    language: Option<Cow<'a, str>>,
    city: Option<Cow<'a, str>>,
    province: Option<Cow<'a, str>>,
    country: Option<Cow<'a, str>>,
    headimgurl: Option<Cow<'a, str>>,
    subscribe_time: Option<u64>,
    unionid: Option<Cow<'a, str>>,
    remark: Option<Cow<'a, str>>,
    groupid: Option<i32>,
    tagid_list: Option<Vec<i32>>,
    subscribe_scene: Option<Cow<'a, str>>,
    qr_scene: Option<i64>,
    qr_scene_str: Option<Cow<'a, str>>,
}

/// Reads a reply with serde. Serde also takes arrays for structs, which are no rows.
fn twin(body: &[u8]) -> Option<Vec<Profile<'_>>> {
    let is_object = |json: &str| json.trim_start().starts_with('{');
    let text = str::from_utf8(body).ok().filter(|text| is_object(text))?;
    let reply: TwinReply<'_> = serde_json::from_str(text).ok()?;
    let rows = reply.user_info_list.unwrap_or_default();
    rows.into_iter().map(|row| is_object(row.get()).then(|| twin_row(row.get()))?).collect()
}

fn twin_row(raw: &str) -> Option<Profile<'_>> {
    let twin: Twin<'_> = serde_json::from_str(raw).ok()?;
    let subscribe = match twin.subscribe {
        None => None,
        Some(0) => Some(false),
        Some(1) => Some(true),
        Some(_) => return None,
    };
    if twin.subscribe_time.is_some_and(|seconds| seconds > 253_402_300_799) {
        return None;
    }
    Some(Profile {
        openid: twin.openid.unwrap_or_default(),
        subscribe,
        unionid: twin.unionid.filter(|unionid| !unionid.is_empty()),
        subscribe_time: twin.subscribe_time.map(|seconds| seconds as i64),
        subscribe_scene: twin.subscribe_scene,
        qr_scene: twin.qr_scene,
        qr_scene_str: twin.qr_scene_str,
        remark: twin.remark,
        tagid_list: twin.tagid_list,
        groupid: twin.groupid,
        language: twin.language,
        nickname: twin.nickname,
        headimgurl: twin.headimgurl,
        sex: twin.sex,
        city: twin.city,
        province: twin.province,
        country: twin.country,
        raw: raw.into(),
    })
}

/// Reads a reply, and holds the result against serde's.
fn check(body: &[u8]) -> Option<ProfileReply<'_>> {
    let read = read_profiles(body);
    let shown = || String::from_utf8_lossy(body);
    let has_errcode = shown().contains("err") || shown().contains("\\u0065rr");
    match (twin(body), &read) {
        (Some(rows), Ok(reply)) => {
            assert_eq!(without_debug(&reply.rows), without_debug(&rows), "{}", shown());
            assert_eq!((reply.lenient, reply.replaced), (0, 0), "{}", shown());
        }
        (Some(_), Err(error)) => assert!(has_errcode, "serde reads {}: {error}", shown()),
        (None, Ok(reply)) => assert!(reply.lenient > 0 || reply.replaced > 0, "serde refuses {}", shown()),
        (None, Err(_)) => {}
    }
    read.ok()
}

/// The rows with their fields, which their own `Debug` does not show.
fn without_debug(rows: &[Profile<'_>]) -> Vec<String> {
    let text = |text: &Option<Cow<'_, str>>| format!("{text:?}");
    let fields = |row: &Profile<'_>| {
        [
            format!("{:?} {:?} {:?}", row.openid, row.subscribe, row.raw),
            format!("{:?} {:?} {:?}", row.subscribe_time, row.qr_scene, row.groupid),
            format!("{:?} {:?}", row.tagid_list, row.sex),
            [&row.unionid, &row.subscribe_scene, &row.qr_scene_str, &row.remark, &row.language].map(text).concat(),
            [&row.nickname, &row.headimgurl, &row.city, &row.province, &row.country].map(text).concat(),
        ]
        .join(" ")
    };
    rows.iter().map(fields).collect()
}

const TEXTS: [&str; 10] = [
    "nickname",
    "language",
    "city",
    "province",
    "country",
    "headimgurl",
    "unionid",
    "remark",
    "subscribe_scene",
    "qr_scene_str",
];

/// The inside of a JSON string.
fn inside() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[A-Za-z0-9_-]{0,30}",
        3 => "[ -!#-\\[\\]-~é粉丝😀]{0,20}",
        1 => r#"[a-z]{0,9}(\\u00[eE]9|\\uD83d\\udE00|\\[nrtbf/"\\]|\\u7c89|é|粉|😀){1,3}[a-z]{0,20}"#,
    ]
}

/// The same, with what only the lenient reader takes.
fn odd_inside() -> impl Strategy<Value = String> {
    r"[a-z]{0,9}(\\u[dD][8-9a-fA-F][0-9a-f]{2}|\\u[+0-9a-g]{0,4}|\\.|[\x00-\x1f]|.){1,3}[a-z]{0,9}"
}

fn integer() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => (0_u32..200).prop_map(|number| number.to_string()),
        2 => any::<u32>().prop_map(|number| number.to_string()),
        1 => any::<i64>().prop_map(|number| number.to_string()),
        1 => select(vec!["-0", "0", "-1", "null", "1.0", "1e3", "012", "99999999999999999999", "true", "\"7\"", "\"\""])
            .prop_map(str::to_owned),
    ]
}

/// Any value that a new key may have.
fn value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        integer(),
        inside().prop_map(|text| format!("\"{text}\"")),
        select(vec!["false", "-1.5e-3", "0.0", "1E+2"]).prop_map(str::to_owned),
    ];
    leaf.prop_recursive(3, 12, 4, |value| {
        prop_oneof![
            vec(value.clone(), 0..4).prop_map(|values| format!("[{}]", values.join(","))),
            vec((inside(), value), 0..4).prop_map(|fields| {
                let fields: Vec<String> = fields.iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
                format!("{{{}}}", fields.join(" ,"))
            }),
        ]
    })
}

/// A field with its key. Most of them are what WeChat sends.
fn field() -> impl Strategy<Value = String> {
    let numbers = select(vec!["subscribe", "sex", "groupid", "qr_scene", "subscribe_time"]);
    prop_oneof![
        4 => (select(TEXTS.to_vec()), inside()).prop_map(|(key, text)| format!("\"{key}\":\"{text}\"")),
        3 => (numbers, integer()).prop_map(|(key, number)| format!("\"{key}\":{number}")),
        1 => vec(integer(), 0..4).prop_map(|tags| format!("\"tagid_list\":[{}]", tags.join(","))),
        1 => (select(TEXTS.to_vec()), odd_inside()).prop_map(|(key, text)| format!("\"{key}\":\"{text}\"")),
        1 => (select(vec!["new", "openid", "op\\u0065nid", "remark", "tagid_list", "errcodes"]), value())
            .prop_map(|(key, value)| format!("\"{key}\":{value}")),
        1 => select(TEXTS.to_vec()).prop_map(|key| format!("\"{key}\" : null ")),
    ]
}

/// Fields that are the same in most rows of a reply, or nearly.
fn repeated() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        6 => Just(r#""nickname":"","sex":0,"language":"zh_CN","city":"","province":"","country":"","headimgurl":"""#),
        3 => select(vec![
            r#""nickname":"","sex":0,"language":"en","city":"","province":"","country":"","headimgurl":"""#,
            r#""nickname":"n\n","sex":1"#,
            r#""nickname":"n\n","sex":1,"#,
            r#""sex":1,"new":[],"city":"x""#,
            r#""sex":"1","city":"x","city":"x""#,
            r#""language":null"#,
            r#""language" : "zh_CN" , "city":"粉""#,
        ]),
    ]
}

/// The fields that a row has, shortened.
fn usual_fields() -> impl Strategy<Value = Vec<String>> {
    (inside(), inside(), 0_u32..2, any::<u32>(), repeated()).prop_map(|(openid, remark, subscribe, time, repeated)| {
        vec![
            format!("\"subscribe\":{subscribe}"),
            format!("\"openid\":\"{openid}\""),
            repeated.to_owned(),
            format!("\"subscribe_time\":{time}"),
            format!("\"remark\":\"{remark}\""),
            "\"tagid_list\":[2,128]".to_owned(),
        ]
    })
}

fn row() -> impl Strategy<Value = String> {
    prop_oneof![
        2 => usual_fields(),
        1 => usual_fields().prop_shuffle(),
        2 => vec(field(), 0..5),
    ]
    .prop_map(|fields| format!("{{{}}}", fields.join(",")))
}

fn reply() -> impl Strategy<Value = String> {
    let extra = prop_oneof![
        6 => Just(String::new()),
        1 => value().prop_map(|value| format!("\"next\":{value} , ")),
        1 => select(vec!["\"errcode\":0,", "\"errcode\":\"40003\",\"errmsg\":\"x\",", "\"errmsg\":\"ok\","])
            .prop_map(str::to_owned),
    ];
    (extra, vec(row(), 0..6), select(vec![",", ",\n  ", " , "]))
        .prop_map(|(extra, rows, comma)| format!("{{{extra}\"user_info_list\":[{}]}}", rows.join(comma)))
}

/// A byte that means something to a parser, or any other, and the place to put it.
fn mutation() -> impl Strategy<Value = (Index, u8)> {
    (any::<Index>(), prop_oneof![3 => select(b"\"\\,:[]{} \n\t\0\x1f\x7f\x80\xff0a".to_vec()), 1 => any::<u8>()])
}

fn damage(reply: String, mutations: &[(Index, u8)]) -> Vec<u8> {
    let mut body = reply.into_bytes();
    for (index, byte) in mutations {
        let place = index.index(body.len());
        body[place] = *byte;
    }
    body
}

fn configuration() -> ProptestConfig {
    let configuration = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    // proptest's own default is 256 cases, which `PROPTEST_CASES` raises.
    ProptestConfig { cases: configuration.cases * 4, ..configuration }
}

proptest! {
    #![proptest_config(configuration())]

    #[test]
    fn what_is_read_strictly_is_what_serde_reads(reply in reply(), mutations in vec(mutation(), 0..3)) {
        check(&damage(reply, &mutations));
    }

    #[test]
    fn a_row_alone_says_what_it_says_among_others(row in row(), mutations in vec(mutation(), 0..2)) {
        let row = damage(row, &mutations);
        let list = [&b"{\"user_info_list\":["[..], &row, b"]}"].concat();
        if let (Ok(alone), Ok(list)) = (read_profile(&row), read_profiles(&list)) {
            prop_assert_eq!(without_debug(&alone.rows), without_debug(&list.rows));
            prop_assert_eq!((alone.lenient, alone.replaced), (list.lenient, list.replaced));
        }
    }

    #[test]
    fn no_bytes_at_all_make_the_reader_panic(body in vec(any::<u8>(), 0..60)) {
        check(&body);
        drop(read_profile(&body));
    }

    #[test]
    fn odd_characters_change_only_the_text_that_they_stand_in(
        rows in vec((inside(), vec(any::<u8>(), 0..12)), 1..5),
    ) {
        let mut body = b"{\"user_info_list\":[".to_vec();
        let (mut expected, mut replaced) = (Vec::new(), 0);
        for (number, (before, odd)) in rows.iter().enumerate() {
            // Without the bytes that end a string or begin an escape.
            let odd: Vec<u8> = odd.iter().copied().filter(|byte| !matches!(byte, b'"' | b'\\')).collect();
            let comma = if number == 0 { "" } else { "," };
            body.extend(format!("{comma}{{\"remark\":\"{before}").into_bytes());
            body.extend(&odd);
            body.extend(format!("\",\"openid\":\"o{number}\"}}").into_bytes());
            let before: String = serde_json::from_str(&format!("\"{before}\"")).unwrap();
            let odd_text = String::from_utf8_lossy(&odd);
            replaced += odd_text.matches('\u{fffd}').count() - str_of(&odd).matches('\u{fffd}').count();
            expected.push((format!("{before}{odd_text}"), format!("o{number}")));
        }
        body.extend(b"]}");
        let reply = check(&body).unwrap();
        let read = |row: &Profile<'_>| (row.remark.clone().unwrap().into_owned(), row.openid.clone().into_owned());
        prop_assert_eq!(reply.rows.iter().map(read).collect::<Vec<_>>(), expected);
        prop_assert_eq!(reply.replaced, replaced as u64);
    }
}

/// The characters of `bytes` that are there already, without those that stand for bad bytes.
fn str_of(bytes: &[u8]) -> String {
    bytes.utf8_chunks().map(|chunk| chunk.valid()).collect()
}
