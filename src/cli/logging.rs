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
use crate::config::Environment;

/// The filter without `RUST_LOG`. A directive covers every target that begins with it, our sinks included.
const DEFAULT_FILTER: &str = "warn,fanout=info";

/// Another receiver of all spans and events: the exporter of traces.
pub(super) type Listener = Box<dyn Layer<Registry> + Send + Sync>;

/// Starts to write logs to stderr. A subscriber that is already installed stays.
pub(super) fn start(environment: &Environment, terminal: &Terminal, listener: Option<Listener>) {
    let wanted = environment.get("RUST_LOG").filter(|value| !value.is_empty());
    let filter = wanted.and_then(|value| EnvFilter::builder().parse(value.to_str()?).ok());
    let is_misread = wanted.is_some() && filter.is_none();
    let filter = filter.unwrap_or_else(|| EnvFilter::new(DEFAULT_FILTER));
    let layer = layer(terminal.clone(), terminal.format(), terminal.is_colored(), filter);
    // It fails if a program with sinks of its own has installed a subscriber of its own, too.
    let _ = tracing_subscriber::registry().with(listener).with(layer).try_init();
    if is_misread {
        tracing::warn!("`RUST_LOG` cannot be parsed, expected directives such as `fanout=debug`; it is ignored");
    }
}

fn layer<S, W>(writer: W, format: LogFormat, is_colored: bool, filter: EnvFilter) -> impl Layer<S>
where
    S: Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let layer = fmt::layer().with_writer(writer);
    let layer = match format {
        LogFormat::Text => layer.with_ansi(is_colored).boxed(),
        LogFormat::Json => layer.json().flatten_event(true).with_current_span(false).boxed(),
    };
    layer.with_filter(filter.and(filter_fn(shows_no_request)))
}

/// Returns whether an event cannot show a secret.
///
/// The query of a request holds the access token, and its body the app secret. HTTP and TLS crates log
/// both at the levels `debug` and `trace`, so their events of these levels are never shown, whatever
/// `RUST_LOG` says. Our own events hold neither.
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
        let layer = layer(move || writer.clone(), LogFormat::Text, false, EnvFilter::new(filter));
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
