//! Temporary files without a name, so that a crash leaves nothing behind.
//!
//! Before it: what does not fit into memory, in [`deliver`](super::deliver) and
//! [`refresh`](super::refresh). Behind it: the file system.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Opens a file for reading and writing at `path`, and removes its name.
pub(super) fn nameless(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).mode(0o600).open(path)?;
    std::fs::remove_file(path)?;
    Ok(file)
}
