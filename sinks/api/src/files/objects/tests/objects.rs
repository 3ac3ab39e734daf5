//! Whole objects: written, under a condition, read, deleted, tried.

use hyper::Method;

use super::super::{Probe, Put, StoreOptions};
use super::double::{Double, Fault};
use super::{metadata, options, store, store_with};

#[test]
fn what_was_put_is_read_and_what_is_not_there_is_none() {
    let double = Double::plain();
    let store = store(&double);
    assert_eq!(store.get("followers/a").unwrap(), None);
    assert_eq!(store.head("followers/a").unwrap(), None);
    store.delete("followers/a").unwrap();
    store.put("followers/a", b"one").unwrap();
    let (content, version) = store.get("followers/a").unwrap().unwrap();
    assert_eq!(content, b"one");
    let head = store.head("followers/a").unwrap().unwrap();
    assert_eq!((head.bytes, &head.version), (3, &version));
    store.delete("followers/a").unwrap();
    assert_eq!(store.get("followers/a").unwrap(), None);
}

#[test]
fn of_two_writers_with_one_version_the_second_changes_nothing() {
    let double = Double::plain();
    let store = store(&double);
    assert_eq!(store.put_if_unchanged("followers/m", b"1", None).unwrap(), Put::Written);
    assert_eq!(store.put_if_unchanged("followers/m", b"2", None).unwrap(), Put::Changed);
    let (_, version) = store.get("followers/m").unwrap().unwrap();
    assert_eq!(store.put_if_unchanged("followers/m", b"3", Some(&version)).unwrap(), Put::Written);
    assert_eq!(store.put_if_unchanged("followers/m", b"4", Some(&version)).unwrap(), Put::Changed);
    assert_eq!(double.object("followers/m").unwrap(), b"3");
}

#[test]
fn without_conditions_the_last_writer_wins() {
    let double = Double::plain();
    let store = store_with(&double, &StoreOptions { conditional: Some(false), ..options(&double.endpoint()) });
    for content in [b"1", b"2"] {
        assert_eq!(store.put_if_unchanged("followers/m", content, None).unwrap(), Put::Written);
    }
    assert_eq!(double.object("followers/m").unwrap(), b"2");
}

#[test]
fn a_conditional_write_whose_answer_is_lost_is_recognised() {
    let double = Double::plain();
    let store = store(&double);
    double.fault(Method::PUT, "", Fault::AnswerLost);
    assert_eq!(store.put_if_unchanged("followers/m", b"1", None).unwrap(), Put::Written);
}

#[test]
fn a_probe_leaves_nothing_and_sees_what_the_store_keeps() {
    let double = Double::plain();
    let probe = store(&double).probe("followers/_probe", "followers/_own").unwrap();
    assert_eq!(probe, Probe { keeps_conditions: true });
    let deaf = store_with(&double, &StoreOptions { conditional: Some(false), ..options(&double.endpoint()) });
    assert_eq!(deaf.probe("followers/_probe", "followers/_own").unwrap(), Probe { keeps_conditions: false });
    assert!(double.state().objects.is_empty() && double.state().uploads.is_empty());
}

#[test]
fn a_probe_that_fails_half_way_leaves_nothing_either() {
    for (method, query) in [(Method::POST, "uploads"), (Method::PUT, "partNumber"), (Method::POST, "uploadId")] {
        let double = Double::plain();
        for _ in ["_probe", "_own"] {
            double.fault(method.clone(), query, Fault::Refused(403, "<Error><Code>AccessDenied</Code></Error>"));
        }
        let error = store(&double).probe("followers/_probe", "followers/_own").unwrap_err();
        assert!(error.hint().unwrap().contains("AbortMultipartUpload"), "{error:?}");
        assert!(double.state().objects.is_empty() && double.state().uploads.is_empty(), "{query}");
    }
}

#[test]
fn a_probe_removes_what_one_that_was_killed_has_left() {
    let double = Double::plain();
    store(&double).put("followers/_probe", b"left behind").unwrap();
    let probe = store(&double).probe("followers/_probe", "followers/_own").unwrap();
    assert_eq!(probe, Probe { keeps_conditions: true });
    assert!(double.state().objects.is_empty());
    assert!(double.seen().iter().all(|seen| seen.path.ends_with("/_probe")));
}

#[test]
fn probes_of_one_root_at_the_same_time_do_not_disturb_each_other() {
    let double = Double::plain();
    // Another one takes the object away before it is looked at.
    double.fault(Method::HEAD, "", Fault::Refused(404, ""));
    assert!(store(&double).probe("followers/_probe", "followers/_own").unwrap().keeps_conditions);
    assert!(double.seen().iter().any(|seen| seen.path.ends_with("/_own")));
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let double = &double;
            scope.spawn(move || {
                for number in 0..25 {
                    let own = format!("followers/_own-{thread}-{number}");
                    let probe = store(double).probe("followers/_probe", &own);
                    assert_eq!(probe.unwrap(), Probe { keeps_conditions: true });
                }
            });
        }
    });
    assert!(double.state().objects.is_empty() && double.state().uploads.is_empty());
}

#[test]
fn metadata_comes_back_as_it_was_given() {
    let double = Double::plain();
    let store = store(&double);
    let mut upload = store.begin("followers/a", &metadata()).unwrap();
    upload.write(b"rows").unwrap();
    upload.finish().unwrap();
    upload.complete().unwrap();
    assert_eq!(store.head("followers/a").unwrap().unwrap().metadata, metadata());
}

#[test]
fn a_store_is_called_from_a_thread_of_another_runtime() {
    let double = Double::plain();
    let store = store(&double);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async { store.put("followers/a", b"x") }).unwrap();
    assert_eq!(double.object("followers/a").unwrap(), b"x");
}

#[test]
fn a_condition_that_fails_on_what_may_not_be_read_says_so() {
    let double = Double::plain();
    let store = store(&double);
    store.put("followers/m", b"1").unwrap();
    double.fault(Method::GET, "", Fault::Refused(403, "<Error><Code>AccessDenied</Code></Error>"));
    let error = store.put_if_unchanged("followers/m", b"2", None).unwrap_err();
    assert!(error.hint().unwrap().contains("GetObject"), "{error:?}");
}
