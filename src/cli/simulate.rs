//! `fanout simulate`, and the simulator that stands in for WeChat in a simulated run.

use std::net::Ipv4Addr;
use std::time::Duration;

use clap::Args;

use super::arguments::parse_count;
use super::interrupt::Signals;
use super::output::Terminal;
use crate::config::{ConfigErrors, Pipeline};
use crate::error::Exit;
use crate::simulator::{Endpoint, Nights, PAGE_OF_A_TAG, PAGE_OF_THE_BLACKLIST, Simulator, SimulatorHandle, Tag};

/// Arguments of `fanout simulate`. The defaults are those of `[source] simulate` in a pipeline
/// file.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct SimulateArguments {
    /// Followers of each account
    #[arg(long, value_name = "COUNT", default_value = "23000", value_parser = parse_count)]
    followers: u64,
    /// What the followers are computed from: another seed makes another list
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Delay of each reply, in milliseconds
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 0)]
    latency_ms: u64,
    /// Followers in one page
    #[arg(long, value_name = "COUNT", default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    page_size: u64,
    /// Of a thousand followers, how many leave from one date in Beijing to the next; about as many
    /// join or return
    #[arg(long, value_name = "COUNT", default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=100))]
    changes_per_mille: u64,
    /// People at most who are missing from the list of a date although they follow
    #[arg(long, value_name = "COUNT", default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=1_000))]
    holes: u64,
    /// Serve the lists of so many days later, as if they had passed
    #[arg(long, value_name = "DAYS", default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=36_500))]
    days_later: u32,
    /// People on the blacklist of each account
    #[arg(long, value_name = "COUNT", default_value = "0", value_parser = parse_count)]
    blacklisted: u64,
    /// Made-up tags of each account, with up to 200,000 people each
    #[arg(long, value_name = "COUNT", default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=100))]
    tags: u64,
    /// The port to listen on; 0 takes a free one
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Calls for pages that each account has until the simulator ends [default: 100,000,000]
    #[arg(long, value_name = "CALLS", value_parser = parse_count)]
    quota: Option<u64>,
}

const EXAMPLES: &str = "\
The first line on stdout is the base URL. Any app id and any secret are accepted.

Examples:
  fanout simulate --followers 1_000_000 --latency-ms 50 --port 8080
  fanout run pipelines/followers.toml --set source.base_url=http://127.0.0.1:8080

The list of another night, for a pipeline with a sink of changes: run it for yesterday, start the simulator anew, run it again.
  fanout simulate --changes-per-mille 5 --holes 20 --port 8080
  fanout simulate --changes-per-mille 5 --holes 20 --port 8080 --days-later 1

Tags and the blacklist:
  fanout simulate --tags 8 --blacklisted 500 --port 8080";

/// Serves until SIGINT or SIGTERM.
pub(super) async fn execute(arguments: &SimulateArguments, terminal: &Terminal) -> Exit {
    let mut signals = Signals::catch();
    let mut builder = Simulator::builder()
        .address((Ipv4Addr::LOCALHOST, arguments.port).into())
        .followers(arguments.followers)
        .seed(arguments.seed)
        .latency(Duration::from_millis(arguments.latency_ms))
        .page_size(arguments.page_size)
        .nights(Nights { per_mille: arguments.changes_per_mille, holes: arguments.holes })
        .blacklisted(arguments.blacklisted)
        .tags(Tag::some(arguments.tags))
        .days_later(arguments.days_later);
    if let Some(calls) = arguments.quota {
        builder = builder.quota(calls);
    }
    let simulator = match builder.start().await {
        Ok(simulator) => simulator,
        Err(error) => {
            terminal.error(&format!("cannot listen on port {} of 127.0.0.1: {error}", arguments.port), None);
            return Exit::Failed;
        }
    };
    terminal.result(&format!("{}\n", simulator.base_url()));
    // Without its address, nothing can call it.
    if !terminal.has_lost_a_result() {
        signals.next().await;
    }
    simulator.shutdown().await;
    Exit::Done
}

/// Starts the simulator if the pipeline asks for one, and sets its address as the source's. It
/// serves until the handle is dropped.
pub(super) async fn stand_in(mut pipeline: Pipeline) -> Result<(Pipeline, Option<SimulatorHandle>), ConfigErrors> {
    let Some(simulate) = &pipeline.source.simulate else { return Ok((pipeline, None)) };
    let (tags, usual) = (Tag::some(simulate.tags), pipeline.source.quota.daily_calls);
    let of_tags = tags.iter().map(|tag| needed(tag.members, PAGE_OF_A_TAG)).sum();
    let simulator = Simulator::builder()
        .followers(simulate.followers)
        .seed(simulate.seed)
        .latency(simulate.latency)
        .page_size(simulate.page_size)
        .nights(Nights { per_mille: simulate.changes_per_mille, holes: simulate.holes })
        .blacklisted(simulate.blacklisted)
        .tags(tags)
        .quota(granted(needed(simulate.followers, simulate.page_size), usual))
        .profile_quota(granted(needed(simulate.followers, NEW_IN_A_BATCH), PROFILES_A_DAY))
        .quota_of(Endpoint::Blacklist, granted(needed(simulate.blacklisted, PAGE_OF_THE_BLACKLIST), usual))
        .quota_of(Endpoint::Tags, usual)
        .quota_of(Endpoint::TagMembers, granted(of_tags, usual))
        .clock(pipeline.clock.clone())
        .start()
        .await
        .map_err(|error| pipeline.problem("source.simulate", format!("the simulator cannot be started: {error}")))?;
    pipeline.source.base_url = simulator.base_url().parse().expect("the simulator's address is a base URL");
    Ok((pipeline, Some(simulator)))
}

/// The people of a batch who are in no batch before it.
const NEW_IN_A_BATCH: u64 = 99;

/// The calls a day for profiles that the console of a real account shows.
const PROFILES_A_DAY: u64 = 500_000;

/// Returns the calls that a list of so many people takes in parts of `size`: with the empty page at
/// the end, and a call that a crash repeats.
fn needed(people: u64, size: u64) -> u64 {
    (people / size.max(1)).saturating_add(3)
}

/// Returns the calls a day that the simulator grants: those of a real account, `usual`, or, as
/// WeChat grants more to longer lists, the first of their tenfolds that suffices.
fn granted(needed: u64, usual: u64) -> u64 {
    let mut calls = usual;
    while calls < needed {
        calls = calls.saturating_mul(10);
    }
    calls
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_simulated_account_has_the_calls_of_a_real_one_that_reads_such_a_list() {
        let calls = |followers, page_size| granted(needed(followers, page_size), 500);
        assert_eq!([calls(0, 10_000), calls(23_000, 10_000), calls(4_900_000, 10_000)], [500; 3]);
        assert_eq!([calls(10_000_000, 10_000), calls(u64::MAX, 1)], [5_000, u64::MAX]);
    }
}
