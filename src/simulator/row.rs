//! One profile as JSON: the keys in the order in which WeChat was seen to send them, or odder.
//!
//! `batch` knows what a row says, and asks here that it be written. A bench reads a million of
//! them, so a row is written at once, without an allocation of its own.

use super::flaw::OddRemark;
use super::followers::OPENID_LENGTH;
use super::page::Spacing;
use super::profile::{Person, Words};

/// How the JSON of profiles is written. The default is WeChat's: compact, empty values written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ProfileStyle {
    /// The white space between tokens.
    pub spacing: Spacing,
    /// The order of the keys.
    pub keys: KeyOrder,
    /// How numbers are written.
    pub numbers: Numbers,
    /// How empty texts and lists are written.
    pub empty: Empty,
    /// The characters of texts that are written as escapes.
    pub escapes: Escapes,
    /// Adds keys that no documentation has. Some hold decoys: an `openid`, brackets inside a
    /// string.
    pub extra_keys: bool,
    /// Fills nickname, picture, sex and region, as until 2021.
    pub before_2021: bool,
}

/// The order of the keys of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KeyOrder {
    /// As in the raw replies that were seen.
    #[default]
    AsSeen,
    /// Another one in each row.
    Shuffled,
}

/// How the numbers of a row are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Numbers {
    /// As numbers.
    #[default]
    Plain,
    /// As texts of digits.
    AsText,
}

/// How the empty texts and lists of a row are written. The truth of the simulator is about
/// [`Empty::Written`]: with the others, what is empty there is absent for a reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Empty {
    /// As `""` and `[]`.
    #[default]
    Written,
    /// As `null`.
    Null,
    /// Not at all.
    Absent,
}

/// The characters that are written as escapes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Escapes {
    /// Those that need one.
    #[default]
    Few,
    /// Each `/` too, as `\/`.
    Slashes,
    /// Every character, as `\uXXXX`, but for what is an escape already.
    All,
}

/// What one row says.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) openid: [u8; OPENID_LENGTH],
    /// `None` for those who have unfollowed.
    pub(super) person: Option<Person>,
    pub(super) language: &'static str,
    pub(super) unionid: Option<[u8; OPENID_LENGTH]>,
    pub(super) odd_remark: Option<OddRemark>,
    /// Whether a backslash eats the quote of the remark.
    pub(super) is_broken: bool,
    /// Decides the order of shuffled keys.
    pub(super) salt: u64,
}

/// The value of a key.
#[derive(Clone, Copy)]
enum Value<'a> {
    Number(i64),
    /// The text as it stands between quotes.
    Text(&'a [u8], Option<u32>),
    /// What stands between the quotes, whatever it is.
    Wire(&'a [u8]),
    Numbers(&'a [i32]),
    /// JSON as it is.
    Json(&'a str),
}

/// A key of a row as it is written, `"key":`, and its value.
type Member<'a> = (&'static str, Value<'a>);

/// Writes a row as a JSON object.
pub(super) fn write_row(bytes: &mut Vec<u8>, row: &Row, style: ProfileStyle, depth: usize) {
    bytes.push(b'{');
    let mut is_first = true;
    let mut write = |(key, value): Member<'_>| {
        let is_empty = matches!(value, Value::Text([], None) | Value::Numbers([]));
        let value = match style.empty {
            Empty::Absent if is_empty => return,
            Empty::Null if is_empty => Value::Json("null"),
            Empty::Absent | Empty::Null | Empty::Written => value,
        };
        if !is_first {
            bytes.push(b',');
        }
        is_first = false;
        space(bytes, style.spacing, depth + 1);
        write_member(bytes, (key, value), style);
    };
    match style.keys {
        KeyOrder::AsSeen => visit(row, style, write),
        KeyOrder::Shuffled => {
            let mut members = Vec::new();
            visit(row, style, |member| members.push(member));
            fastrand::Rng::with_seed(row.salt).shuffle(&mut members);
            members.into_iter().for_each(&mut write);
        }
    }
    space(bytes, style.spacing, depth);
    bytes.push(b'}');
}

/// Visits the members of a row, in the order in which WeChat was seen to send them.
fn visit<'a>(row: &'a Row, style: ProfileStyle, mut write: impl FnMut(Member<'a>)) {
    let text = |text: &'static str| Value::Text(text.as_bytes(), None);
    let old = |value: &'static str| if style.before_2021 { text(value) } else { text("") };
    write((r#""subscribe":"#, Value::Number(i64::from(row.person.is_some()))));
    if style.extra_keys {
        write((r#""server":"#, Value::Json(r#"{"openid":"not a follower","load":[1,-2.5e3,null,true]}"#)));
    }
    write((r#""openid":"#, Value::Text(&row.openid, None)));
    write((r#""nickname":"#, old("小明")));
    write((r#""sex":"#, Value::Number(i64::from(style.before_2021))));
    write((r#""language":"#, text(row.language)));
    write((r#""city":"#, old("广州")));
    write((r#""province":"#, old("广东")));
    write((r#""country":"#, old("中国")));
    write((r#""headimgurl":"#, old("http://thirdwx.qlogo.cn/mmopen/a/132")));
    match &row.person {
        Some(person) => visit_person(row, person, &mut write),
        None => write((r#""tagid_list":"#, Value::Numbers(&[]))),
    }
    if style.extra_keys {
        write((r#""privilege":"#, Value::Json("[]")));
        write((r#""note":"#, Value::Json(r#""]},{\"openid\":\"not a follower either\"""#)));
    }
}

/// Visits the members that only those who follow have.
fn visit_person<'a>(row: &'a Row, person: &'a Person, write: &mut impl FnMut(Member<'a>)) {
    let words = |words: Words| Value::Text(words.json.as_bytes(), words.number);
    let remark = match row.odd_remark {
        _ if row.is_broken => Value::Wire(br"eaten \"),
        Some(remark) => Value::Wire(remark.wire()),
        None => words(person.remark),
    };
    write((r#""subscribe_time":"#, Value::Number(person.subscribe_time)));
    if let Some(unionid) = &row.unionid {
        write((r#""unionid":"#, Value::Text(unionid, None)));
    }
    write((r#""remark":"#, remark));
    write((r#""groupid":"#, Value::Number(i64::from(person.groupid))));
    write((r#""tagid_list":"#, Value::Numbers(person.tags.as_slice())));
    write((r#""subscribe_scene":"#, Value::Text(person.scene.as_bytes(), None)));
    write((r#""qr_scene":"#, Value::Number(i64::from(person.qr_scene))));
    write((r#""qr_scene_str":"#, words(person.qr_scene_str)));
}

fn write_member(bytes: &mut Vec<u8>, (key, value): Member<'_>, style: ProfileStyle) {
    bytes.extend_from_slice(key.as_bytes());
    if style.spacing != Spacing::Compact {
        bytes.push(b' ');
    }
    write_value(bytes, &value, style);
}

fn write_value(bytes: &mut Vec<u8>, value: &Value<'_>, style: ProfileStyle) {
    match *value {
        Value::Number(number) => write_number(bytes, number, style.numbers),
        Value::Text(text, number) => {
            bytes.push(b'"');
            match style.escapes {
                Escapes::Few => bytes.extend_from_slice(text),
                Escapes::Slashes | Escapes::All => write_escaped(bytes, text, style.escapes),
            }
            if let Some(number) = number {
                bytes.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
            }
            bytes.push(b'"');
        }
        Value::Wire(wire) => {
            bytes.push(b'"');
            bytes.extend_from_slice(wire);
            bytes.push(b'"');
        }
        Value::Numbers(numbers) => {
            bytes.push(b'[');
            for (place, &number) in numbers.iter().enumerate() {
                if place > 0 {
                    bytes.push(b',');
                }
                write_number(bytes, i64::from(number), style.numbers);
            }
            bytes.push(b']');
        }
        Value::Json(json) => bytes.extend_from_slice(json.as_bytes()),
    }
}

fn write_number(bytes: &mut Vec<u8>, number: i64, numbers: Numbers) {
    let quote = (numbers == Numbers::AsText).then_some(b'"');
    bytes.extend(quote);
    bytes.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
    bytes.extend(quote);
}

/// Writes the inside of a JSON string with more escapes than it has.
fn write_escaped(bytes: &mut Vec<u8>, text: &[u8], escapes: Escapes) {
    let text = String::from_utf8_lossy(text);
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            // An escape, which stays as it is: the rest of `\uXXXX` stands for itself below.
            '\\' => {
                bytes.push(b'\\');
                let kind = characters.next().unwrap_or('\\');
                bytes.push(kind as u8);
                if kind == 'u' {
                    bytes.extend(characters.by_ref().take(4).map(|digit| digit as u8));
                }
            }
            '/' if escapes == Escapes::Slashes => bytes.extend_from_slice(br"\/"),
            _ if escapes == Escapes::All => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    bytes.extend_from_slice(format!(r"\u{unit:04x}").as_bytes());
                }
            }
            _ => bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

/// Writes the white space before a token at this depth.
pub(super) fn space(bytes: &mut Vec<u8>, spacing: Spacing, depth: usize) {
    match spacing {
        Spacing::Compact => {}
        Spacing::Spaced => bytes.push(b' '),
        Spacing::Pretty => {
            bytes.push(b'\n');
            bytes.extend(std::iter::repeat_n(b' ', 2 * depth));
        }
    }
}
