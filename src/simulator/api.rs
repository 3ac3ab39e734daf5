//! WeChat's answer to each call: the endpoints and the state behind them, without HTTP.
//!
//! `server` passes each request to [`Api::answer`], and sends the reply that it returns.
//!
//! The answers have the form of 获取用户列表
//! (<https://developers.weixin.qq.com/doc/service/api/usermanage/userinfo/api_getfans>) as real
//! accounts answer it. At the end of a list, that differs from the example in the documentation.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use super::batch::Batch;
use super::call::{Call, Endpoint, RequestCounts};
use super::day::day;
use super::effect::Around;
use super::event::Event;
use super::fault::Faults;
use super::flaw::{Condition, Flaws, Profiles};
use super::followers::Followers;
use super::page::Page;
use super::question::Question;
use super::reply::SimulatedReply;
use super::request::{ApiRequest, Credentials, QuotaQuery};
use super::roster::Roster;
use super::settings::Settings;
use super::tag::{Heals, Tag};
use super::token::{TOKEN_LIFETIME, TokenState, Tokens};
use super::usage::Usage;

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
    pub(super) flaws: Flaws,
    pub(super) usage: Usage,
    /// The people of the accounts that were asked about.
    rosters: HashMap<String, Arc<Roster>>,
    /// The tags whose members were asked for, by account.
    tags_read: HashSet<(String, i32)>,
    /// The Open Platform account that the accounts are bound to; `None` for none.
    pub(super) binding: Option<u64>,
}

impl Api {
    pub(super) fn new(settings: Settings) -> Self {
        Self {
            tokens: Tokens::new(TOKEN_LIFETIME),
            faults: Faults::default(),
            counts: RequestCounts::default(),
            log: VecDeque::new(),
            flaws: Flaws::default(),
            usage: Usage::new(day(&settings.clock)),
            rosters: HashMap::new(),
            tags_read: HashSet::new(),
            binding: Some(0),
            settings,
        }
    }

    /// Answers one request: as WeChat does, then changed by the faults.
    pub(super) fn answer(&mut self, request: &ApiRequest) -> SimulatedReply {
        self.usage.begin(day(&self.settings.clock));
        let endpoint = Endpoint::of(&request.path);
        let app_id = self.app_id(endpoint, request).map(Cow::into_owned);
        let question = match &app_id {
            Some(app_id) if endpoint.is_counted() => {
                let roster = self.roster(app_id);
                Question::of(endpoint, request, &roster, &self.settings)
            }
            _ => Question::default(),
        };
        let call = question.call(endpoint, app_id);
        let mut reply = match endpoint {
            Endpoint::Token => self.token(request),
            Endpoint::StableToken => self.stable_token(request),
            Endpoint::UserGet => self.user_get(request, &question),
            Endpoint::Blacklist => self.blacklist(request, &question),
            Endpoint::Tags => self.tags(request),
            Endpoint::TagMembers => self.tag_members(request, &question),
            Endpoint::BatchGet => self.batch_get(request, &question),
            Endpoint::UserInfo => self.user_info(request, &question.named),
            Endpoint::Quota => self.quota(request),
            Endpoint::Other => SimulatedReply::http(404, Vec::new(), bytes::Bytes::new()),
        };
        let mut around = Around { tokens: &mut self.tokens, clock: &self.settings.clock, events: Vec::new() };
        self.faults.apply(&call, &question.named, &mut around, &mut reply);
        let events = around.events;
        if let Some(app_id) = &call.app_id {
            for event in &events {
                self.happen(app_id, event);
            }
        }
        reply.delay += self.settings.latency;
        self.counts.count(endpoint);
        if self.log.len() == LOG_CAPACITY {
            self.log.pop_front();
        }
        self.log.push_back(call);
        reply
    }

    /// Returns the people of an account, now.
    pub(super) fn roster(&mut self, app_id: &str) -> Arc<Roster> {
        let date = day(&self.settings.clock);
        if let Some(known) = self.rosters.get_mut(app_id) {
            if !known.has_reached(date) {
                Arc::make_mut(known).reach(date);
            }
            return Arc::clone(known);
        }
        let roster = Arc::new(self.settings.roster(app_id, date));
        self.rosters.insert(app_id.to_owned(), Arc::clone(&roster));
        roster
    }

    /// Changes the people of an account.
    pub(super) fn happen(&mut self, app_id: &str, event: &Event) {
        self.roster(app_id);
        if let Some(roster) = self.rosters.get_mut(app_id) {
            Arc::make_mut(roster).meet(event);
        }
    }

    /// Takes so many of the day's calls, as another program of the account does.
    pub(super) fn use_up(&mut self, endpoint: Endpoint, app_id: &str, calls: u64) {
        self.usage.begin(day(&self.settings.clock));
        self.usage.use_up(endpoint, app_id, calls);
    }

    /// Returns what is true of the followers of an account, now.
    pub(super) fn profiles(&mut self, app_id: &str) -> Profiles {
        let calls = self.usage.calls(Endpoint::BatchGet, app_id);
        let roster = self.roster(app_id);
        let unionids = self.unionids(&roster);
        self.flaws.profiles(app_id, roster, unionids, calls)
    }

    /// Returns the account that a request is about.
    fn app_id<'a>(&'a self, endpoint: Endpoint, request: &'a ApiRequest) -> Option<Cow<'a, str>> {
        match endpoint {
            Endpoint::Token => request.parameter("appid").map(Cow::Borrowed),
            Endpoint::StableToken => {
                serde_json::from_slice::<Credentials>(&request.body).ok().map(|sent| Cow::Owned(sent.appid))
            }
            Endpoint::Other => None,
            _ => request.parameter("access_token").and_then(|token| self.tokens.app_id(token)).map(Cow::Borrowed),
        }
    }

    fn user_get(&mut self, request: &ApiRequest, question: &Question) -> SimulatedReply {
        match self.admit(Endpoint::UserGet, request, 1) {
            Ok(_) => self.page(question),
            Err(code) => SimulatedReply::errcode(code),
        }
    }

    fn blacklist(&mut self, request: &ApiRequest, question: &Question) -> SimulatedReply {
        if let Some(refusal) = request.refuse_unless_posted() {
            return refusal;
        }
        match self.admit(Endpoint::Blacklist, request, 1) {
            Ok(_) if !question.is_readable => SimulatedReply::errcode(47001),
            Ok(_) => self.page(question),
            Err(code) => SimulatedReply::errcode(code),
        }
    }

    fn tag_members(&mut self, request: &ApiRequest, question: &Question) -> SimulatedReply {
        if let Some(refusal) = request.refuse_unless_posted() {
            return refusal;
        }
        let app_id = match self.admit(Endpoint::TagMembers, request, 1) {
            Ok(app_id) => app_id,
            Err(code) => return SimulatedReply::errcode(code),
        };
        let Some(tag) = question.tag else { return SimulatedReply::errcode(47001) };
        if question.list.is_none() {
            return SimulatedReply::errcode(45159);
        }
        self.tags_read.insert((app_id, tag));
        self.page(question)
    }

    fn page(&self, question: &Question) -> SimulatedReply {
        match (&question.list, question.start) {
            (Some(list), Some(start)) => {
                SimulatedReply::page(Page::new(list.clone(), start, self.settings.page_style.clone()))
            }
            _ => SimulatedReply::errcode(40003),
        }
    }

    fn tags(&mut self, request: &ApiRequest) -> SimulatedReply {
        if let Some(refusal) = request.refuse_unless_gotten() {
            return refusal;
        }
        let app_id = match self.admit(Endpoint::Tags, request, 1) {
            Ok(app_id) => app_id,
            Err(code) => return SimulatedReply::errcode(code),
        };
        let tags: Vec<_> = self.roster(&app_id).tags().iter().map(|tag| self.tag(&app_id, tag)).collect();
        SimulatedReply::json(format!(r#"{{"tags":[{}]}}"#, tags.join(",")))
    }

    /// Returns a tag as `tags/get` states it.
    fn tag(&self, app_id: &str, tag: &Tag) -> String {
        let answers = self.usage.calls(Endpoint::Tags, app_id);
        let is_wrong = |heals| match heals {
            Heals::Never => true,
            Heals::WhenRead => !self.tags_read.contains(&(app_id.to_owned(), tag.id)),
            Heals::After(wrong) => answers <= wrong,
        };
        let count = tag.lag.filter(|lag| is_wrong(lag.heals)).map_or(tag.members, |lag| lag.count);
        let name = serde_json::Value::from(tag.name.as_str());
        format!(r#"{{"id":{},"name":{name},"count":{count}}}"#, tag.id)
    }

    /// Answers a call for the profiles of the people whom it names.
    fn batch_get(&mut self, request: &ApiRequest, question: &Question) -> SimulatedReply {
        if let Some(refusal) = request.refuse_unless_posted() {
            return refusal;
        }
        let named = &question.named;
        let cost = if question.is_readable && self.settings.people_count { named.len() as u64 } else { 1 };
        let app_id = match self.admit(Endpoint::BatchGet, request, cost) {
            Ok(app_id) => app_id,
            Err(code) => return SimulatedReply::errcode(code),
        };
        if !question.is_readable {
            return SimulatedReply::errcode(47001);
        }
        if named.is_empty() || named.len() > self.settings.batch_limit {
            return SimulatedReply::errcode(40032);
        }
        let roster = self.roster(&app_id);
        let asked: Option<Vec<_>> = named.iter().map(|index| Some(self.asked(&app_id, &roster, (*index)?))).collect();
        match asked {
            Some(asked) if asked.iter().all(|(_, condition)| condition.is_refused.is_none()) => {
                let (followers, unionids) = self.people(&roster);
                SimulatedReply::batch(Batch::new(followers, unionids, &asked, self.settings.profile_style))
            }
            _ => SimulatedReply::errcode(40003),
        }
    }

    fn user_info(&mut self, request: &ApiRequest, named: &[Option<u64>]) -> SimulatedReply {
        if let Some(refusal) = request.refuse_unless_gotten() {
            return refusal;
        }
        let app_id = match self.admit(Endpoint::UserInfo, request, 1) {
            Ok(app_id) => app_id,
            Err(code) => return SimulatedReply::errcode(code),
        };
        let roster = self.roster(&app_id);
        let asked = match named {
            [] => return SimulatedReply::errcode(41009),
            [None, ..] => return SimulatedReply::errcode(40003),
            [Some(index), ..] => self.asked(&app_id, &roster, *index),
        };
        if asked.1.is_refused == Some(true) {
            return SimulatedReply::errcode(40003);
        }
        let (followers, unionids) = self.people(&roster);
        SimulatedReply::batch(Batch::single(followers, unionids, asked, self.settings.profile_style))
    }

    /// Returns the people of an account, and their unionids if it is bound.
    fn people(&self, roster: &Roster) -> (Followers, Option<Followers>) {
        (roster.everybody(), self.unionids(roster))
    }

    fn unionids(&self, roster: &Roster) -> Option<Followers> {
        self.binding.map(|binding| roster.everybody().unionids(binding))
    }

    fn asked(&mut self, app_id: &str, roster: &Roster, index: u64) -> (u64, Condition) {
        let calls = self.usage.calls(Endpoint::BatchGet, app_id);
        (index, self.flaws.condition(app_id, roster, index, calls))
    }

    /// Counts a call that takes `cost` of the day's calls. Returns its account, or the code with
    /// which WeChat refuses its token, or a call beyond those of the day.
    fn admit(&mut self, endpoint: Endpoint, request: &ApiRequest, cost: u64) -> Result<String, i64> {
        let app_id = self.authorize(request)?;
        let used = self.usage.count(endpoint, &app_id, cost);
        if used > self.settings.daily_limit(endpoint, &app_id) { Err(45009) } else { Ok(app_id) }
    }

    fn quota(&mut self, request: &ApiRequest) -> SimulatedReply {
        if let Some(refusal) = request.refuse_unless_posted() {
            return refusal;
        }
        let app_id = match self.authorize(request) {
            Ok(app_id) => app_id,
            Err(code) => return SimulatedReply::errcode(code),
        };
        let endpoint = match serde_json::from_slice::<QuotaQuery>(&request.body) {
            Ok(query) => Endpoint::of(&query.cgi_path),
            Err(_) => return SimulatedReply::errcode(47001),
        };
        if !endpoint.is_counted() {
            return SimulatedReply::errcode(76021);
        }
        let limit = self.settings.daily_limit(endpoint, &app_id);
        let used = self.usage.ask(endpoint, &app_id, self.settings.quota_lag).min(limit);
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
        if let Some(refusal) = request.refuse_unless_gotten() {
            return refusal;
        }
        let parameter = |name| request.parameter(name).unwrap_or_default();
        let (app_id, secret) = (parameter("appid"), parameter("secret"));
        match self.check_credentials(parameter("grant_type"), app_id, secret) {
            Ok(()) => token_reply(self.tokens.classic(app_id)),
            Err(code) => SimulatedReply::errcode(code),
        }
    }

    fn stable_token(&mut self, request: &ApiRequest) -> SimulatedReply {
        if let Some(refusal) = request.refuse_unless_posted() {
            return refusal;
        }
        let credentials = serde_json::from_slice(&request.body);
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

fn token_reply((token, expires_in): (String, u64)) -> SimulatedReply {
    let token = serde_json::Value::from(token);
    SimulatedReply::json(format!(r#"{{"access_token":{token},"expires_in":{expires_in}}}"#))
}
