//! `fanout prune`: shows which parts of the state are no longer needed, or all that it keeps of an
//! account, and removes them. `inspect` finds them.

use std::path::Path;
use std::time::Duration;

use clap::Args;

use super::arguments::PipelineArguments;
use super::failures::{self, Failure};
use super::output::Terminal;
use super::summary::json;
use super::table::{NOTHING, account_and_list, bytes, grouped, line, number, render, text};
use crate::config::Environment;
use crate::error::{Error, Exit};
use crate::inspect::{self, Forget, Pruning};
use crate::journal::{Prunable, PruneReason};

/// Arguments of `fanout prune`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct PruneArguments {
    #[command(flatten)]
    pipeline: PipelineArguments,
    /// Remove what is shown; without this flag, nothing is removed
    #[arg(long)]
    yes: bool,
    /// Include reports of runs that began more than this many days ago [default: none]
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=36_500))]
    reports_older_than: Option<u32>,
    /// Remove all that the state keeps of the accounts that `--account` names: every list, also
    /// those of other pipelines
    #[arg(long, requires = "accounts", conflicts_with_all = ["lists", "reports_older_than"])]
    all: bool,
    /// With `--all`, remove lists too that a sink has not published yet
    #[arg(long, requires = "all")]
    owed: bool,
}

const EXAMPLES: &str = "\
These are no longer needed: complete lists beyond `journal.keep` that no sink lacks, unfinished walks that are too old to be
continued if a newer list is complete, and files that a crash has left. What sinks have published is never removed. An account
that is in use is left alone, and named.

With `--all` the whole state of an account goes, to forget its followers: replies, open walks, what later runs would continue
with, and today's number of calls. Reports of runs stay: they have counts and no followers.

Examples:
  fanout prune pipelines/followers.toml                              shows what is not needed, and its size
  fanout prune pipelines/followers.toml --yes
  fanout prune pipelines/followers.toml --reports-older-than 90 --yes
  fanout prune pipelines/followers.toml --account brand --all        shows all that is kept of an account
  fanout prune pipelines/followers.toml --account brand --all --yes";

/// Shows what is no longer needed, or removes it.
pub(super) fn execute(
    arguments: &PruneArguments,
    environment: &Environment,
    terminal: &Terminal,
) -> Result<Exit, Error> {
    let pipeline = arguments.pipeline.load_offline(environment)?;
    let age = arguments.reports_older_than.map(|days| Duration::from_secs(u64::from(days) * 86_400));
    let pruning = if arguments.all {
        inspect::forget(&pipeline, Forget { remove: arguments.yes, owed: arguments.owed })
    } else {
        inspect::prune(&pipeline, arguments.yes, age)?
    };
    terminal.result(&if arguments.pipeline.json { json(&pruning) } else { in_words(&pruning, terminal.width()) });
    for account in &pruning.accounts {
        if let Some(holder) = &account.held_by {
            terminal.note(&format!("account `{}` is in use and left alone ({holder})", account.account));
        }
    }
    let failures = pruning.accounts.iter().filter_map(|account| {
        let error = account.error.as_ref()?.into();
        let (list, hint) = (account.list.as_deref(), account.hint.as_deref());
        Some(Failure { account: &account.account, list, app_id: &account.app_id, error, hint })
    });
    failures::print(&failures.collect::<Vec<_>>(), terminal);
    Ok(pruning.exit())
}

fn in_words(pruning: &Pruning, width: Option<usize>) -> String {
    let columns = [text("account").wrapping(), text("what"), text("why").wrapping(), number("disk")];
    let of_accounts = pruning.accounts.iter().flat_map(|account| {
        let list = account.list.as_deref();
        let name = list.map_or_else(|| account.account.clone(), |list| account_and_list(&account.account, list));
        account.prunable.iter().map(move |prunable| (name.clone(), prunable))
    });
    let all: Vec<_> = of_accounts.chain(pruning.reports.iter().map(|report| (NOTHING.to_owned(), report))).collect();
    if all.is_empty() {
        return "nothing to remove\n".to_owned();
    }
    let rows: Vec<_> = all.iter().map(|(account, prunable)| row(account, prunable)).collect();
    let items = if all.len() == 1 { "item" } else { "items" };
    let total = all.iter().map(|(_, prunable)| prunable.bytes).sum();
    let amount = format!("{} {items} ({})", grouped(all.len() as u64), bytes(total));
    let total =
        if pruning.done { format!("removed {amount}\n") } else { format!("would remove {amount} with `--yes`\n") };
    render(columns, &rows, width) + &line(total.trim_end(), width)
}

fn row(account: &str, prunable: &Prunable) -> [String; 4] {
    let name = prunable.path.file_name().map(Path::new).map_or_else(String::new, |name| name.display().to_string());
    let why = match prunable.why {
        PruneReason::LeftBehind => "left by a crash",
        PruneReason::BeyondKeep => "beyond `journal.keep`, and no sink lacks it",
        PruneReason::Abandoned => "unfinished, and a newer list is complete",
        PruneReason::OldReport => "old report",
        PruneReason::WholeAccount => "all of the account",
    };
    [account.to_owned(), name, why.to_owned(), bytes(prunable.bytes)]
}
