//! What a call is answered with: first as data that faults edit, then as a body that hyper sends.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use hyper::Response;
use hyper::body::{Body, Frame};
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE};

use super::followers::mix;
use super::page::Page;

/// An answer before it is sent.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) content: Content,
    /// Bytes that go before the body.
    pub(super) prefix: Bytes,
    /// Waited before the first byte.
    pub(super) delay: Duration,
    pub(super) delivery: Delivery,
}

/// The body of a reply. A page stays a page until it is sent, so that faults can edit what it says.
#[derive(Debug)]
pub(super) enum Content {
    Page(Box<Page>),
    Bytes(Bytes),
    /// So many spaces, streamed without a `Content-Length`.
    Spaces(u64),
}

/// How much of a reply arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Delivery {
    Whole,
    /// So many bytes of the body, then the connection is closed.
    Truncated(usize),
    /// The headers, and nothing after them.
    Stalled,
    /// Nothing: the connection is reset.
    Reset,
}

/// WeChat says `encoding`, not `charset`.
const JSON: &str = "application/json; encoding=utf-8";

impl Reply {
    /// Returns a reply of WeChat's kind: status 200, JSON.
    pub(super) fn json(json: impl Into<Bytes>) -> Self {
        Self::new(200, vec![(CONTENT_TYPE.to_string(), JSON.to_owned())], Content::Bytes(json.into()))
    }

    /// Returns a page of a list.
    pub(super) fn page(page: Page) -> Self {
        Self { content: Content::Page(Box::new(page)), ..Self::json("") }
    }

    /// Returns an error of WeChat's kind, with the text that WeChat has for it.
    pub(super) fn errcode(code: i64) -> Self {
        Self::errcode_with(code, message(code))
    }

    /// Returns an error of WeChat's kind: a status 200 that carries a code, a text, and the id of the request.
    pub(super) fn errcode_with(code: i64, message: &str) -> Self {
        let text = serde_json::Value::from(format!("{message} rid: {}", request_id()));
        Self::json(format!(r#"{{"errcode":{code},"errmsg":{text}}}"#))
    }

    /// Returns a reply that only HTTP knows.
    pub(super) fn http(status: u16, headers: Vec<(String, String)>, body: Bytes) -> Self {
        Self::new(status, headers, Content::Bytes(body))
    }

    fn new(status: u16, headers: Vec<(String, String)>, content: Content) -> Self {
        let delivery = Delivery::Whole;
        Self { status, headers, content, prefix: Bytes::new(), delay: Duration::ZERO, delivery }
    }

    /// Becomes the reply that `replacement` is, and keeps how it is to be sent.
    pub(super) fn replace(&mut self, replacement: Self) {
        self.status = replacement.status;
        self.headers = replacement.headers;
        self.content = replacement.content;
    }

    /// Returns the reply as hyper sends it: this is where a page is written.
    pub(super) fn into_response(self) -> Response<ReplyBody> {
        let (content, spaces) = match self.content {
            Content::Page(page) => (page.render(), None),
            Content::Bytes(bytes) => (bytes, None),
            Content::Spaces(length) => (Bytes::new(), Some(length)),
        };
        let mut response = Response::builder().status(self.status);
        for (name, value) in self.headers {
            response = response.header(name, value);
        }
        if spaces.is_none() {
            response = response.header(CONTENT_LENGTH, self.prefix.len() + content.len());
        }
        let body = match self.delivery {
            Delivery::Truncated(length) => ReplyBody::truncated(&self.prefix, &content, length),
            Delivery::Stalled => ReplyBody { chunks: [Bytes::new(), Bytes::new()], spaces: 0, end: BodyEnd::Never },
            Delivery::Whole | Delivery::Reset => {
                ReplyBody { chunks: [self.prefix, content], spaces: spaces.unwrap_or(0), end: BodyEnd::Whole }
            }
        };
        response.body(body).unwrap_or_else(|error| {
            let text = Bytes::from(format!("a fault of the simulator is not valid HTTP: {error}"));
            let mut response = Response::new(ReplyBody::truncated(&text, &Bytes::new(), usize::MAX));
            *response.status_mut() = hyper::StatusCode::INTERNAL_SERVER_ERROR;
            response
        })
    }
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
        40125 => "invalid appsecret",
        40164 => "invalid ip 127.0.0.1 ipv6 ::ffff:127.0.0.1, not in whitelist",
        40243 => "appsecret has been frozen",
        41001 => "access_token missing",
        41002 => "appid missing",
        41004 => "appsecret missing",
        42001 => "access_token expired",
        43001 => "require GET method",
        43002 => "require POST method",
        45009 => "reach max api daily quota limit",
        45011 => "api minute-quota reach limit, must slower, retry next minute",
        47001 => "data format error",
        48001 => "api unauthorized",
        48004 => "api forbidden for irregularities, view detail on mp.weixin.qq.com",
        50002 => "user limited",
        76021 => "cgi_path not found",
        _ => "an error without a documented text",
    }
}

/// Returns an id of WeChat's form, whose first part is the time in seconds.
fn request_id() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let noise = mix(now.as_nanos() as u64);
    format!("{:08x}-{:08x}-{:08x}", now.as_secs(), noise >> 32, noise as u32)
}

/// A body that can end too early, or never.
#[derive(Debug)]
pub(super) struct ReplyBody {
    chunks: [Bytes; 2],
    spaces: u64,
    end: BodyEnd,
}

#[derive(Debug, Clone, Copy)]
enum BodyEnd {
    Whole,
    /// hyper closes the connection when a body ends before its `Content-Length`, but drops what it has not sent yet:
    /// once `Pending` makes it send that first.
    EarlyAfterFlush,
    Never,
}

/// The spaces of a streamed body come in pieces of this size.
static SPACES: [u8; 65_536] = [b' '; 65_536];

impl ReplyBody {
    fn truncated(prefix: &Bytes, content: &Bytes, length: usize) -> Self {
        let kept = prefix.slice(..length.min(prefix.len()));
        let rest = content.slice(..(length - kept.len()).min(content.len()));
        let is_whole = kept.len() + rest.len() == prefix.len() + content.len();
        let end = if is_whole { BodyEnd::Whole } else { BodyEnd::EarlyAfterFlush };
        Self { chunks: [kept, rest], spaces: 0, end }
    }

    fn next_chunk(&mut self) -> Option<Bytes> {
        if let Some(chunk) = self.chunks.iter_mut().find(|chunk| !chunk.is_empty()) {
            return Some(std::mem::take(chunk));
        }
        let length = self.spaces.min(SPACES.len() as u64);
        self.spaces -= length;
        (length > 0).then(|| Bytes::from_static(&SPACES[..length as usize]))
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Some(chunk) = self.next_chunk() {
            return Poll::Ready(Some(Ok(Frame::data(chunk))));
        }
        match self.end {
            BodyEnd::Whole => Poll::Ready(None),
            BodyEnd::EarlyAfterFlush => {
                self.end = BodyEnd::Whole;
                context.waker().wake_by_ref();
                Poll::Pending
            }
            BodyEnd::Never => Poll::Pending,
        }
    }
}
