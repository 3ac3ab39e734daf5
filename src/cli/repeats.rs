//! Keeps one cause from filling the log: of many events that say the same within some seconds, a
//! few are written, and at the end the number of the others.
//!
//! `logging` filters its events with it. Logs in JSON and those of `-v` have every event.

use std::collections::HashMap;
use std::fmt::{self, Write as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Filter};

use super::output::Terminal;
use super::table::grouped;
use crate::causes::kind_of_error;

/// How many equal events are written in [`WINDOW`]: enough to see that it is not a single account.
const SHOWN: u32 = 3;

/// One account that tries again writes fewer events than [`SHOWN`] in this time.
const WINDOW: Duration = Duration::from_secs(10);

/// The events that were written and left out. Clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct Repeats {
    causes: Arc<Mutex<HashMap<String, Cause>>>,
}

/// The events of one cause.
#[derive(Debug)]
struct Cause {
    since: Instant,
    shown: u32,
    left_out: u64,
    /// The text of the first one that was left out.
    example: String,
}

impl Repeats {
    /// Returns whether an event may be written, and counts it.
    fn take(&self, text: String, now: Instant) -> bool {
        let mut causes = self.causes.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || Cause { since: now, shown: 0, left_out: 0, example: String::new() };
        let cause = causes.entry(kind_of_error(&text, &[])).or_insert_with(new);
        if now.duration_since(cause.since) >= WINDOW {
            (cause.since, cause.shown) = (now, 0);
        }
        if cause.shown < SHOWN {
            cause.shown += 1;
            return true;
        }
        if cause.left_out == 0 {
            cause.example = text;
        }
        cause.left_out += 1;
        false
    }

    /// Prints how many events were left out.
    pub(super) fn end(&self, terminal: &Terminal) {
        for line in self.left_out() {
            terminal.note(&line);
        }
    }

    fn left_out(&self) -> Vec<String> {
        let causes = self.causes.lock().unwrap_or_else(PoisonError::into_inner);
        let mut left_out: Vec<&Cause> = causes.values().filter(|cause| cause.left_out > 0).collect();
        left_out.sort_by(|one, other| other.left_out.cmp(&one.left_out).then(one.example.cmp(&other.example)));
        let line = |cause: &&Cause| match cause.left_out {
            1 => format!("1 more log line like this was left out (`-v` shows it): {}", cause.example),
            many => {
                format!("{} more log lines like this were left out (`-v` shows them): {}", grouped(many), cause.example)
            }
        };
        left_out.iter().map(line).collect()
    }
}

impl<S: Subscriber> Filter<S> for Repeats {
    fn enabled(&self, _: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        true
    }

    fn event_enabled(&self, event: &Event<'_>, _: &Context<'_, S>) -> bool {
        // Errors are few, and the progress has a clock of its own.
        if *event.metadata().level() == Level::ERROR || event.metadata().target().starts_with("fanout::cli") {
            return true;
        }
        let mut text = Text::default();
        event.record(&mut text);
        self.take(text.0, Instant::now())
    }
}

/// The message of an event and its error.
#[derive(Default)]
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if ["message", "error"].contains(&field.name()) {
            let separator = if self.0.is_empty() { "" } else { ": " };
            let _ = write!(self.0, "{separator}{value:?}");
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_equal_events_a_few_are_written_and_the_others_counted() {
        let (repeats, start) = (Repeats::default(), Instant::now());
        let text = |number: u64| format!("a call failed: no reply in {number} s");
        let written = (0..400).filter(|&number| repeats.take(text(number), start)).count();
        assert_eq!(written, SHOWN as usize);
        assert!(repeats.take("a call failed: the connection failed".to_owned(), start), "another cause is written");
        assert!(repeats.take(text(1), start + WINDOW), "later it is written again");
        let expected = "397 more log lines like this were left out (`-v` shows them): a call failed: no reply in 3 s";
        assert_eq!(repeats.left_out(), [expected]);
    }
}
