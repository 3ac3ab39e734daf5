//! One case: what is odd about the API, what comes of the tag [`VIP`](super::VIP), and how many
//! calls that takes. The other two tags are always whole.

use fanout::simulator::{Effect, Endpoint, Fault, When};

use super::*;

/// The calls of an undisturbed walk: the tags before and after, and the pages of three tags.
pub(super) const TAGS_CALLS: u64 = 2;
pub(super) const OTHERS: u64 = 4 + 1;
/// The calls for the people of the tag: three pages, and the end.
pub(super) const CALLS: u64 = 4;

/// What comes of the tag.
pub(super) enum Expected {
    /// Its people are published as they are after the run, with this count and outcome.
    People { count: u64, outcome: &'static str },
    /// It is published without people.
    Without { count: u64, outcome: &'static str },
    /// Nothing is published; the exit and the words of the run; whether the next run reads the
    /// whole tag, or goes on.
    Nothing { exit: i32, words: Vec<&'static str> },
}

pub(super) struct Case {
    tags: Vec<Tag>,
    faults: Vec<Fault>,
    set: Vec<&'static str>,
    calls: (u64, u64),
    /// Whether the walk stops at the tag, which is the first one.
    stops: bool,
    expected: Expected,
}

/// Makes a test of each row of a table.
macro_rules! cases {
    ($($name:ident: $case:expr;)*) => {
        $(
            #[test]
            fn $name() {
                $case.check();
            }
        )*
    };
}
pub(super) use cases;

impl Case {
    pub(super) fn undisturbed() -> Self {
        let expected = Expected::People { count: 25, outcome: "complete" };
        Self {
            tags: three_tags().into(),
            faults: Vec::new(),
            set: Vec::new(),
            calls: (TAGS_CALLS, CALLS),
            stops: false,
            expected,
        }
    }

    /// The tag is another one.
    pub(super) fn tag(change: impl FnOnce(Tag) -> Tag) -> Self {
        let [vip, shop, nobody] = three_tags();
        Self { tags: vec![change(vip), shop, nobody], ..Self::undisturbed() }
    }

    /// Meets every call for this page of the tag.
    pub(super) fn page(page: u64, effect: Effect) -> Self {
        Self::undisturbed().and(Fault::new(Endpoint::TagMembers, When::Page(page), effect).tag(VIP))
    }

    /// Meets the first call for this page of the tag.
    pub(super) fn once(page: u64, effect: Effect) -> Self {
        Self::undisturbed().and(Fault::new(Endpoint::TagMembers, When::Page(page), effect).tag(VIP).times(1))
    }

    /// Adds a fault.
    pub(super) fn and(mut self, fault: Fault) -> Self {
        self.faults.push(fault);
        self
    }

    pub(super) fn set(mut self, keys: &[&'static str]) -> Self {
        self.set.extend(keys);
        self
    }

    /// Expects so many calls for all tags, and for the people of the tag.
    pub(super) fn calls(self, tags: u64, people: u64) -> Self {
        Self { calls: (tags, people), ..self }
    }

    /// Expects the people as they are after the run.
    pub(super) fn has(self, count: u64, outcome: &'static str) -> Self {
        Self { expected: Expected::People { count, outcome }, ..self }
    }

    /// Expects an empty tag.
    pub(super) fn empties(self) -> Self {
        Self { expected: Expected::People { count: 0, outcome: "complete" }, ..self }
    }

    /// Expects that the walk stops at the tag.
    pub(super) fn of_first_tag(self) -> Self {
        Self { stops: true, ..self }
    }

    pub(super) fn lacks(self, count: u64, outcome: &'static str) -> Self {
        Self { expected: Expected::Without { count, outcome }, ..self }
    }

    pub(super) fn fails(self, exit: i32, words: &[&'static str]) -> Self {
        Self { expected: Expected::Nothing { exit, words: words.to_vec() }, ..self }
    }

    pub(super) fn check(self) {
        let simulator = self.faults.iter().cloned().fold(tagged(self.tags.clone()), SimulatorBuilder::fault);
        let project = project(simulator, BOTH);
        let set: Vec<&str> = self.set.iter().flat_map(|key| ["--set", key]).collect();
        let ended = project.run(&set);
        let (of_tags, of_people) = self.calls;
        let (row, of_vip) = match self.expected {
            Expected::Nothing { exit, words } => {
                assert_eq!(ended.code, Some(exit), "{ended:?}");
                for word in words {
                    assert!(ended.stderr.contains(word), "`{word}` is not in: {}", ended.stderr);
                }
                assert_eq!((rows(&project, "people", TODAY).len(), rows(&project, "tags", TODAY).len()), (0, 0));
                assert_eq!(calls(&project), (of_tags, of_people + if self.stops { 0 } else { OTHERS }));
                return Self::goes_on(&project, &set, self.stops);
            }
            Expected::People { count, outcome } => {
                let truth = truth(&project, VIP);
                let row = (VIP.into(), "VIP".to_owned(), count, Some(truth.len() as u64), outcome.to_owned());
                (row, Some(truth))
            }
            Expected::Without { count, outcome } => {
                ((VIP.into(), "VIP".to_owned(), count, None, outcome.to_owned()), None)
            }
        };
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let of_shop = [(SHOP, truth(&project, SHOP))];
        let of_vip = of_vip.filter(|truth| !truth.is_empty()).map(|truth| (VIP, truth));
        let expected: BTreeMap<_, _> = of_vip.into_iter().chain(of_shop).collect();
        assert_eq!(people(&project, TODAY), expected);
        let others = [complete(SHOP, "店\"1\"", 30), complete(NOBODY, "empty", 0)];
        assert_eq!(tags(&project, TODAY), [vec![row], others.into()].concat());
        assert_eq!(calls(&project), (of_tags, of_people + OTHERS), "{}", ended.stderr);
    }

    /// Asserts that without the faults the next run publishes the lists, and reads nothing of the
    /// tags that were whole.
    fn goes_on(project: &Project, set: &[&str], is_first: bool) {
        project.api().clear_faults();
        let of_others = || project.api().log().iter().filter(|call| call.tag.is_some_and(|tag| tag != VIP)).count();
        let before = of_others();
        project.finish(set);
        let truth: BTreeMap<_, _> = [VIP, SHOP].map(|tag| (tag, truth(project, tag))).into();
        assert_eq!(people(project, TODAY), truth);
        let read = if is_first { OTHERS as usize } else { 0 };
        assert_eq!(of_others() - before, read, "tags that are whole are not read again");
        assert!(tags(project, TODAY).iter().all(|(.., outcome)| outcome == "complete"));
    }
}
