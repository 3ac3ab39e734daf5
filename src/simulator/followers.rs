//! The followers of a simulated account, computed and not stored.
//!
//! `api` finds the index of a cursor here, and `page` the OpenIDs of a page.
//!
//! A real OpenID is `o` and the base64url of 20 bytes, of which the first four are the same for all
//! followers of an account. Here the other sixteen bytes are a bijection of the follower's index
//! and a check value. So an OpenID that comes back as a cursor is turned into its index without a
//! table: ten million followers need no memory, and a test can compute the list that it expects.

use std::ops::Range;

/// The length of an OpenID in bytes (all of them ASCII).
pub const OPENID_LENGTH: usize = 28;

/// The followers of one simulated account, in list order.
///
/// Two accounts with one seed have different followers, and so does one account with two seeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Followers {
    count: u64,
    account_tag: u32,
    key: u64,
}

impl Followers {
    /// Returns the first `count` followers of the account `app_id` with `seed`.
    pub fn new(seed: u64, app_id: &str, count: u64) -> Self {
        let key = mix(mix(seed) ^ fnv1a(app_id));
        Self { count, account_tag: (mix(key) >> 32) as u32, key }
    }

    /// Returns the same number of followers of another account with the same seed.
    pub(super) fn of_another_account(&self) -> Self {
        let key = mix(self.key);
        Self { count: self.count, account_tag: !self.account_tag, key }
    }

    /// Returns the people of the same account at all indices.
    pub(super) fn endless(&self) -> Self {
        Self { count: u64::MAX, ..*self }
    }

    /// Returns the unionids of the same people, at the same indices, while the account is bound to
    /// the Open Platform account `binding`.
    pub(super) fn unionids(&self, binding: u64) -> Self {
        const UNIONID: u64 = 0x0075_6e69_6f6e_6964;
        let key = mix(self.key ^ mix(UNIONID ^ mix(binding)));
        Self { count: self.count, account_tag: (mix(key) >> 32) as u32, key }
    }

    /// Returns 64 bits that depend on the follower at `index` and on `salt`.
    pub(super) fn bits(&self, index: u64, salt: u64) -> u64 {
        mix(mix(self.key ^ salt) ^ index)
    }

    /// Returns the number of followers.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Returns the OpenID at `index` of the list, counted from 0.
    ///
    /// From [`count`](Self::count) on, it is well formed and of this account, but not in the list.
    pub fn openid(&self, index: u64) -> String {
        self.openid_bytes(index).into_iter().map(char::from).collect()
    }

    /// Returns the index of `openid` in the list, or `None` if it is not in the list.
    pub fn index(&self, openid: &str) -> Option<u64> {
        let text: &[u8; OPENID_LENGTH] = openid.as_bytes().try_into().ok()?;
        let index = unmix(decode_scrambled(text)?) ^ self.key;
        // Encoding it again checks the rest: the account, the check value, and the unused bits of
        // the last character.
        (index < self.count && self.openid_bytes(index) == *text).then_some(index)
    }

    /// Returns an iterator over all OpenIDs, in list order.
    pub fn iter(&self) -> impl Iterator<Item = String> + use<> {
        self.range(0..self.count)
    }

    /// Returns an iterator over the OpenIDs at `indices`, in list order.
    pub fn range(&self, indices: Range<u64>) -> impl Iterator<Item = String> + use<> {
        let followers = *self;
        indices.map(move |index| followers.openid(index))
    }

    /// Returns the OpenID at `index` as ASCII, without an allocation.
    pub(super) fn openid_bytes(&self, index: u64) -> [u8; OPENID_LENGTH] {
        let scrambled = mix(index ^ self.key);
        let check = mix(scrambled.wrapping_add(self.key.rotate_left(32)));
        encode(self.account_tag, scrambled, check)
    }
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The two characters for each 12 bits: half the look-ups that one character at a time would take.
/// A page has 270,000 characters, and a bench must not measure the simulator.
static PAIRS: [[u8; 2]; 4_096] = {
    let mut pairs = [[0; 2]; 4_096];
    let mut bits = 0;
    while bits < pairs.len() {
        pairs[bits] = [ALPHABET[bits >> 6], ALPHABET[bits & 63]];
        bits += 1;
    }
    pairs
};

/// Returns `o` and the base64url, without padding, of 20 bytes: the three numbers in big-endian
/// order.
fn encode(account_tag: u32, scrambled: u64, check: u64) -> [u8; OPENID_LENGTH] {
    let mut text = [b'o'; OPENID_LENGTH];
    // Each group of 48 bits is eight characters. The last 16 bits are three characters, with two
    // bits unused.
    let groups = [u64::from(account_tag) << 16 | scrambled >> 48, scrambled, check >> 16];
    for (group, characters) in groups.into_iter().zip(text[1..25].chunks_exact_mut(8)) {
        for (pair, shift) in characters.chunks_exact_mut(2).zip([36, 24, 12, 0]) {
            pair.copy_from_slice(&PAIRS[(group >> shift & 4_095) as usize]);
        }
    }
    text[25..27].copy_from_slice(&PAIRS[(check >> 4 & 4_095) as usize]);
    text[27] = ALPHABET[(check << 2 & 63) as usize];
    text
}

/// Returns the scrambled index of an OpenID, or `None` if it is not base64url. Nothing else is
/// checked.
fn decode_scrambled(text: &[u8; OPENID_LENGTH]) -> Option<u64> {
    // The index is the bits 32 to 95. These eleven characters are the bits 30 to 95, of which a
    // `u64` keeps the last 64.
    text[6..17].iter().try_fold(0, |bits, &character| {
        let value = VALUES[usize::from(character)];
        (value < 64).then_some(bits << 6 | u64::from(value))
    })
}

/// The value of each character of the alphabet; 64 for any other byte. A request for profiles has a
/// hundred OpenIDs.
static VALUES: [u8; 256] = {
    let mut values = [64; 256];
    let mut value = 0;
    while value < ALPHABET.len() {
        values[ALPHABET[value] as usize] = value as u8;
        value += 1;
    }
    values
};

/// Scrambles 64 bits one to one: the finaliser of `SplitMix64`
/// (<https://prng.di.unimi.it/splitmix64.c>).
pub(super) fn mix(mut value: u64) -> u64 {
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// Undoes [`mix`]: the same steps backwards, with the multipliers' inverses modulo 2⁶⁴.
fn unmix(mut value: u64) -> u64 {
    value = (value ^ (value >> 31) ^ (value >> 62)).wrapping_mul(0x3196_42b2_d24d_8ec3);
    value = (value ^ (value >> 27) ^ (value >> 54)).wrapping_mul(0x96de_1b17_3f11_9089);
    value ^ (value >> 30) ^ (value >> 60)
}

/// Returns the 64-bit FNV-1a hash of an app id.
fn fnv1a(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    const COUNT: u64 = 20_000;

    fn followers() -> Followers {
        Followers::new(7, "wx0123456789abcdef", COUNT)
    }

    #[test]
    fn an_openid_has_the_form_of_a_real_one() {
        let tag_characters = 6; // `o` and five characters: 30 of the account tag's 32 bits
        let first = followers().openid(0);
        for openid in followers().range(0..1_000) {
            assert_eq!(openid.len(), OPENID_LENGTH);
            assert!(openid.starts_with('o'));
            assert!(openid.bytes().all(|character| ALPHABET.contains(&character)), "{openid}");
            assert!("AEIMQUYcgkosw048".contains(openid.chars().last().unwrap()), "{openid}");
            assert_eq!(openid[..tag_characters], first[..tag_characters]);
        }
    }

    #[test]
    fn every_openid_leads_back_to_its_index() {
        for (index, openid) in followers().iter().enumerate() {
            assert_eq!(followers().index(&openid), Some(index as u64));
        }
    }

    #[test]
    fn no_openid_comes_twice() {
        assert_eq!(followers().iter().collect::<HashSet<_>>().len() as u64, COUNT);
    }

    #[test]
    fn the_list_is_in_neither_text_nor_reverse_order() {
        let list: Vec<_> = followers().iter().collect();
        assert!(!list.is_sorted());
        assert!(!list.iter().rev().is_sorted());
    }

    #[test]
    fn seeds_and_accounts_have_different_followers() {
        let list = |seed, app_id| Followers::new(seed, app_id, 1_000).iter().collect::<HashSet<_>>();
        assert!(list(1, "wxa").is_disjoint(&list(2, "wxa")));
        assert!(list(1, "wxa").is_disjoint(&list(1, "wxb")));
        assert_eq!(list(1, "wxa"), list(1, "wxa"));
    }

    #[test]
    fn a_smaller_list_is_the_beginning_of_a_larger_one() {
        let smaller = Followers::new(7, "wx0123456789abcdef", 10);
        assert!(smaller.iter().eq(followers().iter().take(10)));
        assert_eq!(smaller.index(&followers().openid(10)), None);
    }

    #[test]
    fn what_is_not_in_the_list_has_no_index() {
        let openid = followers().openid(3);
        let other_account = Followers::new(7, "wxother", COUNT).openid(3);
        let mut altered = openid.clone().into_bytes();
        altered[20] = if altered[20] == b'A' { b'B' } else { b'A' };
        let altered = String::from_utf8(altered).unwrap();
        let last = openid.bytes().last().unwrap();
        let unused_bit = ALPHABET[ALPHABET.iter().position(|&known| known == last).unwrap() + 1];
        let not_canonical = format!("{}{}", &openid[..OPENID_LENGTH - 1], char::from(unused_bit));
        let outside_ascii = "粉".repeat(9) + "o";
        let not_base64 = openid.replacen('o', "o+", 1)[..OPENID_LENGTH].to_owned();
        for stranger in
            ["", "undefined", &openid[1..], &other_account, &altered, &not_canonical, &outside_ascii, &not_base64]
        {
            assert_eq!(followers().index(stranger), None, "{stranger}");
        }
    }
}
