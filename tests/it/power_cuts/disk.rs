//! A disk without power: the states that it may be in, by what was done to it before.
//!
//! The rules are those of POSIX, not those of a certain file system. The content of a file is
//! durable up to the last sync of the file, and a name up to the last sync of its folder. Of the
//! rest anything may be there: of the names each change or none, in the order of the changes of one
//! name, a rename with both of its names; of the content a beginning, or all of it with zeros in
//! between.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use crate::support::Random;

/// The unit in which a disk writes.
const SECTOR: usize = 512;

/// What is kept of the content of a file.
const NOTHING: u64 = 0;
const EVERYTHING: u64 = 1;
const BEGINNING: u64 = 2;
const WITH_ZEROS: u64 = 3;

/// What was done to the disk, as `recorder.py` tells it. Numbers name files and folders; 0 is the
/// root.
#[derive(Debug, Deserialize)]
#[serde(tag = "operation", rename_all = "lowercase")]
enum Operation {
    Make {
        number: u64,
        is_folder: bool,
        mode: u32,
    },
    /// Changes names in one step.
    Name {
        names: Vec<Named>,
        /// What loses a name. A folder must be empty then.
        emptied: Option<u64>,
    },
    Write {
        file: u64,
        offset: usize,
        #[serde(deserialize_with = "bytes")]
        data: Vec<u8>,
    },
    Truncate {
        file: u64,
        length: usize,
    },
    Sync {
        number: u64,
    },
    /// What was before is durable.
    Mounted,
}

/// The folder, the name in it, and what has that name afterwards.
type Named = (u64, String, Option<u64>);

/// What is there of the operations that are not durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    Nothing,
    Everything,
    /// All names, and no content: what a rename without a sync leaves.
    Names,
    Any,
}

/// All that was done to a disk while it was mounted.
pub(super) struct History {
    operations: Vec<Operation>,
    /// How many of them were done before.
    before: usize,
}

/// A file or folder of a state, by its path.
pub(super) type State = BTreeMap<String, Content>;

/// The mode, and the bytes of a file.
pub(super) type Content = (u32, Option<Vec<u8>>);

impl History {
    pub(super) fn read(log: &Path) -> Self {
        let text = fs::read_to_string(log).unwrap();
        let operations: Vec<Operation> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let mounted = operations.iter().position(|operation| matches!(operation, Operation::Mounted));
        Self { before: mounted.unwrap() + 1, operations }
    }

    /// Returns the moments at which the power can fail: each is a number of operations.
    pub(super) fn moments(&self) -> std::ops::RangeInclusive<usize> {
        self.before..=self.operations.len()
    }

    /// Returns how many syncs there are.
    pub(super) fn syncs(&self) -> usize {
        let later = &self.operations[self.before..];
        later.iter().filter(|operation| matches!(operation, Operation::Sync { .. })).count()
    }

    /// Returns a state in which the disk may be if the power fails at this moment.
    pub(super) fn state(&self, moment: usize, kept: Kept, random: &mut Random) -> State {
        let names = self.names(moment, kept, random);
        let mut folders: BTreeMap<u64, BTreeMap<&str, u64>> = BTreeMap::new();
        for &(folder, ref name, number) in names {
            let folder = folders.entry(folder).or_default();
            match number {
                Some(number) => folder.insert(name, number),
                None => folder.remove(name.as_str()),
            };
        }
        let mut kinds = BTreeMap::new();
        for operation in &self.operations[..moment] {
            if let Operation::Make { number, is_folder, mode } = *operation {
                kinds.insert(number, (is_folder, mode));
            }
        }
        let mut contents = BTreeMap::new();
        let mut state = State::new();
        let mut paths = vec![(String::new(), 0)];
        while let Some((above, folder)) = paths.pop() {
            for (name, number) in folders.get(&folder).into_iter().flatten() {
                let path = format!("{above}/{name}");
                let (is_folder, mode) = kinds[number];
                let content = (!is_folder).then(|| {
                    let content = || self.content(*number, moment, kept, random);
                    contents.entry(*number).or_insert_with(content).clone()
                });
                state.insert(path.clone(), (mode, content));
                if is_folder {
                    paths.push((path, *number));
                }
            }
        }
        state
    }

    /// Returns the changes of names that are kept, in their order.
    fn names(&self, moment: usize, kept: Kept, random: &mut Random) -> Vec<&Named> {
        let durable = self.durable_names(moment);
        let share = [1, 4, 7][random.below(3) as usize];
        let mut lost: BTreeSet<(u64, &str)> = BTreeSet::new();
        let mut lost_folders: BTreeSet<u64> = BTreeSet::new();
        let mut names = Vec::new();
        for (at, operation) in self.operations[..moment].iter().enumerate() {
            let Operation::Name { names: changes, emptied } = operation else { continue };
            let follows = changes.iter().all(|(folder, name, _)| !lost.contains(&(*folder, name.as_str())))
                && emptied.is_none_or(|folder| !lost_folders.contains(&folder));
            let is_kept = match kept {
                Kept::Nothing => false,
                Kept::Everything | Kept::Names => true,
                Kept::Any => follows && random.below(8) < share,
            };
            if durable.contains(&at) || is_kept {
                names.extend(changes);
            } else {
                lost.extend(changes.iter().map(|(folder, name, _)| (*folder, name.as_str())));
                lost_folders.extend(changes.iter().map(|(folder, ..)| *folder));
            }
        }
        names
    }

    /// Returns the changes of names that are durable, by their place: those before a sync of one of
    /// their folders, and those that they follow from.
    fn durable_names(&self, moment: usize) -> BTreeSet<usize> {
        let mut durable = BTreeSet::new();
        let mut synced = BTreeSet::new();
        let mut needed: BTreeSet<(u64, &str)> = BTreeSet::new();
        let mut emptied_folders: BTreeSet<u64> = BTreeSet::new();
        for (at, operation) in self.operations[..moment].iter().enumerate().rev() {
            match operation {
                Operation::Sync { number } => {
                    synced.insert(*number);
                }
                Operation::Name { names, emptied } => {
                    let is_durable = at < self.before
                        || names.iter().any(|(folder, name, _)| {
                            synced.contains(folder)
                                || emptied_folders.contains(folder)
                                || needed.contains(&(*folder, name))
                        });
                    if is_durable {
                        durable.insert(at);
                        needed.extend(names.iter().map(|(folder, name, _)| (*folder, name.as_str())));
                        emptied_folders.extend(emptied);
                    }
                }
                _ => {}
            }
        }
        durable
    }

    /// Returns the content of a file.
    fn content(&self, number: u64, moment: usize, kept: Kept, random: &mut Random) -> Vec<u8> {
        let is_of_file = |operation: &&Operation| match operation {
            Operation::Write { file, .. } | Operation::Truncate { file, .. } => *file == number,
            _ => false,
        };
        let is_sync =
            |operation: &Operation| matches!(operation, Operation::Sync { number: synced } if *synced == number);
        let synced = self.operations[..moment].iter().rposition(is_sync).unwrap_or(0).max(self.before);
        let mut content = Vec::new();
        for operation in self.operations[..synced].iter().filter(is_of_file) {
            apply(&mut content, operation, usize::MAX);
        }
        let later: Vec<&Operation> = self.operations[synced..moment].iter().filter(is_of_file).collect();
        let way = match kept {
            Kept::Nothing | Kept::Names => NOTHING,
            Kept::Everything => EVERYTHING,
            Kept::Any => random.below(4),
        };
        if way == NOTHING || later.is_empty() {
            return content;
        }
        let written = if way == BEGINNING { random.below(later.len() as u64) as usize } else { later.len() };
        let durable = content.clone();
        for operation in &later[..written] {
            apply(&mut content, operation, usize::MAX);
        }
        if way == BEGINNING {
            let torn = later[written];
            let length = if let Operation::Write { data, .. } = torn { data.len() as u64 } else { 0 };
            apply(&mut content, torn, random.below(length + 1) as usize);
        }
        if way == WITH_ZEROS && !content.is_empty() {
            let sector = random.below(content.len().div_ceil(SECTOR) as u64) as usize * SECTOR;
            let sector = sector..content.len().min(sector + SECTOR);
            // What is durable stays.
            if durable.get(sector.clone()) != Some(&content[sector.clone()]) {
                let start = sector.start.max(if content.starts_with(&durable) { durable.len() } else { 0 });
                content[start.min(sector.end)..sector.end].fill(0);
            }
        }
        content
    }
}

/// Changes the content of a file, by at most so many bytes.
fn apply(content: &mut Vec<u8>, operation: &Operation, most: usize) {
    match operation {
        Operation::Write { offset, data, .. } => {
            let data = &data[..most.min(data.len())];
            let end = offset + data.len();
            content.resize(content.len().max(end), 0);
            content[*offset..end].copy_from_slice(data);
        }
        Operation::Truncate { length, .. } => content.resize(*length, 0),
        _ => unreachable!("only these change the content of a file"),
    }
}

/// Reads bytes that are written as hexadecimal digits.
fn bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let digits = String::deserialize(deserializer)?;
    let byte = |at| u8::from_str_radix(&digits[at..at + 2], 16).map_err(D::Error::custom);
    (0..digits.len()).step_by(2).map(byte).collect()
}

/// Makes a folder hold `state`, and nothing else. It holds `before` now.
pub(super) fn restore(state: &State, before: &State, folder: &Path) {
    let differs = |other: &State, (path, content): &(&String, &Content)| other.get(*path) != Some(*content);
    // A folder comes before what is in it.
    for (path, (_, content)) in before.iter().rev().filter(|entry| differs(state, entry)) {
        let path = folder.join(&path[1..]);
        if content.is_none() { fs::remove_dir(&path) } else { fs::remove_file(&path) }.unwrap();
    }
    for (path, (mode, content)) in state.iter().filter(|entry| differs(before, entry)) {
        let path = folder.join(&path[1..]);
        match content {
            None => fs::create_dir(&path).unwrap(),
            Some(content) => fs::write(&path, content).unwrap(),
        }
        fs::set_permissions(&path, Permissions::from_mode(*mode)).unwrap();
    }
}
