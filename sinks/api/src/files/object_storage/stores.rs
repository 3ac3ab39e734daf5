//! The stores of a run: thousands of lists of a sink have one, and so one client, one pool of
//! connections, and one set of keys that a machine or a role gives out.
//!
//! Before it: `files`, `check` and `find`. Behind it: `objects`, which connects.

use std::sync::{Arc, Mutex, PoisonError};

use crate::error::SinkError;
use crate::files::objects::{ObjectUrl, Store, StoreOptions};

/// The stores that were opened in a run. Clones share them.
#[derive(Clone, Debug, Default)]
pub(in crate::files) struct Stores(Arc<Mutex<Vec<OpenStore>>>);

#[derive(Debug)]
struct OpenStore {
    options: StoreOptions,
    store: Store,
}

impl Stores {
    /// Opens the bucket of a URL, unless it is open: by the option `store` if there is one, or by
    /// the environment. Nothing is sent yet.
    pub(super) fn open(&self, url: &ObjectUrl, options: Option<&StoreOptions>) -> Result<Store, SinkError> {
        let options = options.cloned().unwrap_or_default();
        let mut stores = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_like = |open: &&OpenStore| open.store.url().is_same_bucket(url) && open.options == options;
        if let Some(open) = stores.iter().find(is_like) {
            return Ok(open.store.clone());
        }
        let store = Store::open(url, &options)?;
        stores.push(OpenStore { options, store: store.clone() });
        Ok(store)
    }
}
