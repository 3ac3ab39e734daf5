//! Batch walks against a WeChat that answers as each test says.

mod double;
mod input;
mod quota;
mod refusals;
mod stage;
mod unanswered;
mod walks;
