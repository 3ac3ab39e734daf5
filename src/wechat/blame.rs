//! Whose failure an error is, where the token comes from a third-party platform: the account's, or
//! the platform's, which no other account of it can escape.
//!
//! Before it: `errcode` says what the number means. Behind it: `source::token` stops the other
//! accounts of the platform.

use super::api_error::ApiError;
use super::errcode::Class;

/// Whose failure an error is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// The account's: others may do better.
    Account,
    /// The platform's: all of its accounts would meet it.
    Platform,
    /// The platform's, if another account meets the same error before any has got a token. The
    /// number is the same for the secret of a platform and for that of an account, and a token
    /// server may have either.
    Unclear,
}

/// WeChat's answer to an address that the platform has not allowed.
const PLATFORM_ADDRESS: i64 = 61004;

impl ApiError {
    /// Returns whose failure the error is, if a call for a token (`is_for_token`) or for data was
    /// answered with it.
    pub fn blame(&self, is_for_token: bool) -> Blame {
        match (self.class(), self.code) {
            (Class::Platform, _) | (_, PLATFORM_ADDRESS) => Blame::Platform,
            // The day's calls for data are the account's own, those for tokens the platform's.
            (Class::DayQuota, _) if is_for_token => Blame::Platform,
            (_, 41004 | 40125) if is_for_token => Blame::Unclear,
            _ => Blame::Account,
        }
    }

    /// Returns what a person can do about the failure of a platform.
    pub fn platform_hint(&self) -> String {
        match (self.class(), self.code) {
            (Class::DayQuota, _) => "the day's calls for tokens are used up: the token server may ask WeChat each time \
                                     instead of keeping a token for two hours; run again after midnight in Beijing (UTC+8)"
                .to_owned(),
            (_, 41004 | 40125) => "check the app secret of the third-party platform (`component_appsecret`) where the token \
                                   server has it"
                .to_owned(),
            _ => self.hint(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_the_platforms_or_the_accounts_by_the_call_that_it_answers() {
        use Blame::{Account, Platform, Unclear};
        for (code, for_token, for_data) in [
            (61004, Platform, Platform),
            (61005, Platform, Platform),
            (61006, Platform, Platform),
            (61011, Platform, Platform),
            (45009, Platform, Account),
            (41004, Unclear, Account),
            (40125, Unclear, Account),
            (61003, Account, Account),
            (61007, Account, Account),
            (61023, Account, Account),
            (40001, Account, Account),
            (40164, Account, Account),
            (48001, Account, Account),
            (-1, Account, Account),
            (12345, Account, Account),
        ] {
            let error = ApiError::new(code, "");
            assert_eq!((error.blame(true), error.blame(false)), (for_token, for_data), "{code}");
        }
    }
}
