//! Makes text of the bytes of a reply, and has it read.
//!
//! Before it: `source` or the journal has a reply. Behind it: [`ProfileReply`], or why there is
//! none.

use super::reader::Reader;
use super::reply::{ProfileError, ProfileReply};

/// Reads the reply of `user/info/batchget`: an object with the array `user_info_list`. A reply
/// without that key has no rows.
///
/// # Errors
///
/// [`ProfileError`] if the reply is an error of WeChat, or cannot be read.
pub fn read_profiles(body: &[u8]) -> Result<ProfileReply<'_>, ProfileError> {
    if let Ok(text) = str::from_utf8(body) {
        return Reader::new(text, &[]).list();
    }
    let (text, damage) = repaired(body);
    Reader::new(&text, &damage).list().map(ProfileReply::into_owned)
}

/// Reads the reply of `user/info`: one row, which is the reply itself.
///
/// # Errors
///
/// [`ProfileError`] if the reply is an error of WeChat, or cannot be read.
pub fn read_profile(body: &[u8]) -> Result<ProfileReply<'_>, ProfileError> {
    if let Ok(text) = str::from_utf8(body) {
        return Reader::new(text, &[]).alone();
    }
    let (text, damage) = repaired(body);
    Reader::new(&text, &damage).alone().map(ProfileReply::into_owned)
}

/// Puts U+FFFD in place of bytes that are no UTF-8. Returns the places of those in the text.
fn repaired(body: &[u8]) -> (String, Vec<usize>) {
    let mut text = String::with_capacity(body.len());
    let mut damage = Vec::new();
    for chunk in body.utf8_chunks() {
        text.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            damage.push(text.len());
            text.push(char::REPLACEMENT_CHARACTER);
        }
    }
    (text, damage)
}
