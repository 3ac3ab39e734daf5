//! The calls of the day: what a batch takes, and days on which they do not suffice.

use super::double::error;
use super::stage::Stage;
use crate::batches::Outcome;
use crate::error::{Error, Exit};
use crate::source::SourceError;

#[tokio::test(flavor = "multi_thread")]
async fn what_a_batch_takes_is_measured_and_known_to_later_runs() {
    for cost in [1, 100] {
        let stage = Stage::of(1_000, "").await;
        stage.double.set_cost(cost);
        let source = stage.source();
        let journal = stage.begin(&source).await.unwrap();
        assert_eq!((source.cost(), stage.cost(&journal)), (cost, Some(cost)));
        assert_eq!(source.calls(), 1);
        drop(journal);
        assert_eq!(stage.cost(&stage.reopen()), Some(cost));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_lags_is_measured_once_more() {
    let stage = Stage::of(1_000, "").await;
    stage.double.set_cost(0);
    let source = stage.source();
    let journal = stage.begin(&source).await.unwrap();
    assert_eq!((source.cost(), stage.cost(&journal), source.calls()), (1, None, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_todays_calls_cannot_finish_is_refused_if_the_file_says_so() {
    let stage = Stage::of(1_500_000 / 100, "source.quota.refuse = true").await;
    stage.double.set_cost(100);
    // 152 batches at 100 calls fit into a million.
    stage.begin(&stage.source()).await.unwrap();

    let stage =
        Stage::of(1_000, "source.quota.refuse = true\nsource.quota.check = false\nsource.profiles.daily_calls = 9")
            .await;
    let refused = stage.begin(&stage.source()).await.unwrap_err();
    assert!(matches!(refused, Error::Source(SourceError::QuotaTooSmall { calls_left: 9, calls_needed: 11, .. })));
    assert_eq!(stage.double.take_calls(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_walk_goes_on_where_the_calls_of_the_day_have_ended() {
    let stage = Stage::of(9_900, "source.profiles.concurrency = 8").await;
    stage.double.answer_by(|call| (call.number >= 33).then(|| error(45_009)));
    let stopped = stage.walk_anew().await.unwrap_err();
    assert!(stopped.to_string().contains("done 33 of 100 batches, goes on tomorrow"), "{stopped}");
    assert_eq!((stopped.exit(), stage.resumable()), (Exit::Later, 1));
    stage.double.take_calls();
    stage.double.answer_by(|_| None);
    let (journal, completed) = stage.go_on().await.unwrap();
    assert_eq!(stage.outcomes(&journal, completed.hints), vec![Outcome::There; 9_900]);
    assert_eq!(stage.double.take_calls().len(), 67 + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_of_batches_are_written_in_groups() {
    let error = SourceError::TooManyElements { elements: 9 };
    let left = SourceError::BatchesLeft { done: 4_100, of: 10_102, at: chrono::Utc::now(), error: Box::new(error) };
    assert!(left.to_string().contains("done 4,100 of 10,102 batches, goes on tomorrow"), "{left}");
}
