//! One case, and the macro that makes the table of a module's cases.
//!
//! Before it: `run`, with a `Subject`. Behind it: the case's function, in a `Scene` of its own.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use crate::conformance::outcome::{Failure, Outcome, Step, Stop};
use crate::conformance::scene::Scene;
use crate::conformance::subject::Subject;

/// A test of one promise of the contract.
pub struct Case {
    pub(super) name: &'static str,
    pub(super) promise: &'static str,
    pub(super) body: Body,
}

pub(super) type Body = for<'a> fn(Scene<'a>) -> Pin<Box<dyn Future<Output = Step> + Send + 'a>>;

impl Case {
    /// Returns the name: one identifier, which states what holds when the case passes.
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
    /// If the promise is broken: what was expected, and what was found.
    pub async fn run(&self, subject: &dyn Subject) -> Result<Outcome, Failure> {
        match self.steps(subject).await {
            Ok(()) => Ok(Outcome::Kept),
            Err(Stop::Skipped(reason)) => Ok(Outcome::Skipped { reason }),
            Err(Stop::Broken(message)) => Err(Failure { case: self.name, promise: self.promise, message }),
        }
    }

    async fn steps(&self, subject: &dyn Subject) -> Step {
        let scene = Scene::new(subject)?;
        let aftermath = scene.aftermath();
        let mut kept = (self.body)(scene).await;
        if kept.is_ok() {
            kept = aftermath.end(subject).await;
        }
        // The first thing that went wrong is the one to tell.
        kept.and(aftermath.clean())
    }
}

impl fmt::Debug for Case {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Case").field("name", &self.name).field("promise", &self.promise).finish_non_exhaustive()
    }
}

/// Makes the table of one module: each case has the name of its function.
macro_rules! table {
    ($($name:ident: $promise:literal,)*) => {
        pub(super) const CASES: &[$crate::conformance::cases::case::Case] = &[$($crate::conformance::cases::case::Case {
            name: stringify!($name),
            promise: $promise,
            body: |scene| Box::pin($name(scene)),
        },)*];
    };
}
pub(super) use table;
