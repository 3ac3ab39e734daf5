//! Turns messages into record batches of magic 2, the format of the wire and of a log segment.
//!
//! <https://kafka.apache.org/documentation/#recordbatch>. The crate `kafka-protocol` encodes the
//! bytes. This module decides where a batch ends, and keeps out what does not come from the list:
//! a batch has no producer id, no leader epoch and no time of the clock.

use bytes::{Bytes, BytesMut};
use fanout_sink::SinkError;
use kafka_protocol::indexmap::IndexMap;
use kafka_protocol::protocol::StrBytes;
use kafka_protocol::records::{
    NO_PARTITION_LEADER_EPOCH, NO_PRODUCER_EPOCH, NO_PRODUCER_ID, NO_SEQUENCE, Record, RecordBatchEncoder,
    RecordEncodeOptions, TimestampType,
};

use crate::message::{Headers, Message};
use crate::options::Compression;

/// The header of a batch: all fields in front of its records.
const HEADER_BYTES: usize = 61;
/// The most bytes of a record beside key, value and headers: its length (5), attributes (1), time
/// (10) and offset (5) relative to the batch's, and the lengths of key (5), value (5) and headers
/// (5).
const RECORD_BYTES: usize = 36;
/// The most bytes of a record's header beside its name and value: their two lengths.
const RECORD_HEADER_BYTES: usize = 10;

/// How much a codec may expand bytes that do not compress: a fixed number of bytes, and one byte
/// for each `EXPANSION_SHARE`. Snappy expands most, by about 12 bytes for each 32 KiB.
const EXPANSION_BYTES: usize = 64;
const EXPANSION_SHARE: usize = 1_024;

/// The format of the batches of a list.
pub(crate) struct BatchFormat {
    compression: Compression,
    headers: IndexMap<StrBytes, Option<Bytes>>,
    header_bytes: usize,
    max_bytes: usize,
    /// The most bytes of records in a batch: with them it stays within `max_bytes` even if they do
    /// not compress.
    max_record_bytes: usize,
}

/// A batch that takes more messages.
#[derive(Default)]
pub(crate) struct OpenBatch {
    /// The keys and values, one after the other.
    content: Vec<u8>,
    entries: Vec<Entry>,
    /// The most bytes of its records, before compression.
    bytes: usize,
}

struct Entry {
    position: u64,
    timestamp: i64,
    key_end: usize,
    /// `None` for a null value, which differs from an empty one.
    value_end: Option<usize>,
}

/// A batch, encoded.
#[derive(Debug)]
pub(crate) struct SealedBatch {
    pub(crate) bytes: Bytes,
    pub(crate) records: u64,
    pub(crate) first_position: u64,
    pub(crate) last_position: u64,
}

impl BatchFormat {
    pub(crate) fn new(compression: Compression, headers: &Headers, max_bytes: u64) -> Self {
        let header_bytes =
            headers.iter().map(|(name, value)| RECORD_HEADER_BYTES + name.len() + value.len()).sum::<usize>();
        let headers = headers
            .iter()
            .map(|(name, value)| (StrBytes::from_static_str(name), Some(Bytes::copy_from_slice(value.as_bytes()))));
        let max_bytes = max_bytes as usize;
        let max_record_bytes = max_bytes.saturating_sub(HEADER_BYTES + EXPANSION_BYTES + max_bytes / EXPANSION_SHARE);
        Self { compression, headers: headers.collect(), header_bytes, max_bytes, max_record_bytes }
    }

    /// Returns the most bytes that a message takes in a batch, before compression.
    ///
    /// # Errors
    ///
    /// If the message does not fit into any batch.
    pub(crate) fn bytes_of(&self, message: &Message<'_>) -> Result<usize, SinkError> {
        let bytes = RECORD_BYTES + self.header_bytes + message.key.len() + message.value.map_or(0, <[u8]>::len);
        if bytes <= self.max_record_bytes {
            return Ok(bytes);
        }
        Err(too_large(message.position, bytes, self.max_record_bytes))
    }

    /// Encodes `batch`, whose first record has `offset`; returns `None` if it has no messages.
    pub(crate) fn seal(&self, batch: OpenBatch, offset: u64) -> Result<Option<SealedBatch>, SinkError> {
        let (Some(first), Some(last)) = (batch.entries.first(), batch.entries.last()) else { return Ok(None) };
        let (first_position, last_position) = (first.position, last.position);
        let records = self.records(batch, offset as i64);
        let mut bytes = BytesMut::new();
        let options = RecordEncodeOptions { version: 2, compression: self.compression.into() };
        RecordBatchEncoder::encode(&mut bytes, &records, &options).map_err(|error| {
            let message = format!("rows {first_position} to {last_position} cannot be encoded as a record batch");
            SinkError::permanent(message).with_source(error.into_boxed_dyn_error())
        })?;
        if bytes.len() > self.max_bytes {
            return Err(too_large(first_position, bytes.len(), self.max_bytes));
        }
        let records = records.len() as u64;
        Ok(Some(SealedBatch { bytes: bytes.freeze(), records, first_position, last_position }))
    }

    /// Returns the messages of `batch` as records. They share the batch's memory.
    fn records(&self, batch: OpenBatch, first_offset: i64) -> Vec<Record> {
        let OpenBatch { content, entries, .. } = batch;
        let content = Bytes::from(content);
        let mut start = 0;
        // The encoder starts a new batch where offset and sequence do not grow together: with a
        // sequence of -1 in every record, each record would become a batch of its own. Only the
        // first sequence is written.
        let mut record = |((offset, sequence), entry): ((i64, i32), Entry)| {
            let Entry { timestamp, key_end, value_end, .. } = entry;
            let key = content.slice(start..key_end);
            let value = value_end.map(|end| content.slice(key_end..end));
            start = value_end.unwrap_or(key_end);
            Record {
                transactional: false,
                control: false,
                delete_horizon: false,
                partition_leader_epoch: NO_PARTITION_LEADER_EPOCH,
                producer_id: NO_PRODUCER_ID,
                producer_epoch: NO_PRODUCER_EPOCH,
                timestamp_type: TimestampType::Creation,
                offset,
                sequence,
                timestamp,
                key: Some(key),
                value,
                headers: self.headers.clone(),
            }
        };
        (first_offset..).zip(NO_SEQUENCE..).zip(entries).map(&mut record).collect()
    }
}

impl OpenBatch {
    /// Returns whether a message of `bytes` bytes fits.
    pub(crate) fn has_room(&self, bytes: usize, format: &BatchFormat) -> bool {
        self.bytes + bytes <= format.max_record_bytes
    }

    /// Adds a message of `bytes` bytes.
    pub(crate) fn push(&mut self, message: &Message<'_>, bytes: usize) {
        self.content.extend_from_slice(message.key);
        let key_end = self.content.len();
        let value_end = message.value.map(|value| {
            self.content.extend_from_slice(value);
            self.content.len()
        });
        self.entries.push(Entry { position: message.position, timestamp: message.timestamp, key_end, value_end });
        self.bytes += bytes;
    }
}

impl From<Compression> for kafka_protocol::records::Compression {
    fn from(compression: Compression) -> Self {
        match compression {
            Compression::None => Self::None,
            Compression::Gzip => Self::Gzip,
            Compression::Snappy => Self::Snappy,
            Compression::Lz4 => Self::Lz4,
            Compression::Zstd => Self::Zstd,
        }
    }
}

fn too_large(position: u64, bytes: usize, max_bytes: usize) -> SinkError {
    let message =
        format!("row {position} of the list makes a record of {bytes} bytes, and a batch has room for {max_bytes}");
    SinkError::permanent(message).with_hint("leave columns out with `value`, or raise `max_batch_bytes`")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn headers() -> Headers {
        Headers { list: "followers".to_owned(), walk: "000007".to_owned(), schema: "d1ce".to_owned() }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        /// Random bytes, in one record or many, up to the last byte that fits.
        #[test]
        fn what_does_not_compress_stays_within_the_limit(
            seed: u64,
            max_bytes in 1_000_u64..300_000,
            pieces in 1_usize..40,
        ) {
            let mut state = seed | 1;
            let mut random = |length: usize| -> Vec<u8> {
                let word = || {
                    state ^= state << 13;
                    state ^= state >> 7;
                    state ^= state << 17;
                    state.to_le_bytes()
                };
                std::iter::repeat_with(word).flatten().take(length).collect()
            };
            for compression in
                [Compression::None, Compression::Gzip, Compression::Snappy, Compression::Lz4, Compression::Zstd]
            {
                let format = BatchFormat::new(compression, &headers(), max_bytes);
                let mut open = OpenBatch::default();
                let empty = Message { position: 0, key: &[], value: None, timestamp: i64::MAX };
                let fixed = format.bytes_of(&empty).unwrap();
                for piece in 0..pieces {
                    let room = format.max_record_bytes - open.bytes;
                    let length = if piece + 1 == pieces { room } else { room / 3 };
                    if length < fixed {
                        break;
                    }
                    let content = random(length - fixed);
                    let (key, value) = content.split_at(content.len() / 7);
                    let message = Message { key, value: Some(value), ..empty };
                    let bytes = format.bytes_of(&message).unwrap();
                    prop_assert!(open.has_room(bytes, &format));
                    open.push(&message, bytes);
                }
                let sealed = format.seal(open, u64::from(u32::MAX)).unwrap().unwrap();
                prop_assert!(sealed.bytes.len() as u64 <= max_bytes);
            }
        }
    }
}
