//! `--shard`: a part of the accounts, so that several machines share a pipeline file without
//! talking to each other.
//!
//! An account is assigned by *rendezvous hashing*: to the shard `i` for which
//! `SHA-256("<app id>/<i>")`, as a number, is the largest. A shard needs only its index and the
//! count. One more shard takes accounts from the others and moves none between them.
//!
//! The assignment is an interface and must not change between versions: each shard may keep its
//! journals on its own disk. `selected` keeps the accounts of a shard.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

/// One of several parts of the accounts, `INDEX/COUNT`, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    index: u32,
    count: u32,
}

impl Shard {
    /// The highest count: as many tasks as an array job of AWS Batch may have.
    pub const MOST: u32 = 10_000;

    /// Returns the shard `index` of `count`; `None` if there is no such shard.
    pub fn new(index: u32, count: u32) -> Option<Self> {
        (index < count && count <= Self::MOST).then_some(Self { index, count })
    }

    /// Returns whether the account of `app_id` belongs to this shard.
    pub fn has(self, app_id: &str) -> bool {
        let weight = |index: u32| Sha256::digest(format!("{app_id}/{index}"));
        let own = weight(self.index);
        // Stops early: usually one of the first weights is larger.
        (0..self.count).all(|index| weight(index) <= own)
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let shard = text.split_once('/').and_then(|(index, count)| Self::new(index.parse().ok()?, count.parse().ok()?));
        shard.ok_or_else(|| {
            format!("expected `INDEX/COUNT` with an index from 0, such as `0/4` to `3/4`, of at most {}", Self::MOST)
        })
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.index, self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCOUNTS: u32 = 400;

    /// App ids, and the shard of each, of 2, 3, 4, 16 and 100.
    const OWNERS: [(&str, [u32; 5]); 5] = [
        ("wx0123456789abcdef", [0, 0, 3, 8, 68]),
        ("wx1", [0, 2, 3, 8, 58]),
        ("wx2", [0, 2, 2, 4, 79]),
        ("wxsimulated", [1, 1, 1, 10, 24]),
        ("gh_1a2b3c", [1, 2, 2, 5, 68]),
    ];

    fn app_id(number: u32) -> String {
        format!("wx{number:016x}")
    }

    /// Returns the one shard of `count` that has an account.
    fn owner(app_id: &str, count: u32) -> u32 {
        let owners: Vec<u32> = (0..count).filter(|&index| Shard::new(index, count).unwrap().has(app_id)).collect();
        assert_eq!(owners.len(), 1, "{app_id} of {count}: {owners:?}");
        owners[0]
    }

    #[test]
    fn the_shard_of_an_account_never_changes() {
        // Worked out with another program:
        // max(range(count), key=lambda i: hashlib.sha256(f"{app_id}/{i}".encode()).digest())
        for (app_id, owners) in OWNERS {
            assert_eq!([2, 3, 4, 16, 100].map(|count| owner(app_id, count)), owners, "{app_id}");
        }
    }

    #[test]
    fn every_account_has_one_shard_and_every_shard_its_share() {
        for count in [1, 2, 4, 7] {
            let mut shares = vec![0; count as usize];
            (0..ACCOUNTS).for_each(|number| shares[owner(&app_id(number), count) as usize] += 1);
            let fair = ACCOUNTS / count;
            assert!(shares.iter().all(|share| (fair / 2..=fair * 2).contains(share)), "{shares:?}");
        }
    }

    #[test]
    fn one_shard_more_takes_accounts_and_moves_none_between_the_others() {
        for count in 1..8 {
            let mut taken = 0;
            for app_id in (0..ACCOUNTS).map(app_id) {
                let (before, after) = (owner(&app_id, count), owner(&app_id, count + 1));
                assert!(after == before || after == count, "{app_id} moved from {before} to {after} of {}", count + 1);
                taken += u32::from(after == count);
            }
            assert!(taken > 0, "{count}");
        }
    }

    #[test]
    fn a_shard_is_written_as_it_is_read() {
        assert_eq!("2/4".parse::<Shard>().unwrap().to_string(), "2/4");
        for text in ["4/4", "0/0", "-1/4", "1", "1/", "/4", "1/4/2", "0/10001", "a/b", ""] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
    }
}
