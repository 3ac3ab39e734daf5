//! Fields that say the same of nearly everybody: WeChat has filled none of them since 2021. They
//! stand next to each other, so their bytes are compared with those of a row before, and if they
//! are the same, so are the values.
//!
//! Before it: `reader` has read such fields in one row. Behind it: `reader` passes them over in the
//! next one.

use super::fields::Profile;
use super::keys::Key;

/// The bits of the fields that may be repeated.
pub(super) const STALE: u32 = Key::Nickname.bit()
    | Key::Sex.bit()
    | Key::Language.bit()
    | Key::City.bit()
    | Key::Province.bit()
    | Key::Country.bit()
    | Key::Headimgurl.bit();

/// Such fields as they stood next to each other in a row, the first ones of it.
pub(super) struct Repeat<'t> {
    /// As written, from behind the comma before them to behind the comma at their end.
    pub(super) text: &'t str,
    /// The key before them.
    pub(super) behind: Option<Key>,
    /// The last of them.
    pub(super) last: Key,
    /// The bits of their keys.
    pub(super) keys: u32,
    /// Their values. Nothing else of it is used.
    row: Profile<'t>,
}

impl<'t> Repeat<'t> {
    /// Notes the fields `keys`, written as `text`, with the values that they have in `row`.
    pub(super) fn new(text: &'t str, behind: Option<Key>, last: Key, keys: u32, row: &Profile<'t>) -> Self {
        let mut values = Profile::default();
        copy(row, &mut values);
        Self { text, behind, last, keys, row: values }
    }

    /// Gives the values to a row that has none of the fields that may be repeated.
    #[inline]
    pub(super) fn fill(&self, row: &mut Profile<'t>) {
        copy(&self.row, row);
    }
}

/// Copies the fields that may be repeated.
#[inline]
fn copy<'t>(from: &Profile<'t>, to: &mut Profile<'t>) {
    to.nickname.clone_from(&from.nickname);
    to.sex = from.sex;
    to.language.clone_from(&from.language);
    to.city.clone_from(&from.city);
    to.province.clone_from(&from.province);
    to.country.clone_from(&from.country);
    to.headimgurl.clone_from(&from.headimgurl);
}
