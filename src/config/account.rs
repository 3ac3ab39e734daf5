//! `[[accounts]]`: whose lists are read, and what proves that they may be.

use std::collections::BTreeMap;

use fanout_sink::schemars::JsonSchema;
use fanout_sink::{Secret, SecretReference};
use serde::Deserialize;

use super::checked;
use super::error::{ConfigError, is_reported};
use super::secret::{SecretResolver, TokenSource};
use super::tree::Tree;

/// One of `[[accounts]]`: a WeChat Official Account.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Account {
    /// `name`: yours, for logs, reports and the outputs of sinks; unique in the file. No default.
    pub name: String,
    /// `app_id`: WeChat's, `wx…`; unique in the file. No default.
    pub app_id: String,
    /// `secret` or `token`: exactly one of them, as a reference: `{ env = "NAME" }` or `{ file = "path" }`.
    pub credential: Credential,
}

/// What an access token comes from.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Credential {
    /// `secret`: the app secret, with which tokens are fetched and renewed.
    Secret(Secret),
    /// `token`: an access token that somebody else fetches and renews.
    Token(TokenSource),
    /// None is needed: the list comes from the simulator, or no call is made at all.
    Simulated,
}

/// What is written under `[[accounts]]`.
#[derive(Deserialize, JsonSchema)]
#[schemars(crate = "fanout_sink::schemars")]
#[serde(deny_unknown_fields)]
pub(super) struct AccountKeys {
    /// `name`: yours, for logs, reports and the outputs of sinks; unique in the file.
    #[serde(default, deserialize_with = "account_name")]
    #[schemars(with = "String")]
    name: Option<String>,
    /// `app_id`: WeChat's, `wx…`; unique in the file.
    #[serde(default, deserialize_with = "checked::identifier")]
    #[schemars(with = "String", regex(pattern = checked::IDENTIFIER_PATTERN))]
    app_id: Option<String>,
    /// `secret`: where the app secret is, with which tokens are fetched and renewed.
    secret: Option<SecretReference>,
    /// `token`: where an access token is that somebody else renews; instead of `secret`.
    token: Option<SecretReference>,
}

/// Reads an account's name. It may be in any script, and becomes part of paths.
fn account_name<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let name = String::deserialize(deserializer)?;
    let unfit = |character: char| character.is_control() || character == '/' || character == '\\';
    if (1..=64).contains(&name.chars().count()) && !name.contains(unfit) && name.trim() == name {
        return Ok(Some(name));
    }
    let expected = "1 to 64 characters without `/`, `\\`, line ends, or blanks around them";
    Err(serde::de::Error::invalid_value(serde::de::Unexpected::Str(&name), &expected))
}

/// Completes the accounts of the whole file's `tree`; under a simulation or offline nothing is asked of them but their
/// names.
pub(super) fn complete(
    accounts: Vec<AccountKeys>,
    simulated: bool,
    offline: bool,
    tree: &Tree,
    resolver: &SecretResolver,
    problems: &mut Vec<ConfigError>,
) -> Vec<Account> {
    if accounts.is_empty() && !is_reported("accounts", problems) {
        if simulated {
            let (name, app_id) = ("simulated".to_owned(), "wxsimulated".to_owned());
            return vec![Account { name, app_id, credential: Credential::Simulated }];
        }
        problems.push(tree.missing(&["accounts"], "at least one `[[accounts]]` with `name`, `app_id` and `secret`"));
    }
    report_twins(&accounts, tree, problems);
    let accounts = accounts.into_iter().enumerate();
    accounts
        .filter_map(|(place, keys)| keys.complete(&place.to_string(), simulated || offline, tree, resolver, problems))
        .collect()
}

/// Two accounts must not share a name (outputs would collide) or an app id (it is one list).
fn report_twins(accounts: &[AccountKeys], tree: &Tree, problems: &mut Vec<ConfigError>) {
    let mut names = BTreeMap::new();
    let mut app_ids = BTreeMap::new();
    for (place, account) in accounts.iter().enumerate() {
        let number = place.to_string();
        if let Some(name) = &account.name
            && let Some(first) = names.insert(name, place)
        {
            let message = format!("found `{name}`, which `accounts[{first}]` has already; expected a name of its own");
            problems.push(tree.problem(&["accounts", &number, "name"], message));
        }
        if let Some(app_id) = &account.app_id
            && let Some(first) = app_ids.insert(app_id, place)
        {
            let name = |place: usize| accounts[place].name.as_deref().unwrap_or("without a name");
            let message = format!(
                "found `{app_id}` in the account `{}`, which the account `{}` has already; one app id is one list",
                name(place),
                name(first)
            );
            problems.push(tree.problem(&["accounts", &number, "app_id"], message));
        }
    }
}

impl AccountKeys {
    /// Completes the account at `place` of the list, its credential only if that is needed; none where a problem was
    /// reported.
    fn complete(
        self,
        place: &str,
        unneeded: bool,
        tree: &Tree,
        resolver: &SecretResolver,
        problems: &mut Vec<ConfigError>,
    ) -> Option<Account> {
        // A key that stands in the file and is absent here was taken out as wrong, and reported.
        let stands = |key: &str| tree.get(&["accounts", place, key]).is_some();
        for (key, expected, value) in [
            ("name", "a name of your choice", &self.name),
            ("app_id", "the account's app id, such as `wx0123456789abcdef`", &self.app_id),
        ] {
            if value.is_none() && !stands(key) {
                problems.push(tree.missing(&["accounts", place, key], expected));
            }
        }
        let credential = match (stands("secret"), stands("token")) {
            (true, true) => {
                problems
                    .push(tree.problem(&["accounts", place], "found both `secret` and `token`, expected one of them"));
                None
            }
            _ if unneeded => Some(Credential::Simulated),
            (false, false) => {
                let message = "missing `secret` or `token`, expected one of them as `{ env = \"NAME\" }` or `{ file = \"path\" }`";
                problems.push(tree.problem(&["accounts", place], message));
                None
            }
            (true, false) => self.secret.and_then(|reference| {
                let secret = resolver.resolve(&reference);
                let secret =
                    secret.map_err(|message| problems.push(tree.problem(&["accounts", place, "secret"], message)));
                secret.ok().map(Credential::Secret)
            }),
            (false, true) => self.token.and_then(|reference| {
                let place = tree.problem(&["accounts", place, "token"], "");
                let token = TokenSource { reference, resolver: resolver.clone(), place };
                token.read().map_err(|error| problems.push(error)).ok().map(|_| Credential::Token(token))
            }),
        };
        Some(Account { name: self.name?, app_id: self.app_id?, credential: credential? })
    }
}
