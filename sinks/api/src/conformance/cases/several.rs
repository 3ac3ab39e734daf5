//! Several lists in one place: of two walks, dates, accounts, of one account, and of the simulator.
//!
//! Before it: `all`. Behind it: a `Scene`, which makes the calls.

use super::case::table;
use crate::conformance::list::{FIRST, LATER_DATE, LATER_WALK, List, OTHER_ACCOUNT, OTHER_LIST};
use crate::conformance::outcome::{Step, Stop, broken};
use crate::conformance::scene::{Moment, Scene, same_bytes};
use crate::found::Found;

table! {
    a_later_walk_replaces_the_list_of_its_date: "`Sink`, line 8: commit makes this list visible, and no other",
    an_older_walk_never_replaces_a_newer_one: "`Sink`, line 12: an older list does not replace a newer one of its date",
    a_later_date_stands_beside_the_earlier: "`Sink`, line 11: names of outputs come from the context",
    two_accounts_at_once_do_not_disturb_each_other: "`Sink`, line 11: names of outputs come from the context",
    an_abort_leaves_the_other_account_alone: "`Sink`, line 9: abort leaves no trace of this list, and of no other",
    two_lists_of_an_account_never_replace_each_other: "`SinkContext::list`: each list of an account needs a place of its own",
    an_abort_leaves_the_other_list_alone: "`Sink`, line 9: abort leaves no trace of this list, and of no other",
    a_simulated_list_stays_apart: "`SinkContext::simulated`: outputs must stay apart from real ones",
}

/// The later list is shorter than the earlier one: a file or row of the earlier one that stays
/// behind is found.
async fn a_later_walk_replaces_the_list_of_its_date(scene: Scene<'_>) -> Step {
    scene.needs_reader()?;
    scene.needs_staging()?;
    let later = scene.followers(LATER_WALK, &[20, 30]);
    scene.deliver(&scene.followers(FIRST, &[40, 50, 60])).await?;
    scene.deliver(&later).await?;
    let replaced = scene.expect_published(&later).await?.outputs;

    let alone = scene.elsewhere()?;
    alone.deliver(&later).await?;
    let expected = alone.expect_published(&later).await?.outputs;
    same_bytes(("the later list alone", &expected), ("the later list after the earlier", &replaced))?;
    let (expected, found) = (alone.files_in_roots(&later)?.len(), scene.files_in_roots(&later)?.len());
    if expected != found {
        return broken(format!("{found} files lie in the roots, expected {expected}"));
    }
    Ok(())
}

/// As when two states deliver one date, or a state is restored. The older list is longer than the
/// newer one: a file or row of it that is published is found.
async fn an_older_walk_never_replaces_a_newer_one(scene: Scene<'_>) -> Step {
    scene.needs_reader()?;
    scene.needs_staging()?;
    let (older, newer) = (scene.followers(FIRST, &[40, 50, 60]), scene.followers(LATER_WALK, &[20, 30]));
    scene.deliver(&newer).await?;
    let before = scene.expect_published(&newer).await?.outputs;
    let report = scene.deliver(&older).await?;
    let after = scene.expect_published(&newer).await?.outputs;
    same_bytes(("the newer list", &before), ("the newer list after the older", &after))?;
    match scene.find(&scene.complete_context(&older), &report).await? {
        Found::Replaced | Found::Unknown => Ok(()),
        found => broken(format!("`find` answers `{found:?}` for an older list that was delivered after a newer one")),
    }
}

async fn a_later_date_stands_beside_the_earlier(scene: Scene<'_>) -> Step {
    scene.needs_reader()?;
    scene.needs_staging()?;
    if !scene.subject().keeps_earlier_dates() {
        return Err(Stop::Skipped("the sink holds the list of the latest date only".to_owned()));
    }
    let earlier = scene.followers(FIRST, &[40, 50]);
    let later = scene.followers(LATER_DATE, &[20, 30]);
    scene.deliver(&earlier).await?;
    let before = scene.expect_published(&earlier).await?.outputs;
    scene.deliver(&later).await?;
    scene.expect_published(&later).await?;
    let after = scene.expect_published(&earlier).await?.outputs;
    same_bytes(("the earlier date before", &before), ("the earlier date after", &after))
}

async fn two_accounts_at_once_do_not_disturb_each_other(scene: Scene<'_>) -> Step {
    scene.needs_several_at_once()?;
    let one = scene.followers(FIRST, &[40, 50]);
    let other = scene.followers(OTHER_ACCOUNT, &[20, 30]);
    let mut one_attempt = scene.open(&one).await?;
    let mut other_attempt = scene.open(&other).await?;
    for (one_batch, other_batch) in one.batches.iter().zip(&other.batches) {
        one_attempt.write(one_batch).await?;
        other_attempt.write(other_batch).await?;
    }
    one_attempt.prepare(&one).await?;
    other_attempt.prepare(&other).await?;
    other_attempt.commit().await?;
    one_attempt.commit().await?;
    scene.expect_published(&one).await?;
    scene.expect_published(&other).await?;
    Ok(())
}

async fn an_abort_leaves_the_other_account_alone(scene: Scene<'_>) -> Step {
    scene.needs_staging()?;
    for moment in Moment::BEFORE_COMMIT {
        let scene = scene.elsewhere()?;
        let other = scene.followers(OTHER_ACCOUNT, &[20, 30]);
        abort_beside_another(&scene, &other, moment).await?;
        scene.expect_nothing_published(&other, "after `abort`").await?;
    }
    Ok(())
}

/// Aborts `other` at `moment`, while the first list is being delivered.
async fn abort_beside_another(scene: &Scene<'_>, other: &List, moment: Moment) -> Step {
    let list = scene.followers(FIRST, &[40, 50]);
    let mut attempt = scene.advance(&list, Moment::HalfWritten).await?;
    scene.advance(other, moment).await?.abort().await?;
    attempt.write_all(&list.batches[1..]).await?;
    attempt.prepare(&list).await?;
    attempt.commit().await?;
    scene.expect_published(&list).await.map(drop)
}

/// A sink may refuse the second list or publish both; it must not replace the first.
async fn two_lists_of_an_account_never_replace_each_other(scene: Scene<'_>) -> Step {
    scene.needs_reader()?;
    scene.needs_staging()?;
    let one = scene.followers(FIRST, &[40, 50]);
    let other = scene.followers(OTHER_LIST, &[20, 30]);
    scene.deliver(&one).await?;
    let before = scene.expect_published(&one).await?.outputs;
    if scene.try_deliver(&other).await.is_ok() {
        scene.expect_published(&other).await?;
    }
    let after = scene.expect_published(&one).await?.outputs;
    same_bytes(("the list before", &before), ("the list after another list of the account", &after))
}

async fn an_abort_leaves_the_other_list_alone(scene: Scene<'_>) -> Step {
    scene.needs_staging()?;
    for moment in Moment::BEFORE_COMMIT {
        let scene = scene.elsewhere()?;
        abort_beside_another(&scene, &scene.followers(OTHER_LIST, &[20, 30]), moment).await?;
    }
    Ok(())
}

async fn a_simulated_list_stays_apart(mut scene: Scene<'_>) -> Step {
    scene.needs_roots()?;
    let real = scene.followers(FIRST, &[40, 50]);
    scene.deliver(&real).await?;
    let before = scene.files_in_roots(&real)?;

    scene.set_simulated(true);
    let simulated = scene.followers(FIRST, &[20]);
    scene.deliver(&simulated).await?;
    scene.expect_published(&simulated).await?;

    scene.set_simulated(false);
    let after = scene.files_in_roots(&real)?;
    same_bytes(("the real outputs before", &before), ("the real outputs after", &after))
}
