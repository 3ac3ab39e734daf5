//! A list on its way to an object store: its upload, and its place.
//!
//! Before it: `storage`. Behind it: a [`Bucket`].

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::bucket::{Bucket, Parts};
use super::place::ObjectPlace;
use crate::error::SinkError;
use crate::files::manifest::Owner;
use crate::files::names::Names;
use crate::files::objects::{ObjectUrl, StoreOptions, Version};
use crate::files::part::PartFile;

/// The one object of a list.
#[derive(Debug)]
pub(in crate::files) struct ObjectFiles {
    pub(super) bucket: Arc<dyn Bucket>,
    pub(super) place: ObjectPlace,
    pub(super) owner: Owner,
    pub(super) names: Names,
    /// The state of the manifest that stood there when the list was opened.
    pub(super) at_open: Option<Version>,
    pub(super) upload: Option<SharedUpload>,
}

/// The upload of the object: the part writes to it, and the storage completes or aborts it.
#[derive(Clone, Debug)]
pub(super) struct SharedUpload(Arc<Mutex<Progress>>);

/// An upload, and how far it is.
#[derive(Debug)]
pub(super) struct Progress {
    pub(super) parts: Box<dyn Parts>,
    /// The name of the upload, which the object's metadata has; `None` if it has none.
    pub(super) name: Option<String>,
    pub(super) is_completed: bool,
}

impl SharedUpload {
    pub(super) fn new(parts: Box<dyn Parts>, name: Option<String>) -> Self {
        Self(Arc::new(Mutex::new(Progress { parts, name, is_completed: false })))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Progress> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ObjectFiles {
    pub(in crate::files) fn open(
        root: &ObjectUrl,
        store: Option<&StoreOptions>,
        names: &Names,
    ) -> Result<Self, SinkError> {
        let place = ObjectPlace::new(root, names)?;
        let bucket = names.context().trials.stores().open(root, store)?;
        Self::open_in(Arc::new(bucket), place, names)
    }

    pub(super) fn open_in(bucket: Arc<dyn Bucket>, place: ObjectPlace, names: &Names) -> Result<Self, SinkError> {
        let owner = Owner::new(names.context());
        let at_open = place.look(&*bucket, &owner)?.map(|standing| standing.version);
        Ok(Self { bucket, place, owner, names: names.clone(), at_open, upload: None })
    }
}

impl PartFile for SharedUpload {
    fn append(&mut self, data: &[u8], _offset: u64) -> io::Result<()> {
        self.lock().parts.write(data).map_err(io::Error::other)
    }

    fn finish(&mut self) -> Result<(), SinkError> {
        self.lock().parts.finish()
    }
}
