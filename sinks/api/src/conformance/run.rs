//! The whole suite, one case after the other.
//!
//! Before it: a sink's own test. Behind it: the cases.

use super::cases::cases;
use super::outcome::Summary;
use super::subject::Subject;

/// Runs every case on `subject`, and returns which promises were kept and which cases were skipped.
///
/// # Panics
///
/// If a promise was broken: after the last case, with the list of all failures.
pub async fn run(subject: &dyn Subject) -> Summary {
    let mut summary = Summary::default();
    for case in cases() {
        summary.record(case.name(), case.run(subject).await);
    }
    let failures: Vec<String> = summary.failures.iter().map(|failure| format!("- {failure}")).collect();
    assert!(failures.is_empty(), "the sink breaks {} promises:\n{}", failures.len(), failures.join("\n"));
    summary
}
