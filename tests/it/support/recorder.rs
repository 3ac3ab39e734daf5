//! The sink type `recorder`: it remembers what it was given, and fails when a test tells it to.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use fanout_sink::arrow::array::{Array, AsArray};
use fanout_sink::arrow::datatypes::Int64Type;
use fanout_sink::schemars::JsonSchema;
use fanout_sink::{
    Batch, Delivery, Found, Guarantee, Root, Sink, SinkContext, SinkError, SinkFactory, SinkReport, Snapshot, schemars,
};
use serde::Deserialize;
use tokio::sync::Semaphore;

/// How long a sink waits for others. No test waits for so long that passes.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// The sink type `recorder`. Clones share what they remember.
#[derive(Clone)]
pub(crate) struct Recorder {
    state: Arc<Mutex<State>>,
    /// One permit lets one batch pass.
    gate: Arc<Semaphore>,
}

#[derive(Default)]
struct State {
    /// What every sink of every account has published, by sink and account.
    published: HashMap<(String, String), Vec<String>>,
    /// What happened, in order: `kept open`, `kept write`, …
    events: Vec<String>,
    /// The columns of the last batch.
    columns: Vec<String>,
    /// Added to what a commit reports.
    surplus: u64,
    /// What a sink answers when it looks for its list, next; otherwise it cannot tell.
    answers: HashMap<String, VecDeque<Found>>,
    /// How often each sink looked.
    looks: HashMap<String, usize>,
    /// What goes wrong: at an event, the next of these.
    failures: HashMap<String, VecDeque<SinkError>>,
}

impl Default for Recorder {
    fn default() -> Self {
        Self { state: Arc::default(), gate: Arc::new(Semaphore::new(Semaphore::MAX_PERMITS)) }
    }
}

impl Recorder {
    /// Makes all batches wait, until so many permits are given.
    pub(crate) fn close_gate(&self) -> Arc<Semaphore> {
        self.gate.forget_permits(Semaphore::MAX_PERMITS);
        Arc::clone(&self.gate)
    }

    /// Makes the next `event` (`write`, `prepare`, …) of sink `sink` fail.
    pub(crate) fn fail(&self, sink: &str, event: &str, error: SinkError) {
        self.state().failures.entry(format!("{sink} {event}")).or_default().push_back(error);
    }

    /// Makes sink `sink` answer this the next time that it looks for its list.
    pub(crate) fn answer(&self, sink: &str, found: Found) {
        self.state().answers.entry(sink.to_owned()).or_default().push_back(found);
    }

    /// Returns how often sink `sink` looked for a list.
    pub(crate) fn looks(&self, sink: &str) -> usize {
        self.state().looks.get(sink).copied().unwrap_or(0)
    }

    /// Makes every commit report a row too many.
    pub(crate) fn misreport(&self) {
        self.state().surplus = 1;
    }

    /// Returns the columns of the last batch.
    pub(crate) fn columns(&self) -> Vec<String> {
        self.state().columns.clone()
    }

    /// Returns what sink `sink` has published for `account`.
    pub(crate) fn published(&self, sink: &str, account: &str) -> Option<Vec<String>> {
        self.state().published.get(&(sink.to_owned(), account.to_owned())).cloned()
    }

    /// Returns how often `event` (`kept open`, `kept write`, …) happened.
    pub(crate) fn count(&self, event: &str) -> usize {
        self.state().events.iter().filter(|happened| *happened == event).count()
    }

    /// Returns what happened, in order, without the writes.
    pub(crate) fn story(&self) -> Vec<String> {
        self.state().events.iter().filter(|event| !event.ends_with("write")).cloned().collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[schemars(crate = "schemars")]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RecorderOptions {
    when_complete: bool,
    /// Gets each list in each run.
    one_shot: bool,
    /// With `when_complete`: says that its readers see each row once.
    exactly_once: bool,
    label: String,
    /// Says in `prepare` that its writer is closed, and waits until the sink was opened so often.
    opened: usize,
}

pub(crate) struct RecorderSink {
    recorder: Recorder,
    context: SinkContext,
    opened: usize,
    openids: Vec<String>,
    sequence: u64,
}

#[async_trait]
impl SinkFactory for Recorder {
    type Options = RecorderOptions;
    type Sink = RecorderSink;

    fn name(&self) -> &'static str {
        "recorder"
    }

    fn summary(&self) -> &'static str {
        "remembers what it was given"
    }

    fn delivery(&self, options: &RecorderOptions) -> Delivery {
        if options.one_shot {
            Delivery::OneShot
        } else if options.when_complete {
            let guarantee = if options.exactly_once { Guarantee::ExactlyOnce } else { Guarantee::AtLeastOnce };
            Delivery::WhenComplete { guarantee }
        } else {
            Delivery::Staged
        }
    }

    fn memory(&self, _options: &RecorderOptions) -> u64 {
        0
    }

    fn roots(&self, _options: &RecorderOptions) -> Vec<Root> {
        Vec::new()
    }

    async fn check(&self, _options: &RecorderOptions, _context: &SinkContext) -> Result<(), SinkError> {
        Ok(())
    }

    async fn open(&self, options: RecorderOptions, context: SinkContext) -> Result<RecorderSink, SinkError> {
        let opened = options.opened;
        let sink = RecorderSink { recorder: self.clone(), context, opened, openids: Vec::new(), sequence: 0 };
        sink.event("open")?;
        Ok(sink)
    }

    async fn end(&self, _options: &RecorderOptions, context: &SinkContext, is_complete: bool) -> Result<(), SinkError> {
        let context = context.clone();
        let sink = RecorderSink { recorder: self.clone(), context, opened: 0, openids: Vec::new(), sequence: 0 };
        sink.event(if is_complete { "end" } else { "end early" })
    }

    async fn find(
        &self,
        _options: &RecorderOptions,
        context: &SinkContext,
        _report: &SinkReport,
    ) -> Result<Found, SinkError> {
        assert!(context.digest.is_some() && context.begun_at.is_some() && context.rows.is_some());
        let mut state = self.state();
        *state.looks.entry(context.sink.clone()).or_default() += 1;
        let failure = state.failures.get_mut(&format!("{} find", context.sink)).and_then(VecDeque::pop_front);
        let answer = state.answers.get_mut(&context.sink).and_then(VecDeque::pop_front);
        failure.map_or(Ok(answer.unwrap_or(Found::Unknown)), Err)
    }
}

impl RecorderSink {
    fn event(&self, event: &str) -> Result<(), SinkError> {
        let event = format!("{} {event}", self.context.sink);
        let mut state = self.recorder.state();
        let failure = state.failures.get_mut(&event).and_then(VecDeque::pop_front);
        state.events.push(event);
        failure.map_or(Ok(()), Err)
    }
}

#[async_trait]
impl Sink for RecorderSink {
    async fn write(&mut self, batch: &Batch) -> Result<(), SinkError> {
        self.recorder.gate.acquire().await.unwrap().forget();
        self.event("write")?;
        assert_eq!(batch.sequence(), self.sequence, "batches come in order and without gaps");
        self.sequence += 1;
        let schema = batch.records().schema();
        self.recorder.state().columns = schema.fields().iter().map(|field| field.name().clone()).collect();
        let first = self.openids.len() as i64;
        let openids = batch.records()["openid"].as_string::<i32>();
        if let Some(positions) = batch.records().column_by_name("position") {
            let positions = positions.as_primitive::<Int64Type>().values();
            assert!(positions.iter().copied().eq(first..first + openids.len() as i64), "positions are dense");
        }
        self.openids.extend(openids.iter().flatten().map(str::to_owned));
        Ok(())
    }

    async fn prepare(&mut self, snapshot: &Snapshot) -> Result<(), SinkError> {
        self.event("prepare")?;
        assert_eq!(snapshot.rows, self.openids.len() as u64);
        if self.opened > 0 {
            self.context.writer_is_closed();
        }
        let opened = async || {
            while self.recorder.count(&format!("{} open", self.context.sink)) < self.opened {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let opened = tokio::time::timeout(LONGEST_WAIT, opened()).await;
        opened.map_err(|_| SinkError::permanent("nobody else was opened"))
    }

    async fn commit(&mut self) -> Result<SinkReport, SinkError> {
        self.event("commit")?;
        let key = (self.context.sink.clone(), self.context.account.clone());
        let mut state = self.recorder.state();
        state.published.insert(key, self.openids.clone());
        Ok(SinkReport { rows: self.openids.len() as u64 + state.surplus, ..SinkReport::default() })
    }

    async fn abort(&mut self) -> Result<(), SinkError> {
        self.event("abort")
    }
}
