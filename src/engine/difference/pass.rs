//! A list whose OpenIDs can be read several times.
//!
//! Before it: the journal of a decided walk. Behind it: [`compare`](super::compare) reads the list
//! twice or more.

use crate::error::Error;

/// A list whose OpenIDs can be read several times.
pub(in crate::engine) trait OpenidPass {
    /// Returns the number of positions.
    fn rows(&self) -> u64;

    /// Hands each OpenID to `take`, with its position: 0, 1, and so on. No OpenID comes twice, and
    /// each call hands over the same ones.
    ///
    /// # Errors
    ///
    /// Those of `take`, which end the reading, and those of the list.
    fn each(&self, take: &mut dyn FnMut(u64, &str) -> Result<(), Error>) -> Result<(), Error>;
}
