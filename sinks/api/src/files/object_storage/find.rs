//! The state of a published list: by its manifest, its marker, and the size and metadata of its
//! object. The object is not read.
//!
//! Before it: `storage`, for a sink's `find`, with the report of the commit. Behind it: the engine,
//! which delivers a list that is gone again.

use super::bucket::Bucket;
use super::place::ObjectPlace;
use crate::error::SinkError;
use crate::files::manifest::ManifestHead;
use crate::files::names::{Names, manifest_name};
use crate::files::objects::{ObjectUrl, StoreOptions};
use crate::found::Found;
use crate::sink::SinkReport;

/// Returns the state of the list of `report`, in the place that the report names. `root` is where
/// lists go today, by the same `store`.
pub(in crate::files) fn find(
    root: &ObjectUrl,
    store: Option<&StoreOptions>,
    names: &Names,
    report: &SinkReport,
) -> Result<Found, SinkError> {
    let Some((url, key)) = report.outputs.first().and_then(|output| ObjectUrl::split(&output.location)) else {
        return Ok(Found::Unknown);
    };
    // The keys of one kind of store do not open the other kind.
    if url.scheme() != root.scheme() {
        return Ok(Found::Unknown);
    }
    let todays = ObjectPlace::new(root, names)?;
    let bucket = names.context().trials.stores().open(&url, store)?;
    let is_todays = url.is_same_bucket(root) && todays.data() == key;
    find_in(&bucket, (&url, &key), is_todays.then_some(&todays), names, report)
}

/// Looks at the object `key`. `todays` is where the list would be published today, if that is the
/// place of the object.
pub(super) fn find_in(
    bucket: &dyn Bucket,
    (url, key): (&ObjectUrl, &str),
    todays: Option<&ObjectPlace>,
    names: &Names,
    report: &SinkReport,
) -> Result<Found, SinkError> {
    let found = look(bucket, (url, key), todays, names)?;
    match (&found, &report.mount) {
        // The list is there, whatever the store is called now.
        (Found::Held | Found::Replaced, _) => Ok(found),
        (_, Some(noted)) if noted != bucket.store() => Err(moved(url, noted, bucket.store())),
        _ => Ok(found),
    }
}

/// The options are those of the commit, because a sink with others is another recipient. So the
/// environment has changed.
fn moved(url: &ObjectUrl, noted: &str, store: &str) -> SinkError {
    let message = format!("the list was published as `{url}` in the store `{noted}`, and the store is `{store}` now");
    let hint = "is the environment right (`AWS_ENDPOINT_URL`, `AZURE_STORAGE_ACCOUNT_NAME`)? If the lists have moved, \
                name the new store in `store.endpoint` or `store.account`, and the list is delivered to it";
    SinkError::permanent(message).with_hint(hint)
}

fn look(
    bucket: &dyn Bucket,
    (url, key): (&ObjectUrl, &str),
    todays: Option<&ObjectPlace>,
    names: &Names,
) -> Result<Found, SinkError> {
    let place = |is_single_file| ObjectPlace::of_object(url, key, is_single_file);
    // `layout` may have changed since the commit, so the manifest is looked for under the names
    // that it may have beside the object.
    let place = if let Some(todays) = todays {
        todays.clone()
    } else {
        let Some(single) = place(true) else { return Ok(Found::Unknown) };
        let is_single_file = bucket.get(&single.manifest())?.is_some();
        ObjectPlace { is_single_file, ..single }
    };
    let manifest = place.url(&place.manifest());
    let Some((content, _)) = bucket.get(&place.manifest())? else {
        return Ok(match bucket.head(key)? {
            Some(_) => {
                let name = manifest_name(place.is_single_file.then_some(place.object.as_str()));
                Found::Altered(format!("`{}` is there, and `{name}` is missing", place.url(key)))
            }
            None => Found::Gone,
        });
    };
    let head = match ManifestHead::of_list(&content, names.context(), &manifest) {
        Ok(head) => head,
        Err(other) => return Ok(other),
    };
    let objects = place.objects(bucket, &head)?;
    if let Some(problem) = objects.altered {
        return Ok(Found::Altered(problem));
    }
    // The manifest says that the rest is ours, so the list can be published over it again. A loader
    // may have taken the object away, a crash may have come before the marker, or another publisher
    // of the same list may have left its object or marker late.
    let Some((marker, _)) = bucket.get(&place.marker())? else { return Ok(Found::Gone) };
    Ok(match serde_json::from_slice(&marker) {
        Err(_) => Found::Altered(format!("`{}` is not a marker of this program", place.url(&place.marker()))),
        Ok(marker) if objects.missing == 0 && objects.is_marked(&marker, &content) => Found::Held,
        Ok(_) => Found::Gone,
    })
}
