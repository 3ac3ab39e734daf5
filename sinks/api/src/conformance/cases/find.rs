//! `find`: the sink's answer about a list that it has published.
//!
//! Before it: `all`. Behind it: a `Scene`, which makes the calls.

use super::case::table;
use crate::conformance::list::{FIRST, LATER_WALK};
use crate::conformance::outcome::{Step, Stop, broken};
use crate::conformance::scene::{Moment, Scene, same_bytes};
use crate::found::Found;

table! {
    what_was_published_is_held: "`SinkFactory::find`: `Held` while the list is as its commit left it",
    what_was_removed_is_gone: "`SinkFactory::find`: `Gone` when nothing of the list is there",
    what_another_owner_has_published_is_taken: "`SinkFactory::find`: `Taken` when the list of another owner is there",
    a_newer_list_has_replaced_the_older: "`SinkFactory::find`: `Replaced` when a newer list of the same owner is there",
    a_look_changes_nothing: "`SinkFactory::find`: changes nothing",
}

async fn what_was_published_is_held(scene: Scene<'_>) -> Step {
    for sizes in [&[40, 50][..], &[]] {
        let scene = scene.elsewhere()?;
        let list = scene.followers(FIRST, sizes);
        let report = scene.deliver(&list).await?;
        match scene.find(&scene.complete_context(&list), &report).await? {
            Found::Held | Found::Unknown => {}
            found => return broken(format!("`find` answers `{found:?}` for a list that was just committed")),
        }
    }
    Ok(())
}

async fn what_was_removed_is_gone(scene: Scene<'_>) -> Step {
    let list = scene.followers(FIRST, &[40, 50]);
    let report = scene.deliver(&list).await?;
    let context = scene.complete_context(&list);
    if scene.find(&context, &report).await? == Found::Unknown {
        return Ok(());
    }
    if !scene.remove(&list).await? {
        return Err(Stop::Skipped("the subject cannot remove what was published".to_owned()));
    }
    match scene.find(&context, &report).await? {
        Found::Gone => Ok(()),
        found => broken(format!("`find` answers `{found:?}` for a list that was removed")),
    }
}

async fn what_another_owner_has_published_is_taken(scene: Scene<'_>) -> Step {
    let list = scene.followers(FIRST, &[40, 50]);
    let report = scene.deliver(&list).await?;
    let context = scene.complete_context(&list);
    let pipeline = context.pipeline.clone();
    match scene.find(&context.with_names(&pipeline, "another"), &report).await? {
        Found::Taken(_) | Found::Unknown => Ok(()),
        found => broken(format!("`find` answers `{found:?}` where the list of another sink is")),
    }
}

async fn a_newer_list_has_replaced_the_older(scene: Scene<'_>) -> Step {
    let older = scene.followers(FIRST, &[40, 50]);
    let report = scene.deliver(&older).await?;
    scene.deliver(&scene.followers(LATER_WALK, &[20, 30])).await?;
    match scene.find(&scene.complete_context(&older), &report).await? {
        Found::Replaced | Found::Unknown => Ok(()),
        found => broken(format!("`find` answers `{found:?}` for a list that a newer one has replaced")),
    }
}

async fn a_look_changes_nothing(scene: Scene<'_>) -> Step {
    let list = scene.followers(FIRST, &[40, 50]);
    let report = scene.deliver(&list).await?;
    // The staging of the next list must stay as it was, too. Only a prepared list is at rest: a
    // program that is still writing would change its staging while the suite looks.
    scene.advance(&scene.followers(LATER_WALK, &[20, 30]), Moment::Prepared).await?.crash();
    for is_removed in [false, true] {
        if is_removed && !scene.remove(&list).await? {
            break;
        }
        let before = scene.traces().await?;
        scene.find(&scene.complete_context(&list), &report).await?;
        same_bytes(("the folder before", &before), ("the folder after `find`", &scene.traces().await?))?;
    }
    Ok(())
}
