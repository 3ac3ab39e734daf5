//! What a run does when the store fails: the exit code, what a reader finds afterwards, and what
//! the next run does when the store is well again.

use std::time::Duration;

use crate::gate::{ALWAYS, Call, Failing, Fault, Gate};
use crate::project::{Ended, Project};
use crate::servers::{AZURITE_KEY, Azurite, Moto, Server};

const FOLLOWERS: u64 = 30_000;

/// What a reader finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    /// The list of the run that met the fault.
    New,
    /// The list of before, as it was.
    Old,
    /// The list of before without its marker: the commit had begun.
    OldUnmarked,
    /// The new list without its marker.
    NewUnmarked,
}

/// Whom the fault meets. The check comes first, and tries the same calls on an object of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meets {
    Check,
    List,
}

/// One row of the table.
struct Case {
    call: Call,
    meets: Meets,
    fault: Fault,
    times: u64,
    exit: i32,
    found: Found,
    /// A part of what the run says on stderr.
    says: &'static str,
}

impl Case {
    /// A fault that the run survives.
    fn survived(call: Call, meets: Meets, fault: Fault, times: u64) -> Self {
        Self { call, meets, fault, times, exit: 0, found: Found::New, says: "" }
    }

    /// A fault that stays as long as the run does.
    fn lasting(call: Call, meets: Meets, fault: Fault, exit: i32, found: Found, says: &'static str) -> Self {
        Self { call, meets, fault, times: ALWAYS, exit, found, says }
    }

    /// Publishes a list, meets the fault with the next one, and mends it.
    fn meet<S: Server>(&self) {
        let Some(store) = S::start() else { return };
        let gate = Gate::before(&store.endpoint());
        let project = Project::new("parquet", &S::root(), &gate.endpoint(), FOLLOWERS, "");
        let run = |more: &[&str]| {
            // Two tries of a step are enough to see that it is repeated.
            let base = ["--set", "sinks.lake.retry.attempts=2", "--set", "sinks.lake.retry.base_ms=100", "--json"];
            project.run(&[&base[..], more].concat())
        };
        let first = run(&[]);
        assert_eq!(first.code, Some(0), "{first:?}");
        let before = Standing::of(&store);

        // The check makes each of these calls once; no other call of it is in the table.
        let after = u64::from(self.meets == Meets::List && self.call != Call::Put);
        let Self { call, meets, fault, times, .. } = *self;
        gate.fail(Failing { call, fault, after, times });
        let ended = run(&["--fresh"]);
        let name = format!("{call:?} of the {meets:?}, {fault:?} × {times}");
        assert!(gate.hits() > 0, "{name}: the fault was never met");
        assert_eq!(ended.code, Some(self.exit), "{name}: {ended:?}");
        assert!(ended.stderr.contains(self.says), "{name}: {}", ended.stderr);
        for secret in ["hunter2", "Signature=", "X-Amz-", "uploadId", AZURITE_KEY, "SharedKey"] {
            assert!(!ended.stderr.contains(secret) && !ended.stdout.contains(secret), "{name}: {ended:?}");
        }
        let after = Standing::of(&store);
        assert_eq!(after.compared_with(&before), self.found, "{name}: {ended:?}");

        gate.mend();
        let next = run(&[]);
        assert_eq!(next.code, Some(0), "{name}: {next:?}");
        // A check that fails comes before the walk: nothing was read that the next run could
        // deliver.
        let is_read = meets == Meets::List || self.exit == 0;
        let expected = if is_read { Found::New } else { Found::Old };
        assert_eq!(Standing::of(&store).compared_with(&before), expected, "{name}: {next:?}");
        // What was read is not read again: the next run delivers from the journal.
        assert_eq!(calls(&next), 0, "{name}: {}", next.stdout);
        // Nobody knows of an upload whose beginning was never answered.
        let left_open = u64::from(call == Call::Begin && fault == Fault::AnswerLost) * times;
        assert_eq!(store.uploads().len() as u64, left_open, "{name}");
    }
}

/// Goes through rows of the table, some at a time.
fn meet_all<S: Server>(cases: &[Case]) {
    const AT_ONCE: usize = 4;
    for some in cases.chunks(AT_ONCE) {
        std::thread::scope(|scope| some.iter().for_each(|case| drop(scope.spawn(|| case.meet::<S>()))));
    }
}

fn calls(ended: &Ended) -> u64 {
    let report: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    report["accounts"][0]["calls"].as_u64().unwrap()
}

/// What is in the bucket.
struct Standing {
    object: Vec<u8>,
    is_marked: bool,
}

impl Standing {
    fn of(store: &impl Server) -> Self {
        let mut objects = store.objects("lists");
        let key = objects.keys().find(|key| key.ends_with(".parquet")).unwrap().clone();
        let is_marked = objects.keys().any(|key| key.ends_with("/_SUCCESS"));
        Self { object: objects.remove(&key).unwrap(), is_marked }
    }

    fn compared_with(&self, before: &Self) -> Found {
        match (self.object == before.object, self.is_marked) {
            (true, true) => Found::Old,
            (true, false) => Found::OldUnmarked,
            (false, true) => Found::New,
            (false, false) => Found::NewUnmarked,
        }
    }
}

fn errors_that_pass() -> Vec<Case> {
    let error = Fault::Status(500, "InternalError");
    let calls = [Call::Begin, Call::Part, Call::Complete, Call::PutIf, Call::Put, Call::Get, Call::Delete];
    let mut cases = Vec::from(calls.map(|call| Case::survived(call, Meets::List, error, 2)));
    let cut = [Call::Begin, Call::Part, Call::Complete, Call::Put, Call::Get];
    cases.extend(cut.map(|call| Case::survived(call, Meets::List, Fault::Cut, 1)));
    cases.push(Case::survived(Call::Part, Meets::List, Fault::Status(503, "SlowDown"), 3));
    cases.push(Case::survived(Call::Part, Meets::Check, Fault::Slow(Duration::from_secs(2)), ALWAYS));
    cases
}

fn lost_answers() -> Vec<Case> {
    let calls = [Call::Begin, Call::Part, Call::Complete, Call::PutIf, Call::Put];
    let mut cases = Vec::from(calls.map(|call| Case::survived(call, Meets::List, Fault::AnswerLost, 1)));
    cases.push(Case::survived(Call::Complete, Meets::Check, Fault::AnswerLost, 1));
    cases
}

/// Refusals with the code with which the store says that something is forbidden.
fn refusals(code: &'static str) -> Vec<Case> {
    let denied = Fault::Status(403, code);
    let of_check = [Call::Begin, Call::Part, Call::Complete, Call::PutIf, Call::Get, Call::Delete];
    let mut cases = Vec::from(
        of_check.map(|call| Case::lasting(call, Meets::Check, denied, 1, Found::Old, "AbortMultipartUpload")),
    );
    let of_list = [
        (Call::Begin, Found::Old),
        (Call::Part, Found::Old),
        (Call::Delete, Found::Old),
        (Call::PutIf, Found::Old),
        (Call::Complete, Found::OldUnmarked),
        (Call::Put, Found::NewUnmarked),
    ];
    cases.extend(of_list.map(|(call, found)| Case::lasting(call, Meets::List, denied, 1, found, code)));
    cases
}

/// A store that is down, with the code with which it says so.
fn outages(code: &'static str) -> Vec<Case> {
    let down = Fault::Status(503, code);
    let of_list = [
        (Call::Begin, Found::Old),
        (Call::Part, Found::Old),
        (Call::Complete, Found::OldUnmarked),
        (Call::Put, Found::NewUnmarked),
    ];
    let mut cases = Vec::from(of_list.map(|(call, found)| Case::lasting(call, Meets::List, down, 75, found, code)));
    cases.push(Case::lasting(Call::Begin, Meets::Check, down, 75, Found::Old, code));
    cases
}

#[test]
fn an_error_that_passes_is_not_seen() {
    meet_all::<Moto>(&errors_that_pass());
}

#[test]
fn a_lost_answer_is_looked_up() {
    meet_all::<Moto>(&lost_answers());
}

#[test]
fn what_is_forbidden_is_for_a_person() {
    meet_all::<Moto>(&refusals("AccessDenied"));
}

#[test]
fn a_store_that_stays_down_is_tried_again_later() {
    meet_all::<Moto>(&outages("SlowDown"));
}

#[test]
fn azure_fails_as_s3_does() {
    let tables = [errors_that_pass(), lost_answers(), refusals("AuthorizationFailure"), outages("ServerBusy")];
    // Azure has no beginning of an upload that could fail.
    let cases: Vec<Case> = tables.into_iter().flatten().filter(|case| case.call != Call::Begin).collect();
    meet_all::<Azurite>(&cases);
}

/// As OSS answers `If-None-Match` and `If-Match`.
const REFUSES_CONDITIONS: Fault = Fault::Status(501, "NotImplemented");

#[test]
fn a_store_without_conditions_must_be_named_as_one() {
    let says = "store.conditional = false";
    meet_all::<Moto>(&[Case::lasting(Call::PutIf, Meets::Check, REFUSES_CONDITIONS, 1, Found::Old, says)]);
}

#[test]
fn a_store_that_is_named_as_one_without_conditions_receives_none() {
    let Some(store) = Moto::start() else { return };
    let gate = Gate::before(&store.endpoint());
    gate.fail(Failing { call: Call::PutIf, fault: REFUSES_CONDITIONS, after: 0, times: ALWAYS });
    let project = Project::new("parquet", &Moto::root(), &gate.endpoint(), FOLLOWERS, "");
    let unconditional = ["--set", "sinks.lake.options.store.conditional=false"];
    project.finish(&unconditional);
    let before = Standing::of(&store);
    project.finish(&[&unconditional[..], &["--fresh"]].concat());
    assert_eq!(Standing::of(&store).compared_with(&before), Found::New);
    assert_eq!(gate.take_calls().get(&Call::PutIf), None);
}
