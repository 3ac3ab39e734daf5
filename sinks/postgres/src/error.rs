//! Sorts the errors of the server: which are temporary, and what a person can do about the others.

use fanout_sink::SinkError;
use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

/// Makes a sink's error from an error of the server or the connection; `what` failed.
///
/// A lost connection is permanent here, because it is not known whether the statement took effect.
/// Use [`of_repeatable`] for a statement that may be repeated in any case.
pub(crate) fn of(what: impl Into<String>, error: Error) -> SinkError {
    let sink_error =
        if error.code().is_some_and(is_transient) { SinkError::temporary(what) } else { SinkError::permanent(what) };
    let hint = error.code().and_then(hint);
    let sink_error = sink_error.with_source(error);
    match hint {
        Some(hint) => sink_error.with_hint(hint),
        None => sink_error,
    }
}

/// Makes the error of a statement that may be repeated, whether it took effect or not.
pub(crate) fn of_repeatable(what: impl Into<String>, error: Error) -> SinkError {
    // An error without a code is not from the server: the connection is lost, or was never made.
    if error.code().is_none_or(ends_connection) {
        return SinkError::temporary(what).with_source(error);
    }
    of(what, error)
}

/// Returns whether the same statement may succeed later.
fn is_transient(code: &SqlState) -> bool {
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

/// Returns whether the server ends the session with this error.
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
        (SqlState::DUPLICATE_TABLE, "rename the detached partition, or drop it"),
        (SqlState::DISK_FULL, "make room on the server"),
        (SqlState::ADMIN_SHUTDOWN, "the server was stopped, or another run delivers the same list to the same table"),
    ];
    hints.into_iter().find(|(known, _)| known == code).map(|(_, hint)| hint)
}
