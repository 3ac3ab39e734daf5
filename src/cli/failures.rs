//! Errors of accounts and their lists, each cause once: of many accounts that fail for one reason,
//! the first names are told, and lists of one account are told together.
//!
//! Behind the reports of `engine` and `inspect`; `summary`, `status` and `prune` print them.

use std::borrow::Cow;
use std::collections::HashMap;

use super::output::Terminal;
use super::table::grouped;
use crate::causes::kind_of_error;
use crate::wechat::List;

/// From how many accounts on the errors of one cause are one line. Fewer are told one by one, with
/// the words of each.
const MANY: usize = 3;

/// How many accounts of one cause are named.
const NAMED: usize = 3;

/// The error of one list of an account, or of the account as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure<'a> {
    /// The account's name.
    pub(super) account: &'a str,
    /// The list's name; `None` if the error is not that of one list.
    pub(super) list: Option<&'a str>,
    /// The account's app id.
    pub(super) app_id: &'a str,
    /// The error, with its causes.
    pub(super) error: Cow<'a, str>,
    /// What a person can do about it.
    pub(super) hint: Option<&'a str>,
}

/// Prints the errors to stderr.
pub(super) fn print(failures: &[Failure<'_>], terminal: &Terminal) {
    for (message, hint) in by_cause(failures) {
        terminal.error(&message, hint);
    }
}

/// Returns the message and the hint of each cause, in the order of the first accounts.
fn by_cause<'a>(failures: &[Failure<'a>]) -> Vec<(String, Option<&'a str>)> {
    let mut places: HashMap<(String, Option<String>), usize> = HashMap::new();
    let mut causes: Vec<Vec<Failure<'a>>> = Vec::new();
    for failure in failures {
        let kind = kind_of_error(&failure.error, &[failure.account, failure.app_id]);
        // A hint may name what differs, such as the address that a call came from.
        let hint = failure.hint.map(|hint| kind_of_error(hint, &[failure.account, failure.app_id]));
        let place = *places.entry((kind, hint)).or_insert(causes.len());
        if place == causes.len() {
            causes.push(Vec::new());
        }
        causes[place].push(failure.clone());
    }
    let mut messages = Vec::new();
    for cause in causes {
        let mut names: Vec<&str> = cause.iter().map(|failure| failure.account).collect();
        // An account may have failed for several dates.
        names.dedup();
        if names.len() < MANY {
            let of_one = cause.chunk_by(|one, next| one.account == next.account && one.list != next.list);
            messages.extend(of_one.map(|lists| (of_account(lists), lists[0].hint)));
            continue;
        }
        let (accounts, error) = (some_names(&names, "accounts"), &cause[0].error);
        let list = cause.iter().all(|failure| failure.list == cause[0].list).then(|| in_words(&cause[..1]));
        // The details, such as the page, are those of one account.
        let whose = if is_same(&cause) { String::new() } else { format!("; the error of `{}`", cause[0].account) };
        messages.push((format!("{accounts}{}{whose}: {error}", list.unwrap_or_default()), cause[0].hint));
    }
    messages
}

/// Returns the message of lists of one account that have failed for one reason.
fn of_account(failures: &[Failure<'_>]) -> String {
    let Failure { account, list, error, .. } = &failures[0];
    let whose = match list {
        Some(list) if !is_same(failures) => format!("; the error of `{list}`"),
        _ => String::new(),
    };
    format!("account `{account}`{}{whose}: {error}", in_words(failures))
}

/// Names the lists; without a word for the followers alone.
fn in_words(failures: &[Failure<'_>]) -> String {
    let lists: Vec<&str> = failures.iter().filter_map(|failure| failure.list).collect();
    match lists.as_slice() {
        [] => String::new(),
        [list] if *list == List::FOLLOWERS.name() => String::new(),
        [list] => format!(", list `{list}`"),
        lists => format!(", lists `{}`", lists.join("`, `")),
    }
}

fn is_same(failures: &[Failure<'_>]) -> bool {
    failures.iter().all(|failure| failure.error == failures[0].error)
}

/// Names the first of several accounts or lists, which is what `kind` says, and says how many more
/// there are.
pub(super) fn some_names(names: &[&str], kind: &str) -> String {
    let shown = names.iter().take(NAMED).copied().collect::<Vec<_>>().join("`, `");
    let more = match names.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {} more", grouped(more as u64)),
    };
    format!("{} {kind} (`{shown}`{more})", grouped(names.len() as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_accounts_that_fail_for_one_reason_are_one_line() {
        let names: Vec<String> = (0..200).map(|number| format!("brand-{number:03}")).collect();
        let errors: Vec<String> =
            (1..=200).map(|page| format!("the call for page {page} failed: no reply in time")).collect();
        let mut failures: Vec<Failure<'_>> = names
            .iter()
            .zip(&errors)
            .map(|(account, error)| Failure {
                account,
                list: Some("followers"),
                app_id: account,
                error: error.into(),
                hint: Some("check the network"),
            })
            .collect();
        let other = Failure { error: "the app secret is wrong".into(), hint: None, ..failures[1].clone() };
        failures[1] = other;
        assert_eq!(
            by_cause(&failures),
            [
                (
                    "199 accounts (`brand-000`, `brand-002`, `brand-003` and 196 more); the error of `brand-000`: the call \
                     for page 1 failed: no reply in time"
                        .to_owned(),
                    Some("check the network")
                ),
                ("account `brand-001`: the app secret is wrong".to_owned(), None),
            ]
        );
        assert_eq!(by_cause(&failures[2..4]).len(), 2, "two are told one by one");
        let same = [0, 0, 2, 3].map(|place| Failure { error: "no reply".into(), ..failures[place].clone() });
        assert_eq!(by_cause(&same)[0].0, "3 accounts (`brand-000`, `brand-002`, `brand-003`): no reply");
        assert_eq!(by_cause(&same[..3]).len(), 3, "two accounts, one of them for two dates");
    }

    #[test]
    fn lists_of_an_account_that_fail_for_one_reason_are_one_line() {
        let failure = |account, list, error: &'static str| Failure {
            account,
            list,
            app_id: account,
            error: error.into(),
            hint: None,
        };
        let messages = |failures: &[Failure<'_>]| -> Vec<String> {
            by_cause(failures).into_iter().map(|(message, _)| message).collect()
        };
        let lists = [Some("followers"), Some("blacklist"), Some("tags")];
        let slow = |list, error| failure("brand", list, error);
        assert_eq!(
            messages(&lists.map(|list| slow(list, "no reply"))),
            ["account `brand`, lists `followers`, `blacklist`, `tags`: no reply"]
        );
        assert_eq!(
            messages(&[slow(lists[0], "no reply after 2 ms"), slow(lists[1], "no reply after 3 ms")]),
            ["account `brand`, lists `followers`, `blacklist`; the error of `followers`: no reply after 2 ms"]
        );
        assert_eq!(
            messages(&[slow(lists[1], "no reply"), slow(lists[2], "no right"), slow(None, "no folder")]),
            [
                "account `brand`, list `blacklist`: no reply",
                "account `brand`, list `tags`: no right",
                "account `brand`: no folder"
            ]
        );
        assert_eq!(
            messages(&["a", "b", "c"].map(|account| failure(account, lists[1], "no reply"))),
            ["3 accounts (`a`, `b`, `c`), list `blacklist`: no reply"]
        );
    }
}
