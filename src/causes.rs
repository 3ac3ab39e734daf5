//! An error together with its causes, for people and logs, and which errors are alike.
//!
//! All modules that print or log an error write it with this.

/// Returns an error and its causes on one line.
pub(crate) fn error_chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text.push_str(": ");
        text.push_str(&next.to_string());
        cause = next.source();
    }
    text
}

/// The words before a number that says what has happened, and not how often or where.
const CODES: [&str; 5] = ["errcode", "error", "status", "code", "signal"];

/// Returns what an error has in common with those of other accounts: without `names` (the account's
/// own), counts, cursors, paths and WeChat's `rid`. Two errors with the same text have one cause.
pub(crate) fn kind_of_error(error: &str, names: &[&str]) -> String {
    let mut text = without_paths(error);
    for name in names.iter().filter(|name| !name.is_empty()) {
        text = text.replace(name, "…");
    }
    let mut kind: Vec<String> = Vec::new();
    let mut is_rid = false;
    for word in text.split_whitespace() {
        let plain = word.trim_matches(|letter: char| !letter.is_alphanumeric());
        let is_code = kind.last().is_some_and(|last| CODES.contains(&last.as_str()));
        // A cursor and a path are shown in part.
        let is_particular =
            is_rid || word.contains('…') || !is_code && word.contains(|letter: char| letter.is_ascii_digit());
        is_rid = word.ends_with("rid:");
        kind.push(match plain {
            _ if is_particular => "…".to_owned(),
            "tries" => "try".to_owned(),
            "calls" => "call".to_owned(),
            "pages" => "page".to_owned(),
            _ => word.to_owned(),
        });
    }
    kind.join(" ")
}

/// Replaces what stands in backticks and has a slash.
fn without_paths(text: &str) -> String {
    let parts: Vec<&str> = text.split('`').collect();
    let is_path = |place: usize| place % 2 == 1 && parts[place].contains('/');
    let kept = (0..parts.len()).map(|place| if is_path(place) { "…" } else { parts[place] });
    kept.collect::<Vec<_>>().join("`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_one_cause_are_alike_and_others_are_not() {
        let refused = |page: u64, cursor: &str, code: u64, rid: &str| {
            format!(
                "the call for page {page} (after {cursor}) failed after {page} tries and 0.{page} s, with {page} calls for \
                 pages in this run: WeChat answered errcode {code}: api unauthorized rid: {rid}-{page}"
            )
        };
        let one = kind_of_error(&refused(2, "ojidnm…Csjg", 48001, "5f3a"), &[]);
        assert_eq!(one, kind_of_error(&refused(17, "oABCDE…1234", 48001, "77bb"), &[]));
        assert_ne!(one, kind_of_error(&refused(2, "ojidnm…Csjg", 40013, "5f3a"), &[]));
        assert!(one.contains("errcode 48001:"), "{one}");

        let full = |account: &str, cause: &str| {
            let error = format!("sink `lake`: cannot write `/srv/{account}/part 1`: {cause}");
            kind_of_error(&error, &[account])
        };
        assert_eq!(
            full("brand", "No space left on device (os error 28)"),
            full("shop", "No space left on device (os error 28)")
        );
        assert_ne!(
            full("brand", "No space left on device (os error 28)"),
            full("brand", "Permission denied (os error 13)")
        );

        let held = |app_id: &str| kind_of_error(&format!("list `followers` of app id `{app_id}` is in use"), &[app_id]);
        assert_eq!(held("wxa"), held("wxb"));
        assert_eq!(
            kind_of_error("failed after 1 try and 2 s", &[]),
            kind_of_error("failed after 3 tries and 1.5 s", &[])
        );
    }
}
