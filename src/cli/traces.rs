//! Traces for [OpenTelemetry](https://opentelemetry.io), sent as OTLP over HTTP to the endpoint in
//! the [usual variables](https://opentelemetry.io/docs/specs/otel/protocol/exporter/).
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

/// The variables that may name the endpoint. Without one of them, nothing is sent.
const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];

/// The timeout of one request: OTLP's default.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);

/// The timeout after an interruption. With the time that a run may take to stop, the process ends
/// within five seconds.
const INTERRUPTED_SEND_TIMEOUT: Duration = Duration::from_secs(1);

/// The spans of this process on their way to a collector.
pub(super) struct Traces {
    provider: SdkTracerProvider,
}

impl Traces {
    /// Starts to collect spans, if the environment names an endpoint.
    pub(super) fn start(environment: &Environment, runtime: &Handle) -> Option<Self> {
        let is_set = |name: &str| environment.get(name).is_some_and(|value| !value.is_empty());
        if !ENDPOINTS.into_iter().any(is_set) {
            return None;
        }
        match Self::new(runtime, !is_set("OTEL_SERVICE_NAME")) {
            Ok(traces) => Some(traces),
            Err(error) => {
                // Logs have not started yet; the runtime executes this when they have.
                let error = error_chain(error.as_ref());
                runtime.spawn(
                    async move { tracing::warn!(error, "traces cannot be sent; the run continues without them") },
                );
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

    /// Returns the layer that receives spans and events.
    pub(super) fn listener(&self) -> Listener {
        let layer = tracing_opentelemetry::layer().with_tracer(self.provider.tracer("fanout"));
        let layer = layer.with_location(false).with_threads(false).with_tracked_inactivity(false);
        layer.with_filter(filter_fn(is_ours)).boxed()
    }

    /// Sends what is left, until the timeout. Must not be called on a thread of the runtime.
    pub(super) fn finish(self, exit: Exit) {
        let timeout = if exit == Exit::Interrupted { INTERRUPTED_SEND_TIMEOUT } else { SEND_TIMEOUT };
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
    reqwest::Client::builder().redirect(Policy::none()).timeout(SEND_TIMEOUT).build()
}

/// Sends what the exporter has collected on its own thread. Requests run on the program's runtime.
#[derive(Debug)]
struct Sender {
    client: reqwest::Client,
    runtime: Handle,
    /// Whether a failure was logged: only the first one is.
    has_failed: AtomicBool,
}

#[async_trait]
impl HttpClient for Sender {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let request = reqwest::Request::try_from(request)?;
        let client = self.client.clone();
        let sent = self.runtime.spawn(async move {
            // Only the status of the response is read.
            client.execute(request).await.and_then(reqwest::Response::error_for_status)
        });
        match sent.await? {
            Ok(response) => Ok(Response::builder().status(response.status().as_u16()).body(Bytes::new())?),
            Err(error) => {
                let error = error.without_url();
                if !self.has_failed.swap(true, Ordering::Relaxed) {
                    tracing::warn!(
                        error = error_chain(&error),
                        "traces cannot be sent; the run continues without them"
                    );
                }
                Err(error.into())
            }
        }
    }
}
