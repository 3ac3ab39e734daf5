//! The OpenIDs of the elements that a walk has itself, by position.
//!
//! Before it: the frames of elements in the journal of the walk. Behind it: they are the
//! [input](super::input::Input) of a walk of batches.
//!
//! Of the frames only the last two that were used are decoded.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use super::openids::Openids;
use crate::changes::Side;
use crate::engine::element::{Element, from_body};
use crate::journal::{ElementReader, JournalError};
use crate::wechat::openid_prefix;

/// Frames that stay decoded. Batches are asked for in order, and a batch may lie on two frames.
const DECODED: usize = 2;

/// The OpenIDs of the elements that a walk has itself.
#[derive(Debug)]
pub(super) struct OwnInput {
    reader: ElementReader,
    /// What most OpenIDs of the first frame begin with; `None` if they do not agree.
    prefix: Option<String>,
    /// The controls, which stand before all other elements.
    controls: u64,
    decoded: Mutex<VecDeque<(usize, Arc<Vec<Element>>)>>,
}

impl OwnInput {
    /// Opens the elements of a journal.
    ///
    /// # Errors
    ///
    /// [`JournalError`] if they cannot be read.
    pub(super) fn open(reader: ElementReader) -> Result<Self, JournalError> {
        let own = Self { reader, prefix: None, controls: 0, decoded: Mutex::default() };
        if own.rows() == 0 {
            return Ok(own);
        }
        let first = own.frame(0)?;
        let controls = first.iter().take_while(|element| element.side == Side::Control).count() as u64;
        let prefix = openid_prefix::of_most(first.iter().map(|element| &*element.openid)).map(str::to_owned);
        Ok(Self { prefix, controls, ..own })
    }

    /// Returns the number of elements.
    pub(super) fn rows(&self) -> u64 {
        self.reader.len()
    }

    /// Returns the number of controls.
    pub(super) fn controls(&self) -> u64 {
        self.controls
    }

    /// Returns what most OpenIDs begin with.
    pub(super) fn prefix(&self) -> Option<&str> {
        self.prefix.as_deref()
    }

    /// Returns the OpenIDs at `positions`.
    ///
    /// # Errors
    ///
    /// [`JournalError`] if a frame can no longer be read.
    ///
    /// # Panics
    ///
    /// If there is no such position.
    pub(super) fn openids(&self, positions: &[u64]) -> Result<Openids, JournalError> {
        let mut openids = Openids::default();
        for &position in positions {
            assert!(position < self.rows(), "element {position} of {}", self.rows());
            let (frame, first) = self.reader.frame_of(position).expect("the first frame begins at 0");
            openids.push(&self.frame(frame)?[(position - first) as usize].openid);
        }
        Ok(openids)
    }

    /// Returns all elements, frame by frame.
    pub(super) fn elements(&self) -> impl Iterator<Item = Result<Vec<Element>, JournalError>> + '_ {
        (0..self.reader.frames()).map(|frame| self.read(frame))
    }

    /// Returns a frame, decoded.
    fn frame(&self, frame: usize) -> Result<Arc<Vec<Element>>, JournalError> {
        let mut decoded = self.decoded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = decoded.iter().position(|(number, _)| *number == frame) {
            let found = decoded.remove(place).expect("it was found there");
            decoded.push_back(found.clone());
            return Ok(found.1);
        }
        let elements = Arc::new(self.read(frame)?);
        if decoded.len() == DECODED {
            decoded.pop_front();
        }
        decoded.push_back((frame, Arc::clone(&elements)));
        Ok(elements)
    }

    fn read(&self, frame: usize) -> Result<Vec<Element>, JournalError> {
        let elements = self.reader.read(frame)?;
        let read = from_body(&elements.body).filter(|read| read.len() as u64 == elements.count);
        read.ok_or_else(|| self.reader.damaged(elements.first))
    }
}
