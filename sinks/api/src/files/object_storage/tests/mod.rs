//! The promises of publishing to an object store, on a double of a store.

mod double;

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use double::{Before, Double, Object};

use super::bucket::Bucket;
use super::check::try_out;
use super::files::ObjectFiles;
use super::find::find_in;
use super::place::ObjectPlace;
use crate::context::SinkContext;
use crate::error::{SinkError, SinkErrorKind};
use crate::files::manifest::{Manifest, Owner};
use crate::files::names::Names;
use crate::files::objects::{ObjectUrl, Probe};
use crate::files::options::FileOptions;
use crate::files::staged::StagedFiles;
use crate::files::tests::{day, snapshot, walk};
use crate::files::{self};
use crate::found::Found;
use crate::sink::SinkReport;

const FOLDER: &str = "lists/dt=2026-11-22/account=main";
const DATA: &str = "lists/dt=2026-11-22/account=main/part-00000.txt";
const MANIFEST: &str = "lists/dt=2026-11-22/account=main/_manifest.json";
const MARKER: &str = "lists/dt=2026-11-22/account=main/_SUCCESS";

const OLD: &str = "a\nb\n";
const NEW: &str = "c\nd\ne\n";

fn url() -> ObjectUrl {
    "s3://lake/lists".parse().unwrap()
}

fn options() -> FileOptions {
    let layout = "dt={date}/account={account}/part-{part}.txt".to_owned();
    FileOptions { root: "s3://lake/lists".into(), layout, rolling: false }
}

fn single_options() -> FileOptions {
    FileOptions { layout: "list.txt".to_owned(), ..options() }
}

/// Makes the context of the list of walk `number`.
fn context(number: u64) -> SinkContext {
    let context = files::tests::context(Path::new(".")).with_walk(walk(number), day("2026-11-22"));
    let begun_at = context.walk.begun_at();
    context.with_facts(begun_at, None).with_digest("sha256:00")
}

fn open(double: &Double, options: &FileOptions, context: &SinkContext) -> Result<StagedFiles, SinkError> {
    let names = Names::new(options, context)?;
    let place = ObjectPlace::new(&url(), &names)?;
    let storage = ObjectFiles::open_in(Arc::new(double.clone()), place, &names)?;
    Ok(StagedFiles::of(names, Box::new(storage)))
}

/// Delivers a list as far as `prepare`.
fn prepared(
    double: &Double,
    options: &FileOptions,
    context: &SinkContext,
    text: &str,
) -> Result<StagedFiles, SinkError> {
    let mut staged = open(double, options, context)?;
    let mut part = staged.next_part()?;
    part.write_all(text.as_bytes()).unwrap();
    let rows = text.lines().count() as u64;
    staged.finish_part(part, rows)?;
    staged.prepare(&snapshot(context, rows))?;
    Ok(staged)
}

fn deliver(double: &Double, context: &SinkContext, text: &str) -> Result<SinkReport, SinkError> {
    prepared(double, &options(), context, text)?.commit()
}

fn found(double: &Double, options: &FileOptions, context: &SinkContext, report: &SinkReport) -> Found {
    find(double, options, context, report).unwrap()
}

fn find(
    double: &Double,
    options: &FileOptions,
    context: &SinkContext,
    report: &SinkReport,
) -> Result<Found, SinkError> {
    let names = Names::new(options, context).unwrap();
    let (bucket, key) = ObjectUrl::split(&report.outputs[0].location).unwrap();
    let todays = ObjectPlace::new(&url(), &names).unwrap();
    let todays = (todays.data() == key).then_some(todays);
    find_in(double, (&bucket, &key), todays.as_ref(), &names, report)
}

/// Returns what a reader of the object finds.
fn read(double: &Double) -> Option<String> {
    double.object(DATA).map(|object| String::from_utf8(object.content).unwrap())
}

#[test]
fn a_list_becomes_visible_at_commit_and_not_before() {
    let double = Double::default();
    let mut staged = prepared(&double, &options(), &context(7), OLD).unwrap();
    assert_eq!((double.contents().len(), double.open_uploads()), (0, 1));
    let report = staged.commit().unwrap();
    assert_eq!(double.contents().into_keys().collect::<Vec<_>>(), [MARKER, MANIFEST, DATA]);
    assert_eq!((report.rows, report.bytes, report.mount.as_deref()), (2, 4, Some("double")));
    assert_eq!(report.outputs[0].location, format!("s3://lake/{DATA}"));
    let manifest: Manifest = serde_json::from_slice(&double.object(MANIFEST).unwrap().content).unwrap();
    assert_eq!((manifest.files[0].path.as_str(), manifest.files[0].bytes), ("part-00000.txt", 4));
    assert_eq!(manifest.owner, Owner::new(&context(7)));
    assert_eq!(found(&double, &options(), &context(7), &report), Found::Held);
    // A second commit changes nothing.
    let before = double.contents();
    assert_eq!(staged.commit().unwrap(), report);
    assert_eq!((double.contents(), double.completed(), double.open_uploads()), (before, 1, 0));
}

#[test]
fn a_single_file_has_manifest_and_marker_beside_it() {
    let double = Double::default();
    let report = prepared(&double, &single_options(), &context(7), OLD).unwrap().commit().unwrap();
    let keys = ["lists/_list.txt.SUCCESS", "lists/_list.txt.manifest.json", "lists/list.txt"];
    assert_eq!(double.contents().into_keys().collect::<Vec<_>>(), keys);
    assert_eq!(found(&double, &single_options(), &context(7), &report), Found::Held);
    // Another layout since: the list is found where it was published.
    assert_eq!(found(&double, &options(), &context(7), &report), Found::Held);
}

#[test]
fn an_abort_leaves_nothing() {
    let double = Double::default();
    let mut staged = prepared(&double, &options(), &context(7), OLD).unwrap();
    staged.abort().unwrap();
    staged.abort().unwrap();
    assert_eq!((double.contents().len(), double.open_uploads()), (0, 0));
}

/// Cuts the power at each change of a commit, before or after it is made. A reader of the object
/// finds the old list or the new one, and the next delivery finishes what was begun.
#[test]
fn whatever_a_crash_leaves_is_recognised_and_finished_by_the_next_delivery() {
    let mut states = Vec::new();
    for has_old in [false, true] {
        for is_answer_lost in [false, true] {
            for changes in 0..4 {
                let double = Double::default();
                let old = has_old.then(|| deliver(&double, &context(7), OLD).unwrap());
                let mut crashed = prepared(&double, &options(), &context(8), NEW).unwrap();
                double.cut_after(changes, is_answer_lost);
                let error = crashed.commit().unwrap_err();
                assert!(error.is_temporary(), "{error}");
                double.restore_power();
                let case = format!("{has_old} {is_answer_lost} {changes}");
                // The third change completes the object.
                let is_new = changes + usize::from(is_answer_lost) >= 3;
                let expected = if is_new { Some(NEW) } else { old.as_ref().map(|_| OLD) };
                assert_eq!(read(&double).as_deref(), expected, "{case}");
                states.push(double.contents().into_keys().collect::<Vec<_>>());

                let report = deliver(&double, &context(8), NEW).unwrap();
                assert_eq!(read(&double).as_deref(), Some(NEW), "{case}");
                assert_eq!(found(&double, &options(), &context(8), &report), Found::Held, "{case}");
                if let Some(old) = old {
                    assert_eq!(found(&double, &options(), &context(7), &old), Found::Replaced, "{case}");
                }
                // The crashed process ends late, and drops its own parts alone.
                drop(crashed.abort());
                assert_eq!(found(&double, &options(), &context(8), &report), Found::Held, "{case}");
                assert_eq!(double.open_uploads(), 0, "{case}");
            }
        }
    }
    states.sort();
    states.dedup();
    let expected: [&[&str]; 5] =
        [&[], &[MARKER, MANIFEST, DATA], &[MANIFEST], &[MANIFEST, DATA], &[MARKER, MANIFEST, DATA]];
    let mut expected: Vec<Vec<String>> =
        expected.iter().map(|keys| keys.iter().map(|key| (*key).to_owned()).collect()).collect();
    expected.sort();
    expected.dedup();
    assert_eq!(states, expected);
}

#[test]
fn a_commit_that_is_repeated_after_a_cut_goes_on_where_it_was() {
    for is_answer_lost in [false, true] {
        for changes in 0..4 {
            let double = Double::default();
            deliver(&double, &context(7), OLD).unwrap();
            let mut staged = prepared(&double, &options(), &context(8), NEW).unwrap();
            double.cut_after(changes, is_answer_lost);
            staged.commit().unwrap_err();
            double.restore_power();
            let report = staged.commit().unwrap();
            assert_eq!(found(&double, &options(), &context(8), &report), Found::Held, "{changes}");
            assert_eq!((double.completed(), double.open_uploads()), (2, 0), "{changes}");
        }
    }
}

#[test]
fn a_list_that_is_published_already_is_left_as_it_is() {
    let double = Double::default();
    deliver(&double, &context(7), OLD).unwrap();
    let before = double.object(DATA);
    deliver(&double, &context(7), OLD).unwrap();
    assert_eq!((double.object(DATA), double.completed(), double.open_uploads()), (before, 1, 0));
}

#[test]
fn an_older_list_leaves_a_newer_one_as_it_is_and_succeeds() {
    let double = Double::default();
    let newer = deliver(&double, &context(8), NEW).unwrap();
    let before = double.contents();
    let report = deliver(&double, &context(7), OLD).unwrap();
    assert_eq!((double.contents(), double.open_uploads()), (before, 0));
    assert_eq!((report.rows, report.outputs[0].location.as_str()), (2, newer.outputs[0].location.as_str()));
    assert_eq!(found(&double, &options(), &context(7), &report), Found::Replaced);
    assert_eq!(found(&double, &options(), &context(8), &newer), Found::Held);
    // A newer list that a crash has left half published does not count.
    double.set(MARKER, None);
    let report = deliver(&double, &context(7), OLD).unwrap();
    assert_eq!(found(&double, &options(), &context(7), &report), Found::Held);
}

#[test]
fn what_is_not_ours_is_in_the_way() {
    let other = |change: fn(&mut SinkContext)| {
        let mut context = context(7);
        change(&mut context);
        context
    };
    for theirs in [
        other(|context| context.pipeline = "other".to_owned()),
        other(|context| context.sink = "other".to_owned()),
        other(|context| context.app_id = "wx2".to_owned()),
        other(|context| context.list = "tags".to_owned()),
    ] {
        let double = Double::default();
        let report = deliver(&double, &theirs, OLD).unwrap();
        let before = double.contents();
        let error = open(&double, &options(), &context(8)).unwrap_err();
        let expected = format!(
            "`s3://lake/{MANIFEST}` is in the way: the list there is {}, not {}",
            Owner::new(&theirs),
            Owner::new(&context(8))
        );
        assert_eq!((error.to_string(), error.is_temporary()), (expected, false));
        assert_eq!(double.contents(), before);
        assert!(matches!(found(&double, &options(), &context(7), &report), Found::Taken(_)));
        // Not even its object, if the manifest is gone.
        double.set(MANIFEST, None);
        let error = open(&double, &options(), &context(8)).unwrap_err();
        assert!(error.to_string().contains("there is no `_manifest.json` beside it"), "{error}");
    }
    // An account may get another name.
    let double = Double::default();
    deliver(&double, &context(7), OLD).unwrap();
    let renamed = |name: &str| {
        let layout = "dt={date}/{app_id}/account=main/part-{part}.txt".to_owned();
        let mut context = context(8);
        name.clone_into(&mut context.account);
        prepared(&double, &FileOptions { layout, ..options() }, &context, NEW).unwrap().commit().unwrap()
    };
    renamed("main");
    renamed("brand");
    for (content, problem) in [("{}", "it is not a manifest of this program"), ("x", "it is not a manifest")] {
        double.set(MANIFEST, Some(Object { content: content.into(), ..Object::default() }));
        let error = open(&double, &options(), &context(8)).unwrap_err();
        assert!(error.to_string().contains(problem), "{error}");
    }
}

#[test]
fn a_list_under_another_name_is_not_left_beside_this_one() {
    let double = Double::default();
    deliver(&double, &context(7), OLD).unwrap();
    let compressed = FileOptions { layout: format!("{}.gz", options().layout), ..options() };
    let error = open(&double, &compressed, &context(8)).unwrap_err();
    let problem = "the list there is in `part-00000.txt`, this one would be in `part-00000.txt.gz`";
    assert!(error.to_string().contains(problem), "{error}");
}

#[test]
fn a_published_list_is_found_as_it_was_left() {
    type Case = (Box<dyn Fn(&Double)>, Result<Found, &'static str>);
    let overwritten = |content: &str| Some(Object { content: content.into(), ..Object::default() });
    let cases: [Case; 11] = [
        (Box::new(|_| {}), Ok(Found::Held)),
        (Box::new(|double| [DATA, MANIFEST, MARKER].iter().for_each(|key| double.set(key, None))), Ok(Found::Gone)),
        (Box::new(|double| double.set(DATA, None)), Ok(Found::Gone)),
        (Box::new(|double| double.set(MARKER, None)), Ok(Found::Gone)),
        (
            Box::new(move |double| double.set(MARKER, overwritten("{}"))),
            Err("_SUCCESS` is not a marker of this program"),
        ),
        (Box::new(|double| double.set(MANIFEST, None)), Err("is there, and `_manifest.json` is missing")),
        (Box::new(move |double| double.set(MANIFEST, overwritten("{}"))), Err("is not a manifest")),
        (Box::new(move |double| double.set(DATA, overwritten("a\n"))), Err("has 2 bytes, and 4 were published")),
        (Box::new(move |double| double.set(DATA, overwritten("x\ny\n"))), Err("does not say that it is of the walk")),
        (
            Box::new(|double| {
                let mut object = double.object(DATA).unwrap();
                object.metadata.insert("walk".to_owned(), walk(6).to_string());
                double.set(DATA, Some(object));
            }),
            Ok(Found::Gone),
        ),
        (
            Box::new(|double| {
                let manifest = String::from_utf8(double.object(MANIFEST).unwrap().content).unwrap();
                let content = manifest.replace("sha256:00", "sha256:01").into_bytes();
                double.set(MANIFEST, Some(Object { content, ..Object::default() }));
            }),
            Err("has the digest `sha256:01`, and the list `sha256:00`"),
        ),
    ];
    for (change, expected) in cases {
        let double = Double::default();
        let report = deliver(&double, &context(7), OLD).unwrap();
        change(&double);
        let before = double.contents();
        match (found(&double, &options(), &context(7), &report), expected) {
            (found, Ok(expected)) => assert_eq!(found, expected),
            (Found::Altered(text), Err(expected)) => assert!(text.contains(expected), "{text}"),
            (found, Err(expected)) => panic!("{found:?} instead of {expected}"),
        }
        assert_eq!(double.contents(), before);
    }
}

#[test]
fn a_list_that_is_not_in_another_store_is_not_gone() {
    let double = Double::default();
    let report = deliver(&double, &context(7), OLD).unwrap();
    let elsewhere = SinkReport { mount: Some("cos.ap-guangzhou.myqcloud.com".to_owned()), ..report.clone() };
    // Somebody has copied it.
    assert_eq!(found(&double, &options(), &context(7), &elsewhere), Found::Held);
    let refused = || {
        let error = find(&double, &options(), &context(7), &elsewhere).unwrap_err();
        let expected = format!(
            "the list was published as `s3://lake/{DATA}` in the store `cos.ap-guangzhou.myqcloud.com`, and the store is \
             `double` now"
        );
        assert_eq!((error.to_string(), error.kind()), (expected, SinkErrorKind::Permanent));
        assert!(error.hint().unwrap().contains("AWS_ENDPOINT_URL"), "{error:?}");
    };
    // Another list has its key there, or there is none.
    double.set(DATA, Some(Object { content: b"theirs".into(), ..Object::default() }));
    refused();
    for key in [DATA, MANIFEST, MARKER] {
        double.set(key, None);
    }
    refused();
    // A record of before says nothing of the store.
    for mount in [None, report.mount.clone()] {
        let report = SinkReport { mount, ..report.clone() };
        assert_eq!(found(&double, &options(), &context(7), &report), Found::Gone);
    }
}

#[test]
fn the_keys_of_one_kind_of_store_are_not_tried_on_the_other() {
    let report = deliver(&Double::default(), &context(7), OLD).unwrap();
    let options = FileOptions { root: "az://lake/lists".into(), ..options() };
    assert_eq!(files::find(&options, &context(7), &report).unwrap(), Found::Unknown);
}

/// Another process delivers the same walk with other options: the same size, and other content.
#[test]
fn a_list_of_the_same_size_is_not_held_under_the_manifest_or_marker_of_another() {
    for before in [Before::Manifest, Before::Delete, Before::Complete, Before::Marker] {
        let double = Double::default();
        let other = "x\ny\n";
        let mut staged = prepared(&double, &options(), &context(7), OLD).unwrap();
        let report = deliver(&Double::default(), &context(7), OLD).unwrap();
        double.intrude(before, move |double| drop(deliver(double, &context(7), other).unwrap()));
        let committed = staged.commit();
        let content = |key| double.object(key).unwrap().content;
        let sha256 = |text: &str| crate::files::part::sha256(text.as_bytes());
        let manifest: Manifest = serde_json::from_slice(&content(MANIFEST)).unwrap();
        let is_marked = crate::files::manifest::is_marker_of(&content(MARKER), &content(MANIFEST));
        let is_whole = manifest.files[0].sha256 == sha256(&read(&double).unwrap()) && is_marked;
        let found = found(&double, &options(), &context(7), &report);
        assert_eq!(found == Found::Held, is_whole, "{before:?}");
        assert!(is_whole || found == Found::Gone, "{before:?}: {found:?}");
        // Before the object or the marker, it is too late to look again.
        assert_eq!(is_whole, matches!(before, Before::Manifest | Before::Delete), "{before:?}: {committed:?}");
        let report = deliver(&double, &context(7), OLD).unwrap();
        assert_eq!(self::found(&double, &options(), &context(7), &report), Found::Held, "{before:?}");
        assert_eq!(read(&double).as_deref(), Some(OLD), "{before:?}");
    }
}

#[test]
fn a_loader_may_take_the_object_of_a_newer_list_away() {
    let double = Double::default();
    deliver(&double, &context(8), NEW).unwrap();
    double.set(DATA, None);
    deliver(&double, &context(7), OLD).unwrap();
    assert_eq!(read(&double), None);
}

#[test]
fn with_conditions_the_second_of_two_publishers_looks_again() {
    for (first, theirs) in [(7, NEW), (9, NEW)] {
        let double = Double::default();
        let mut staged = prepared(&double, &options(), &context(8), OLD).unwrap();
        double.intrude(Before::Manifest, move |double| drop(deliver(double, &context(first), theirs).unwrap()));
        let report = staged.commit().unwrap();
        // The newer of the two is there, whichever came first.
        let (expected, text) = if first > 8 { (Found::Replaced, NEW) } else { (Found::Held, OLD) };
        assert_eq!(
            (found(&double, &options(), &context(8), &report), read(&double).as_deref()),
            (expected, Some(text))
        );
        assert_eq!(double.open_uploads(), 0);
    }
}

#[test]
fn a_newer_list_is_never_replaced_wherever_its_publisher_comes_in_between() {
    for before in [Before::Manifest, Before::Delete, Before::Complete, Before::Marker] {
        let double = Double::default();
        deliver(&double, &context(7), OLD).unwrap();
        let mut older = prepared(&double, &options(), &context(8), OLD).unwrap();
        double.intrude(before, |double| drop(deliver(double, &context(9), NEW).unwrap()));
        let result = older.commit();
        let manifest: Manifest = serde_json::from_slice(&double.object(MANIFEST).unwrap().content).unwrap();
        assert_eq!(manifest.snapshot.walk, walk(9), "{before:?}");
        match before {
            // Before the marker, the older list was complete, and is replaced. Its late marker
            // belongs to no manifest.
            Before::Manifest | Before::Marker => drop(result.unwrap()),
            // The parts are still there, and the newer list has lost its marker.
            Before::Delete => assert!(result.unwrap_err().is_temporary()),
            Before::Complete => assert_eq!(result.unwrap_err().kind(), SinkErrorKind::Aborted),
        }
        // What the two have left together is mended by the next delivery of the newer list.
        let report = deliver(&double, &context(9), NEW).unwrap();
        assert_eq!(found(&double, &options(), &context(9), &report), Found::Held, "{before:?}");
        assert_eq!(read(&double).as_deref(), Some(NEW), "{before:?}");
    }
}

#[test]
fn a_newer_list_that_is_on_its_way_is_left_to_its_publisher() {
    for changes in 1..4 {
        let double = Double::default();
        deliver(&double, &context(7), OLD).unwrap();
        let mut older = prepared(&double, &options(), &context(8), OLD).unwrap();
        let mut newer = prepared(&double, &options(), &context(9), NEW).unwrap();
        // The newer one stops after its manifest, after the old marker, or after its object.
        double.cut_after(changes, false);
        newer.commit().unwrap_err();
        double.restore_power();
        let before = double.contents();
        let error = older.commit().unwrap_err();
        assert!(error.is_temporary() && error.to_string().contains("at the same time"), "{error}");
        assert_eq!(double.contents(), before, "{changes}");
        let report = newer.commit().unwrap();
        assert_eq!(found(&double, &options(), &context(9), &report), Found::Held, "{changes}");
        older.commit().unwrap();
        assert_eq!(read(&double).as_deref(), Some(NEW), "{changes}");
    }
}

#[test]
fn a_list_under_whose_manifest_another_publisher_was_late_is_gone_and_not_altered() {
    let double = Double::default();
    deliver(&double, &context(7), OLD).unwrap();
    let late = [double.object(DATA), double.object(MARKER)];
    for (key, late) in [DATA, MARKER].into_iter().zip(late) {
        let report = deliver(&double, &context(9), NEW).unwrap();
        double.set(key, late);
        assert_eq!(found(&double, &options(), &context(9), &report), Found::Gone, "{key}");
        let report = deliver(&double, &context(9), NEW).unwrap();
        assert_eq!(found(&double, &options(), &context(9), &report), Found::Held, "{key}");
    }
}

#[test]
fn an_upload_does_not_take_the_object_of_an_earlier_upload_for_its_own() {
    let [one, other] = [(); 2].map(|()| super::identity::metadata(&context(7)));
    assert_ne!(one, other);
}

#[test]
fn a_root_that_has_failed_is_not_tried_for_each_list() {
    let trials = files::Trials::default();
    let refuse = || Err(SinkError::temporary("no answer").with_hint("wait"));
    let first = try_out(&trials, "lake", "s3://lake/a", refuse).unwrap_err();
    let again = try_out(&trials, "lake", "s3://lake/a", || panic!("it is tried twice")).unwrap_err();
    assert_eq!((again.to_string(), again.is_temporary(), again.hint()), (first.to_string(), true, Some("wait")));
    let well = || Ok(Probe { keeps_conditions: true });
    try_out(&trials, "lake", "s3://lake/b", well).unwrap();
    try_out(&trials, "lake", "s3://lake/b", || panic!("it is tried twice")).unwrap();
}

#[test]
fn without_conditions_the_last_publisher_wins_and_its_list_is_whole() {
    let double = Double::without_conditions();
    let mut staged = prepared(&double, &options(), &context(8), OLD).unwrap();
    double.intrude(Before::Manifest, |double| drop(deliver(double, &context(9), NEW).unwrap()));
    let report = staged.commit().unwrap();
    assert_eq!(read(&double).as_deref(), Some(OLD));
    assert_eq!(found(&double, &options(), &context(8), &report), Found::Held);
    assert!(matches!(found(&double, &options(), &context(9), &report), Found::Altered(_)));
}

#[test]
fn several_objects_and_keys_that_no_store_holds_are_refused_before_any_call() {
    let rolling = FileOptions { rolling: true, ..options() };
    let error = files::check(&rolling, &context(7)).unwrap_err();
    assert_eq!(error.key(), Some("root"));
    assert!(error.to_string().contains("cannot appear at once") && error.hint().unwrap().contains("table"), "{error}");
    assert_eq!(StagedFiles::open(&rolling, &context(7)).unwrap_err().to_string(), error.to_string());
    let layout = format!("{{date}}/{{account}}/{}x", "long-name/".repeat(110));
    let error = open(&Double::default(), &FileOptions { layout, ..options() }, &context(7)).unwrap_err();
    assert!(error.key() == Some("layout") && error.to_string().contains("at most 1024"), "{error}");
    // `store` belongs to an object store.
    let root = crate::root::Root::from("out").with_store(Some(files::objects::StoreOptions::default()));
    let error = files::check(&FileOptions { root, ..options() }, &context(7)).unwrap_err();
    assert_eq!(error.key(), Some("store"));
}

#[test]
fn a_second_object_of_a_list_is_refused() {
    let double = Double::default();
    let mut staged = open(&double, &options(), &context(7)).unwrap();
    drop(staged.next_part().unwrap());
    assert!(staged.next_part().unwrap_err().to_string().contains("second object"));
    assert_eq!(double.head(&format!("{FOLDER}/part-00001.txt")).unwrap(), None);
}
