//! The cases, each named after the promise it holds a sink to.

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
