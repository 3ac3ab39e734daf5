//! A connection, its settings, and the lock that is held while a list is staged.

use std::error::Error as _;
use std::io;

use fanout_sink::{SinkContext, SinkError};
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Config, Error, NoTls, Socket};

use crate::error;
use crate::options::{PostgresOptions, Tls};
use crate::tls;

/// The port of a Postgres server if the URL names none.
const DEFAULT_PORT: u16 = 5_432;

/// Connects, and sets the session's timeouts.
///
/// `synchronous_commit` is off: staged rows need not be on disk before `prepare`.
pub(crate) async fn connect(options: &PostgresOptions, context: &SinkContext) -> Result<Client, SinkError> {
    let mut config = options.config()?;
    let connected = match options.tls()? {
        Tls::Off => start(&config, NoTls).await,
        Tls::Verify => {
            config.ssl_mode(SslMode::Require);
            start(&config, tls::connector(options, &context.directory)?).await
        }
    };
    let client = connected.map_err(|error| refused(&config, error))?;
    let settings = format!(
        "SET statement_timeout = '{}s'; SET lock_timeout = '{}s'; SET idle_in_transaction_session_timeout = '60s'; \
         SET synchronous_commit = off; SET client_min_messages = warning",
        options.statement_timeout_secs, options.lock_timeout_secs
    );
    let set = client.batch_execute(&settings).await;
    set.map_err(|error| error::of_repeatable("the session cannot be set up", error))?;
    Ok(client)
}

/// Connects, and takes the lock `key`. A session that holds it is ended.
///
/// fanout locks an account's state before it opens a sink, so the holder is either left over from a
/// run that crashed (the session of a machine without power lives on), or a second run on another
/// machine, which is a mistake. After its end the staging table has the rows of this session only.
pub(crate) async fn connect_alone(
    options: &PostgresOptions,
    context: &SinkContext,
    key: i64,
) -> Result<Client, SinkError> {
    let client = connect(options, context).await?;
    lock(&client, key).await.map_err(|error| error::of_repeatable("the staging table cannot be locked", error))?;
    Ok(client)
}

async fn lock(client: &Client, key: i64) -> Result<(), Error> {
    if client.query_one("SELECT pg_try_advisory_lock($1)", &[&key]).await?.get(0) {
        return Ok(());
    }
    // pg_locks shows a key of 64 bits as two halves.
    let (high, low) = (key >> 32 & 0xffff_ffff, key & 0xffff_ffff);
    let ended = client
        .query(
            "SELECT pid, pg_terminate_backend(pid) FROM pg_locks \
             WHERE locktype = 'advisory' AND granted AND objsubid = 1 AND classid::bigint = $1 AND objid::bigint = $2 \
             AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
            &[&high, &low],
        )
        .await?;
    for holder in ended {
        tracing::info!(pid = holder.get::<_, i32>(0), "a session that held the staging table was ended");
    }
    client.execute("SELECT pg_advisory_lock($1)", &[&key]).await.map(drop)
}

async fn start<T>(config: &Config, tls: T) -> Result<Client, Error>
where
    T: MakeTlsConnect<Socket>,
    T::Stream: Send + 'static,
{
    let (client, connection) = config.connect(tls).await?;
    // The task ends when the client is dropped.
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection to Postgres has ended");
        }
    });
    Ok(client)
}

/// Makes the error of a connection that failed.
fn refused(config: &Config, error: Error) -> SinkError {
    let ports = config.get_ports();
    let port = |place: usize| ports.get(place).or(ports.first()).copied().unwrap_or(DEFAULT_PORT);
    let place = |(place, host): (usize, &Host)| match host {
        Host::Tcp(name) => format!("{name}:{}", port(place)),
        Host::Unix(folder) => format!("{}/.s.PGSQL.{}", folder.display(), port(place)),
    };
    let places: Vec<String> = config.get_hosts().iter().enumerate().map(place).collect();
    let what = format!("no connection to the server at {}", places.join(", "));
    if error.code().is_some() {
        return error::of(what, error);
    }
    // An untrusted certificate is an I/O error of the kind `InvalidData`; a wrong setting is no I/O
    // error.
    let is_temporary = match error.source() {
        None => true,
        Some(source) => {
            source.downcast_ref::<io::Error>().is_some_and(|error| error.kind() != io::ErrorKind::InvalidData)
        }
    };
    if is_temporary {
        SinkError::temporary(what)
            .with_source(error)
            .with_hint("is the server running, and is its address in `url` right?")
    } else {
        SinkError::permanent(what).with_source(error).with_hint("see the options `url`, `tls` and `ca_file`")
    }
}
