//! What publishing needs of a store.
//!
//! Before it: the steps of this folder. Behind it: a [`Store`], or a double of one in the tests,
//! which stops between two calls as a crash does.

use std::collections::BTreeMap;
use std::fmt;

use crate::error::SinkError;
use crate::files::objects::{Head, Put, Store, Upload, Version};

/// The objects of one bucket. Each call blocks.
pub(super) trait Bucket: fmt::Debug + Send + Sync {
    /// Returns the name of the store that holds the bucket.
    fn store(&self) -> &str;

    /// Reads a short object; `None` if it is not there.
    fn get(&self, key: &str) -> Result<Option<(Vec<u8>, Version)>, SinkError>;

    /// Looks at an object; `None` if it is not there.
    fn head(&self, key: &str) -> Result<Option<Head>, SinkError>;

    /// Writes a short object.
    fn put(&self, key: &str, content: &[u8]) -> Result<(), SinkError>;

    /// Writes a short object if it is as it was seen. A store without conditions writes it in any
    /// case.
    fn put_if_unchanged(&self, key: &str, content: &[u8], seen: Option<&Version>) -> Result<Put, SinkError>;

    /// Deletes an object that may be missing.
    fn delete(&self, key: &str) -> Result<(), SinkError>;

    /// Begins an object that is sent in parts.
    fn begin(&self, key: &str, metadata: &BTreeMap<String, String>) -> Result<Box<dyn Parts>, SinkError>;
}

/// An object that is sent in parts.
pub(super) trait Parts: fmt::Debug + Send {
    fn write(&mut self, data: &[u8]) -> Result<(), SinkError>;

    /// Waits until the store has every part.
    fn finish(&mut self) -> Result<(), SinkError>;

    /// Makes the object visible.
    fn complete(&mut self) -> Result<(), SinkError>;

    /// Drops the parts, unless the object is visible.
    fn abort(&mut self) -> Result<(), SinkError>;
}

impl Bucket for Store {
    fn store(&self) -> &str {
        self.name()
    }

    fn get(&self, key: &str) -> Result<Option<(Vec<u8>, Version)>, SinkError> {
        self.get(key)
    }

    fn head(&self, key: &str) -> Result<Option<Head>, SinkError> {
        self.head(key)
    }

    fn put(&self, key: &str, content: &[u8]) -> Result<(), SinkError> {
        self.put(key, content)
    }

    fn put_if_unchanged(&self, key: &str, content: &[u8], seen: Option<&Version>) -> Result<Put, SinkError> {
        self.put_if_unchanged(key, content, seen)
    }

    fn delete(&self, key: &str) -> Result<(), SinkError> {
        self.delete(key)
    }

    fn begin(&self, key: &str, metadata: &BTreeMap<String, String>) -> Result<Box<dyn Parts>, SinkError> {
        Ok(Box::new(self.begin(key, metadata)?))
    }
}

impl Parts for Upload {
    fn write(&mut self, data: &[u8]) -> Result<(), SinkError> {
        self.write(data)
    }

    fn finish(&mut self) -> Result<(), SinkError> {
        self.finish()
    }

    fn complete(&mut self) -> Result<(), SinkError> {
        self.complete()
    }

    fn abort(&mut self) -> Result<(), SinkError> {
        self.abort()
    }
}
