//! The cases, each named after the promise that it tests.
//!
//! Before them: `run`, with a `Subject`. Behind them: `Scene`, which makes the engine's calls.

mod abort;
mod all;
mod case;
mod commit;
mod content;
mod crash;
mod factory;
mod find;
mod several;

pub use all::cases;
pub use case::Case;
