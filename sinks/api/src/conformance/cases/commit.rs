//! `commit`: a list becomes visible then, not earlier, and once.
//!
//! Before it: `all`. Behind it: a `Scene`, which makes the calls.

use super::case::table;
use crate::conformance::list::{FIRST, LATER_WALK};
use crate::conformance::outcome::{Step, broken};
use crate::conformance::scene::{Moment, Scene, same_bytes};

table! {
    nothing_is_visible_before_commit: "`Sink`, line 7: after prepare everything is durable and still invisible",
    staging_stays_outside_the_roots: "`Sink`, line 7: invisible, also to a reader of hidden files",
    commit_may_be_repeated: "`Sink`, line 8: commit is safe to repeat",
}

async fn nothing_is_visible_before_commit(scene: Scene<'_>) -> Step {
    scene.needs_reader()?;
    scene.needs_staging()?;
    let list = scene.followers(FIRST, &[40, 50]);
    let mut attempt = scene.open(&list).await?;
    scene.expect_nothing_published(&list, "after `open`").await?;
    for batch in &list.batches {
        attempt.write(batch).await?;
        scene.expect_nothing_published(&list, "after `write`").await?;
    }
    attempt.prepare(&list).await?;
    scene.expect_nothing_published(&list, "after `prepare`").await?;
    attempt.commit().await?;
    scene.expect_published(&list).await?;
    Ok(())
}

async fn staging_stays_outside_the_roots(scene: Scene<'_>) -> Step {
    scene.needs_staging()?;
    scene.needs_roots()?;
    let earlier = scene.followers(FIRST, &[3]);
    scene.deliver(&earlier).await?;
    let before = scene.files_in_roots(&earlier)?;
    if before.is_empty() {
        return broken("a published list left no file under the sink's roots");
    }
    let later = scene.followers(LATER_WALK, &[40, 50]);
    for moment in Moment::BEFORE_COMMIT {
        let attempt = scene.advance(&later, moment).await?;
        let found = scene.files_in_roots(&later)?;
        same_bytes(("the roots before", &before), (&format!("the roots when {moment:?}"), &found))?;
        attempt.abort().await?;
    }
    Ok(())
}

async fn commit_may_be_repeated(scene: Scene<'_>) -> Step {
    let list = scene.followers(FIRST, &[40, 50]);
    let mut attempt = scene.advance(&list, Moment::Prepared).await?;
    let report = attempt.commit().await?;
    let once = scene.expect_published(&list).await?.outputs;
    let repeated = attempt.commit().await?;
    if repeated != report {
        return broken(format!("the second report is {repeated:?}, the first was {report:?}"));
    }
    let twice = scene.expect_published(&list).await?.outputs;
    same_bytes(("one commit", &once), ("two commits", &twice))
}
