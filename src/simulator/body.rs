//! A body as hyper sends it: whole, slow, too long, too short, or without an end.
//!
//! `reply` makes one of each reply, and hyper takes its bytes.

use std::io::Write;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use flate2::write::GzEncoder;
use flate2::{Compress, Compression, Crc, FlushCompress};
use hyper::body::{Body, Frame};
use tokio::time::{Instant, Sleep, sleep};

/// How a reply is sent, and how much of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transmission {
    Whole,
    /// This many bytes at a time, with this pause before each.
    Dripping(usize, Duration),
    /// This many bytes of the body; then the connection is closed.
    Truncated(usize),
    /// This many bytes of the body; then the connection is reset.
    Torn(usize),
    /// The headers, and nothing after them.
    Stalled,
    /// Nothing; the connection is reset.
    Reset,
    /// Nothing; the connection is closed.
    Closed,
    /// All of it; then the connection is closed without notice.
    ThenClosed,
}

/// The connection is closed before the reply is complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Broken {
    #[error("a fault resets the connection")]
    Reset,
    #[error("a fault closes the connection")]
    Closed,
}

/// A body: a first part, then a block that is repeated, then a last part.
#[derive(Debug)]
pub(super) struct ReplyBody {
    first: Bytes,
    block: Bytes,
    times: u64,
    last: Bytes,
    pace: Option<Pace>,
    end: End,
}

/// How a body drips: this many bytes at a time, with this pause before each.
#[derive(Debug)]
struct Pace {
    bytes: usize,
    pause: Duration,
    sleep: Pin<Box<Sleep>>,
}

#[derive(Debug, Clone, Copy)]
enum End {
    Whole,
    /// hyper's buffer may still hold what was sent before; returning `Pending` once makes hyper
    /// send it.
    BrokenAfterFlush(Broken),
    Broken(Broken),
    Never,
}

/// A streamed body of spaces is sent in pieces of this size.
static SPACES: [u8; 65_536] = [b' '; 65_536];

/// The spaces that one compressed block stands for.
const SPACES_IN_A_BLOCK: usize = 1 << 20;

impl ReplyBody {
    /// Returns the body of `prefix` and `content`, or the part of it that `transmission` sends.
    pub(super) fn new(prefix: Bytes, content: Bytes, transmission: Transmission) -> Self {
        let mut body =
            Self { first: prefix, block: Bytes::new(), times: 0, last: content, pace: None, end: End::Whole };
        match transmission {
            Transmission::Truncated(length) => body.cut(length, Broken::Closed),
            Transmission::Torn(length) => body.cut(length, Broken::Reset),
            Transmission::Stalled => {
                (body.first, body.last) = (Bytes::new(), Bytes::new());
                body.end = End::Never;
            }
            Transmission::Dripping(bytes, pause) => {
                body.pace = Some(Pace { bytes, pause, sleep: Box::pin(sleep(pause)) });
            }
            Transmission::Whole | Transmission::Reset | Transmission::Closed | Transmission::ThenClosed => {}
        }
        body
    }

    /// Returns a body of `length` spaces.
    pub(super) fn spaces(prefix: Bytes, length: u64) -> Self {
        let block = Bytes::from_static(&SPACES);
        let last = block.slice(..(length % block.len() as u64) as usize);
        Self { first: prefix, times: length / block.len() as u64, block, last, pace: None, end: End::Whole }
    }

    /// Returns a body of at least `length` spaces, compressed (RFC 1952) to a thousandth.
    pub(super) fn gzipped_spaces(length: u64) -> Self {
        const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
        /// A last block (RFC 1951) without content.
        const LAST: [u8; 2] = [3, 0];
        let spaces = vec![b' '; SPACES_IN_A_BLOCK];
        let mut block = Vec::with_capacity(SPACES_IN_A_BLOCK / 100);
        // After a full flush, a block needs nothing of the one before it, and ends with a whole
        // byte.
        Compress::new(Compression::best(), false)
            .compress_vec(&spaces, &mut block, FlushCompress::Full)
            .expect("there is room for a thousandth");
        let times = length.div_ceil(SPACES_IN_A_BLOCK as u64);
        let (mut whole, mut one) = (Crc::new(), Crc::new());
        one.update(&spaces);
        (0..times).for_each(|_| whole.combine(&one));
        let last = [&LAST[..], &whole.sum().to_le_bytes(), &whole.amount().to_le_bytes()].concat();
        let first = Bytes::from_static(&HEADER);
        Self { first, block: block.into(), times, last: last.into(), pace: None, end: End::Whole }
    }

    /// Makes the body end after `length` bytes, unless it is shorter.
    fn cut(&mut self, length: usize, broken: Broken) {
        if length < self.first.len() + self.last.len() {
            self.last.truncate(length.saturating_sub(self.first.len()));
            self.first.truncate(length);
            self.end = End::BrokenAfterFlush(broken);
        }
    }

    fn next_chunk(&mut self) -> Option<Bytes> {
        if !self.first.is_empty() {
            return Some(std::mem::take(&mut self.first));
        }
        if self.times > 0 {
            self.times -= 1;
            return Some(self.block.clone());
        }
        (!self.last.is_empty()).then(|| std::mem::take(&mut self.last))
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let body = &mut *self;
        if let Some(pace) = &mut body.pace {
            if pace.sleep.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            pace.sleep.as_mut().reset(Instant::now() + pace.pause);
            let part = if body.first.is_empty() { &mut body.last } else { &mut body.first };
            let drop = part.split_to(pace.bytes.min(part.len()));
            if !drop.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(drop))));
            }
        }
        if let Some(chunk) = body.next_chunk() {
            return Poll::Ready(Some(Ok(Frame::data(chunk))));
        }
        match body.end {
            End::Whole => Poll::Ready(None),
            End::Broken(broken) => Poll::Ready(Some(Err(broken))),
            End::BrokenAfterFlush(broken) => {
                body.end = End::Broken(broken);
                context.waker().wake_by_ref();
                Poll::Pending
            }
            End::Never => Poll::Pending,
        }
    }
}

/// Returns the body, compressed.
pub(super) fn gzip(body: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(body).and_then(|()| encoder.finish()).expect("a vector takes everything").into()
}

#[cfg(test)]
mod tests {
    use std::io::{Read, copy, sink};

    use flate2::read::GzDecoder;

    use super::*;

    fn bytes(mut body: ReplyBody) -> Vec<u8> {
        std::iter::from_fn(|| body.next_chunk()).flatten().collect()
    }

    #[test]
    fn a_bomb_is_small_on_the_wire_and_valid_to_its_end() {
        let length = 3 << 20;
        let bomb = bytes(ReplyBody::gzipped_spaces(length));
        assert!(bomb.len() < 10_000, "{} bytes", bomb.len());
        assert_eq!(copy(&mut GzDecoder::new(&bomb[..]), &mut sink()).unwrap(), length);
    }

    #[test]
    fn spaces_are_as_many_as_they_should_be() {
        for length in [0, 1, 65_535, 65_536, 200_000] {
            assert_eq!(bytes(ReplyBody::spaces(Bytes::new(), length)), vec![b' '; length as usize]);
        }
    }

    #[test]
    fn a_body_is_the_same_behind_its_compression() {
        let mut text = String::new();
        GzDecoder::new(&gzip(b"a page")[..]).read_to_string(&mut text).unwrap();
        assert_eq!(text, "a page");
    }
}
