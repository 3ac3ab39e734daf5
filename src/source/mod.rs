//! Everything WeChat, and nothing else.
