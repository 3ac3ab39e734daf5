//! The fast path through the array of `OpenID`s.
//!
//! `envelope` calls it at the array, and it calls a kernel. It guesses that elements have 28
//! characters, and that the separator between the last two elements comes again behind the next
//! ones. While the guess holds, the kernel takes elements in bulk. Where it fails, one element is
//! read alone, and the guess is made anew. Every byte is looked at a bounded number of times.

use super::kernel::{Kernel, Openids, Shape};
use super::scanner::Scanner;
use crate::wechat::page::Summary;

/// A guess that took fewer elements than this cost more than it saved.
const WORTHWHILE: u64 = 4;

/// The most elements that are read one by one before the next guess.
const LONGEST_PAUSE: u32 = 64;

/// Reads the array, and adds its `OpenID`s and its empty strings to `summary`.
///
/// Returns `None` if an element is not a string.
pub(super) fn read(
    kernel: Kernel,
    scanner: &mut Scanner<'_>,
    summary: &mut Summary,
    mut openids: Option<&mut Openids>,
) -> Option<()> {
    scanner.token(b'[')?;
    if scanner.peek()? == b']' {
        scanner.at += 1;
        return Some(());
    }
    let mut shape = Shape::default();
    let mut guessing = Guessing::default();
    loop {
        if guessing.is_on() {
            let taken = kernel.take(&scanner.body[scanner.at..], &shape, openids.as_deref_mut());
            scanner.at += taken * shape.stride();
            summary.openids += taken as u64;
            guessing.took(taken as u64);
        }
        if element(scanner, openids.as_deref_mut())? {
            summary.openids += 1;
        } else {
            summary.empty += 1;
        }
        let end = scanner.at;
        match scanner.punctuation()? {
            b',' => {}
            b']' => return Some(()),
            _ => return None,
        }
        scanner.peek()?;
        let separator = &scanner.body[end..scanner.at];
        if separator != shape.separator() {
            shape = Shape::with(separator).unwrap_or_default();
        }
    }
}

/// Reads one string. Returns `true` for an `OpenID`, and `false` for an empty string.
fn element(scanner: &mut Scanner<'_>, openids: Option<&mut Openids>) -> Option<bool> {
    match openids {
        None => scanner.text().map(|text| !text.is_empty()),
        Some(openids) => {
            scanner.token(b'"')?;
            let rest = &scanner.body[scanner.at..];
            let length = openids.push(rest)?;
            scanner.at += length + 1;
            Some(length > 0)
        }
    }
}

/// Decides when to guess, so that a page of odd lengths does not pay for a wrong guess at each
/// element.
#[derive(Default)]
struct Guessing {
    /// Elements to read before the next guess.
    wait: u32,
    /// The last pause, in elements.
    pause: u32,
}

impl Guessing {
    fn is_on(&mut self) -> bool {
        let on = self.wait == 0;
        self.wait = self.wait.saturating_sub(1);
        on
    }

    fn took(&mut self, elements: u64) {
        self.pause = if elements < WORTHWHILE { (self.pause * 2 + 1).min(LONGEST_PAUSE) } else { 0 };
        self.wait = self.pause;
    }
}
