//! Divides `limits.memory` before the first call, and chooses the limits that the pipeline file
//! leaves out.
//!
//! Before it: `bind` has bound the sinks, which declare their memory. Behind it: `run_context`
//! makes the [budget](super::budget) and the [slots](super::slots).

use std::num::NonZero;

use super::budget::{OWN, footprint};
use super::slots::Slots;
use crate::config::{ConfigErrors, Pipeline};
use crate::registry::BoundSink;
use crate::wechat::Reading;

/// Bytes that each delivery needs beside its pages and its sinks: the distinct count.
const COUNT_MEMORY: u64 = 6 << 20;

/// Bytes that the count of the unionids takes in a walk of batches, as long as it lasts: its
/// hashes, and for a moment those of a run that is written to disk, or read back.
const IDENTITIES_MEMORY: u64 = 8 << 20;

/// Bytes of the followers that a walk of batches asks for: two decoded pages, and one as it came.
const INPUT_MEMORY: u64 = 2 * OWN;

/// Bytes of a batch that stays in memory, with the answers of two rounds.
const BATCH_MEMORY: u64 = 16 << 10;

/// `limits.memory` if the pipeline file leaves it out and the sinks do not need more.
const DEFAULT_MEMORY: u64 = 256 << 20;

/// The limits of a run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// The bytes that a run may use.
    pub(super) memory: u64,
    /// The bytes that the pages of all units share.
    pub(super) shared: u64,
    /// The deliveries of each kind at the same time, for [`Slots`].
    pub(super) deliveries: usize,
}

impl Limits {
    /// Returns the limits of a run of `pipeline` to `sinks` on this machine.
    ///
    /// # Errors
    ///
    /// If the pipeline file has a `limits.memory` that does not suffice.
    pub(super) fn of(pipeline: &Pipeline, sinks: &[BoundSink]) -> Result<Self, ConfigErrors> {
        let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
        Self::on(processors, pipeline, sinks)
    }

    /// What the file gives is kept. Without `memory` there is as much as is needed, and at least
    /// 256 MiB. Without `deliveries` there are as many as the processors and the memory allow.
    fn on(processors: usize, pipeline: &Pipeline, sinks: &[BoundSink]) -> Result<Self, ConfigErrors> {
        let limits = &pipeline.limits;
        let need = Need::of(pipeline, sinks);
        let fewest = limits.deliveries.unwrap_or(1);
        let memory = limits.memory.unwrap_or_else(|| need.bytes(fewest).max(DEFAULT_MEMORY));
        if need.bytes(fewest) > memory {
            return Err(pipeline.problem("limits.memory", need.shortage(memory, fewest)).into());
        }
        let fits = |deliveries: &usize| need.bytes(*deliveries) <= memory;
        let deliveries = limits.deliveries.or_else(|| (1..=processors).rev().find(fits)).unwrap_or(1);
        Ok(Self { memory, shared: memory - need.fixed(deliveries), deliveries })
    }
}

/// Returns how many batches a walk keeps in memory that makes so many calls at the same time: those
/// that are asked about, and those beside them.
pub(super) fn batches_in_memory(concurrency: usize) -> usize {
    2 * concurrency + 8
}

/// The memory that a run needs.
struct Need {
    /// The most units under way at the same time.
    units: usize,
    /// What the sinks of one delivery declare.
    sinks: u64,
    /// The most walks of batches under way at the same time.
    walks: usize,
    /// What one of them holds.
    walk: u64,
    /// The pages that the units have of their own.
    pages: u64,
    /// The largest page.
    page: u64,
}

impl Need {
    fn of(pipeline: &Pipeline, sinks: &[BoundSink]) -> Self {
        let lists = pipeline.lists();
        let under_way = |lists: usize| pipeline.limits.accounts.min(pipeline.accounts.len() * lists);
        let units = under_way(lists.len());
        let batches = batches_in_memory(pipeline.source.profiles.concurrency) as u64;
        // A delivery opens the sinks of one list only.
        let sinks_of = |list| sinks.iter().filter(move |sink| sink.section().list == list);
        let declared = |list| sinks_of(list).map(BoundSink::memory).fold(0, u64::saturating_add);
        Self {
            units,
            sinks: lists.iter().map(|&list| declared(list)).max().unwrap_or(0),
            walks: under_way(lists.iter().filter(|list| list.reading() == Reading::Batches).count()),
            walk: IDENTITIES_MEMORY + INPUT_MEMORY + batches * BATCH_MEMORY,
            pages: units as u64 * OWN,
            page: footprint(pipeline.source.max_reply_bytes),
        }
    }

    /// Returns the bytes that are not shared: a page of its own for each unit under way, what each
    /// walk of batches holds, and for each delivery the distinct count and what its sinks declare.
    fn fixed(&self, deliveries: usize) -> u64 {
        let each = self.sinks.saturating_add(COUNT_MEMORY);
        let of_deliveries = (Slots::most(deliveries, self.units) as u64).saturating_mul(each);
        of_deliveries.saturating_add(self.walks as u64 * self.walk).saturating_add(self.pages)
    }

    /// Returns the least memory: what is not shared, and one page of the largest size.
    fn bytes(&self, deliveries: usize) -> u64 {
        self.fixed(deliveries).saturating_add(self.page)
    }

    fn shortage(&self, memory: u64, deliveries: usize) -> String {
        let mib = |bytes: u64| bytes.div_ceil(1 << 20);
        let walks = match self.walks {
            0 => String::new(),
            1 => format!("{} MiB for a walk of profiles, ", mib(self.walk)),
            walks => format!("{} MiB for {walks} walks of profiles, ", mib(walks as u64 * self.walk)),
        };
        format!(
            "found {} MiB, expected at least {} MiB: {} deliveries at once, each with {} MiB for its sinks and {} MiB for \
             the count of its followers, {walks}{} MiB for pages of {} accounts, and a reply of up to {} MiB; lower \
             `limits.deliveries` or `limits.accounts`, or raise this",
            mib(memory),
            mib(self.bytes(deliveries)),
            Slots::most(deliveries, self.units),
            mib(self.sinks),
            mib(COUNT_MEMORY),
            mib(self.pages),
            self.units,
            mib(self.page),
        )
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;
    use std::path::Path;

    use super::*;
    use crate::config::Overrides;
    use crate::engine::bind;
    use crate::registry::SinkRegistry;

    /// The shortest section of each built-in sink, and of those with more than one destination one
    /// for each.
    const SECTIONS: [(&str, &str); 6] = [
        ("parquet", "root = 'parquet'"),
        ("ndjson", "root = 'ndjson'"),
        ("kafka", "topic = 't'\nroot = 'kafka'"),
        ("kafka", "topic = 't'\nbrokers = ['localhost:9092']"),
        ("command", "command = ['cat']"),
        ("arrow", "path = '-'"),
    ];
    const ACCOUNTS: [usize; 4] = [1, 2, 40, 2_500];
    const PROCESSORS: [usize; 4] = [1, 2, 8, 64];

    fn pipeline(accounts: usize, sinks: &[(&str, &str)], limits: &str) -> Pipeline {
        pipeline_of("followers", accounts, sinks, limits)
    }

    /// Makes a pipeline whose sinks take `list`.
    fn pipeline_of(list: &str, accounts: usize, sinks: &[(&str, &str)], limits: &str) -> Pipeline {
        let mut text = format!("name = 'p'\n[limits]\n{limits}\n");
        for account in 0..accounts {
            write!(text, "[[accounts]]\nname = 'a{account}'\napp_id = 'wx{account}'\nsecret = {{ env = 'S' }}\n")
                .unwrap();
        }
        for (number, (kind, options)) in sinks.iter().enumerate() {
            write!(text, "[sinks.s{number}]\ntype = '{kind}'\nlist = '{list}'\n").unwrap();
            write!(text, "[sinks.s{number}.options]\n{options}\n").unwrap();
        }
        let environment = [("S", "0123456789abcdef0123456789abcdef")].into_iter().collect();
        let overrides = Overrides { environment, ..Overrides::default() };
        Pipeline::from_toml(&text, Path::new("p.toml"), &overrides).unwrap()
    }

    #[test]
    fn the_default_limits_fit_every_built_in_sink_on_every_machine() {
        let registry = SinkRegistry::builtin();
        for kind in registry.types() {
            assert!(SECTIONS.iter().any(|(known, _)| *known == kind), "add a section of `{kind}`");
        }
        let built_in = |section: &&(&str, &str)| registry.types().any(|kind| kind == section.0);
        let built_in: Vec<(&str, &str)> = SECTIONS.iter().filter(built_in).copied().collect();
        let mut pipelines: Vec<Vec<(&str, &str)>> = built_in.iter().map(|section| vec![*section]).collect();
        pipelines.push(built_in);
        for sinks in pipelines {
            for accounts in ACCOUNTS {
                let pipeline = pipeline(accounts, &sinks, "");
                let bound = bind(&pipeline, &registry).unwrap();
                let declared: u64 = bound.iter().map(BoundSink::memory).sum();
                for processors in PROCESSORS {
                    let limits = Limits::on(processors, &pipeline, &bound).unwrap();
                    let what = format!("{sinks:?}, {accounts} accounts, {processors} processors: {limits:?}");
                    assert!((1..=processors).contains(&limits.deliveries), "{what}");
                    assert!(limits.shared >= 2 * pipeline.source.max_reply_bytes, "{what}");
                    // More than 256 MiB only where one delivery of each kind needs more.
                    let units = accounts.min(pipeline.limits.accounts);
                    let open = Slots::most(limits.deliveries, units);
                    let used = open as u64 * (declared + COUNT_MEMORY) + units as u64 * OWN + limits.shared;
                    assert_eq!(used, limits.memory, "{what}");
                    assert!(used == DEFAULT_MEMORY || open == Slots::most(1, units), "{what}");
                }
            }
        }
    }

    #[test]
    fn what_walks_of_profiles_hold_is_within_the_limit() {
        let registry = SinkRegistry::builtin();
        let of_walks = |list: &str, accounts: usize, concurrency: usize| {
            let text = format!("deliveries = 1\n[source.profiles]\nconcurrency = {concurrency}");
            let pipeline = pipeline_of(list, accounts, &SECTIONS[1..2], &text);
            let bound = bind(&pipeline, &registry).unwrap();
            let limits = Limits::on(8, &pipeline, &bound).unwrap();
            let declared: u64 = bound.iter().map(BoundSink::memory).sum();
            let units = (accounts * pipeline.lists().len()).min(pipeline.limits.accounts);
            let delivered = Slots::most(1, units) as u64 * (declared + COUNT_MEMORY);
            limits.memory - limits.shared - units as u64 * OWN - delivered
        };
        assert_eq!(of_walks("followers", 40, 4), 0);
        // The count of the unionids alone takes as much.
        assert!(of_walks("profiles", 1, 4) > 8 << 20);
        assert_eq!(of_walks("profiles", 40, 4), 8 * of_walks("profiles", 1, 4), "of as many accounts as run at once");
        assert_eq!(of_walks("profiles", 1, 20) - of_walks("profiles", 1, 4), 2 * 16 * BATCH_MEMORY);
    }

    #[test]
    fn a_limit_that_is_given_is_kept_and_the_other_follows_it() {
        let registry = SinkRegistry::builtin();
        let limits = |text: &str| {
            let pipeline = pipeline(40, &SECTIONS[3..4], text);
            let sinks = registry.bind_all(&pipeline, crate::engine::bind::list_columns).unwrap();
            let need = Need::of(&pipeline, &sinks);
            let limits = Limits::on(64, &pipeline, &sinks).map_err(|error| error.to_string());
            limits.map(|limits| {
                (limits.deliveries, limits.shared + need.fixed(limits.deliveries), need.bytes(limits.deliveries))
            })
        };
        let (deliveries, memory, needed) = limits("deliveries = 4").unwrap();
        assert_eq!((deliveries, memory), (4, needed.max(DEFAULT_MEMORY)));
        let (fewer, memory, _) = limits("memory = '600 MiB'").unwrap();
        let (more, _, _) = limits("memory = '4 GiB'").unwrap();
        assert_eq!(memory, 600 << 20);
        assert!(fewer < more, "{fewer} {more}");
        let error = limits("memory = '600 MiB'\ndeliveries = 4").unwrap_err();
        assert!(error.contains("`limits.memory`: found 600 MiB, expected at least"), "{error}");
        let error = limits("memory = '20 MiB'").unwrap_err();
        assert!(error.contains("`limits.memory`: found 20 MiB, expected at least"), "{error}");
    }
}
