//! The digest of a list, which a later delivery of the list must have, too.
//!
//! Before it: [`fan_out`](super::fan_out) and [`row_digest`](super::row_digest) have the rows.
//! Behind it: the snapshot has the digest, with the name of the algorithm before it.
//!
//! Lists are digested with BLAKE3, which takes a fraction of the time of SHA-256. A list that was
//! decided when digests were SHA-256 is digested with it again, because the decision says so.

use fanout_sink::{Snapshot, hexadecimal};
use sha2::{Digest, Sha256};

/// How a list is digested.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Algorithm {
    #[default]
    Blake3,
    Sha256,
}

/// A digest in the making.
#[derive(Clone, Debug)]
pub(super) enum Digester {
    Blake3(Box<blake3::Hasher>),
    Sha256(Sha256),
}

impl Algorithm {
    const ALL: [Self; 2] = [Self::Blake3, Self::Sha256];

    /// Returns the algorithm of a list with these facts, if it is decided, or of a new one.
    ///
    /// A name that is not known counts as a new list, whose digest cannot equal the decided one.
    pub(super) fn of(decided: Option<&Snapshot>) -> Self {
        let name = decided.and_then(|decided| decided.digest.split_once(':')).map(|(name, _)| name);
        Self::ALL.into_iter().find(|algorithm| Some(algorithm.name()) == name).unwrap_or_default()
    }

    fn name(self) -> &'static str {
        match self {
            Self::Blake3 => "blake3",
            Self::Sha256 => "sha256",
        }
    }

    /// Begins a digest.
    pub(super) fn begin(self) -> Digester {
        match self {
            Self::Blake3 => Digester::Blake3(Box::default()),
            Self::Sha256 => Digester::Sha256(Sha256::new()),
        }
    }

    /// Returns a digest as a snapshot has it: the algorithm, a colon, and lower-case hexadecimal.
    pub(super) fn text(self, digest: &[u8; 32]) -> String {
        format!("{}:{}", self.name(), hexadecimal(digest))
    }
}

impl Digester {
    /// Adds bytes.
    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Blake3(hasher) => {
                hasher.update(bytes);
            }
            Self::Sha256(hasher) => hasher.update(bytes),
        }
    }

    /// Returns the digest of all bytes.
    pub(super) fn finish(self) -> [u8; 32] {
        match self {
            Self::Blake3(hasher) => hasher.finalize().into(),
            Self::Sha256(hasher) => hasher.finalize().into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    /// The digests of `abc` in the papers that define the algorithms.
    const OF_ABC: [&str; 2] = [
        "blake3:6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85",
        "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    ];

    fn decided(digest: &str) -> Snapshot {
        let begun_at = DateTime::UNIX_EPOCH;
        Snapshot {
            walk: fanout_sink::WalkId::new(1, begun_at),
            date: begun_at.date_naive(),
            begun_at,
            rows: 0,
            first_fetched_at: None,
            last_fetched_at: None,
            digest: digest.to_owned(),
            proof: serde_json::Map::new(),
        }
    }

    #[test]
    fn a_list_is_digested_as_its_decision_says_and_a_new_one_with_blake3() {
        for expected in OF_ABC {
            let algorithm = Algorithm::of(Some(&decided(expected)));
            let mut digester = algorithm.begin();
            digester.update(b"a");
            digester.update(b"bc");
            assert_eq!(algorithm.text(&digester.finish()), expected);
        }
        for unknown in [None, Some(&decided("md5:00")), Some(&decided(""))] {
            assert_eq!(Algorithm::of(unknown), Algorithm::Blake3);
        }
    }
}
