//! `[[accounts]]`: whose lists are read, and what proves that they may be.

use std::collections::BTreeMap;

use fanout_sink::schemars::JsonSchema;
use fanout_sink::{Secret, SecretReference};
use serde::Deserialize;

use super::checked;
use super::error::{ConfigError, is_reported};
use super::secret::{SecretResolver, TokenSource};
use super::section::RUNS;
use super::token::{CommandKeys, EndpointKeys, TokenCommand, TokenEndpoint};
use super::tree::Tree;

/// One of `[[accounts]]`: a WeChat Official Account.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Account {
    /// `name`: yours, for logs, reports and the outputs of sinks; unique in the file. No default.
    pub name: String,
    /// `app_id`: WeChat's, `wx…`; unique in the file. No default.
    pub app_id: String,
    /// `secret`, `token`, `token_endpoint` or `token_command`: exactly one of them.
    pub credential: Credential,
}

/// What an access token comes from.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Credential {
    /// `secret`: the app secret, with which tokens are fetched and renewed.
    Secret(Secret),
    /// `secret` with `classic_token = true`: the same, over the endpoint that ends the token of everybody else.
    ClassicSecret(Secret),
    /// `token`: an access token that somebody else fetches and renews.
    Token(TokenSource),
    /// `token_endpoint`: the same, handed out by a central token server.
    Endpoint(TokenEndpoint),
    /// `token_command`: the same, written by a program.
    Command(TokenCommand),
    /// None is needed: the list comes from the simulator, or no call is made at all.
    Simulated,
}

/// What is written under `[[accounts]]`.
#[derive(Deserialize, JsonSchema)]
#[schemars(crate = "fanout_sink::schemars", extend("required" = ["name", "app_id"]))]
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
    /// `classic_token`: whether `secret` fetches its tokens over the endpoint that ends the token of everybody else. Default
    /// `false`.
    #[serde(default)]
    classic_token: bool,
    /// `token`: where an access token is that somebody else renews; instead of `secret`.
    token: Option<SecretReference>,
    /// `token_endpoint`: the same, handed out by a central token server.
    token_endpoint: Option<EndpointKeys>,
    /// `token_command`: the same, written by a program.
    token_command: Option<CommandKeys>,
}

/// The keys of which an account has exactly one.
pub(crate) const CREDENTIALS: [&str; 4] = ["secret", "token", "token_endpoint", "token_command"];

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

/// Completes the accounts of a whole file's `tree` (the pipeline file's, or the accounts file's); under a simulation or
/// offline nothing is asked of them but their names.
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
            let first = tree.account(first);
            let message = format!("found `{name}`, which {first} has already; expected a name of its own");
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
        mut self,
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
        if self.app_id.as_deref() == Some(RUNS) {
            let message =
                format!("found `{RUNS}`, expected an app id: the reports of runs lie in the folder of this name");
            problems.push(tree.problem(&["accounts", place, "app_id"], message));
        }
        let found: Vec<&str> = CREDENTIALS.into_iter().filter(|key| stands(key)).collect();
        if self.classic_token && !unneeded && !stands("secret") {
            let message = "found `true`, expected it with `secret` only: it says how fanout itself fetches a token";
            problems.push(tree.problem(&["accounts", place, "classic_token"], message));
        }
        let credential = match found[..] {
            [first, second, ..] => {
                let message = format!("found both `{first}` and `{second}`, expected one of them");
                problems.push(tree.problem(&["accounts", place], message));
                None
            }
            _ if unneeded => Some(Credential::Simulated),
            [] if tree.is_sheet() => {
                let message =
                    "expected a cell in one of the columns `secret_env`, `secret_file`, `token_env` and `token_file`";
                problems.push(tree.problem(&["accounts", place], message));
                None
            }
            [] => {
                let message = "missing `secret`, `token`, `token_endpoint` or `token_command`, expected one of them, such as \
                               `secret = { env = \"NAME\" }`";
                problems.push(tree.problem(&["accounts", place], message));
                None
            }
            [_] => self.credential(place, tree, resolver, problems),
        };
        Some(Account { name: self.name?, app_id: self.app_id?, credential: credential? })
    }

    /// Completes the one credential that there is.
    fn credential(
        &mut self,
        place: &str,
        tree: &Tree,
        resolver: &SecretResolver,
        problems: &mut Vec<ConfigError>,
    ) -> Option<Credential> {
        if let Some(reference) = &self.secret {
            let secret = resolver.resolve(reference);
            let secret = secret.map_err(|message| problems.push(tree.problem(&["accounts", place, "secret"], message)));
            let kind = if self.classic_token { Credential::ClassicSecret } else { Credential::Secret };
            secret.ok().map(kind)
        } else if let Some(reference) = self.token.take() {
            let place = tree.problem(&["accounts", place, "token"], "");
            let token = TokenSource { reference, resolver: resolver.clone(), place };
            token.read().map_err(|error| problems.push(error)).ok().map(|_| Credential::Token(token))
        } else if let Some(keys) = self.token_endpoint.take() {
            let path = ["accounts", place, "token_endpoint"];
            keys.complete(&path, tree, resolver, problems).map(Credential::Endpoint)
        } else {
            let path = ["accounts", place, "token_command"];
            let keys = self.token_command.take()?;
            keys.complete(&path, tree, &resolver.directory, problems).map(Credential::Command)
        }
    }
}
