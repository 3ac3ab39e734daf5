//! Removes all that the state keeps of an account: every list of every pipeline, the ledgers and
//! the locks. What sinks have published lies elsewhere and is not touched; so are the reports of
//! runs, which have counts and no followers.
//!
//! Before it: [`AccountFolder`] has the parts. Behind it: `fanout prune --all` prints what was
//! found or removed.

use crate::config::{Account, Pipeline};
use crate::engine::keys::lock_holder;
use crate::error::Error;
use crate::journal::{AccountFolder, HeldLocks, JournalError, OwedList};

use super::prune::{AccountPruning, Pruning};

/// How many owed lists an error names.
const NAMED: usize = 3;

/// What is removed of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forget {
    /// Whether it is removed; if not, it is only found.
    pub remove: bool,
    /// Whether it is removed although a list of the account is owed to a sink.
    pub owed: bool,
}

/// Finds all that the state of `pipeline` keeps of its accounts, and removes it if `forget` says
/// so, each account under all of its locks. The error of an account is in its [`AccountPruning`]:
/// an account of which a list is owed to a sink stays as it is.
pub fn forget(pipeline: &Pipeline, forget: Forget) -> Pruning {
    let locks = HeldLocks::read();
    let forget_one = |account| forget_account(pipeline, account, forget, &locks);
    let mut accounts: Vec<_> = pipeline.accounts.iter().map(forget_one).collect();
    accounts.retain(|account| !account.prunable.is_empty() || account.held_by.is_some() || account.error.is_some());
    Pruning { pipeline: pipeline.name.clone(), done: forget.remove, accounts, reports: Vec::new() }
}

fn forget_account(pipeline: &Pipeline, account: &Account, forget: Forget, locks: &HeldLocks) -> AccountPruning {
    let mut pruning = AccountPruning {
        account: account.name.clone(),
        app_id: account.app_id.clone(),
        list: None,
        prunable: Vec::new(),
        held_by: None,
        error: None,
        hint: None,
    };
    let folder = AccountFolder::new(&pipeline.journal.path, &account.app_id);
    let done = folder.lock_holder(locks).map_err(Refusal::from).and_then(|holder| {
        pruning.held_by = holder;
        match (&pruning.held_by, forget.remove) {
            (Some(_), true) => Ok(()),
            (_, false) => {
                pruning.prunable = folder.parts()?;
                check(&folder, forget)
            }
            (None, true) => {
                // Under the locks nothing more becomes owed.
                let state = folder.lock(&lock_holder(pipeline))?;
                check(&state, forget)?;
                Ok(state.remove(&mut pruning.prunable)?)
            }
        }
    });
    match done {
        Ok(()) => {}
        Err(Refusal::Error(JournalError::Locked { holder, .. })) => pruning.held_by = Some(holder),
        Err(Refusal::Error(error)) => {
            let error = Error::from(error);
            (pruning.error, pruning.hint) = (Some(error.chain()), error.hint());
        }
        Err(Refusal::Owed(owed)) => {
            pruning.error = Some(in_words(&owed));
            pruning.hint = Some("`fanout run` delivers it; `--owed` removes it all the same".to_owned());
        }
        Err(Refusal::Unknown(error)) => {
            pruning.error = Some(format!("it is not known what is owed to a sink: {}", Error::from(error).chain()));
            pruning.hint = Some("`--owed` removes the account all the same".to_owned());
        }
    }
    pruning
}

/// Why an account is not removed.
enum Refusal {
    Error(JournalError),
    /// Lists are owed to sinks.
    Owed(Vec<OwedList>),
    /// A list cannot be read.
    Unknown(JournalError),
}

impl From<JournalError> for Refusal {
    fn from(error: JournalError) -> Self {
        Self::Error(error)
    }
}

/// Refuses an account of which a list is owed.
fn check(folder: &AccountFolder, forget: Forget) -> Result<(), Refusal> {
    if forget.owed {
        return Ok(());
    }
    let owed = folder.owed().map_err(Refusal::Unknown)?;
    if owed.is_empty() { Ok(()) } else { Err(Refusal::Owed(owed)) }
}

fn in_words(owed: &[OwedList]) -> String {
    let name = |owed: &OwedList| {
        let sinks = owed.sinks.iter().map(|sink| format!("`{sink}`")).collect::<Vec<_>>().join(", ");
        format!("list `{}` of {} is owed to {sinks} of pipeline `{}`", owed.list, owed.date, owed.pipeline)
    };
    let mut named: Vec<String> = owed.iter().take(NAMED).map(name).collect();
    if owed.len() > NAMED {
        named.push(format!("and {} more", owed.len() - NAMED));
    }
    named.join("; ")
}
