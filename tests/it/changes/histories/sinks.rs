//! What each sink is told of the chain, and where a sink that is added begins.
//!
//! Before it: a night was told to the first sink. Behind it: each other sink has been told the same
//! since its beginning.

use std::collections::BTreeSet;

use super::outputs::rows;
use super::{Chain, History};

/// A sink of the history.
#[derive(Debug)]
pub(super) struct Sink {
    pub(super) name: String,
    /// Whether it asks for everybody at its beginning.
    pub(super) with_everybody: bool,
    /// The night before whose first run it was added.
    pub(super) added: String,
    /// The sum at its beginning, which its own rows must be added to. `None` until it begins; empty
    /// if it was told everybody.
    pub(super) beginning: Option<BTreeSet<u64>>,
}

impl Sink {
    pub(super) fn new(name: &str, with_everybody: bool, added: &str) -> Self {
        Self { name: name.to_owned(), with_everybody, added: added.to_owned(), beginning: None }
    }
}

impl History<'_> {
    /// Adds a sink to the pipeline file.
    pub(super) fn add_sink(&mut self, date: &str) {
        let with_everybody = self.random.below(2) == 0;
        let name = format!("{}_{}", if with_everybody { "whole" } else { "lines" }, self.sinks.len());
        self.project.append(&format!(
            "[sinks.{name}]\ntype = 'ndjson'\nlist = 'changes'\nbaseline = {with_everybody}\n\
             options.root = 'out/{name}'\n"
        ));
        self.sinks.push(Sink::new(&name, with_everybody, date));
        self.tally.late_sinks += 1;
    }

    /// Asserts what the sinks have of the night with which the chain has begun.
    pub(super) fn begin_sinks(&mut self, chain: &Chain) {
        for place in 0..self.sinks.len() {
            self.begin_sink(place, &chain.date, &chain.sum);
        }
    }

    /// Asserts that a sink that asks for everybody was told `sum`, and the other nothing, of the
    /// date of the list at which it begins.
    fn begin_sink(&mut self, place: usize, date: &str, sum: &BTreeSet<u64>) {
        let sink = &mut self.sinks[place];
        let rows = rows(&self.project, &sink.name, date);
        if sink.with_everybody {
            let rows = rows.unwrap_or_else(|| panic!("{sink:?} was told nothing of {date}"));
            let everybody: BTreeSet<u64> = rows.iter().map(|row| row.person).collect();
            assert!(rows.iter().all(|row| row.change == "baseline" && row.from.is_none() && !row.is_verified));
            assert!(everybody.len() == rows.len() && everybody == *sum, "{sink:?}: not everybody of {date}");
            sink.beginning = Some(BTreeSet::new());
        } else {
            assert!(rows.is_none_or(|rows| rows.is_empty()), "{sink:?} was told of {date}");
            sink.beginning = Some(sum.clone());
        }
    }

    /// Asserts that each sink was told the changes of a night as the first one was, if it had been
    /// added before. `before` is the chain before that night.
    pub(super) fn are_told_alike(&mut self, before: (&str, &BTreeSet<u64>), date: &str) {
        let told = rows(&self.project, "lines", date);
        for place in 0..self.sinks.len() {
            if *self.sinks[place].added > *date {
                continue;
            }
            if self.sinks[place].beginning.is_none() {
                self.begin_sink(place, before.0, before.1);
            }
            assert!(rows(&self.project, &self.sinks[place].name, date) == told, "{date}: {:?}", self.sinks[place]);
        }
    }
}
