//! Every path through a reply gives the answer of the general one, or all of them refuse the reply.

#![no_main]

use fanout::wechat::{DecodePath, decode_with, summarize_with};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    let expected = decode_with(DecodePath::General, body).map_err(|error| error.to_string());
    for path in DecodePath::ALL.into_iter().filter(|path| path.is_available()) {
        let decoded = decode_with(path, body).map_err(|error| error.to_string());
        let summarized = summarize_with(path, body).map_err(|error| error.to_string());
        assert_eq!(decoded, expected, "{path:?}");
        assert_eq!(summarized.as_ref(), expected.as_ref().map(|(reply, _)| reply), "{path:?}");
    }
});
