//! A subject from three closures: the shortest way to the suite.

use std::path::Path;

use async_trait::async_trait;

use super::{Published, ReadError, Subject};
use crate::{SinkContext, SinkFactory};

/// Makes a [`Subject`] from what makes the factory, what makes options for a folder, and what reads a list back: see the
/// methods of [`Subject`] of the same names. A sink that needs more says so by implementing the trait.
///
/// `sinks/README.md` has an example.
pub fn subject<F, Factory, Options, Read>(factory: Factory, options: Options, read: Read) -> impl Subject<Factory = F>
where
    F: SinkFactory,
    Factory: Fn() -> F + Send + Sync,
    Options: Fn(&Path) -> F::Options + Send + Sync,
    Read: Fn(&Path, &SinkContext) -> Result<Option<Published>, ReadError> + Send + Sync,
{
    Closures { factory, options, read }
}

struct Closures<Factory, Options, Read> {
    factory: Factory,
    options: Options,
    read: Read,
}

#[async_trait]
impl<F, Factory, Options, Read> Subject for Closures<Factory, Options, Read>
where
    F: SinkFactory,
    Factory: Fn() -> F + Send + Sync,
    Options: Fn(&Path) -> F::Options + Send + Sync,
    Read: Fn(&Path, &SinkContext) -> Result<Option<Published>, ReadError> + Send + Sync,
{
    type Factory = F;

    fn factory(&self) -> F {
        (self.factory)()
    }

    fn options(&self, directory: &Path) -> F::Options {
        (self.options)(directory)
    }

    async fn read(&self, directory: &Path, context: &SinkContext) -> Result<Option<Published>, ReadError> {
        (self.read)(directory, context)
    }
}
