//! What WeChat refuses: one follower, all of them, or requests that are too large.

use super::double::{Call, error};
use super::stage::{Stage, openid};
use crate::batches::Outcome;
use crate::error::{Error, Exit};
use crate::source::SourceError;

fn refusing(refused: &[u64]) -> impl Fn(&Call) -> Option<serde_json::Value> + use<> {
    let refused: Vec<String> = refused.iter().map(|&number| openid(number)).collect();
    move |call| call.openids.iter().any(|openid| refused.contains(openid)).then(|| error(40_003))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_who_is_refused_is_found_by_halves_and_keeps_nobody_else_from_a_row() {
    let stage = Stage::of(1_000, "profiles.max_refused_percent = 1").await;
    // One in the middle of a batch, one on a seam, and the last of all.
    stage.double.answer_by(refusing(&[333, 98, 999]));
    let (journal, completed) = stage.walk_anew().await.unwrap();
    let outcomes = stage.outcomes(&journal, completed.hints);
    let refused: Vec<usize> = (0..1_000).filter(|&position| outcomes[position] == Outcome::Refused).collect();
    assert_eq!(refused, [98, 333, 999]);
    assert_eq!(outcomes.iter().filter(|&&outcome| outcome == Outcome::There).count(), 997);
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_refusals_stop_the_walk_early_and_for_good() {
    let stage = Stage::of(10_000, "profiles.max_refused_percent = 0.01").await;
    stage.double.answer_by(refusing(&[500, 501, 9_000]));
    let stopped = stage.walk_anew().await.unwrap_err();
    assert!(
        matches!(stopped, Error::Source(SourceError::TooManyRefused { refused: 2 | 3, rows: 10_000, .. })),
        "{stopped:?}"
    );
    assert_eq!(stopped.exit(), Exit::Failed);
    assert_eq!(stage.resumable(), 0, "it is not tried again every night");
}

#[tokio::test(flavor = "multi_thread")]
async fn if_the_first_batches_are_all_refused_three_followers_decide() {
    let stage = Stage::of(5_000, "source.profiles.concurrency = 16").await;
    stage.double.answer_by(|_| Some(error(40_003)));
    let stopped = stage.walk_anew().await.unwrap_err();
    assert!(matches!(&stopped, Error::Source(SourceError::AllRefused { error }) if error.code == 40_003));
    assert_eq!(stage.double.take_calls().len(), 3 + 3, "nothing is halved");
    assert_eq!(stage.resumable(), 0);

    // In each of the first batches one follower is refused: that is no wrong token.
    let stage = Stage::of(5_000, "profiles.max_refused_percent = 1").await;
    stage.double.answer_by(refusing(&[50, 150, 250]));
    let (journal, completed) = stage.walk_anew().await.unwrap();
    let outcomes = stage.outcomes(&journal, completed.hints);
    assert_eq!(outcomes.iter().filter(|&&outcome| outcome == Outcome::Refused).count(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_are_too_large_are_halved_for_the_rest_of_the_walk_and_of_later_runs() {
    let stage = Stage::of(3_000, "").await;
    let too_large = |call: &Call| call.openids.len() > 50;
    stage.double.answer_by(move |call| match call {
        call if too_large(call) => Some(error(40_032)),
        call if call.number >= 20 => Some(error(45_009)),
        _ => None,
    });
    stage.walk_anew().await.unwrap_err();
    let refused = stage.double.take_calls().iter().filter(|call| too_large(call)).count();
    assert!(refused <= 4, "{refused} requests were too large: at most as many as were under way");
    stage.double.answer_by(move |call| too_large(call).then(|| error(40_032)));
    let (journal, completed) = stage.go_on().await.unwrap();
    assert_eq!(stage.outcomes(&journal, completed.hints), vec![Outcome::There; 3_000]);
    assert_eq!(stage.double.take_calls().iter().filter(|call| too_large(call)).count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wechat_that_finds_every_request_too_large_ends_the_walk() {
    let stage = Stage::of(3_000, "").await;
    stage.double.answer_by(|call| (!call.is_single).then(|| error(40_032)));
    let stopped = stage.walk_anew().await.unwrap_err();
    assert!(matches!(stopped, Error::Source(SourceError::TooManyElements { .. })), "{stopped:?}");
    assert!(stage.double.take_calls().len() < 50);
    assert_eq!(stage.resumable(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_stays_in_the_journal_as_it_was_said() {
    let stage = Stage::of(1_000, "profiles.max_refused_percent = 1").await;
    stage.double.answer_by(refusing(&[333]));
    let (journal, _) = stage.walk_anew().await.unwrap();
    let replies = journal.replies(333 / 99).unwrap();
    let said: Vec<_> = replies.iter().filter(|reply| reply.body.starts_with(b"{\"errcode\":40003")).collect();
    // The batch, a half of each half, and the follower alone.
    assert!(said.len() >= 8, "{}", said.len());
}
