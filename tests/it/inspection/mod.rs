//! The commands that look at past runs and tidy up: `status`, `history`, `report` and `prune`.

mod forget;
mod history;
mod prune;
mod report_page;
mod status;

use std::time::Duration;

use fanout::simulator::Simulator;

use crate::support::{Project, four_sinks};

const PAGES: u64 = 8;
const PAGE_SIZE: u64 = 50;
const FOLLOWERS: u64 = PAGES * PAGE_SIZE;
/// Every page, and the empty one at the end.
const CALLS: u64 = PAGES + 1;

/// Makes a project whose calls take `latency`.
fn project(latency: Duration) -> Project {
    four_sinks::project(Simulator::builder().followers(FOLLOWERS).page_size(PAGE_SIZE).latency(latency))
}
