//! Reads a stream in lines of bounded length.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

/// Reads a stream line by line.
#[derive(Debug)]
pub(crate) struct Lines<R> {
    stream: R,
    longest: usize,
    /// Bytes that were read and not returned yet.
    buffer: Vec<u8>,
    /// Whether the rest of a cut line is being skipped.
    is_skipping: bool,
}

/// A line without its end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// The whole line.
    Whole(Vec<u8>),
    /// The start of a line that is longer than the bound.
    Cut(Vec<u8>),
}

impl<R: AsyncRead + Unpin> Lines<R> {
    /// Reads `stream` in lines of at most `longest` bytes.
    pub(crate) fn new(stream: R, longest: usize) -> Self {
        Self { stream, longest, buffer: Vec::new(), is_skipping: false }
    }

    /// Returns the next line; `None` at the end of the stream.
    ///
    /// # Cancellation
    ///
    /// Safe: no bytes are lost if the future is dropped before it is ready.
    pub(crate) async fn next(&mut self) -> io::Result<Option<Line>> {
        loop {
            if let Some(end) = memchr::memchr(b'\n', &self.buffer) {
                let mut line: Vec<u8> = self.buffer.drain(..=end).collect();
                line.pop();
                if !std::mem::take(&mut self.is_skipping) {
                    return Ok(Some(self.bounded(line)));
                }
            } else if self.is_skipping {
                self.buffer.clear();
            } else if self.buffer.len() > self.longest {
                self.is_skipping = true;
                let line = std::mem::take(&mut self.buffer);
                return Ok(Some(self.bounded(line)));
            }
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                let rest = std::mem::take(&mut self.buffer);
                let is_line = !rest.is_empty() && !std::mem::take(&mut self.is_skipping);
                return Ok(is_line.then(|| self.bounded(rest)));
            }
        }
    }

    fn bounded(&self, mut line: Vec<u8>) -> Line {
        if line.len() <= self.longest {
            return Line::Whole(line);
        }
        line.truncate(self.longest);
        Line::Cut(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn lines_of(text: &str, longest: usize) -> Vec<Line> {
        let mut lines = Lines::new(text.as_bytes(), longest);
        let mut found = Vec::new();
        while let Some(line) = lines.next().await.unwrap() {
            found.push(line);
        }
        found
    }

    #[tokio::test]
    async fn every_line_comes_once_and_the_last_needs_no_end() {
        let whole = |text: &str| Line::Whole(text.as_bytes().to_vec());
        assert_eq!(lines_of("a\n\nbc\nd", 10).await, [whole("a"), whole(""), whole("bc"), whole("d")]);
        assert_eq!(lines_of("", 10).await, []);
    }

    #[tokio::test]
    async fn a_line_that_is_too_long_is_cut_and_its_rest_is_skipped() {
        let text = format!("{}\nb\n{}", "a".repeat(100_000), "c".repeat(100_000));
        let cut = |letter: &str| Line::Cut(letter.repeat(3).into_bytes());
        assert_eq!(lines_of(&text, 3).await, [cut("a"), Line::Whole(b"b".to_vec()), cut("c")]);
        assert_eq!(lines_of("abcd\nabc\n", 3).await, [Line::Cut(b"abc".to_vec()), Line::Whole(b"abc".to_vec())]);
    }
}
