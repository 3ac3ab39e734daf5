//! The context in which the parts of a pipeline file are completed, after reading it.
//!
//! Reading checks each key alone. Each part's `complete` then does the checks that need the rest of
//! the file, the environment or the disk, and reports its problems to the context.

use fanout_sink::{Secret, SecretReference};
use figment::value::Value;

use super::error::ConfigError;
use super::secret::SecretResolver;
use super::tree::Tree;
use crate::wechat::CredentialForm;

/// What completing a part needs besides its keys.
pub(super) struct Context<'a> {
    /// All values of the file that the part stands in: the pipeline file or the accounts file.
    pub(super) tree: &'a Tree,
    pub(super) resolver: &'a SecretResolver,
    pub(super) api: Api,
    /// Whether what is unusual is told. The forms are WeChat's; an API on this machine, which is a
    /// test's, may have others.
    pub(super) warns: bool,
    /// Every problem found so far, in this part or before it.
    pub(super) problems: &'a mut Vec<ConfigError>,
    /// The variables with our prefix that set no key.
    pub(super) strangers: &'a mut Vec<String>,
    /// Everything unusual found so far, which no run stops for.
    pub(super) warnings: &'a mut Vec<ConfigError>,
}

/// The API that a run calls, which decides what its accounts must have.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Api {
    /// WeChat's: every account needs a credential.
    WeChat,
    /// The simulator's: it knows no credentials, and one account is made up if the file has none.
    Simulator,
    /// None, as for `fanout status`: the accounts are needed, their credentials are not.
    Unused,
}

impl Context<'_> {
    /// Returns the context for the accounts of another file.
    pub(super) fn in_file<'b>(&'b mut self, tree: &'b Tree) -> Context<'b> {
        Context {
            tree,
            resolver: self.resolver,
            warnings: self.warnings,
            problems: self.problems,
            strangers: self.strangers,
            ..*self
        }
    }

    /// Returns whether the file has a value at `path`. If it has, and reading gave none, the value
    /// was wrong and is reported already. The `null` of a JSON file is no value.
    pub(super) fn has(&self, path: &[&str]) -> bool {
        !matches!(self.tree.get(path), None | Some(Value::Empty(..)))
    }

    /// Returns whether a key that starts with `name` is reported already.
    pub(super) fn has_problem_in(&self, name: &str) -> bool {
        self.problems.iter().filter_map(ConfigError::key).any(|key| key.starts_with(name))
    }

    /// Reports what is wrong with the value at `path`.
    pub(super) fn report(&mut self, path: &[&str], message: impl Into<String>) {
        self.problems.push(self.tree.problem(path, message));
    }

    /// Reports that there is no key at `path`.
    pub(super) fn report_missing(&mut self, path: &[&str], expected: &str) {
        self.problems.push(self.tree.missing(path, expected));
    }

    /// Returns the value of `result`, or `None` after reporting its error for `path`.
    pub(super) fn ok<T>(&mut self, path: &[&str], result: Result<T, impl Into<String>>) -> Option<T> {
        result.map_err(|message| self.report(path, message)).ok()
    }

    /// Returns the secret behind the `reference` at `path`, or `None` after reporting the problem.
    pub(super) fn secret(&mut self, path: &[&str], reference: &SecretReference) -> Option<Secret> {
        self.ok(path, self.resolver.resolve(reference))
    }

    /// Returns `text` without what is around it if it has this form, with a warning if it is
    /// unusual; `None` after reporting what is wrong. Both begin with `what`.
    pub(super) fn formed(&mut self, path: &[&str], form: CredentialForm, text: &str, what: &str) -> Option<String> {
        let formed = self.ok(path, form.check(text).map_err(|problem| format!("{what} {problem}")))?;
        if let Some(unusual) = formed.unusual.filter(|_| self.warns) {
            self.warnings.push(self.tree.problem(path, format!("{what} {unusual}")));
        }
        Some(formed.text.to_owned())
    }
}
