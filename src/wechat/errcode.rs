//! The table from WeChat's `errcode` to the reaction of fanout and the hint for a person.
//!
//! It is looked up when a call was answered with an [`ApiError`]: `source` repeats the call or
//! gives up, the engine's walk goes back to an earlier page, and the command line prints the hint.
//!
//! WeChat reports errors as HTTP 200 with `{"errcode":…,"errmsg":"…"}`. The text varies
//! (`hint: […]`, `rid: …`, an address), so only the number decides. Each row names its source: a
//! page of WeChat's documentation, or a public discussion that shows the reply of a real account.

use super::api_error::ApiError;

/// What an `errcode` is about. The class decides the reaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Class {
    /// WeChat is overloaded, or has an internal error.
    Busy,
    /// There were too many calls within a minute.
    MinuteQuota,
    /// The day's calls are used up.
    DayQuota,
    /// The token is wrong, or has expired.
    Token,
    /// WeChat does not accept the cursor.
    Cursor,
    /// The call came from an address that is not allowed.
    Address,
    /// The app id or the app secret is wrong.
    Credential,
    /// The account may not use this API.
    Unauthorized,
    /// WeChat has restricted the account itself.
    Account,
    /// The third-party platform that the token comes from does not work, for any account.
    Platform,
    /// What the call asks about is not there, and the call is well.
    Element,
    /// The call is malformed, which is a defect of fanout.
    Request,
    /// The table does not have this number.
    Unknown,
}

/// What fanout does about an `errcode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reaction {
    /// Wait briefly, then repeat the call.
    BackOff,
    /// Wait for the next minute, then repeat the call.
    NextMinute,
    /// Stop until midnight in Beijing. The journal is kept.
    NextDay,
    /// Renew the token once, then repeat the call.
    RenewToken,
    /// Go back to an earlier page boundary.
    EarlierBoundary,
    /// Stop: a person must act.
    Stop,
}

impl Class {
    /// Returns the reaction to an error of this class.
    pub fn reaction(self) -> Reaction {
        match self {
            Self::Busy => Reaction::BackOff,
            Self::MinuteQuota => Reaction::NextMinute,
            Self::DayQuota => Reaction::NextDay,
            Self::Token => Reaction::RenewToken,
            Self::Cursor => Reaction::EarlierBoundary,
            Self::Address
            | Self::Credential
            | Self::Unauthorized
            | Self::Account
            | Self::Platform
            | Self::Element
            | Self::Request
            | Self::Unknown => Reaction::Stop,
        }
    }
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
struct Row {
    code: i64,
    class: Class,
    /// The page on which the meaning was found.
    source: &'static str,
    /// What a person can do. Empty for [`Class::Address`], whose hint names the address that WeChat
    /// saw.
    hint: &'static str,
}

const fn row(code: i64, class: Class, source: &'static str, hint: &'static str) -> Row {
    Row { code, class, source, hint }
}

use Class::{
    Account, Address, Busy, Credential, Cursor, DayQuota, Element, MinuteQuota, Platform, Request, Token, Unauthorized,
    Unknown,
};

/// WeChat's list of the codes that all of its APIs share.
const COMMON: &str = "https://developers.weixin.qq.com/doc/oplatform/developers/errCode/errCode.html";
/// WeChat's older list of return codes, which has codes that the other list lacks.
const GLOBAL: &str = "https://developers.weixin.qq.com/doc/oplatform/Return_codes/Return_code_descriptions_new.html";
/// The page of `stable_token`, with the errors of the calls for a token.
const STABLE_TOKEN: &str = "https://developers.weixin.qq.com/doc/subscription/api/base/api_getstableaccesstoken.html";
/// The page about the number of calls that an account has a day.
const CALL_LIMITS: &str = "https://developers.weixin.qq.com/doc/service/Message_Management/API_Call_Limits.html";
/// The page of `user/get`, with the permission sets of third-party platforms.
const USER_GET: &str = "https://developers.weixin.qq.com/doc/service/api/usermanage/userinfo/api_getfans";
/// The reply to a real account without permission.
const SEEN_UNAUTHORIZED: &str = "https://developers.weixin.qq.com/community/develop/doc/0008e2534bcc60abbd4d25c8153c00";
/// WeChat's staff about closed and migrated accounts.
const SEEN_LIMITED: &str = "https://developers.weixin.qq.com/community/minihome/doc/000602572104c8c5b8047be636bc00";
/// The page of `user/info/batchget`.
const BATCHGET: &str = "https://developers.weixin.qq.com/doc/service/api/usermanage/userinfo/api_batchuserinfo";
/// The page of `user/tag/get`.
const TAG_MEMBERS: &str = "https://developers.weixin.qq.com/doc/service/api/usermanage/tag/api_gettagfans";
/// The page of `getblacklist`.
const BLACKLIST: &str = "https://developers.weixin.qq.com/doc/service/api/usermanage/userinfo/api_getblacklist";
/// The reply to a meaningless cursor.
const SEEN_CURSOR: &str = "https://github.com/node-webot/wechat/issues/36";

const CREDENTIAL_HINT: &str = "check `app_id` and the secret: they must belong to the same account";
const OTHER_ACCOUNT_HINT: &str = "the list was begun with the token of another account: check `app_id` and the credential of this account, \
                                  and start a new walk with `--fresh`";
const PERMISSION_HINT: &str =
    "the account must be verified (认证), or the third-party platform needs permission set 2 or 100";
const AUTHORIZATION_HINT: &str = "the authorisation has ended; authorise the platform again";
const UNAUTHORIZED_HINT: &str =
    "this account has not authorised the third-party platform, or no longer: authorise it again";
const PERMISSION_SET_HINT: &str = "the third-party platform lacks a permission of this account: it needs permission set 2 or 100; authorise it again with that set";
const TICKET_HINT: &str = "WeChat's push of `component_verify_ticket` does not reach the third-party platform: look why, or restart the push \
                           (`api_start_push_ticket`)";
const WRONG_KIND_HINT: &str = "the token is of another kind: the token server must hand out the account's own token \
                               (`authorizer_access_token`)";
const COMPONENT_HINT: &str =
    "check the app id of the third-party platform (`component_appid`) where the token server has it";
const CATEGORY_HINT: &str =
    "confirm the category of the function (功能类目) of this account at the third-party platform";
const DEFECT_HINT: &str = "WeChat found this call malformed: please report this as a defect of fanout";
const NOTICE_HINT: &str = "see the notices in the account's console";
const CONFIRM_HINT: &str = "an administrator of the account must confirm this address in the message that WeChat has sent; run again only after that";

/// The known codes, sorted by number. A code that is missing here is [`Class::Unknown`].
const TABLE: &[Row] = &[
    row(-1, Busy, COMMON, "WeChat is busy; run again later"),
    row(40001, Token, COMMON, "another program may be renewing the token of this account, or the secret is wrong"),
    row(40002, Request, STABLE_TOKEN, DEFECT_HINT),
    row(40003, Cursor, SEEN_CURSOR, "WeChat no longer accepts the cursor; start a new walk with `--fresh`"),
    row(40013, Credential, COMMON, CREDENTIAL_HINT),
    row(40014, Token, COMMON, "the token belongs to another account"),
    row(40032, Request, BATCHGET, DEFECT_HINT),
    row(40125, Credential, STABLE_TOKEN, CREDENTIAL_HINT),
    row(40164, Address, STABLE_TOKEN, ""),
    row(
        40243,
        Credential,
        STABLE_TOKEN,
        "the app secret is frozen; unfreeze it in the account's console and wait ten minutes",
    ),
    row(41001, Request, COMMON, DEFECT_HINT),
    row(41002, Credential, COMMON, CREDENTIAL_HINT),
    row(41004, Credential, STABLE_TOKEN, CREDENTIAL_HINT),
    row(42001, Token, COMMON, "the token has expired"),
    row(42007, Unauthorized, GLOBAL, "the account's password was changed; authorise the platform again"),
    row(43001, Request, COMMON, DEFECT_HINT),
    row(43002, Request, COMMON, DEFECT_HINT),
    row(43003, Request, COMMON, "WeChat wants `https`: check `source.base_url`"),
    row(45009, DayQuota, CALL_LIMITS, "the day's calls are used up; run again after midnight in Beijing (UTC+8)"),
    row(45011, MinuteQuota, COMMON, "there were too many calls in this minute; run again later"),
    row(45035, Address, COMMON, ""),
    row(45159, Element, TAG_MEMBERS, "the tag does not exist (any more)"),
    row(47001, Request, GLOBAL, DEFECT_HINT),
    row(48001, Unauthorized, SEEN_UNAUTHORIZED, PERMISSION_HINT),
    row(48004, Account, COMMON, "WeChat has banned this API for the account; see the notices in its console"),
    row(49003, Credential, BLACKLIST, OTHER_ACCOUNT_HINT),
    row(50001, Unauthorized, GLOBAL, PERMISSION_HINT),
    row(50002, Account, SEEN_LIMITED, "the account is frozen, migrated or closed"),
    row(50004, Account, STABLE_TOKEN, NOTICE_HINT),
    row(50007, Account, STABLE_TOKEN, NOTICE_HINT),
    row(61003, Unauthorized, USER_GET, UNAUTHORIZED_HINT),
    row(61004, Address, COMMON, ""),
    row(61005, Platform, COMMON, TICKET_HINT),
    row(61006, Platform, COMMON, TICKET_HINT),
    row(61007, Unauthorized, COMMON, PERMISSION_SET_HINT),
    row(61011, Platform, COMMON, COMPONENT_HINT),
    row(61014, Credential, COMMON, WRONG_KIND_HINT),
    row(61016, Unauthorized, GLOBAL, CATEGORY_HINT),
    row(61017, Unauthorized, GLOBAL, CATEGORY_HINT),
    row(61023, Unauthorized, GLOBAL, AUTHORIZATION_HINT),
    row(61024, Unauthorized, STABLE_TOKEN, "the account is a third-party platform's: use the token of that platform"),
    row(61450, Busy, GLOBAL, "WeChat reports an error of its own system; run again later"),
    row(89501, Address, STABLE_TOKEN, CONFIRM_HINT),
    row(89503, Address, STABLE_TOKEN, CONFIRM_HINT),
    row(89506, Address, STABLE_TOKEN, "an administrator of the account has refused this address twice; wait 24 hours"),
    row(89507, Address, STABLE_TOKEN, "an administrator of the account has refused this address; wait an hour"),
];

fn look_up(code: i64) -> Row {
    match TABLE.binary_search_by_key(&code, |row| row.code) {
        Ok(index) => TABLE[index],
        Err(_) => row(
            code,
            Unknown,
            GLOBAL,
            "see WeChat's list of return codes; the `rid` finds the call in its API diagnosis for 7 days",
        ),
    }
}

impl ApiError {
    /// An element of a batch is malformed, another account's, or refused for the moment.
    pub const REFUSED_ELEMENT: i64 = 40003;

    /// A batch has too many elements, or none.
    pub const TOO_MANY_ELEMENTS: i64 = 40032;

    /// There is no tag of this id.
    pub const UNKNOWN_TAG: i64 = 45159;

    /// Iterates over the codes that are known, in order.
    pub fn known_codes() -> impl Iterator<Item = i64> {
        TABLE.iter().map(|row| row.code)
    }

    /// Returns what the error is about.
    pub fn class(&self) -> Class {
        look_up(self.code).class
    }

    /// Returns what fanout does about the error.
    pub fn reaction(&self) -> Reaction {
        self.class().reaction()
    }

    /// Returns whether the error says something of the elements that a batch asks for, and nothing
    /// of the call: one of them is refused, or they are too many. For a page, 40003 is about the
    /// cursor.
    pub fn is_about_elements(&self) -> bool {
        [Self::REFUSED_ELEMENT, Self::TOO_MANY_ELEMENTS].contains(&self.code)
    }

    /// Returns the page on which the meaning of the number was found.
    pub fn source_page(&self) -> &'static str {
        look_up(self.code).source
    }

    /// Returns what a person can do about the error.
    pub fn hint(&self) -> String {
        let row = look_up(self.code);
        if !row.hint.is_empty() {
            return row.hint.to_owned();
        }
        let address = self.address().map_or_else(|| "the address of this machine".to_owned(), |ip| format!("`{ip}`"));
        let place = match self.code {
            61004 => {
                "third-party platform (open.weixin.qq.com, its development settings; publish the change, 全网发布)"
            }
            _ => "account (mp.weixin.qq.com, Settings and Development, Basic Configuration)",
        };
        format!("add {address} to the IP allow list of the {place}, and wait some minutes")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_every_row_has_its_source_and_says_what_to_do() {
        assert!(TABLE.windows(2).all(|pair| pair[0].code < pair[1].code));
        for row in TABLE {
            assert!(row.source.starts_with("https://"), "{}", row.code);
            assert!(!row.hint.is_empty() || row.class == Address, "{}", row.code);
        }
    }

    #[test]
    fn an_unknown_code_stops() {
        assert_eq!(look_up(12_345).class.reaction(), Reaction::Stop);
        assert_eq!(look_up(45009).class.reaction(), Reaction::NextDay);
    }

    #[test]
    fn every_code_that_the_specification_names_has_its_reaction() {
        let reactions = [
            (Reaction::BackOff, &[-1, 61450][..]),
            (Reaction::NextMinute, &[45011]),
            (Reaction::NextDay, &[45009]),
            (Reaction::RenewToken, &[40001, 40014, 42001]),
            (Reaction::EarlierBoundary, &[40003]),
            (Reaction::Stop, &[40164, 61004, 45035, 89503, 48001, 40013, 40125, 41002, 40243, 49003, 50002, 42007]),
        ];
        for (reaction, codes) in reactions {
            for &code in codes {
                assert!(TABLE.iter().any(|row| row.code == code), "{code} has no row");
                assert_eq!(ApiError::new(code, "").reaction(), reaction, "{code}");
            }
        }
    }

    #[test]
    fn a_refused_address_is_named_with_the_place_where_it_belongs() {
        for (code, message) in [
            (40164, "invalid ip 203.0.113.9 ipv6 ::ffff:203.0.113.9, not in whitelist rid: 61d3e476-294654f3-4d3917ee"),
            (61004, "access clientip is not registered requestIP: 203.0.113.9 rid: 61d3e476-294654f3-4d3917ee"),
            (45035, "not in allow list ip=203.0.113.9"),
        ] {
            let hint = ApiError::new(code, message).hint();
            assert!(hint.starts_with("add `203.0.113.9` to the IP allow list"), "{hint}");
        }
        assert!(ApiError::new(40164, "no address").hint().starts_with("add the address of this machine"));
        assert!(ApiError::new(40164, "invalid ip 2001:db8::7, not in whitelist").hint().contains("`2001:db8::7`"));
    }
}
