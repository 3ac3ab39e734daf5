//! The place of a list in a bucket: its object, its manifest and its marker, and what they are.
//!
//! Before it: `files`, `publishing`, `check` and `find`. Behind it: a [`Bucket`].

use super::bucket::Bucket;
use super::identity::{is_of_list, is_of_owner, upload, walk};
use crate::error::SinkError;
use crate::files::error::in_the_way;
use crate::files::manifest::{ManifestHead, Marker, Owner};
use crate::files::names::{Names, manifest_name, marker_name};
use crate::files::objects::{ObjectUrl, Version};
use crate::files::part::sha256;

/// The longest key that the stores hold, in bytes.
const LONGEST_KEY: usize = 1024;

/// The keys of one list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ObjectPlace {
    pub(super) bucket: ObjectUrl,
    /// The keys begin with it; without a slash at its end.
    pub(super) folder: String,
    /// The name of the list's object in the folder.
    pub(super) object: String,
    /// Whether the list has no folder of its own.
    pub(super) is_single_file: bool,
}

/// A list that stands in a place.
#[derive(Debug)]
pub(super) struct StandingList {
    pub(super) head: ManifestHead,
    pub(super) manifest: Vec<u8>,
    pub(super) version: Version,
}

/// What was found of the objects that a manifest names.
#[derive(Debug, Default)]
pub(super) struct ObjectsFound {
    pub(super) missing: usize,
    /// Whether an object is a list of the same owner, of another walk: its publisher was late, or a
    /// crash came before the object was replaced.
    pub(super) is_stale: bool,
    /// The upload that made the object; `None` if it is not there.
    pub(super) upload: Option<String>,
    /// The first object that is there and not as it was published, and why.
    pub(super) altered: Option<String>,
}

impl ObjectsFound {
    /// Returns whether a marker says that the objects are those of a manifest. Two deliveries of a
    /// walk with other options may have objects of one size, so the marker names the upload; one of
    /// an earlier version does not.
    pub(super) fn is_marked(&self, marker: &Marker, manifest: &[u8]) -> bool {
        let is_of_upload = match (&marker.upload, &self.upload) {
            (Some(noted), Some(found)) => noted == found,
            _ => true,
        };
        !self.is_stale && is_of_upload && marker.manifest_sha256 == sha256(manifest)
    }
}

impl ObjectPlace {
    /// # Errors
    ///
    /// If a name cannot be a key.
    pub(super) fn new(root: &ObjectUrl, names: &Names) -> Result<Self, SinkError> {
        let folder = names.folder()?;
        // The names of a layout are text.
        let folder = folder.to_string_lossy();
        let folder = if folder.is_empty() { root.prefix().to_owned() } else { root.key(&folder) };
        let place = Self {
            bucket: root.clone(),
            folder,
            object: names.file(0)?,
            is_single_file: names.layout().is_single_file(),
        };
        let longest = place.manifest().len().max(place.data().len());
        if longest > LONGEST_KEY {
            let message = format!("the layout makes a key of {longest} bytes; a key has at most {LONGEST_KEY}");
            return Err(SinkError::option("layout", message));
        }
        Ok(place)
    }

    /// Returns the place of the object `key` in the bucket of `bucket`; `None` if it is in no
    /// folder.
    pub(super) fn of_object(bucket: &ObjectUrl, key: &str, is_single_file: bool) -> Option<Self> {
        let (folder, object) = key.rsplit_once('/')?;
        Some(Self { bucket: bucket.clone(), folder: folder.to_owned(), object: object.to_owned(), is_single_file })
    }

    fn single_file(&self) -> Option<&str> {
        self.is_single_file.then_some(self.object.as_str())
    }

    /// Returns the key of the file `name` of the list.
    pub(super) fn key(&self, name: &str) -> String {
        format!("{}/{name}", self.folder)
    }

    pub(super) fn data(&self) -> String {
        self.key(&self.object)
    }

    pub(super) fn manifest(&self) -> String {
        self.key(&manifest_name(self.single_file()))
    }

    pub(super) fn marker(&self) -> String {
        self.key(&marker_name(self.single_file()))
    }

    /// Returns the URL of an object, for people.
    pub(super) fn url(&self, key: &str) -> String {
        self.bucket.object(key)
    }

    /// Returns the list that stands there, if a list of `owner` may replace it; `None` if there is
    /// none.
    ///
    /// # Errors
    ///
    /// If it is another owner's, or no list; or if the store does not answer.
    pub(super) fn look(&self, bucket: &dyn Bucket, owner: &Owner) -> Result<Option<StandingList>, SinkError> {
        let url = self.url(&self.manifest());
        let Some((manifest, version)) = bucket.get(&self.manifest())? else {
            return self.look_without_manifest(bucket, owner);
        };
        let head: ManifestHead = serde_json::from_slice(&manifest)
            .map_err(|error| in_the_way(&url, "it is not a manifest of this program").with_source(error))?;
        if !owner.may_replace(&head.owner) {
            return Err(in_the_way(&url, &format!("the list there is {}, not {owner}", head.owner)));
        }
        if let Some(other) = head.files.iter().find(|file| file.path != self.object) {
            let problem = format!(
                "the list there is in `{}`, this one would be in `{}`, and a reader would find both",
                other.path, self.object
            );
            return Err(in_the_way(&url, &problem));
        }
        Ok(Some(StandingList { head, manifest, version }))
    }

    /// Looks for the object itself.
    fn look_without_manifest(&self, bucket: &dyn Bucket, owner: &Owner) -> Result<Option<StandingList>, SinkError> {
        match bucket.head(&self.data())? {
            Some(head) if !is_of_owner(&head.metadata, owner) => {
                let manifest = manifest_name(self.single_file());
                let problem = format!("there is no `{manifest}` beside it, so it is not a list of this program");
                Err(in_the_way(self.url(&self.data()), &problem))
            }
            _ => Ok(None),
        }
    }

    /// Returns whether the list was published as a whole, and nothing of it was altered since. A
    /// list whose object a loader has taken away was published, too.
    pub(super) fn is_complete(&self, bucket: &dyn Bucket, list: &StandingList) -> Result<bool, SinkError> {
        let Some((marker, _)) = bucket.get(&self.marker())? else { return Ok(false) };
        let Ok(marker) = serde_json::from_slice(&marker) else { return Ok(false) };
        let found = self.objects(bucket, &list.head)?;
        Ok(found.altered.is_none() && found.is_marked(&marker, &list.manifest))
    }

    /// Compares the objects of a list with its manifest.
    pub(super) fn objects(&self, bucket: &dyn Bucket, list: &ManifestHead) -> Result<ObjectsFound, SinkError> {
        let mut found = ObjectsFound::default();
        for file in &list.files {
            let key = self.key(&file.path);
            let Some(head) = bucket.head(&key)? else {
                found.missing += 1;
                continue;
            };
            found.upload = upload(&head.metadata);
            let walk = walk(&head.metadata);
            if is_of_owner(&head.metadata, &list.owner) && walk.is_some_and(|walk| walk != list.walk) {
                found.is_stale = true;
                continue;
            }
            let problem = if head.bytes != file.bytes {
                format!("has {} bytes, and {} were published", head.bytes, file.bytes)
            } else if is_of_list(&head.metadata, list) {
                continue;
            } else {
                format!("does not say that it is of the walk `{}`", list.walk)
            };
            found.altered.get_or_insert_with(|| format!("`{}` {problem}", self.url(&key)));
        }
        Ok(found)
    }
}
