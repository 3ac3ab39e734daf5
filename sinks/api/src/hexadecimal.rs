//! Bytes as text: digests in snapshots, manifests and journals.

/// Returns `bytes` in lower-case hexadecimal.
///
/// ```
/// assert_eq!(fanout_sink::hexadecimal(&[0x00, 0x9f, 0xff]), "009fff");
/// ```
pub fn hexadecimal(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let digit = |value: u8| DIGITS[usize::from(value)];
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}
