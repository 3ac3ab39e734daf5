//! Tests of the rules, against worlds whose truth is known.
//!
//! Before it: `world` makes a world of a seed, and `table` answers for a single batch. Behind it:
//! nothing; these are tests.

mod asked;
mod bitmap;
mod label;
mod model;
mod properties;
mod rules;
mod table;
mod trust;
mod world;
mod worlds;
