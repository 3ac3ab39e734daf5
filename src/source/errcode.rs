//! The one table from WeChat's `errcode` to what fanout does about it.
//!
//! WeChat reports errors as HTTP 200 with `{"errcode":…,"errmsg":"…"}`. The text varies (`hint: […]`, `rid: …`, an
//! address), so only the number decides. Meanings follow the
//! [global return codes](https://developers.weixin.qq.com/doc/oplatform/Return_codes/Return_code_descriptions_new.html).

use std::fmt;

/// What the walk does about an `errcode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reaction {
    /// Wait a little and ask again.
    BackOff,
    /// Wait for the next minute and ask again.
    NextMinute,
    /// Stop until midnight in Beijing; the journal stays.
    NextDay,
    /// Renew the token once, and ask again.
    RenewToken,
    /// Go back to an earlier page boundary.
    EarlierBoundary,
    /// Stop: a person must act.
    Stop,
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    /// WeChat's number.
    pub code: i64,
    /// What fanout does.
    pub reaction: Reaction,
    /// What a person can do, or why nothing needs to be done.
    pub hint: &'static str,
}

const fn row(code: i64, reaction: Reaction, hint: &'static str) -> Row {
    Row { code, reaction, hint }
}

use Reaction::{BackOff, EarlierBoundary, NextDay, NextMinute, RenewToken, Stop};

const ADDRESS_HINT: &str = "add the address that WeChat names to the IP whitelist of the account (mp.weixin.qq.com, \
     Settings and Development, Basic Configuration)";
const SECRET_HINT: &str = "check `app_id` and the secret: they must belong to the same account";
const PERMISSION_HINT: &str =
    "the account must be verified (认证), or the third-party platform needs permission set 2 or 100";

/// Every code with a reaction or a hint of its own, sorted; any other is [`Reaction::Stop`].
const TABLE: &[Row] = &[
    row(-1, BackOff, "WeChat is busy; run again later"),
    row(40001, RenewToken, "another program may be renewing the token of this account, or the secret is wrong"),
    row(40003, EarlierBoundary, "WeChat no longer accepts the cursor; start a new walk with `--fresh`"),
    row(40013, Stop, SECRET_HINT),
    row(40014, RenewToken, "the token is not one of this account"),
    row(40125, Stop, SECRET_HINT),
    row(40164, Stop, ADDRESS_HINT),
    row(40243, Stop, "the app secret is frozen; unfreeze it in the account's console and wait ten minutes"),
    row(41001, Stop, "no token was sent: please report this as a defect"),
    row(41002, Stop, SECRET_HINT),
    row(41004, Stop, SECRET_HINT),
    row(42001, RenewToken, "the token has expired"),
    row(42007, Stop, "the account's password was changed; authorise the platform again"),
    row(
        45009,
        NextDay,
        "the day's calls are used up; run again after midnight in Beijing (UTC+8), the walk goes on where it stopped",
    ),
    row(45011, NextMinute, "too many calls in this minute"),
    row(45035, Stop, ADDRESS_HINT),
    row(48001, Stop, PERMISSION_HINT),
    row(48004, Stop, "WeChat has banned this API for the account; see the notices in its console"),
    row(50001, Stop, PERMISSION_HINT),
    row(50002, Stop, "the account is frozen, migrated or closed"),
    row(50004, Stop, "WeChat does not let this account use tokens; see the notices in its console"),
    row(61003, Stop, PERMISSION_HINT),
    row(61004, Stop, ADDRESS_HINT),
    row(61007, Stop, PERMISSION_HINT),
    row(61023, Stop, "the authorisation has ended; authorise the platform again"),
    row(61450, BackOff, "WeChat reports an error of its own system; run again later"),
    row(
        89503,
        Stop,
        "an administrator of the account must confirm this address in the message that WeChat has sent; do not repeat before",
    ),
];

/// Returns the row of `code`.
pub(super) fn look_up(code: i64) -> Row {
    match TABLE.binary_search_by_key(&code, |row| row.code) {
        Ok(index) => TABLE[index],
        Err(_) => row(
            code,
            Stop,
            "see WeChat's list of return codes; the `rid` finds the call in its API diagnosis for 7 days",
        ),
    }
}

/// An `errcode` that is not 0, as WeChat sent it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    /// The number.
    pub code: i64,
    /// The text, cut to a bearable length.
    pub message: String,
}

impl ApiError {
    /// Longer texts are not WeChat's.
    pub(super) const LONGEST_MESSAGE: usize = 300;

    /// Makes an error from what a reply holds.
    pub fn new(code: i64, message: &str) -> Self {
        let message = message.chars().take(Self::LONGEST_MESSAGE).map(|c| if c.is_control() { ' ' } else { c });
        Self { code, message: message.collect() }
    }

    /// Returns what to do about it.
    pub fn reaction(&self) -> Reaction {
        look_up(self.code).reaction
    }

    /// Returns what a person can do about it.
    pub fn hint(&self) -> &'static str {
        look_up(self.code).hint
    }

    /// Returns WeChat's id of the request (`rid`), if the text carries one.
    pub fn rid(&self) -> Option<&str> {
        let (_, tail) = self.message.split_once("rid:")?;
        tail.split_whitespace().next()
    }
}

impl std::error::Error for ApiError {}

impl fmt::Display for ApiError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "WeChat answered errcode {}: {}", self.code, self.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_every_row_says_what_to_do() {
        assert!(TABLE.windows(2).all(|pair| pair[0].code < pair[1].code));
        assert!(TABLE.iter().all(|row| !row.hint.is_empty()));
    }

    #[test]
    fn an_unknown_code_stops() {
        assert_eq!(look_up(12_345).reaction, Stop);
        assert_eq!(look_up(45009).reaction, NextDay);
    }

    #[test]
    fn the_rid_is_found_behind_any_text() {
        let new = ApiError::new(48001, "api unauthorized rid: 61d3e476-294654f3-4d3917ee");
        assert_eq!(new.rid(), Some("61d3e476-294654f3-4d3917ee"));
        let old = ApiError::new(40001, "invalid credential, hint: [Kq8IUa0754sz10!]");
        assert_eq!(old.rid(), None);
    }

    #[test]
    fn a_message_of_a_stranger_cannot_flood_or_forge_a_log() {
        let error = ApiError::new(1, &format!("first\nsecond{}", "x".repeat(10_000)));
        assert!(error.message.starts_with("first second"));
        assert_eq!(error.message.len(), ApiError::LONGEST_MESSAGE);
    }
}
