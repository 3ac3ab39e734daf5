//! A list that the tests deliver.

use std::sync::Arc;

use fanout_sink::arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use fanout_sink::chrono::{DateTime, Utc};
use fanout_sink::{Batch, Sink, SinkContext, SinkError, SinkFactory, SinkReport, Snapshot, WalkId};
use fanout_sink_postgres::{PostgresFactory, PostgresOptions};

/// A list of an account: `rows` followers, whose OpenIDs contain the walk's number.
#[derive(Clone, Debug)]
pub(crate) struct List {
    pub(crate) app_id: &'static str,
    /// Which list of the account.
    pub(crate) name: &'static str,
    /// The number of the walk.
    pub(crate) walk: u64,
    /// When the walk began, in RFC 3339.
    pub(crate) begun_at: &'static str,
    pub(crate) date: &'static str,
    pub(crate) rows: i64,
}

pub(crate) const LIST: List = List {
    app_id: "wx1",
    name: "followers",
    walk: 1,
    begun_at: "2026-01-29T17:00:00.123456Z",
    date: "2026-01-30",
    rows: 3,
};

impl List {
    pub(crate) fn records(&self) -> RecordBatch {
        let openids: ArrayRef =
            Arc::new(StringArray::from_iter_values((0..self.rows).map(|row| format!("{}-{row}", self.walk))));
        let positions: ArrayRef = Arc::new(Int64Array::from_iter_values(0..self.rows));
        RecordBatch::try_from_iter([("openid", openids), ("position", positions)]).unwrap()
    }

    fn begun_at(&self) -> DateTime<Utc> {
        self.begun_at.parse().unwrap()
    }

    fn walk(&self) -> WalkId {
        WalkId::new(self.walk, self.begun_at())
    }

    pub(crate) fn context(&self) -> SinkContext {
        SinkContext::new("brand", self.app_id, self.records().schema())
            .with_names("test", "table")
            .with_list(self.name)
            .with_walk(self.walk(), self.date.parse().unwrap())
            .with_facts(self.begun_at(), None)
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        Snapshot {
            walk: self.walk(),
            date: self.date.parse().unwrap(),
            begun_at: self.begun_at(),
            rows: self.rows as u64,
            first_fetched_at: None,
            last_fetched_at: None,
            digest: format!("digest of {}", self.walk),
            proof: serde_json::Map::new(),
        }
    }

    /// Delivers the list to its end.
    pub(crate) async fn deliver(&self, options: &PostgresOptions) -> Result<SinkReport, SinkError> {
        self.deliver_as(options, self.context()).await
    }

    /// Delivers the list with another context.
    pub(crate) async fn deliver_as(
        &self,
        options: &PostgresOptions,
        context: SinkContext,
    ) -> Result<SinkReport, SinkError> {
        let mut sink = PostgresFactory.open(options.clone(), context).await?;
        sink.write(&Batch::new(0, self.records())).await?;
        sink.prepare(&self.snapshot()).await?;
        sink.commit().await
    }
}
