//! `--shard`: a part of the accounts, given by whoever starts the process or by the scheduler that numbers its tasks.

use std::str::FromStr;

use crate::config::{Environment, Shard};

/// `--shard`: a part of the accounts, or where its index and count are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ShardArgument {
    /// `INDEX/COUNT`.
    This(Shard),
    /// `auto` or `auto/COUNT`: the scheduler has put the index, and perhaps the count, into the environment.
    Auto(Option<u32>),
}

/// A scheduler that numbers the tasks of a job from 0 and tells each its number.
struct Scheduler {
    name: &'static str,
    index: &'static str,
    /// None where it does not say how many there are.
    count: Option<&'static str>,
}

/// The schedulers that `--shard auto` knows. Slurm begins where `--array` says: it must say 0.
const SCHEDULERS: [Scheduler; 5] = [
    Scheduler { name: "Kubernetes", index: "JOB_COMPLETION_INDEX", count: None },
    Scheduler { name: "Cloud Run", index: "CLOUD_RUN_TASK_INDEX", count: Some("CLOUD_RUN_TASK_COUNT") },
    Scheduler { name: "AWS Batch", index: "AWS_BATCH_JOB_ARRAY_INDEX", count: Some("AWS_BATCH_JOB_ARRAY_SIZE") },
    Scheduler { name: "Google Batch", index: "BATCH_TASK_INDEX", count: Some("BATCH_TASK_COUNT") },
    Scheduler { name: "Slurm", index: "SLURM_ARRAY_TASK_ID", count: Some("SLURM_ARRAY_TASK_COUNT") },
];

impl FromStr for ShardArgument {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let count = |text: &str| text.parse().ok().filter(|count| (1..=Shard::MOST).contains(count));
        match text.strip_prefix("auto") {
            Some("") => Ok(Self::Auto(None)),
            Some(rest) => rest
                .strip_prefix('/')
                .and_then(count)
                .map(|count| Self::Auto(Some(count)))
                .ok_or_else(|| format!("expected `auto`, or `auto/COUNT` with a count from 1 to {}", Shard::MOST)),
            None => text.parse().map(Self::This).map_err(|expected| format!("{expected}; or `auto`, or `auto/COUNT`")),
        }
    }
}

impl ShardArgument {
    /// Returns the shard that is meant, or what is missing to tell.
    pub(super) fn resolve(self, environment: &Environment) -> Result<Shard, String> {
        let given = match self {
            Self::This(shard) => return Ok(shard),
            Self::Auto(given) => given,
        };
        let Some(scheduler) = SCHEDULERS.iter().find(|scheduler| environment.get(scheduler.index).is_some()) else {
            let indexes = SCHEDULERS.map(|scheduler| format!("`{}` ({})", scheduler.index, scheduler.name)).join(", ");
            return Err(format!("`--shard auto` needs one of the environment variables {indexes}; none is set"));
        };
        let index = number(scheduler.index, environment)?;
        let stated = match scheduler.count {
            Some(name) if environment.get(name).is_some() => Some((name, number(name, environment)?)),
            _ => None,
        };
        let count = match (given, stated) {
            // Whoever is right, some accounts would have no shard, or two.
            (Some(given), Some((name, stated))) if given != stated => {
                return Err(format!("`--shard auto/{given}` was asked for, but `{name}` is {stated}"));
            }
            (Some(count), _) | (None, Some((_, count))) => count,
            (None, None) => {
                let name = scheduler.name;
                return Err(format!(
                    "`--shard auto` finds no number of tasks: give it as `--shard auto/COUNT` ({name})"
                ));
            }
        };
        Shard::new(index, count).ok_or_else(|| {
            let variable = scheduler.index;
            format!(
                "found {index} in `{variable}`, expected 0 to {}: tasks are counted from 0",
                count.saturating_sub(1)
            )
        })
    }
}

fn number(name: &str, environment: &Environment) -> Result<u32, String> {
    let value = environment.get(name).and_then(|value| value.to_str()).unwrap_or_default();
    value.parse().map_err(|_| format!("found {value:?} in the environment variable `{name}`, expected a whole number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(argument: &str, variables: &[(&str, &str)]) -> Result<String, String> {
        let environment = variables.iter().copied().collect();
        argument.parse::<ShardArgument>()?.resolve(&environment).map(|shard| shard.to_string())
    }

    #[test]
    fn a_shard_is_given_or_found_with_any_scheduler() {
        assert_eq!(resolved("2/4", &[("JOB_COMPLETION_INDEX", "1")]).unwrap(), "2/4");
        assert_eq!(resolved("auto/4", &[("JOB_COMPLETION_INDEX", "3")]).unwrap(), "3/4");
        for scheduler in &SCHEDULERS[1..] {
            let count = scheduler.count.unwrap();
            assert_eq!(resolved("auto", &[(scheduler.index, "0"), (count, "3")]).unwrap(), "0/3", "{}", scheduler.name);
            assert_eq!(resolved("auto/3", &[(scheduler.index, "2"), (count, "3")]).unwrap(), "2/3");
            assert_eq!(resolved("auto/3", &[(scheduler.index, "2")]).unwrap(), "2/3");
        }
    }

    #[test]
    fn what_the_environment_does_not_tell_is_said() {
        for (argument, variables, expected) in [
            (
                "auto",
                &[][..],
                "`--shard auto` needs one of the environment variables `JOB_COMPLETION_INDEX` (Kubernetes), \
                 `CLOUD_RUN_TASK_INDEX` (Cloud Run), `AWS_BATCH_JOB_ARRAY_INDEX` (AWS Batch), `BATCH_TASK_INDEX` (Google \
                 Batch), `SLURM_ARRAY_TASK_ID` (Slurm); none is set",
            ),
            (
                "auto",
                &[("JOB_COMPLETION_INDEX", "0")],
                "`--shard auto` finds no number of tasks: give it as `--shard auto/COUNT` (Kubernetes)",
            ),
            (
                "auto/4",
                &[("BATCH_TASK_INDEX", "0"), ("BATCH_TASK_COUNT", "8")],
                "`--shard auto/4` was asked for, but `BATCH_TASK_COUNT` is 8",
            ),
            (
                "auto",
                &[("SLURM_ARRAY_TASK_ID", "4"), ("SLURM_ARRAY_TASK_COUNT", "4")],
                "found 4 in `SLURM_ARRAY_TASK_ID`, expected 0 to 3: tasks are counted from 0",
            ),
            (
                "auto/4",
                &[("JOB_COMPLETION_INDEX", "one")],
                "found \"one\" in the environment variable `JOB_COMPLETION_INDEX`, expected a whole number",
            ),
        ] {
            assert_eq!(resolved(argument, variables).unwrap_err(), expected);
        }
    }

    #[test]
    fn what_is_no_shard_is_refused_with_the_command_line() {
        for text in ["", "auto/", "auto/0", "auto/10001", "auto4", "automatic", "4/4", "1"] {
            assert!(text.parse::<ShardArgument>().is_err(), "{text}");
        }
    }
}
