//! Replies of all kinds, each read on every path of this machine.

use arrow::array::Array as _;

mod equivalence;

use arrow::array::StringArray;
use fanout_sink::arrow;

use super::*;
use crate::wechat::api_error::ApiError;
use crate::wechat::cursor::Cursor;
use crate::wechat::page::{PageReply, Summary};

/// Reads a reply on every path of this machine with both passes, and returns the one answer.
pub(super) fn read(body: &[u8]) -> Result<(PageReply, StringArray), String> {
    let expected = general::decode(body).map_err(|error| error.to_string());
    for path in DecodePath::ALL.into_iter().filter(|path| path.is_available()) {
        let decoded = decode_with(path, body).map_err(|error| error.to_string());
        let summarized = summarize_with(path, body).map_err(|error| error.to_string());
        let shown = || String::from_utf8_lossy(body);
        assert_eq!(decoded, expected, "{path:?}: {}", shown());
        assert_eq!(summarized.as_ref(), expected.as_ref().map(|(reply, _)| reply), "{path:?}: {}", shown());
        if let Ok((_, openids)) = &decoded {
            openids.to_data().validate_full().unwrap();
        }
    }
    expected
}

fn summary(body: &[u8]) -> Result<PageReply, String> {
    read(body).map(|(reply, _)| reply)
}

fn page(body: &str) -> (Summary, Vec<String>) {
    let (reply, openids) = read(body.as_bytes()).unwrap();
    let PageReply::Page(summary) = reply else { panic!("an error: {body}") };
    (summary, openids.iter().flatten().map(str::to_owned).collect())
}

fn next(cursor: &str) -> Option<Cursor> {
    Cursor::after(cursor)
}

#[test]
fn an_ordinary_page_is_understood() {
    let (summary, openids) = page(r#"{"total":3,"count":2,"data":{"openid":["oA","oB"]},"next_openid":"oB"}"#);
    assert_eq!(openids, ["oA", "oB"]);
    let expected = Summary { total: Some(3), count: Some(2), openids: 2, empty: 0, next: next("oB") };
    assert_eq!(summary, expected);
}

#[test]
fn the_reply_after_the_last_openid_has_no_data() {
    let (summary, openids) = page(r#"{"total":770270,"count":0,"next_openid":""}"#);
    assert!(openids.is_empty());
    assert_eq!(summary, Summary { total: Some(770_270), count: Some(0), ..Summary::default() });
}

#[test]
fn key_order_white_space_escapes_and_unknown_keys_change_nothing() {
    let plain = r#"{"total":2,"count":2,"data":{"openid":["oA","o\"é"]},"next_openid":"oB"}"#;
    let odd = "\n{ \"next_openid\" : \"\\u006fB\", \"x\": [{\"total\": 9}], \"errcode\": 0, \"errmsg\": \"ok\",\n\t\"data\": \
               {\"y\": null, \"openid\": [ \"\\u006fA\" , \"o\\\"\\u00e9\" ] }, \"count\": 2, \"total\": 2 }\r\n";
    assert_eq!(page(plain), page(odd));
}

#[test]
fn missing_and_null_data_are_an_empty_page() {
    for data in [r#""data":null,"#, r#""data":{},"#, r#""data":{"openid":null},"#, r#""data":{"openid":[]},"#, ""] {
        let (summary, openids) = page(&format!(r#"{{"total":0,{data}"next_openid":null}}"#));
        assert_eq!((summary.openids, summary.next), (0, None), "{data}");
        assert!(openids.is_empty());
    }
}

#[test]
fn empty_strings_are_counted_and_dropped() {
    let (summary, openids) = page(r#"{"total":2,"count":2,"data":{"openid":["","oA","oB"]},"next_openid":"oB"}"#);
    assert_eq!(openids, ["oA", "oB"]);
    assert_eq!((summary.openids, summary.empty), (2, 1));
}

#[test]
fn an_errcode_is_an_error_even_beside_data() {
    let body = br#"{"errcode":-1,"errmsg":"system error","data":{"openid":["oA"]}}"#;
    assert_eq!(summary(body).unwrap(), PageReply::Error(ApiError::new(-1, "system error")));
    let as_text = br#"{"errcode":"45009","errmsg":"reach max api daily quota limit"}"#;
    assert!(matches!(summary(as_text).unwrap(), PageReply::Error(error) if error.code == 45009));
}

#[test]
fn a_total_that_is_no_count_is_no_total() {
    for total in ["null", "-1", "1.5", "\"many\"", "[]", "{\"a\":1}", "184467440737095516160"] {
        let (summary, _) = page(&format!(r#"{{"total":{total},"next_openid":""}}"#));
        assert_eq!(summary.total, None, "{total}");
    }
    assert_eq!(page(r#"{"total":"12"}"#).0.total, Some(12));
}

#[test]
fn what_is_no_page_is_refused() {
    let deep = format!(r#"{{"total":1,"data":{}1{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    for body in [
        "",
        "null",
        "[]",
        "<html></html>",
        r#"{"total":1"#,
        r#"{"total":1}x"#,
        r#"{"data":{"openid":[1]}}"#,
        r#"{"data":{"openid":["a"]},"data":{"openid":["b"]}}"#,
        r#"{"data":{"openid":["a"],"openid":["b"]}}"#,
        r#"{"data":["a"]}"#,
        r#"{"next_openid":5}"#,
        r#"{"errcode":"x"}"#,
        "{\"data\":{\"openid\":[\"a\u{1}\"]}}",
        &deep,
    ] {
        assert!(summary(body.as_bytes()).is_err(), "accepted: {}", &body[..body.len().min(60)]);
    }
    assert!(summary(b"{\"data\":{\"openid\":[\"\xff\"]}}").is_err());
}

#[test]
fn every_truncation_is_refused() {
    let body = br#"{"total":3,"count":2,"data":{"openid":["oA","oB"]},"next_openid":"oB"}"#;
    for length in 0..body.len() {
        assert!(summary(&body[..length]).is_err(), "accepted the first {length} bytes");
    }
}
