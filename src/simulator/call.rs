//! A call to the simulated API, and the counts of calls.
//!
//! `api` makes a [`Call`] of each request; the faults and the log read it.

/// An endpoint of the simulated API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// `GET /cgi-bin/token`
    Token,
    /// `POST /cgi-bin/stable_token`
    StableToken,
    /// `GET /cgi-bin/user/get`
    UserGet,
    /// `POST /cgi-bin/user/info/batchget`
    BatchGet,
    /// `GET /cgi-bin/user/info`
    UserInfo,
    /// `POST /cgi-bin/tags/members/getblacklist`
    Blacklist,
    /// `GET /cgi-bin/tags/get`
    Tags,
    /// `POST /cgi-bin/user/tag/get`
    TagMembers,
    /// `POST /cgi-bin/openapi/quota/get`
    Quota,
    /// Any other path.
    Other,
}

impl Endpoint {
    pub(super) fn of(path: &str) -> Self {
        match path {
            "/cgi-bin/token" => Self::Token,
            "/cgi-bin/stable_token" => Self::StableToken,
            "/cgi-bin/user/get" => Self::UserGet,
            "/cgi-bin/user/info/batchget" => Self::BatchGet,
            "/cgi-bin/user/info" => Self::UserInfo,
            "/cgi-bin/tags/members/getblacklist" => Self::Blacklist,
            "/cgi-bin/tags/get" => Self::Tags,
            "/cgi-bin/user/tag/get" => Self::TagMembers,
            "/cgi-bin/openapi/quota/get" => Self::Quota,
            _ => Self::Other,
        }
    }

    /// Whether each account has a number of calls to it a day.
    pub(super) fn is_counted(self) -> bool {
        match self {
            Self::UserGet | Self::BatchGet | Self::UserInfo | Self::Blacklist | Self::Tags | Self::TagMembers => true,
            Self::Token | Self::StableToken | Self::Quota | Self::Other => false,
        }
    }
}

/// One call, as the log keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// The account, from the call or from its token; `None` if the token is unknown.
    pub app_id: Option<String>,
    /// The tag whose members a call is for.
    pub tag: Option<i32>,
    /// The number of the page that the cursor asks for, counted from 1; `None` if the cursor is not
    /// in the list.
    pub page: Option<u64>,
    /// The position in the list of the first person that the cursor asks for, or the index of the
    /// first that a call for profiles names.
    pub start: Option<u64>,
    /// The number of people that a call for profiles names; 0 for any other call.
    pub people: usize,
    /// Those of them who follow or have followed, by index, in the order of the call.
    pub named: Vec<u64>,
}

/// The number of calls to each endpoint.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RequestCounts {
    /// Calls to `token`.
    pub token: u64,
    /// Calls to `stable_token`.
    pub stable_token: u64,
    /// Calls to `user/get`.
    pub user_get: u64,
    /// Calls to `user/info/batchget`.
    pub batch_get: u64,
    /// Calls to `user/info`.
    pub user_info: u64,
    /// Calls to `tags/members/getblacklist`.
    pub blacklist: u64,
    /// Calls to `tags/get`.
    pub tags: u64,
    /// Calls to `user/tag/get`.
    pub tag_members: u64,
    /// Calls to `openapi/quota/get`.
    pub quota: u64,
    /// Calls to any other path.
    pub other: u64,
}

impl RequestCounts {
    /// Returns the number of all calls.
    pub fn total(&self) -> u64 {
        let tokens = self.token + self.stable_token;
        let people = self.user_get + self.batch_get + self.user_info + self.blacklist + self.tags + self.tag_members;
        tokens + people + self.quota + self.other
    }

    pub(super) fn count(&mut self, endpoint: Endpoint) {
        *match endpoint {
            Endpoint::Token => &mut self.token,
            Endpoint::StableToken => &mut self.stable_token,
            Endpoint::UserGet => &mut self.user_get,
            Endpoint::BatchGet => &mut self.batch_get,
            Endpoint::UserInfo => &mut self.user_info,
            Endpoint::Blacklist => &mut self.blacklist,
            Endpoint::Tags => &mut self.tags,
            Endpoint::TagMembers => &mut self.tag_members,
            Endpoint::Quota => &mut self.quota,
            Endpoint::Other => &mut self.other,
        } += 1;
    }
}
