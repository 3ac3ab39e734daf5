//! The key `columns` of a sink: which columns of the list it receives, and in which order.
//!
//! Before it: [`SinkRegistry::bind`](super::SinkRegistry::bind) has the section and the list's
//! schema. Behind it: [`BoundSink`](super::BoundSink) selects these columns from each batch.

use std::collections::BTreeSet;
use std::sync::Arc;

use fanout_sink::arrow::datatypes::SchemaRef;

use crate::config::{ConfigError, SinkSection, did_you_mean};

/// The columns of a list.
#[derive(Clone, Debug)]
pub struct ListColumns {
    /// Their schema.
    pub schema: SchemaRef,
    /// How many of them a sink receives that chooses none: the first ones.
    pub default: usize,
}

/// The columns that one sink receives.
#[derive(Clone, Debug)]
pub(super) struct Projection {
    /// Their schema.
    pub(super) schema: SchemaRef,
    /// Their places in the schema of the list; `None` for all columns in their order.
    pub(super) places: Option<Vec<usize>>,
}

impl Projection {
    /// Finds the section's `columns` in those of the list. Returns `None` if it has reported a
    /// problem.
    pub(super) fn new(section: &SinkSection, list: &ListColumns, problems: &mut Vec<ConfigError>) -> Option<Self> {
        let schema = &list.schema;
        let Some(columns) = &section.columns else {
            return Some(Self::of_places((0..list.default).collect(), schema));
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
        Some(Self::of_places(places, schema))
    }

    fn of_places(places: Vec<usize>, schema: &SchemaRef) -> Self {
        if places.iter().copied().eq(0..schema.fields().len()) {
            return Self { schema: Arc::clone(schema), places: None };
        }
        let schema = schema.project(&places).expect("every index is a place in this schema");
        Self { schema: Arc::new(schema), places: Some(places) }
    }
}
