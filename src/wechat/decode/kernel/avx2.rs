//! The kernel for AVX2: 32 bytes at a time, which are one element, or the head or the tail of one
//! with a long separator.
//!
//! `dispatch` calls it, also for what the AVX-512 kernel leaves.
#![expect(unsafe_code, reason = "loads and stores of whole registers")]

use std::arch::x86_64::{
    __m256i, _mm256_and_si256, _mm256_cmpeq_epi8, _mm256_cmpgt_epi8, _mm256_loadu_si256, _mm256_or_si256,
    _mm256_set1_epi8, _mm256_setzero_si256, _mm256_storeu_si256, _mm256_testz_si256, _mm256_xor_si256,
};

use super::shape::{CHARACTERS, QUOTED, Shape, WIDEST};

/// Bytes of a register.
const WIDTH: usize = 32;

/// Elements that are checked together.
const BLOCK: usize = 4;

/// Returns whether this machine can run [`take`].
pub(super) fn is_available() -> bool {
    is_x86_feature_detected!("avx2")
}

/// Takes elements of `shape` from the front of `bytes`, but not the last few. Returns how many.
///
/// # Safety
///
/// With `COPY`, `values` must be valid for writes of `CHARACTERS` bytes for each element that
/// `bytes` has room for, and of [`SLACK`](super::shape::SLACK) bytes behind them.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn take<const COPY: bool>(bytes: &[u8], shape: &Shape, values: *mut u8) -> usize {
    // SAFETY: the condition is the caller's.
    unsafe {
        if shape.stride() <= WIDTH {
            take_elements::<COPY, false>(bytes, shape, values)
        } else {
            take_elements::<COPY, true>(bytes, shape, values)
        }
    }
}

/// Does the work of [`take`]. `LONG` says that an element does not fit into one register.
///
/// # Safety
///
/// The same as for [`take`].
#[target_feature(enable = "avx2")]
unsafe fn take_elements<const COPY: bool, const LONG: bool>(bytes: &[u8], shape: &Shape, values: *mut u8) -> usize {
    let stride = shape.stride();
    let mut characters = [0; WIDTH];
    characters[1..QUOTED - 1].fill(u8::MAX);
    let characters = load(&characters, 0);
    // The bytes at which the frame counts: the quotes and the separator.
    let mut framed = [0; WIDEST];
    framed[0] = u8::MAX;
    framed[QUOTED - 1..stride].fill(u8::MAX);
    let tail = stride.saturating_sub(WIDTH);
    let (tail_frame, tail_framed) = (load(&shape.frame, tail), load(&framed, tail));
    let (frame, framed) = (load(&shape.frame, 0), load(&framed, 0));

    // The wrong bytes of the element at `at`: characters that a string does not hold unescaped, and
    // bytes that differ from the frame.
    let wrong = |at: usize| {
        let head = load(bytes, at);
        // As signed numbers, control characters and bytes beyond ASCII are both less than a space.
        let odd = _mm256_cmpgt_epi8(_mm256_set1_epi8(b' '.cast_signed()), head);
        let quote = _mm256_cmpeq_epi8(head, _mm256_set1_epi8(b'"'.cast_signed()));
        let backslash = _mm256_cmpeq_epi8(head, _mm256_set1_epi8(b'\\'.cast_signed()));
        let escape = _mm256_and_si256(characters, _mm256_or_si256(odd, _mm256_or_si256(quote, backslash)));
        let misplaced = _mm256_and_si256(framed, _mm256_xor_si256(head, frame));
        let wrong = _mm256_or_si256(escape, misplaced);
        if LONG {
            let rest = _mm256_xor_si256(load(bytes, at + tail), tail_frame);
            _mm256_or_si256(wrong, _mm256_and_si256(tail_framed, rest))
        } else {
            wrong
        }
    };
    let copy = |index: usize, at: usize| {
        if COPY {
            // SAFETY: the caller has promised room for the element at `at`; its 28 bytes are
            // written, and four more, which are slack.
            unsafe { _mm256_storeu_si256(values.add(index * CHARACTERS).cast(), load(bytes, at + 1)) }
        }
    };

    let mut taken = 0;
    // Every load for an element lies within `WIDEST` bytes from its first.
    while taken * stride + (BLOCK - 1) * stride + WIDEST <= bytes.len() {
        let at = taken * stride;
        let mut any = _mm256_setzero_si256();
        for index in 0..BLOCK {
            any = _mm256_or_si256(any, wrong(at + index * stride));
            copy(taken + index, at + index * stride);
        }
        if _mm256_testz_si256(any, any) == 0 {
            break;
        }
        taken += BLOCK;
    }
    while taken * stride + WIDEST <= bytes.len() {
        let wrong = wrong(taken * stride);
        if _mm256_testz_si256(wrong, wrong) == 0 {
            break;
        }
        copy(taken, taken * stride);
        taken += 1;
    }
    taken
}

/// Loads the register at `at`.
#[target_feature(enable = "avx2")]
fn load(bytes: &[u8], at: usize) -> __m256i {
    let register = &bytes[at..at + WIDTH];
    // SAFETY: the slice has the bytes of a register; the load needs no alignment.
    unsafe { _mm256_loadu_si256(register.as_ptr().cast()) }
}
