//! The closure adapter passes the suite; the cases of promises that a closure cannot make are
//! skipped.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use fanout_sink::conformance::{ReadBack, ReadError, Row, Subject, rows_of, run};
use fanout_sink::{Batch, ClosureFactory, ConfiguredSink, NoOptions, SinkContext, SinkError, async_trait};

/// A sink of a closure that collects rows, and the rows.
struct Collecting<F> {
    factory: ClosureFactory<F>,
    rows: Arc<Mutex<Vec<Row>>>,
    directory: Mutex<Option<PathBuf>>,
}

#[async_trait]
impl<F, Written> Subject for Collecting<F>
where
    F: Fn(Batch) -> Written + Clone + Send + Sync + 'static,
    Written: Future<Output = Result<(), SinkError>> + Send + 'static,
{
    /// A closure has no folder: the collected rows are cleared when the suite comes with a new one.
    fn sink(&self, directory: &Path) -> ConfiguredSink {
        let known = self.directory.lock().unwrap().replace(directory.to_owned());
        if known.as_deref() != Some(directory) {
            self.rows.lock().unwrap().clear();
        }
        ConfiguredSink::new(self.factory.clone(), NoOptions {})
    }

    async fn read(&self, _directory: &Path, context: &SinkContext) -> Result<Option<ReadBack>, ReadError> {
        let mut rows = self.rows.lock().unwrap().clone();
        rows.retain(|row| row.get("app_id").is_none_or(|app_id| *app_id == context.app_id));
        Ok((!rows.is_empty()).then(|| ReadBack { rows, ..ReadBack::default() }))
    }
}

#[tokio::test]
async fn a_closure_keeps_every_promise_that_it_can() {
    let rows = Arc::new(Mutex::new(Vec::new()));
    let collected = Arc::clone(&rows);
    let factory = ClosureFactory::new("collect", move |batch: Batch| {
        let collected = Arc::clone(&collected);
        async move {
            let rows = rows_of(batch.records()).map_err(|error| SinkError::permanent("no rows").with_source(error))?;
            collected.lock().unwrap().extend(rows);
            Ok(())
        }
    });
    let summary = run(&Collecting { factory, rows, directory: Mutex::default() }).await;

    let mut skipped: Vec<&str> = summary.skipped.iter().map(|skip| skip.case).collect();
    skipped.sort_unstable();
    let expected = [
        "a_batch_refused_for_now_is_accepted_later",
        "a_crash_after_commit_doubles_nothing",
        "a_crash_after_open_is_forgotten",
        "a_crash_after_prepare_is_forgotten",
        "a_crash_between_batches_is_forgotten",
        "a_crash_leaves_the_earlier_list_as_it_was",
        "a_later_date_stands_beside_the_earlier",
        "a_later_walk_replaces_the_list_of_its_date",
        "a_simulated_list_stays_apart",
        "a_sink_that_is_dropped_is_forgotten",
        "abort_leaves_no_trace",
        "abort_leaves_the_earlier_list_as_it_was",
        "an_abort_leaves_the_other_account_alone",
        "an_abort_leaves_the_other_list_alone",
        "an_aborted_list_can_be_delivered_anew",
        "an_older_walk_never_replaces_a_newer_one",
        "nothing_is_visible_before_commit",
        "roots_lie_where_the_options_say",
        "staging_stays_outside_the_roots",
        "two_accounts_at_once_do_not_disturb_each_other",
        "two_lists_of_an_account_never_replace_each_other",
    ];
    assert_eq!(skipped, expected);
    assert!(summary.skipped.iter().all(|skip| !skip.reason.is_empty()));
}
