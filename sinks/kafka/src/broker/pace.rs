//! Whether a transaction will end before the brokers give it up.

use std::time::{Duration, Instant};

use fanout_sink::SinkError;

/// From when on an estimate counts, as a share of the timeout: before, the queue is only filling.
const SETTLED: f64 = 0.1;

/// A transaction is given up by us before the brokers do it: that leaves time for the commit.
const LATEST: f64 = 0.9;

/// How a transaction gets on.
#[derive(Debug)]
pub(super) struct Pace {
    began: Instant,
    timeout: Duration,
}

impl Pace {
    pub(super) fn new(timeout: Duration) -> Self {
        Self { began: Instant::now(), timeout }
    }

    /// Fails if so many rows, acknowledged so far out of so many, will not be in time.
    pub(super) fn check(&self, acknowledged: u64, expected: Option<u64>) -> Result<(), SinkError> {
        judge(self.began.elapsed(), self.timeout, acknowledged, expected)
    }
}

fn judge(elapsed: Duration, timeout: Duration, acknowledged: u64, expected: Option<u64>) -> Result<(), SinkError> {
    let share = elapsed.div_duration_f64(timeout);
    let needed = expected.map_or(share, |expected| share * (expected as f64 / acknowledged.max(1) as f64).max(1.0));
    if share < SETTLED || needed <= LATEST {
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
    fn what_will_not_be_in_time_is_refused_as_soon_as_that_can_be_told() {
        let timeout = Duration::from_secs(900);
        let judged = |secs, acknowledged, expected| judge(Duration::from_secs(secs), timeout, acknowledged, expected);
        // A tenth of the time, and a tenth of the rows would need all of it.
        assert!(judged(89, 1, Some(1_000_000)).is_ok(), "too early to tell");
        let error = judged(90, 100_000, Some(1_000_000)).unwrap_err();
        assert!(error.to_string().contains("1111 rows a second"), "{error}");
        assert!(error.hint().unwrap().contains("500000 or less"), "{error:?}");
        assert!(judged(90, 200_000, Some(1_000_000)).is_ok());
        assert!(judged(90, 0, Some(1_000_000)).is_err());
        assert!(judged(800, 1_000_000, Some(1_000_000)).is_ok());
        assert!(judged(811, 1_000_000, Some(1_000_000)).is_err(), "too late");
        assert!(judged(800, 1, None).is_ok(), "the number of rows is not known");
        assert!(judged(811, 1, None).is_err());
    }
}
