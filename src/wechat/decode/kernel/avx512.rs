//! The kernel for AVX-512: 64 bytes at a time, which are two elements with a comma behind each.
//!
//! `dispatch` calls it for compact arrays, and leaves the rest to the AVX2 kernel.
#![expect(unsafe_code, reason = "loads and stores of whole registers")]

use std::arch::x86_64::{
    __m512i, _mm512_cmpneq_epi8_mask, _mm512_loadu_si512, _mm512_permutex2var_epi8, _mm512_permutexvar_epi8,
    _mm512_set1_epi8, _mm512_storeu_si512, _mm512_ternarylogic_epi32,
};

use super::shape::{CHARACTERS, QUOTED};

/// Bytes of a register.
const WIDTH: usize = 64;

/// Bytes of an element and its comma.
const STRIDE: usize = QUOTED + 1;

/// Elements that are checked together: four registers.
const BLOCK: usize = 8;

/// The bits of the two elements in a mask of a register.
const PAIR: u64 = (1 << (2 * STRIDE)) - 1;

/// The class of each ASCII byte: a character of an `OpenID`, a quote, a comma, or 0 for any other.
static CLASSES: [u8; 128] = {
    let mut classes = [0; 128];
    let mut byte = 0;
    while byte < 128 {
        if (byte as u8).is_ascii_alphanumeric() || byte as u8 == b'-' || byte as u8 == b'_' {
            classes[byte] = CHARACTER;
        }
        byte += 1;
    }
    classes[b'"' as usize] = QUOTE;
    classes[b',' as usize] = COMMA;
    classes
};
const CHARACTER: u8 = 1;
const QUOTE: u8 = 2;
const COMMA: u8 = 4;

/// The classes of the bytes of two elements, and the bytes that their packed characters come from.
static LAYOUT: ([u8; WIDTH], [u8; WIDTH]) = {
    let (mut expected, mut sources) = ([CHARACTER; WIDTH], [0; WIDTH]);
    let mut element = 0;
    while element < 2 {
        let start = element * STRIDE;
        expected[start] = QUOTE;
        expected[start + QUOTED - 1] = QUOTE;
        expected[start + QUOTED] = COMMA;
        let mut character = 0;
        while character < CHARACTERS {
            sources[element * CHARACTERS + character] = (start + 1 + character) as u8;
            character += 1;
        }
        element += 1;
    }
    (expected, sources)
};

/// Returns whether this machine can run [`take`], and the AVX2 kernel behind it.
pub(super) fn is_available() -> bool {
    is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vbmi")
}

/// Takes elements from the front of `bytes`, in whole blocks. Returns how many.
///
/// It accepts the characters of an `OpenID` alone, not all that a JSON string may hold unescaped.
///
/// # Safety
///
/// With `COPY`, `values` must be valid for writes of [`CHARACTERS`] bytes for each element that
/// `bytes` has room for, and of [`SLACK`](super::shape::SLACK) bytes behind them.
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
pub(super) unsafe fn take<const COPY: bool>(bytes: &[u8], values: *mut u8) -> usize {
    let classes = (load(&CLASSES[..WIDTH]), load(&CLASSES[WIDTH..]));
    let (expected, sources) = (load(&LAYOUT.0), load(&LAYOUT.1));
    let high = _mm512_set1_epi8(i8::MIN);
    // The bytes of a pair whose class is not the expected one. The table is indexed with seven
    // bits, so the eighth bit is put into the class (`a | b & c`).
    let wrong = |pair: __m512i| {
        let class = _mm512_permutex2var_epi8(classes.0, pair, classes.1);
        _mm512_cmpneq_epi8_mask(_mm512_ternarylogic_epi32::<0xF8>(class, pair, high), expected) & PAIR
    };

    let mut taken = 0;
    // The last register of a block is loaded whole: two bytes more than its elements have.
    while let Some(block) = bytes.get(taken * STRIDE..taken * STRIDE + BLOCK * STRIDE + WIDTH - 2 * STRIDE) {
        let pairs = [load(block), load(&block[2 * STRIDE..]), load(&block[4 * STRIDE..]), load(&block[6 * STRIDE..])];
        if wrong(pairs[0]) | wrong(pairs[1]) | wrong(pairs[2]) | wrong(pairs[3]) != 0 {
            break;
        }
        if COPY {
            for (index, pair) in pairs.into_iter().enumerate() {
                let packed = _mm512_permutexvar_epi8(sources, pair);
                let target = values.wrapping_add((taken + 2 * index) * CHARACTERS);
                // SAFETY: the caller has promised room for these two elements of `bytes`; the other
                // bytes of the register are slack.
                unsafe { _mm512_storeu_si512(target.cast(), packed) };
            }
        }
        taken += BLOCK;
    }
    taken
}

/// Loads the register at the front of `bytes`.
#[target_feature(enable = "avx512f")]
fn load(bytes: &[u8]) -> __m512i {
    let register = &bytes[..WIDTH];
    // SAFETY: the slice has the bytes of a register; the load needs no alignment.
    unsafe { _mm512_loadu_si512(register.as_ptr().cast()) }
}
