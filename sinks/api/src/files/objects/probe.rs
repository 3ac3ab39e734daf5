//! Objects in parts, and the trial of all that a run needs of a store.
//!
//! Before it: `object_storage`. Behind it: `store` and `upload`.

use std::collections::BTreeMap;

use super::store::{Put, Store};
use super::upload::Upload;
use crate::error::SinkError;

/// What [`Store::probe`] found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Whether the store refuses to replace an object that must not be there.
    pub keeps_conditions: bool,
}

impl Store {
    /// Begins to write an object in parts. `metadata` stands beside its content; a name has only
    /// the letters a to z, a value may be any text.
    ///
    /// # Errors
    ///
    /// If the store does not answer, or refuses.
    pub fn begin(&self, key: &str, metadata: &BTreeMap<String, String>) -> Result<Upload, SinkError> {
        Upload::begin(self, key, metadata)
    }

    /// Tries what a run needs, on the object `key`, which is gone afterwards: an object in parts, a
    /// record under a condition, and their end. The name is the same each time, so a trial removes
    /// what one that was killed has left.
    ///
    /// Another trial at the same time may take the object away. So what looks like a fault of the
    /// store is tried again on `own`, a key that no other trial has.
    ///
    /// # Errors
    ///
    /// The first thing that the store refuses.
    pub fn probe(&self, key: &str, own: &str) -> Result<Probe, SinkError> {
        match self.probe_once(key) {
            Ok(Probe { keeps_conditions: false }) if self.is_conditional() => {}
            Err(error) if !error.is_temporary() => {}
            tried => return tried,
        }
        self.probe_once(own)
    }

    fn probe_once(&self, key: &str) -> Result<Probe, SinkError> {
        let metadata = BTreeMap::from([("probe".to_owned(), "fanout".to_owned())]);
        let mut upload = self.begin(key, &metadata)?;
        let tried = upload.write(b"written by `fanout check`\n").and_then(|()| upload.finish());
        if let Err(error) = tried.and_then(|()| upload.complete()) {
            // The first error is the one to tell.
            let _ = upload.abort();
            return Err(error);
        }
        let tried = self.probe_record(key, &metadata);
        let deleted = self.delete(key);
        let probe = tried?;
        deleted.map(|()| probe)
    }

    fn probe_record(&self, key: &str, metadata: &BTreeMap<String, String>) -> Result<Probe, SinkError> {
        let object = self.url().object(key);
        match self.head(key)? {
            Some(head) if head.metadata == *metadata => {}
            Some(_) => {
                let message =
                    format!("`{object}` has lost its metadata: the store, or a proxy before it, drops such headers");
                return Err(SinkError::permanent(message));
            }
            None => return Err(SinkError::permanent(format!("`{object}` was written, and is not there"))),
        }
        if !self.is_conditional() {
            return Ok(Probe { keeps_conditions: false });
        }
        let again = self.put_if_unchanged(key, b"this must be refused\n", None)?;
        Ok(Probe { keeps_conditions: again == Put::Changed })
    }
}
