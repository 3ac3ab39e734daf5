//! One night: the program runs, is killed and runs again, until its changes are told or the night
//! is left to the next one.
//!
//! Before it: a history has let people change. Behind it: what was told and who was asked about is
//! compared with the [`truth`](super::truth).

use std::collections::BTreeSet;
use std::fs;

use chrono::TimeDelta;
use fanout::simulator::Endpoint;

use super::moments::{Moment, has_list, is_reading, walks};
use super::outputs::rows;
use super::truth::{Chain, Night};
use super::{ALL, History, calls};
use crate::support::journal::has_end;

/// The most kills of one night.
const MOST_KILLS: u64 = 6;
/// The most sinks of changes.
const MOST_SINKS: usize = 6;
/// Both lists have these people, and they are asked about all the same.
const CONTROLS: usize = 3;
/// What happens in a night is later than what was read by so many minutes, and the next run by as
/// many again.
const MINUTES: i64 = 10;

impl History<'_> {
    pub(super) fn night(&mut self, date: &str, is_last: bool) {
        self.began = (self.seconds(), calls(&self.project));
        if self.chain.is_some() && self.sinks.len() < MOST_SINKS && self.random.below(8) == 0 {
            self.add_sink(date);
        }
        let fresh = self.random.below(12) == 0;
        self.tally.fresh += u64::from(fresh);
        if !self.run_to_end(date, fresh, is_last) {
            self.tally.left_open += 1;
            return;
        }
        self.settle(date);
        if is_last {
            return;
        }
        let told = rows(&self.project, "lines", date);
        let asked = calls(&self.project);
        if self.random.below(6) == 0 {
            self.change_in_between();
            self.later();
            self.tally.fresh += 1;
            self.run_to_end(date, true, false);
        }
        if self.random.below(8) == 0 {
            self.later();
            self.run_to_end(date, false, false);
        }
        assert!(rows(&self.project, "lines", date) == told, "{date}: a second list of the day was told");
        assert_eq!(calls(&self.project), asked, "{date}: what was told was asked about");
    }

    /// Runs the program until it ends by itself; returns whether it did, or the night is left open.
    fn run_to_end(&mut self, date: &str, fresh: bool, is_last: bool) -> bool {
        let (mut kills, is_second) = (0, self.told.iter().any(|told| told == date));
        loop {
            let is_killed = kills < MOST_KILLS && self.random.below(3) > 0;
            let moment = is_killed.then(|| Moment::random(&mut self.random));
            let halts = !is_last && self.random.below(4) == 0;
            // A second list would let the first one be removed before its changes are begun.
            let fresh = fresh && (self.keep == ALL || is_second || !has_list(&self.project, date));
            let more: &[&str] = if fresh { &["--fresh"] } else { &[] };
            if fresh {
                // What is under way is begun anew.
                self.pending.iter_mut().for_each(|night| night.is_due = false);
            }
            let ended = self.run_until(date, more, moment, halts);
            self.note_list(date);
            if ended.is_some() {
                return true;
            }
            kills += 1;
            for sink in &self.sinks {
                // Nothing, or a whole list.
                rows(&self.project, &sink.name, date);
            }
            if !is_last && !is_reading(&self.project, date) {
                if has_list(&self.project, date) && self.random.below(3) == 0 {
                    self.change_in_between();
                }
                if self.random.below(6) == 0 {
                    self.note_what_is_due(date);
                    return false;
                }
            }
            self.later();
        }
    }

    /// Lets the next run be later than what has happened.
    fn later(&self) {
        self.project.clock.set(self.now() + TimeDelta::minutes(2 * MINUTES));
    }

    /// Notes the list of a date when it is complete. Nothing has happened since the night began.
    pub(super) fn note_list(&mut self, date: &str) {
        let is_known = self.pending.iter().any(|night| night.date == date) || self.told.iter().any(|told| told == date);
        if is_known || !has_list(&self.project, date) {
            return;
        }
        let (from, asked) = self.began;
        self.pending.push(Night {
            date: date.to_owned(),
            listed: self.world.listed(),
            read: (from, self.seconds()),
            first_version: self.versions.len() - 1,
            asked,
            is_due: false,
            is_decided: false,
        });
    }

    /// Lets something happen while the list is complete. If nobody was asked about yet, it is
    /// before all questions.
    pub(super) fn change_in_between(&mut self) {
        let asked = calls(&self.project);
        for _ in 0..=self.random.below(4) {
            let at = self.now() + TimeDelta::minutes(MINUTES);
            let events = self.world.change(&mut self.random, at);
            self.happen(events);
        }
        self.note_version();
        self.tally.in_between += 1;
        if calls(&self.project) == asked {
            let version = self.versions.len() - 1;
            self.pending
                .iter_mut()
                .filter(|night| night.asked == asked)
                .for_each(|night| night.first_version = version);
        }
    }

    /// Notes whether the changes of a date must be told later, as its files show.
    fn note_what_is_due(&mut self, date: &str) {
        let walks = walks(&self.project, "changes", date);
        let Some(night) = self.pending.iter_mut().find(|night| night.date == date) else { return };
        for walk in walks {
            // The header names the date; a walk for sinks that were added has an earlier one.
            let header = fs::read(walk.join("pages")).unwrap_or_default();
            if String::from_utf8_lossy(&header).contains(&format!("\"date\":\"{date}\"")) {
                night.is_decided |= walk.join("decision.json").exists();
                night.is_due |= has_end(&walk) && !walk.join("given-up.json").exists();
            }
        }
    }

    /// Compares what was told since the last time, and who was asked about. The changes of `date`
    /// are told.
    fn settle(&mut self, date: &str) {
        let (mut changed, mut unchanged, mut controls) = (BTreeSet::new(), BTreeSet::new(), 0);
        for night in std::mem::take(&mut self.pending) {
            let differing = self.chain.as_ref().map(|chain| chain.differing(&night)).unwrap_or_default();
            controls += if differing.is_empty() { 0 } else { CONTROLS };
            unchanged.extend(&night.listed - &differing);
            changed.extend(differing);
            let is_told = self.tell(&night);
            let must_be = night.date == date || night.is_due || night.is_decided;
            assert!(is_told || !must_be, "{date}: {} was not told", night.date);
            if is_told {
                self.told.push(night.date);
            }
        }
        assert_eq!(self.told.last().map(String::as_str), Some(date), "not told");
        let log = self.project.api().log();
        let is_question = |endpoint| matches!(endpoint, Endpoint::BatchGet | Endpoint::UserInfo);
        let questions = log[self.looked_at..].iter().filter(|call| is_question(call.endpoint));
        let asked: BTreeSet<u64> = questions.flat_map(|call| call.named.iter().copied()).collect();
        self.looked_at = log.len();
        self.tally.asked += asked.len() as u64;
        let others = &asked - &changed;
        self.tally.others_asked += others.len() as u64;
        assert!(self.verify || asked.is_empty(), "{date}: {asked:?} were asked about");
        assert!(others.len() <= controls && others.is_subset(&unchanged), "{date}: {others:?} did not change");
    }

    /// Compares what was told of a night; `false` if nothing was.
    fn tell(&mut self, night: &Night) -> bool {
        let Some(mut chain) = self.chain.take() else {
            let has_begun = rows(&self.project, "whole", &night.date).is_some();
            if has_begun {
                let chain = Chain::begin(night);
                self.begin_sinks(&chain);
                self.chain = Some(chain);
            }
            return has_begun;
        };
        let told = rows(&self.project, "lines", &night.date);
        if let Some(rows) = &told {
            let (before, sum) = (chain.date.clone(), chain.sum.clone());
            chain.add(night, &self.versions, self.verify, rows);
            self.are_told_alike((&before, &sum), &night.date);
            self.tally.holes += chain.holes.len() as u64;
            for row in rows {
                *self.tally.rows.entry(row.change).or_default() += 1;
            }
        }
        self.chain = Some(chain);
        told.is_some()
    }
}
