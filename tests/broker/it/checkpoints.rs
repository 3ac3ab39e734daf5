//! The checkpoint decides whether a list is delivered; where it does not say, `--again` does.

use std::sync::Arc;

use fanout::rows::{Rows, follower_schema};
use fanout_sink::arrow::array::StringArray;
use fanout_sink::chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use fanout_sink::{Batch, Found, Sink, SinkContext, SinkError, SinkFactory, SinkReport, Snapshot, WalkId};
use fanout_sink_kafka::{CreateTopic, KafkaFactory, KafkaOptions, ValueFormat};

use crate::support::{PARTITIONS, Project, broker, read_committed};

const ROWS: usize = 50;
const HOUR: TimeDelta = TimeDelta::hours(1);

fn options(topic: &str) -> KafkaOptions {
    let create = CreateTopic { partitions: 1, replication: 1, cleanup_policy: None };
    KafkaOptions { create_topic: Some(create), prefix: topic.to_owned(), ..KafkaOptions::brokers(topic, [broker()]) }
}

fn context(walk: u64, begun_at: DateTime<Utc>) -> SinkContext {
    context_of("2026-11-22", walk, begun_at)
}

fn context_of(date: &str, walk: u64, begun_at: DateTime<Utc>) -> SinkContext {
    SinkContext::new("main", "wx1", Arc::clone(&follower_schema()))
        .with_names("checkpoints", "stream")
        .with_walk(WalkId::new(walk, begun_at), date.parse().unwrap())
        .with_facts(begun_at, Some(ROWS as u64))
}

fn snapshot(context: &SinkContext) -> Snapshot {
    Snapshot {
        walk: context.walk,
        date: context.date,
        begun_at: context.walk.begun_at(),
        rows: ROWS as u64,
        first_fetched_at: None,
        last_fetched_at: None,
        digest: format!("digest of {}", context.walk),
        proof: serde_json::Map::new(),
    }
}

async fn deliver(options: &KafkaOptions, context: SinkContext) -> Result<u64, SinkError> {
    let snapshot = snapshot(&context);
    let mut sink = KafkaFactory.open(options.clone(), context).await?;
    let openids = StringArray::from_iter_values((0..ROWS).map(|row| format!("o{row}")));
    sink.write(&Batch::new(0, Rows::new("wx1", "main").next(1, Utc::now(), openids))).await?;
    sink.prepare(&snapshot).await?;
    Ok(sink.commit().await?.rows)
}

async fn find(options: &KafkaOptions, context: &SinkContext) -> Found {
    KafkaFactory.find(options, context, &SinkReport::default()).await.unwrap()
}

/// Asserts that readers see `expected` copies of the list.
fn assert_copies(topic: &str, expected: usize) {
    assert_eq!(read_committed(&broker(), topic, 1).len(), expected * ROWS);
}

fn assert_unknown(result: Result<u64, SinkError>, why: &str) {
    let error = result.unwrap_err();
    assert!(error.to_string().starts_with("it is not known whether the topic"), "{error}");
    assert!(error.to_string().contains(why), "{error}");
    assert!(error.hint().unwrap().contains("`--again`"), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_delivered_once_however_often_it_is_asked_for() {
    let options = options("once");
    let list = context(1, Utc::now());
    for _ in 0..3 {
        assert_eq!(deliver(&options, list.clone()).await.unwrap(), ROWS as u64);
        assert_copies("once", 1);
    }
    let next_day = context_of("2026-11-23", 2, Utc::now());
    assert_eq!(deliver(&options, next_day).await.unwrap(), ROWS as u64);
    assert_copies("once", 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_older_than_checkpoints_are_kept_needs_again() {
    let options = options("old");
    let old = context(1, Utc::now() - HOUR * 200);
    assert_unknown(deliver(&options, old.clone()).await, "older than 168 hours");
    assert_copies("old", 0);
    deliver(&options, old.clone().with_again(true)).await.unwrap();
    assert_copies("old", 1);
    // Now there is a checkpoint, and it decides, with the flag or without.
    deliver(&options, old.with_again(true)).await.unwrap();
    assert_copies("old", 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_behind_a_newer_one_needs_again() {
    let options = options("behind");
    let older = context(1, Utc::now() - HOUR);
    let newer = context_of("2026-11-21", 2, Utc::now());
    deliver(&options, newer.clone()).await.unwrap();
    let why = format!("the newer walk `{}` was delivered since", newer.walk);
    assert_unknown(deliver(&options, older).await, &why);
    assert_copies("behind", 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_list_of_the_date_needs_again_whichever_pipeline_has_delivered_it() {
    let options = options("date");
    let first = context(1, Utc::now() - HOUR);
    deliver(&options, first.clone()).await.unwrap();
    let has = |context: &SinkContext| {
        let SinkContext { walk, date, pipeline, sink, .. } = context;
        format!(
            "the topic `date` has a list of {date} (walk `{walk}` of the pipeline `{pipeline}`, sink `{sink}`) already"
        )
    };
    let expected = has(&first);
    // A lost state, an older walk of another state, another pipeline, another sink, an earlier
    // date.
    for other in [
        context(1, Utc::now()),
        context(7, Utc::now() - HOUR * 2),
        context(2, Utc::now()).with_names("another", "stream"),
        context(2, Utc::now()).with_names("checkpoints", "another"),
        first.clone().with_names("another", "stream"),
        context_of("2026-11-21", 2, Utc::now()),
    ] {
        let errors = [
            KafkaFactory.check(&options, &other).await.unwrap_err(),
            deliver(&options, other.clone()).await.unwrap_err(),
        ];
        for error in errors {
            assert!(!error.is_temporary() && error.to_string().starts_with(&expected), "{error}");
            assert!(error.hint().unwrap().contains("`--again`"), "{error:?}");
        }
        assert_copies("date", 1);
    }
    // Its own walk is recognised, and the list of the next day is another one.
    KafkaFactory.check(&options, &first).await.unwrap();
    let next_day = context_of("2026-11-23", 2, Utc::now());
    KafkaFactory.check(&options, &next_day).await.unwrap();
    let second = context(2, Utc::now()).with_names("another", "stream").with_again(true);
    KafkaFactory.check(&options, &second).await.unwrap();
    deliver(&options, second.clone()).await.unwrap();
    assert_copies("date", 2);
    // Another prefix knows of neither.
    let apart = KafkaOptions { prefix: "apart".to_owned(), ..options.clone() };
    deliver(&apart, first.clone()).await.unwrap();
    assert_copies("date", 3);
    let next_day = context_of("2026-11-23", 3, Utc::now());
    deliver(&options, next_day.clone()).await.unwrap();
    assert!(deliver(&options, second.with_again(false)).await.unwrap_err().to_string().starts_with(&has(&next_day)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_walk_that_a_restored_state_has_read_again_is_not_taken_for_the_one_in_the_topic() {
    let options = options("restored");
    let list = context(1, Utc::now());
    deliver(&options, list.clone()).await.unwrap();
    let mut sink = KafkaFactory.open(options.clone(), list.clone()).await.unwrap();
    let openids = StringArray::from_iter_values((0..ROWS).map(|row| format!("other{row}")));
    sink.write(&Batch::new(0, Rows::new("wx1", "brand").next(1, Utc::now(), openids))).await.unwrap();
    let error = sink.prepare(&Snapshot { digest: "another".to_owned(), ..snapshot(&list) }).await.unwrap_err();
    assert!(error.to_string().contains("already, with other rows"), "{error}");
    assert_copies("restored", 1);
}

fn date_in_beijing() -> NaiveDate {
    (Utc::now() + HOUR * 8).date_naive()
}

#[test]
fn a_run_whose_state_is_lost_asks_before_the_first_call() {
    const FOLLOWERS: u64 = 1_000;
    let project = Project::creating("lost", FOLLOWERS, "");
    let date = date_in_beijing();
    project.finish();
    let walk = project.walk().unwrap();
    let walk = walk.file_name().unwrap().to_str().unwrap();
    let expected =
        format!("the topic `lost` has a list of {date} (walk `{walk}` of the pipeline `broker`, sink `stream`)");
    let copies = || read_committed(&broker(), "lost", PARTITIONS).len() as u64 / FOLLOWERS;
    for arguments in [&["--fresh"][..], &[]] {
        if arguments.is_empty() {
            std::fs::remove_dir_all(project.path("state")).unwrap();
        }
        let walks = project.walks();
        let ended = project.run(arguments);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.stderr.contains(&expected) && ended.stderr.contains("`--again`"), "{ended:?}");
        assert_eq!((project.walks(), copies()), (walks, 1), "{arguments:?}");
    }
    let ended = project.run(&["--again"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(copies(), 2);
    // It is published, so nothing asks.
    project.finish();
    assert_eq!(copies(), 2);
}

#[test]
fn the_flag_again_delivers_a_list_that_the_checkpoint_does_not_name() {
    const FOLLOWERS: u64 = 1_000;
    let project = Project::creating("again", FOLLOWERS, "");
    let today = date_in_beijing();
    let yesterday = today.pred_opt().unwrap().to_string();
    let run = |more: &[&str]| project.run(more);
    assert_eq!(run(&["--date", &yesterday]).code, Some(0));
    project.finish();
    // The first list is owed again, and the checkpoint is about the second.
    project.forget_commits();
    let ended = run(&[]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains(&format!("the topic `again` has a list of {today}")), "{ended:?}");
    assert_eq!(run(&["--again"]).code, Some(0));
    assert_eq!(read_committed(&broker(), "again", PARTITIONS).len() as u64, 3 * FOLLOWERS);
    assert_eq!(run(&["--again"]).code, Some(0));
    assert_eq!(read_committed(&broker(), "again", PARTITIONS).len() as u64, 3 * FOLLOWERS);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_list_in_another_form_needs_again() {
    let options = options("form");
    let list = context(1, Utc::now());
    deliver(&options, list.clone()).await.unwrap();
    let other = KafkaOptions { value: ValueFormat::Columns(vec!["openid".to_owned()]), ..options };
    assert_unknown(deliver(&other, list.clone()).await, "with other options");
    deliver(&other, list.with_again(true)).await.unwrap();
    assert_copies("form", 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_earlier_attempt_that_still_lives_can_commit_no_more() {
    let options = options("zombie");
    let list = context(1, Utc::now());
    let mut zombie = KafkaFactory.open(options.clone(), list.clone()).await.unwrap();
    let openids = StringArray::from_iter_values(["o1"]);
    zombie.write(&Batch::new(0, Rows::new("wx1", "main").next(1, Utc::now(), openids))).await.unwrap();
    deliver(&options, list).await.unwrap();
    let error = zombie.commit().await.unwrap_err();
    assert!(error.to_string().contains("another producer with the same transactional id"), "{error:?}");
    assert_copies("zombie", 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_checkpoint_tells_what_became_of_a_list_and_never_that_it_is_gone() {
    let options = options("found");
    let (older, newer) = (context(2, Utc::now() - HOUR), context_of("2026-11-23", 1, Utc::now()));
    deliver(&options, older.clone()).await.unwrap();
    assert_eq!(find(&options, &older).await, Found::Held);
    // Nothing says what became of a list that no checkpoint names.
    assert_eq!(find(&options, &newer).await, Found::Unknown);
    assert_eq!(find(&options, &older.clone().with_names("checkpoints", "other")).await, Found::Unknown);
    // A look does not fence the producer that is at work, nor wait for its transaction.
    let mut sink = KafkaFactory.open(options.clone(), newer.clone()).await.unwrap();
    let openids = StringArray::from_iter_values((0..ROWS).map(|row| format!("o{row}")));
    sink.write(&Batch::new(0, Rows::new("wx1", "main").next(1, Utc::now(), openids))).await.unwrap();
    assert_eq!(find(&options, &older).await, Found::Held);
    sink.prepare(&snapshot(&newer)).await.unwrap();
    sink.commit().await.unwrap();
    assert_eq!(find(&options, &newer).await, Found::Held);
    assert_eq!(find(&options, &older).await, Found::Replaced);
    let other_form = KafkaOptions { value: ValueFormat::Columns(vec!["openid".to_owned()]), ..options };
    assert_eq!(find(&other_form, &newer).await, Found::Unknown);
    assert_copies("found", 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lists_of_an_account_have_a_checkpoint_each() {
    let options = options("lists");
    let followers = context(1, Utc::now());
    // The first walk of a list has the same name as that of another one.
    let blacklist = followers.clone().with_list("blacklist");
    deliver(&options, followers.clone()).await.unwrap();
    assert_eq!(find(&options, &blacklist).await, Found::Unknown);
    deliver(&options, blacklist.clone()).await.unwrap();
    assert_copies("lists", 2);
    for list in [&followers, &blacklist] {
        assert_eq!(find(&options, list).await, Found::Held);
        deliver(&options, list.clone()).await.unwrap();
    }
    assert_copies("lists", 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_of_another_list_is_refused_where_two_names_make_one_group() {
    let options = options("dots");
    let list = context(1, Utc::now());
    deliver(&options, list.clone().with_list("a.b")).await.unwrap();
    let mut same_group = list.with_list("b");
    same_group.app_id.push_str(".a");
    let errors = [
        deliver(&options, same_group.clone()).await.unwrap_err(),
        KafkaFactory.find(&options, &same_group, &SinkReport::default()).await.unwrap_err(),
    ];
    for error in errors {
        assert!(error.to_string().ends_with("belongs to another account or list"), "{error}");
        assert_eq!(error.hint(), Some("choose another `prefix`"));
    }
    assert_copies("dots", 1);
}
