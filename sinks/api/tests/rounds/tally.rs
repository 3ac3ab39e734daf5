//! What was seen in all rounds.

use std::fmt;

#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) rounds: u64,
    pub(crate) kills: u64,
    /// Processes that were held up for some milliseconds.
    pub(crate) stops: u64,
    /// Kills of a process that had not said of every list what came of it.
    pub(crate) kills_at_work: u64,
    pub(crate) published: u64,
    /// Times that another, newer list of the owner stood there when a list was called published.
    pub(crate) replaced: u64,
    pub(crate) refused: u64,
    pub(crate) temporary: u64,
    /// Single files that a kill left without a marker, until the next run.
    pub(crate) without_marker: u64,
    /// Times that a folder was not there right after it was called published, because a process
    /// that shared no lock was killed over it. The next run gave it back, or published again.
    pub(crate) disturbed: u64,
    /// Looks at a single file while it was published, under a marker that was there all the time.
    pub(crate) markers: u64,
    pub(crate) violations: Vec<String>,
}

impl Tally {
    /// Returns whether the rounds have met at least as much as `rounds` of them should meet.
    pub(crate) fn is_telling(&self, rounds: u64) -> bool {
        self.kills_at_work * 5 > rounds
            && self.refused * 10 > rounds
            && self.published * 2 > rounds
            && self.markers > rounds
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rounds, kills, kills_at_work, stops, published, replaced, refused, .. } = self;
        let Self { temporary, without_marker, disturbed, markers, violations, .. } = self;
        write!(
            formatter,
            "{rounds} rounds, {kills} kills ({kills_at_work} at work), {stops} stops, {published} times published ({replaced} of them by a newer \
             list), {refused} refused, {temporary} times to be tried again, {without_marker} files left without marker by a kill, \
             {disturbed} folders disturbed by a kill without a shared lock, {markers} looks under a marker, {} violations",
            violations.len()
        )
    }
}
