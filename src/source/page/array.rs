//! The fast path through the array of `OpenID`s: a guess that holds for nearly all of it, and steps of one element.
//!
//! The guess is that elements have 28 characters, and that the separator between the last two stands between the next
//! ones as well. While it holds, the kernel takes them in bulk; where it fails, one element is read by itself and the
//! guess is made anew. Every byte is looked at a bounded number of times.

use super::envelope::Scanner;
use super::kernel::{Kernel, Openids, Shape};

/// A guess that took fewer elements than this was not worth it.
const WORTHWHILE: u64 = 4;

/// Elements that are read one by one, at most, before guessing is tried again.
const LONGEST_PAUSE: u32 = 64;

/// Reads the array and returns how many `OpenID`s it has.
///
/// None where an element is anything but a string of at least one ASCII character without escapes.
pub(super) fn read(kernel: Kernel, scanner: &mut Scanner<'_>, mut openids: Option<&mut Openids>) -> Option<u64> {
    scanner.token(b'[')?;
    if scanner.peek()? == b']' {
        scanner.at += 1;
        return Some(0);
    }
    let mut shape = Shape::default();
    let mut count = 0;
    let mut guessing = Guessing::default();
    loop {
        if guessing.is_on() {
            let taken = kernel.take(&scanner.body[scanner.at..], &shape, openids.as_deref_mut());
            scanner.at += taken * shape.stride();
            count += taken as u64;
            guessing.took(taken as u64);
        }
        element(scanner, openids.as_deref_mut())?;
        count += 1;
        let end = scanner.at;
        match scanner.punctuation()? {
            b',' => {}
            b']' => return Some(count),
            _ => return None,
        }
        scanner.peek()?;
        let separator = &scanner.body[end..scanner.at];
        if separator != shape.separator() {
            shape = Shape::with(separator).unwrap_or_default();
        }
    }
}

/// Reads one `OpenID`.
fn element(scanner: &mut Scanner<'_>, openids: Option<&mut Openids>) -> Option<()> {
    match openids {
        None => (!scanner.string()?.is_empty()).then_some(()),
        Some(openids) => {
            scanner.token(b'"')?;
            let rest = &scanner.body[scanner.at..];
            let length = openids.push_unescaped(rest)?;
            scanner.at += length + 1;
            Some(())
        }
    }
}

/// Whether to guess, so that a page of odd lengths does not pay for a wrong guess at each of them.
#[derive(Default)]
struct Guessing {
    /// Elements to go without guessing.
    wait: u32,
    /// The last pause.
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
