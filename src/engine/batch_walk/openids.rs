//! Some OpenIDs, as a batch has them.
//!
//! Before it: the [input](super::input) of a walk is asked for positions. Behind it: the walk asks
//! WeChat about them, and the delivery writes them into its rows.

/// Some OpenIDs, in one piece of memory.
#[derive(Clone, Default, PartialEq, Eq)]
pub(in crate::engine) struct Openids {
    text: String,
    ends: Vec<u32>,
}

impl Openids {
    /// Returns how many there are.
    pub(in crate::engine) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Returns the one at `place`.
    pub(in crate::engine) fn get(&self, place: usize) -> &str {
        let start = place.checked_sub(1).map_or(0, |before| self.ends[before] as usize);
        &self.text[start..self.ends[place] as usize]
    }

    /// Returns all of them, in order.
    pub(in crate::engine) fn to_vec(&self) -> Vec<&str> {
        (0..self.len()).map(|place| self.get(place)).collect()
    }

    pub(super) fn push(&mut self, openid: &str) {
        self.text.push_str(openid);
        self.ends.push(self.text.len() as u32);
    }
}

impl<'a> FromIterator<&'a str> for Openids {
    fn from_iter<T: IntoIterator<Item = &'a str>>(openids: T) -> Self {
        let mut all = Self::default();
        openids.into_iter().for_each(|openid| all.push(openid));
        all
    }
}

impl std::fmt::Debug for Openids {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} OpenIDs", self.len())
    }
}
