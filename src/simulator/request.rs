//! A request as the API looks at it: the query, and the bodies of the calls.
//!
//! `server` makes it of HTTP, and `api` answers it.

use std::borrow::Cow;
use std::collections::HashMap;

use bytes::Bytes;
use serde::Deserialize;

use super::reply::SimulatedReply;

/// The parts of a request that the API looks at.
#[derive(Debug)]
pub(super) struct ApiRequest {
    pub(super) path: String,
    pub(super) is_post: bool,
    pub(super) has_length: bool,
    pub(super) parameters: HashMap<String, String>,
    pub(super) body: Bytes,
}

impl ApiRequest {
    /// Returns a parameter of the query. An empty one counts as absent, as it does for WeChat.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Returns the refusal of a call that must be a GET.
    pub(super) fn refuse_unless_gotten(&self) -> Option<SimulatedReply> {
        self.is_post.then(|| SimulatedReply::errcode(43001))
    }

    /// Returns the refusal of a call that must be a POST with a length. WeChat's gateway refuses a
    /// body without `Content-Length` before it reads it.
    pub(super) fn refuse_unless_posted(&self) -> Option<SimulatedReply> {
        if !self.is_post {
            Some(SimulatedReply::errcode(43002))
        } else if !self.has_length {
            Some(SimulatedReply::http(412, Vec::new(), Bytes::new()))
        } else {
            None
        }
    }
}

/// The body of a `stable_token` call.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Credentials {
    pub(super) grant_type: String,
    pub(super) appid: String,
    pub(super) secret: String,
    pub(super) force_refresh: bool,
}

/// The body of a `quota/get` call.
#[derive(Debug, Deserialize)]
pub(super) struct QuotaQuery {
    pub(super) cgi_path: String,
}

/// The body of a `batchget` call.
#[derive(Debug, Default, Deserialize)]
pub(super) struct BatchQuery<'a> {
    #[serde(default, borrow)]
    pub(super) user_list: Vec<PersonQuery<'a>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct PersonQuery<'a> {
    #[serde(borrow)]
    pub(super) openid: Cow<'a, str>,
}

/// The body of a call for the blacklist. A cursor under another key is not seen.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct BlacklistQuery {
    pub(super) begin_openid: String,
}

/// The body of a call for the members of a tag.
#[derive(Debug, Deserialize)]
pub(super) struct TagQuery {
    pub(super) tagid: i32,
    #[serde(default)]
    pub(super) next_openid: String,
}
