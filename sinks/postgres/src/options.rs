//! What a pipeline file may say under `[sinks.<name>.options]`.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use fanout_sink::schemars::{self, JsonSchema};
use fanout_sink::{Secret, SinkError};
use serde::{Deserialize, Serialize};
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

use crate::table::Table;

/// The options of a `postgres` sink.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PostgresOptions {
    /// The server and the database, without the password: `postgres://user@host:5432/database`.
    #[schemars(example = "postgres://fanout@db.example.com/followers")]
    pub url: String,
    /// The password, as `{ env = "NAME" }` or `{ file = "path" }`. Without it, no password is sent.
    #[serde(default)]
    pub password: Option<Secret>,
    /// The table, with its schema if that is not `public`. The first commit creates it, and
    /// `<table>_snapshots`, if they do not exist.
    #[schemars(example = "public.followers")]
    pub table: String,
    /// What the table holds of each list of an account: the `latest`, or `all`, one for each date.
    #[serde(default)]
    pub dates: Dates,
    /// Whether the connection is encrypted: `verify`, or `off`, which is the default if the server
    /// is this machine.
    #[serde(default)]
    pub tls: Option<Tls>,
    /// The authorities to trust (PEM) instead of those of this machine; relative to the pipeline
    /// file.
    #[serde(default, deserialize_with = "fanout_sink::local_path")]
    #[schemars(example = "certificates/database.pem")]
    pub ca_file: Option<PathBuf>,
    /// The longest wait for a connection.
    #[serde(default = "default_connect_timeout_secs")]
    #[schemars(range(min = 1, max = 86_400))]
    pub connect_timeout_secs: u64,
    /// The longest time for one statement: a batch of rows, or a step of the commit.
    #[serde(default = "default_statement_timeout_secs")]
    #[schemars(range(min = 1, max = 86_400))]
    pub statement_timeout_secs: u64,
    /// The longest wait for readers that block the commit; the commit is retried then.
    #[serde(default = "default_lock_timeout_secs")]
    #[schemars(range(min = 1, max = 86_400))]
    pub lock_timeout_secs: u64,
}

/// What a table holds of each list of an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Dates {
    /// The newest list: that of the walk that began last.
    #[default]
    Latest,
    /// The newest list of each date.
    All,
}

/// Whether a connection is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Tls {
    /// Encrypted; the server's certificate must be for its name and from a trusted authority.
    Verify,
    /// Not encrypted.
    Off,
}

fn default_connect_timeout_secs() -> u64 {
    10
}

fn default_statement_timeout_secs() -> u64 {
    600
}

fn default_lock_timeout_secs() -> u64 {
    10
}

impl PostgresOptions {
    /// Makes options with every default.
    pub fn new(url: impl Into<String>, table: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            password: None,
            table: table.into(),
            dates: Dates::default(),
            tls: None,
            ca_file: None,
            connect_timeout_secs: default_connect_timeout_secs(),
            statement_timeout_secs: default_statement_timeout_secs(),
            lock_timeout_secs: default_lock_timeout_secs(),
        }
    }

    /// Returns the table.
    pub(crate) fn table(&self) -> Result<Table, SinkError> {
        Table::parse(&self.table)
    }

    /// Returns whether the connection is encrypted.
    pub(crate) fn tls(&self) -> Result<Tls, SinkError> {
        let is_here = self.config()?.get_hosts().iter().all(is_this_machine);
        Ok(self.tls.unwrap_or(if is_here { Tls::Off } else { Tls::Verify }))
    }

    /// Returns the settings of the connection. Errors do not show the URL, because it may contain a
    /// password by mistake.
    pub(crate) fn config(&self) -> Result<Config, SinkError> {
        let mut config = Config::from_str(&self.url).map_err(|error| {
            SinkError::option("url", "found no URL of a database, expected `postgres://user@host:5432/database`")
                .with_source(error)
        })?;
        if config.get_password().is_some() {
            let message = "found a password in `url`, expected a reference to it in `password`";
            return Err(SinkError::option("url", message).with_hint("`password = { env = \"NAME\" }`"));
        }
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            let message = "found no host, expected `postgres://user@host:5432/database`";
            return Err(SinkError::option("url", message));
        }
        for (key, seconds) in [
            ("connect_timeout_secs", self.connect_timeout_secs),
            ("statement_timeout_secs", self.statement_timeout_secs),
            ("lock_timeout_secs", self.lock_timeout_secs),
        ] {
            if !(1..=86_400).contains(&seconds) {
                return Err(SinkError::option(key, format!("found {seconds}, expected 1 to 86400 seconds")));
            }
        }
        if let Some(password) = &self.password {
            config.password(password.expose());
        }
        // The option `tls` decides; the URL must not weaken it.
        config.ssl_mode(SslMode::Disable);
        config.connect_timeout(Duration::from_secs(self.connect_timeout_secs));
        config.application_name("fanout");
        Ok(config)
    }
}

fn is_this_machine(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => {
            name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
        }
        Host::Unix(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "postgres://fanout@db.example.com/followers";

    fn refusal(options: &PostgresOptions) -> (String, String) {
        let error = options.config().unwrap_err();
        (error.key().unwrap().to_owned(), error.to_string())
    }

    #[test]
    fn a_connection_that_leaves_this_machine_is_encrypted_unless_the_file_says_otherwise() {
        for (url, expected) in [
            (URL, Tls::Verify),
            ("postgres://fanout@10.0.0.7/followers", Tls::Verify),
            ("postgres://fanout@localhost/followers", Tls::Off),
            ("postgres://fanout@[::1]/followers", Tls::Off),
            ("postgres://fanout@localhost,db.example.com/followers", Tls::Verify),
            ("host=/run/postgresql user=fanout", Tls::Off),
        ] {
            assert_eq!(PostgresOptions::new(url, "t").tls().unwrap(), expected, "{url}");
            for tls in [Tls::Verify, Tls::Off] {
                let options = PostgresOptions { tls: Some(tls), ..PostgresOptions::new(url, "t") };
                assert_eq!(options.tls().unwrap(), tls);
            }
        }
    }

    #[test]
    fn a_password_in_the_url_is_refused_and_not_repeated() {
        for url in
            ["postgres://fanout:hunter2@localhost/d", "host=localhost password=hunter2", "postgres://a:hunter2@x:y"]
        {
            let error = PostgresOptions::new(url, "t").config().unwrap_err();
            assert_eq!(error.key(), Some("url"));
            assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
        }
    }

    #[test]
    fn what_cannot_be_a_server_or_a_time_is_refused() {
        assert_eq!(refusal(&PostgresOptions::new("", "t")).0, "url");
        assert_eq!(refusal(&PostgresOptions::new("mysql://x", "t")).0, "url");
        let never = PostgresOptions { lock_timeout_secs: 0, ..PostgresOptions::new(URL, "t") };
        let expected = "found 0, expected 1 to 86400 seconds".to_owned();
        assert_eq!(refusal(&never), ("lock_timeout_secs".to_owned(), expected));
    }
}
