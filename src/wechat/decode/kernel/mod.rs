//! The inner loops over the elements of an array, one for each kind of machine, behind functions
//! that are safe to call.
//!
//! `array` calls a [`Kernel`] with the [`Shape`] that it guesses. The kernel takes elements as long
//! as they have exactly that shape, and stops at the first that does not, which may still be a
//! valid one. It checks every byte that it takes: the characters are ones that a JSON string holds
//! unescaped, and the quotes and the separator stand in their places.

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
