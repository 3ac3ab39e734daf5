//! One case, and the table of those of a module.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use crate::conformance::outcome::{Failure, Outcome, Step, Stop};
use crate::conformance::scene::Scene;
use crate::conformance::subject::Subject;

/// One promise of the contract, as a test.
pub struct Case {
    pub(super) name: &'static str,
    pub(super) promise: &'static str,
    pub(super) body: Body,
}

pub(super) type Body = for<'a> fn(Scene<'a>) -> Pin<Box<dyn Future<Output = Step> + Send + 'a>>;

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

/// Makes the table of one module: the name of a case is the name of its function.
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
