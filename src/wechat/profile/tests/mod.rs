//! Replies of all kinds.

mod equivalence;

use super::*;
use crate::wechat::api_error::ApiError;

/// A reply with these rows.
fn list(rows: &[&str]) -> String {
    format!("{{\"user_info_list\":[{}]}}", rows.join(","))
}

fn read(body: &str) -> ProfileReply<'_> {
    read_profiles(body.as_bytes()).unwrap()
}

/// Reads a row that stands in a list between two others, and alone. Both must be the same.
fn row(row: &str) -> (Profile<'_>, u64, u64) {
    let mut alone = read_profile(row.as_bytes()).unwrap();
    let body = list(&[r#"{"openid":"o1"}"#, row, r#"{"openid":"o2"}"#]);
    let mut among = read(&body);
    assert_eq!((among.rows.len(), alone.rows.len()), (3, 1));
    assert_eq!((&*among.rows[0].openid, &*among.rows[2].openid), ("o1", "o2"));
    assert_eq!(among.rows[1], alone.rows[0]);
    assert_eq!((among.lenient, among.replaced), (alone.lenient, alone.replaced));
    assert_eq!(std::mem::take(&mut among.unknown), alone.unknown);
    (alone.rows.remove(0), alone.lenient, alone.replaced)
}

/// The remark of a row that only the lenient reader takes, and how many U+FFFD were put in.
fn lenient_remark(inside: &[u8]) -> (String, u64) {
    let mut body = br#"{"user_info_list":[{"openid":"o1"},{"openid":"o2","remark":""#.to_vec();
    body.extend_from_slice(inside);
    body.extend_from_slice(br#"","groupid":3},{"openid":"o3"}]}"#);
    let reply = read_profiles(&body).unwrap();
    let openids: Vec<_> = reply.rows.iter().map(|row| &*row.openid).collect();
    assert_eq!(openids, ["o1", "o2", "o3"]);
    assert_eq!(reply.rows[1].groupid, Some(3));
    assert_eq!(reply.lenient, 1);
    (reply.rows[1].remark.clone().unwrap().into_owned(), reply.replaced)
}

fn malformed(body: &str) -> MalformedProfiles {
    match read_profiles(body.as_bytes()) {
        Err(ProfileError::Malformed(error)) => error,
        other => panic!("{body}: {other:?}"),
    }
}

#[test]
fn every_field_of_a_follower_is_read() {
    let written = r#"{"subscribe":1,"openid":"oA","nickname":"n","sex":2,"language":"zh_CN","city":"广州","province":"广东","country":"中国","headimgurl":"http:\/\/thirdwx.qlogo.cn\/x\/132","subscribe_time":1705999105,"unionid":"oU","remark":"重要客户","groupid":3,"tagid_list":[128,2],"subscribe_scene":"ADD_SCENE_QR_CODE","qr_scene":98765,"qr_scene_str":"1705999105"}"#;
    let text = |text: &'static str| Some(text.into());
    let expected = Profile {
        openid: "oA".into(),
        subscribe: Some(true),
        unionid: text("oU"),
        subscribe_time: Some(1_705_999_105),
        subscribe_scene: text("ADD_SCENE_QR_CODE"),
        qr_scene: Some(98765),
        qr_scene_str: text("1705999105"),
        remark: text("重要客户"),
        tagid_list: Some(vec![128, 2]),
        groupid: Some(3),
        language: text("zh_CN"),
        nickname: text("n"),
        headimgurl: text("http://thirdwx.qlogo.cn/x/132"),
        sex: Some(2),
        city: text("广州"),
        province: text("广东"),
        country: text("中国"),
        raw: written.into(),
    };
    assert_eq!(row(written), (expected, 0, 0));
}

#[test]
fn who_has_left_has_no_more_than_what_the_row_says() {
    let written = r#"{"subscribe":0,"openid":"oA"}"#;
    let expected = Profile { subscribe: Some(false), openid: "oA".into(), raw: written.into(), ..Profile::default() };
    assert_eq!(row(written), (expected, 0, 0));
}

#[test]
fn null_is_absent_and_only_an_empty_unionid_is_too() {
    let absent = r#"{"openid":"oA"}"#;
    let null = r#"{"openid":"oA","subscribe":null,"unionid":null,"subscribe_time":null,"subscribe_scene":null,"qr_scene":null,"qr_scene_str":null,"remark":null,"tagid_list":null,"groupid":null,"language":null,"nickname":null,"headimgurl":null,"sex":null,"city":null,"province":null,"country":null}"#;
    let without_raw = |written| Profile { raw: "".into(), ..row(written).0 };
    assert_eq!(without_raw(absent), without_raw(null));
    let empty = row(r#"{"unionid":"","remark":"","qr_scene_str":"","language":"","tagid_list":[]}"#).0;
    assert_eq!((empty.unionid, empty.remark), (None, Some("".into())));
    assert_eq!((empty.qr_scene_str, empty.language), (Some("".into()), Some("".into())));
    assert_eq!((empty.tagid_list, &*empty.openid), (Some(Vec::new()), ""));
}

#[test]
fn key_order_white_space_and_escapes_change_nothing() {
    let plain = r#"{"openid":"oA","remark":"a/b\"c","tagid_list":[1,2],"groupid":-1}"#;
    let odd = "{ \"groupid\" : -1 ,\r\n\t\"tagid_list\": [ 1 , 2 ], \"re\\u006dark\": \"a\\/b\\u0022c\"\n, \
               \"openid\" :\"\\u006fA\" }";
    let without_raw = |written| (Profile { raw: "".into(), ..row(written).0 }, row(written).1);
    assert_eq!(without_raw(plain), without_raw(odd));
    assert_eq!(row(odd).0.raw, odd);
}

#[test]
fn what_is_the_same_in_every_row_is_not_carried_into_a_row_that_differs() {
    let same = r#""nickname":"","sex":0,"language":"zh_CN","city":"","headimgurl":"""#;
    let odd = r#""nickname":"n","sex":0,"language":"en","new":1,"city":"c""#;
    let alone = [
        format!(r#"{{"openid":"oA",{same},"remark":"a"}}"#),
        format!(r#"{{"openid":"oB",{same},"remark":"b"}}"#),
        format!(r#"{{"openid":"oC",{odd},"remark":"c"}}"#),
        r#"{"openid":"oD","remark":"d"}"#.to_owned(),
        format!(r#"{{"openid":"oE",{odd},"remark":"e"}}"#),
        format!(r#"{{"openid":"oF",{same}}}"#),
        format!(r#"{{"openid":"oG","country":"x",{same},"remark":"g"}}"#),
        format!(r#"{{"openid":"oH",{same},"remark":"h","country":"x"}}"#),
    ];
    let body = list(&alone.each_ref().map(String::as_str));
    let reply = read(&body);
    for (row, alone) in reply.rows.iter().zip(&alone) {
        assert_eq!(*row, read_profile(alone.as_bytes()).unwrap().rows[0], "{alone}");
    }
    assert_eq!((reply.rows.len(), reply.unknown["new"], reply.lenient), (8, 2, 0));
    let twice = format!(r#"{{"openid":"oI",{same},"sex":0}}"#);
    assert!(malformed(&list(&[&alone[0], &alone[1], &twice])).at > body.find("oB").unwrap());
}

#[test]
fn unknown_keys_are_skipped_and_counted_by_name() {
    let body = r#"{"next":{"a":[1,{"b":"\ud83d"}]},"user_info_list":[{"openid":"oA","privilege":["x"],"new":-1.5e-3},{"new":{},"openid":"oB","errcode":1,"new":true}]}"#;
    let reply = read(body);
    let unknown: Vec<_> = reply.unknown.iter().map(|(key, count)| (&**key, *count)).collect();
    assert_eq!(unknown, [("errcode", 1), ("new", 3), ("next", 1), ("privilege", 1)]);
    let openids: Vec<_> = reply.rows.iter().map(|row| &*row.openid).collect();
    assert_eq!((openids, reply.lenient), (vec!["oA", "oB"], 0));
}

#[test]
fn unknown_keys_of_a_row_that_is_read_twice_count_once() {
    let reply = read(r#"{"user_info_list":[{"new":1,"openid":"oA","groupid":"3"}]}"#);
    assert_eq!((reply.unknown["new"], reply.lenient), (1, 1));
}

#[test]
fn numbers_may_be_text_and_text_may_be_a_number() {
    let written = r#"{"subscribe":"1","openid":"oA","subscribe_time":" 1705999105 ","groupid":"","tagid_list":["5",6,null],"qr_scene":"98765","qr_scene_str":98765,"sex":"0"}"#;
    let (profile, lenient, replaced) = row(written);
    assert_eq!((lenient, replaced), (1, 0));
    assert_eq!((profile.subscribe, profile.subscribe_time), (Some(true), Some(1_705_999_105)));
    assert_eq!((profile.groupid, profile.tagid_list), (None, Some(vec![5, 6])));
    assert_eq!((profile.qr_scene, profile.qr_scene_str), (Some(98765), Some("98765".into())));
    assert_eq!((profile.sex, &*profile.raw), (Some(0), written));
}

#[test]
fn one_odd_text_loses_no_row() {
    assert_eq!(lenient_remark(b"\x14a\nb\x07\0"), ("\u{14}a\nb\u{7}\0".to_owned(), 0));
    assert_eq!(lenient_remark(br"a\ud83dz"), ("a\u{fffd}z".to_owned(), 1));
    assert_eq!(lenient_remark(b"a\xffz\xe7\xb2"), ("a\u{fffd}z\u{fffd}".to_owned(), 2));
    assert_eq!(lenient_remark("粉\u{fffd}\x01".as_bytes()), ("粉\u{fffd}\u{1}".to_owned(), 0));
    // The end of a character that was cut by bytes, before the closing quote.
    assert_eq!(lenient_remark(b"\xe7\xb2\x89\xe7"), ("粉\u{fffd}".to_owned(), 1));
}

#[test]
fn bytes_that_are_no_utf_8_are_replaced_in_the_raw_row_too() {
    let body = b"{\"user_info_list\":[{\"openid\":\"oA\",\"remark\":\"\xff\"}]}";
    let reply = read_profiles(body).unwrap();
    assert_eq!(reply.rows[0].raw, "{\"openid\":\"oA\",\"remark\":\"\u{fffd}\"}");
}

#[test]
fn a_backslash_that_eats_a_quote_is_not_repaired() {
    let first = r#"{"openid":"oA","city":"广州\","province":"","remark":"x"}"#;
    let last = r#"{"openid":"oB","remark":"x\"}"#;
    for rows in [&[first, last] as &[_], &[last], &[r#"{"openid":"oC"}"#, last, first]] {
        assert!(malformed(&list(rows)).at > 0, "{rows:?}");
    }
}

#[test]
fn a_number_that_its_field_cannot_hold_is_refused() {
    for field in [
        r#""subscribe":2"#,
        r#""subscribe":-1"#,
        r#""subscribe":"2""#,
        r#""subscribe_time":-1"#,
        r#""subscribe_time":1705999105000"#,
        r#""subscribe_time":1e9"#,
        r#""subscribe_time":1.5"#,
        r#""groupid":2147483648"#,
        r#""groupid":"-2147483649""#,
        r#""tagid_list":[99999999999]"#,
        r#""tagid_list":7"#,
        r#""qr_scene":9223372036854775808"#,
        r#""qr_scene":01"#,
        r#""qr_scene":"x""#,
        r#""sex":true"#,
        r#""remark":{}"#,
        r#""remark":true"#,
    ] {
        let error = malformed(&list(&[r#"{"openid":"oA"}"#, &format!("{{\"openid\":\"oB\",{field}}}")]));
        assert!(error.at > list(&[r#"{"openid":"oA"}"#]).len(), "{field}: {error}");
    }
    let widest = r#"{"qr_scene":-9223372036854775808,"groupid":-2147483648,"subscribe_time":253402300799}"#;
    let (profile, lenient, _) = row(widest);
    assert_eq!((profile.qr_scene, profile.groupid), (Some(i64::MIN), Some(i32::MIN)));
    assert_eq!((profile.subscribe_time, lenient), (Some(253_402_300_799), 0));
}

#[test]
fn an_errcode_is_an_error_even_beside_rows() {
    let error = |code, message| Err(ProfileError::Api(ApiError::new(code, message)));
    for (body, expected) in [
        (r#"{"errcode":40003,"errmsg":"invalid openid"}"#, error(40003, "invalid openid")),
        (r#"{"errmsg":"invalid openid","errcode":"40003"}"#, error(40003, "invalid openid")),
        (r#"{"errcode":-1}"#, error(-1, "")),
        (r#"{"errcode":40032.0,"errmsg":7}"#, error(40032, "")),
    ] {
        assert_eq!(read_profiles(body.as_bytes()), expected, "{body}");
        assert_eq!(read_profile(body.as_bytes()), expected, "{body}");
    }
    let beside = br#"{"user_info_list":[{"openid":"oA"}],"errcode":45009}"#;
    assert_eq!(read_profiles(beside), error(45009, ""));
    let fine = r#"{"errcode":0,"errmsg":"ok","user_info_list":[{"openid":"oA"}]}"#;
    assert_eq!(read(fine).rows.len(), 1);
    let alone = read_profile(br#"{"errcode":0,"errmsg":"ok","openid":"oA"}"#).unwrap();
    assert_eq!((&*alone.rows[0].openid, alone.unknown.len(), alone.lenient), ("oA", 0, 0));
    assert!(matches!(read_profiles(br#"{"errcode":"x"}"#), Err(ProfileError::Malformed(_))));
}

#[test]
fn a_reply_without_a_list_has_no_rows() {
    for body in ["{}", r#"{"user_info_list":null}"#, r#"{"user_info_list":[]}"#, " { \"user_info_list\" : [ ] } \n"] {
        assert_eq!(read(body).rows, [], "{body}");
    }
}

#[test]
fn what_is_no_reply_is_refused() {
    let deep = format!(r#"{{"x":{}1{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    for body in [
        "",
        "null",
        "[]",
        "<html></html>",
        "{",
        r#"{"user_info_list":[{"openid":"oA"}]"#,
        r#"{"user_info_list":[{"openid":"oA"}]}x"#,
        r#"{"user_info_list":[{"openid":"oA"},]}"#,
        r#"{"user_info_list":[{"openid":"oA",}]}"#,
        r#"{"user_info_list":[null]}"#,
        r#"{"user_info_list":["oA"]}"#,
        r#"{"user_info_list":{"openid":"oA"}}"#,
        r#"{"user_info_list":[],"user_info_list":[]}"#,
        r#"{"user_info_list":[{"openid":"oA","openid":"oB"}]}"#,
        r#"{"user_info_list":[{"openid":"oA"}],}"#,
        r#"{"user_info_list":[{"openid":"oA"}] "x":1}"#,
        r#"{"x":01}"#,
        r#"{"x":nul}"#,
        r#"{"x":1.}"#,
        r#"{"x":"\x"}"#,
        r#"{"x":1e}"#,
        "{\"x\":\"\u{1}\"}",
        &deep,
    ] {
        let error = malformed(body);
        assert!(error.at <= body.len(), "{error}");
    }
}

#[test]
fn every_truncation_is_refused_and_none_is_read_as_less() {
    let body = list(&[
        r#"{"subscribe":1,"openid":"oA","remark":"粉\u7c89\/","tagid_list":[1,2],"x":[{"y":null}]}"#,
        r#"{"subscribe":"0","openid":"oB"}"#,
    ]);
    assert_eq!(read(&body).rows.len(), 2);
    for length in 0..body.len() {
        assert!(read_profiles(&body.as_bytes()[..length]).is_err(), "accepted the first {length} bytes");
    }
}

#[test]
fn nothing_of_a_person_is_in_an_error_or_in_what_debug_prints() {
    let canary = "CANARY";
    let good = list(&[&format!(
        r#"{{"openid":"{canary}","unionid":"{canary}","remark":"{canary}","nickname":"{canary}","city":"{canary}"}}"#
    )]);
    assert!(!format!("{:?}", read(&good)).contains(canary));
    for place in 0..good.len() {
        let mut bytes = good.clone().into_bytes();
        bytes[place] = b'\\';
        let read = read_profiles(&bytes);
        if let Err(error) = &read {
            assert!(!format!("{error} {error:?}").contains(canary), "{error}");
        }
    }
}
