//! The conformance suite: every line of the protocol of [`Sink`](crate::Sink), as a test that any sink can run.
