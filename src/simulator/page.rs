//! One page of a list: what it says, and how its JSON is written.
//!
//! `api` makes it, faults edit it, and `reply` renders it when it is sent.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use super::followers::{Followers, OPENID_LENGTH};
use super::sequence::Sequence;

/// How the JSON of a page is written. The default is WeChat's style: compact, without `errcode`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageStyle {
    /// The white space between tokens.
    pub spacing: Spacing,
    /// The order of the keys.
    pub key_order: [PageKey; 4],
    /// Adds keys that no documentation has. Some hold decoys: an `openid` array, brackets inside a
    /// string.
    pub extra_keys: bool,
    /// Writes the `o` of each OpenID as `\u006f`.
    pub escaped: bool,
    /// The value of `count`; `None` for the number of OpenIDs.
    pub count: Option<u64>,
    /// The number of empty strings before the OpenIDs. `count` does not include them, as in an old
    /// sample of the documentation.
    pub empty_openids: usize,
    /// Puts `"errcode":0,"errmsg":"ok"` first.
    pub errcode_zero: bool,
    /// What the end of a list has besides `count`.
    pub end: EndStyle,
}

impl Default for PageStyle {
    fn default() -> Self {
        Self {
            spacing: Spacing::Compact,
            key_order: [PageKey::Total, PageKey::Count, PageKey::Data, PageKey::NextOpenid],
            extra_keys: false,
            escaped: false,
            count: None,
            empty_openids: 0,
            errcode_zero: false,
            end: EndStyle::default(),
        }
    }
}

/// What the end of a list has besides `count`, which is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EndStyle {
    /// An empty `next_openid`, as the list of followers was seen to end.
    #[default]
    Cursor,
    /// A `data` without OpenIDs, and an empty `next_openid`.
    DataAndCursor,
    /// A `data` without OpenIDs.
    Data,
    /// Nothing.
    Nothing,
}

/// The white space between the tokens of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Spacing {
    /// No white space, as WeChat sends it.
    #[default]
    Compact,
    /// One space.
    Spaced,
    /// Each member and each OpenID on its own line, indented.
    Pretty,
}

/// A key of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageKey {
    /// `total`
    Total,
    /// `count`
    Count,
    /// `data`
    Data,
    /// `next_openid`
    NextOpenid,
}

/// A list of people that is read in pages.
#[derive(Debug, Clone)]
pub(super) struct PagedList {
    /// The OpenIDs of all indices.
    pub(super) people: Followers,
    pub(super) sequence: Arc<Sequence>,
    /// `None` leaves the key out.
    pub(super) total: Option<u64>,
    /// How many people a full page has.
    pub(super) size: u64,
}

impl PagedList {
    /// Returns the position of the first person of the page that `cursor` asks for, or `None` if it
    /// is not in the list. An empty cursor asks for the first page.
    pub(super) fn start(&self, cursor: &str) -> Option<u64> {
        if cursor.is_empty() {
            return Some(0);
        }
        Some(self.sequence.position(self.people.index(cursor)?)? + 1)
    }

    /// Returns the number of the page that begins at this position, counted from 1. The rest of a
    /// page that was shortened counts as the next page.
    pub(super) fn page_number(&self, start: u64) -> u64 {
        start.div_ceil(self.size) + 1
    }

    /// Returns the OpenID of the person before this position.
    fn openid_before(&self, end: u64) -> Option<String> {
        let index = self.sequence.at(end.checked_sub(1)?..end).flatten().next()?;
        Some(self.people.openid(index))
    }
}

/// One page before it is written. Faults edit it.
#[derive(Debug)]
pub(super) struct Page {
    list: PagedList,
    /// Counted from 1.
    number: u64,
    /// `None` leaves the key out.
    pub(super) total: Option<i64>,
    /// The positions of the people on this page, as ranges in list order. Edits split or repeat the
    /// ranges.
    segments: Vec<Range<u64>>,
    pub(super) has_data: bool,
    /// `None` leaves the key out.
    pub(super) next_openid: Option<String>,
    is_end: bool,
    style: PageStyle,
}

impl Page {
    /// Returns the page that begins with the person at the position `start`, or the end of the list
    /// if there is no such person.
    pub(super) fn new(list: PagedList, start: u64, style: PageStyle) -> Self {
        let end = start.saturating_add(list.size).min(list.sequence.len());
        let positions = start.min(end)..end;
        let number = list.page_number(start);
        let total = list.total.map(|total| total as i64);
        let is_end = positions.is_empty();
        let next_openid = list.openid_before(end);
        let segments = vec![positions];
        let mut page = Self { list, number, total, segments, has_data: true, next_openid, is_end, style };
        page.end_in_style();
        page
    }

    /// Writes the page in another style.
    pub(super) fn set_style(&mut self, style: PageStyle) {
        self.style = style;
        self.end_in_style();
    }

    /// If it is the end of the list, gives it what the style has there.
    fn end_in_style(&mut self) {
        if self.is_end {
            self.has_data = matches!(self.style.end, EndStyle::DataAndCursor | EndStyle::Data);
            let has_cursor = matches!(self.style.end, EndStyle::Cursor | EndStyle::DataAndCursor);
            self.next_openid = has_cursor.then(String::new);
        }
    }

    /// Replaces the page by the page with this number.
    pub(super) fn become_number(&mut self, number: u64) {
        let start = number.saturating_sub(1).saturating_mul(self.list.size);
        *self = Self::new(self.list.clone(), start, self.style.clone());
    }

    /// Replaces the page by the end of the list, although more people come.
    pub(super) fn become_end(&mut self) {
        *self = Self::new(self.list.clone(), self.list.sequence.len(), self.style.clone());
    }

    /// Ends the page after `length` people; its cursor is then the last of them.
    pub(super) fn shorten(&mut self, length: u64) {
        let segments = self.slice(0..length);
        if let Some(last) = segments.last() {
            self.next_openid = self.list.openid_before(last.end);
            self.segments = segments;
        }
    }

    /// Adds `step` to `total` for each page before this one.
    pub(super) fn drift_total(&mut self, step: i64) {
        self.total = self.total.map(|total| total + step * (self.number as i64 - 1));
    }

    /// Removes the OpenIDs at `positions` of the page, counted from 0. The cursor stays.
    pub(super) fn omit(&mut self, positions: &Range<u64>) {
        self.segments = [self.slice(0..positions.start), self.slice(positions.end..u64::MAX)].concat();
    }

    /// Repeats the OpenIDs at `positions` of the page, counted from 0, behind themselves. The
    /// cursor stays.
    pub(super) fn duplicate(&mut self, positions: &Range<u64>) {
        self.segments = [self.slice(0..positions.end), self.slice(positions.start..u64::MAX)].concat();
    }

    /// Begins the page `length` people earlier. The cursor stays.
    pub(super) fn overlap(&mut self, length: u64) {
        if let Some(first) = self.segments.first_mut() {
            first.start = first.start.saturating_sub(length);
        }
    }

    /// Replaces the people by the same number of another account's. The cursor stays.
    pub(super) fn become_another_accounts(&mut self) {
        self.list.people = self.list.people.of_another_account();
    }

    fn len(&self) -> u64 {
        self.segments.iter().map(|segment| segment.end - segment.start).sum()
    }

    /// Returns the part of the segments at `positions` that the page has.
    fn slice(&self, positions: Range<u64>) -> Vec<Range<u64>> {
        let mut before = 0;
        let mut slice = Vec::new();
        for segment in &self.segments {
            let length = segment.end - segment.start;
            let start = positions.start.saturating_sub(before).min(length);
            let end = positions.end.saturating_sub(before).min(length);
            if start < end {
                slice.push(segment.start + start..segment.start + end);
            }
            before += length;
        }
        slice
    }

    /// Returns the page as JSON.
    pub(super) fn render(&self) -> Bytes {
        let style = &self.style;
        // The longest form of an OpenID has quotes, a comma, an escape for its `o`, and a line of
        // its own.
        let capacity = 512 + (self.len() as usize + style.empty_openids) * (OPENID_LENGTH + 16);
        let mut json = Json { bytes: Vec::with_capacity(capacity), spacing: style.spacing, depth: 0, is_first: true };
        json.open(b'{');
        if style.errcode_zero {
            json.member("errcode", "0");
            json.member("errmsg", r#""ok""#);
        }
        if style.extra_keys {
            json.member("server", r#"{"openid":["not a follower"],"load":[1,-2.5e3,null,true]}"#);
        }
        for key in style.key_order {
            match key {
                PageKey::Total => {
                    if let Some(total) = self.total {
                        json.member("total", &total.to_string());
                    }
                }
                PageKey::Count => json.member("count", &style.count.unwrap_or_else(|| self.len()).to_string()),
                PageKey::Data if self.has_data => self.render_data(&mut json),
                PageKey::Data => {}
                PageKey::NextOpenid => {
                    if let Some(next_openid) = &self.next_openid {
                        json.member("next_openid", &serde_json::Value::from(next_openid.as_str()).to_string());
                    }
                }
            }
        }
        if style.extra_keys {
            json.member("note", r#""]}, \"next_openid\":\"not a cursor\"""#);
        }
        json.close(b'}');
        json.bytes.into()
    }

    fn render_data(&self, json: &mut Json) {
        json.key("data");
        json.open(b'{');
        if self.style.extra_keys {
            json.member("unionid", r#"["not a follower either"]"#);
        }
        json.key("openid");
        json.open(b'[');
        for _ in 0..self.style.empty_openids {
            json.item(b"\"\"");
        }
        let separator = json.separator();
        let indices = self.segments.iter().flat_map(|positions| self.list.sequence.at(positions.clone()));
        for index in indices.flatten() {
            if json.is_first {
                json.begin_item();
            } else {
                json.bytes.extend_from_slice(&separator);
            }
            let openid = self.list.people.openid_bytes(index);
            if self.style.escaped {
                json.bytes.extend_from_slice(br#""\u006f"#);
                json.bytes.extend_from_slice(&openid[1..]);
                json.bytes.push(b'"');
            } else {
                let mut quoted = [b'"'; OPENID_LENGTH + 2];
                quoted[1..=OPENID_LENGTH].copy_from_slice(&openid);
                json.bytes.extend_from_slice(&quoted);
            }
        }
        json.close(b']');
        json.close(b'}');
    }
}

/// Writes JSON with white space of one kind.
struct Json {
    bytes: Vec<u8>,
    spacing: Spacing,
    depth: usize,
    /// Whether the next item is the first of its object or array.
    is_first: bool,
}

impl Json {
    fn open(&mut self, bracket: u8) {
        self.bytes.push(bracket);
        self.depth += 1;
        self.is_first = true;
    }

    fn close(&mut self, bracket: u8) {
        self.depth -= 1;
        let space = self.space();
        self.bytes.extend_from_slice(&space);
        self.bytes.push(bracket);
        self.is_first = false;
    }

    fn member(&mut self, key: &str, value: &str) {
        self.key(key);
        self.bytes.extend_from_slice(value.as_bytes());
    }

    fn key(&mut self, key: &str) {
        self.item(format!("\"{key}\":").as_bytes());
        if self.spacing != Spacing::Compact {
            self.bytes.push(b' ');
        }
    }

    fn item(&mut self, text: &[u8]) {
        self.begin_item();
        self.bytes.extend_from_slice(text);
    }

    fn begin_item(&mut self) {
        let before = if self.is_first { self.space() } else { self.separator() };
        self.bytes.extend_from_slice(&before);
        self.is_first = false;
    }

    /// Returns the separator of two items.
    fn separator(&self) -> Vec<u8> {
        [b",", self.space().as_slice()].concat()
    }

    fn space(&self) -> Vec<u8> {
        match self.spacing {
            Spacing::Compact => Vec::new(),
            Spacing::Spaced => b" ".to_vec(),
            Spacing::Pretty => [b"\n", "  ".repeat(self.depth).as_bytes()].concat(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn followers(count: u64) -> Followers {
        Followers::new(1, "wxpage", count)
    }

    fn page(count: u64, start: u64, style: PageStyle) -> Page {
        let sequence = Arc::new(Sequence::of(std::iter::once(0..count)));
        let list = PagedList { people: followers(count), sequence, total: Some(count), size: 10 };
        Page::new(list, start, style)
    }

    fn openids(page: &Page) -> Vec<String> {
        let json: Value = serde_json::from_slice(&page.render()).unwrap();
        let list = json["data"]["openid"].as_array().unwrap();
        list.iter().map(|openid| openid.as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn a_page_is_written_as_wechat_writes_it() {
        let followers = followers(2);
        let (first, last) = (followers.openid(0), followers.openid(1));
        assert_eq!(
            page(2, 0, PageStyle::default()).render(),
            format!(r#"{{"total":2,"count":2,"data":{{"openid":["{first}","{last}"]}},"next_openid":"{last}"}}"#)
        );
    }

    #[test]
    fn the_end_has_no_data_and_an_empty_cursor() {
        let end = r#"{"total":2,"count":0,"next_openid":""}"#;
        assert_eq!(page(2, 2, PageStyle::default()).render(), end);
        for (style, end) in [
            (EndStyle::DataAndCursor, r#"{"total":2,"count":0,"data":{"openid":[]},"next_openid":""}"#),
            (EndStyle::Data, r#"{"total":2,"count":0,"data":{"openid":[]}}"#),
            (EndStyle::Nothing, r#"{"total":2,"count":0}"#),
        ] {
            let style = PageStyle { end: style, ..PageStyle::default() };
            assert_eq!(page(2, 2, style.clone()).render(), end);
            let mut later = page(2, 2, PageStyle::default());
            later.set_style(style.clone());
            assert_eq!(later.render(), end);
            let mut full = page(2, 0, style);
            let bytes = full.render();
            full.set_style(PageStyle::default());
            assert_eq!(bytes, full.render(), "only the end differs");
        }
        let empty = r#"{"total":0,"count":0,"next_openid":""}"#;
        assert_eq!(page(0, 0, PageStyle::default()).render(), empty);
    }

    #[test]
    fn every_style_says_the_same() {
        use PageKey::{Count, Data, NextOpenid, Total};
        let styles = [
            PageStyle { spacing: Spacing::Spaced, ..PageStyle::default() },
            PageStyle { spacing: Spacing::Pretty, ..PageStyle::default() },
            PageStyle { key_order: [NextOpenid, Data, Count, Total], ..PageStyle::default() },
            PageStyle { extra_keys: true, spacing: Spacing::Pretty, ..PageStyle::default() },
            PageStyle { escaped: true, ..PageStyle::default() },
            PageStyle { errcode_zero: true, ..PageStyle::default() },
        ];
        let plain = page(25, 10, PageStyle::default());
        let expected: Value = serde_json::from_slice(&plain.render()).unwrap();
        for style in styles {
            let page = self::page(25, 10, style.clone());
            assert_ne!(page.render(), plain.render(), "{style:?} changes the bytes");
            let json: Value = serde_json::from_slice(&page.render()).unwrap();
            for key in ["total", "count", "next_openid"] {
                assert_eq!(json[key], expected[key], "{style:?}");
            }
            assert_eq!(json["data"]["openid"], expected["data"]["openid"], "{style:?}");
        }
    }

    #[test]
    fn empty_strings_stand_before_the_openids_and_are_not_counted() {
        let style = PageStyle { empty_openids: 2, ..PageStyle::default() };
        let page = self::page(3, 0, style);
        let json: Value = serde_json::from_slice(&page.render()).unwrap();
        assert_eq!(json["count"], 3);
        assert_eq!(openids(&page)[..2], ["", ""]);
        assert!(followers(3).iter().eq(openids(&page).into_iter().skip(2)));
    }

    #[test]
    fn omitted_and_duplicated_openids_are_the_ones_at_these_positions() {
        let truth: Vec<_> = followers(30).range(10..20).collect();
        let mut page = self::page(30, 10, PageStyle::default());
        page.omit(&(2..5));
        assert_eq!(openids(&page), [&truth[..2], &truth[5..]].concat());

        let mut page = self::page(30, 10, PageStyle::default());
        page.duplicate(&(8..10));
        assert_eq!(openids(&page), [&truth[..], &truth[8..]].concat());
        assert_eq!(page.next_openid.as_ref(), truth.last());
    }

    #[test]
    fn a_short_page_carries_the_cursor_of_its_own_last_openid() {
        let mut page = self::page(30, 0, PageStyle::default());
        page.shorten(4);
        assert!(openids(&page).into_iter().eq(followers(30).range(0..4)));
        assert_eq!(page.next_openid, Some(followers(30).openid(3)));
        assert_eq!(page.list.page_number(4), 2, "the rest counts as the next page");
    }
}
