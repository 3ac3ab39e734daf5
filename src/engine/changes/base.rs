//! What a delta begins with: the list at the end of the chain, and the people whom the chain
//! carries.
//!
//! Before it: [`begin`](super::begin) has opened both. Behind it: the
//! [difference](crate::engine::difference) of the base and the newer list.

use super::chain::AllCarried;
use crate::engine::batch_walk::Input;
use crate::engine::difference::OpenidPass;
use crate::error::Error;

/// The base of a delta. Its positions are those of the list, and behind them the carried people.
pub(super) struct Base {
    pub(super) list: Input,
    pub(super) carried: AllCarried,
}

impl OpenidPass for Base {
    fn rows(&self) -> u64 {
        self.list.rows() + self.carried.people.len() as u64
    }

    fn each(&self, take: &mut dyn FnMut(u64, &str) -> Result<(), Error>) -> Result<(), Error> {
        self.list.each(take)?;
        (self.list.rows()..)
            .zip(&self.carried.people)
            .try_for_each(|(position, carried)| take(position, &carried.openid))
    }
}
