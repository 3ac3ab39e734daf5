//! Publishing for sinks that write files: layout, staging, manifest, and one rename that makes a list visible.
