//! A value that must not appear in any output. Its source is a reference in the pipeline file,
//! which the configuration resolves.

use std::cell::RefCell;
use std::fmt;
use std::path::PathBuf;
use std::rc::Rc;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, de};

use crate::local_path::foreign_path;

/// A password, key or token. It has no `Display`, and its `Debug` does not show the value.
///
/// ```compile_fail
/// let secret = fanout_sink::Secret::new("hunter2");
/// println!("{secret}");
/// ```
///
/// In a pipeline file a secret is a [`SecretReference`], never the value. Deserialising resolves
/// the reference with the resolver that the engine's configuration has installed
/// ([`with_secret_resolver`]), once, while the pipeline file is read.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a value.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// Returns the value, for the one place that sends it. The name is easy to search for on
    /// purpose.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(…)")
    }
}

/// Where a secret's value comes from: `{ env = "NAME" }` or `{ file = "path" }`.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum SecretReference {
    /// The name of an environment variable.
    Env(String),
    /// A file whose content, without a final line end, is the value; relative to the pipeline file.
    File(PathBuf),
}

impl<'de> Deserialize<'de> for SecretReference {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Keys {
            env: Option<String>,
            file: Option<String>,
        }
        match Keys::deserialize(deserializer) {
            Ok(Keys { env: Some(name), file: None }) => Ok(Self::Env(name)),
            // The path is not shown either: it may be the secret itself.
            Ok(Keys { env: None, file: Some(path) }) => match foreign_path(&path) {
                None => Ok(Self::File(PathBuf::from(path))),
                Some(problem) => Err(de::Error::custom(format!("found a `file` (not shown), {problem}"))),
            },
            // serde's own error is dropped: it quotes the value, which may be the secret itself.
            _ => Err(de::Error::custom(
                "expected a reference to a secret, `{ env = \"NAME\" }` or `{ file = \"path\" }`, and never the secret itself",
            )),
        }
    }
}

type Resolver = Rc<dyn Fn(&SecretReference) -> Result<Secret, String>>;

thread_local! {
    static RESOLVER: RefCell<Option<Resolver>> = const { RefCell::new(None) };
}

/// Runs `body` on this thread; `resolve` resolves every [`Secret`] that is deserialised in it.
///
/// The engine's configuration calls it: only the configuration may read the environment, and serde
/// passes no context to a `Deserialize`.
pub fn with_secret_resolver<R>(
    resolve: impl Fn(&SecretReference) -> Result<Secret, String> + 'static,
    body: impl FnOnce() -> R,
) -> R {
    /// Restores the outer resolver, also when `body` panics.
    struct Restore(Option<Resolver>);
    impl Drop for Restore {
        fn drop(&mut self) {
            RESOLVER.set(self.0.take());
        }
    }
    let _restore = Restore(RESOLVER.replace(Some(Rc::new(resolve))));
    body()
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let reference = SecretReference::deserialize(deserializer)?;
        let resolver = RESOLVER.with_borrow(Clone::clone);
        let resolver = resolver.ok_or_else(|| de::Error::custom("no resolver for secrets is in place here"))?;
        resolver(&reference).map_err(de::Error::custom)
    }
}

impl JsonSchema for Secret {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        SecretReference::schema_name()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        SecretReference::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing_of_the_value() {
        assert_eq!(format!("{:?}", Secret::new("hunter2")), "Secret(…)");
    }

    #[test]
    fn a_reference_is_resolved_by_the_resolver_in_place_and_by_no_other() {
        let parse = || serde_json::from_str::<Secret>(r#"{"env":"NAME"}"#);
        let secret = with_secret_resolver(|reference| Ok(Secret::new(format!("{reference:?}"))), parse);
        assert_eq!(secret.unwrap().expose(), r#"Env("NAME")"#);
        assert!(parse().unwrap_err().to_string().contains("no resolver"));
    }

    #[test]
    fn a_value_in_plain_sight_is_refused_and_not_repeated() {
        for text in
            [r#""2718281828""#, "2718281828", r#"["2718281828"]"#, r#"{"2718281828":"x"}"#, r#"{"env":2718281828}"#]
        {
            let parse = || serde_json::from_str::<Secret>(text);
            let error = with_secret_resolver(|_| Ok(Secret::new("")), parse).unwrap_err().to_string();
            assert!(error.contains("expected a reference"), "{error}");
            assert!(!error.contains("2718281828"), "{error}");
        }
    }

    #[test]
    fn a_reference_has_one_place() {
        for text in ["{}", r#"{"env":"NAME","file":"path"}"#] {
            assert!(serde_json::from_str::<SecretReference>(text).is_err(), "{text}");
        }
    }
}
