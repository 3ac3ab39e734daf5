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
        let prefix = of(openid)?;
        let first = self.first.get_or_insert_with(|| prefix.to_owned());
        if self.is_reported || first == prefix {
            return None;
        }
        self.is_reported = true;
        Some((first, prefix.to_owned()))
    }
}

/// Returns the prefix that more than half of some `OpenID`s have; `None` if there is none.
pub(crate) fn of_most<'a>(openids: impl Iterator<Item = &'a str> + Clone) -> Option<&'a str> {
    // Whatever more than half have is left when each of them is set off against another one.
    let (mut candidate, mut lead) = (None, 0_u64);
    for openid in openids.clone() {
        let prefix = of(openid);
        if lead == 0 {
            candidate = prefix;
        }
        lead = if prefix == candidate { lead + 1 } else { lead - 1 };
    }
    let (mut having, mut all) = (0_u64, 0_u64);
    for openid in openids {
        having += u64::from(of(openid) == candidate);
        all += 1;
    }
    candidate.filter(|_| 2 * having > all)
}

/// Replaces all `OpenID`s in a text that have the prefix of `openid`, also one that is cut.
pub(crate) fn conceal_all(text: &mut String, openid: &str) {
    let Some(prefix) = of(openid) else { return };
    let mut shown = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(at) = rest.find(prefix) {
        shown.push_str(&rest[..at]);
        shown.push('…');
        rest = rest[at..].trim_start_matches(|letter: char| letter.is_ascii_alphanumeric() || "-_".contains(letter));
    }
    shown.push_str(rest);
    *text = shown;
}

/// Returns the prefix of an `OpenID`, or `None` if it does not have the known form.
pub(crate) fn of(openid: &str) -> Option<&str> {
    let is_standard = openid.len() == OPENID_LENGTH
        && openid.starts_with('o')
        && openid.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    is_standard.then(|| &openid[..PREFIX_LENGTH])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prefix_of_most_is_that_of_more_than_half() {
        let (one, other) = ("oAAAAAbbbbbbbbbbbbbbbbbbbbbA", "oBBBBBbbbbbbbbbbbbbbbbbbbbbA");
        for (openids, expected) in [
            (&[][..], None),
            (&[one], Some("oAAAAA")),
            (&[one, other], None),
            (&[other, one, one], Some("oAAAAA")),
            (&["short", one, "", "short"], None),
        ] {
            assert_eq!(of_most(openids.iter().copied()), expected, "{openids:?}");
        }
    }

    #[test]
    fn no_openid_of_the_account_is_left_in_a_text_whole_or_cut() {
        let concealed = |text: &str, openid| {
            let mut text = text.to_owned();
            conceal_all(&mut text, openid);
            text
        };
        let (one, other) = ("oAAAAAbbbbbbbbbbbbbbbbbbbbbA", "oAAAAAccccccccccccccccccccc-");
        let text = format!("invalid openid {one} [{other}], {}", &other[..15]);
        assert_eq!(concealed(&text, one), "invalid openid … […], …");
        assert_eq!(concealed("nobody is named, rid: 1-2", one), "nobody is named, rid: 1-2");
        assert_eq!(concealed(&text, "short"), text);
    }

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
