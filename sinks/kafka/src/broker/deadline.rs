//! Whether a transaction will end before the brokers abort it.

use std::time::{Duration, Instant};

use fanout_sink::SinkError;

/// The share of the timeout after which the rate is estimated. Before it, librdkafka's queue is
/// still filling, so the rate says little.
const ESTIMATED_FROM: f64 = 0.1;

/// The share of the timeout within which all rows must be acknowledged; the rest is for the commit.
const ALLOWED: f64 = 0.9;

/// The time limit of an open transaction.
#[derive(Debug)]
pub(super) struct Deadline {
    began: Instant,
    timeout: Duration,
}

impl Deadline {
    pub(super) fn new(timeout: Duration) -> Self {
        Self { began: Instant::now(), timeout }
    }

    /// Fails if the brokers, at their rate so far, will not acknowledge all rows in time.
    ///
    /// They have acknowledged `acknowledged` of `expected` rows; `expected` is `None` if the length
    /// of the list is not known.
    pub(super) fn check(&self, acknowledged: u64, expected: Option<u64>) -> Result<(), SinkError> {
        estimate(self.began.elapsed(), self.timeout, acknowledged, expected)
    }
}

fn estimate(elapsed: Duration, timeout: Duration, acknowledged: u64, expected: Option<u64>) -> Result<(), SinkError> {
    let share = elapsed.div_duration_f64(timeout);
    let needed = expected.map_or(share, |expected| share * (expected as f64 / acknowledged.max(1) as f64).max(1.0));
    if share < ESTIMATED_FROM || needed <= ALLOWED {
        return Ok(());
    }
    let rate = acknowledged as f64 / elapsed.as_secs_f64();
    let rows = (rate * timeout.as_secs_f64() * 0.5) as u64;
    let message = format!(
        "the list does not fit into one transaction: the brokers acknowledge {rate:.0} rows a second, and a transaction \
         lasts {} seconds at most",
        timeout.as_secs()
    );
    Err(SinkError::permanent(message).with_hint(format!(
        "split it with `transaction_rows`, {rows} or less; readers then see it in so many pieces, each row once"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_that_will_not_be_in_time_is_refused_as_soon_as_that_is_clear() {
        let timeout = Duration::from_secs(900);
        let estimated =
            |secs, acknowledged, expected| estimate(Duration::from_secs(secs), timeout, acknowledged, expected);
        // A tenth of the time, and a tenth of the rows would need all of it.
        assert!(estimated(89, 1, Some(1_000_000)).is_ok(), "too early to tell");
        let error = estimated(90, 100_000, Some(1_000_000)).unwrap_err();
        assert!(error.to_string().contains("1111 rows a second"), "{error}");
        assert!(error.hint().unwrap().contains("500000 or less"), "{error:?}");
        assert!(estimated(90, 200_000, Some(1_000_000)).is_ok());
        assert!(estimated(90, 0, Some(1_000_000)).is_err());
        assert!(estimated(800, 1_000_000, Some(1_000_000)).is_ok());
        assert!(estimated(811, 1_000_000, Some(1_000_000)).is_err(), "too late");
        assert!(estimated(800, 1, None).is_ok(), "the number of rows is not known");
        assert!(estimated(811, 1, None).is_err());
    }
}
