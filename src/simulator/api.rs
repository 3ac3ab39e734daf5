//! WeChat's answer to each call: the endpoints and the state behind them, without HTTP.
//!
//! `server` passes each request to [`Api::answer`], and sends the reply that it returns.
//!
//! The answers have the form of 获取用户列表
//! (<https://developers.weixin.qq.com/doc/service/api/usermanage/userinfo/api_getfans>) as real
//! accounts answer it. At the end of a list, that differs from the example in the documentation.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use chrono::NaiveDate;
use serde::Deserialize;

use super::call::{Call, Endpoint, RequestCounts, USER_GET_PATH};
use super::day::day;
use super::fault::Faults;
use super::followers::Followers;
use super::page::{Page, PageStyle, page_number};
use super::reply::SimulatedReply;
use super::token::{TOKEN_LIFETIME, TokenState, Tokens};
use crate::clock::Clock;

/// The settings of a simulator, fixed when it starts.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) seed: u64,
    pub(super) followers: u64,
    /// The numbers of followers that differ from `followers`, by app id.
    pub(super) accounts: HashMap<String, u64>,
    /// The secrets that are checked, by app id. Every other account accepts any secret.
    pub(super) secrets: HashMap<String, String>,
    pub(super) page_size: u64,
    pub(super) page_style: PageStyle,
    pub(super) latency: Duration,
    pub(super) daily_limit: u64,
    /// The limits that differ from `daily_limit`, by app id.
    pub(super) daily_limits: HashMap<String, u64>,
    pub(super) clock: Clock,
}

impl Settings {
    pub(super) fn followers(&self, app_id: &str) -> Followers {
        let count = self.accounts.get(app_id).copied().unwrap_or(self.followers);
        Followers::new(self.seed, app_id, count)
    }

    fn daily_limit(&self, app_id: &str) -> u64 {
        self.daily_limits.get(app_id).copied().unwrap_or(self.daily_limit)
    }
}

/// The parts of a request that the API looks at.
#[derive(Debug)]
pub(super) struct ApiRequest {
    pub(super) path: String,
    pub(super) is_post: bool,
    pub(super) has_length: bool,
    pub(super) parameters: HashMap<String, String>,
    pub(super) body: bytes::Bytes,
}

impl ApiRequest {
    /// Returns a parameter of the query. An empty one counts as absent, as it does for WeChat.
    fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}

/// The body of a `stable_token` call.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Credentials {
    grant_type: String,
    appid: String,
    secret: String,
    force_refresh: bool,
}

/// The body of a `quota/get` call.
#[derive(Debug, Deserialize)]
struct QuotaQuery {
    cgi_path: String,
}

/// The number of calls that the log keeps: the newest ones.
const LOG_CAPACITY: usize = 10_000;

/// The accounts, tokens and faults of one simulator.
#[derive(Debug)]
pub(super) struct Api {
    pub(super) settings: Settings,
    pub(super) tokens: Tokens,
    pub(super) faults: Faults,
    pub(super) counts: RequestCounts,
    pub(super) log: VecDeque<Call>,
    /// The calls to `user/get` by app id: since the start, and on `day`.
    pub(super) used: HashMap<String, u64>,
    pub(super) used_today: HashMap<String, u64>,
    /// The day in Beijing of the last call.
    day: NaiveDate,
}

impl Api {
    pub(super) fn new(settings: Settings) -> Self {
        let tokens = Tokens::new(TOKEN_LIFETIME);
        let (faults, counts) = (Faults::default(), RequestCounts::default());
        Self {
            day: day(&settings.clock),
            settings,
            tokens,
            faults,
            counts,
            log: VecDeque::new(),
            used: HashMap::new(),
            used_today: HashMap::new(),
        }
    }

    /// Answers one request: as WeChat does, then changed by the faults.
    pub(super) fn answer(&mut self, request: &ApiRequest) -> SimulatedReply {
        let today = day(&self.settings.clock);
        if self.day != today {
            self.day = today;
            self.used_today.clear();
        }
        let credentials = serde_json::from_slice::<Credentials>(&request.body);
        let call = self.identify(request, credentials.as_ref().ok());
        let mut reply = match call.endpoint {
            Endpoint::Token => self.token(request),
            Endpoint::StableToken => self.stable_token(request, credentials),
            Endpoint::UserGet => self.user_get(request, &call),
            Endpoint::Quota => self.quota(request),
            Endpoint::Other => SimulatedReply::http(404, Vec::new(), bytes::Bytes::new()),
        };
        self.faults.apply(&call, &mut self.tokens, &self.settings.clock, &mut reply);
        reply.delay += self.settings.latency;
        self.counts.count(call.endpoint);
        if self.log.len() == LOG_CAPACITY {
            self.log.pop_front();
        }
        self.log.push_back(call);
        reply
    }

    /// Returns what the log and the faults need to know of a request.
    fn identify(&self, request: &ApiRequest, credentials: Option<&Credentials>) -> Call {
        let endpoint = Endpoint::of(&request.path);
        let app_id = match endpoint {
            Endpoint::Token => request.parameter("appid"),
            Endpoint::StableToken => credentials.map(|credentials| credentials.appid.as_str()),
            Endpoint::UserGet | Endpoint::Quota => {
                request.parameter("access_token").and_then(|token| self.tokens.app_id(token))
            }
            Endpoint::Other => None,
        };
        let start = app_id.filter(|_| endpoint == Endpoint::UserGet).and_then(|app_id| {
            let followers = self.settings.followers(app_id);
            request.parameter("next_openid").map_or(Some(0), |cursor| followers.index(cursor).map(|index| index + 1))
        });
        let page = start.map(|start| page_number(start, self.settings.page_size));
        Call { endpoint, app_id: app_id.map(str::to_owned), page, start }
    }

    fn user_get(&mut self, request: &ApiRequest, call: &Call) -> SimulatedReply {
        let app_id = match self.authorize(request) {
            Ok(app_id) => app_id,
            Err(code) => return SimulatedReply::errcode(code),
        };
        *self.used.entry(app_id.clone()).or_default() += 1;
        let used = self.used_today.entry(app_id.clone()).or_default();
        *used += 1;
        if *used > self.settings.daily_limit(&app_id) {
            return SimulatedReply::errcode(45009);
        }
        let Some(start) = call.start else { return SimulatedReply::errcode(40003) };
        let Settings { page_size, page_style, .. } = &self.settings;
        SimulatedReply::page(Page::new(self.settings.followers(&app_id), start, *page_size, page_style.clone()))
    }

    fn quota(&self, request: &ApiRequest) -> SimulatedReply {
        if let Some(refusal) = refuse_unless_posted(request) {
            return refusal;
        }
        let app_id = match self.authorize(request) {
            Ok(app_id) => app_id,
            Err(code) => return SimulatedReply::errcode(code),
        };
        match serde_json::from_slice::<QuotaQuery>(&request.body) {
            Ok(query) if query.cgi_path == USER_GET_PATH => {}
            Ok(_) => return SimulatedReply::errcode(76021),
            Err(_) => return SimulatedReply::errcode(47001),
        }
        let limit = self.settings.daily_limit(&app_id);
        let used = self.used_today.get(&app_id).copied().unwrap_or(0).min(limit);
        SimulatedReply::json(format!(
            concat!(
                r#"{{"errcode":0,"errmsg":"ok","quota":{{"daily_limit":{},"used":{},"remain":{}}},"#,
                r#""rate_limit":{{"call_count":6000,"refresh_second":60}}}}"#
            ),
            limit,
            used,
            limit - used
        ))
    }

    fn token(&mut self, request: &ApiRequest) -> SimulatedReply {
        if request.is_post {
            return SimulatedReply::errcode(43001);
        }
        let parameter = |name| request.parameter(name).unwrap_or_default();
        let (app_id, secret) = (parameter("appid"), parameter("secret"));
        match self.check_credentials(parameter("grant_type"), app_id, secret) {
            Ok(()) => token_reply(self.tokens.classic(app_id)),
            Err(code) => SimulatedReply::errcode(code),
        }
    }

    fn stable_token(&mut self, request: &ApiRequest, credentials: serde_json::Result<Credentials>) -> SimulatedReply {
        if let Some(refusal) = refuse_unless_posted(request) {
            return refusal;
        }
        let Ok(Credentials { grant_type, appid, secret, force_refresh }) = credentials else {
            return SimulatedReply::errcode(47001);
        };
        match self.check_credentials(&grant_type, &appid, &secret) {
            Ok(()) => token_reply(self.tokens.stable(&appid, force_refresh)),
            Err(code) => SimulatedReply::errcode(code),
        }
    }

    /// Returns the account that the request's token belongs to, or the code with which WeChat
    /// refuses the token.
    fn authorize(&self, request: &ApiRequest) -> Result<String, i64> {
        let token = request.parameter("access_token").ok_or(41001)?;
        match self.tokens.state(token) {
            TokenState::Valid => self.tokens.app_id(token).map(str::to_owned).ok_or(40001),
            TokenState::Expired => Err(42001),
            TokenState::Unknown => Err(40001),
        }
    }

    fn check_credentials(&self, grant_type: &str, app_id: &str, secret: &str) -> Result<(), i64> {
        if grant_type != "client_credential" {
            Err(40002)
        } else if app_id.is_empty() {
            Err(41002)
        } else if secret.is_empty() {
            Err(41004)
        } else if self.settings.secrets.get(app_id).is_some_and(|known| known != secret) {
            Err(40125)
        } else {
            Ok(())
        }
    }
}

/// Returns the refusal of a call that must be a POST with a length. WeChat's gateway refuses a body
/// without `Content-Length` before it reads it.
fn refuse_unless_posted(request: &ApiRequest) -> Option<SimulatedReply> {
    if !request.is_post {
        Some(SimulatedReply::errcode(43002))
    } else if !request.has_length {
        Some(SimulatedReply::http(412, Vec::new(), bytes::Bytes::new()))
    } else {
        None
    }
}

fn token_reply((token, expires_in): (String, u64)) -> SimulatedReply {
    let token = serde_json::Value::from(token);
    SimulatedReply::json(format!(r#"{{"access_token":{token},"expires_in":{expires_in}}}"#))
}
