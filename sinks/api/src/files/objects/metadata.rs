//! What an object says of itself, in headers beside its content.
//!
//! Before it: `upload`, which sets it, and `store`, which reads it back. Headers are ASCII, so a
//! value is percent-encoded. A name has only the letters a to z: Azure takes no `-` in it, and
//! proxies drop headers with `_`.

use std::collections::BTreeMap;

use object_store::{Attribute, Attributes};
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

const ENCODED: &AsciiSet = &CONTROLS.add(b'%').add(b' ').add(b',').add(b'"');

/// Writes `metadata` as headers.
pub(super) fn encode(metadata: &BTreeMap<String, String>) -> Attributes {
    let attribute = |(name, value): (&String, &String)| {
        debug_assert!(name.bytes().all(|byte| byte.is_ascii_lowercase()), "`{name}` is not sent by every store");
        (Attribute::Metadata(name.clone().into()), utf8_percent_encode(value, ENCODED).to_string())
    };
    metadata.iter().map(attribute).collect()
}

/// Reads headers. A value that is no text is left out: it is not ours.
pub(super) fn decode(attributes: &Attributes) -> BTreeMap<String, String> {
    let entry = |(attribute, value): (&Attribute, &object_store::AttributeValue)| match attribute {
        Attribute::Metadata(name) => {
            let value = percent_decode_str(value).decode_utf8().ok()?;
            Some((name.to_lowercase(), value.into_owned()))
        }
        _ => None,
    };
    attributes.iter().filter_map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_comes_back_and_is_ascii_on_the_way() {
        let metadata: BTreeMap<String, String> =
            [("owner", "品牌 北京, 100% \"a\""), ("walk", "7"), ("list", "")].map(|(k, v)| (k.into(), v.into())).into();
        let encoded = encode(&metadata);
        assert!(encoded.iter().all(|(_, value)| value.bytes().all(|byte| byte.is_ascii_graphic())));
        assert_eq!(decode(&encoded), metadata);
    }
}
