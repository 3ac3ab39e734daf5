//! Bytes as text: digests in snapshots, manifests and journals.

/// Returns `bytes` in lower-case hexadecimal.
///
/// ```
/// assert_eq!(fanout_sink::hexadecimal(&[0x00, 0x9f, 0xff]), "009fff");
/// ```
pub fn hexadecimal(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(value.into(), 16).expect("four bits are one digit");
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}
