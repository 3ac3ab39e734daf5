//! Which sinks exist.
/// The sinks.
#[derive(Debug)]
pub struct SinkRegistry {}
