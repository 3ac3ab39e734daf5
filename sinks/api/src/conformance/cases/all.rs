//! The table of all cases: each module has its own, and `run` and `fanout sinks test` run them.

use super::case::Case;
use super::{abort, commit, content, crash, factory, find, several};

/// Returns every case, in the order of a list's life: options, content, commit, abort, crash,
/// several lists, `find`.
pub fn cases() -> impl Iterator<Item = &'static Case> {
    [factory::CASES, content::CASES, commit::CASES, abort::CASES, crash::CASES, several::CASES, find::CASES]
        .into_iter()
        .flatten()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_line_of_the_protocol_that_binds_a_sink_has_a_case() {
        let lines: BTreeSet<&str> = cases().filter_map(|case| case.promise.strip_prefix("`Sink`, line ")).collect();
        for line in ["4:", "7:", "8:", "9:", "10:", "11:", "12:"] {
            assert!(lines.iter().any(|promise| promise.starts_with(line)), "line {line} has no case");
        }
    }

    #[test]
    fn names_are_unique() {
        let names: BTreeSet<&str> = cases().map(Case::name).collect();
        assert_eq!(names.len(), cases().count());
    }
}
