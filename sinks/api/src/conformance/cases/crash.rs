//! Crashes: when the same list is delivered again, nothing is lost, doubled or left over.
//!
//! Before it: `all`. Behind it: a `Scene`, which makes the calls.

use super::case::table;
use crate::conformance::list::{FIRST, LATER_WALK, List};
use crate::conformance::outcome::{Step, Stop, broken};
use crate::conformance::scene::{Moment, Scene, same_bytes};

table! {
    a_crash_after_open_is_forgotten: "`Sink`, line 10: `open` drops what lay in staging",
    a_crash_between_batches_is_forgotten: "`Sink`, line 10: `open` drops what lay in staging",
    a_crash_after_prepare_is_forgotten: "`Sink`, line 10: `open` drops what lay in staging",
    a_crash_after_commit_doubles_nothing:
        "`Sink`, line 10: what had been committed is replaced by the same bytes or recognised as already there",
    a_sink_that_is_dropped_is_forgotten: "`Sink`, line 10: `open` drops what lay in staging",
    a_crash_leaves_the_earlier_list_as_it_was: "`Sink`, line 7: invisible until commit, so the earlier list stays visible",
    a_batch_refused_for_now_is_accepted_later: "`Sink`, line 4: a temporary error means that nothing was accepted",
}

async fn a_crash_after_open_is_forgotten(scene: Scene<'_>) -> Step {
    forget_crash(scene, Moment::Opened).await
}

async fn a_crash_between_batches_is_forgotten(scene: Scene<'_>) -> Step {
    forget_crash(scene, Moment::HalfWritten).await
}

async fn a_crash_after_prepare_is_forgotten(scene: Scene<'_>) -> Step {
    forget_crash(scene, Moment::Prepared).await
}

/// Crashes twice at `moment`, delivers the list again, and compares with a delivery without
/// crashes: the bytes of the outputs, and the names of everything else in the folder.
async fn forget_crash(scene: Scene<'_>, moment: Moment) -> Step {
    scene.needs_exactly_once()?;
    let list = scene.followers(FIRST, &[40, 50, 60, 70]);
    scene.advance(&list, moment).await?.crash();
    scene.advance(&list, moment).await?.crash();
    deliver_as_if_undisturbed(&scene, &list).await
}

async fn deliver_as_if_undisturbed(scene: &Scene<'_>, list: &List) -> Step {
    scene.deliver(list).await?;
    let found = scene.expect_published(list).await?.outputs;

    let undisturbed = scene.elsewhere()?;
    undisturbed.deliver(list).await?;
    let expected = undisturbed.expect_published(list).await?.outputs;
    same_bytes(("an undisturbed delivery", &expected), ("the delivery after the crash", &found))?;

    let expected = undisturbed.traces().await?;
    match scene.traces().await?.keys().find(|name| !expected.contains_key(*name)) {
        Some(name) => broken(format!("`{name}` is left over from the attempt that crashed")),
        None => Ok(()),
    }
}

async fn a_crash_after_commit_doubles_nothing(scene: Scene<'_>) -> Step {
    scene.needs_reader()?;
    scene.needs_exactly_once()?;
    let list = scene.followers(FIRST, &[40, 50, 60]);
    scene.advance(&list, Moment::Committed).await?.crash();
    let before = scene.expect_published(&list).await?.outputs;

    let mut attempt = scene.open(&list).await?;
    attempt.write_all(&list.batches).await?;
    attempt.prepare(&list).await?;
    let meanwhile = scene.expect_published(&list).await?.outputs;
    same_bytes(("the committed list", &before), ("the list while it is delivered again", &meanwhile))?;
    let report = attempt.commit().await?;
    if report.rows != list.snapshot.rows {
        return broken(format!("the second report counts {} rows, expected {}", report.rows, list.snapshot.rows));
    }
    let after = scene.expect_published(&list).await?.outputs;
    same_bytes(("the committed list", &before), ("the list delivered again", &after))?;
    deliver_as_if_undisturbed(&scene, &list).await
}

/// A panic drops the sink: its destructors run, and the engine does not call `abort`.
async fn a_sink_that_is_dropped_is_forgotten(scene: Scene<'_>) -> Step {
    scene.needs_exactly_once()?;
    for moment in Moment::BEFORE_COMMIT {
        let scene = scene.elsewhere()?;
        let list = scene.followers(FIRST, &[40, 50, 60, 70]);
        drop(scene.advance(&list, moment).await?);
        deliver_as_if_undisturbed(&scene, &list).await?;
    }
    Ok(())
}

async fn a_crash_leaves_the_earlier_list_as_it_was(scene: Scene<'_>) -> Step {
    scene.needs_reader()?;
    scene.needs_staging()?;
    let earlier = scene.followers(FIRST, &[40, 50]);
    let later = scene.followers(LATER_WALK, &[20, 30]);
    scene.deliver(&earlier).await?;
    let before = scene.expect_published(&earlier).await?.outputs;
    for moment in Moment::BEFORE_COMMIT {
        scene.advance(&later, moment).await?.crash();
        let after = scene.expect_published(&earlier).await?.outputs;
        same_bytes(
            ("the earlier list", &before),
            (&format!("the earlier list after a crash when {moment:?}"), &after),
        )?;
    }
    scene.deliver(&later).await?;
    scene.expect_published(&later).await?;
    Ok(())
}

async fn a_batch_refused_for_now_is_accepted_later(scene: Scene<'_>) -> Step {
    let list = scene.followers(FIRST, &[40, 50]);
    let mut attempt = scene.open(&list).await?;
    for batch in &list.batches {
        if !scene.subject().fail_next_write(scene.directory()) {
            return Err(Stop::Skipped("the subject cannot provoke a temporary error".to_owned()));
        }
        match attempt.write_once(batch).await {
            Err(error) if error.is_temporary() => attempt.write(batch).await?,
            Err(error) => return broken(format!("the provoked error is not temporary: {error}")),
            Ok(()) => return broken("`write` succeeded although its failure was provoked"),
        }
    }
    attempt.prepare(&list).await?;
    attempt.commit().await?;
    scene.expect_published(&list).await?;
    Ok(())
}
