//! Notices followers of another account by the prefix of their `OpenID`s.
//!
//! The engine's fan-out shows it every `OpenID` that `decode` has taken out of a page.
//!
//! All known `OpenID`s are `o` and the base64url of 20 bytes, of which the first four are the same
//! for all followers of an account. WeChat does not document that, so a difference is reported, and
//! no follower is rejected for it.

/// The length of all known `OpenID`s.
const OPENID_LENGTH: usize = 28;
/// The characters that the `OpenID`s of an account share: `o`, and 30 of the 32 bits of its four
/// bytes.
const PREFIX_LENGTH: usize = 6;

/// Notices when a list has followers of more than one account, which happens when the token belongs
/// to another account.
#[derive(Debug, Default)]
pub struct OpenidPrefix {
    first: Option<String>,
    is_reported: bool,
}

impl OpenidPrefix {
    /// Compares an `OpenID` with the first one. Returns the prefixes of both, the first time that
    /// they differ.
    pub fn differs(&mut self, openid: &str) -> Option<(&str, String)> {
        let prefix = prefix(openid)?;
        let first = self.first.get_or_insert_with(|| prefix.to_owned());
        if self.is_reported || first == prefix {
            return None;
        }
        self.is_reported = true;
        Some((first, prefix.to_owned()))
    }
}

/// Returns the prefix of an `OpenID`, or `None` if it does not have the known form.
fn prefix(openid: &str) -> Option<&str> {
    let is_standard = openid.len() == OPENID_LENGTH
        && openid.starts_with('o')
        && openid.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    is_standard.then(|| &openid[..PREFIX_LENGTH])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_follower_of_another_account_is_noticed_once() {
        let mut prefix = OpenidPrefix::default();
        for openid in
            ["oAAAAAbbbbbbbbbbbbbbbbbbbbbA", "oAAAAAccccccccccccccccccccc-", "short", "", "粉丝粉丝粉丝粉丝粉A"]
        {
            assert_eq!(prefix.differs(openid), None, "{openid}");
        }
        let stranger = "oBBBBBbbbbbbbbbbbbbbbbbbbbbA";
        assert_eq!(prefix.differs(stranger), Some(("oAAAAA", "oBBBBB".to_owned())));
        assert_eq!(prefix.differs(stranger), None);
    }
}
