//! The place of all output of a sink, as its options name it.
//!
//! Before it: the key `root` of a pipeline file. Behind it: `files`, which publishes there, and the
//! engine, which compares the roots of a pipeline and looks at the disks of those that are folders.

use std::borrow::Cow;
use std::fmt;
#[cfg(feature = "files")]
use std::path::Component;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};

#[cfg(feature = "object-store")]
use crate::files::objects::UPLOAD_BYTES;
#[cfg(feature = "files")]
use crate::files::objects::{ObjectUrl, StoreOptions};
use crate::local_path::foreign_path;

/// What is added to the name of a root for simulated lists.
pub(crate) const SIMULATED: &str = ".simulated";
/// What is added to a root for the lists of tests: a reader of all below the root must not count
/// them.
#[cfg(feature = "files")]
const CONFINED: &str = ".fanout-sinks-test";

/// The place of all output of a sink: a folder (or single file) of this machine, or a prefix in an
/// object store.
///
/// ```
/// use fanout_sink::Root;
///
/// let root: Root = "out/followers".parse().unwrap();
/// assert!(root.as_path().is_some());
/// assert!("~/followers".parse::<Root>().is_err());
/// ```
#[derive(Clone, Debug)]
pub struct Root {
    place: Place,
    /// The option `store`.
    #[cfg(feature = "files")]
    store: Option<Box<StoreOptions>>,
}

/// The kinds of places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A path of this machine.
    Path(PathBuf),
    /// A prefix in an object store.
    #[cfg(feature = "files")]
    Objects(ObjectUrl),
}

impl Root {
    /// Returns the path of a root on this machine.
    pub fn as_path(&self) -> Option<&Path> {
        match &self.place {
            Place::Path(path) => Some(path),
            #[cfg(feature = "files")]
            Place::Objects(_) => None,
        }
    }

    /// Adds how the store is reached, as the option `store` says.
    #[cfg(feature = "files")]
    #[must_use]
    pub fn with_store(self, store: Option<StoreOptions>) -> Self {
        Self { store: store.map(Box::new), ..self }
    }

    /// Returns how the store is reached; `None` if the options do not say it.
    #[cfg(feature = "files")]
    pub(crate) fn store(&self) -> Option<&StoreOptions> {
        self.store.as_deref()
    }

    /// Returns the host that the option `store` names, without what means nothing; `None` if it is
    /// the provider's own, or the environment's.
    #[cfg(feature = "files")]
    fn host(&self) -> Option<String> {
        let endpoint = self.store.as_ref()?.endpoint.as_ref()?.to_ascii_lowercase();
        let host = endpoint.trim_end_matches('/');
        let without_port = match host.split_once("://") {
            Some(("https", host)) => host.strip_suffix(":443").unwrap_or(host),
            Some(("http", host)) => host.strip_suffix(":80").unwrap_or(host),
            _ => host,
        };
        Some(without_port.to_owned())
    }

    /// Returns the storage account of Azure that the option `store` names.
    #[cfg(feature = "files")]
    fn account(&self) -> Option<&str> {
        self.store.as_ref()?.account.as_deref()
    }

    /// Returns why the root is not one that the options may name, and the right form; `None` for a
    /// right one. A root that was read from a pipeline file is right.
    pub fn problem(&self) -> Option<String> {
        match &self.place {
            Place::Path(path) => path.to_str().filter(|path| !path.is_empty()).and_then(problem_of_path),
            #[cfg(feature = "files")]
            Place::Objects(url) if cfg!(feature = "object-store") => problem_of_placeholders(&url.to_string()),
            #[cfg(feature = "files")]
            Place::Objects(url) => {
                let problem = foreign_path(&url.to_string()).unwrap_or_default();
                Some(format!("{problem}, or a program with the feature `object-store`, which released programs have"))
            }
        }
    }

    /// Returns the bytes that an open sink holds on the way to this root, beside the buffer of the
    /// file that it writes.
    pub fn memory(&self) -> u64 {
        match &self.place {
            Place::Path(_) => 0,
            #[cfg(feature = "object-store")]
            Place::Objects(_) => UPLOAD_BYTES,
            #[cfg(all(feature = "files", not(feature = "object-store")))]
            Place::Objects(_) => 0,
        }
    }

    /// Returns the threads that an open sink starts for this root.
    pub fn threads(&self) -> u64 {
        // All stores of a process share one.
        u64::from(self.as_path().is_none())
    }

    /// Returns whether both are one prefix of an object store, or one is inside the other. A host
    /// or an account that only the environment names may be any. Folders are not compared: that
    /// takes a look at the file system.
    pub fn overlaps_in_store(&self, other: &Self) -> bool {
        match (&self.place, &other.place) {
            #[cfg(feature = "files")]
            (Place::Objects(one), Place::Objects(theirs)) => {
                let differ =
                    |one: Option<&str>, other: Option<&str>| one.zip(other).is_some_and(|(one, other)| one != other);
                one.overlaps(theirs)
                    && !differ(self.host().as_deref(), other.host().as_deref())
                    && !differ(self.account(), other.account())
            }
            _ => false,
        }
    }

    /// Returns the names of the folders on the way to the root.
    #[cfg(feature = "files")]
    pub(crate) fn folders(&self) -> Vec<String> {
        match &self.place {
            Place::Path(path) => {
                let names = path.components().filter_map(|component| match component {
                    Component::Normal(name) => Some(name.to_string_lossy().into_owned()),
                    _ => None,
                });
                names.collect()
            }
            Place::Objects(url) => url.prefix().split('/').map(str::to_owned).collect(),
        }
    }

    /// Returns the place of a root in a context: below `confinement` if there is one (an object
    /// store has it beside the root), and beside itself if the list is simulated. `of_path` does
    /// the same for a path.
    #[cfg_attr(not(feature = "files"), expect(unused_variables, reason = "`of_path` knows them"))]
    pub(crate) fn placed(
        &self,
        confinement: Option<&Path>,
        simulated: bool,
        of_path: impl FnOnce(&Path) -> PathBuf,
    ) -> Self {
        match &self.place {
            Place::Path(path) => of_path(path).into(),
            #[cfg(feature = "files")]
            Place::Objects(url) => {
                let name = confinement.and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
                let url = name.map_or_else(|| url.clone(), |name| url.beside(&format!("{CONFINED}/{name}")));
                let url = if simulated { url.beside(SIMULATED) } else { url };
                Self { place: Place::Objects(url), ..self.clone() }
            }
        }
    }

    #[cfg(feature = "files")]
    pub(crate) fn kind(&self) -> &Place {
        &self.place
    }
}

/// Roots are equal if they are written alike and have one host and account.
impl PartialEq for Root {
    fn eq(&self, other: &Self) -> bool {
        #[cfg(feature = "files")]
        if (self.host(), self.account()) != (other.host(), other.account()) {
            return false;
        }
        self.place == other.place
    }
}

/// Takes the path as it is; [`Root::problem`] says whether it is right.
impl From<PathBuf> for Root {
    fn from(path: PathBuf) -> Self {
        Self {
            place: Place::Path(path),
            #[cfg(feature = "files")]
            store: None,
        }
    }
}

impl From<&Path> for Root {
    fn from(path: &Path) -> Self {
        path.to_owned().into()
    }
}

impl From<&PathBuf> for Root {
    fn from(path: &PathBuf) -> Self {
        path.clone().into()
    }
}

impl From<&str> for Root {
    fn from(text: &str) -> Self {
        text.parse().unwrap_or_else(|_| PathBuf::from(text).into())
    }
}

impl From<String> for Root {
    fn from(text: String) -> Self {
        text.as_str().into()
    }
}

impl FromStr for Root {
    /// The message shows the text, and names the right form.
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        #[cfg(feature = "files")]
        if let Some(root) = from_url(text) {
            return root;
        }
        match problem_of_path(text) {
            None => Ok(Path::new(text).into()),
            Some(problem) => Err(format!("found {text:?}, {problem}")),
        }
    }
}

/// Returns why a path of this machine is not meant as a root, and the right form: it would become a
/// folder of that name.
fn problem_of_path(path: &str) -> Option<String> {
    if path == "-" {
        let hint = "a sink that can write to stdout has `path = \"-\"`";
        return Some(format!("which is no folder; expected a path ({hint})"));
    }
    foreign_path(path).or_else(|| problem_of_placeholders(path))
}

/// Returns why a root is not meant as it is written, if it has a placeholder of a layout.
fn problem_of_placeholders(root: &str) -> Option<String> {
    let is_name =
        |name: &&str| !name.is_empty() && name.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_');
    let name = root.split('{').skip(1).filter_map(|rest| Some(rest.split_once('}')?.0)).find(is_name)?;
    Some(format!("but `{{{name}}}` is replaced in `layout` only; expected the folder that has all lists below it"))
}

/// Reads the URL of a prefix in an object store; `None` if `text` is meant as something else.
#[cfg(feature = "files")]
fn from_url(text: &str) -> Option<Result<Root, String>> {
    const HAS_STORES: bool = cfg!(feature = "object-store");
    let is_meant = HAS_STORES && ["s3:", "az:"].iter().any(|scheme| text.starts_with(scheme));
    if text.starts_with("file:") || !(is_meant || ObjectUrl::is_url(text)) {
        return None;
    }
    let root = match text.parse::<ObjectUrl>() {
        Ok(url) => Root { place: Place::Objects(url), store: None },
        // What may hold a secret is not repeated.
        Err(message) if HAS_STORES || text.contains(['@', '?', '#']) => return Some(Err(message)),
        Err(_) => return None,
    };
    Some(root.problem().map_or(Ok(root), |problem| Err(format!("found {text:?}, {problem}"))))
}

impl fmt::Display for Root {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Path(path) => path.display().fmt(formatter),
            #[cfg(feature = "files")]
            Place::Objects(url) => url.fmt(formatter),
        }
    }
}

impl<'de> Deserialize<'de> for Root {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct RootVisitor;

        impl Visitor<'_> for RootVisitor {
            type Value = Root;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a path, or the URL of a prefix in an object store")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Root, E> {
                text.parse().map_err(E::custom)
            }
        }

        deserializer.deserialize_str(RootVisitor)
    }
}

impl JsonSchema for Root {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Root".into()
    }

    fn json_schema(_generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_is_read_as_a_path_and_shown_as_it_was_written() {
        for text in ["out", "/data/out/", "关注者/列表"] {
            let root: Root = serde_json::from_value(text.into()).unwrap();
            assert_eq!((root.as_path(), root.to_string().as_str()), (Some(Path::new(text)), text));
            assert_eq!(root.problem(), None);
        }
        for text in ["~/lake", "${HOME}/lake", "C:\\lake"] {
            let error = serde_json::from_value::<Root>(text.into()).unwrap_err().to_string();
            assert!(error.contains(&foreign_path(text).unwrap()), "{error}");
            assert_eq!(Root::from(text).problem(), foreign_path(text));
        }
    }

    #[test]
    fn what_belongs_into_another_option_is_no_folder() {
        for (text, problem) in [
            ("-", "which is no folder; expected a path"),
            ("out/dt={date}", "but `{date}` is replaced in `layout` only"),
            ("out/{}/{account}", "but `{account}` is replaced in `layout` only"),
        ] {
            let error = text.parse::<Root>().unwrap_err();
            assert!(error.starts_with(&format!("found {text:?}, ")) && error.contains(problem), "{error}");
            assert!(Root::from(text).problem().unwrap().starts_with(problem));
        }
        for text in ["out/-", "out/{}", "{1}", "a{b", "}{"] {
            assert_eq!(text.parse::<Root>().unwrap().problem(), None);
        }
    }

    #[test]
    #[cfg(all(feature = "files", not(feature = "object-store")))]
    fn a_program_without_object_stores_says_which_has_them() {
        let error = "s3://lake/followers".parse::<Root>().unwrap_err();
        assert!(error.contains("no storage for `s3://` is built in") && error.contains("`object-store`"), "{error}");
        // A path that is meant is the only other form.
        let error = "oss://lake/followers".parse::<Root>().unwrap_err();
        assert!(error.contains("no storage for `oss://`") && !error.contains("s3://"), "{error}");
        for text in ["s3://AKIA:hunter2@lake/x", "s3://lake/x?sig=hunter2", "oss://lake/x#hunter2"] {
            let error = text.parse::<Root>().unwrap_err();
            assert!(!error.contains("hunter2") && !error.contains("AKIA") && error.contains("not shown"), "{error}");
        }
    }

    #[test]
    #[cfg(feature = "object-store")]
    fn a_root_in_an_object_store_is_a_url_and_has_simulated_lists_beside_it() {
        for text in ["s3://lake/followers", "az://lake/a/b=c"] {
            let root: Root = serde_json::from_value(text.into()).unwrap();
            assert_eq!((root.as_path(), root.to_string().as_str(), root.problem()), (None, text, None));
            assert_eq!((root.memory(), root.threads()), (24 << 20, 1));
            let place = |folder: Option<&str>, simulated| {
                root.placed(folder.map(Path::new), simulated, |_| unreachable!()).to_string()
            };
            assert_eq!(place(None, false), text);
            assert_eq!(place(None, true), format!("{text}.simulated"));
            assert_eq!(place(Some("/tmp/x"), false), format!("{text}.fanout-sinks-test/x"));
        }
        assert_eq!(("out".parse::<Root>().unwrap().memory(), Root::from("out").threads()), (0, 0));
        for (text, expected) in [
            ("s3://lake/{date}", "but `{date}` is replaced in `layout` only"),
            ("oss://lake/followers", "expected `s3://lake/followers`, with `store.endpoint"),
            ("hdfs://lake/followers", "no storage for `hdfs://` is built in; expected `s3://bucket/prefix`"),
            ("s3:/lake", "expected `s3://bucket/prefix`"),
            ("file:///lake", "without `file://`"),
        ] {
            let error = text.parse::<Root>().unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    #[cfg(feature = "object-store")]
    fn roots_in_one_bucket_overlap_if_one_prefix_is_inside_the_other() {
        let root = |text: &str| text.parse::<Root>().unwrap();
        let at = |text: &str, endpoint: &str| {
            root(text).with_store(Some(StoreOptions { endpoint: Some(endpoint.to_owned()), ..StoreOptions::default() }))
        };
        let of = |text: &str, account: &str| {
            root(text).with_store(Some(StoreOptions { account: Some(account.to_owned()), ..StoreOptions::default() }))
        };
        for (one, other, expected) in [
            (root("s3://lake/a"), root("s3://lake/a"), true),
            (root("s3://lake/a"), root("s3://lake/a/b"), true),
            (root("s3://lake/a"), root("s3://lake/ab"), false),
            (root("s3://lake/a"), root("s3://lake/b"), false),
            (root("s3://lake/a"), root("s3://pond/a"), false),
            (root("s3://lake/a"), root("az://lake/a"), false),
            (root("s3://lake/a"), root("lake/a"), false),
            (at("s3://lake/a", "https://one.example"), at("s3://lake/a", "https://two.example"), false),
            (at("s3://lake/a", "https://one.example"), at("s3://lake/a/b", "https://one.example"), true),
            (at("s3://lake/a", "https://one.example"), at("s3://lake/a", "https://One.example:443/"), true),
            (at("s3://lake/a", "https://one.example"), root("s3://lake/a"), true),
            (of("az://lake/a", "prod"), of("az://lake/a", "dr"), false),
            (of("az://lake/a", "prod"), of("az://lake/a/b", "prod"), true),
            (of("az://lake/a", "prod"), root("az://lake/a"), true),
            (of("az://lake/a", "prod"), at("az://lake/a", "https://prod.blob.core.windows.net"), true),
        ] {
            assert_eq!(
                (one.overlaps_in_store(&other), other.overlaps_in_store(&one)),
                (expected, expected),
                "{one} {other}"
            );
        }
    }
}
