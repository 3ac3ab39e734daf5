//! What the error of a failure says, and the secrets that no error and no log shows.

use std::io;
use std::sync::{Arc, Mutex};

use hyper::Method;
use tracing_subscriber::fmt::MakeWriter;

use super::super::{Put, Store, StoreOptions};
use super::double::{Double, Fault};
use super::{ACCESS_KEY, SECRET_KEY, metadata, options, store, store_with};
use crate::{Secret, SinkError};

/// Everything that an error shows to anybody.
fn shown(error: &SinkError) -> String {
    let source = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    format!("{error} {source} {} {error:?}", error.hint().unwrap_or_default())
}

#[test]
fn an_answer_says_what_to_do() {
    for (status, code, is_temporary, expected) in [
        (403, "AccessDenied", false, "AbortMultipartUpload"),
        (403, "RequestTimeTooSkewed", false, "clock"),
        (400, "ExpiredToken", false, "expired"),
        (404, "NoSuchBucket", false, "create it"),
        (501, "NotImplemented", false, "store.conditional = false"),
        (400, "AuthorizationHeaderMalformed", false, "store.region"),
        (409, "OperationAborted", true, "OperationAborted"),
    ] {
        let double = Double::plain();
        let text = format!("<Error><Code>{code}</Code><Message>because</Message></Error>").leak();
        double.fault(Method::PUT, "", Fault::Refused(status, text));
        let error = store(&double).put("followers/a", b"x").unwrap_err();
        assert_eq!(error.to_string(), "cannot write `s3://lake/followers/a`");
        assert_eq!(error.is_temporary(), is_temporary, "{code}");
        let shown = shown(&error);
        assert!(shown.contains(expected) && shown.contains(&format!("answered {status} {code}: because")), "{shown}");
    }
}

#[test]
fn a_bucket_that_is_missing_is_no_object_that_is_missing() {
    let double = Double::plain();
    double.fault(Method::GET, "", Fault::Refused(404, "<Error><Code>NoSuchBucket</Code></Error>"));
    let error = store(&double).get("followers/a").unwrap_err();
    assert!(error.hint().unwrap().contains("create it"), "{error:?}");
}

#[test]
fn a_store_that_is_down_is_asked_again_and_may_be_asked_later() {
    let double = Double::plain();
    let endpoint = double.endpoint();
    let down = store(&double);
    double.fault(Method::PUT, "", Fault::Refused(500, "<Error><Code>InternalError</Code></Error>"));
    double.fault(Method::PUT, "", Fault::Refused(429, ""));
    down.put("followers/a", b"x").unwrap();
    assert_eq!(double.seen().len(), 3);
    drop(double);
    let error = down.put("followers/a", b"x").unwrap_err();
    assert!(error.is_temporary(), "{error:?}");
    let host = endpoint.trim_start_matches("http://").split(':').next().unwrap().to_owned();
    assert!(shown(&error).contains(&format!("no answer from `{host}`")), "{error:?}");
}

/// Collects what is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(data);
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// Makes every call, with answers that repeat the request, as a store does that cannot verify a
/// signature. Returns what errors show.
fn failing(double: &Double, store: &Store) -> String {
    const REPEATS: &str = "<Error><Code>SignatureDoesNotMatch</Code><Message>X-Amz-Signature=SIGNATURE and \
        sig=SIGNATURE</Message><StringToSign>x-amz-security-token:TOKEN wJalrXUtnFEMI-hunter2</StringToSign></Error>";
    let mut text = format!("{store:?}");
    for method in [Method::GET, Method::HEAD, Method::PUT, Method::POST, Method::DELETE] {
        double.fault(method, "", Fault::Refused(403, REPEATS));
    }
    let errors = [
        store.get("followers/a").unwrap_err(),
        store.head("followers/a").unwrap_err(),
        store.put("followers/a", b"x").unwrap_err(),
        store.begin("followers/a", &metadata()).unwrap_err(),
        store.delete("followers/a").unwrap_err(),
    ];
    errors.iter().map(shown).for_each(|shown| text.push_str(&shown));
    // Cut, without an answer.
    double.fault(Method::PUT, "", Fault::AnswerLost);
    assert_eq!(store.put_if_unchanged("followers/b", b"x", None).unwrap(), Put::Written);
    let mut upload = store.begin("followers/a", &metadata()).unwrap();
    double.fault(Method::POST, "uploadId", Fault::Refused(403, REPEATS));
    upload.write(b"rows").unwrap();
    upload.finish().unwrap();
    text.push_str(&shown(&upload.complete().unwrap_err()));
    upload.abort().unwrap();
    format!("{text}{upload:?}")
}

#[test]
fn no_key_token_or_signature_is_shown_or_logged_at_any_level() {
    let log = Log::default();
    // For all threads: the requests are made on the runtime's own.
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(log.clone()).finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let double = Double::plain();
    let options = StoreOptions { session_token: Some(Secret::new("TOKEN")), ..options(&double.endpoint()) };
    let debug = format!("{options:?}");
    let shown = failing(&double, &store_with(&double, &options)) + &debug;
    let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(shown.contains("SignatureDoesNotMatch"), "{shown}");
    assert!(!logged.is_empty(), "the transport logs at this level");
    let signatures = double.seen().into_iter().filter_map(|seen| {
        let header = seen.headers.get("authorization")?.to_str().ok()?;
        Some(header.rsplit_once("Signature=")?.1.to_owned())
    });
    let signatures: Vec<String> = signatures.collect();
    assert!(signatures.len() > 8);
    for secret in
        [ACCESS_KEY, SECRET_KEY, "TOKEN", "SIGNATURE", "hunter2"].map(str::to_owned).into_iter().chain(signatures)
    {
        assert!(!shown.contains(&secret), "{secret} is shown: {shown}");
        assert!(!logged.contains(&secret), "{secret} is logged: {logged}");
    }
}

#[test]
fn a_shared_access_signature_is_not_shown_although_it_is_in_the_address() {
    let double = Double::plain();
    let options = StoreOptions {
        endpoint: Some(format!("{}/brands", double.endpoint())),
        account: Some("brands".to_owned()),
        sas_token: Some(Secret::new("sv=2024-11-04&sig=hunter2")),
        ..StoreOptions::default()
    };
    let store = Store::open(&"az://lake/followers".parse().unwrap(), &options).unwrap();
    double.fault(Method::PUT, "sig=", Fault::Refused(403, "<Error><Code>AuthorizationFailure</Code></Error>"));
    let refused = store.put("followers/a", b"x").unwrap_err();
    assert!(shown(&refused).contains("AuthorizationFailure"), "{refused:?}");
    drop(double);
    let silent = store.put("followers/a", b"x").unwrap_err();
    for error in [refused, silent] {
        assert!(!shown(&error).contains("hunter2") && !shown(&error).contains("sig="), "{error:?}");
    }
}
