//! Objects in parts: what is on its way, what is visible when, and what becomes of lost answers.

use std::time::Duration;

use hyper::Method;

use super::super::upload::PART_BYTES;
use super::double::{Double, Fault};
use super::{metadata, store};

fn content(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|index| (index / 7 % 251) as u8).collect()
}

#[test]
fn parts_are_equal_and_the_object_is_whole_and_visible_after_complete_only() {
    for bytes in [0, 1, PART_BYTES - 1, PART_BYTES, PART_BYTES + 1, 3 * PART_BYTES + 5] {
        let double = Double::plain();
        let store = store(&double);
        let mut upload = store.begin("followers/a", &metadata()).unwrap();
        let content = content(bytes);
        for piece in content.chunks(1_000_003) {
            upload.write(piece).unwrap();
        }
        assert_eq!(upload.bytes(), bytes as u64);
        upload.finish().unwrap();
        upload.finish().unwrap();
        assert_eq!(double.object("followers/a"), None);
        upload.complete().unwrap();
        upload.complete().unwrap();
        assert_eq!(double.object("followers/a").unwrap(), content);
        let mut sizes: Vec<_> =
            double.seen().iter().filter(|seen| seen.query.contains("partNumber")).map(|seen| seen.bytes).collect();
        sizes.sort_unstable_by(|left, right| right.cmp(left));
        let mut expected = vec![PART_BYTES; bytes / PART_BYTES];
        if bytes % PART_BYTES > 0 || bytes == 0 {
            expected.push(bytes % PART_BYTES);
        }
        assert_eq!(sizes, expected);
    }
}

#[test]
fn two_parts_are_on_their_way_and_no_third() {
    let double = Double::plain();
    let store = store(&double);
    let mut upload = store.begin("followers/a", &metadata()).unwrap();
    for _ in 0..6 {
        double.fault(Method::PUT, "partNumber", Fault::Slow(Duration::from_millis(200)));
    }
    upload.write(&content(6 * PART_BYTES)).unwrap();
    upload.finish().unwrap();
    assert_eq!(double.state().most_at_once, 2);
}

#[test]
fn a_part_that_fails_once_is_sent_again() {
    let double = Double::plain();
    let store = store(&double);
    let mut upload = store.begin("followers/a", &metadata()).unwrap();
    double.fault(Method::PUT, "partNumber", Fault::Refused(503, "<Error><Code>SlowDown</Code></Error>"));
    double.fault(Method::PUT, "partNumber", Fault::AnswerLost);
    let content = content(2 * PART_BYTES + 1);
    upload.write(&content).unwrap();
    upload.finish().unwrap();
    upload.complete().unwrap();
    assert_eq!(double.object("followers/a").unwrap(), content);
}

#[test]
fn a_part_that_is_refused_surfaces_and_nothing_more_is_taken() {
    let double = Double::plain();
    let store = store(&double);
    let mut upload = store.begin("followers/a", &metadata()).unwrap();
    double.fault(Method::PUT, "partNumber", Fault::Refused(403, "<Error><Code>AccessDenied</Code></Error>"));
    upload.write(&content(PART_BYTES)).unwrap();
    let error = upload.finish().unwrap_err();
    assert!(error.to_string().contains("s3://lake/followers/a") && !error.is_temporary(), "{error:?}");
    assert!(upload.write(b"x").unwrap_err().is_aborted());
    assert!(upload.complete().unwrap_err().is_aborted());
    upload.abort().unwrap();
    assert!(double.state().uploads.is_empty() && double.state().objects.is_empty());
}

#[test]
fn a_lost_answer_to_complete_is_looked_up() {
    let double = Double::plain();
    let store = store(&double);
    let mut upload = store.begin("followers/a", &metadata()).unwrap();
    upload.write(b"rows").unwrap();
    upload.finish().unwrap();
    double.fault(Method::POST, "uploadId", Fault::AnswerLost);
    // The store knows the upload no more when the client asks again.
    upload.complete().unwrap();
    let asked =
        double.seen().iter().filter(|seen| seen.method == Method::POST && seen.query.contains("uploadId")).count();
    assert_eq!(asked, 2);
    assert_eq!(double.object("followers/a").unwrap(), b"rows");
}

#[test]
fn an_upload_that_somebody_aborted_is_no_success_whatever_stands_there() {
    let double = Double::plain();
    let store = store(&double);
    store.put("followers/a", b"rows").unwrap();
    let mut upload = store.begin("followers/a", &metadata()).unwrap();
    upload.write(b"rows").unwrap();
    upload.finish().unwrap();
    double.state().uploads.clear();
    // The object that is there has the same bytes, and not our metadata.
    assert!(upload.complete().unwrap_err().is_aborted());
    assert!(upload.complete().unwrap_err().is_aborted());
    upload.abort().unwrap();
}

#[test]
fn a_complete_that_is_refused_can_be_repeated() {
    let double = Double::plain();
    let store = store(&double);
    let mut upload = store.begin("followers/a", &metadata()).unwrap();
    upload.write(b"rows").unwrap();
    assert!(!upload.complete().unwrap_err().is_temporary());
    upload.finish().unwrap();
    double.fault(Method::POST, "uploadId", Fault::Refused(403, "<Error><Code>AccessDenied</Code></Error>"));
    assert!(upload.complete().unwrap_err().hint().unwrap().contains("PutObject"));
    upload.complete().unwrap();
    assert_eq!(double.object("followers/a").unwrap(), b"rows");
}

#[test]
fn an_error_in_a_successful_answer_to_complete_is_an_error() {
    let double = Double::plain();
    let store = store(&double);
    let mut upload = store.begin("followers/a", &metadata()).unwrap();
    upload.write(b"rows").unwrap();
    upload.finish().unwrap();
    double.fault(
        Method::POST,
        "uploadId",
        Fault::Refused(200, "<Error><Code>InvalidPart</Code><Message>gone</Message></Error>"),
    );
    let error = upload.complete().unwrap_err();
    assert!(!error.is_temporary(), "{error:?}");
    assert!(format!("{error:?}").contains("InvalidPart"), "{error:?}");
}

#[test]
fn abort_leaves_no_parts_and_the_object_of_before() {
    let double = Double::plain();
    let store = store(&double);
    store.put("followers/a", b"old").unwrap();
    for bytes in [0, 10, PART_BYTES, 4 * PART_BYTES] {
        let mut upload = store.begin("followers/a", &metadata()).unwrap();
        upload.write(&content(bytes)).unwrap();
        upload.abort().unwrap();
        upload.abort().unwrap();
        assert!(upload.complete().unwrap_err().is_aborted());
    }
    assert!(double.state().uploads.is_empty());
    assert_eq!(double.object("followers/a").unwrap(), b"old");
}

#[test]
fn an_upload_that_is_given_up_leaves_no_parts() {
    let double = Double::plain();
    let store = store(&double);
    let mut open = store.begin("followers/a", &metadata()).unwrap();
    open.write(&content(PART_BYTES + 1)).unwrap();
    let mut finished = store.begin("followers/a", &metadata()).unwrap();
    finished.finish().unwrap();
    double.fault(Method::POST, "uploadId", Fault::Refused(403, "<Error><Code>AccessDenied</Code></Error>"));
    finished.complete().unwrap_err();
    assert_eq!(double.state().uploads.len(), 2);
    drop((open, finished));
    assert!(double.state().uploads.is_empty() && double.state().objects.is_empty());
}
