//! The inner loops, one for each kind of machine, behind functions that are safe to call.
//!
//! A kernel takes as many elements as look exactly as guessed ([`Shape`]) and stops at the first that does not, which is
//! no verdict on it. Nothing is taken unchecked: the characters are ones that a JSON string holds as they are, the
//! quotes and the separator stand in their places.

mod openids;
mod portable;
mod shape;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;

pub(super) use openids::Openids;
pub(super) use portable::unescaped_length;
pub(super) use shape::Shape;

use super::DecodePath;
#[cfg(target_arch = "x86_64")]
use shape::CHARACTERS;

/// Bytes behind the last `OpenID` that a kernel may write: a register less than it fills.
#[cfg(target_arch = "x86_64")]
const SLACK: usize = 64;

/// A loop that this machine can run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kernel(Instructions);

#[derive(Clone, Copy, Debug)]
enum Instructions {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Kernel {
    /// Returns the kernel of `path`; none where the path has none, or this machine lacks its instructions.
    pub(super) fn new(path: DecodePath) -> Option<Self> {
        match path {
            DecodePath::Portable => Some(Self(Instructions::Portable)),
            #[cfg(target_arch = "x86_64")]
            DecodePath::Avx2 => avx2::is_available().then_some(Self(Instructions::Avx2)),
            #[cfg(target_arch = "x86_64")]
            DecodePath::Avx512 => avx512::is_available().then_some(Self(Instructions::Avx512)),
            _ => None,
        }
    }

    /// Takes elements of `shape`, separators included, from the front of `bytes`; returns how many.
    ///
    /// It may stop early, and does so before the last element of an array, which has no separator.
    pub(super) fn take(self, bytes: &[u8], shape: &Shape, mut openids: Option<&mut Openids>) -> usize {
        let values = openids.as_mut().map(|openids| &mut openids.values);
        let taken = match self.0 {
            Instructions::Portable => portable::take(bytes, shape, values),
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx2 | Instructions::Avx512 => self.take_with_registers(bytes, shape, values),
        };
        if let Some(openids) = openids {
            openids.appended(taken);
        }
        taken
    }

    #[cfg(target_arch = "x86_64")]
    #[expect(unsafe_code, reason = "kernels write into spare capacity")]
    fn take_with_registers(self, bytes: &[u8], shape: &Shape, values: Option<&mut Vec<u8>>) -> usize {
        let Some(values) = values else {
            // SAFETY: nothing is copied, so nothing is written.
            return unsafe { self.run::<false>(bytes, shape, std::ptr::null_mut()) };
        };
        values.reserve(bytes.len() / shape.stride() * CHARACTERS + SLACK);
        let spare = values.spare_capacity_mut().as_mut_ptr().cast();
        // SAFETY: room for all elements of `bytes` and the slack was just reserved.
        let taken = unsafe { self.run::<true>(bytes, shape, spare) };
        // SAFETY: the kernel has written that many elements, which fit the capacity.
        unsafe { values.set_len(values.len() + taken * CHARACTERS) };
        taken
    }

    /// Runs the loop.
    ///
    /// # Safety
    ///
    /// With `COPY`, `values` must be valid for writes of [`CHARACTERS`] bytes for each element that `bytes` has room
    /// for, and of [`SLACK`] bytes behind them.
    #[cfg(target_arch = "x86_64")]
    #[expect(unsafe_code, reason = "kernels need instructions that not every machine has")]
    unsafe fn run<const COPY: bool>(self, bytes: &[u8], shape: &Shape, values: *mut u8) -> usize {
        let pairs = match self.0 {
            // SAFETY: `Self::new` has found the instructions; `values` is the caller's promise.
            Instructions::Avx512 if shape.is_compact() => unsafe { avx512::take::<COPY>(bytes, values) },
            _ => 0,
        };
        // The few behind the last whole block, and all elements of another shape. Where AVX-512 is, AVX2 is.
        let rest = &bytes[pairs * shape.stride()..];
        // SAFETY: as above; the room for `rest` begins behind what is already taken.
        pairs + unsafe { avx2::take::<COPY>(rest, shape, values.wrapping_add(pairs * CHARACTERS)) }
    }
}
