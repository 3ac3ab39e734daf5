//! What [`SinkFactory::warnings`](crate::SinkFactory::warnings) returns.

/// What readers of a sink's output may misunderstand, although the sink itself has no problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SinkWarning {
    /// What readers may misunderstand: one sentence, in lower case, without a final stop.
    pub message: String,
    /// What a person can do about it.
    pub hint: String,
}
