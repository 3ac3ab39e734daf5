//! Errors of accounts, each cause once: of many accounts that fail for one reason, the first names
//! are told.
//!
//! Behind the reports of `engine` and `inspect`; `summary`, `status` and `prune` print them.

use std::borrow::Cow;
use std::collections::HashMap;

use super::output::Terminal;
use super::table::grouped;
use crate::causes::kind_of_error;

/// From how many accounts on the errors of one cause are one line. Fewer are told one by one, with
/// the words of each.
const MANY: usize = 3;

/// How many accounts of one cause are named.
const NAMED: usize = 3;

/// The error of one account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure<'a> {
    /// The account's name.
    pub(super) account: &'a str,
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
            messages.extend(cause.iter().map(|one| (format!("account `{}`: {}", one.account, one.error), one.hint)));
            continue;
        }
        let (accounts, error) = (some_names(&names), &cause[0].error);
        let is_same = cause.iter().all(|failure| failure.error == *error);
        // The details, such as the page, are those of one account.
        let whose = if is_same { String::new() } else { format!("; the error of `{}`", cause[0].account) };
        messages.push((format!("{accounts}{whose}: {error}"), cause[0].hint));
    }
    messages
}

/// Names the first of several accounts, and says how many more there are.
pub(super) fn some_names(names: &[&str]) -> String {
    let shown = names.iter().take(NAMED).copied().collect::<Vec<_>>().join("`, `");
    let more = match names.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {} more", grouped(more as u64)),
    };
    format!("{} accounts (`{shown}`{more})", grouped(names.len() as u64))
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
}
