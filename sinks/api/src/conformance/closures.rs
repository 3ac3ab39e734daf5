//! A [`Subject`] that two closures make.
//!
//! Before it: a sink's own test. Behind it: `run`.

use std::path::Path;

use async_trait::async_trait;

use super::rows::ReadError;
use super::subject::{ReadBack, Subject};
use crate::configured::ConfiguredSink;
use crate::context::SinkContext;

/// Makes a [`Subject`] from two closures: `sink` makes a sink for a folder, and `read` reads a list
/// back. They are [`Subject::sink`] and [`Subject::read`]; a sink that needs other methods
/// implements the trait.
///
/// `sinks/README.md` has an example.
pub fn subject<Sink, Read>(sink: Sink, read: Read) -> impl Subject
where
    Sink: Fn(&Path) -> ConfiguredSink + Send + Sync,
    Read: Fn(&Path, &SinkContext) -> Result<Option<ReadBack>, ReadError> + Send + Sync,
{
    Closures { sink, read }
}

struct Closures<Sink, Read> {
    sink: Sink,
    read: Read,
}

#[async_trait]
impl<Sink, Read> Subject for Closures<Sink, Read>
where
    Sink: Fn(&Path) -> ConfiguredSink + Send + Sync,
    Read: Fn(&Path, &SinkContext) -> Result<Option<ReadBack>, ReadError> + Send + Sync,
{
    fn sink(&self, directory: &Path) -> ConfiguredSink {
        (self.sink)(directory)
    }

    async fn read(&self, directory: &Path, context: &SinkContext) -> Result<Option<ReadBack>, ReadError> {
        (self.read)(directory, context)
    }
}
