//! The other process: it publishes lists, one a thread, and says what came of each.

use std::io::{BufRead, Write};
use std::thread;
use std::time::Duration;

use fanout_sink::files::{StagedFiles, file_error};
use fanout_sink::{SinkError, SinkErrorKind};
use serde::{Deserialize, Serialize};

use crate::list::List;
use crate::observer::{Observation, observe};

/// What precedes a line for the parent: the harness of the tests writes lines, too.
pub(crate) const PREFIX: &str = "@";
/// How often a commit is tried, as the engine tries it.
const COMMITS: usize = 6;

/// An order of the parent.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) lists: Vec<List>,
    /// Whether an observer may take the lock of the place.
    pub(crate) is_locked: bool,
}

/// What a publisher says.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Said {
    /// The list is published; the observer looked right after it.
    Published(List, Observation),
    Refused(List, String),
    Temporary(List, String),
    /// All lists of the order are done.
    Done,
}

pub(crate) fn serve() {
    for line in std::io::stdin().lock().lines() {
        let order: Order = serde_json::from_str(&line.unwrap()).unwrap();
        thread::scope(|scope| {
            for list in &order.lists {
                scope.spawn(|| say(&publish_and_look(list, order.is_locked)));
            }
        });
        say(&Said::Done);
    }
}

fn say(said: &Said) {
    let line = format!("\n{PREFIX}{}\n", serde_json::to_string(said).unwrap());
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(line.as_bytes()).and_then(|()| stdout.flush()).unwrap();
}

fn publish_and_look(list: &List, is_locked: bool) -> Said {
    thread::sleep(Duration::from_micros(list.pause_micros));
    match publish(list) {
        Ok(()) => Said::Published(list.clone(), observe(list, is_locked)),
        Err(error) => {
            let mut text = error.to_string();
            let mut cause = std::error::Error::source(&error);
            while let Some(error) = cause {
                text = format!("{text}: {error}");
                cause = error.source();
            }
            match error.kind() {
                SinkErrorKind::Temporary | SinkErrorKind::Aborted => Said::Temporary(list.clone(), text),
                _ => Said::Refused(list.clone(), text),
            }
        }
    }
}

fn publish(list: &List) -> Result<(), SinkError> {
    let mut files = StagedFiles::open(&list.options(), &list.context())?;
    for text in list.parts() {
        let mut part = files.next_part()?;
        part.write_all(text.as_bytes()).map_err(|error| file_error("write", part.path(), Box::new(error)))?;
        files.finish_part(part, text.lines().count() as u64)?;
    }
    files.prepare(&list.snapshot())?;
    let mut tries = 1;
    loop {
        match files.commit() {
            Err(error) if error.is_temporary() && tries < COMMITS => tries += 1,
            committed => return committed.map(drop),
        }
        thread::sleep(Duration::from_millis(2));
    }
}
