//! Runs the conformance suite over the arrow sink, with every compression.

use std::fs::File;
use std::path::Path;

use fanout_sink::arrow::ipc::reader::StreamReader;
use fanout_sink::conformance::{ReadBack, ReadError, files_under, rows_of, run, subject};
use fanout_sink::{ConfiguredSink, SinkContext};
use fanout_sink_arrow::{ArrowFactory, ArrowOptions, Compression};

/// Reads the stream, and leaves out the column that the sink adds.
fn read(_directory: &Path, context: &SinkContext) -> Result<Option<ReadBack>, ReadError> {
    let path = context.output_path(&context.directory.join("out.arrow"));
    if !path.exists() {
        return Ok(None);
    }
    let mut rows = Vec::new();
    for records in StreamReader::try_new_buffered(File::open(&path)?, None)? {
        let mut records = records?;
        let dt = records.schema().index_of("dt")?;
        records.remove_column(dt);
        rows.extend(rows_of(&records)?);
    }
    Ok(Some(ReadBack { rows, outputs: files_under(&path)? }))
}

async fn assert_conforms(compression: Compression) {
    let sink = move |directory: &Path| {
        let mut options = ArrowOptions::new(directory.join("out.arrow"));
        options.compression = compression;
        ConfiguredSink::new(ArrowFactory, options)
    };
    let summary = run(&subject(sink, read)).await;
    let mut skipped: Vec<&str> = summary.skipped.iter().map(|skip| skip.case).collect();
    skipped.sort_unstable();
    let expected = [
        // A stream has no temporary errors.
        "a_batch_refused_for_now_is_accepted_later",
        // The others are promises of sinks that remember.
        "a_crash_after_commit_doubles_nothing",
        "a_crash_after_open_is_forgotten",
        "a_crash_after_prepare_is_forgotten",
        "a_crash_between_batches_is_forgotten",
        "a_crash_leaves_the_earlier_list_as_it_was",
        "a_later_date_stands_beside_the_earlier",
        "a_later_walk_replaces_the_list_of_its_date",
        "a_sink_that_is_dropped_is_forgotten",
        "abort_leaves_no_trace",
        "abort_leaves_the_earlier_list_as_it_was",
        "an_abort_leaves_the_other_account_alone",
        "an_abort_leaves_the_other_list_alone",
        "an_aborted_list_can_be_delivered_anew",
        "an_older_walk_never_replaces_a_newer_one",
        "nothing_is_visible_before_commit",
        "staging_stays_outside_the_roots",
        "two_accounts_at_once_do_not_disturb_each_other",
        "two_lists_of_an_account_never_replace_each_other",
    ];
    assert_eq!(skipped, expected);
    let (of_one_shot, reason) = (&summary.skipped[1..], "the sink is one-shot: ");
    assert!(of_one_shot.iter().filter(|skip| skip.reason.starts_with(reason)).count() >= expected.len() - 2);
}

#[tokio::test]
async fn a_plain_stream() {
    assert_conforms(Compression::None).await;
}

#[tokio::test]
async fn an_lz4_stream() {
    assert_conforms(Compression::Lz4).await;
}

#[tokio::test]
async fn a_zstd_stream() {
    assert_conforms(Compression::Zstd).await;
}
