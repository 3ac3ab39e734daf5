//! One file while it is written: its bytes are counted and hashed on the way to the storage.
//!
//! Before it: the encoder of a sink. Behind it: the [`PartFile`] of the storage, and `staged`,
//! which notes what was written.

use std::fmt;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::error::file_error;
use crate::error::SinkError;
use crate::hexadecimal::hexadecimal;

/// The size of the buffer, in bytes: encoders write small pieces, and the file and the hash take
/// them in pieces of this size.
pub(super) const BUFFER_BYTES: usize = 128 * 1024;

/// Writes one part of a list, and counts and hashes every byte on the way.
///
/// [`StagedFiles::next_part`](super::StagedFiles::next_part) makes it, and
/// [`StagedFiles::finish_part`](super::StagedFiles::finish_part) takes it back.
pub struct PartWriter {
    name: String,
    path: PathBuf,
    file: Box<dyn PartFile>,
    buffer: Vec<u8>,
    hasher: Sha256,
    bytes: u64,
}

/// A file that is being written, in some storage.
pub(super) trait PartFile: Send {
    /// Writes `data` at the end of the file, which has `offset` bytes so far.
    fn append(&mut self, data: &[u8], offset: u64) -> io::Result<()>;

    /// Makes the file durable.
    fn finish(&mut self) -> Result<(), SinkError>;
}

/// The facts of a finished part.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) name: String,
    pub(super) bytes: u64,
    pub(super) sha256: String,
}

impl PartWriter {
    pub(super) fn new(name: &str, path: PathBuf, file: Box<dyn PartFile>) -> Self {
        let buffer = Vec::with_capacity(BUFFER_BYTES);
        Self { name: name.to_owned(), path, file, buffer, hasher: Sha256::new(), bytes: 0 }
    }

    /// Returns the path of the part while it is written, for errors.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the number of bytes written so far, those in the buffer included.
    pub fn bytes(&self) -> u64 {
        self.bytes + self.buffer.len() as u64
    }

    /// Writes the rest of the buffer, and returns the file, which may not be durable yet.
    pub(super) fn finish(mut self) -> Result<(Written, Box<dyn PartFile>), SinkError> {
        self.flush().map_err(|error| file_error("write", &self.path, Box::new(error)))?;
        let sha256 = hexadecimal(&self.hasher.finalize());
        Ok((Written { name: self.name, bytes: self.bytes, sha256 }, self.file))
    }

    fn write_through(file: &mut dyn PartFile, hasher: &mut Sha256, bytes: &mut u64, data: &[u8]) -> io::Result<()> {
        file.append(data, *bytes)?;
        hasher.update(data);
        *bytes += data.len() as u64;
        Ok(())
    }
}

impl Write for PartWriter {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        if self.buffer.len() + data.len() > BUFFER_BYTES {
            self.flush()?;
        }
        if data.len() >= BUFFER_BYTES {
            Self::write_through(&mut *self.file, &mut self.hasher, &mut self.bytes, data)?;
        } else {
            self.buffer.extend_from_slice(data);
        }
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Self::write_through(&mut *self.file, &mut self.hasher, &mut self.bytes, &self.buffer)?;
        self.buffer.clear();
        Ok(())
    }
}

impl fmt::Debug for PartWriter {
    /// Leaves the buffer out: it holds personal data.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("PartWriter")
            .field("path", &self.path)
            .field("bytes", &self.bytes())
            .finish_non_exhaustive()
    }
}

/// Returns the SHA-256 of `data` in lower-case hexadecimal.
pub(super) fn sha256(data: &[u8]) -> String {
    hexadecimal(&Sha256::digest(data))
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Memory(Arc<Mutex<Vec<u8>>>);

    impl PartFile for Memory {
        fn append(&mut self, data: &[u8], offset: u64) -> io::Result<()> {
            let mut content = self.0.lock().unwrap();
            assert_eq!(content.len() as u64, offset);
            content.extend_from_slice(data);
            Ok(())
        }

        fn finish(&mut self) -> Result<(), SinkError> {
            Ok(())
        }
    }

    #[test]
    fn bytes_and_hash_are_those_of_the_file_however_it_was_written() {
        for piece in [1_usize, 1_000, BUFFER_BYTES - 1, BUFFER_BYTES, 3 * BUFFER_BYTES] {
            let file = Memory::default();
            let mut part = PartWriter::new("x", PathBuf::from("out/x"), Box::new(file.clone()));
            let data: Vec<u8> = (0..piece).map(|index| (index % 251) as u8).collect();
            for _ in 0..5 {
                part.write_all(&data).unwrap();
            }
            assert_eq!(part.bytes(), 5 * piece as u64);
            let (written, _) = part.finish().unwrap();
            let content = file.0.lock().unwrap();
            assert_eq!(*content, data.repeat(5));
            assert_eq!(written.bytes, content.len() as u64);
            assert_eq!(written.sha256, sha256(&content));
        }
    }

    #[test]
    fn the_hash_is_sha_256_in_lower_case() {
        assert_eq!(sha256(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
