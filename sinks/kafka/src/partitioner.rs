//! Chooses the partition of a key as Kafka's Java client does by default.
//!
//! <https://kafka.apache.org/documentation/#producerconfigs_partitioner.class>: `(murmur2(key) & 0x7fffffff) % n`.
//! librdkafka calls the same partitioner `murmur2_random`.

/// Its name in the manifest.
pub(crate) const NAME: &str = "murmur2";

/// Returns the partition of `key` among `partitions`.
pub fn partition_of(key: &[u8], partitions: u32) -> u32 {
    (murmur2(key) & 0x7fff_ffff) % partitions
}

/// Kafka's `MurmurHash2`: 32 bits, the seed of `org.apache.kafka.common.utils.Utils`.
fn murmur2(data: &[u8]) -> u32 {
    const SEED: u32 = 0x9747_b28c;
    const MULTIPLIER: u32 = 0x5bd1_e995;
    let (words, rest) = data.as_chunks::<4>();
    let mut hash = SEED ^ data.len() as u32;
    for word in words {
        let mut word = u32::from_le_bytes(*word).wrapping_mul(MULTIPLIER);
        word = (word ^ (word >> 24)).wrapping_mul(MULTIPLIER);
        hash = hash.wrapping_mul(MULTIPLIER) ^ word;
    }
    if !rest.is_empty() {
        let word = rest.iter().rev().fold(0, |word, &byte| (word << 8) | u32::from(byte));
        hash = (hash ^ word).wrapping_mul(MULTIPLIER);
    }
    hash = (hash ^ (hash >> 13)).wrapping_mul(MULTIPLIER);
    hash ^ (hash >> 15)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The vectors of Kafka's own `UtilsTest.testMurmur2`.
    const VECTORS: [(&str, i32); 6] = [
        ("21", -973_932_308),
        ("foobar", -790_332_482),
        ("a-little-bit-long-string", -985_981_536),
        ("a-little-bit-longer-string", -1_486_304_829),
        ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
        ("abc", 479_470_107),
    ];

    #[test]
    fn the_hash_is_that_of_kafka() {
        for (text, hash) in VECTORS {
            assert_eq!(murmur2(text.as_bytes()) as i32, hash, "{text}");
        }
    }

    /// The Java source, statement by statement, with its signed arithmetic.
    fn slow(data: &[u8]) -> i32 {
        let length = data.len() as i32;
        let m: i32 = 0x5bd1_e995;
        let unsigned_shift = |value: i32, bits: u32| ((value as u32) >> bits) as i32;
        let at = |index: i32| i32::from(data[index as usize]) & 0xff;
        let mut h: i32 = 0x9747_b28c_u32 as i32 ^ length;
        for i in 0..length / 4 {
            let i4 = i * 4;
            let mut k = at(i4) + (at(i4 + 1) << 8) + (at(i4 + 2) << 16) + (at(i4 + 3) << 24);
            k = k.wrapping_mul(m);
            k ^= unsigned_shift(k, 24);
            k = k.wrapping_mul(m);
            h = h.wrapping_mul(m);
            h ^= k;
        }
        let tail = length & !3;
        if length % 4 == 3 {
            h ^= at(tail + 2) << 16;
        }
        if length % 4 >= 2 {
            h ^= at(tail + 1) << 8;
        }
        if length % 4 >= 1 {
            h ^= at(tail);
            h = h.wrapping_mul(m);
        }
        h ^= unsigned_shift(h, 13);
        h = h.wrapping_mul(m);
        h ^ unsigned_shift(h, 15)
    }

    proptest! {
        #[test]
        fn every_key_has_the_partition_of_the_java_source(key: Vec<u8>, partitions in 1_u32..5_000) {
            prop_assert_eq!(murmur2(&key) as i32, slow(&key));
            let positive = slow(&key) & 0x7fff_ffff;
            prop_assert_eq!(partition_of(&key, partitions), (positive % partitions as i32) as u32);
        }
    }
}
