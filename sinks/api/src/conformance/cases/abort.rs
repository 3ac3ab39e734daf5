//! `abort`: nothing of the aborted list stays, and every other list stays as it was.
//!
//! Before it: `all`. Behind it: a `Scene`, which makes the calls.

use super::case::table;
use crate::conformance::list::{FIRST, LATER_WALK};
use crate::conformance::outcome::Step;
use crate::conformance::scene::{Moment, Scene, same_bytes};

table! {
    abort_leaves_no_trace: "`Sink`, line 9: abort leaves no trace of this list",
    abort_leaves_the_earlier_list_as_it_was: "`Sink`, line 9: what an earlier list has published stays as it was",
    an_aborted_list_can_be_delivered_anew: "`Sink`, line 9: abort leaves no trace, so the list can be delivered again",
}

async fn abort_leaves_no_trace(scene: Scene<'_>) -> Step {
    scene.needs_sight()?;
    scene.needs_staging()?;
    for moment in Moment::BEFORE_COMMIT {
        let scene = scene.elsewhere()?;
        let list = scene.followers(FIRST, &[40, 50]);
        let before = scene.traces().await?;
        scene.advance(&list, moment).await?.abort().await?;
        let after = scene.traces().await?;
        same_bytes(("the folder before", &before), (&format!("the folder aborted when {moment:?}"), &after))?;
        scene.expect_nothing_published(&list, "after `abort`").await?;
    }
    Ok(())
}

async fn abort_leaves_the_earlier_list_as_it_was(scene: Scene<'_>) -> Step {
    scene.needs_sight()?;
    scene.needs_staging()?;
    let earlier = scene.followers(FIRST, &[40, 50]);
    scene.deliver(&earlier).await?;
    let before = scene.traces().await?;
    for moment in Moment::BEFORE_COMMIT {
        scene.advance(&scene.followers(LATER_WALK, &[20, 30]), moment).await?.abort().await?;
        let after = scene.traces().await?;
        same_bytes(("the folder before", &before), (&format!("the folder aborted when {moment:?}"), &after))?;
        scene.expect_published(&earlier).await?;
    }
    Ok(())
}

/// The engine delivers again when it finds duplicates at the end of a list: with the same context,
/// and fewer rows.
async fn an_aborted_list_can_be_delivered_anew(scene: Scene<'_>) -> Step {
    scene.needs_staging()?;
    for moment in Moment::BEFORE_COMMIT {
        let scene = scene.elsewhere()?;
        let list = scene.followers(FIRST, &[40, 9]);
        scene.advance(&scene.followers(FIRST, &[40, 50]), moment).await?.abort().await?;
        scene.deliver(&list).await?;
        let anew = scene.expect_published(&list).await?.outputs;

        let scene = scene.elsewhere()?;
        scene.deliver(&list).await?;
        let undisturbed = scene.expect_published(&list).await?.outputs;
        same_bytes(("an undisturbed delivery", &undisturbed), (&format!("one aborted when {moment:?}"), &anew))?;
    }
    Ok(())
}
