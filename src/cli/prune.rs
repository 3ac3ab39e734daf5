//! `fanout prune`: what of the state can go, and its removal.

use std::path::Path;
use std::time::Duration;

use clap::Args;
use indicatif::HumanBytes;

use super::arguments::PipelineArguments;
use super::output::Terminal;
use super::summary::json;
use super::table::{NOTHING, Side, account_and_list, grouped, render};
use crate::config::Environment;
use crate::error::{Error, Exit};
use crate::inspect::{self, Pruning};
use crate::journal::{Prunable, PruneReason};

/// Arguments of `fanout prune`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct PruneArguments {
    #[command(flatten)]
    pipeline: PipelineArguments,
    /// Remove what is shown; without it nothing is touched
    #[arg(long)]
    yes: bool,
    /// Reports of runs that began longer ago than this, too [default: they stay]
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=36_500))]
    reports_older_than: Option<u32>,
}

const EXAMPLES: &str = "\
What can go: complete lists beyond `journal.keep` that no sink is owed, walks that were never finished and are too old to go on
with, once a newer list is complete, and what a crash has left. What sinks have published is never touched, and neither is an
account that is in use: it is named.

Examples:
  fanout prune pipelines/followers.toml                              what would go, and how much room it takes
  fanout prune pipelines/followers.toml --yes
  fanout prune pipelines/followers.toml --reports-older-than 90 --yes";

/// Shows what can go, or removes it.
pub(super) fn execute(
    arguments: &PruneArguments,
    environment: &Environment,
    terminal: &Terminal,
) -> Result<Exit, Error> {
    let pipeline = arguments.pipeline.load_offline(environment)?;
    let age = arguments.reports_older_than.map(|days| Duration::from_secs(u64::from(days) * 86_400));
    let pruning = inspect::prune(&pipeline, arguments.yes, age)?;
    terminal.result(&if arguments.pipeline.json { json(&pruning) } else { in_words(&pruning) });
    for account in &pruning.accounts {
        if let Some(holder) = &account.held_by {
            terminal.note(&format!("account `{}` is in use and left alone ({holder})", account.account));
        }
        if let Some(error) = &account.error {
            terminal.error(&format!("account `{}`: {error}", account.account), account.hint.as_deref());
        }
    }
    Ok(pruning.exit())
}

fn in_words(pruning: &Pruning) -> String {
    let columns = [("account", Side::Left), ("what", Side::Left), ("why", Side::Left), ("disk", Side::Right)];
    let of_accounts = pruning.accounts.iter().flat_map(|account| {
        account.prunable.iter().map(|prunable| (account_and_list(&account.account, &account.list), prunable))
    });
    let all: Vec<_> = of_accounts.chain(pruning.reports.iter().map(|report| (NOTHING.to_owned(), report))).collect();
    let bytes = HumanBytes(all.iter().map(|(_, prunable)| prunable.bytes).sum());
    if all.is_empty() {
        return "nothing can go\n".to_owned();
    }
    let rows: Vec<_> = all.iter().map(|(account, prunable)| row(account, prunable)).collect();
    let count = grouped(all.len() as u64);
    let total = if pruning.done {
        format!("removed: {count} in all, {bytes}\n")
    } else {
        format!("{count} in all, {bytes}; nothing was touched, `--yes` removes it\n")
    };
    render(columns, &rows) + &total
}

fn row(account: &str, prunable: &Prunable) -> [String; 4] {
    let name = prunable.path.file_name().map(Path::new).map_or_else(String::new, |name| name.display().to_string());
    let why = match prunable.why {
        PruneReason::LeftBehind => "left by a crash",
        PruneReason::BeyondKeep => "beyond `journal.keep`, owed to nobody",
        PruneReason::Abandoned => "never finished, and a newer list is complete",
        PruneReason::OldReport => "an old report",
    };
    [account.to_owned(), name, why.to_owned(), HumanBytes(prunable.bytes).to_string()]
}
