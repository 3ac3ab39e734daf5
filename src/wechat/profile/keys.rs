//! The keys of a row, and how each is written.
//!
//! Before it: nothing. Behind it: `reader` knows by them what the value of a key is.

/// A key that a row may have. The order is that in which WeChat writes them today; no reader relies
/// on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Subscribe,
    Openid,
    Nickname,
    Sex,
    Language,
    City,
    Province,
    Country,
    Headimgurl,
    SubscribeTime,
    Unionid,
    Remark,
    Groupid,
    TagidList,
    SubscribeScene,
    QrScene,
    QrSceneStr,
    Errcode,
    Errmsg,
}

impl Key {
    /// All keys with their names, each at its own place.
    const NAMES: [(Self, &str); 19] = [
        (Self::Subscribe, "subscribe"),
        (Self::Openid, "openid"),
        (Self::Nickname, "nickname"),
        (Self::Sex, "sex"),
        (Self::Language, "language"),
        (Self::City, "city"),
        (Self::Province, "province"),
        (Self::Country, "country"),
        (Self::Headimgurl, "headimgurl"),
        (Self::SubscribeTime, "subscribe_time"),
        (Self::Unionid, "unionid"),
        (Self::Remark, "remark"),
        (Self::Groupid, "groupid"),
        (Self::TagidList, "tagid_list"),
        (Self::SubscribeScene, "subscribe_scene"),
        (Self::QrScene, "qr_scene"),
        (Self::QrSceneStr, "qr_scene_str"),
        (Self::Errcode, "errcode"),
        (Self::Errmsg, "errmsg"),
    ];

    /// Returns the key of this name.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(_, known)| *known == name).map(|(key, _)| *key)
    }

    /// Returns a bit that no other key has.
    pub(super) const fn bit(self) -> u32 {
        1 << self as u32
    }
}

/// Which key stands behind which one. The rows of a reply mostly have the same keys in the same
/// order, so a reader that looks for the key of the row before finds it without reading a string.
pub(super) struct Order {
    behind: [Key; Key::NAMES.len()],
    first: Key,
}

impl Order {
    pub(super) fn new() -> Self {
        let behind = std::array::from_fn(|place| Key::NAMES[(place + 1) % Key::NAMES.len()].0);
        Self { behind, first: Key::Subscribe }
    }

    /// Returns the key that stood behind `key` the last time; without one, the first of a row.
    pub(super) fn guess(&self, key: Option<Key>) -> Key {
        key.map_or(self.first, |key| self.behind[key as usize])
    }

    /// Notes which key stands behind `key`.
    pub(super) fn learn(&mut self, key: Option<Key>, next: Key) {
        match key {
            None => self.first = next,
            Some(key) => self.behind[key as usize] = next,
        }
    }
}

/// A key as it is written without white space, with its quotes and its colon, as three words.
struct Written {
    words: [u64; 3],
    masks: [u64; 3],
    length: usize,
}

static WRITTEN: [Written; Key::NAMES.len()] = {
    const NONE: Written = Written { words: [0; 3], masks: [0; 3], length: 0 };
    let mut written = [NONE; Key::NAMES.len()];
    let mut place = 0;
    while place < written.len() {
        assert!(Key::NAMES[place].0 as usize == place, "each key stands at its own place");
        written[place] = Written::new(Key::NAMES[place].1.as_bytes());
        place += 1;
    }
    written
};

impl Written {
    const fn new(name: &[u8]) -> Self {
        let mut written = Self { words: [0; 3], masks: [0; 3], length: name.len() + 3 };
        let mut at = 0;
        while at < written.length {
            let byte = match at {
                0 => b'"',
                _ if at <= name.len() => name[at - 1],
                _ if at == name.len() + 1 => b'"',
                _ => b':',
            };
            written.words[at / 8] |= (byte as u64) << (at % 8 * 8);
            written.masks[at / 8] |= 0xFF << (at % 8 * 8);
            at += 1;
        }
        written
    }
}

/// Returns the length of `key` with its quotes and its colon if `bytes` begins with it; `None` if
/// not, or if that cannot be seen at one look.
#[inline]
pub(super) fn written_length(key: Key, bytes: &[u8]) -> Option<usize> {
    let written = &WRITTEN[key as usize];
    let (words, _) = bytes.first_chunk::<24>()?.as_chunks::<8>();
    let mut differs = 0;
    for ((word, expected), mask) in words.iter().zip(written.words).zip(written.masks) {
        differs |= (u64::from_le_bytes(*word) & mask) ^ expected;
    }
    (differs == 0).then_some(written.length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_found_by_its_name_and_as_it_is_written() {
        let padding = " ".repeat(24);
        for (key, name) in Key::NAMES {
            assert_eq!(Key::named(name), Some(key));
            let written = format!("\"{name}\":{padding}");
            for (other, _) in Key::NAMES {
                let expected = (other == key).then_some(name.len() + 3);
                assert_eq!(written_length(other, written.as_bytes()), expected, "{name}");
            }
            for place in 0..name.len() + 3 {
                let mut bytes = written.clone().into_bytes();
                bytes[place] ^= 1;
                assert_eq!(written_length(key, &bytes), None, "{name}, byte {place}");
            }
        }
        assert_eq!(Key::named("subscribe_"), None);
    }

    #[test]
    fn a_key_at_the_end_of_the_text_is_not_read_beyond_it() {
        assert_eq!(written_length(Key::Sex, b"\"sex\":0}"), None);
        assert_eq!(written_length(Key::Sex, b""), None);
    }
}
