//! The fast path through a reply: the keys that WeChat sends, each at most once, with values of the
//! form that WeChat sends.
//!
//! `paths` tries it first. It reads tokens with `scanner`, and leaves the array of `OpenID`s to
//! `array`.
//!
//! Every function returns `None` at a byte of another form. That does not mean that the reply is
//! malformed: the general path then decides.

use super::array;
use super::kernel::{Kernel, Openids};
use super::scanner::Scanner;
use crate::wechat::cursor::Cursor;
use crate::wechat::page::Summary;

/// Reads a whole reply whose `errcode` is 0 or absent. The `OpenID`s are added to `openids`, if
/// given.
pub(super) fn read(kernel: Kernel, body: &[u8], mut openids: Option<&mut Openids>) -> Option<Summary> {
    // The offsets of an Arrow string array have 31 bits.
    i32::try_from(body.len()).ok()?;
    let mut scanner = Scanner::new(body);
    let mut summary = Summary::default();
    let mut seen: Vec<&[u8]> = Vec::with_capacity(6);
    scanner.token(b'{')?;
    loop {
        let key = scanner.string()?;
        if seen.contains(&key) {
            return None;
        }
        seen.push(key);
        scanner.token(b':')?;
        match key {
            b"total" => summary.total = Some(scanner.natural()?),
            b"count" => summary.count = Some(scanner.natural()?),
            b"next_openid" => summary.next = Cursor::after(str::from_utf8(scanner.text()?).ok()?),
            b"data" => data(kernel, &mut scanner, &mut summary, openids.as_deref_mut())?,
            b"errcode" if scanner.natural()? == 0 => {}
            b"errmsg" => drop(scanner.text()?),
            _ => return None,
        }
        match scanner.punctuation()? {
            b',' => {}
            b'}' => break,
            _ => return None,
        }
    }
    (scanner.peek().is_none()).then_some(summary)
}

/// Reads the object under `data`, which must hold the array and nothing else.
fn data(kernel: Kernel, scanner: &mut Scanner<'_>, summary: &mut Summary, openids: Option<&mut Openids>) -> Option<()> {
    scanner.token(b'{')?;
    if scanner.string()? != b"openid" {
        return None;
    }
    scanner.token(b':')?;
    array::read(kernel, scanner, summary, openids)?;
    scanner.token(b'}')
}
