//! Healthy walks, rows that are odd for a moment, and walks that are continued.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::super::Completed;
use super::super::walk::Run;
use super::double::{Call, Double, error, reply, row};
use super::stage::{Stage, openid};
use crate::batches::{NEW, Outcome};
use crate::error::Error;

/// Returns how often each follower was asked about alone.
fn singles(calls: &[Call]) -> HashMap<String, usize> {
    let mut singles = HashMap::new();
    for call in calls.iter().filter(|call| call.is_single) {
        *singles.entry(call.openids[0].clone()).or_default() += 1;
    }
    singles
}

fn batches(calls: &[Call]) -> usize {
    calls.iter().filter(|call| !call.is_single).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_follower_of_a_healthy_list_is_asked_about_once_but_for_the_seams() {
    const FOLLOWERS: u64 = 2_345;
    let stage = Stage::of(FOLLOWERS, "").await;
    let (journal, completed) = stage.walk_anew().await.unwrap();
    let calls = stage.double.take_calls();
    assert_eq!(batches(&calls) as u64, FOLLOWERS.div_ceil(NEW as u64));
    assert_eq!(singles(&calls), HashMap::from([(openid(FOLLOWERS - 1), 1)]), "the last one has no seam behind it");
    assert_eq!(stage.outcomes(&journal, completed.hints), vec![Outcome::There; FOLLOWERS as usize]);
    assert_eq!((completed.hints.has_identities, completed.conflicts.count()), (true, 0));
    assert_eq!(journal.end().unwrap().total, FOLLOWERS);
    let walk = stage.context.progress().walk();
    let all = FOLLOWERS.div_ceil(NEW as u64);
    let batches = walk.batches.unwrap();
    assert_eq!((walk.pages, walk.followers, walk.total), (all, FOLLOWERS, Some(FOLLOWERS)));
    assert_eq!((batches.all, batches.left, batches.cost, batches.days), (all, 0, Some(1), Some(0)));
    stage.go_on().await.unwrap();
    assert_eq!(stage.double.take_calls(), [], "nothing is missing");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_is_odd_is_asked_about_after_a_pause() {
    const PAUSE: &str = "source.profiles.ask_again_after_secs = 3600\nprofiles.max_refused_percent = 1";
    let mut openids: Vec<String> = (0..300).map(openid).collect();
    openids[40] = "short".to_owned();
    let stage = async |settings| Stage::with(Double::start(Duration::ZERO).await, &openids, settings).await;
    let refusing = |call: &Call| call.openids.contains(&openid(7)).then(|| error(40_003));
    // A healthy list needs no pause, or this test would not end.
    stage(PAUSE).await.walk_anew().await.unwrap();

    let without = stage("profiles.max_refused_percent = 1").await;
    without.double.answer_by(refusing);
    without.walk_anew().await.unwrap();
    let calls = without.double.take_calls();
    let (before, alone) = (batches(&calls), singles(&calls));
    let at_once = HashMap::from([("short".to_owned(), 1), (openid(299), 1)]);
    assert!(alone.len() > at_once.len());

    let stage = stage(PAUSE).await;
    stage.double.answer_by(refusing);
    let stop = stage.run.stop.clone();
    let watch = async {
        while stage.double.calls() < before + at_once.len() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        stop.cancel();
    };
    let (walked, ()) = tokio::join!(stage.walk_anew(), watch);
    assert!(matches!(walked, Err(Error::Interrupted)));
    assert_eq!(singles(&stage.double.take_calls()), at_once);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_one_follower_and_one_of_two_batches_are_read() {
    for followers in [1, 99, 100, 199] {
        let stage = Stage::of(followers, "").await;
        let (journal, completed) = stage.walk_anew().await.unwrap();
        assert_eq!(stage.outcomes(&journal, completed.hints), vec![Outcome::There; followers as usize]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_repeat_an_earlier_one_are_no_positions() {
    let openids: Vec<String> = (0..1_500).map(|number| openid(if number == 700 { 3 } else { number })).collect();
    let double = Double::start(Duration::ZERO).await;
    let stage = Stage::with(double, &openids, "").await;
    assert_eq!(stage.input.rows(), 1_499);
    let known = stage.input.openids(&[0, 699, 700, 998, 999, 1_498]).unwrap();
    assert_eq!(known.to_vec(), [0, 699, 701, 999, 1_000, 1_499].map(openid));
    stage.walk_anew().await.unwrap();
    let asked: std::collections::HashSet<String> =
        stage.double.take_calls().into_iter().flat_map(|call| call.openids).collect();
    assert_eq!(asked.len(), 1_499);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_openid_of_another_form_never_travels_with_others() {
    let mut openids: Vec<String> = (0..300).map(openid).collect();
    openids[40] = "short".to_owned();
    openids[250] = "oBBBBB0000000000000000000250".to_owned();
    let stage = Stage::with(Double::start(Duration::ZERO).await, &openids, "").await;
    let (journal, completed) = stage.walk_anew().await.unwrap();
    let calls = stage.double.take_calls();
    for odd in [&openids[40], &openids[250]] {
        assert!(calls.iter().filter(|call| call.openids.contains(odd)).all(|call| call.is_single));
        assert_eq!(singles(&calls)[odd], 1);
    }
    assert_eq!(stage.outcomes(&journal, completed.hints), vec![Outcome::There; 300]);
}

#[tokio::test(flavor = "multi_thread")]
async fn that_somebody_has_left_is_believed_after_a_second_question_alone() {
    let stage = Stage::of(1_000, "").await;
    let (gone, back) = (openid(123), openid(456));
    let (left, healed) = (gone.clone(), back.clone());
    let absent = |openid: &str| json!({ "subscribe": 0, "openid": openid });
    stage.double.answer_by(move |call| {
        let is_absent = |openid: &String| *openid == left || (*openid == healed && !call.is_single);
        let rows = call.openids.iter().map(|openid| if is_absent(openid) { absent(openid) } else { row(openid) });
        let rows: Vec<Value> = rows.collect();
        Some(if call.is_single { rows[0].clone() } else { reply(rows) })
    });
    let (journal, completed) = stage.walk_anew().await.unwrap();
    let outcomes = stage.outcomes(&journal, completed.hints);
    let left: Vec<usize> = (0..1_000).filter(|&position| outcomes[position] == Outcome::Left).collect();
    assert_eq!(left, [123]);
    let calls = stage.double.take_calls();
    assert!(singles(&calls)[&gone] >= 1 && singles(&calls)[&back] >= 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn unionids_that_have_moved_are_found_and_nobody_gets_another_ones() {
    let stage = Stage::of(1_000, "").await;
    stage.double.answer_by(|call| {
        let moved = openid(300);
        let from = call.openids.iter().position(|openid| *openid == moved).filter(|_| !call.is_single)?;
        let mut rows: Vec<Value> = call.openids.iter().map(|openid| row(openid)).collect();
        for place in from..rows.len() - 1 {
            rows[place]["unionid"] = row(&call.openids[place + 1])["unionid"].clone();
        }
        rows.last_mut().unwrap().as_object_mut().unwrap().remove("unionid");
        Some(reply(rows))
    });
    let (journal, completed) = stage.walk_anew().await.unwrap();
    assert_eq!(completed.conflicts.count(), 0);
    let asked = super::super::asked(&journal).unwrap();
    let settling = super::super::Settling { journal: &journal, input: &stage.input, asked: &asked };
    for batch in settling.settled(completed.hints) {
        let batch = batch.unwrap();
        for (place, verdict) in batch.answers.own().zip(&batch.verdicts) {
            let openid = batch.answers.openids.get(place);
            let body: Value = serde_json::from_slice(&batch.replies[verdict.answer].body).unwrap();
            let rows = body["user_info_list"].as_array().cloned().unwrap_or_else(|| vec![body.clone()]);
            let found = rows.iter().find(|row| row["openid"] == openid).unwrap();
            assert_eq!(found["unionid"], row(openid)["unionid"], "{openid}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_who_seem_to_be_one_person_are_asked_about_alone_before_that_is_a_conflict() {
    let stage = Stage::of(1_000, "profiles.max_refused_percent = 1").await;
    let shared = |is_true: bool| {
        move |call: &Call| {
            if call.is_single && !is_true {
                return None;
            }
            let mut rows: Vec<Value> = call.openids.iter().map(|openid| row(openid)).collect();
            for row in rows.iter_mut().filter(|row| row["openid"] == openid(700)) {
                row["unionid"] = super::double::row(&openid(200))["unionid"].clone();
            }
            Some(if call.is_single { rows[0].clone() } else { reply(rows) })
        }
    };
    stage.double.answer_by(shared(true));
    let (_, completed) = stage.walk_anew().await.unwrap();
    let conflicts: Vec<u64> = (0..1_000).filter(|&position| completed.conflicts.contains(position)).collect();
    assert_eq!(conflicts, [200, 700]);
    let calls = stage.double.take_calls();
    assert!(singles(&calls)[&openid(200)] >= 1 && singles(&calls)[&openid(700)] >= 1);

    stage.double.answer_by(shared(false));
    let (journal, completed) = stage.walk_anew().await.unwrap();
    assert_eq!(completed.conflicts.count(), 0, "asked about alone, they differ");
    assert_eq!(stage.outcomes(&journal, completed.hints), vec![Outcome::There; 1_000]);
}

#[tokio::test(flavor = "multi_thread")]
async fn looking_for_those_who_seem_to_be_one_person_ends_when_the_run_is_to_stop() {
    let stage = Stage::of(1_000, "profiles.max_refused_percent = 1").await;
    stage.double.answer_by(|call| {
        let mut rows: Vec<Value> = call.openids.iter().map(|openid| row(openid)).collect();
        for row in rows.iter_mut().filter(|row| row["openid"] == openid(700)) {
            row["unionid"] = super::double::row(&openid(200))["unionid"].clone();
        }
        Some(if call.is_single { rows[0].clone() } else { reply(rows) })
    });
    let (mut journal, Completed { conflicts, hints }) = stage.walk_anew().await.unwrap();
    assert_eq!(conflicts.count(), 2);
    let (source, asked) = (stage.source(), super::super::asked(&journal).unwrap());
    let (context, input) = (&stage.context, &stage.input);
    let mut walk = super::super::BatchWalk { context, source: &source, journal: &mut journal, input };
    let mut run = Run::new(&mut walk, &asked, hints);
    stage.run.stop.cancel();
    assert!(matches!(run.ask_again(&conflicts).await, Err(Error::Interrupted)));
    assert!(matches!(run.conflicts().await, Ok(none) if none.count() == 0), "nothing was settled");
    assert!(matches!(run.conflicts().await, Err(Error::Interrupted)), "counted from the journal");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_without_unionids_is_read_without_asking_twice() {
    let stage = Stage::of(1_000, "").await;
    stage.double.answer_by(|call| {
        let rows = call.openids.iter().map(|openid| {
            let mut row = row(openid);
            row.as_object_mut().unwrap().remove("unionid");
            row
        });
        let rows: Vec<Value> = rows.collect();
        Some(if call.is_single { rows[0].clone() } else { reply(rows) })
    });
    let (journal, completed) = stage.walk_anew().await.unwrap();
    assert!(!completed.hints.has_identities);
    assert_eq!(stage.outcomes(&journal, completed.hints), vec![Outcome::There; 1_000]);
    assert_eq!(batches(&stage.double.take_calls()), 11);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_calls_are_made_at_once_than_are_allowed_and_as_many_as_that() {
    let openids: Vec<String> = (0..3_000).map(openid).collect();
    // Long enough that no other work of the machine makes a call take twice as long.
    let double = Double::start(Duration::from_millis(300)).await;
    let stage = Stage::with(double, &openids, "source.profiles.concurrency = 6").await;
    stage.walk_anew().await.unwrap();
    assert_eq!(stage.double.most_under_way(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_walk_that_was_cut_off_asks_for_nothing_twice_and_ends_the_same() {
    const FOLLOWERS: u64 = 3_000;
    let whole = Stage::of(FOLLOWERS, "source.profiles.concurrency = 8").await;
    let (journal, completed) = whole.walk_anew().await.unwrap();
    let expected = whole.outcomes(&journal, completed.hints);
    let calls = whole.double.take_calls().len();
    for cut in [1, 2, 3, 7, 20, 30] {
        let stage = Stage::of(FOLLOWERS, "source.profiles.concurrency = 8").await;
        stage.double.answer_by(move |call| (call.number >= cut).then(|| error(48_001)));
        let cut_off = stage.walk_anew().await.unwrap_err();
        assert!(matches!(&cut_off, Error::Source(error) if error.api_error().unwrap().code == 48_001), "{cut_off:?}");
        stage.double.take_calls();
        stage.double.answer_by(|_| None);
        let (journal, completed) = stage.go_on().await.unwrap();
        assert_eq!(stage.outcomes(&journal, completed.hints), expected);
        assert_eq!(stage.double.take_calls().len() + cut, calls, "cut off after {cut} replies");
        let walk = stage.context.progress().walk();
        assert_eq!(walk.batches.map(|batches| (batches.all, batches.left)), Some((walk.pages, 0)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_wechat_gets_fewer_calls_at_the_same_time_and_the_walk_ends_all_the_same() {
    let openids: Vec<String> = (0..5_000).map(openid).collect();
    let stage = Stage::with(Double::start(Duration::ZERO).await, &openids, "source.profiles.concurrency = 8").await;
    stage.double.answer_by(|call| (call.number % 7 == 3).then(|| error(-1)));
    let source = stage.source();
    let mut journal = stage.begin(&source).await.unwrap();
    let completed = super::super::BatchWalk {
        context: &stage.context,
        source: &source,
        journal: &mut journal,
        input: &stage.input,
    };
    let completed = { completed }.run().await.unwrap();
    assert!(source.strains() > 0 && source.retries() == source.strains());
    assert_eq!(stage.outcomes(&journal, completed.hints), vec![Outcome::There; 5_000]);
}
