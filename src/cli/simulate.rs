//! `fanout simulate`, and the simulator that stands in for WeChat in a simulated run.

use std::net::Ipv4Addr;
use std::time::Duration;

use clap::Args;

use super::arguments::parse_count;
use super::interrupt::Signals;
use super::output::Terminal;
use crate::config::{ConfigErrors, Pipeline, SimulateSection};
use crate::error::Exit;
use crate::simulator::{Simulator, SimulatorHandle};

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
  fanout run pipelines/followers.toml --set source.base_url=http://127.0.0.1:8080";

/// Serves until SIGINT or SIGTERM.
pub(super) async fn execute(arguments: &SimulateArguments, terminal: &Terminal) -> Exit {
    let mut signals = Signals::catch();
    let mut builder = Simulator::builder()
        .address((Ipv4Addr::LOCALHOST, arguments.port).into())
        .followers(arguments.followers)
        .seed(arguments.seed)
        .latency(Duration::from_millis(arguments.latency_ms))
        .page_size(arguments.page_size);
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
    let simulator = Simulator::builder()
        .followers(simulate.followers)
        .seed(simulate.seed)
        .latency(simulate.latency)
        .page_size(simulate.page_size)
        .quota(daily_calls(simulate, pipeline.source.quota.daily_calls))
        .start()
        .await
        .map_err(|error| pipeline.problem("source.simulate", format!("the simulator cannot be started: {error}")))?;
    pipeline.source.base_url = simulator.base_url().parse().expect("the simulator's address is a base URL");
    Ok((pipeline, Some(simulator)))
}

/// Returns the calls a day that the simulator grants: those of a real account, `usual`, or, as
/// WeChat grants more to longer lists, the first of their tenfolds that suffices.
fn daily_calls(simulate: &SimulateSection, usual: u64) -> u64 {
    // With the empty page at the end, and a call that a crash repeats.
    let needed = (simulate.followers / simulate.page_size.max(1)).saturating_add(3);
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
        let calls = |followers, page_size| {
            let simulate = SimulateSection { followers, seed: 1, latency: Duration::ZERO, page_size };
            daily_calls(&simulate, 500)
        };
        assert_eq!([calls(0, 10_000), calls(23_000, 10_000), calls(4_900_000, 10_000)], [500; 3]);
        assert_eq!([calls(10_000_000, 10_000), calls(u64::MAX, 1)], [5_000, u64::MAX]);
    }
}
