//! Tests of the rules of changes, each by itself and in histories whose truth is known.
//!
//! Before it: `world` makes people of a seed, and `history` lets nights pass. Behind it: nothing;
//! these are tests.

mod checks;
mod guards;
mod history;
mod judge;
mod model;
mod next;
mod sink;
mod world;
