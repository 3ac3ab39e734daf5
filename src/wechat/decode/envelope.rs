//! The fast path through a reply: the keys that WeChat sends, each at most once, with the values that it sends.
//!
//! Everything here returns none where a byte is not of that form, which is no verdict: the general path then decides.

use super::array;
use super::kernel::{Kernel, Openids};
use super::scanner::Scanner;
use crate::wechat::cursor::Cursor;
use crate::wechat::page::Summary;

/// Reads a whole reply whose `errcode` is 0 or absent; the `OpenID`s go to `openids`, if given.
pub(super) fn read(kernel: Kernel, body: &[u8], mut openids: Option<&mut Openids>) -> Option<Summary> {
    // Arrow counts the bytes of an array in 31 bits.
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

/// Reads the object under `data`, which holds the array and nothing else.
fn data(kernel: Kernel, scanner: &mut Scanner<'_>, summary: &mut Summary, openids: Option<&mut Openids>) -> Option<()> {
    scanner.token(b'{')?;
    if scanner.string()? != b"openid" {
        return None;
    }
    scanner.token(b':')?;
    array::read(kernel, scanner, summary, openids)?;
    scanner.token(b'}')
}
