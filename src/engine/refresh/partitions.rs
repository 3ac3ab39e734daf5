//! Records in a temporary file, in parts that are small enough to be read into memory one by one.
//!
//! Before it: [`join`](super::join) adds records, in any order of the parts. Behind it: the join
//! reads each part as a whole.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::engine::nameless::nameless;
use crate::journal::JournalError;

/// The bytes of a part that are held in memory before they are written.
const BUFFER: usize = 8 * 1024;

/// The name of the file, which is removed as soon as it is open.
const FILE: &str = "refresh.tmp";

/// Some parts in one file without a name.
#[derive(Debug)]
pub(super) struct Partitions {
    path: PathBuf,
    file: File,
    length: u64,
    parts: Vec<Part>,
}

/// A part: what is written, and after that what is not.
#[derive(Clone, Debug, Default)]
struct Part {
    /// Offset and length of each piece in the file.
    written: Vec<(u64, u32)>,
    buffer: Vec<u8>,
}

impl Partitions {
    /// Makes `count` empty parts; the file is made in `folder`.
    pub(super) fn new(folder: &Path, count: usize) -> Result<Self, JournalError> {
        let path = folder.join(FILE);
        let file = nameless(&path).map_err(JournalError::io("use the temporary file", &path))?;
        Ok(Self { path, file, length: 0, parts: vec![Part::default(); count] })
    }

    /// Returns the number of parts.
    pub(super) fn count(&self) -> usize {
        self.parts.len()
    }

    /// Adds a record, which is `pieces` one after the other.
    pub(super) fn add(&mut self, part: usize, pieces: &[&[u8]]) -> Result<(), JournalError> {
        let part = &mut self.parts[part];
        for piece in pieces {
            part.buffer.extend_from_slice(piece);
        }
        if part.buffer.len() >= BUFFER {
            let written = self.file.write_all_at(&part.buffer, self.length);
            written.map_err(JournalError::io("use the temporary file", &self.path))?;
            part.written.push((self.length, part.buffer.len() as u32));
            self.length += part.buffer.len() as u64;
            part.buffer.clear();
        }
        Ok(())
    }

    /// Returns all records of a part, in the order in which they were added.
    pub(super) fn read(&self, part: usize) -> Result<Vec<u8>, JournalError> {
        let part = &self.parts[part];
        let written: usize = part.written.iter().map(|(_, length)| *length as usize).sum();
        let mut bytes = vec![0; written];
        let mut rest = &mut bytes[..];
        for &(offset, length) in &part.written {
            let (piece, behind) = rest.split_at_mut(length as usize);
            let read = self.file.read_exact_at(piece, offset);
            read.map_err(JournalError::io("use the temporary file", &self.path))?;
            rest = behind;
        }
        bytes.extend_from_slice(&part.buffer);
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_read_as_it_was_added_and_no_file_is_left_behind() {
        let folder = tempfile::tempdir().unwrap();
        let mut partitions = Partitions::new(folder.path(), 3).unwrap();
        let mut expected = vec![Vec::new(); 3];
        for number in 0..20_000_u32 {
            let part = (number % 5 % 3) as usize;
            partitions.add(part, &[&number.to_le_bytes(), b"x"]).unwrap();
            expected[part].extend_from_slice(&number.to_le_bytes());
            expected[part].push(b'x');
        }
        for (part, expected) in expected.iter().enumerate() {
            assert!(partitions.read(part).unwrap() == *expected, "part {part}");
            assert!(expected.len() > BUFFER, "a part is written more than once");
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_full_disk_is_an_error_that_names_the_file() {
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/dev/full", folder.path().join(FILE)).unwrap();
        let mut partitions = Partitions::new(folder.path(), 1).unwrap();
        let error = partitions.add(0, &[&[0; BUFFER]]).unwrap_err();
        assert!(error.to_string().ends_with(FILE), "{error}");
    }
}
