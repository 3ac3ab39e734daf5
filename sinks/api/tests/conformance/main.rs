//! Tests of the suite itself: a sink that keeps the protocol passes every case, and each way to
//! break a promise is caught by the case that is named after it.

#![expect(clippy::unwrap_used, reason = "the sink and the subjects of a test may panic, as its test functions may")]

mod closure;
mod reference;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use fanout_sink::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use fanout_sink::conformance::{
    Case, Failure, Outcome, ReadBack, ReadError, Subject, Traces, cases, files_under, run, subject,
};
use fanout_sink::{ConfiguredSink, SinkContext};
use reference::{Flaw, Reference};
use tempfile::TempDir;

/// Runs the case `name` on a sink with `flaw`.
async fn run_case(name: &str, flaw: Flaw) -> Result<Outcome, Failure> {
    let case = cases().find(|case| case.name() == name).expect("a case of that name");
    case.run(&Reference::with(flaw)).await
}

#[tokio::test]
async fn a_sink_that_keeps_the_protocol_passes_every_case() {
    let summary = run(&Reference::default()).await;
    assert_eq!(summary.kept, cases().map(Case::name).collect::<Vec<_>>());
    assert_eq!(summary.skipped, []);
}

#[tokio::test]
async fn a_column_that_the_sink_cannot_take_is_refused_by_check_and_open_and_left_out_by_the_suite() {
    let mut reference = Reference::default();
    reference.refuses_lists = true;
    let directory = TempDir::new().unwrap();
    let columns = Schema::new(vec![Field::new("openid", DataType::Utf8, false), Field::new("tags", tags(), true)]);
    let context = SinkContext::new("north", "wx1", Arc::new(columns)).with_directory(directory.path());
    let sink = reference.sink(directory.path());
    let check = sink.check(&context).await.unwrap_err();
    let Err(open) = sink.open(context).await else { panic!("the column was accepted") };
    for error in [check, open] {
        assert_eq!(error.to_string(), "the column `tags` has the type `List(Int32)`, which this sink cannot take");
        assert_eq!(error.hint(), Some("leave it out with `columns`"));
    }
    assert_eq!(files_under(directory.path()).unwrap(), Traces::new());
    let case = cases().find(|case| case.name() == "a_list_of_profiles_comes_back").unwrap();
    assert_eq!(case.run(&reference).await, Ok(Outcome::Kept));
}

#[tokio::test]
async fn two_closures_are_a_subject() {
    let read = |directory: &Path, context: &SinkContext| reference::read(directory, context);
    let sink = |directory: &Path| Reference::default().sink(directory);
    let summary = run(&subject(sink, read)).await;
    let skipped: Vec<&str> = summary.skipped.iter().map(|skip| skip.case).collect();
    assert_eq!(skipped, ["a_batch_refused_for_now_is_accepted_later"]);
}

fn tags() -> DataType {
    DataType::List(Arc::new(Field::new_list_field(DataType::Int32, true)))
}

/// A reference sink whose lists cannot be read, configured for three columns.
struct Unseen(Reference);

#[fanout_sink::async_trait]
impl Subject for Unseen {
    /// Makes the same sink for every folder, as a pipeline file does.
    fn sink(&self, _: &Path) -> ConfiguredSink {
        self.0.sink(Path::new("/lists"))
    }

    async fn read(&self, _: &Path, _: &SinkContext) -> Result<Option<ReadBack>, ReadError> {
        Err("the list cannot be read".into())
    }

    fn is_readable(&self) -> bool {
        false
    }

    fn columns(&self) -> Option<SchemaRef> {
        let columns = [("position", DataType::Int64), ("openid", DataType::Utf8), ("tags", tags())];
        let field = |(name, data_type)| Field::new(name, data_type, name == "tags");
        Some(Arc::new(Schema::new(columns.map(field).to_vec())))
    }

    fn context(&self, directory: &Path, context: SinkContext) -> SinkContext {
        let names = ["key", "outcome", "tags"].map(|name| context.schema.index_of(name).is_ok());
        let of_which_list = (context.schema.fields().len(), names);
        let expected = [(5, [true, false, false]), (11, [false, true, false]), (3, [false, false, true])];
        assert!(expected.contains(&of_which_list), "{of_which_list:?}");
        context.with_outputs_below(directory)
    }
}

#[tokio::test]
async fn a_sink_that_cannot_be_read_is_tested_by_its_reports_and_files() {
    let summary = run(&Unseen(Reference::default())).await;
    let skipped: Vec<&str> = summary.skipped.iter().map(|skip| skip.case).collect();
    let expected = [
        "a_list_is_published_exactly_and_in_order",
        "a_list_of_one_column_is_published",
        "columns_come_in_any_order",
        "equal_deliveries_write_equal_bytes",
        "nothing_is_visible_before_commit",
        "a_crash_after_commit_doubles_nothing",
        "a_crash_leaves_the_earlier_list_as_it_was",
        "a_batch_refused_for_now_is_accepted_later",
        "a_later_walk_replaces_the_list_of_its_date",
        "an_older_walk_never_replaces_a_newer_one",
        "a_later_date_stands_beside_the_earlier",
        "two_lists_of_an_account_never_replace_each_other",
    ];
    assert_eq!(skipped, expected);
    let case = cases().find(|case| case.name() == "abort_leaves_no_trace").unwrap();
    case.run(&Unseen(Reference::with(Flaw::LeavesStagingOnAbort))).await.unwrap_err();
    let case = cases().find(|case| case.name() == "many_small_batches_are_one_list").unwrap();
    let failure = case.run(&Unseen(Reference::with(Flaw::ReportsTooMany))).await.unwrap_err();
    assert_eq!(failure.message, "the report counts 3501 rows, expected 3500");
}

/// A sink that publishes the lists of all cases to one place, and recognises a walk that it has
/// published, as a table does.
struct OnePlace {
    reference: Reference,
    folder: TempDir,
    scenes: AtomicUsize,
}

#[fanout_sink::async_trait]
impl Subject for OnePlace {
    fn sink(&self, _: &Path) -> ConfiguredSink {
        self.reference.sink(self.folder.path())
    }

    async fn read(&self, _: &Path, context: &SinkContext) -> Result<Option<ReadBack>, ReadError> {
        reference::read(self.folder.path(), context)
    }

    async fn traces(&self, _: &Path) -> Result<Traces, ReadError> {
        Ok(files_under(self.folder.path())?)
    }

    async fn remove(&self, _: &Path, context: &SinkContext) -> Result<bool, ReadError> {
        self.reference.remove(self.folder.path(), context).await
    }

    fn distinction(&self) -> Option<String> {
        Some(self.scenes.fetch_add(1, Ordering::Relaxed).to_string())
    }

    fn fail_next_write(&self, directory: &Path) -> bool {
        self.reference.fail_next_write(directory)
    }
}

#[tokio::test]
async fn a_sink_of_one_place_may_recognise_what_it_has_published() {
    let mut reference = Reference::default();
    reference.recognises_walks = true;
    let subject = OnePlace { reference, folder: TempDir::new().unwrap(), scenes: AtomicUsize::default() };
    // Its root is not in the folder of a case.
    let of_roots =
        ["roots_lie_where_the_options_say", "staging_stays_outside_the_roots", "a_simulated_list_stays_apart"];
    for case in cases().filter(|case| !of_roots.contains(&case.name())) {
        case.run(&subject).await.unwrap();
    }
}

#[tokio::test]
#[should_panic(expected = "commit_may_be_repeated: `commit` failed")]
async fn a_broken_promise_ends_the_run_with_its_name() {
    run(&Reference::with(Flaw::CommitsOnce)).await;
}

#[tokio::test]
async fn a_case_runs_alone() {
    let case = cases().find(|case| case.name() == "the_report_counts_every_row").unwrap();
    assert_eq!(case.run(&Reference::default()).await, Ok(Outcome::Kept));
    let failure = case.run(&Reference::with(Flaw::ReportsTooMany)).await.unwrap_err();
    assert_eq!(failure.case, case.name());
    assert_eq!(failure.promise, case.promise());
    assert_eq!(failure.message, "the report counts 11 rows, expected 10");
}

macro_rules! flaws {
    ($($test:ident: $flaw:ident => $case:literal,)*) => {
        $(#[tokio::test]
        async fn $test() {
            let failure = run_case($case, Flaw::$flaw).await.unwrap_err();
            assert_eq!(failure.case, $case);
        })*

        /// The case of each test above.
        const CATCHING: &[&str] = &[$($case),*];
    };
}

flaws! {
    a_lost_row_is_caught: LosesARow => "a_list_is_published_exactly_and_in_order",
    a_changed_order_is_caught: Reorders => "a_list_is_published_exactly_and_in_order",
    a_lost_value_is_caught: LosesEmptyTexts => "values_of_every_kind_come_back",
    a_lost_empty_array_is_caught: LosesEmptyArrays => "a_list_of_profiles_comes_back",
    a_missing_empty_list_is_caught: IgnoresEmptyLists => "an_empty_list_is_published",
    a_wrong_report_is_caught: ReportsTooMany => "the_report_counts_every_row",
    a_column_too_many_is_caught: WritesTheColumnsItKnows => "a_list_of_one_column_is_published",
    a_name_by_chance_is_caught: NamesByChance => "equal_deliveries_write_equal_bytes",
    a_list_that_shows_too_early_is_caught: ShowsWhatItWrites => "nothing_is_visible_before_commit",
    hidden_staging_in_the_root_is_caught: StagesInTheRoot => "staging_stays_outside_the_roots",
    a_commit_that_cannot_be_repeated_is_caught: CommitsOnce => "commit_may_be_repeated",
    staging_left_by_abort_is_caught: LeavesStagingOnAbort => "abort_leaves_no_trace",
    an_abort_that_takes_the_earlier_list_is_caught: AbortsTheEarlierList => "abort_leaves_the_earlier_list_as_it_was",
    rows_left_by_a_crash_between_batches_are_caught: KeepsStagingOfACrash => "a_crash_between_batches_is_forgotten",
    rows_left_by_a_crash_after_prepare_are_caught: KeepsStagingOfACrash => "a_crash_after_prepare_is_forgotten",
    rows_left_by_a_dropped_sink_are_caught: KeepsStagingOfACrash => "a_sink_that_is_dropped_is_forgotten",
    a_list_doubled_after_commit_is_caught: DoublesAfterCommit => "a_crash_after_commit_doubles_nothing",
    trust_in_destructors_is_caught: CleansUpInItsDestructor => "a_crash_between_batches_is_forgotten",
    an_attempt_that_ends_late_is_caught: TakesThePublishedListWithIt => "a_crash_after_prepare_is_forgotten",
    an_attempt_that_takes_the_earlier_list_with_it_is_caught:
        TakesThePublishedListWithIt => "a_crash_leaves_the_earlier_list_as_it_was",
    half_of_a_refused_batch_is_caught: AcceptsHalfOfARefusedBatch => "a_batch_refused_for_now_is_accepted_later",
    an_earlier_walk_that_stays_is_caught: AddsToTheEarlierWalk => "a_later_walk_replaces_the_list_of_its_date",
    an_older_walk_that_replaces_is_caught: ReplacesANewerList => "an_older_walk_never_replaces_a_newer_one",
    a_forgotten_date_is_caught: ForgetsTheDate => "a_later_date_stands_beside_the_earlier",
    shared_staging_is_caught: SharesStaging => "two_accounts_at_once_do_not_disturb_each_other",
    an_abort_of_shared_staging_is_caught: SharesStaging => "an_abort_leaves_the_other_account_alone",
    a_list_replaced_by_another_is_caught: ReplacesAnyList => "two_lists_of_an_account_never_replace_each_other",
    staging_shared_among_lists_is_caught: SharesStagingAmongLists => "an_abort_leaves_the_other_list_alone",
    simulated_rows_among_real_ones_are_caught: MixesSimulatedWithReal => "a_simulated_list_stays_apart",
    a_check_that_writes_is_caught: ChecksByWriting => "check_passes_and_changes_nothing",
    an_open_that_needs_a_check_is_caught: OpensOnlyAfterACheck => "a_check_makes_no_difference_to_open",
    roots_out_of_place_are_caught: RootsElsewhere => "roots_lie_where_the_options_say",
    a_name_in_capitals_is_caught: NamedInCapitals => "the_type_is_one_lower_case_word",
    a_summary_of_two_lines_is_caught: SummarisedInTwoLines => "the_summary_is_one_line",
    a_summary_without_a_guarantee_is_caught: PromisesNothing => "the_summary_states_the_guarantee",
    the_need_of_a_column_is_caught: NeedsTheAppId => "columns_come_in_any_order",
    a_skipped_single_row_is_caught: SkipsSingleRows => "batches_of_one_row_are_one_list",
    a_list_that_is_forgotten_over_a_pause_is_caught: ForgetsWhenItWaits => "a_pause_between_batches_changes_nothing",
    an_end_at_an_empty_batch_is_caught: StopsAtAnEmptyBatch => "an_empty_batch_changes_nothing",
    a_cut_batch_is_caught: CutsLargeBatches => "one_large_batch_is_one_list",
    a_limit_of_batches_is_caught: KeepsAHundredBatches => "many_small_batches_are_one_list",
    a_lock_that_outlives_a_crash_is_caught: LocksByFile => "a_crash_after_open_is_forgotten",
    a_lock_that_outlives_an_abort_is_caught: LocksByFile => "an_aborted_list_can_be_delivered_anew",
    an_open_that_takes_the_earlier_list_is_caught: OpensByRemoving => "a_crash_leaves_the_earlier_list_as_it_was",
    a_list_that_is_not_found_is_caught: FindsNothing => "what_was_published_is_held",
    a_list_that_is_found_where_nothing_is_is_caught: FindsWhatIsGone => "what_was_removed_is_gone",
    the_list_of_another_taken_for_its_own_is_caught: FindsAnyOwners => "what_another_owner_has_published_is_taken",
    a_newer_list_taken_for_the_older_is_caught: FindsAnyWalk => "a_newer_list_has_replaced_the_older",
    a_look_that_writes_is_caught: FindsByWriting => "a_look_changes_nothing",
}

#[test]
fn every_case_catches_a_flaw() {
    for case in cases() {
        assert!(CATCHING.contains(&case.name()), "`{}` catches no flaw", case.name());
    }
}
