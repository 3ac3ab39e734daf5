//! The deepest part of a path that exists, and the links on the way that lead to nothing.
//!
//! Before it: `target`, `staging` and fanout's journal, which create what is missing below it.
//! Behind it: the operating system.

use std::fmt;
use std::fs::{self, Metadata};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use super::reading::is_missing;

/// The most links that are followed one after another, as in Linux.
const MOST_LINKS: usize = 40;

/// Returns the deepest part of `path` that exists, with its metadata. Links are followed.
///
/// # Errors
///
/// If a part of the path is a link that leads to nothing: a folder cannot be created there, and the
/// kernel only says "File exists". Otherwise the error of the operating system.
pub fn nearest_existing(path: &Path) -> io::Result<(PathBuf, Metadata)> {
    // Without a final slash, which would follow the last link.
    let absolute: PathBuf = std::path::absolute(path)?.components().collect();
    for ancestor in absolute.ancestors() {
        let found = fs::symlink_metadata(ancestor);
        // Most parts are missing, and most others are no links: one call tells that.
        let is_link = found.as_ref().is_ok_and(Metadata::is_symlink);
        match if is_link { fs::metadata(ancestor) } else { found } {
            Ok(metadata) => return Ok((ancestor.to_owned(), metadata)),
            Err(error) if is_missing(&error) => {
                if let Some(link) = is_link.then(|| BrokenLink::at(ancestor)).flatten() {
                    return Err(io::Error::new(ErrorKind::NotFound, link));
                }
            }
            Err(error) if error.raw_os_error() == Some(Errno::LOOP.raw_os_error()) => {
                // The link may be further up: it is the deepest part that can be looked at.
                let link = ancestor.ancestors().find_map(BrokenLink::at);
                return Err(link.map_or(error, io::Error::other));
            }
            Err(error) => return Err(error),
        }
    }
    Err(ErrorKind::NotFound.into())
}

/// A link that leads to nothing.
#[derive(Debug)]
pub(in crate::files) struct BrokenLink {
    link: PathBuf,
    /// Where it leads to; `None` if it leads back to itself.
    leads_to: Option<PathBuf>,
}

impl BrokenLink {
    /// Returns the link at `path`; `None` if nothing or something else is there.
    fn at(path: &Path) -> Option<Self> {
        if !fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink()) {
            return None;
        }
        let mut place = path.to_owned();
        for _ in 0..MOST_LINKS {
            let Ok(next) = fs::read_link(&place) else {
                return Some(Self { link: path.to_owned(), leads_to: Some(place) });
            };
            place = place.parent().unwrap_or(Path::new("/")).join(next);
        }
        Some(Self { link: path.to_owned(), leads_to: None })
    }

    /// Returns what a person can do.
    pub(in crate::files) fn hint(&self) -> &'static str {
        if self.leads_to.is_some() {
            "is its disk mounted? if so, create what the link leads to, or remove the link"
        } else {
            "remove the link, or choose another path"
        }
    }
}

impl fmt::Display for BrokenLink {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let link = self.link.display();
        match &self.leads_to {
            Some(place) => write!(formatter, "`{link}` is a link to `{}`, and nothing is there", place.display()),
            None => write!(formatter, "`{link}` is a link that leads back to itself"),
        }
    }
}

impl std::error::Error for BrokenLink {}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn the_deepest_part_that_exists_is_found_through_links() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        fs::create_dir(path("real")).unwrap();
        symlink("real", path("link")).unwrap();
        for (asked, found) in [("a/b/c", ""), ("real/a/b", "real"), ("link/a/b", "link"), ("link", "link")] {
            let nearest = nearest_existing(&path(asked)).unwrap().0;
            assert_eq!(nearest, path(found).components().collect::<PathBuf>());
        }
    }

    #[test]
    fn a_link_to_nothing_is_named_with_where_it_leads_to() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        symlink("/absent/disk", path("out")).unwrap();
        symlink("out", path("second")).unwrap();
        symlink("absent", path("beside")).unwrap();
        symlink("loop", path("loop")).unwrap();
        symlink("there", path("back")).unwrap();
        symlink("back", path("there")).unwrap();
        for (asked, words) in [
            ("out", "out` is a link to `/absent/disk`, and nothing is there"),
            ("out/", "out` is a link to `/absent/disk`, and nothing is there"),
            ("out/lists/today", "out` is a link to `/absent/disk`, and nothing is there"),
            ("second/lists", "second` is a link to `/absent/disk`, and nothing is there"),
            ("beside/lists", "/absent`, and nothing is there"),
            ("loop/lists", "loop` is a link that leads back to itself"),
            ("there/lists", "there` is a link that leads back to itself"),
        ] {
            let error = nearest_existing(&path(asked)).unwrap_err().to_string();
            assert!(error.contains(words), "{asked}: {error}");
        }
    }
}
