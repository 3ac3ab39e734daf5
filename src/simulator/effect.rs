//! What a fault makes of a call: the reply that is sent instead, or what happens meanwhile.
//!
//! `fault` picks the calls. An effect is data; only [`Effect::apply`] knows what it does.

use std::ops::Range;
use std::time::{Duration, SystemTime};

use bytes::Bytes;

use super::batch::Batch;
use super::body::Transmission;
use super::call::Call;
use super::day::begin_next_day;
use super::event::Event;
use super::flaw::Move;
use super::page::{Page, PageStyle};
use super::reply::{Coding, Content, SimulatedReply, message};
use super::row::ProfileStyle;
use super::token::Tokens;
use crate::clock::Clock;

/// How a call goes wrong.
///
/// The effects on a page of a list ([`Style`](Effect::Style) and those after it) leave every other
/// reply unchanged, and so do those on profiles ([`ProfileStyle`](Effect::ProfileStyle) and those
/// after it). `Omit`, `Duplicate` and `OtherAccount` are effects on both.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// A status 200 whose JSON is an error. A request id is appended to the message.
    Errcode {
        /// The `errcode`.
        code: i64,
        /// The beginning of the `errmsg`.
        message: String,
    },
    /// This response in place of WeChat's: an error status, a redirect, HTML, nothing, or any
    /// bytes.
    Http {
        /// The status.
        status: u16,
        /// The headers.
        headers: Vec<(String, String)>,
        /// The body.
        body: Bytes,
    },
    /// A body of this many spaces, without a `Content-Length`.
    Huge(u64),
    /// A body of at least this many spaces, compressed to a thousandth.
    GzipBomb(u64),
    /// These bytes before the body, for example a byte order mark.
    Prefix(Bytes),
    /// These bytes in place of those of the body, from byte `at` on.
    Overwrite {
        /// The position of the first byte, counted from 0.
        at: usize,
        /// The bytes.
        bytes: Bytes,
    },
    /// This type in the header `Content-Type`.
    ContentType(String),
    /// The body is compressed.
    Gzip,
    /// The body comes in chunks, without a `Content-Length`.
    Chunked,
    /// The reply comes later by this time.
    Delay(Duration),
    /// The body comes in small pieces.
    Drip {
        /// The bytes of one piece.
        bytes: usize,
        /// The pause before each piece.
        pause: Duration,
    },
    /// The connection is closed after this many bytes of the body.
    Truncate(usize),
    /// The connection is reset after this many bytes of the body.
    ResetAfter(usize),
    /// The headers come, but no body.
    Stall,
    /// The connection is reset before the first byte.
    Reset,
    /// The connection is closed before the first byte.
    Close,
    /// The reply comes; then the connection is closed without notice, although it could have been
    /// used again.
    CloseIdle,
    /// Every token of the account expires now, and this call is refused with the code for an
    /// expired token.
    ExpireToken,
    /// Midnight in Beijing passes while the call is under way.
    Midnight,
    /// This happens to the people of the account behind the reply, before the next call.
    Happens(Event),
    /// The control characters of tag names are written without an escape, which JSON does not
    /// allow.
    RawControls,
    /// The page is written in this style.
    Style(PageStyle),
    /// The page ends after this many followers, and its cursor is the last of them; the next page
    /// continues from there.
    Short(u64),
    /// The page with this number, counted from 1, in place of the right one: its cursor leads back.
    RepeatPage(u64),
    /// The end of the list, although more followers come.
    EarlyEnd,
    /// The key `next_openid` has this value; `None` leaves it out.
    NextOpenid(Option<String>),
    /// The key `data` is left out.
    MissingData,
    /// `total` has this value.
    Total(i64),
    /// `total` grows by this number from page to page; that of the first page is right.
    DriftTotal(i64),
    /// The OpenIDs at these positions of the page, counted from 0, are left out; the cursor stays.
    /// Of a batch, the rows at these positions.
    Omit(Range<u64>),
    /// The OpenIDs at these positions of the page, counted from 0, come twice; the cursor stays. Of
    /// a batch, the rows at these positions.
    Duplicate(Range<u64>),
    /// This many followers of the pages before come again, before those of the page; the cursor
    /// stays.
    Overlap(u64),
    /// The followers are those of another account, as a token of that account would return them;
    /// the cursor stays. Of a batch, the rows are those of as many people of another account.
    OtherAccount,
    /// The profiles are written in this style.
    ProfileStyle(ProfileStyle),
    /// The rows come in reverse order.
    Reverse,
    /// The rows of this many people for whom nobody has asked come as well.
    Strangers(u64),
    /// The rows at these positions, counted from 0, say that these people have unfollowed.
    Unsubscribe(Range<u64>),
    /// No row has a unionid.
    NoUnionids,
    /// The unionids of the rows behind this position, counted from 0, are out of step.
    MoveUnionids(u64, Move),
}

impl Effect {
    /// Returns an error reply with this code, and with the text that WeChat has for it.
    pub fn errcode(code: i64) -> Self {
        Self::Errcode { code, message: message(code).to_owned() }
    }

    /// Returns a response with this status, without headers and body.
    pub fn status(status: u16) -> Self {
        Self::Http { status, headers: Vec::new(), body: Bytes::new() }
    }

    /// Returns a response with this status and a page of HTML, as a proxy sends it.
    pub fn html(status: u16) -> Self {
        let body = Bytes::from(format!("<html><body><h1>{status}</h1><hr>nginx</body></html>"));
        Self::Http { status, headers: vec![("content-type".to_owned(), "text/html".to_owned())], body }
    }

    /// Returns status 429, with `Retry-After` in seconds.
    pub fn too_many_requests(retry_after_secs: u64) -> Self {
        let headers = vec![("retry-after".to_owned(), retry_after_secs.to_string())];
        Self::Http { status: 429, headers, body: Bytes::new() }
    }

    /// Returns status 429, with `Retry-After` as a date.
    pub fn too_many_requests_until(date: SystemTime) -> Self {
        let headers = vec![("retry-after".to_owned(), httpdate::fmt_http_date(date))];
        Self::Http { status: 429, headers, body: Bytes::new() }
    }

    /// Returns status 302, to `location`.
    pub fn redirect(location: &str) -> Self {
        let headers = vec![("location".to_owned(), location.to_owned())];
        Self::Http { status: 302, headers, body: Bytes::new() }
    }

    /// Returns a status 200 with this body, whose type is JSON.
    pub fn body(body: impl Into<Bytes>) -> Self {
        let headers = vec![("content-type".to_owned(), "application/json; encoding=utf-8".to_owned())];
        Self::Http { status: 200, headers, body: body.into() }
    }

    /// Applies this effect to the reply to `call`.
    pub(super) fn apply(&self, call: &Call, around: &mut Around<'_>, reply: &mut SimulatedReply) {
        match self {
            Self::Errcode { code, message } => reply.replace(SimulatedReply::errcode_with(*code, message)),
            Self::Http { status, headers, body } => {
                reply.replace(SimulatedReply::http(*status, headers.clone(), body.clone()));
            }
            Self::Huge(length) => reply.content = Content::Spaces(*length),
            Self::GzipBomb(length) => reply.content = Content::GzippedSpaces(*length),
            Self::Prefix(prefix) => reply.prefix = prefix.clone(),
            Self::Overwrite { at, bytes } => reply.overwrite(*at, bytes),
            Self::ContentType(content_type) => reply.set_header("content-type", content_type),
            Self::Gzip => reply.coding = Coding::Gzipped,
            Self::Chunked => reply.coding = Coding::Chunked,
            Self::Delay(delay) => reply.delay += *delay,
            Self::Drip { bytes, pause } => reply.transmission = Transmission::Dripping(*bytes, *pause),
            Self::Truncate(length) => reply.transmission = Transmission::Truncated(*length),
            Self::ResetAfter(length) => reply.transmission = Transmission::Torn(*length),
            Self::Stall => reply.transmission = Transmission::Stalled,
            Self::Reset => reply.transmission = Transmission::Reset,
            Self::Close => reply.transmission = Transmission::Closed,
            Self::CloseIdle => reply.transmission = Transmission::ThenClosed,
            Self::ExpireToken => {
                around.tokens.expire(call.app_id.as_deref().unwrap_or_default());
                reply.replace(SimulatedReply::errcode(42001));
            }
            Self::Midnight => begin_next_day(around.clock),
            Self::Happens(event) => around.events.push(event.clone()),
            Self::RawControls => reply.write_controls_raw(),
            _ => match &mut reply.content {
                Content::Page(page) => self.apply_to_page(page),
                Content::Batch(batch) => self.apply_to_batch(batch),
                Content::Bytes(_) | Content::Spaces(_) | Content::GzippedSpaces(_) => {}
            },
        }
    }

    fn apply_to_batch(&self, batch: &mut Batch) {
        match self {
            Self::ProfileStyle(style) => batch.style = *style,
            Self::Reverse => batch.reverse(),
            Self::Omit(places) => batch.omit(places),
            Self::Duplicate(places) => batch.duplicate(places),
            Self::Strangers(count) => batch.add_strangers(*count),
            Self::OtherAccount => batch.become_another_accounts(),
            Self::Unsubscribe(places) => batch.unsubscribe(places),
            Self::NoUnionids => batch.remove_unionids(),
            Self::MoveUnionids(place, moves) => batch.move_unionids(*place, *moves),
            _ => {}
        }
    }

    fn apply_to_page(&self, page: &mut Page) {
        match self {
            Self::Style(style) => page.set_style(style.clone()),
            Self::Short(length) => page.shorten(*length),
            Self::RepeatPage(number) => page.become_number(*number),
            Self::EarlyEnd => page.become_end(),
            Self::NextOpenid(next_openid) => page.next_openid.clone_from(next_openid),
            Self::MissingData => page.has_data = false,
            Self::Total(total) => page.total = Some(*total),
            Self::DriftTotal(step) => page.drift_total(*step),
            Self::Omit(positions) => page.omit(positions),
            Self::Duplicate(positions) => page.duplicate(positions),
            Self::Overlap(length) => page.overlap(*length),
            Self::OtherAccount => page.become_another_accounts(),
            _ => {}
        }
    }
}

/// What a call can change besides its reply.
#[derive(Debug)]
pub(super) struct Around<'a> {
    pub(super) tokens: &'a mut Tokens,
    pub(super) clock: &'a Clock,
    /// What happens to the account's people behind the reply.
    pub(super) events: Vec<Event>,
}
