//! The content: every row is published, in order, however the rows are divided into batches.
//!
//! Before it: `all`. Behind it: a `Scene`, which makes the calls.

use std::sync::Arc;
use std::time::Duration;

use super::case::table;
use crate::arrow::datatypes::{FieldRef, Schema};
use crate::conformance::list::{FIRST, List};
use crate::conformance::outcome::{Step, Stop, broken};
use crate::conformance::scene::{Scene, same_bytes};
use crate::delivery::Delivery;

table! {
    a_list_is_published_exactly_and_in_order: "`Sink`, line 8: commit makes everything visible, in the order of line 2",
    the_report_counts_every_row: "`Sink`, line 8: the report counts every row that was written",
    an_empty_list_is_published: "`Sink`, line 7: there may have been no batch at all",
    many_small_batches_are_one_list: "`Sink`, line 8: commit makes everything visible at once",
    batches_of_one_row_are_one_list: "`Sink`, line 8: commit makes everything visible at once",
    one_large_batch_is_one_list: "`Sink`, line 8: commit makes everything visible at once",
    an_empty_batch_changes_nothing: "`Sink`, line 8: commit makes visible what was written",
    a_pause_between_batches_changes_nothing: "`Sink`, line 3: the walk waits for the sink, and the sink for the walk",
    a_list_of_one_column_is_published: "`SinkContext::schema`: the columns after the pipeline file's `columns`",
    columns_come_in_any_order: "`SinkContext::schema`: the columns after the pipeline file's `columns`",
    values_of_every_kind_come_back: "`Sink`, line 8: commit makes visible what was written",
    a_list_of_profiles_comes_back: "`Sink`, line 8: commit makes visible what was written",
    equal_deliveries_write_equal_bytes: "`Sink`, line 11: output is a function of context, batches and snapshot",
}

/// The pause of a slow walk between two batches.
const PAUSE: Duration = Duration::from_millis(150);

async fn deliver_and_compare(scene: &Scene<'_>, list: &List) -> Step {
    scene.deliver(list).await?;
    expect_published(scene, list).await
}

/// Reads `list` back. A sink that stages must publish an empty output for an empty list; another
/// sink may leave nothing to read, because it has sent no message.
async fn expect_published(scene: &Scene<'_>, list: &List) -> Step {
    let staged = scene.sink().delivery() == Delivery::Staged;
    if list.rows.is_empty() && !staged && scene.read(list).await?.is_none() {
        return Ok(());
    }
    scene.expect_published(list).await.map(drop)
}

async fn a_list_is_published_exactly_and_in_order(scene: Scene<'_>) -> Step {
    scene.needs_reader()?;
    deliver_and_compare(&scene, &scene.followers(FIRST, &[3, 5, 2])).await
}

async fn the_report_counts_every_row(scene: Scene<'_>) -> Step {
    let report = scene.deliver(&scene.followers(FIRST, &[3, 5, 2])).await?;
    let in_outputs: u64 = report.outputs.iter().map(|output| output.rows).sum();
    if !report.outputs.is_empty() && in_outputs != report.rows {
        return broken(format!("the outputs of the report add up to {in_outputs} rows, expected {}", report.rows));
    }
    Ok(())
}

async fn an_empty_list_is_published(scene: Scene<'_>) -> Step {
    let list = scene.followers(FIRST, &[]);
    deliver_and_compare(&scene, &list).await
}

async fn many_small_batches_are_one_list(scene: Scene<'_>) -> Step {
    deliver_and_compare(&scene, &scene.followers(FIRST, &[7; 500])).await
}

async fn batches_of_one_row_are_one_list(scene: Scene<'_>) -> Step {
    deliver_and_compare(&scene, &scene.followers(FIRST, &[1; 40])).await
}

async fn one_large_batch_is_one_list(scene: Scene<'_>) -> Step {
    deliver_and_compare(&scene, &scene.followers(FIRST, &[100_000])).await
}

async fn an_empty_batch_changes_nothing(scene: Scene<'_>) -> Step {
    for sizes in [[0, 4, 3], [4, 0, 3], [4, 3, 0], [0, 0, 0]] {
        let scene = scene.elsewhere()?;
        deliver_and_compare(&scene, &scene.followers(FIRST, &sizes)).await?;
    }
    Ok(())
}

/// The walk may wait for WeChat for minutes.
async fn a_pause_between_batches_changes_nothing(scene: Scene<'_>) -> Step {
    let list = scene.followers(FIRST, &[40, 50, 60]);
    let mut attempt = scene.open(&list).await?;
    for batch in &list.batches {
        // Blocks the thread: the suite uses no runtime, and a sink must work under a busy one, too.
        std::thread::sleep(PAUSE);
        attempt.write(batch).await?;
    }
    std::thread::sleep(PAUSE);
    attempt.prepare(&list).await?;
    attempt.commit().await?;
    scene.expect_published(&list).await.map(drop)
}

async fn a_list_of_one_column_is_published(scene: Scene<'_>) -> Step {
    scene.needs_any_columns()?;
    for column in scene.followers(FIRST, &[]).columns() {
        let scene = scene.elsewhere()?;
        deliver_and_compare(&scene, &scene.followers(FIRST, &[3, 2]).only(&[&column])).await?;
    }
    Ok(())
}

async fn columns_come_in_any_order(scene: Scene<'_>) -> Step {
    scene.needs_any_columns()?;
    let list = scene.followers(FIRST, &[3, 2]).only(&["fetched_at", "position", "openid"]);
    deliver_and_compare(&scene, &list).await
}

async fn values_of_every_kind_come_back(scene: Scene<'_>) -> Step {
    let list = List::mixed(FIRST);
    if !scene.subject().accepts(list.schema()) {
        return Err(Stop::Skipped("the sink takes the columns of its own list only".to_owned()));
    }
    deliver_and_compare(&scene, &list).await
}

/// Leaves out the columns that the sink refuses, as `check` tells a person to do.
async fn a_list_of_profiles_comes_back(scene: Scene<'_>) -> Step {
    let list = scene.profiles(FIRST);
    let sink = scene.sink();
    let is_taken = |field: &&FieldRef| sink.refusals(&Schema::new(vec![Arc::clone(field)])).is_empty();
    let taken: Vec<String> = list.schema().fields().iter().filter(is_taken).map(|field| field.name().clone()).collect();
    let list = list.only(&taken.iter().map(String::as_str).collect::<Vec<_>>());
    if !scene.subject().accepts(list.schema()) {
        return Err(Stop::Skipped("the sink takes the columns of its own list only".to_owned()));
    }
    deliver_and_compare(&scene, &list).await
}

async fn equal_deliveries_write_equal_bytes(scene: Scene<'_>) -> Step {
    scene.needs_reader()?;
    let list = scene.followers(FIRST, &[300, 1, 500]);
    scene.deliver(&list).await?;
    let one = scene.expect_published(&list).await?.outputs;

    let scene = scene.elsewhere()?;
    scene.deliver(&list).await?;
    let other = scene.expect_published(&list).await?.outputs;
    same_bytes(("one delivery", &one), ("another", &other))
}
