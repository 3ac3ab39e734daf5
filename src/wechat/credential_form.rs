//! The forms of what WeChat hands out: app ids, app secrets, access tokens.
//!
//! `config` checks what the pipeline file, its environment and its files hold; `source::token`
//! checks the tokens of other programs. Nothing of a wrong form is sent to WeChat.
//!
//! What is clearly meant is trimmed (blanks, line ends and a byte order mark around it). What is
//! surely wrong is an error. What only looks unusual is a note for a warning. No text made here
//! holds a value that may be a secret.

use fanout_sink::is_invisible;

/// What a text is meant to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialForm {
    /// `wx` and 16 hexadecimal digits. Other ids of letters, digits, `_` and `-` are unusual.
    AppId,
    /// 32 hexadecimal digits. Anything else of visible ASCII is unusual.
    Secret,
    /// Letters, digits, `_` and `-`: some 140 of them, and at most 512.
    Token,
}

/// A text of the right form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Formed<'a> {
    /// The text, without what is around it.
    pub text: &'a str,
    /// What is unusual about it, as the rest of a sentence: "has 31 characters, …".
    pub unusual: Option<String>,
}

/// The lengths between which an access token is not unusual. WeChat asks to reserve 512 characters.
const TOKEN_LENGTHS: std::ops::RangeInclusive<usize> = 64..=512;

/// What programs print when they have no token.
const NO_TOKENS: [&str; 9] = ["null", "nil", "none", "undefined", "nan", "true", "false", "error", "unauthorized"];

/// The longest id of an account. It becomes the name of a folder.
const LONGEST_ID: usize = 64;

impl CredentialForm {
    /// Checks the form of `text`. The error continues the sentence "the secret …", and does not
    /// show the text.
    ///
    /// # Errors
    ///
    /// What is surely wrong with the text, and what was expected.
    pub fn check(self, text: &str) -> Result<Formed<'_>, String> {
        let text = trim(text);
        let wrong = |problem: String| Err(format!("{problem}; expected {}", self.expected()));
        if text.is_empty() {
            return wrong("is empty".to_owned());
        }
        if text.contains("://") {
            return wrong("is a URL".to_owned());
        }
        if let Some((place, odd)) = text.chars().enumerate().find(|(_, character)| self.is_odd(*character)) {
            let characters = text.chars().count();
            return wrong(format!("has {}, as character {} of {characters}", kind_of(odd), place + 1));
        }
        if let Some(other) = self.mistaken_for(text) {
            return wrong(format!("is {other}"));
        }
        Ok(Formed { text, unusual: self.unusual(text) })
    }

    fn expected(self) -> &'static str {
        match self {
            Self::AppId => {
                "an app id (AppID), which is `wx` and 16 hexadecimal digits; it stands in the account's console, under \
                 Basic Configuration (基本配置)"
            }
            Self::Secret => "an app secret (AppSecret), which is 32 hexadecimal digits",
            Self::Token => "an access token, which has only letters, digits, `_` and `-`",
        }
    }

    /// Returns whether no text of this form has this character.
    fn is_odd(self, character: char) -> bool {
        match self {
            Self::AppId | Self::Token => !character.is_ascii_alphanumeric() && !"_-".contains(character),
            // `$`, braces and angle brackets are of placeholders that were not replaced.
            Self::Secret => !character.is_ascii_graphic() || "\"'`\\${}<>".contains(character),
        }
    }

    /// Returns what a text without odd characters surely is instead.
    fn mistaken_for(self, text: &str) -> Option<&'static str> {
        let lower = text.to_ascii_lowercase();
        if self == Self::Token && NO_TOKENS.contains(&&*lower) {
            return Some("a word that says that there is none");
        }
        if lower.starts_with("gh_") {
            return Some("an original id (原始ID, `gh_…`)");
        }
        if self != Self::Secret && is_hexadecimal(text, 32) {
            return Some("what looks like an app secret, and is not shown");
        }
        if self != Self::AppId && lower.strip_prefix("wx").is_some_and(|rest| is_hexadecimal(rest, 16)) {
            return Some("an app id");
        }
        if self != Self::Token && text.len() > 100 {
            return Some("what looks like an access token, and is not shown");
        }
        if self != Self::AppId {
            return None;
        }
        if lower.starts_with("wxid_") {
            return Some("the id of a person's WeChat (`wxid_…`)");
        }
        if lower.strip_prefix("ww").is_some_and(|rest| is_hexadecimal(rest, 16)) {
            return Some("the id of a company in WeCom (`ww…`)");
        }
        if text.len() == 28 && text.starts_with('o') {
            return Some("an OpenID");
        }
        (text.len() > LONGEST_ID).then_some("longer than 64 characters")
    }

    fn unusual(self, text: &str) -> Option<String> {
        let length = text.chars().count();
        let is_usual = match self {
            Self::AppId => text.strip_prefix("wx").is_some_and(|rest| {
                is_hexadecimal(rest, 16) && !rest.contains(|character: char| character.is_ascii_uppercase())
            }),
            Self::Secret => is_hexadecimal(text, 32),
            Self::Token => TOKEN_LENGTHS.contains(&length),
        };
        (!is_usual).then(|| match self {
            Self::AppId => "is unusual: WeChat's are `wx` and 16 hexadecimal digits in lower case".to_owned(),
            Self::Secret => format!("has {length} characters and is unusual: WeChat's are 32 hexadecimal digits"),
            Self::Token => format!("has {length} characters and is unusual: WeChat's have about 140"),
        })
    }
}

/// Returns whether a text that was meant to name a secret may be the secret itself: an app secret,
/// or an access token.
pub fn may_be_secret(text: &str) -> bool {
    let text = trim(text);
    let is_nearly_a_secret = (24..=64).contains(&text.len()) && is_hexadecimal(text, text.len());
    is_nearly_a_secret || (text.len() > 100 && !text.contains(['/', '.']))
}

/// Describes a character that does not belong where it stands. Letters and digits are not named:
/// they may be of a secret.
pub fn kind_of(character: char) -> String {
    let code = u32::from(character);
    match character {
        ' ' => "a blank".to_owned(),
        '\t' => "a tab".to_owned(),
        '\n' => "a line end".to_owned(),
        '\r' => "a carriage return".to_owned(),
        '"' | '\'' | '`' | '\u{2018}'..='\u{201f}' | '\u{ff02}' | '\u{ff07}' => "a quotation mark".to_owned(),
        _ if is_invisible(character) => format!("an invisible character (U+{code:04X})"),
        _ if character.is_whitespace() => format!("an unusual blank (U+{code:04X})"),
        _ if character.is_control() => format!("a control character (U+{code:04X})"),
        _ if character.is_ascii_punctuation() => format!("`{character}`"),
        _ => "a character that is not ASCII".to_owned(),
    }
}

fn trim(text: &str) -> &str {
    text.trim_matches(|character: char| character.is_whitespace() || is_invisible(character))
}

fn is_hexadecimal(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::CredentialForm::{AppId, Secret, Token};
    use super::*;

    const APP_ID: &str = "wx0123456789abcdef";
    const SECRET: &str = "00112233445566778899aabbccddeeff";

    fn token() -> String {
        "57_".to_owned() + &"aB-3_xYz".repeat(17)
    }

    fn good() -> [(CredentialForm, String); 3] {
        [(AppId, APP_ID.to_owned()), (Secret, SECRET.to_owned()), (Token, token())]
    }

    #[test]
    fn what_is_clearly_meant_is_trimmed() {
        let around =
            ["", " ", "\n", "\r\n", "\n\n", "\t", "\u{feff}", "\u{a0}", "\u{3000}", "\u{200b}", "\u{feff} \r\n"];
        for (form, text) in good() {
            for before in around {
                for behind in around {
                    let formed = form.check(&format!("{before}{text}{behind}")).map(|formed| formed.text.to_owned());
                    assert_eq!(formed.as_deref(), Ok(&*text), "{form:?} {before:?} {behind:?}");
                }
            }
            assert_eq!(form.check(&text).unwrap().unusual, None, "{form:?}");
        }
    }

    #[test]
    fn what_is_surely_wrong_inside_is_named_by_its_kind_and_place_and_the_text_is_not_shown() {
        for (form, text) in good() {
            for (odd, kind) in [
                (" ", "a blank"),
                ("\t", "a tab"),
                ("\n", "a line end"),
                ("\r\n", "a carriage return"),
                ("\"", "a quotation mark"),
                ("'", "a quotation mark"),
                ("“", "a quotation mark"),
                ("\u{0}", "a control character (U+0000)"),
                ("\u{7f}", "a control character (U+007F)"),
                ("\u{200b}", "an invisible character (U+200B)"),
                ("\u{feff}", "an invisible character (U+FEFF)"),
                ("\u{202e}", "an invisible character (U+202E)"),
                ("\u{a0}", "an unusual blank (U+00A0)"),
                ("${", "`$`"),
                ("<", "`<`"),
                ("０", "a character that is not ASCII"),
                ("а", "a character that is not ASCII"),
            ] {
                let (head, tail) = text.split_at(5);
                let error = form.check(&format!("{head}{odd}{tail}")).unwrap_err();
                assert!(error.starts_with(&format!("has {kind}, as character 6 of ")), "{form:?} {odd:?}: {error}");
                assert!(!error.contains(head) && !error.contains(tail), "{error}");
            }
            for quotes in ["\"", "'", "”"] {
                let error = form.check(&format!("{quotes}{text}{quotes}")).unwrap_err();
                assert!(error.starts_with("has a quotation mark, as character 1 of "), "{error}");
            }
        }
    }

    #[test]
    fn one_kind_in_the_place_of_another_is_an_error() {
        for (form, text, problem) in [
            (AppId, "gh_0123456789ab", "is an original id"),
            (AppId, "GH_0123456789AB", "is an original id"),
            (AppId, SECRET, "is what looks like an app secret"),
            (AppId, &token(), "is what looks like an access token"),
            (AppId, "https://mp.weixin.qq.com/", "is a URL"),
            (AppId, "oABCDEFGHIJKLMNOPQRSTUVWX_-1", "is an OpenID"),
            (AppId, "wxid_0123456789abc", "is the id of a person's WeChat"),
            (AppId, "ww0123456789abcdef", "is the id of a company in WeCom"),
            (AppId, &"x".repeat(65), "is longer than 64"),
            (Secret, APP_ID, "is an app id"),
            (Secret, "gh_0123456789ab", "is an original id"),
            (Secret, &token(), "is what looks like an access token"),
            (Secret, "https://a.b/secret", "is a URL"),
            (Secret, "${BRAND_SECRET}", "has `$`, as character 1 of 15"),
            (Secret, "<your secret>", "has `<`, as character 1 of 13"),
            (Token, SECRET, "is what looks like an app secret"),
            (Token, APP_ID, "is an app id"),
            (Token, "gh_0123456789ab", "is an original id"),
            (Token, "https://a.b/token", "is a URL"),
            (Token, "NOAUTH Authentication required.", "has a blank, as character 7 of 31"),
            (Token, "(nil)", "has `(`, as character 1 of 5"),
            (Token, "/run/token", "has `/`, as character 1 of 10"),
            (Token, "a.b", "has `.`"),
            (Token, "null", "is a word that says that there is none"),
            (Token, "None", "is a word"),
            (Token, "undefined", "is a word"),
        ] {
            let error = form.check(text).unwrap_err();
            assert!(error.starts_with(problem) && error.contains("; expected an "), "{form:?} {text}: {error}");
            assert!(!error.contains(text), "{error}");
        }
        for form in [AppId, Secret, Token] {
            for empty in ["", " \r\n", "\u{feff}", "\u{200b}"] {
                assert!(form.check(empty).unwrap_err().starts_with("is empty; expected "), "{form:?}");
            }
        }
    }

    #[test]
    fn what_is_only_unusual_is_a_note() {
        for (form, text, note) in [
            (AppId, "wx1", "is unusual"),
            (AppId, "WX0123456789ABCDEF", "is unusual"),
            (AppId, "wx0123456789abcdeg", "is unusual"),
            (AppId, "brand-1", "is unusual"),
            (Secret, &SECRET[1..], "has 31 characters and is unusual"),
            (Secret, "hunter2", "has 7 characters and is unusual"),
            (Secret, "0011223344556677+/=.#!0011223344", "has 32 characters and is unusual"),
            (Token, "stale", "has 5 characters and is unusual"),
            (Token, &"x".repeat(513), "has 513 characters and is unusual"),
        ] {
            let unusual = form.check(text).unwrap().unusual.unwrap();
            assert!(unusual.starts_with(note) && !unusual.contains(text), "{form:?}: {unusual}");
        }
        assert_eq!(Secret.check(&SECRET.to_uppercase()).unwrap().unusual, None);
    }
}
