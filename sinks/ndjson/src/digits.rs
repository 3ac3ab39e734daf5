//! Digits of integers and times, without a branch for each digit: two at a time from a table, or
//! eight at a time in the bytes of a word.

use crate::text::slot;

/// The number of values that eight digits have.
pub(crate) const GROUP: u64 = 100_000_000;

const ZEROS: u64 = u64::from_ne_bytes([b'0'; 8]);

/// Puts an integer of up to 64 bits.
#[inline]
pub(crate) fn put_integer(value: i128, lines: &mut Vec<u8>, at: usize) -> usize {
    let rest = value.unsigned_abs() as u64;
    let slot: &mut [u8; 32] = slot(lines, at);
    slot[0] = b'-';
    let mut end = usize::from(value < 0);
    let mut put = |(text, length): (u64, usize)| {
        slot[end..][..8].copy_from_slice(&text.to_le_bytes());
        end += length;
    };
    if rest < GROUP {
        put(leading(rest));
    } else {
        let (high, low) = (rest / GROUP, digits(rest % GROUP));
        if high < GROUP {
            put(leading(high));
        } else {
            put(leading(high / GROUP));
            put((digits(high % GROUP) | ZEROS, 8));
        }
        put((low | ZEROS, 8));
    }
    at + end
}

/// Returns the text of a number below [`GROUP`], the first digit in the lowest byte, and its
/// length.
#[inline]
pub(crate) fn leading(number: u64) -> (u64, usize) {
    let digits = digits(number);
    // The last digit is written even if it is zero.
    let zeros = (digits | 1 << 56).trailing_zeros() / 8;
    ((digits | ZEROS) >> (8 * zeros), 8 - zeros as usize)
}

/// The two digits of each number below 100. The rest is there so that an index of seven bits
/// needs no check.
pub(crate) static PAIRS: [[u8; 2]; 128] = {
    let mut pairs = [[b'0'; 2]; 128];
    let mut number = 0;
    while number < 100 {
        pairs[number] = [b'0' + number as u8 / 10, b'0' + number as u8 % 10];
        number += 1;
    }
    pairs
};

/// Returns the eight digits of a number below [`GROUP`], the first one in the lowest byte.
///
/// It halves all parts of the number at once: into four digits each, then two, then one. The
/// multiplications with shifts are divisions by 100 and by 10, exact for four and for two digits.
#[inline]
fn digits(number: u64) -> u64 {
    let fours = (number / 10_000) | ((number % 10_000) << 32);
    let hundreds = ((fours * 10_486) >> 20) & 0x7F_0000_007F;
    let twos = hundreds | ((fours - hundreds * 100) << 16);
    let tens = ((twos * 103) >> 10) & 0x000F_000F_000F_000F;
    tens | ((twos - tens * 10) << 8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_digits_are_those_of_the_number() {
        // A step that is coprime to ten reaches every four digits in both halves.
        for number in (0..GROUP).step_by(997) {
            let text = (digits(number) | ZEROS).to_le_bytes();
            assert_eq!(text, format!("{number:08}").as_bytes());
        }
    }

    #[test]
    fn every_length_of_an_integer_has_its_text() {
        let powers = (0..20).map(|power| 10_i128.pow(power));
        for value in powers.flat_map(|power| [power - 1, power, power + 1]).chain([u64::MAX.into(), i64::MAX.into()]) {
            for value in [value, -value] {
                let mut text = Vec::new();
                let end = put_integer(value, &mut text, 0);
                text.truncate(end);
                assert_eq!(String::from_utf8(text).unwrap(), value.to_string());
            }
        }
    }
}
