//! Access tokens: issued, renewed, expired.
//!
//! `api` issues them for the token calls, and looks up the token of every other call.
//!
//! The rules are those of `stable_token` and `token`
//! (<https://developers.weixin.qq.com/doc/subscription/api/base/api_getstableaccesstoken.html>):
//! the stable endpoint returns the same token until shortly before its end, the classic one a new
//! token on each call, and neither invalidates the other's.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::followers::mix;

/// The beginning of every simulated token. A test for leaks searches for it.
pub const TOKEN_MARKER: &str = "SIMULATEDTOKEN";

/// How long a token is valid, as WeChat documents it.
pub(super) const TOKEN_LIFETIME: Duration = Duration::from_secs(7_200);

/// How long a replaced token still works, and how long before its end the stable endpoint renews
/// one.
const OVERLAP: Duration = Duration::from_secs(300);

/// How long an expired token is known as expired (42001). After that it is unknown (40001).
const REMEMBERED: Duration = Duration::from_secs(7_200);

/// The endpoint that a token comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum TokenKind {
    Stable,
    Classic,
}

/// The state of a token that a call carries.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum TokenState {
    Valid,
    Expired,
    Unknown,
}

#[derive(Debug)]
struct Issued {
    app_id: String,
    expires_at: Instant,
}

/// All tokens of one simulator.
#[derive(Debug)]
pub(super) struct Tokens {
    lifetime: Duration,
    generation: u64,
    issued: HashMap<String, Issued>,
    newest: HashMap<(TokenKind, String), String>,
}

impl Tokens {
    pub(super) fn new(lifetime: Duration) -> Self {
        Self { lifetime, generation: 0, issued: HashMap::new(), newest: HashMap::new() }
    }

    /// Returns the stable token of an account, and for how many seconds it is still valid.
    pub(super) fn stable(&mut self, app_id: &str, force_refresh: bool) -> (String, u64) {
        let now = Instant::now();
        // For the usual two hours this is five minutes. For a shorter lifetime the window is
        // shorter in proportion.
        let window = OVERLAP.min(self.lifetime / 24);
        let current = self.newest.get(&(TokenKind::Stable, app_id.to_owned()));
        let current = current.and_then(|text| self.issued.get(text).map(|issued| (text, issued.expires_at - now)));
        match current {
            Some((text, left)) if left > window && !force_refresh => (text.clone(), left.as_secs()),
            _ => self.issue(TokenKind::Stable, app_id, now),
        }
    }

    /// Returns a new token of the classic endpoint, and for how many seconds it is valid.
    pub(super) fn classic(&mut self, app_id: &str) -> (String, u64) {
        self.issue(TokenKind::Classic, app_id, Instant::now())
    }

    /// Ends every token of an account now.
    pub(super) fn expire(&mut self, app_id: &str) {
        let now = Instant::now();
        for issued in self.issued.values_mut().filter(|issued| issued.app_id == app_id) {
            issued.expires_at = issued.expires_at.min(now);
        }
    }

    /// Returns the account that a token was issued to, even if the token has expired.
    pub(super) fn app_id(&self, token: &str) -> Option<&str> {
        self.issued.get(token).map(|issued| issued.app_id.as_str())
    }

    /// Returns the state of a token.
    pub(super) fn state(&self, token: &str) -> TokenState {
        match self.issued.get(token) {
            Some(issued) if issued.expires_at > Instant::now() => TokenState::Valid,
            Some(_) => TokenState::Expired,
            None => TokenState::Unknown,
        }
    }

    fn issue(&mut self, kind: TokenKind, app_id: &str, now: Instant) -> (String, u64) {
        self.issued.retain(|_, issued| now.duration_since(issued.expires_at) < REMEMBERED);
        self.generation += 1;
        let text = token_text(kind, app_id, self.generation);
        self.issued.insert(text.clone(), Issued { app_id: app_id.to_owned(), expires_at: now + self.lifetime });
        let replaced = self.newest.insert((kind, app_id.to_owned()), text.clone());
        if let Some(issued) = replaced.and_then(|text| self.issued.get_mut(&text)) {
            issued.expires_at = issued.expires_at.min(now + OVERLAP);
        }
        (text, self.lifetime.as_secs())
    }
}

/// Returns a token as long as a real one (some 140 characters).
fn token_text(kind: TokenKind, app_id: &str, generation: u64) -> String {
    let kind = match kind {
        TokenKind::Stable => "S",
        TokenKind::Classic => "C",
    };
    let tail = format!("{:016x}", mix(generation)).repeat(6);
    format!("{TOKEN_MARKER}_{app_id}_{kind}{generation}_{tail}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stable_token_stays_the_same_until_it_is_forced_or_expires() {
        let mut tokens = Tokens::new(TOKEN_LIFETIME);
        let (first, seconds) = tokens.stable("wxa", false);
        assert_eq!(seconds, TOKEN_LIFETIME.as_secs());
        assert_eq!(tokens.stable("wxa", false).0, first);

        let (forced, _) = tokens.stable("wxa", true);
        assert_ne!(forced, first);
        assert_eq!(tokens.state(&first), TokenState::Valid, "a replaced token works a while longer");

        tokens.expire("wxa");
        assert_eq!(tokens.state(&forced), TokenState::Expired);
        assert_ne!(tokens.stable("wxa", false).0, forced);
    }

    #[test]
    fn each_classic_token_is_new_and_leaves_the_stable_one_alone() {
        let mut tokens = Tokens::new(TOKEN_LIFETIME);
        let (stable, _) = tokens.stable("wxa", false);
        let (first, _) = tokens.classic("wxa");
        let (second, _) = tokens.classic("wxa");
        assert_ne!(first, second);
        assert_eq!(tokens.stable("wxa", false).0, stable);
        assert_eq!(tokens.state(&first), TokenState::Valid);
    }

    #[test]
    fn a_token_names_its_account_and_ends_by_itself() {
        let mut tokens = Tokens::new(Duration::from_millis(1));
        let (token, _) = tokens.stable("wxa", false);
        assert!(token.starts_with(TOKEN_MARKER));
        assert!(token.contains("wxa"));
        std::thread::sleep(Duration::from_millis(5));
        assert_eq!(tokens.app_id(&token), Some("wxa"));
        assert_eq!(tokens.state(&token), TokenState::Expired);
        assert_eq!(tokens.state("something else"), TokenState::Unknown);
    }

    #[test]
    fn expiring_one_account_leaves_the_others() {
        let mut tokens = Tokens::new(TOKEN_LIFETIME);
        let (other, _) = tokens.stable("wxb", false);
        tokens.stable("wxa", false);
        tokens.expire("wxa");
        assert_eq!(tokens.state(&other), TokenState::Valid);
    }
}
