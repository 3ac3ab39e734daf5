//! References to secrets, resolved: from the environment, or from a file beside the pipeline file.
//!
//! Accounts and the options of sinks refer to their secrets; the values go to `source` and to the
//! sinks.

use std::path::{Path, PathBuf};

use fanout_sink::{Secret, SecretReference};

use super::environment::Environment;
use super::error::ConfigError;

/// Reads the secrets that a pipeline file refers to.
#[derive(Clone, Debug)]
pub(super) struct SecretResolver {
    /// Where relative paths start: the folder of the pipeline file.
    pub(super) directory: PathBuf,
    pub(super) environment: Environment,
}

impl SecretResolver {
    /// Returns the value behind `reference`, less one line end, or a message that names the place
    /// and what to do.
    pub(super) fn resolve(&self, reference: &SecretReference) -> Result<Secret, String> {
        let (value, place) = match reference {
            SecretReference::Env(name) => (self.variable(name)?, format!("the environment variable `{name}`")),
            SecretReference::File(path) => {
                let path = self.directory.join(path);
                (read(&path)?, format!("the file `{}`", path.display()))
            }
        };
        let line = value.strip_suffix('\n').map_or(&*value, |line| line.strip_suffix('\r').unwrap_or(line));
        if line.is_empty() {
            return Err(format!("{place} is empty, expected a secret"));
        }
        Ok(Secret::new(line))
    }

    fn variable(&self, name: &str) -> Result<String, String> {
        match self.environment.get(name).map(|value| value.to_str()) {
            Some(Some(value)) => Ok(value.to_owned()),
            Some(None) => Err(format!("the environment variable `{name}` is not UTF-8")),
            None => Err(format!("the environment variable `{name}` is not set; `export {name}=…` before the run")),
        }
    }
}

fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("the file `{}` cannot be read ({error})", path.display()))
}

/// The place of an access token that another program renews. Every use reads it again, so its file
/// may be replaced during a run.
#[derive(Clone, Debug)]
pub struct TokenSource {
    pub(super) reference: SecretReference,
    pub(super) resolver: SecretResolver,
    /// The error if it cannot be read, with an empty message.
    pub(super) place: ConfigError,
}

impl TokenSource {
    /// Returns the reference, which is safe to show.
    pub fn reference(&self) -> &SecretReference {
        &self.reference
    }

    /// Reads the token as it is now.
    ///
    /// # Errors
    ///
    /// The variable is not set, the file cannot be read, or the value is empty.
    pub fn read(&self) -> Result<Secret, ConfigError> {
        self.resolver.resolve(&self.reference).map_err(|message| self.place.clone().with_message(message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolver(directory: &Path) -> SecretResolver {
        let environment = [("TOKEN", "from the environment\n"), ("EMPTY", "\n")].into_iter().collect();
        SecretResolver { directory: directory.to_owned(), environment }
    }

    #[test]
    fn one_line_end_is_no_part_of_the_secret() {
        let folder = tempfile::tempdir().unwrap();
        for (content, value) in [("a", "a"), ("a\n", "a"), ("a\r\n", "a"), ("a\n\n", "a\n"), (" a ", " a ")] {
            std::fs::write(folder.path().join("token"), content).unwrap();
            let secret = resolver(folder.path()).resolve(&SecretReference::File("token".into()));
            assert_eq!(secret.unwrap().expose(), value);
        }
        let secret = resolver(folder.path()).resolve(&SecretReference::Env("TOKEN".into()));
        assert_eq!(secret.unwrap().expose(), "from the environment");
    }

    #[test]
    fn what_holds_no_secret_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let message = |reference| resolver(folder.path()).resolve(&reference).unwrap_err();
        assert_eq!(
            message(SecretReference::Env("TOKENS".into())),
            "the environment variable `TOKENS` is not set; `export TOKENS=…` before the run"
        );
        assert_eq!(
            message(SecretReference::Env("EMPTY".into())),
            "the environment variable `EMPTY` is empty, expected a secret"
        );
        let missing = folder.path().join("token");
        assert_eq!(
            message(SecretReference::File("token".into())),
            format!("the file `{}` cannot be read (No such file or directory (os error 2))", missing.display())
        );
    }

    #[test]
    fn debug_shows_no_variable() {
        assert!(!format!("{:?}", resolver(Path::new("."))).contains("from the environment"));
    }
}
