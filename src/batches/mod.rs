//! Reads a list by asking for its elements: which requests are made, and what came of each element.
//!
//! Everything here is a function of its arguments: no network, no disk, no clock. It knows OpenIDs
//! by their place in a batch, and replies by what they say of each place, so it does not know
//! profiles either.
//!
//! Before it: the positions of an input list that are asked for. Behind it: the engine makes the
//! requests that [`settle`] wants, journals the replies, and delivers the outcomes.

mod agree;
mod alone;
mod answer;
mod asked;
mod batch;
mod bitmap;
mod facts;
mod label;
mod odd;
mod parts;
mod places;
mod question;
mod replies;
mod settle;
mod shared;
mod verdict;
#[cfg(test)]
mod tests;

pub use answer::{Answer, Row};
pub use asked::Asked;
pub use bitmap::Bitmap;
pub use facts::{BatchFacts, Form, Seam, Shared, Verify};
pub use label::LabelError;
pub use question::{NEW, Question, Round, WIDTH};
pub use settle::settle;
pub use shared::shared;
pub use verdict::{Outcome, Settled, Verdict};
