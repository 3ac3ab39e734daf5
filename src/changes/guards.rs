//! What is looked at before a delta is believed: how many people changed, whose lists these are,
//! and what WeChat's totals say.
//!
//! Before it: the engine has compared two lists. Behind it: it stops with an [`Implausible`], or
//! warns with a [`TotalGap`].

use std::fmt;

/// Why a delta is not made without a person's consent.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Implausible {
    /// More people changed than `changes.max_change_percent` allows.
    #[error(
        "{joined} new and {missing} missing followers are {:.2} % of {rows}, but `changes.max_change_percent` is \
         {max_percent}",
        percent(*joined + *missing, *rows)
    )]
    TooManyChanges {
        /// People whom only the newer list has.
        joined: u64,
        /// People whom only the base has.
        missing: u64,
        /// The rows of the larger list.
        rows: u64,
        /// `changes.max_change_percent`.
        max_percent: f64,
    },
    /// The OpenIDs of the newer list are another account's.
    #[error("the OpenIDs begin with `{newer}`, but those of the list before with `{base}`: these are two accounts")]
    AnotherAccount {
        /// What most OpenIDs of the base begin with.
        base: String,
        /// What most OpenIDs of the newer list begin with.
        newer: String,
    },
}

/// WeChat's totals do not change as the list does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TotalGap {
    /// By how much the total grew; negative if it fell.
    pub by_total: i64,
    /// By how much the list grew.
    pub by_changes: i64,
}

/// So few changes say nothing about a list: a short one may have many of its people come and go.
const FEW: u64 = 10;

/// Compares the number of changes with the larger list. `missing` counts without the people whom
/// the delta before carried: the list before lacked them, too.
///
/// # Errors
///
/// [`Implausible::TooManyChanges`] if they are more than `max_percent` of it, and more than a few;
/// under 0 percent, if there is any.
pub fn check_share(
    joined: u64,
    missing: u64,
    base_rows: u64,
    newer_rows: u64,
    max_percent: f64,
) -> Result<(), Implausible> {
    let rows = base_rows.max(newer_rows);
    let few = if max_percent > 0.0 { FEW } else { 0 };
    if joined + missing > few && percent(joined + missing, rows) > max_percent {
        return Err(Implausible::TooManyChanges { joined, missing, rows, max_percent });
    }
    Ok(())
}

/// Compares what most OpenIDs of the two lists begin with. `None` says nothing: the OpenIDs of that
/// list do not agree, or do not have the known form.
///
/// # Errors
///
/// [`Implausible::AnotherAccount`] if they begin with something else.
pub fn check_prefix(base: Option<&str>, newer: Option<&str>) -> Result<(), Implausible> {
    match (base, newer) {
        (Some(base), Some(newer)) if base != newer => {
            Err(Implausible::AnotherAccount { base: base.to_owned(), newer: newer.to_owned() })
        }
        _ => Ok(()),
    }
}

/// Compares the change of WeChat's total with the rows of a delta: `came` counts those who followed
/// or reappeared, `left` those who unfollowed. Returns `None` if both say the same.
pub fn total_gap(base_total: u64, newer_total: u64, came: u64, left: u64) -> Option<TotalGap> {
    let (by_total, by_changes) = (newer_total as i64 - base_total as i64, came as i64 - left as i64);
    (by_total != by_changes).then_some(TotalGap { by_total, by_changes })
}

fn percent(part: u64, of: u64) -> f64 {
    if part == 0 { 0.0 } else { part as f64 * 100.0 / of as f64 }
}

impl Implausible {
    /// Returns what a person can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::TooManyChanges { .. } => {
                "see whether the lists are this account's and complete; `fanout run --accept-change` lets this one delta \
                 pass"
            }
            Self::AnotherAccount { .. } => {
                "see whether the token is this account's; `fanout run --accept-change` lets this one delta pass"
            }
        }
    }
}

impl fmt::Display for TotalGap {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { by_total, by_changes } = self;
        write!(formatter, "WeChat's total changed by {by_total:+}, but the followers changed by {by_changes:+}")
    }
}
