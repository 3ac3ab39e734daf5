//! The cases, each named after the promise it holds a sink to.

mod abort;
mod commit;
mod content;
mod crash;
mod factory;
mod find;
mod several;

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use super::outcome::{Failure, Outcome, Step, Stop};
use super::scene::Scene;
use super::subject::Subject;

/// One promise of the contract, as a test.
pub struct Case {
    name: &'static str,
    promise: &'static str,
    body: Body,
}

type Body = for<'a> fn(Scene<'a>) -> Pin<Box<dyn Future<Output = Step> + Send + 'a>>;

impl Case {
    /// Returns the name: what holds when the case passes, as one identifier.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Returns the promise, with its place in the contract.
    pub fn promise(&self) -> &'static str {
        self.promise
    }

    /// Runs the case on `subject`, in a temporary folder of its own.
    ///
    /// # Errors
    ///
    /// When the promise is broken: what was expected and what was found.
    pub async fn run(&self, subject: &dyn Subject) -> Result<Outcome, Failure> {
        match self.steps(subject).await {
            Ok(()) => Ok(Outcome::Kept),
            Err(Stop::Skipped(reason)) => Ok(Outcome::Skipped { reason }),
            Err(Stop::Broken(message)) => Err(Failure { case: self.name, promise: self.promise, message }),
        }
    }

    async fn steps(&self, subject: &dyn Subject) -> Step {
        (self.body)(Scene::new(subject)?).await
    }
}

impl fmt::Debug for Case {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Case").field("name", &self.name).field("promise", &self.promise).finish_non_exhaustive()
    }
}

/// Returns every case, in the order of a list's life: options, content, commit, abort, crash, several lists, a later look.
pub fn cases() -> impl Iterator<Item = &'static Case> {
    [factory::CASES, content::CASES, commit::CASES, abort::CASES, crash::CASES, several::CASES, find::CASES]
        .into_iter()
        .flatten()
}

/// Makes the table of one module: the name of a case is the name of its function.
macro_rules! table {
    ($($name:ident: $promise:literal,)*) => {
        pub(super) const CASES: &[$crate::conformance::Case] = &[$($crate::conformance::Case {
            name: stringify!($name),
            promise: $promise,
            body: |scene| Box::pin($name(scene)),
        },)*];
    };
}
use table;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_line_of_the_protocol_that_binds_a_sink_has_a_case() {
        let lines: BTreeSet<&str> = cases().filter_map(|case| case.promise.strip_prefix("`Sink`, line ")).collect();
        for line in ["4:", "7:", "8:", "9:", "10:", "11:"] {
            assert!(lines.iter().any(|promise| promise.starts_with(line)), "line {line} has no case");
        }
    }

    #[test]
    fn names_are_unique() {
        let names: BTreeSet<&str> = cases().map(Case::name).collect();
        assert_eq!(names.len(), cases().count());
    }
}
