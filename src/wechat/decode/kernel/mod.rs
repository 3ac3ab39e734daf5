//! The inner loops, one for each kind of machine, behind functions that are safe to call.
//!
//! A kernel takes as many elements as look exactly as guessed ([`Shape`]) and stops at the first that does not, which is
//! no verdict on it. Nothing is taken unchecked: the characters are ones that a JSON string holds as they are, the
//! quotes and the separator stand in their places.

mod dispatch;
mod openids;
mod portable;
mod shape;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;

pub use dispatch::DecodePath;
pub(super) use dispatch::Kernel;
pub(super) use openids::Openids;
pub(super) use shape::Shape;
