//! The chain of cursors, which proves that the pages of a walk belong together.
//!
//! The journal builds it from the pages that it holds. `source` checks each new page against it,
//! and the engine's walk takes the next cursor from it.

use std::collections::HashMap;

use super::cursor::Cursor;

/// The pages of a walk. The cursor of each page is empty, or was given by an earlier page.
///
/// A page may be read again: its cursor is used again, or the `next` of an earlier page is followed
/// again. That cuts the chain there. The pages behind the cut stay in the journal, but are no
/// longer part of the chain.
#[derive(Clone, Debug, Default)]
pub struct Chain {
    links: Vec<Link>,
    /// From the cursor of a request to the index of its link.
    places: HashMap<Cursor, usize>,
}

/// A page of the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The cursor that the request for the page carried.
    pub cursor: Cursor,
    /// The cursor that the page gave, or `None`.
    pub next: Option<Cursor>,
    /// The page's number in the journal, counted from 1.
    pub page: u64,
}

impl Chain {
    /// Adds a page. Returns `false`, and adds nothing, if its cursor is neither empty nor the
    /// `next` of an earlier page.
    #[must_use]
    pub fn extend(&mut self, link: Link) -> bool {
        let keep = if let Some(&place) = self.places.get(&link.cursor) {
            place
        } else if link.cursor.is_start() {
            0
        } else {
            match self.links.iter().rposition(|earlier| earlier.next.as_ref() == Some(&link.cursor)) {
                Some(place) => place + 1,
                None => return false,
            }
        };
        for cut in self.links.drain(keep..) {
            self.places.remove(&cut.cursor);
        }
        self.places.insert(link.cursor.clone(), keep);
        self.links.push(link);
        true
    }

    /// Returns the cursor of the next page, or `None` if the last page gave none.
    pub fn next(&self) -> Option<Cursor> {
        self.links.last().map_or(Some(Cursor::START), |link| link.next.clone())
    }

    /// Returns the last page.
    pub fn last(&self) -> Option<&Link> {
        self.links.last()
    }

    /// Returns the page whose request carried `cursor`.
    pub fn find(&self, cursor: &Cursor) -> Option<&Link> {
        self.places.get(cursor).map(|&place| &self.links[place])
    }

    /// Returns the position in the list, counted from 1, of the page that `cursor` asks for.
    pub fn number(&self, cursor: &Cursor) -> usize {
        self.places.get(cursor).copied().unwrap_or(self.links.len()) + 1
    }

    /// Returns the page before the one that `cursor` asks for, or `None` for the first page.
    pub fn before(&self, cursor: &Cursor) -> Option<&Link> {
        let place = self.places.get(cursor).copied().unwrap_or(self.links.len());
        self.links.get(place.checked_sub(1)?)
    }

    /// Returns whether a page asked for with `cursor` leads back: its `next` is `cursor` itself, or
    /// the cursor of an earlier page.
    pub fn leads_back(&self, cursor: &Cursor, next: &Cursor) -> bool {
        let limit = self.places.get(cursor).copied().unwrap_or(self.links.len());
        next == cursor || self.places.get(next).is_some_and(|&place| place <= limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cursor(name: &str) -> Cursor {
        Cursor::after(name).unwrap_or_default()
    }

    fn chain(links: &[(&str, &str)]) -> Chain {
        let mut chain = Chain::default();
        for (page, (from, next)) in (1..).zip(links) {
            let link = Link { cursor: cursor(from), next: Cursor::after(next), page };
            assert!(chain.extend(link), "page {page} does not hang on the chain");
        }
        chain
    }

    #[test]
    fn a_walk_starts_with_the_empty_cursor() {
        assert_eq!(Chain::default().next(), Some(Cursor::START));
        let stray = Link { cursor: cursor("a"), next: None, page: 1 };
        assert!(!Chain::default().extend(stray));
    }

    #[test]
    fn each_page_hangs_on_an_earlier_one() {
        let mut walk = chain(&[("", "a"), ("a", "b")]);
        assert_eq!(walk.next(), Some(cursor("b")));
        assert!(!walk.extend(Link { cursor: cursor("x"), next: None, page: 3 }));
        assert!(walk.extend(Link { cursor: cursor("b"), next: None, page: 3 }));
        assert_eq!(walk.next(), None);
    }

    #[test]
    fn a_page_read_again_cuts_what_hung_on_it() {
        let walk = chain(&[("", "a"), ("a", "b"), ("b", "c"), ("a", "B")]);
        assert_eq!(walk.next(), Some(cursor("B")));
        assert_eq!(walk.last().unwrap().page, 4);
        assert_eq!(walk.find(&cursor("b")), None);
        assert_eq!(walk.before(&cursor("B")).unwrap().page, 4);
        assert_eq!(walk.before(&cursor("a")).unwrap().page, 1);
        assert_eq!(walk.before(&Cursor::START), None);
    }

    #[test]
    fn a_page_that_leads_back_is_recognised() {
        let walk = chain(&[("", "a"), ("a", "b"), ("b", "c")]);
        assert!(walk.leads_back(&cursor("c"), &cursor("c")), "to itself");
        assert!(walk.leads_back(&cursor("c"), &cursor("a")), "to an earlier one");
        assert!(!walk.leads_back(&cursor("c"), &cursor("d")));
        // Page 2, read again, may lead to page 3 as it did before.
        assert!(!walk.leads_back(&cursor("a"), &cursor("b")));
        assert!(walk.leads_back(&cursor("b"), &cursor("a")));
    }
}
