//! The key `columns` of a sink: which columns of the list it receives, and in which order.
//!
//! Before it: [`SinkRegistry::bind`](super::SinkRegistry::bind) has the section and the list's
//! schema. Behind it: [`BoundSink`](super::BoundSink) selects these columns from each batch.

use std::collections::BTreeSet;
use std::sync::Arc;

use fanout_sink::arrow::datatypes::SchemaRef;

use crate::config::{ConfigError, SinkSection, did_you_mean};

/// The columns that one sink receives.
#[derive(Clone, Debug)]
pub(super) struct Projection {
    /// Their schema.
    pub(super) schema: SchemaRef,
    /// Their places in the schema of the list; `None` for all columns in their order.
    pub(super) places: Option<Vec<usize>>,
}

impl Projection {
    /// Finds the section's `columns` in `schema`. Returns `None` if it has reported a problem.
    pub(super) fn new(section: &SinkSection, schema: &SchemaRef, problems: &mut Vec<ConfigError>) -> Option<Self> {
        let Some(columns) = &section.columns else {
            return Some(Self { schema: Arc::clone(schema), places: None });
        };
        let known: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        let expected = format!("expected some of `{}`", known.join("`, `"));
        let before = problems.len();
        if columns.is_empty() {
            problems.push(section.problem("columns", format!("found an empty list, {expected}")));
        }
        let mut places = Vec::with_capacity(columns.len());
        let mut seen = BTreeSet::new();
        for (place, column) in columns.iter().enumerate() {
            let key = format!("columns.{place}");
            match known.iter().position(|name| name == column) {
                Some(_) if !seen.insert(column) => {
                    problems.push(section.problem(&key, format!("found `{column}` twice, expected it once")));
                }
                Some(index) => places.push(index),
                None => {
                    let hint = did_you_mean(column, &known);
                    problems.push(section.problem(&key, format!("found {column:?}, {expected}{hint}")));
                }
            }
        }
        if problems.len() > before {
            return None;
        }
        let schema = schema.project(&places).expect("every index is a place in this schema");
        Some(Self { schema: Arc::new(schema), places: Some(places) })
    }
}
