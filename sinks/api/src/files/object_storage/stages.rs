//! An object store as a [`Storage`]: the calls of `staged`, as calls of a bucket.
//!
//! Before it: `staged`. Behind it: `files`, whose upload it is, and `publishing`, which does the
//! commit.

use std::path::PathBuf;

use super::files::{ObjectFiles, SharedUpload};
use super::identity::{metadata, upload};
use super::publishing::publish;
use crate::error::SinkError;
use crate::files::manifest::StagedList;
use crate::files::part::{PartWriter, Written};
use crate::files::storage::{Published, Storage};

impl Storage for ObjectFiles {
    fn create_part(&mut self, name: &str) -> Result<PartWriter, SinkError> {
        if self.upload.is_some() {
            return Err(SinkError::permanent(format!("`{name}` would be a second object of the list")));
        }
        let key = self.place.key(name);
        let metadata = metadata(self.names.context());
        let parts = self.bucket.begin(&key, &metadata)?;
        let upload = SharedUpload::new(parts, upload(&metadata));
        self.upload = Some(upload.clone());
        Ok(PartWriter::new(name, PathBuf::from(self.place.url(&key)), Box::new(upload)))
    }

    fn finish_part(&mut self, part: PartWriter) -> Result<Written, SinkError> {
        let (written, mut file) = part.finish()?;
        file.finish()?;
        Ok(written)
    }

    /// Does nothing: the store has acknowledged every part, and manifest and marker are visible, so
    /// they come with the commit.
    fn stage(&mut self, _list: &StagedList) -> Result<(), SinkError> {
        Ok(())
    }

    fn publish(&mut self, list: &StagedList) -> Result<Published, SinkError> {
        publish(self, list)
    }

    fn discard(&mut self) -> Result<(), SinkError> {
        self.upload.as_ref().map_or(Ok(()), |upload| upload.lock().parts.abort())
    }

    fn location(&self, name: &str) -> String {
        self.place.url(&self.place.key(name))
    }

    fn mount(&self) -> Option<String> {
        Some(self.bucket.store().to_owned())
    }
}
