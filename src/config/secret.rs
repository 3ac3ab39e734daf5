//! References to secrets, resolved: from the environment, or from a file beside the pipeline file.
//!
//! Accounts and the options of sinks refer to their secrets; the values go to `source` and to the
//! sinks.

use std::path::{Path, PathBuf};

use fanout_sink::{Secret, SecretReference};

use super::environment::Environment;
use super::error::ConfigError;
use crate::wechat::{CredentialForm, may_be_secret};

/// Reads the secrets that a pipeline file refers to.
#[derive(Clone, Debug)]
pub(super) struct SecretResolver {
    /// Where relative paths start: the folder of the pipeline file.
    pub(super) directory: PathBuf,
    pub(super) environment: Environment,
}

impl SecretResolver {
    /// Returns the value behind `reference`, less one line end and, of a file, a byte order mark;
    /// or a message that names the place and what to do.
    pub(super) fn resolve(&self, reference: &SecretReference) -> Result<Secret, String> {
        let (value, place) = match reference {
            SecretReference::Env(name) => (self.variable(name)?, place_of(reference)),
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
            None if may_be_secret(name) => Err(format!("expected the name of an environment variable; {NOT_SHOWN}")),
            None => Err(format!("the environment variable `{name}` is not set; {}", right_form(name))),
        }
    }
}

const NOT_SHOWN: &str = "what stands there is not shown, for it may be a secret";

/// Returns where the secret is, in words.
pub(super) fn place_of(reference: &SecretReference) -> String {
    match reference {
        SecretReference::Env(name) => format!("the environment variable `{name}`"),
        SecretReference::File(path) => format!("the file `{}`", path.display()),
    }
}

/// Returns what to do about a variable of this name that is not set.
fn right_form(name: &str) -> String {
    let bare = name.trim_matches(|character: char| !character.is_ascii_alphanumeric() && character != '_');
    if bare == name || bare.is_empty() {
        return format!("`export {name}=…` before the run");
    }
    format!("expected the name alone, such as `{bare}`")
}

fn read(path: &Path) -> Result<String, String> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        if path.file_name().and_then(|name| name.to_str()).is_some_and(may_be_secret) {
            return format!("expected the path of a file; {NOT_SHOWN}");
        }
        format!("the file `{}` cannot be read ({error})", path.display())
    })?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
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

    /// Reads the token as it is now, without what is around it.
    ///
    /// # Errors
    ///
    /// The variable is not set, the file cannot be read, or the value has not the form of a token.
    pub fn read(&self) -> Result<Secret, ConfigError> {
        let value = self.resolver.resolve(&self.reference);
        let token = value.and_then(|value| {
            let formed = CredentialForm::Token.check(value.expose());
            formed
                .map(|formed| Secret::new(formed.text))
                .map_err(|problem| format!("{} holds what {problem}", place_of(&self.reference)))
        });
        token.map_err(|message| self.place.clone().with_message(message))
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
        for (content, value) in
            [("a", "a"), ("a\n", "a"), ("a\r\n", "a"), ("a\n\n", "a\n"), (" a ", " a "), ("\u{feff}a", "a")]
        {
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
