//! The fast paths against the general one, over pages of odd shapes: whole, damaged and cut off.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::*;
use crate::wechat::decode::escape::unescape;
use crate::wechat::decode::kernel::Kernel;
use crate::wechat::decode::paths::decode_fast;

/// An `OpenID` as WeChat makes them. A pattern would do as well, but would take most of the time of
/// these tests.
fn openid() -> impl Strategy<Value = String> {
    any::<u64>().prop_map(|number| format!("o6_bmj{number:022}"))
}

/// How a page is written: what stands behind commas, and around colons and brackets.
#[derive(Clone, Copy, Debug)]
enum Spacing {
    Compact,
    Spaced,
    Pretty,
}

impl Spacing {
    fn tokens(self) -> [&'static str; 3] {
        match self {
            Self::Compact => [",", ":", ""],
            Self::Spaced => [", ", ": ", ""],
            Self::Pretty => [",\n      ", " : ", "\n    "],
        }
    }
}

fn spacing() -> impl Strategy<Value = Spacing> {
    select(vec![Spacing::Compact, Spacing::Spaced, Spacing::Pretty])
}

/// A JSON string: mostly an `OpenID`, sometimes one of another length, with an escape, beyond
/// ASCII, or empty.
fn element() -> impl Strategy<Value = String> {
    prop_oneof![
        40 => openid(),
        3 => "[ -!#-\\[\\]-~]{28}",
        3 => "[A-Za-z0-9_-]{1,60}",
        1 => written_otherwise(),
        1 => r"[a-z]{0,9}\\(u[dD][8-9a-fA-F][0-9a-f]{2}|u[+0-9a-g]{0,4}|.){1,2}[a-z]{0,9}",
        1 => Just(String::new()),
    ]
    .prop_map(|characters| format!("\"{characters}\""))
}

/// The inside of a string with escapes or characters beyond ASCII.
fn written_otherwise() -> impl Strategy<Value = String> {
    r#"[a-z]{0,9}(\\u00[eE]9|\\uD83d\\udE00|\\[nrtbf/"\\]|\\u7c89|é|粉|😀){1,3}[a-z]{0,20}"#
}

/// The same, but always valid.
fn valid_element() -> impl Strategy<Value = String> {
    prop_oneof![30 => openid(), 3 => "[ -!#-\\[\\]-~]{1,60}", 1 => written_otherwise(), 1 => Just(String::new())]
        .prop_map(|characters| format!("\"{characters}\""))
}

fn known_keys(spacing: Spacing, elements: &[String]) -> Vec<String> {
    let [comma, colon, around] = spacing.tokens();
    let last = elements.last().map_or("\"\"", String::as_str);
    let array = elements.join(comma);
    vec![
        format!("\"total\"{colon}{}", elements.len() + 7),
        format!("\"count\"{colon}{}", elements.len()),
        format!("\"data\"{colon}{{{around}\"openid\"{colon}[{around}{array}{around}]{around}}}"),
        format!("\"next_openid\"{colon}{last}"),
    ]
}

fn object(spacing: Spacing, fields: &[String]) -> String {
    let [comma, _, around] = spacing.tokens();
    format!("{{{around}{}{around}}}", fields.join(comma))
}

/// A field that a page does not have today, or has only once.
fn odd_field() -> impl Strategy<Value = String> {
    select(vec![
        r#""errcode":0"#,
        r#""errcode":"0""#,
        r#""errmsg":"ok""#,
        r#""errcode":-1"#,
        r#""total":"12""#,
        r#""total":012"#,
        r#""count":1.5"#,
        r#""count":123456789012345678901"#,
        r#""total":null"#,
        r#""next_openid":null"#,
        r#""data":null"#,
        r#""data":{"openid":[]}"#,
        r#""data":{"openid":["oA"],"x":1}"#,
        r#""t\u006ftal":3"#,
        r#""unknown":{"deep":[1,"]"]}"#,
    ])
    .prop_map(str::to_owned)
}

fn shuffled_page() -> impl Strategy<Value = String> {
    (spacing(), vec(element(), 0..60), vec(odd_field(), 0..2))
        .prop_flat_map(|(spacing, elements, odd)| {
            let mut fields = known_keys(spacing, &elements);
            fields.extend(odd);
            (Just(spacing), Just(fields).prop_shuffle())
        })
        .prop_map(|(spacing, fields)| object(spacing, &fields))
}

fn usual_page(elements: impl Into<proptest::collection::SizeRange>) -> impl Strategy<Value = String> {
    (spacing(), vec(valid_element(), elements))
        .prop_flat_map(|(spacing, elements)| (Just(spacing), Just(known_keys(spacing, &elements)).prop_shuffle()))
        .prop_map(|(spacing, fields)| object(spacing, &fields))
}

/// A byte that means something to a parser, or any other, and the place to put it.
fn mutation() -> impl Strategy<Value = (Index, u8)> {
    (any::<Index>(), prop_oneof![3 => select(b"\"\\,:[]{} \n\t\0\x1f\x7f\x80\xff0a".to_vec()), 1 => any::<u8>()])
}

fn damage(page: String, mutations: &[(Index, u8)]) -> Vec<u8> {
    let mut body = page.into_bytes();
    for (index, byte) in mutations {
        let place = index.index(body.len());
        body[place] = *byte;
    }
    body
}

fn fast_kernels() -> impl Iterator<Item = (DecodePath, Kernel)> {
    DecodePath::ALL.into_iter().filter_map(|path| Some((path, Kernel::new(path)?)))
}

fn configuration(share: u32) -> ProptestConfig {
    let configuration = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    // proptest's own default is 256 cases, which `PROPTEST_CASES` raises.
    ProptestConfig { cases: configuration.cases * 8 / share, ..configuration }
}

proptest! {
    #![proptest_config(configuration(1))]

    #[test]
    fn every_path_gives_one_answer(page in shuffled_page(), mutations in vec(mutation(), 0..4)) {
        drop(read(&damage(page, &mutations)));
    }

    #[test]
    fn every_path_gives_one_answer_to_a_usual_page_with_damage(
        page in usual_page(0..60), mutations in vec(mutation(), 1..4),
    ) {
        drop(read(&damage(page, &mutations)));
    }

    #[test]
    fn strings_are_never_left_to_the_general_path(page in usual_page(1..60)) {
        let expected = general::decode(page.as_bytes()).unwrap();
        for (path, kernel) in fast_kernels() {
            let (summary, openids) = decode_fast(kernel, page.as_bytes()).unwrap();
            prop_assert_eq!((&PageReply::Page(summary), &openids), (&expected.0, &expected.1), "{:?}", path);
        }
    }
}

proptest! {
    #![proptest_config(configuration(1))]

    #[test]
    fn a_string_says_what_serde_json_reads(
        string in prop_oneof![1 => element(), 1 => valid_element()], mutations in vec(mutation(), 0..3),
    ) {
        let written = damage(string, &mutations);
        let mut text = Vec::new();
        let read = written.strip_prefix(b"\"").and_then(|inside| unescape(inside, &mut text));
        prop_assert!(str::from_utf8(&text).is_ok());
        // The damage may have ended the string early. What follows it does not count.
        let mut strings = serde_json::Deserializer::from_slice(&written).into_iter::<String>();
        let expected = strings.next().and_then(Result::ok).map(|text| (text, strings.byte_offset() - 2));
        if written.first() == Some(&b'"') {
            prop_assert_eq!(read.map(|length| (String::from_utf8(text).unwrap(), length)), expected);
        }
    }
}

proptest! {
    #![proptest_config(configuration(64))]

    #[test]
    fn every_path_gives_one_answer_to_a_long_page(
        page in usual_page(1_000..1_200), mutations in vec(mutation(), 0..3),
    ) {
        drop(read(&damage(page, &mutations)));
    }
}

/// `count` `OpenID`s that differ.
fn openids(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("\"o6_bmj{number:022}\"")).collect()
}

#[test]
fn every_truncation_of_a_page_is_refused_on_every_path() {
    for spacing in [Spacing::Compact, Spacing::Spaced, Spacing::Pretty] {
        let page = object(spacing, &known_keys(spacing, &openids(21)));
        assert!(read(page.as_bytes()).is_ok());
        for length in 0..page.len() {
            assert!(read(&page.as_bytes()[..length]).is_err(), "accepted the first {length} bytes");
        }
    }
}

#[test]
fn a_byte_that_a_string_cannot_hold_is_found_at_every_place() {
    let page = object(Spacing::Compact, &known_keys(Spacing::Compact, &openids(21)));
    for place in 0..page.len() {
        // The last three are a letter, a quote and a comma, each with its eighth bit set.
        for byte in *b"\"\\\x00\x1f\x80\xff,\xc1\xa2\xac" {
            let mut body = page.clone().into_bytes();
            body[place] = byte;
            drop(read(&body));
        }
    }
}

#[test]
fn a_page_may_have_more_openids_than_are_documented() {
    for count in [9_999, 10_000, 10_001, 12_345] {
        let page = object(Spacing::Compact, &known_keys(Spacing::Compact, &openids(count)));
        let (_, read) = read(page.as_bytes()).unwrap();
        assert_eq!(read.len(), count);
        assert_eq!(format!("\"{}\"", read.value(count - 1)), *openids(count).last().unwrap());
    }
}
