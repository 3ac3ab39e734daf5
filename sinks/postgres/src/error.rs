//! Which errors may pass by themselves, and what a person can do about the others.

use fanout_sink::SinkError;
use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

/// Makes the error of a sink from one of the server or the connection, about `what` was being done.
///
/// A connection that is lost is permanent here: whether the statement took effect is not known. Who may repeat the
/// statement whatever became of it uses [`of_repeatable`].
pub(crate) fn of(what: impl Into<String>, error: Error) -> SinkError {
    let sink_error =
        if error.code().is_some_and(passes) { SinkError::temporary(what) } else { SinkError::permanent(what) };
    let hint = error.code().and_then(hint);
    let sink_error = sink_error.with_source(error);
    match hint {
        Some(hint) => sink_error.with_hint(hint),
        None => sink_error,
    }
}

/// Makes the error of something that may be done again whatever became of it.
pub(crate) fn of_repeatable(what: impl Into<String>, error: Error) -> SinkError {
    // Without a code it is no answer of the server: the connection is lost, or never was.
    if error.code().is_none_or(ends_connection) {
        return SinkError::temporary(what).with_source(error);
    }
    of(what, error)
}

/// Returns whether the same statement may succeed later.
fn passes(code: &SqlState) -> bool {
    [
        SqlState::LOCK_NOT_AVAILABLE,
        SqlState::T_R_DEADLOCK_DETECTED,
        SqlState::T_R_SERIALIZATION_FAILURE,
        SqlState::TOO_MANY_CONNECTIONS,
        SqlState::CANNOT_CONNECT_NOW,
        SqlState::OUT_OF_MEMORY,
    ]
    .contains(code)
}

/// Returns whether the server has ended the session with this.
fn ends_connection(code: &SqlState) -> bool {
    [SqlState::ADMIN_SHUTDOWN, SqlState::CRASH_SHUTDOWN, SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT].contains(code)
}

fn hint(code: &SqlState) -> Option<&'static str> {
    let hints = [
        (SqlState::LOCK_NOT_AVAILABLE, "a reader holds the table; raise `lock_timeout_secs`, or let it end"),
        (SqlState::QUERY_CANCELED, "a statement took longer than `statement_timeout_secs`"),
        (SqlState::INVALID_PASSWORD, "see the options `url` and `password`"),
        (SqlState::INVALID_AUTHORIZATION_SPECIFICATION, "see the options `url`, `password` and `tls`"),
        (SqlState::INVALID_CATALOG_NAME, "create the database, or change the option `url`"),
        (SqlState::DISK_FULL, "make room on the server"),
        (SqlState::ADMIN_SHUTDOWN, "the server was stopped, or another run delivers the same list to the same table"),
    ];
    hints.into_iter().find(|(known, _)| known == code).map(|(_, hint)| hint)
}
