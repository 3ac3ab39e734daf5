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
            USER_GET_PATH => Self::UserGet,
            "/cgi-bin/openapi/quota/get" => Self::Quota,
            _ => Self::Other,
        }
    }
}

pub(super) const USER_GET_PATH: &str = "/cgi-bin/user/get";

/// One call, as the log keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// The account, from the call or from its token; `None` if the token is unknown.
    pub app_id: Option<String>,
    /// The number of the page that the cursor asks for, counted from 1; `None` if the cursor is not
    /// a follower's.
    pub page: Option<u64>,
    /// The index of the first follower that the cursor asks for.
    pub start: Option<u64>,
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
    /// Calls to `openapi/quota/get`.
    pub quota: u64,
    /// Calls to any other path.
    pub other: u64,
}

impl RequestCounts {
    /// Returns the number of all calls.
    pub fn total(&self) -> u64 {
        self.token + self.stable_token + self.user_get + self.quota + self.other
    }

    pub(super) fn count(&mut self, endpoint: Endpoint) {
        *match endpoint {
            Endpoint::Token => &mut self.token,
            Endpoint::StableToken => &mut self.stable_token,
            Endpoint::UserGet => &mut self.user_get,
            Endpoint::Quota => &mut self.quota,
            Endpoint::Other => &mut self.other,
        } += 1;
    }
}
