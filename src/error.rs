//! The errors of the stages, composed once.
