//! `[[accounts]]`: the accounts whose lists are read, and their credentials.
//!
//! `accounts_file` reads the keys, from the pipeline file or from a file of its own, and has them
//! completed here. `source` fetches tokens with the credentials.

use std::collections::BTreeMap;

use fanout_sink::schemars::{self, JsonSchema};
use fanout_sink::{Secret, SecretReference, is_invisible};
use serde::de::Error;
use serde::{Deserialize, Deserializer};

use super::context::{Api, Context};
use super::secret::{self, TokenSource};
use super::section::RUNS;
use super::shared_endpoint::SharedEndpoint;
use super::text::{self, IDENTIFIER_PATTERN};
use super::token::{CommandKeys, EndpointKeys, TokenCommand, TokenEndpoint};
use crate::wechat::{CredentialForm, kind_of};

/// One of `[[accounts]]`: a WeChat Official Account.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Account {
    /// `name`: yours, for logs, reports and the outputs of sinks; unique in the file. No default.
    pub name: String,
    /// `app_id`: WeChat's, `wx…`; unique in the file. No default.
    pub app_id: String,
    /// `secret`, `token`, `token_endpoint` or `token_command`: exactly one of them, or none where
    /// `[source.token_endpoint]` hands out the tokens.
    pub credential: Credential,
}

/// Where an account's access tokens come from.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Credential {
    /// `secret`: the app secret, with which tokens are fetched and renewed.
    Secret(Secret),
    /// `secret` with `classic_token = true`: the same, but over the endpoint that invalidates the
    /// token of every other program.
    ClassicSecret(Secret),
    /// `token`: an access token that another program fetches and renews.
    Token(TokenSource),
    /// `token_endpoint`: the same, from a central token server.
    Endpoint(TokenEndpoint),
    /// `token_command`: the same, from the output of a program.
    Command(TokenCommand),
    /// No credential: the list comes from the simulator, or no call is made.
    Simulated,
}

/// What is written under `[[accounts]]`.
#[derive(Deserialize, JsonSchema)]
#[schemars(extend("required" = ["name", "app_id"]))]
#[serde(deny_unknown_fields)]
pub(super) struct AccountKeys {
    /// `name`: yours, for logs, reports and the outputs of sinks; unique in the file.
    name: Option<AccountName>,
    /// `app_id`: WeChat's, `wx…`; unique in the file.
    app_id: Option<AppId>,
    /// `secret`: where the app secret is, with which tokens are fetched and renewed.
    secret: Option<SecretReference>,
    /// `classic_token`: whether `secret` fetches its tokens over the endpoint that invalidates the
    /// token of every other program. Default `false`.
    #[serde(default)]
    classic_token: bool,
    /// `token`: where an access token is that another program renews; instead of `secret`.
    token: Option<SecretReference>,
    /// `token_endpoint`: the same, from a central token server.
    token_endpoint: Option<EndpointKeys>,
    /// `token_command`: the same, from the output of a program.
    token_command: Option<CommandKeys>,
}

/// The keys of which an account has exactly one.
pub(crate) const CREDENTIALS: [&str; 4] = ["secret", "token", "token_endpoint", "token_command"];

/// The app id of an account, which [`complete`] checks and trims. It becomes the name of a folder.
#[derive(Deserialize, JsonSchema)]
struct AppId(#[schemars(extend("pattern" = IDENTIFIER_PATTERN))] String);

/// The name of an account, in any script. It becomes part of paths.
#[derive(JsonSchema)]
struct AccountName(String);

impl<'de> Deserialize<'de> for AccountName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const EXPECTED: &str = "1 to 64 characters without `/`, `\\`, line ends, or blanks around them";
        let is_unfit = |character: char| character.is_control() || character == '/' || character == '\\';
        let name = text::read(deserializer, EXPECTED, |name| {
            let is_fit = (1..=64).contains(&name.chars().count()) && !name.contains(is_unfit) && name.trim() == name;
            is_fit.then(|| name.to_owned())
        })?;
        match hidden_in(&name) {
            None => Ok(Self(name)),
            Some((place, hidden)) => Err(D::Error::custom(format!(
                "found {} as character {place} of {name:?}, expected a name without it: no one could type it",
                kind_of(hidden)
            ))),
        }
    }
}

/// Returns the first character of a name that cannot be seen, and its place from 1. The characters
/// that join or vary emoji are seen by what they do.
fn hidden_in(name: &str) -> Option<(usize, char)> {
    let mut before = 'a';
    (1..).zip(name.chars()).find(|&(_, character)| {
        // `1️⃣` and `ℹ️` are letters and digits in the form of an emoji.
        let varies = match character {
            '\u{fe0e}' | '\u{fe0f}' => matches!(before, '0'..='9' | '#' | '*') || is_foreign(before),
            '\u{200d}' => is_symbol(before),
            _ => false,
        };
        let is_hidden =
            (is_invisible(character) && !varies) || (character.is_whitespace() && !" \u{3000}".contains(character));
        // A joiner follows the variation of an emoji, and is seen as well.
        if !varies {
            before = character;
        }
        is_hidden
    })
}

fn is_symbol(character: char) -> bool {
    is_foreign(character) && !character.is_alphanumeric()
}

/// Returns whether a character can be seen and is not ASCII.
fn is_foreign(character: char) -> bool {
    !character.is_ascii() && !character.is_whitespace() && !is_invisible(character)
}

/// Completes the accounts of a whole file, the pipeline file or the accounts file. Those without a
/// credential use the `shared` token server, if there is one.
pub(super) fn complete(
    mut accounts: Vec<AccountKeys>,
    shared: Option<&SharedEndpoint>,
    context: &mut Context,
) -> Vec<Account> {
    if accounts.is_empty() && !context.has_problem_in("accounts") {
        if context.api == Api::Simulator {
            let (name, app_id) = ("simulated".to_owned(), "wxsimulated".to_owned());
            return vec![Account { name, app_id, credential: Credential::Simulated }];
        }
        context.report_missing(&["accounts"], "at least one `[[accounts]]` with `name`, `app_id` and `secret`");
    }
    accounts.iter_mut().enumerate().for_each(|(place, account)| account.check_app_id(&place.to_string(), context));
    report_twins(&accounts, context);
    let accounts = accounts.into_iter().enumerate();
    accounts.filter_map(|(place, keys)| keys.complete(&place.to_string(), shared, context)).collect()
}

/// Reports accounts that share a name (their outputs would collide) or an app id (it is one list).
fn report_twins(accounts: &[AccountKeys], context: &mut Context) {
    let mut names = BTreeMap::new();
    let mut app_ids = BTreeMap::new();
    for (place, account) in accounts.iter().enumerate() {
        let number = place.to_string();
        if let Some(AccountName(name)) = &account.name
            && let Some(first) = names.insert(name, place)
        {
            let first = context.tree.account(first);
            let message = format!("found `{name}`, which {first} has already; expected a name of its own");
            context.report(&["accounts", &number, "name"], message);
        }
        if let Some(AppId(app_id)) = &account.app_id
            && let Some(first) = app_ids.insert(app_id.to_lowercase(), place)
        {
            let name = |place: usize| accounts[place].shown_name();
            let message = format!(
                "found `{app_id}` in the account `{}`, which the account `{}` has already; one app id is one list",
                name(place),
                name(first)
            );
            context.report(&["accounts", &number, "app_id"], message);
        }
    }
}

impl AccountKeys {
    fn shown_name(&self) -> &str {
        self.name.as_ref().map_or("without a name", |name| &name.0)
    }

    /// Returns ` of the account …`, with another `word` for `of`; nothing without a name.
    fn phrase(&self, word: &str) -> String {
        self.name.as_ref().map_or_else(String::new, |name| format!(" {word} the account `{}`", name.0))
    }

    /// Trims the app id of the account at `place`, or takes it out after reporting what is wrong
    /// with it.
    fn check_app_id(&mut self, place: &str, context: &mut Context) {
        let Some(AppId(app_id)) = self.app_id.take() else { return };
        let what = format!("the app id{}", self.phrase("of"));
        self.app_id = context.formed(&["accounts", place, "app_id"], CredentialForm::AppId, &app_id, &what).map(AppId);
    }

    /// Completes the account at `place` of the list; `None` if a problem was reported.
    fn complete(mut self, place: &str, shared: Option<&SharedEndpoint>, context: &mut Context) -> Option<Account> {
        let key = |key| ["accounts", place, key];
        if self.name.is_none() && !context.has(&key("name")) {
            context.report_missing(&key("name"), "a name of your choice");
        }
        if self.app_id.is_none() && !context.has(&key("app_id")) {
            context.report_missing(&key("app_id"), "the account's app id, such as `wx0123456789abcdef`");
        }
        if self.app_id.as_ref().is_some_and(|app_id| app_id.0 == RUNS) {
            let message =
                format!("found `{RUNS}`, expected an app id: the reports of runs lie in the folder of this name");
            context.report(&key("app_id"), message);
        }
        let needs_credential = context.api == Api::WeChat;
        if self.classic_token && needs_credential && !context.has(&key("secret")) {
            let message = "found `true`, expected it with `secret` only: it says how fanout itself fetches a token";
            context.report(&key("classic_token"), message);
        }
        let found: Vec<&str> = CREDENTIALS.into_iter().filter(|name| context.has(&key(name))).collect();
        let problem = match found[..] {
            [first, second, ..] => format!("found both `{first}` and `{second}`, expected one of them"),
            [] if needs_credential && shared.is_some() => {
                let app_id = self.app_id?.0;
                let credential = Credential::Endpoint(shared?.for_account(&app_id)?);
                return Some(Account { name: self.name?.0, app_id, credential });
            }
            [] if needs_credential && context.tree.is_csv() => {
                "expected a cell in one of the columns `secret_env`, `secret_file`, `token_env` and `token_file`"
                    .to_owned()
            }
            [] if needs_credential => {
                "missing `secret`, `token`, `token_endpoint` or `token_command`, expected one of them, such as \
                 `secret = { env = \"NAME\" }`"
                    .to_owned()
            }
            _ => {
                let credential =
                    if needs_credential { self.credential(place, context)? } else { Credential::Simulated };
                return Some(Account { name: self.name?.0, app_id: self.app_id?.0, credential });
            }
        };
        context.report(&["accounts", place], problem);
        None
    }

    /// Returns the secret behind the `reference` at `path`, trimmed, or `None` after reporting the
    /// problem.
    fn formed(
        &self,
        path: &[&str],
        form: CredentialForm,
        reference: &SecretReference,
        context: &mut Context,
    ) -> Option<Secret> {
        let value = context.secret(path, reference)?;
        let what = format!("{} holds{} what", secret::place_of(reference), self.phrase("for"));
        context.formed(path, form, value.expose(), &what).map(Secret::new)
    }

    /// Completes the account's one credential.
    fn credential(&mut self, place: &str, context: &mut Context) -> Option<Credential> {
        let key = |key| ["accounts", place, key];
        if let Some(reference) = &self.secret {
            let kind = if self.classic_token { Credential::ClassicSecret } else { Credential::Secret };
            self.formed(&key("secret"), CredentialForm::Secret, reference, context).map(kind)
        } else if let Some(reference) = self.token.take() {
            self.formed(&key("token"), CredentialForm::Token, &reference, context)?;
            let place = context.tree.problem(&key("token"), "");
            Some(Credential::Token(TokenSource { reference, resolver: context.resolver.clone(), place }))
        } else if let Some(keys) = self.token_endpoint.take() {
            let endpoint = keys.complete(&key("token_endpoint"), context)?;
            Some(Credential::Endpoint(endpoint.for_account(&self.app_id.as_ref()?.0)))
        } else {
            self.token_command.take()?.complete(&key("token_command"), context).map(Credential::Command)
        }
    }
}
