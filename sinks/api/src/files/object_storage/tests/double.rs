//! A store in memory, whose power can be cut before or after any call that changes it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use crate::error::SinkError;
use crate::files::object_storage::bucket::{Bucket, Parts};
use crate::files::objects::{Head, Put, Version};

/// A store, which its clones share.
#[derive(Clone, Debug, Default)]
pub(super) struct Double(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    objects: BTreeMap<String, Object>,
    /// The number of the last change, which is the version of what it wrote.
    changes: u64,
    /// The changes after which the power is cut; `None` for never.
    power: Option<Power>,
    ignores_conditions: bool,
    /// The uploads that were begun, and neither completed nor aborted.
    open_uploads: BTreeSet<u64>,
    completed: usize,
    /// Done by somebody else before a call.
    intruder: Option<(Before, Intruder)>,
}

/// The calls of a commit before which somebody else may act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Before {
    Manifest,
    Delete,
    Complete,
    Marker,
}

#[derive(Clone, Copy, Debug)]
struct Power {
    changes: usize,
    /// Whether the last change is made, and only its answer is lost.
    is_answer_lost: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Object {
    pub(super) content: Vec<u8>,
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) version: u64,
}

struct Intruder(Box<dyn FnOnce(&Double) + Send>);

impl std::fmt::Debug for Intruder {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Intruder")
    }
}

impl Double {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    pub(super) fn without_conditions() -> Self {
        let double = Self::default();
        double.state().ignores_conditions = true;
        double
    }

    /// Lets `changes` changes be made, and cuts the power then.
    pub(super) fn cut_after(&self, changes: usize, is_answer_lost: bool) {
        self.state().power = Some(Power { changes, is_answer_lost });
    }

    pub(super) fn restore_power(&self) {
        self.state().power = None;
    }

    /// Lets somebody else act before the next call of this kind.
    pub(super) fn intrude(&self, before: Before, intruder: impl FnOnce(&Self) + Send + 'static) {
        self.state().intruder = Some((before, Intruder(Box::new(intruder))));
    }

    fn let_intrude(&self, call: Before) {
        let intruder = self.state().intruder.take_if(|(before, _)| *before == call);
        if let Some((_, Intruder(act))) = intruder {
            act(self);
        }
    }

    /// Returns the contents by key.
    pub(super) fn contents(&self) -> BTreeMap<String, Vec<u8>> {
        self.state().objects.iter().map(|(key, object)| (key.clone(), object.content.clone())).collect()
    }

    pub(super) fn object(&self, key: &str) -> Option<Object> {
        self.state().objects.get(key).cloned()
    }

    /// Changes an object as another program does.
    pub(super) fn set(&self, key: &str, object: Option<Object>) {
        let mut state = self.state();
        state.changes += 1;
        let version = state.changes;
        match object {
            Some(object) => drop(state.objects.insert(key.to_owned(), Object { version, ..object })),
            None => drop(state.objects.remove(key)),
        }
    }

    pub(super) fn open_uploads(&self) -> usize {
        self.state().open_uploads.len()
    }

    pub(super) fn completed(&self) -> usize {
        self.state().completed
    }

    /// Makes a change, as far as there is power.
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> Result<T, SinkError> {
        let mut state = self.state();
        let is_answered = match &mut state.power {
            None => true,
            Some(Power { changes: 0, is_answer_lost }) => {
                if !std::mem::take(is_answer_lost) {
                    return Err(no_power());
                }
                false
            }
            Some(Power { changes, .. }) => {
                *changes -= 1;
                true
            }
        };
        state.changes += 1;
        let changed = change(&mut state);
        if is_answered { Ok(changed) } else { Err(no_power()) }
    }

    fn write(&self, key: &str, content: &[u8]) -> Result<(), SinkError> {
        self.change(|state| {
            let object = Object { content: content.to_vec(), metadata: BTreeMap::new(), version: state.changes };
            state.objects.insert(key.to_owned(), object);
        })
    }

    /// Reads, if there is power.
    fn read<T>(&self, read: impl FnOnce(&State) -> T) -> Result<T, SinkError> {
        let state = self.state();
        match state.power {
            Some(Power { changes: 0, is_answer_lost: false }) => Err(no_power()),
            _ => Ok(read(&state)),
        }
    }
}

fn no_power() -> SinkError {
    SinkError::temporary("the store has no power")
}

fn version(object: &Object) -> Version {
    Version::of(&object.version.to_string())
}

impl Bucket for Double {
    fn store(&self) -> &'static str {
        "double"
    }

    fn get(&self, key: &str) -> Result<Option<(Vec<u8>, Version)>, SinkError> {
        self.read(|state| state.objects.get(key).map(|object| (object.content.clone(), version(object))))
    }

    fn head(&self, key: &str) -> Result<Option<Head>, SinkError> {
        let head = |object: &Object| Head {
            bytes: object.content.len() as u64,
            metadata: object.metadata.clone(),
            version: version(object),
        };
        self.read(|state| state.objects.get(key).map(head))
    }

    fn put(&self, key: &str, content: &[u8]) -> Result<(), SinkError> {
        self.let_intrude(Before::Marker);
        self.write(key, content)
    }

    fn put_if_unchanged(&self, key: &str, content: &[u8], seen: Option<&Version>) -> Result<Put, SinkError> {
        self.let_intrude(Before::Manifest);
        let is_changed = {
            let state = self.state();
            !state.ignores_conditions && state.objects.get(key).map(version).as_ref() != seen
        };
        if is_changed {
            return self.read(|_| Put::Changed);
        }
        self.write(key, content).map(|()| Put::Written)
    }

    fn delete(&self, key: &str) -> Result<(), SinkError> {
        self.let_intrude(Before::Delete);
        self.change(|state| drop(state.objects.remove(key)))
    }

    fn begin(&self, key: &str, metadata: &BTreeMap<String, String>) -> Result<Box<dyn Parts>, SinkError> {
        let upload = self.change(|state| {
            state.open_uploads.insert(state.changes);
            state.changes
        })?;
        let (key, metadata) = (key.to_owned(), metadata.clone());
        Ok(Box::new(DoubleParts { double: self.clone(), upload, key, metadata, content: Vec::new() }))
    }
}

#[derive(Debug)]
struct DoubleParts {
    double: Double,
    upload: u64,
    key: String,
    metadata: BTreeMap<String, String>,
    content: Vec<u8>,
}

impl Parts for DoubleParts {
    fn write(&mut self, data: &[u8]) -> Result<(), SinkError> {
        self.content.extend_from_slice(data);
        Ok(())
    }

    fn finish(&mut self) -> Result<(), SinkError> {
        Ok(())
    }

    /// As an `Upload` does: if the answer to an earlier try was lost, the object tells.
    fn complete(&mut self) -> Result<(), SinkError> {
        self.double.let_intrude(Before::Complete);
        let (key, content, metadata) = (self.key.clone(), self.content.clone(), self.metadata.clone());
        if !self.double.state().open_uploads.contains(&self.upload) {
            let found =
                self.double.object(&key).filter(|found| (&found.content, &found.metadata) == (&content, &metadata));
            return found.map(drop).ok_or_else(|| SinkError::aborted("the parts are lost"));
        }
        let upload = self.upload;
        self.double.change(|state| {
            let object = Object { content, metadata, version: state.changes };
            state.objects.insert(key, object);
            state.open_uploads.remove(&upload);
            state.completed += 1;
        })
    }

    fn abort(&mut self) -> Result<(), SinkError> {
        self.double.change(|state| state.open_uploads.remove(&self.upload)).map(drop)
    }
}
