//! The factory: what it states and checks before it opens a sink.
//!
//! Before it: `all`. Behind it: a `Scene`, which makes the calls.

use super::case::table;
use crate::conformance::list::{FIRST, LATER_WALK};
use crate::conformance::outcome::{Step, broken};
use crate::conformance::scene::{Moment, Scene, same_bytes};

table! {
    the_type_is_one_lower_case_word: "`SinkFactory::name`: the `type` in the pipeline file, one lower-case word",
    the_summary_is_one_line: "`SinkFactory::summary`: one line for `fanout sinks`",
    the_summary_states_the_guarantee: "`SinkFactory::summary`: states the guarantee of `SinkFactory::delivery`",
    roots_lie_where_the_options_say: "`SinkFactory::roots`: the folders under which the sink writes, as in the options",
    check_passes_and_changes_nothing: "`SinkFactory::check`: changes nothing",
    a_check_makes_no_difference_to_open: "`SinkFactory::open`: opens with or without an earlier `check`",
}

async fn the_type_is_one_lower_case_word(scene: Scene<'_>) -> Step {
    let sink = scene.sink();
    let name = sink.name();
    let fits = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_';
    if name.starts_with(|letter: char| letter.is_ascii_lowercase()) && name.chars().all(fits) {
        return Ok(());
    }
    broken(format!("the name is `{name}`"))
}

async fn the_summary_is_one_line(scene: Scene<'_>) -> Step {
    let sink = scene.sink();
    let summary = sink.summary();
    if summary.trim().is_empty() || summary.contains('\n') {
        return broken(format!("the summary is {summary:?}"));
    }
    Ok(())
}

async fn the_summary_states_the_guarantee(scene: Scene<'_>) -> Step {
    let sink = scene.sink();
    let (guarantee, summary) = (sink.delivery().guarantee().to_string(), sink.summary());
    if summary.contains(&guarantee) {
        return Ok(());
    }
    broken(format!("the summary is {summary:?}, expected `{guarantee}` in it"))
}

async fn roots_lie_where_the_options_say(scene: Scene<'_>) -> Step {
    scene.needs_roots()?;
    for root in scene.roots(&scene.followers(FIRST, &[])) {
        let directory = scene.directory();
        if root.as_path().is_some_and(|path| !path.starts_with(directory) || path == directory) {
            return broken(format!("the root `{root}` is not a folder or file inside `{}`", directory.display()));
        }
    }
    Ok(())
}

async fn check_passes_and_changes_nothing(scene: Scene<'_>) -> Step {
    let list = scene.followers(FIRST, &[3, 4]);
    let later = scene.followers(LATER_WALK, &[5, 2]);
    let before = scene.traces().await?;
    scene.check(&list).await?;
    same_bytes(("the empty folder", &before), ("the folder after `check`", &scene.traces().await?))?;

    scene.deliver(&list).await?;
    scene.advance(&later, Moment::Prepared).await?.crash();
    let before = scene.traces().await?;
    scene.check(&later).await?;
    same_bytes(("the folder after a crash", &before), ("the folder after `check`", &scene.traces().await?))
}

async fn a_check_makes_no_difference_to_open(scene: Scene<'_>) -> Step {
    let list = scene.followers(FIRST, &[3, 4]);
    scene.check(&list).await?;
    scene.deliver(&list).await?;
    let checked = scene.expect_published(&list).await?.outputs;

    let scene = scene.elsewhere()?;
    scene.deliver(&list).await?;
    let unchecked = scene.expect_published(&list).await?.outputs;
    same_bytes(("a delivery with `check`", &checked), ("a delivery without it", &unchecked))
}
