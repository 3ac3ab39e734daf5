//! Where the files of a list lie: what each kind of storage does for [`StagedFiles`].
//!
//! Before it: `staged`, and a sink's `check` and `find`. Behind it: `local`, which stages in a
//! folder and publishes by a rename; or `object_storage`, which completes an upload.
//!
//! A list holds its storage as a `Box<dyn Storage>`: object stores are a feature of the build, so
//! an enum would need the feature in each of its methods, and here one place needs it.
//!
//! [`StagedFiles`]: super::StagedFiles

use std::fmt;

use super::hive::check_columns;
use super::local::{self, LocalFiles};
use super::manifest::{ManifestHead, StagedList};
use super::names::Names;
#[cfg(feature = "object-store")]
use super::object_storage::{self, ObjectFiles};
use super::options::FileOptions;
use super::part::{PartWriter, Written};
use crate::context::SinkContext;
use crate::error::SinkError;
use crate::found::Found;
use crate::root::{Place, Root};
use crate::sink::SinkReport;

/// The files of one list: written where no reader sees them, then published.
pub(super) trait Storage: fmt::Debug + Send {
    /// Begins the file `name` of the list.
    fn create_part(&mut self, name: &str) -> Result<PartWriter, SinkError>;

    /// Ends a file. It may be durable only after [`stage`](Self::stage).
    fn finish_part(&mut self, part: PartWriter) -> Result<Written, SinkError>;

    /// Adds manifest and marker. When it returns, the list is durable, and no reader sees it.
    fn stage(&mut self, list: &StagedList) -> Result<(), SinkError>;

    /// Publishes the staged list; safe to repeat.
    fn publish(&mut self, list: &StagedList) -> Result<Published, SinkError>;

    /// Removes what is not published; safe to repeat.
    fn discard(&mut self) -> Result<(), SinkError>;

    /// Returns where a reader finds the file `name` of the list.
    fn location(&self, name: &str) -> String;

    /// Returns the mount point above the list, or the name of its store.
    fn mount(&self) -> Option<String>;
}

/// What stands in the place of the list after its commit.
#[derive(Debug)]
pub(super) enum Published {
    /// The list.
    List,
    /// A newer list of the same owner, of this head.
    Newer(Box<ManifestHead>),
}

/// Returns where the output of a list goes.
///
/// # Errors
///
/// If `root` is wrong, or an object store cannot publish all files of a list at once.
fn root(options: &FileOptions, context: &SinkContext) -> Result<Root, SinkError> {
    let root = &options.root;
    match root.kind() {
        Place::Path(path) if path.as_os_str().is_empty() => {
            Err(SinkError::option("root", "is empty; it names the folder for all output"))
        }
        Place::Path(_) if root.store().is_some() => {
            let message = format!("is for an object store, and `root` is the folder `{root}`");
            Err(SinkError::option("store", message)
                .with_hint("name a root such as `s3://bucket/prefix`, or leave `store` out"))
        }
        Place::Objects(_) if options.rolling => {
            let message = format!(
                "`{root}` is in an object store, and these options make several objects of a list, which cannot appear at once"
            );
            Err(SinkError::option("root", message).with_hint(
                "leave out what makes several files (`max_file_rows`, `max_file_bytes`, `partitions`), or use a table",
            ))
        }
        _ => Ok(context.output_root(root)),
    }
}

/// Opens the storage for one list, and removes what an earlier attempt at this list left there.
pub(super) fn open(options: &FileOptions, names: &Names) -> Result<Box<dyn Storage>, SinkError> {
    let root = root(options, names.context())?;
    match root.kind() {
        Place::Path(path) => Ok(Box::new(LocalFiles::open(path, names)?)),
        #[cfg(feature = "object-store")]
        Place::Objects(url) => Ok(Box::new(ObjectFiles::open(url, root.store(), names)?)),
        #[cfg(not(feature = "object-store"))]
        Place::Objects(_) => Err(without_stores(options)),
    }
}

/// Checks whether a list could be staged and published: tries it, and removes what it creates for
/// that. What has succeeded for a list of the same run is not tried again.
///
/// # Errors
///
/// [`SinkError::option`] for a wrong `root` or `layout`; a permanent error if a place cannot be
/// written, something foreign is at the target, or a step of publishing is refused.
pub fn check(options: &FileOptions, context: &SinkContext) -> Result<(), SinkError> {
    check_columns(options, context)?;
    let root = root(options, context)?;
    let names = Names::new(options, context)?;
    match root.kind() {
        Place::Path(path) => local::check(path, &names),
        #[cfg(feature = "object-store")]
        Place::Objects(url) => object_storage::check(url, root.store(), &names),
        #[cfg(not(feature = "object-store"))]
        Place::Objects(_) => Err(without_stores(options)),
    }
}

/// Returns the state of the list of `report`, in the place that the report names, wherever `root`
/// is today. Changes nothing.
///
/// # Errors
///
/// If the place cannot be read; or if the list is not there, and the place is on another file
/// system, or in another store, than when the list was published.
pub fn find(options: &FileOptions, context: &SinkContext, report: &SinkReport) -> Result<Found, SinkError> {
    let root = root(options, context)?;
    let names = Names::new(options, context)?;
    match root.kind() {
        Place::Path(path) => local::find(Some(path), &names, report),
        #[cfg(feature = "object-store")]
        Place::Objects(url) => match local::find(None, &names, report)? {
            Found::Unknown => object_storage::find(url, root.store(), &names, report),
            found => Ok(found),
        },
        #[cfg(not(feature = "object-store"))]
        Place::Objects(_) => Err(without_stores(options)),
    }
}

/// Returns the error of a program that was built without object stores.
#[cfg(not(feature = "object-store"))]
fn without_stores(options: &FileOptions) -> SinkError {
    SinkError::option("root", options.root.problem().unwrap_or_default())
}
