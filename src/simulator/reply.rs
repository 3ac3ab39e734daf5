//! The reply to a call: first data that faults edit, then a body that hyper sends.
//!
//! `api` makes it, `fault` edits it, and `server` sends it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use hyper::Response;
use hyper::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};

use super::batch::Batch;
use super::body::{ReplyBody, Transmission, gzip};
use super::followers::mix;
use super::page::Page;

/// A reply before it is sent.
#[derive(Debug)]
pub(super) struct SimulatedReply {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) content: Content,
    /// Bytes before the body.
    pub(super) prefix: Bytes,
    /// The wait before the first byte.
    pub(super) delay: Duration,
    pub(super) coding: Coding,
    pub(super) transmission: Transmission,
}

/// The body of a reply. A page and a batch are rendered only when they are sent, so that faults can
/// edit them.
#[derive(Debug)]
pub(super) enum Content {
    Page(Box<Page>),
    Batch(Box<Batch>),
    Bytes(Bytes),
    /// This many spaces, streamed without a `Content-Length`.
    Spaces(u64),
    /// The same, compressed.
    GzippedSpaces(u64),
}

/// How a body is encoded on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    /// Unchanged, with its length.
    Plain,
    /// In chunks, without its length.
    Chunked,
    /// Compressed.
    Gzipped,
}

/// WeChat writes `encoding`, not `charset`.
const JSON: &str = "application/json; encoding=utf-8";

impl SimulatedReply {
    /// Returns a reply as WeChat sends it: status 200, JSON.
    pub(super) fn json(json: impl Into<Bytes>) -> Self {
        Self::new(200, vec![(CONTENT_TYPE.to_string(), JSON.to_owned())], Content::Bytes(json.into()))
    }

    /// Returns a page of a list.
    pub(super) fn page(page: Page) -> Self {
        Self { content: Content::Page(Box::new(page)), ..Self::json("") }
    }

    /// Returns the profiles of some people.
    pub(super) fn batch(batch: Batch) -> Self {
        Self { content: Content::Batch(Box::new(batch)), ..Self::json("") }
    }

    /// Returns an error reply with this code and the text that WeChat has for it.
    pub(super) fn errcode(code: i64) -> Self {
        Self::errcode_with(code, message(code))
    }

    /// Returns an error reply: a status 200 with a code, a text, and the id of the request.
    pub(super) fn errcode_with(code: i64, message: &str) -> Self {
        let text = serde_json::Value::from(format!("{message} rid: {}", request_id()));
        Self::json(format!(r#"{{"errcode":{code},"errmsg":{text}}}"#))
    }

    /// Returns a reply of HTTP alone, without WeChat's JSON.
    pub(super) fn http(status: u16, headers: Vec<(String, String)>, body: Bytes) -> Self {
        Self::new(status, headers, Content::Bytes(body))
    }

    fn new(status: u16, headers: Vec<(String, String)>, content: Content) -> Self {
        let (coding, transmission) = (Coding::Plain, Transmission::Whole);
        Self { status, headers, content, prefix: Bytes::new(), delay: Duration::ZERO, coding, transmission }
    }

    /// Replaces status, headers and body by those of `replacement`, and keeps how they are sent.
    pub(super) fn replace(&mut self, replacement: Self) {
        self.status = replacement.status;
        self.headers = replacement.headers;
        self.content = replacement.content;
    }

    /// Sets a header, and removes any other value of it.
    pub(super) fn set_header(&mut self, name: &str, value: &str) {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.to_owned()));
    }

    /// Writes these bytes over those of the body, from `at` on.
    pub(super) fn overwrite(&mut self, at: usize, bytes: &[u8]) {
        let mut body = match &self.content {
            Content::Page(page) => page.render().to_vec(),
            Content::Batch(batch) => batch.render().to_vec(),
            Content::Bytes(bytes) => bytes.to_vec(),
            Content::Spaces(_) | Content::GzippedSpaces(_) => return,
        };
        let end = (at + bytes.len()).min(body.len());
        let at = at.min(end);
        body[at..end].copy_from_slice(&bytes[..end - at]);
        self.content = Content::Bytes(body.into());
    }

    /// Writes the control characters of a body that is neither a page nor a batch as they are.
    pub(super) fn write_controls_raw(&mut self) {
        let Content::Bytes(body) = &self.content else { return };
        let mut text = String::from_utf8_lossy(body).into_owned();
        for control in '\0'..' ' {
            text = text.replace(&format!(r"\u{:04x}", u32::from(control)), control.encode_utf8(&mut [0; 4]));
        }
        self.content = Content::Bytes(text.into());
    }

    /// Returns the reply as hyper sends it. A page or a batch is rendered here.
    pub(super) fn into_response(self) -> Response<ReplyBody> {
        let mut response = Response::builder().status(self.status);
        for (name, value) in self.headers {
            response = response.header(name, value);
        }
        let content = match self.content {
            Content::Page(page) => page.render(),
            Content::Batch(batch) => batch.render(),
            Content::Bytes(bytes) => bytes,
            Content::Spaces(length) => return finish(response, ReplyBody::spaces(self.prefix, length)),
            Content::GzippedSpaces(length) => {
                let response = response.header(CONTENT_ENCODING, "gzip");
                return finish(response, ReplyBody::gzipped_spaces(length));
            }
        };
        let (prefix, content) = match self.coding {
            Coding::Gzipped => {
                response = response.header(CONTENT_ENCODING, "gzip");
                (Bytes::new(), gzip(&[self.prefix, content].concat()))
            }
            Coding::Plain | Coding::Chunked => (self.prefix, content),
        };
        if self.coding != Coding::Chunked {
            response = response.header(CONTENT_LENGTH, prefix.len() + content.len());
        }
        finish(response, ReplyBody::new(prefix, content, self.transmission))
    }
}

fn finish(response: hyper::http::response::Builder, body: ReplyBody) -> Response<ReplyBody> {
    response.body(body).unwrap_or_else(|error| {
        let text = Bytes::from(format!("a fault of the simulator is not valid HTTP: {error}"));
        let mut response = Response::new(ReplyBody::new(text, Bytes::new(), Transmission::Whole));
        *response.status_mut() = hyper::StatusCode::INTERNAL_SERVER_ERROR;
        response
    })
}

/// Returns the text that WeChat sends with a code.
pub(super) fn message(code: i64) -> &'static str {
    match code {
        -1 => "system error",
        40001 => {
            "invalid credential, access_token is invalid or not latest, could get access_token by \
             getStableAccessToken, more details at https://mmbizurl.cn/s/JtxxFh33r"
        }
        40002 => "invalid grant_type",
        40003 => "invalid openid",
        40013 => "invalid appid",
        40014 => "invalid access_token",
        40032 => "invalid openid list size",
        40125 => "invalid appsecret",
        40164 => "invalid ip 127.0.0.1 ipv6 ::ffff:127.0.0.1, not in whitelist",
        40243 => "appsecret has been frozen",
        41001 => "access_token missing",
        41002 => "appid missing",
        41004 => "appsecret missing",
        41009 => "missing openid",
        42001 => "access_token expired",
        43001 => "require GET method",
        43002 => "require POST method",
        45009 => "reach max api daily quota limit",
        45011 => "api minute-quota reach limit, must slower, retry next minute",
        45159 => "invalid tag id",
        45035 => "access clientip is not in whitelist, clientip: 127.0.0.1",
        47001 => "data format error",
        48001 => "api unauthorized",
        48004 => "api forbidden for irregularities, view detail on mp.weixin.qq.com",
        49003 => "not match openid with appid",
        50002 => "user limited",
        61004 => "access clientip is not registered requestIP: 127.0.0.1",
        61007 => "api is unauthorized to component",
        89503 => "this ip call request is waiting for admin confirmation 127.0.0.1",
        76021 => "cgi_path not found",
        _ => "an error without a documented text",
    }
}

/// Returns a request id of WeChat's form, whose first part is the time in seconds.
fn request_id() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let noise = mix(now.as_nanos() as u64);
    format!("{:08x}-{:08x}-{:08x}", now.as_secs(), noise >> 32, noise as u32)
}
