//! The hashes of an OpenID: one by which lists are compared, and one that proves the result.
//!
//! Before it: an OpenID of a list. Behind it: [`compare`](super::compare).

use ahash::RandomState;

/// Two hashes, independent of each other.
#[derive(Debug)]
pub(super) struct Hashes {
    order: RandomState,
    proof: [RandomState; 2],
    /// The bits of the first hash that are not thrown away, so that tests have collisions.
    #[cfg(test)]
    pub(super) mask: u64,
}

impl Hashes {
    /// Makes the hashes of an attempt, which are not those of another one.
    pub(super) fn new(attempt: u64) -> Self {
        let state = |which| RandomState::with_seeds(21, 22, which, attempt);
        Self {
            order: state(0),
            proof: [state(1), state(2)],
            #[cfg(test)]
            mask: u64::MAX,
        }
    }

    /// Returns the hash by which lists are compared.
    pub(super) fn order(&self, openid: &str) -> u64 {
        let hash = self.order.hash_one(openid);
        #[cfg(test)]
        let hash = hash & self.mask;
        hash
    }

    fn proof(&self, openid: &str) -> u128 {
        let [high, low] = &self.proof;
        u128::from(high.hash_one(openid)) << 64 | u128::from(low.hash_one(openid))
    }
}

/// How many OpenIDs there are, and the sum of their second hashes. Two sets of OpenIDs with the
/// same sum are the same set, but for a chance of 1 in 2^128.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sum {
    count: u64,
    hashes: u128,
}

impl Sum {
    /// Adds an OpenID.
    pub(super) fn add(&mut self, hashes: &Hashes, openid: &str) {
        self.count += 1;
        self.hashes = self.hashes.wrapping_add(hashes.proof(openid));
    }

    /// Returns the sum without the OpenIDs in `other`.
    pub(super) fn without(self, other: Self) -> Self {
        Self { count: self.count.wrapping_sub(other.count), hashes: self.hashes.wrapping_sub(other.hashes) }
    }
}
