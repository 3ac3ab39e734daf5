//! Logs: which events of `tracing` are written to stderr, and in which format.

use tracing::level_filters::LevelFilter;
use tracing::{Metadata, Subscriber};
use tracing_subscriber::Registry;
use tracing_subscriber::filter::{EnvFilter, FilterExt, filter_fn};
use tracing_subscriber::fmt::{self, MakeWriter};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

use super::log_format::LogFormat;
use super::output::Terminal;
use super::repeats::Repeats;
use crate::config::Environment;

/// The filter without `RUST_LOG`. A directive covers every target that begins with it, our sinks
/// included.
const DEFAULT_FILTER: &str = "warn,fanout=info";

/// Another receiver of all spans and events: the exporter of traces.
pub(super) type Listener = Box<dyn Layer<Registry> + Send + Sync>;

/// How much of the logs is written: `-q`, `-v`, `-vv`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    Quiet,
    Usual,
    Verbose,
    Everything,
}

impl Level {
    /// Returns the level that the flags ask for.
    pub(super) fn new(is_quiet: bool, verbose: u8) -> Self {
        match (is_quiet, verbose) {
            (true, _) => Self::Quiet,
            (false, 0) => Self::Usual,
            (false, 1) => Self::Verbose,
            (false, _) => Self::Everything,
        }
    }

    /// Returns the filter of the flag; `None` without a flag.
    fn filter(self) -> Option<&'static str> {
        match self {
            Self::Quiet => Some("error"),
            Self::Usual => None,
            Self::Verbose => Some("warn,fanout=debug"),
            Self::Everything => Some("info,fanout=trace"),
        }
    }
}

/// Starts to write logs to stderr. A subscriber that is already installed stays. A flag counts more
/// than `RUST_LOG`.
///
/// Returns what was left out, to be told at the end.
pub(super) fn start(
    environment: &Environment,
    terminal: &Terminal,
    level: Level,
    listener: Option<Listener>,
) -> Repeats {
    let wanted = environment.get("RUST_LOG").filter(|value| !value.is_empty() && level == Level::Usual);
    let parsed = wanted.and_then(|value| EnvFilter::builder().parse(value.to_str()?).ok());
    let is_misread = wanted.is_some() && parsed.is_none();
    let is_usual = level == Level::Usual && parsed.is_none();
    let filter = parsed.unwrap_or_else(|| EnvFilter::new(level.filter().unwrap_or(DEFAULT_FILTER)));
    let repeats = Repeats::default();
    // A program that reads logs, or a person who asks for more, gets every event.
    let some = (is_usual && terminal.format() == LogFormat::Text).then(|| repeats.clone());
    let layer = layer(terminal.clone(), terminal.format(), terminal.is_colored(), filter, some);
    // It fails if a program with sinks of its own has installed a subscriber of its own, too.
    let _ = tracing_subscriber::registry().with(listener).with(layer).try_init();
    if is_misread {
        tracing::warn!("`RUST_LOG` cannot be parsed, expected directives such as `fanout=debug`; it is ignored");
    }
    repeats
}

fn layer<S, W>(
    writer: W,
    format: LogFormat,
    is_colored: bool,
    filter: EnvFilter,
    repeats: Option<Repeats>,
) -> impl Layer<S>
where
    S: Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let layer = fmt::layer().with_writer(writer);
    let layer = match format {
        LogFormat::Text => layer.with_ansi(is_colored).boxed(),
        LogFormat::Json => layer.json().flatten_event(true).with_current_span(false).boxed(),
    };
    let filter = filter.and(filter_fn(shows_no_request));
    match repeats {
        Some(repeats) => layer.with_filter(filter.and(repeats)).boxed(),
        None => layer.with_filter(filter).boxed(),
    }
}

/// Returns whether an event cannot show a secret.
///
/// The query of a request holds the access token, and its body the app secret. HTTP and TLS crates
/// log both at the levels `debug` and `trace`, so their events of these levels are never shown,
/// whatever `RUST_LOG` says. Our own events hold neither.
fn shows_no_request(metadata: &Metadata<'_>) -> bool {
    metadata.target().starts_with("fanout") || *metadata.level() <= LevelFilter::INFO
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn shown(filter: &str) -> Vec<String> {
        let lines = Lines::default();
        let writer = lines.clone();
        let layer = layer(move || writer.clone(), LogFormat::Text, false, EnvFilter::new(filter), None);
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            tracing::trace!(target: "hyper::proto", "stranger-trace");
            tracing::debug!(target: "reqwest::connect", "stranger-debug");
            tracing::info!(target: "hyper", "stranger-info");
            tracing::warn!(target: "hyper", "stranger-warn");
            tracing::trace!(target: "fanout::source", "ours-trace");
            tracing::info!(target: "fanout_sink_parquet", "ours-info");
        });
        let bytes = lines.0.lock().unwrap().clone();
        let last_word = |line: &str| line.split_whitespace().last().map(str::to_owned);
        String::from_utf8(bytes).unwrap().lines().filter_map(last_word).collect()
    }

    #[test]
    fn no_filter_makes_http_crates_talk_about_requests() {
        for filter in ["trace", "hyper=trace,reqwest=trace,fanout=trace", "hyper::proto=trace,info,fanout=trace"] {
            assert!(!shown(filter).iter().any(|line| line == "stranger-trace" || line == "stranger-debug"), "{filter}");
            assert!(shown(filter).contains(&"ours-trace".to_owned()), "{filter}");
        }
    }

    #[test]
    fn by_default_we_inform_and_others_warn() {
        assert_eq!(shown(DEFAULT_FILTER), ["stranger-warn", "ours-info"]);
    }
}
