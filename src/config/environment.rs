//! The environment variables of the process, as a value. `config` reads variables from it alone.
//!
//! The command line makes one; overrides, secrets and a few flags are looked up in it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::sync::Arc;

/// A set of environment variables: those of the process, or the ones of a test.
///
/// `Debug` shows no value: some of them are secrets.
#[derive(Clone, Default)]
pub struct Environment(Arc<BTreeMap<String, OsString>>);

impl Environment {
    /// Reads the current variables of this process. Those with a name that is not UTF-8 are left
    /// out: no caller could ask for them.
    pub fn process() -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the one place where the configuration reads the environment"
        )]
        let variables = std::env::vars_os();
        Self(Arc::new(variables.filter_map(|(name, value)| Some((name.into_string().ok()?, value))).collect()))
    }

    /// Returns the value of `name`; `None` if it is not set.
    pub(crate) fn get(&self, name: &str) -> Option<&OsString> {
        self.0.get(name)
    }

    /// Iterates over the variables whose names start with `prefix`, sorted by name.
    pub(super) fn starting_with(&self, prefix: &str) -> impl Iterator<Item = (&str, &OsString)> {
        self.0.iter().filter(move |(name, _)| name.starts_with(prefix)).map(|(name, value)| (name.as_str(), value))
    }
}

impl<Name: Into<String>, Value: Into<OsString>> FromIterator<(Name, Value)> for Environment {
    fn from_iter<Variables: IntoIterator<Item = (Name, Value)>>(variables: Variables) -> Self {
        Self(Arc::new(variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect()))
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Environment").field("variables", &self.0.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_has_the_variables_that_cargo_sets() {
        let environment = Environment::process();
        assert_eq!(environment.get("CARGO_MANIFEST_DIR"), Some(&OsString::from(env!("CARGO_MANIFEST_DIR"))));
        let ours: Vec<_> = environment.starting_with("CARGO_MANIFEST_D").map(|(name, _)| name).collect();
        assert_eq!(ours, ["CARGO_MANIFEST_DIR"]);
    }
}
