//! Makes a [`Project`]: its pipeline file, its API, its secrets.

use std::fmt::Write as _;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use fanout::clock::Clock;
use fanout::simulator::SimulatorBuilder;

use super::project::{Api, Project, Settings};

/// The variable with the secret of every account that [`ProjectBuilder::account`] adds, and its
/// value.
pub(crate) const SECRET: (&str, &str) = ("TEST_SECRET", "5ec4e700112233445566778899aabbcc");

/// Returns noon in Beijing on `date`.
pub(crate) fn noon(date: &str) -> DateTime<Utc> {
    format!("{date}T04:00:00Z").parse().unwrap()
}

/// Collects what a project differs in from the next one.
#[derive(Default)]
pub(crate) struct ProjectBuilder {
    file: Option<String>,
    name: Option<String>,
    keys: String,
    accounts: String,
    sinks: String,
    app_id: Option<String>,
    simulator: Option<SimulatorBuilder>,
    now: Option<DateTime<Utc>>,
    secrets: Vec<(String, String)>,
}

impl ProjectBuilder {
    /// Takes this text as the pipeline file. Without it, the file is made of name, keys, accounts
    /// and sinks.
    pub(crate) fn file(self, text: &str) -> Self {
        Self { file: Some(text.to_owned()), ..self }
    }

    /// Names the pipeline; otherwise it is called `test`.
    pub(crate) fn name(self, name: &str) -> Self {
        Self { name: Some(name.to_owned()), ..self }
    }

    /// Adds lines of TOML before the accounts.
    pub(crate) fn keys(mut self, lines: &str) -> Self {
        writeln!(self.keys, "{lines}").unwrap();
        self
    }

    /// Adds an account. The first one is the one that [`Project::truth`] is about.
    pub(crate) fn account(mut self, name: &str, app_id: &str) -> Self {
        let (variable, _) = SECRET;
        writeln!(
            self.accounts,
            "[[accounts]]\nname = '{name}'\napp_id = '{app_id}'\nsecret = {{ env = '{variable}' }}"
        )
        .unwrap();
        self.app_id.get_or_insert_with(|| app_id.to_owned());
        self
    }

    /// Adds a sink; `options` are lines of TOML.
    pub(crate) fn sink(mut self, name: &str, kind: &str, options: &str) -> Self {
        writeln!(self.sinks, "[sinks.{name}]\ntype = '{kind}'\n[sinks.{name}.options]\n{options}").unwrap();
        self
    }

    /// Adds lines of TOML behind the accounts.
    pub(crate) fn sinks(mut self, lines: &str) -> Self {
        writeln!(self.sinks, "{lines}").unwrap();
        self
    }

    /// Adds a sink that writes to `out/<name>`; `options` are further lines of TOML.
    pub(crate) fn sink_of_files(self, name: &str, kind: &str, options: &str) -> Self {
        self.sink(name, kind, &format!("root = 'out/{name}'\n{options}"))
    }

    /// Lets the runs read this API.
    pub(crate) fn simulator(self, simulator: SimulatorBuilder) -> Self {
        Self { simulator: Some(simulator), ..self }
    }

    /// Sets the clock of every run, and of the API, to noon in Beijing on this date.
    pub(crate) fn date(self, date: &str) -> Self {
        self.clock_at(noon(date))
    }

    /// Sets the clock of every run, and of the API, to this instant.
    pub(crate) fn clock_at(self, now: DateTime<Utc>) -> Self {
        Self { now: Some(now), ..self }
    }

    /// Gives commands with secrets this variable. Without one they have [`SECRET`].
    pub(crate) fn secret(mut self, variable: &str, value: &str) -> Self {
        self.secrets.push((variable.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn build(mut self) -> Project {
        if self.secrets.is_empty() {
            self = self.secret(SECRET.0, SECRET.1);
        }
        let name = self.name.as_deref().unwrap_or("test");
        let made = format!("name = '{name}'\n{}{}{}", self.keys, self.accounts, self.sinks);
        let settings = Settings {
            file: self.file.unwrap_or(made),
            app_id: self.app_id.unwrap_or_default(),
            secrets: self.secrets,
        };
        let clock = Clock::default();
        if let Some(now) = self.now {
            clock.set(now);
        }
        let api = self.simulator.map(|simulator| Arc::new(Api::start(simulator.clock(clock.clone()))));
        Project::of(settings, api, clock, self.now.is_some())
    }
}
