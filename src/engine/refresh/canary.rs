//! Asks for some of the rows that would be copied, and compares their unionids: with another Open
//! Platform account all unionids are others, and no copied row would be right.
//!
//! Before it: [`copying`](super::copying) has chosen the rows. Behind it: they are copied, or
//! everybody is asked for.
//!
//! A reply whose rows have moved shows other unionids, too. So a difference is asked about once
//! more, in reverse order, and counts only if both replies say the same.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet, VecDeque};

use super::copying::{Copying, Known};
use crate::engine::batch_walk::Input;
use crate::error::Error;
use crate::source::{BatchSource, SourceError};
use crate::wechat::read_profiles;

/// The most calls.
const CALLS: usize = 8;

/// What the rows say of the Open Platform account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) enum Binding {
    /// It is the same.
    Same,
    /// It is another one, or there is one now, or none any more.
    New,
    /// No reply tells.
    Unknown,
}

/// The unionids that a reply tells; `None` for a follower without one. Who does not follow, or is
/// there twice, is left out.
type Told = HashMap<String, Option<String>>;

/// Compares the rows that are to be copied with what WeChat says now. It takes one call, and
/// another one if they differ; a part of the rows is asked for if WeChat refuses them together, or
/// does not answer about them.
///
/// # Errors
///
/// [`SourceError`] if there is no reply at all.
pub(in crate::engine) async fn look(source: &BatchSource, input: &Input, copying: &Copying) -> Result<Binding, Error> {
    let known = copying.known();
    if known.is_empty() {
        return Ok(Binding::Same);
    }
    let positions: Vec<u64> = known.iter().map(|known| known.position).collect();
    let openids = input.openids(&positions)?;
    let openids = openids.to_vec();
    // Begin and end of each.
    let mut parts = VecDeque::from([(0, known.len())]);
    let (mut calls, mut unanswered) = (0, 0);
    while let Some((begin, end)) = parts.pop_front().filter(|_| calls < CALLS) {
        calls += 1;
        let (known, openids) = (&known[begin..end], &openids[begin..end]);
        let told = match ask(source, openids).await {
            // One of them may be the reason: then WeChat answers about one of the halves.
            Err(error) if error.may_be_of_elements() && unanswered < 2 => {
                unanswered += 1;
                None
            }
            told => told?,
        };
        let Some(told) = told else {
            if known.len() > 1 {
                let middle = begin.midpoint(end);
                parts.extend([(begin, middle), (middle, end)]);
            }
            continue;
        };
        if told.is_empty() {
            return Ok(Binding::Unknown);
        }
        let differing = differences(known, openids, &told);
        if differing.is_empty() {
            return Ok(Binding::Same);
        }
        let reversed: Vec<&str> = openids.iter().rev().copied().collect();
        let Some(told_again) = ask(source, &reversed).await? else { return Ok(Binding::Unknown) };
        let again = differences(known, openids, &told_again);
        let is_confirmed = |openid: &&str| again.contains(openid) && told.get(*openid) == told_again.get(*openid);
        return Ok(if differing.iter().any(is_confirmed) { Binding::New } else { Binding::Same });
    }
    Ok(Binding::Unknown)
}

/// Asks for some rows; `None` if WeChat refuses them, or the reply cannot be read.
async fn ask(source: &BatchSource, openids: &[&str]) -> Result<Option<Told>, SourceError> {
    let fetched = source.batch(0, openids).await?;
    let Ok(reply) = read_profiles(&fetched.body) else { return Ok(None) };
    let mut told = Told::new();
    let mut doubled = HashSet::new();
    for profile in reply.rows.into_iter().filter(|profile| profile.subscribe == Some(true)) {
        let openid = profile.openid.into_owned();
        if told.insert(openid.clone(), profile.unionid.map(Cow::into_owned)).is_some() {
            doubled.insert(openid);
        }
    }
    told.retain(|openid, _| openids.contains(&openid.as_str()) && !doubled.contains(openid));
    Ok(Some(told))
}

/// Returns the OpenIDs whose unionid is not the known one.
fn differences<'a>(known: &[Known], openids: &[&'a str], told: &Told) -> HashSet<&'a str> {
    // One follower without a unionid is an odd row; if nobody has one, the account is not bound.
    let has_unionids = told.values().any(Option::is_some);
    let differs = |known: &Known, openid: &str| match (&known.unionid, told.get(openid)) {
        (_, None) | (None, Some(None)) => false,
        (Some(_), Some(None)) => !has_unionids,
        (known, Some(now)) => known != now,
    };
    known.iter().zip(openids).filter(|(known, openid)| differs(known, openid)).map(|(_, openid)| *openid).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(rows: &[(&str, Option<&str>)]) -> Told {
        rows.iter().map(|(openid, unionid)| ((*openid).to_owned(), unionid.map(str::to_owned))).collect()
    }

    fn differing(known: &[Option<&str>], told: &Told) -> Vec<String> {
        let openids = ["o0", "o1", "o2"];
        let known: Vec<Known> =
            (0..).zip(known).map(|(position, known)| Known { position, unionid: known.map(str::to_owned) }).collect();
        let mut found: Vec<String> = differences(&known, &openids, told).into_iter().map(str::to_owned).collect();
        found.sort();
        found
    }

    #[test]
    fn another_unionid_differs_and_so_does_one_that_was_not_there() {
        let now = told(&[("o0", Some("a")), ("o1", Some("x")), ("o2", Some("c"))]);
        assert_eq!(differing(&[Some("a"), Some("b"), None], &now), ["o1", "o2"]);
    }

    #[test]
    fn who_is_not_told_of_does_not_differ_nor_one_of_many_without_a_unionid() {
        let now = told(&[("o0", Some("a")), ("o1", None)]);
        assert!(differing(&[Some("a"), Some("b"), Some("c")], &now).is_empty());
    }

    #[test]
    fn all_differ_if_nobody_has_a_unionid_any_more() {
        let now = told(&[("o0", None), ("o1", None), ("o2", None)]);
        assert_eq!(differing(&[Some("a"), Some("b"), None], &now), ["o0", "o1"]);
        assert!(differing(&[None, None, None], &now).is_empty());
    }

    #[test]
    fn what_is_known_of_a_follower_is_not_shown() {
        let known = Known { position: 7, unionid: Some("a-unionid".to_owned()) };
        assert!(!format!("{known:?}").contains("a-unionid"));
    }
}
