//! An object that is sent in parts, and becomes visible in one step.
//!
//! Before it: an encoder, which writes bytes in order. Behind it: the store, which keeps the parts
//! out of sight until `complete`.
//!
//! Parts have one size, because some stores (R2) want it. S3 keeps parts until somebody aborts the
//! upload, or a rule of the bucket does; Azure drops them after a week.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use object_store::aws::AmazonS3;
use object_store::multipart::{MultipartStore, PartId};
use object_store::path::Path;
use object_store::{MultipartUpload, ObjectStore, PutMultipartOptions, PutPayload};
use tokio::task::JoinHandle;

use super::client::{runtime, wait, wait_at_most, watched};
use super::error::Failure;
use super::metadata;
use super::store::{Service, Store, parse_key};
use crate::error::SinkError;

/// The size of every part but the last, in bytes.
pub const PART_BYTES: usize = 8 * 1024 * 1024;
/// Parts that are on their way while the next one is filled.
const IN_FLIGHT: usize = 2;
/// How long a store may take to drop what was given up.
const GIVEN_UP: Duration = Duration::from_secs(5);
/// The memory of one upload, in bytes.
pub const UPLOAD_BYTES: u64 = (PART_BYTES * (IN_FLIGHT + 1)) as u64;

type Sent = JoinHandle<Result<Option<PartId>, Failure>>;

/// An object on its way. Nobody sees it before [`complete`](Self::complete).
pub struct Upload {
    store: Store,
    key: String,
    path: Path,
    metadata: BTreeMap<String, String>,
    parts: Parts,
    buffer: Vec<u8>,
    bytes: u64,
    in_flight: VecDeque<Sent>,
    state: State,
}

/// The parts, as the store knows them.
enum Parts {
    S3 {
        client: Arc<AmazonS3>,
        id: String,
        sent: Vec<PartId>,
    },
    /// `None` once it was completed, in vain or not: this handle knows its parts only once.
    Azure(Option<Box<dyn MultipartUpload>>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    Finished,
    Completed,
    /// A part was lost; the store may have others.
    Lost,
    Aborted,
}

impl Upload {
    pub(super) fn begin(store: &Store, key: &str, metadata: &BTreeMap<String, String>) -> Result<Self, SinkError> {
        let path = parse_key(store, key)?;
        let options = PutMultipartOptions { attributes: metadata::encode(metadata), ..Default::default() };
        let (service, location) = (store.service().clone(), path.clone());
        let begun = wait(async move {
            match service {
                Service::S3(client) => {
                    let id = watched(client.create_multipart_opts(&location, options)).await?;
                    Ok(Parts::S3 { client, id, sent: Vec::new() })
                }
                Service::Azure(client) => {
                    Ok(Parts::Azure(Some(watched(client.put_multipart_opts(&location, options)).await?)))
                }
            }
        })?;
        let parts = begun.map_err(|failure: Failure| failure.explain("begin to write", &store.url().object(key)))?;
        Ok(Self {
            store: store.clone(),
            key: key.to_owned(),
            path,
            metadata: metadata.clone(),
            parts,
            buffer: Vec::new(),
            bytes: 0,
            in_flight: VecDeque::new(),
            state: State::Open,
        })
    }

    /// Returns the key of the object.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Returns the URL of the object, for errors and reports.
    pub fn url(&self) -> String {
        self.store.url().object(&self.key)
    }

    /// Returns the number of bytes written so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Takes the next bytes. A full part leaves; if two are on their way, the first of them is
    /// waited for.
    ///
    /// # Errors
    ///
    /// If an earlier part could not be sent. Nothing of the object is left then.
    pub fn write(&mut self, mut data: &[u8]) -> Result<(), SinkError> {
        self.expect_open()?;
        while !data.is_empty() {
            if self.buffer.capacity() == 0 {
                // Untouched pages take no memory.
                self.buffer.reserve_exact(PART_BYTES);
            }
            let (now, later) = data.split_at(data.len().min(PART_BYTES - self.buffer.len()));
            self.buffer.extend_from_slice(now);
            self.bytes += now.len() as u64;
            data = later;
            if self.buffer.len() == PART_BYTES {
                self.send()?;
            }
        }
        Ok(())
    }

    /// Sends the rest, and waits until the store has every part. The object is not visible yet.
    ///
    /// # Errors
    ///
    /// If a part could not be sent. Nothing of the object is left then.
    pub fn finish(&mut self) -> Result<(), SinkError> {
        if self.state == State::Finished {
            return Ok(());
        }
        self.expect_open()?;
        if !self.buffer.is_empty() || self.bytes == 0 {
            self.send()?;
        }
        while let Some(sent) = self.in_flight.pop_front() {
            self.receive(sent)?;
        }
        self.state = State::Finished;
        Ok(())
    }

    /// Makes the object visible; safe to repeat. If the store's answer is lost, the object itself
    /// tells whether it is this one.
    ///
    /// # Errors
    ///
    /// If the store refuses. What was visible before is then visible still, as far as the store can
    /// tell. An aborted error if the parts are gone.
    pub fn complete(&mut self) -> Result<(), SinkError> {
        match self.state {
            State::Completed => return Ok(()),
            State::Finished => {}
            State::Open => return Err(SinkError::permanent(format!("`{}` is not written to its end", self.url()))),
            State::Lost | State::Aborted => return Err(self.lost()),
        }
        let failure = match self.ask_to_complete()? {
            Ok(()) => {
                self.state = State::Completed;
                return Ok(());
            }
            Err(failure) => failure,
        };
        let found = self.store.head(&self.key);
        if found.as_ref().is_ok_and(|head| head.as_ref().is_some_and(|head| self.is_ours(head))) {
            tracing::info!(object = self.url(), %failure, "the answer was lost, and the object is there");
            self.state = State::Completed;
            return Ok(());
        }
        let is_azure = matches!(self.parts, Parts::Azure(_));
        if failure.is_missing_upload() || (is_azure && found.is_ok()) {
            return Err(self.lose(failure, "complete"));
        }
        Err(failure.explain("complete", &self.url()))
    }

    /// Drops the parts. What the store has of them costs nothing afterwards.
    ///
    /// # Errors
    ///
    /// If the store refuses. The parts stay until a rule of the bucket drops them.
    pub fn abort(&mut self) -> Result<(), SinkError> {
        for sent in self.in_flight.drain(..) {
            sent.abort();
        }
        self.buffer = Vec::new();
        if self.state == State::Completed {
            return Ok(());
        }
        self.state = State::Aborted;
        match self.abort_call() {
            None => Ok(()),
            Some(call) => match wait(call)? {
                Err(failure) if !failure.is_missing_upload() => Err(failure.explain("drop the parts of", &self.url())),
                _ => Ok(()),
            },
        }
    }

    /// Returns the call that makes the store drop the parts; `None` for a store that has none.
    fn abort_call(&self) -> Option<impl Future<Output = Result<(), Failure>> + Send + 'static> {
        let Parts::S3 { client, id, .. } = &self.parts else { return None };
        let (client, id, path) = (client.clone(), id.clone(), self.path.clone());
        Some(async move { watched(client.abort_multipart(&path, &id)).await })
    }

    fn is_ours(&self, head: &super::store::Head) -> bool {
        head.bytes == self.bytes && head.metadata == self.metadata
    }

    fn ask_to_complete(&mut self) -> Result<Result<(), Failure>, SinkError> {
        match &mut self.parts {
            Parts::S3 { client, id, sent } => {
                let (client, path, id, sent) = (client.clone(), self.path.clone(), id.clone(), sent.clone());
                wait(async move { watched(client.complete_multipart(&path, &id, sent)).await.map(drop) })
            }
            Parts::Azure(upload) => {
                let Some(mut upload) = upload.take() else {
                    return Ok(Err(Failure::default()));
                };
                wait(async move { watched(upload.complete()).await.map(drop) })
            }
        }
    }

    fn send(&mut self) -> Result<(), SinkError> {
        if self.in_flight.len() == IN_FLIGHT
            && let Some(sent) = self.in_flight.pop_front()
        {
            self.receive(sent)?;
        }
        let payload = PutPayload::from(Bytes::from(std::mem::take(&mut self.buffer)));
        let sent = match &mut self.parts {
            Parts::S3 { client, id, sent } => {
                let (client, path, id) = (client.clone(), self.path.clone(), id.clone());
                let index = sent.len() + self.in_flight.len();
                runtime()?.spawn(async move { watched(client.put_part(&path, &id, index, payload)).await.map(Some) })
            }
            Parts::Azure(Some(upload)) => {
                let part = upload.put_part(payload);
                runtime()?.spawn(async move { watched(part).await.map(|()| None) })
            }
            Parts::Azure(None) => return Err(self.lost()),
        };
        self.in_flight.push_back(sent);
        Ok(())
    }

    fn receive(&mut self, sent: Sent) -> Result<(), SinkError> {
        let failure = match wait(sent)? {
            Ok(Ok(part)) => {
                if let (Parts::S3 { sent, .. }, Some(part)) = (&mut self.parts, part) {
                    sent.push(part);
                }
                return Ok(());
            }
            Ok(Err(failure)) => failure,
            Err(_) => return Err(SinkError::permanent("the task that sends a part of an object panicked")),
        };
        Err(self.lose(failure, "write"))
    }

    /// Gives the parts up because `action` failed. What may succeed with new parts is aborted; what
    /// the store refuses, it would refuse again.
    fn lose(&mut self, failure: Failure, action: &str) -> SinkError {
        self.state = State::Lost;
        if failure.is_temporary() || failure.is_missing_upload() {
            return self.lost().with_source(failure);
        }
        failure.explain(action, &self.url())
    }

    fn lost(&self) -> SinkError {
        SinkError::aborted(format!("the parts of `{}` are lost", self.url()))
    }

    fn expect_open(&self) -> Result<(), SinkError> {
        match self.state {
            State::Open => Ok(()),
            State::Lost | State::Aborted => Err(self.lost()),
            State::Finished | State::Completed => {
                Err(SinkError::permanent(format!("`{}` is finished, and takes no more bytes", self.url())))
            }
        }
    }
}

impl Drop for Upload {
    /// Aborts an upload that is neither completed nor aborted: no later run knows its name. If the
    /// store does not answer at once, it keeps the parts.
    fn drop(&mut self) {
        for sent in self.in_flight.drain(..) {
            sent.abort();
        }
        if let State::Open | State::Finished | State::Lost = self.state
            && let Some(call) = self.abort_call()
        {
            wait_at_most(GIVEN_UP, async { drop(call.await) });
        }
    }
}

impl fmt::Debug for Upload {
    /// Leaves the buffer out: it holds personal data.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Upload")
            .field("key", &self.key)
            .field("bytes", &self.bytes)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}
