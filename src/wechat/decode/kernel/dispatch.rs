//! The paths on which a reply can be read, and which of them this machine has.
//!
//! `paths` makes the [`Kernel`] of a path, and `array` calls it.

use super::openids::Openids;
use super::portable;
use super::shape::Shape;
#[cfg(target_arch = "x86_64")]
use super::shape::{CHARACTERS, SLACK};
#[cfg(target_arch = "x86_64")]
use super::{avx2, avx512};

/// A way to read a reply. All give the same answer; they differ in speed, and in the machines that
/// have them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodePath {
    /// The general parser alone.
    General,
    /// Eight bytes at a time, on any machine.
    Portable,
    /// 32 bytes at a time, on `x86-64` with AVX2.
    Avx2,
    /// 64 bytes at a time, on `x86-64` with AVX-512 (F, BW and VBMI).
    Avx512,
}

impl DecodePath {
    /// Every path, the slowest first.
    pub const ALL: [Self; 4] = [Self::General, Self::Portable, Self::Avx2, Self::Avx512];

    /// Returns whether this machine has the path.
    pub fn is_available(self) -> bool {
        self == Self::General || Kernel::new(self).is_some()
    }

    /// Returns the fastest path of this machine.
    pub fn fastest() -> Self {
        Self::ALL.into_iter().rfind(|path| path.is_available()).unwrap_or(Self::General)
    }
}

/// A kernel that this machine can run.
#[derive(Clone, Copy, Debug)]
pub(in crate::wechat::decode) struct Kernel(Instructions);

#[derive(Clone, Copy, Debug)]
enum Instructions {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Kernel {
    /// Returns the kernel of `path`, or `None` if the path has none or this machine lacks its
    /// instructions.
    pub(in crate::wechat::decode) fn new(path: DecodePath) -> Option<Self> {
        match path {
            DecodePath::Portable => Some(Self(Instructions::Portable)),
            #[cfg(target_arch = "x86_64")]
            DecodePath::Avx2 => avx2::is_available().then_some(Self(Instructions::Avx2)),
            #[cfg(target_arch = "x86_64")]
            DecodePath::Avx512 => avx512::is_available().then_some(Self(Instructions::Avx512)),
            _ => None,
        }
    }

    /// Takes elements of `shape`, with their separators, from the front of `bytes`. Returns how
    /// many.
    ///
    /// It may stop early, and always stops before the last element of an array, which has no
    /// separator.
    pub(in crate::wechat::decode) fn take(
        self,
        bytes: &[u8],
        shape: &Shape,
        mut openids: Option<&mut Openids>,
    ) -> usize {
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
        // SAFETY: room for all elements of `bytes`, and for the slack, was just reserved.
        let taken = unsafe { self.run::<true>(bytes, shape, spare) };
        // SAFETY: the kernel has written that many elements, which fit into the capacity.
        unsafe { values.set_len(values.len() + taken * CHARACTERS) };
        taken
    }

    /// Runs the loop.
    ///
    /// # Safety
    ///
    /// With `COPY`, `values` must be valid for writes of [`CHARACTERS`] bytes for each element that
    /// `bytes` has room for, and of [`SLACK`] bytes behind them.
    #[cfg(target_arch = "x86_64")]
    #[expect(unsafe_code, reason = "kernels need instructions that not every machine has")]
    unsafe fn run<const COPY: bool>(self, bytes: &[u8], shape: &Shape, values: *mut u8) -> usize {
        let pairs = match self.0 {
            // SAFETY: `Self::new` has found the instructions; the caller has promised room at
            // `values`.
            Instructions::Avx512 if shape.is_compact() => unsafe { avx512::take::<COPY>(bytes, values) },
            _ => 0,
        };
        // AVX2 takes the few elements behind the last whole block, and all elements of another
        // shape. `avx512::is_available` has looked for it, too.
        let rest = &bytes[pairs * shape.stride()..];
        // SAFETY: as above; the room for `rest` begins behind what is already taken.
        pairs + unsafe { avx2::take::<COPY>(rest, shape, values.wrapping_add(pairs * CHARACTERS)) }
    }
}
