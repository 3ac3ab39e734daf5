//! Where a row stands in the journal of the base.
//!
//! Before it: [`base`](super::base) has found a row. Behind it: [`join`](super::join) keeps the
//! place in a temporary file, and `base` reads the row from there.

/// Where a row stands in the journal of the base.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) frame: Frame,
    /// Of a batch the number of the answer that has the row, among its different questions; of
    /// copied rows the number of the row.
    pub(super) within: u32,
}

/// What is read from the journal at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Frame {
    /// The replies of the batch with this number.
    Batch(u64),
    /// The frame of copied rows with this number.
    Copied(u64),
}

/// Marks the number of a frame of copied rows.
const COPIED: u64 = 1 << 63;

impl Place {
    /// The length of its bytes.
    pub(super) const LEN: usize = 12;

    pub(super) fn to_bytes(self) -> [u8; Self::LEN] {
        let number = match self.frame {
            Frame::Batch(number) => number,
            Frame::Copied(number) => number | COPIED,
        };
        let mut bytes = [0; Self::LEN];
        bytes[..8].copy_from_slice(&number.to_le_bytes());
        bytes[8..].copy_from_slice(&self.within.to_le_bytes());
        bytes
    }

    pub(super) fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        let [n0, n1, n2, n3, n4, n5, n6, n7, w0, w1, w2, w3] = bytes;
        let number = u64::from_le_bytes([n0, n1, n2, n3, n4, n5, n6, n7]);
        let frame = if number & COPIED == 0 { Frame::Batch(number) } else { Frame::Copied(number & !COPIED) };
        Self { frame, within: u32::from_le_bytes([w0, w1, w2, w3]) }
    }
}
