//! Followers about whom WeChat does not answer, while it answers about others.

use serde_json::Value;

use super::double::{Call, error};
use super::stage::{Stage, openid};
use crate::batches::Outcome;
use crate::error::{Error, Exit};

/// Answers with HTTP 503 to each batch with one of these followers and, if `alone`, to the question
/// about them alone.
fn silent(about: &[u64], alone: bool) -> impl Fn(&Call) -> Option<Value> + Clone + use<> {
    let about: Vec<String> = about.iter().map(|&number| openid(number)).collect();
    move |call| {
        let is_about = call.openids.iter().any(|openid| about.contains(openid));
        (is_about && (alone || !call.is_single)).then_some(Value::Null)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_batch_without_a_reply_does_not_stop_the_walk() {
    // One in the middle of a batch, one on a seam, one in the first batch.
    for odd in [333, 98, 5] {
        for alone in [false, true] {
            let stage = Stage::of(1_000, "source.profiles.concurrency = 8").await;
            stage.double.answer_by(silent(&[odd], alone));
            let (journal, completed) = stage.walk_anew().await.unwrap();
            let mut expected = vec![Outcome::There; 1_000];
            if alone {
                expected[odd as usize] = Outcome::Unreadable;
            }
            assert_eq!(stage.outcomes(&journal, completed.hints), expected, "{odd}, {alone}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_one_batch_begins_with_the_half_of_which_wechat_tells() {
    for odd in [7, 40] {
        let stage = Stage::of(50, "").await;
        stage.double.answer_by(silent(&[odd], true));
        let (journal, completed) = stage.walk_anew().await.unwrap();
        let outcomes = stage.outcomes(&journal, completed.hints);
        let unreadable: Vec<usize> = (0..50).filter(|&position| outcomes[position] == Outcome::Unreadable).collect();
        assert_eq!(unreadable, [odd as usize]);
        assert_eq!(stage.cost(&journal), Some(1), "measured around the half");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wechat_that_is_down_leaves_no_trace_and_the_next_run_goes_on() {
    let stage = Stage::of(3_000, "source.profiles.concurrency = 4").await;
    stage.double.answer_by(|call| (call.number >= 10).then_some(Value::Null));
    let stopped = stage.walk_anew().await.unwrap_err();
    assert_eq!(stopped.exit(), Exit::Later, "{stopped:?}");
    let answered = stage.reopen().answered();
    assert_eq!(answered, 10, "nothing is known of the batches without a reply");
    stage.double.take_calls();
    stage.double.answer_by(|_| None);
    let (journal, completed) = stage.go_on().await.unwrap();
    assert_eq!(stage.outcomes(&journal, completed.hints), vec![Outcome::There; 3_000]);
    assert_eq!(stage.double.take_calls().len() as u64, 3_000_u64.div_ceil(99) - answered + 1);

    // Before the first reply it does not even begin.
    let stage = Stage::of(3_000, "").await;
    stage.double.answer_by(|_| Some(Value::Null));
    assert_eq!(stage.walk_anew().await.unwrap_err().exit(), Exit::Later);
    assert_eq!(stage.resumable(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_had_no_reply_is_known_to_later_runs() {
    const ODD: u64 = 333;
    let is_whole = |call: &Call| call.openids.len() > 50 && call.openids.contains(&openid(ODD));
    let stage = Stage::of(1_000, "source.profiles.concurrency = 1").await;
    let rule = silent(&[ODD], false);
    // The calls of the day end when the halves of the batch are asked for.
    let rest = rule.clone();
    stage.double.answer_by(move |call| match call {
        call if call.openids.len() == 50 => Some(error(45_009)),
        call => rest(call),
    });
    let stopped = stage.walk_anew().await.unwrap_err();
    assert!(matches!(&stopped, Error::Source(error) if error.api_error().unwrap().code == 45_009), "{stopped:?}");
    assert!(stage.double.take_calls().iter().any(is_whole));

    stage.double.answer_by(rule);
    let (journal, completed) = stage.go_on().await.unwrap();
    assert_eq!(stage.outcomes(&journal, completed.hints), vec![Outcome::There; 1_000]);
    assert!(!stage.double.take_calls().iter().any(is_whole), "it is asked for in halves");
    let replies = journal.replies(ODD / 99).unwrap();
    assert!(replies.iter().any(|reply| reply.body.is_empty()) && replies.iter().any(|reply| !reply.body.is_empty()));
}
