//! The chain of cursors that proves a list to hang together.

use std::collections::HashMap;

use super::cursor::Cursor;

/// The pages of a walk, each asked for with the cursor that an earlier one gave.
///
/// Going back to an earlier page (its cursor is used again, or the `next` of an earlier page is followed again) cuts
/// the chain there: what hung on the old page is still in the journal, but no longer leads anywhere.
#[derive(Clone, Debug, Default)]
pub struct Chain {
    links: Vec<Link>,
    /// From a request's cursor to its link.
    places: HashMap<Cursor, usize>,
}

/// One page in the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The cursor that the page was asked for with.
    pub cursor: Cursor,
    /// The cursor that it gave; none if it gave none.
    pub next: Option<Cursor>,
    /// The page's number in the journal, from 1.
    pub page: u64,
}

impl Chain {
    /// Adds a page; returns whether it hangs on the chain: its cursor is empty, or an earlier page's `next`.
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

    /// Returns the cursor of the page that comes next; none where the last page gave none.
    pub fn next(&self) -> Option<Cursor> {
        self.links.last().map_or(Some(Cursor::START), |link| link.next.clone())
    }

    /// Returns the last page.
    pub fn last(&self) -> Option<&Link> {
        self.links.last()
    }

    /// Returns the page that was asked for with `cursor`.
    pub fn find(&self, cursor: &Cursor) -> Option<&Link> {
        self.places.get(cursor).map(|&place| &self.links[place])
    }

    /// Returns the number in the list, from 1, of the page that `cursor` asks for.
    pub fn number(&self, cursor: &Cursor) -> usize {
        self.places.get(cursor).copied().unwrap_or(self.links.len()) + 1
    }

    /// Returns the page before the one that `cursor` asks for; none for the first.
    pub fn before(&self, cursor: &Cursor) -> Option<&Link> {
        let place = self.places.get(cursor).copied().unwrap_or(self.links.len());
        self.links.get(place.checked_sub(1)?)
    }

    /// Returns whether a page asked for with `cursor` leads back: `next` is its own cursor or one that led to it.
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
        // Read again, page 2 may lead to page 3 as it did before.
        assert!(!walk.leads_back(&cursor("a"), &cursor("b")));
        assert!(walk.leads_back(&cursor("b"), &cursor("a")));
    }
}
