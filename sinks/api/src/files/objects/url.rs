//! The address of a list of objects in a pipeline file: `s3://bucket/prefix`,
//! `az://container/prefix`.
//!
//! Before it: the option `root` of a sink. Behind it: `address`, which knows the host.

use std::fmt;
use std::str::FromStr;

use crate::local_path::foreign_path;

/// The kind of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scheme {
    /// `s3://`: S3, or a store that speaks S3.
    S3,
    /// `az://`: Azure Blob.
    Azure,
}

impl Scheme {
    fn prefix(self) -> &'static str {
        match self {
            Self::S3 => "s3://",
            Self::Azure => "az://",
        }
    }

    fn bucket(self) -> &'static str {
        match self {
            Self::S3 => "bucket",
            Self::Azure => "container",
        }
    }
}

/// A bucket and a prefix in it.
///
/// ```
/// use fanout_sink::files::objects::ObjectUrl;
///
/// let root: ObjectUrl = "s3://lake/followers".parse().unwrap();
/// assert_eq!(root.key("dt=2026-11-22/part-00000.parquet"), "followers/dt=2026-11-22/part-00000.parquet");
/// assert!("oss://lake/followers".parse::<ObjectUrl>().unwrap_err().contains("expected `s3://"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectUrl {
    scheme: Scheme,
    bucket: String,
    prefix: String,
}

impl ObjectUrl {
    /// Returns whether `text` is meant as a URL, of whatever kind, and not as a path.
    pub fn is_url(text: &str) -> bool {
        text.contains("://")
    }

    /// Returns the kind of the store.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Returns the name of the bucket or container.
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// Returns the prefix, without a slash at its ends.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Returns the key of the object `relative` below the prefix.
    pub fn key(&self, relative: &str) -> String {
        format!("{}/{relative}", self.prefix)
    }

    /// Returns the prefix beside this one whose name ends with `suffix`, such as `.simulated`.
    #[must_use]
    pub fn beside(&self, suffix: &str) -> Self {
        Self { prefix: format!("{}{suffix}", self.prefix), ..self.clone() }
    }

    /// Splits the URL of an object, as [`object`](Self::object) makes it, into its bucket and its
    /// key; `None` for anything else. The prefix is the key.
    pub fn split(location: &str) -> Option<(Self, String)> {
        let (scheme, rest) = [Scheme::S3, Scheme::Azure]
            .into_iter()
            .find_map(|scheme| Some((scheme, location.strip_prefix(scheme.prefix())?)))?;
        let (bucket, key) = rest.split_once('/')?;
        check_bucket(scheme, bucket).ok()?;
        Some((Self { scheme, bucket: bucket.to_owned(), prefix: key.to_owned() }, key.to_owned()))
    }

    /// Returns whether both are in one bucket.
    pub fn is_same_bucket(&self, other: &Self) -> bool {
        (self.scheme, &self.bucket) == (other.scheme, &other.bucket)
    }

    /// Returns whether both prefixes are the same, or one is inside the other.
    pub fn overlaps(&self, other: &Self) -> bool {
        let is_in = |inner: &Self, outer: &Self| {
            inner.prefix.strip_prefix(&outer.prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.is_same_bucket(other) && (is_in(self, other) || is_in(other, self))
    }

    /// Returns the URL of the object `key` (with the prefix) in this bucket.
    pub fn object(&self, key: &str) -> String {
        format!("{}{}/{key}", self.scheme.prefix(), self.bucket)
    }
}

impl fmt::Display for ObjectUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.object(&self.prefix))
    }
}

impl FromStr for ObjectUrl {
    type Err = String;

    /// The message shows what was found, unless it may hold a secret, and names the right form.
    fn from_str(text: &str) -> Result<Self, String> {
        let found = |problem: &str| format!("found {text:?}, {problem}");
        let (scheme, rest) = text.split_once("://").ok_or_else(|| found(EXPECTED))?;
        if text.contains('@') {
            // Keys and passwords stand before an `@`.
            return Err(format!("found a URL with `@` (not shown); {EXPECTED}, and keys in `options.store`"));
        }
        if rest.contains(['?', '#']) {
            return Err(format!("found a URL with a query (not shown); {EXPECTED}, and settings in `options.store`"));
        }
        let scheme = match scheme {
            "s3" => Scheme::S3,
            "az" => Scheme::Azure,
            other => return Err(found(&other_scheme(other, rest))),
        };
        let example = format!("expected `{}{}/prefix`", scheme.prefix(), scheme.bucket());
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        check_bucket(scheme, bucket).map_err(|problem| found(&format!("{problem}; {example}")))?;
        let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
        check_prefix(prefix).map_err(|problem| found(&format!("{problem}; {example}")))?;
        Ok(Self { scheme, bucket: bucket.to_owned(), prefix: prefix.to_owned() })
    }
}

const EXPECTED: &str = "expected `s3://bucket/prefix` or `az://container/prefix`";

fn other_scheme(scheme: &str, rest: &str) -> String {
    let endpoint = |example: &str| {
        format!(
            "but this store is reached by its S3 address; expected `s3://{rest}`, with `store.endpoint = \"{example}\"`"
        )
    };
    match scheme {
        "s3a" | "s3n" => format!("a form that only Hadoop knows; expected `s3://{rest}`"),
        "oss" => endpoint("https://s3.oss-cn-hangzhou.aliyuncs.com"),
        "cos" | "cosn" => endpoint("https://cos.ap-guangzhou.myqcloud.com"),
        "abfs" | "abfss" | "wasb" | "wasbs" => {
            "a form that only Hadoop knows; expected `az://container/prefix`, with `store.account`".to_owned()
        }
        "http" | "https" => format!("the address of a host; {EXPECTED}, and the host in `store.endpoint`"),
        _ => format!("but no storage for `{scheme}://` is built in; {EXPECTED}"),
    }
}

fn check_bucket(scheme: Scheme, bucket: &str) -> Result<(), String> {
    let kind = scheme.bucket();
    if bucket.is_empty() {
        return Err(format!("which names no {kind}"));
    }
    let is_valid = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || (byte == b'.' && scheme == Scheme::S3)
    };
    let at_ends = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = bucket.as_bytes();
    if (3..=63).contains(&bytes.len())
        && bytes.iter().all(|&byte| is_valid(byte))
        && at_ends(bytes.first())
        && at_ends(bytes.last())
    {
        return Ok(());
    }
    Err(format!("but `{bucket}` cannot be a {kind}: its name has 3 to 63 of a to z, 0 to 9 and `-`"))
}

fn check_prefix(prefix: &str) -> Result<(), String> {
    if prefix.is_empty() {
        return Err("which has no prefix".to_owned());
    }
    if prefix.split('/').any(str::is_empty) {
        return Err("which has `//`: an object store takes that for a folder without a name".to_owned());
    }
    if prefix.split('/').any(|name| name == "." || name == "..") {
        return Err("which has `.` or `..`: an object store does not resolve them".to_owned());
    }
    match foreign_path(prefix) {
        None => Ok(()),
        Some(problem) => Err(problem),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_a_bucket_and_a_prefix() {
        for (text, scheme, bucket, prefix) in [
            ("s3://lake/followers", Scheme::S3, "lake", "followers"),
            ("s3://my.lake-1/a/b=c/关注者", Scheme::S3, "my.lake-1", "a/b=c/关注者"),
            ("s3://lake/followers/", Scheme::S3, "lake", "followers"),
            ("az://lake/followers", Scheme::Azure, "lake", "followers"),
        ] {
            let url: ObjectUrl = text.parse().unwrap();
            assert_eq!((url.scheme(), url.bucket(), url.prefix()), (scheme, bucket, prefix));
            assert_eq!(url.to_string(), text.trim_end_matches('/'));
            assert_eq!(url.key("x/_SUCCESS"), format!("{prefix}/x/_SUCCESS"));
            assert_eq!(url.object(&url.key("x")), format!("{url}/x"));
            assert_eq!(url.beside(".simulated").to_string(), format!("{url}.simulated"));
        }
    }

    #[test]
    fn a_url_of_another_form_is_an_error_that_names_the_right_one() {
        for (text, expected) in [
            (
                "oss://lake/followers",
                "expected `s3://lake/followers`, with `store.endpoint = \"https://s3.oss-cn-hangzhou",
            ),
            ("cos://lake/followers", "`store.endpoint = \"https://cos.ap-guangzhou"),
            ("cosn://lake/followers", "`store.endpoint = \"https://cos.ap-guangzhou"),
            ("s3a://lake/followers", "expected `s3://lake/followers`"),
            ("s3n://lake/followers", "expected `s3://lake/followers`"),
            ("S3://lake/followers", "expected `s3://bucket/prefix`"),
            ("abfss://lake/followers", "expected `az://container/prefix`, with `store.account`"),
            ("wasbs://lake/followers", "expected `az://container/prefix`"),
            ("gs://lake/followers", "no storage for `gs://` is built in; expected `s3://bucket/prefix` or"),
            ("hdfs://lake/followers", "no storage for `hdfs://`"),
            ("https://lake.s3.amazonaws.com/followers", "the host in `store.endpoint`"),
            ("lake/followers", "expected `s3://bucket/prefix`"),
            ("s3:/lake/followers", "expected `s3://bucket/prefix`"),
            ("s3://", "names no bucket"),
            ("s3:///followers", "names no bucket; expected `s3://bucket/prefix`"),
            ("az:///followers", "names no container; expected `az://container/prefix`"),
            ("s3://lake", "has no prefix; expected `s3://bucket/prefix`"),
            ("s3://lake/", "has no prefix"),
            ("s3://lake//followers", "has `//`"),
            ("s3://lake/followers//", "has `//`"),
            ("s3://lake/../followers", "has `.` or `..`"),
            ("s3://lake/./followers", "has `.` or `..`"),
            ("s3://Lake/followers", "cannot be a bucket"),
            ("s3://la/followers", "cannot be a bucket"),
            ("s3://-lake/followers", "cannot be a bucket"),
            ("s3://la_ke/followers", "cannot be a bucket"),
            ("s3://lake:9000/followers", "cannot be a bucket"),
            ("s3://品牌/followers", "cannot be a bucket"),
            ("az://my.lake/followers", "cannot be a container"),
            ("s3://lake/${ENV}/x", "is not replaced"),
            ("s3://lake/fol\\lowers", "expected `/`"),
            ("s3://lake/followers ", "has a blank"),
            ("s3://lake/fol\u{200b}lowers", "cannot be seen"),
        ] {
            let error = text.parse::<ObjectUrl>().unwrap_err();
            assert!(error.starts_with("found ") && error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn what_may_be_a_secret_is_not_repeated() {
        for text in [
            "s3://key:hunter2@lake/x",
            "az://lake@brands.blob.core.windows.net/hunter2",
            "s3://lake/x?sig=hunter2",
            "oss://lake/x?sig=hunter2",
        ] {
            let error = text.parse::<ObjectUrl>().unwrap_err();
            assert!(
                !error.contains("hunter2") && error.contains("not shown") && error.contains("expected `s3://"),
                "{error}"
            );
        }
    }
}
