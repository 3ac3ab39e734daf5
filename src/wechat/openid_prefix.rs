//! The account that a follower belongs to, as far as an `OpenID` shows it.
//!
//! All known `OpenID`s of one account begin alike: they are `o` and the base64url of 20 bytes, of which the first four
//! are the account's. That is nowhere documented, so nobody is rejected for it.

/// The length of all known `OpenID`s, and of what an account's have in common (30 of the 32 bits of its four bytes).
const OPENID_LENGTH: usize = 28;
const PREFIX_LENGTH: usize = 6;

/// Notices when a list has followers of more than one account, which is what a token of another account leads to.
#[derive(Debug, Default)]
pub struct OpenidPrefix {
    first: Option<String>,
    is_reported: bool,
}

impl OpenidPrefix {
    /// Looks at one `OpenID`; returns the tags of the first one and of this one, the first time that they differ.
    pub fn differs(&mut self, openid: &str) -> Option<(&str, String)> {
        let tag = tag(openid)?;
        let first = self.first.get_or_insert_with(|| tag.to_owned());
        if self.is_reported || first == tag {
            return None;
        }
        self.is_reported = true;
        Some((first, tag.to_owned()))
    }
}

/// Returns what the `OpenID`s of an account have in common; none for one that is not of the known form.
fn tag(openid: &str) -> Option<&str> {
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
        let mut tag = OpenidPrefix::default();
        for openid in
            ["oAAAAAbbbbbbbbbbbbbbbbbbbbbA", "oAAAAAccccccccccccccccccccc-", "short", "", "粉丝粉丝粉丝粉丝粉A"]
        {
            assert_eq!(tag.differs(openid), None, "{openid}");
        }
        let stranger = "oBBBBBbbbbbbbbbbbbbbbbbbbbbA";
        assert_eq!(tag.differs(stranger), Some(("oAAAAA", "oBBBBB".to_owned())));
        assert_eq!(tag.differs(stranger), None);
    }
}
