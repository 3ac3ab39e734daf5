//! Traces for [OpenTelemetry](https://opentelemetry.io), sent as OTLP over HTTP to where the
//! [usual variables](https://opentelemetry.io/docs/specs/otel/protocol/exporter/) say.
//!
//! ```text
//! run ──► account ──► walk ──► page call
//!            └──► publication, sink
//! ```
//!
//! Only our own spans are sent. Those of HTTP crates would show requests, and with them the token.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use opentelemetry::trace::TracerProvider;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{SpanExporter, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use reqwest::redirect::Policy;
use tokio::runtime::Handle;
use tracing::Metadata;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::Layer;

use super::logging::Listener;
use crate::causes::error_chain;
use crate::config::Environment;
use crate::error::Exit;

/// Nothing is sent unless one of them says where to.
const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];

/// The longest time for one request, which is OTLP's default.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The same for what is left when the program was interrupted: with what a run may take to stop, it ends in five seconds.
const TIMEOUT_WHEN_INTERRUPTED: Duration = Duration::from_secs(1);

/// The spans of this process on their way to a collector.
pub(super) struct Traces {
    provider: SdkTracerProvider,
}

impl Traces {
    /// Begins to collect spans, if the environment says where to send them.
    pub(super) fn start(environment: &Environment, runtime: &Handle) -> Option<Self> {
        let is_set = |name: &str| environment.get(name).is_some_and(|value| !value.is_empty());
        if !ENDPOINTS.into_iter().any(is_set) {
            return None;
        }
        match Self::new(runtime, !is_set("OTEL_SERVICE_NAME")) {
            Ok(traces) => Some(traces),
            Err(error) => {
                // Nobody listens to logs yet.
                let error = error_chain(error.as_ref());
                runtime.spawn(async move { tracing::warn!(error, "traces cannot be sent; the run goes on without") });
                None
            }
        }
    }

    fn new(runtime: &Handle, is_unnamed: bool) -> Result<Self, Box<dyn std::error::Error>> {
        let sender = Sender { client: client()?, runtime: runtime.clone(), has_failed: AtomicBool::new(false) };
        let exporter = SpanExporter::builder().with_http().with_http_client(sender).build()?;
        let resource = Resource::builder();
        let resource = if is_unnamed { resource.with_service_name("fanout") } else { resource };
        let provider = SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource.build());
        Ok(Self { provider: provider.build() })
    }

    /// Returns what hears of spans and events.
    pub(super) fn listener(&self) -> Listener {
        let layer = tracing_opentelemetry::layer().with_tracer(self.provider.tracer("fanout"));
        let layer = layer.with_location(false).with_threads(false).with_tracked_inactivity(false);
        layer.with_filter(filter_fn(is_ours)).boxed()
    }

    /// Sends what has not been sent, as far as that can be done in time. Must not be called on a thread of the runtime.
    pub(super) fn finish(self, exit: Exit) {
        let timeout = if exit == Exit::Interrupted { TIMEOUT_WHEN_INTERRUPTED } else { TIMEOUT };
        if let Err(error) = self.provider.shutdown_with_timeout(timeout) {
            tracing::warn!(%error, "not all traces were sent");
        }
    }
}

/// Returns whether a span, or an event within one, is sent.
fn is_ours(metadata: &Metadata<'_>) -> bool {
    let finest = if metadata.is_span() { LevelFilter::DEBUG } else { LevelFilter::INFO };
    metadata.target().starts_with("fanout") && *metadata.level() <= finest
}

fn client() -> Result<reqwest::Client, reqwest::Error> {
    // The client for WeChat may have installed it already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().redirect(Policy::none()).timeout(TIMEOUT).build()
}

/// Sends on the program's runtime what the exporter, on a thread of its own, has collected.
#[derive(Debug)]
struct Sender {
    client: reqwest::Client,
    runtime: Handle,
    /// Whether that was said: once is enough.
    has_failed: AtomicBool,
}

#[async_trait]
impl HttpClient for Sender {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let request = reqwest::Request::try_from(request)?;
        let client = self.client.clone();
        let sent = self.runtime.spawn(async move {
            // What a collector says beside its status is read by nobody.
            client.execute(request).await.and_then(reqwest::Response::error_for_status)
        });
        match sent.await? {
            Ok(response) => Ok(Response::builder().status(response.status().as_u16()).body(Bytes::new())?),
            Err(error) => {
                let error = error.without_url();
                if !self.has_failed.swap(true, Ordering::Relaxed) {
                    tracing::warn!(error = error_chain(&error), "traces cannot be sent; the run goes on without");
                }
                Err(error.into())
            }
        }
    }
}
