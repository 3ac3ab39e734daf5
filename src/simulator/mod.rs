//! A WeChat API on loopback, for the demo, the tests and the benches.
