//! Mounts: a second mount of the same disk, another disk, an overlay, FUSE without some operations.

use super::{Kind, all_commands_say_the_same, python_with_fuse};
use crate::crash_safety::small_disk::way_to_mount;

/// The folder of the list, by its default layout.
const OTHER_MOUNT: &[&str] = &["cannot be moved between", "is a mount of its own: choose a `root` below"];
const NO_FOLDERS: &[&str] =
    &["a folder cannot be moved within", "a `layout` without folders, which makes a single file"];
const ON_DISK: &[&str] = &["sinks.lake.options.root=disk/lake", "sinks.single.options.root=disk/single"];

const MOUNTS: [Kind; 14] = [
    Kind {
        name: "the root is a second mount of the same disk",
        prepare: "mkdir -p elsewhere out/lake; mount --bind elsewhere out/lake",
        settings: &[],
        words: OTHER_MOUNT,
    },
    Kind {
        name: "the root of a single file is a second mount of the same disk",
        prepare: "mkdir -p elsewhere out/single; mount --bind elsewhere out/single",
        settings: &[],
        words: &["a file cannot be moved between", "is a mount of its own: choose a `root` below"],
    },
    Kind {
        name: "the root is another disk",
        prepare: "mkdir -p out/lake; mount -t tmpfs none out/lake",
        settings: &[],
        words: OTHER_MOUNT,
    },
    Kind {
        name: "the folder of a date is a second mount",
        prepare: "mkdir -p elsewhere out/lake/dt=2026-11-22; mount --bind elsewhere out/lake/dt=2026-11-22",
        settings: &[],
        words: OTHER_MOUNT,
    },
    Kind {
        name: "staging is a mount of its own",
        prepare: "mkdir -p elsewhere out/lake.staging; mount --bind elsewhere out/lake.staging",
        settings: &[],
        words: &["cannot be moved between", "on another mount"],
    },
    Kind {
        name: "the folder of the list is a mount",
        prepare: "mkdir -p elsewhere out/lake/dt=2026-11-22/account=brand
            mount --bind elsewhere out/lake/dt=2026-11-22/account=brand",
        settings: &[],
        words: &["account=brand` is a mount point", "mount a folder above it instead"],
    },
    Kind {
        name: "the root is on a disk without room",
        prepare: "mkdir -p disk; mount -t tmpfs -o size=8k none disk; cat /dev/zero >disk/zeros 2>/dev/null || true",
        settings: &["sinks.lake.options.root=disk/lake"],
        words: &["cannot write a file in", "No space left on device", "make room on this disk"],
    },
    Kind {
        name: "the roots are below a second mount of the same disk",
        prepare: "mkdir -p elsewhere disk; mount --bind elsewhere disk",
        settings: ON_DISK,
        words: &[],
    },
    Kind {
        name: "the roots are below an overlay",
        prepare: "mkdir -p layers disk; mount -t tmpfs none layers; mkdir layers/lower layers/upper layers/work
            mount -t overlay -o lowerdir=layers/lower,upperdir=layers/upper,workdir=layers/work none disk",
        settings: ON_DISK,
        words: &[],
    },
    Kind {
        name: "the root and the folder of a date are in a lower layer of an overlay",
        prepare: "mkdir -p layers disk; mount -t tmpfs none layers; mkdir layers/lower layers/upper layers/work
            mkdir -p layers/lower/lake/dt=2026-11-22 layers/lower/single
            mount -t overlay -o lowerdir=layers/lower,upperdir=layers/upper,workdir=layers/work none disk",
        settings: ON_DISK,
        words: &[],
    },
    Kind {
        name: "the folder of the list is in a lower layer of an overlay",
        prepare: "mkdir -p layers disk; mount -t tmpfs none layers; mkdir layers/lower layers/upper layers/work
            mkdir -p layers/lower/lake/dt=2026-11-22/account=brand
            mount -t overlay -o lowerdir=layers/lower,upperdir=layers/upper,workdir=layers/work none disk",
        settings: ON_DISK,
        words: &["cannot replace `", "account=brand`", "in a lower layer of an overlay"],
    },
    Kind {
        name: "the journal is another disk",
        prepare: "mkdir -p state; mount -t tmpfs none state",
        settings: &[],
        words: &[],
    },
    Kind {
        name: "the journal is a second mount of the same disk",
        prepare: "mkdir -p elsewhere state; mount --bind elsewhere state",
        settings: &[],
        words: &[],
    },
    Kind {
        name: "the journal is below a folder that cannot be written",
        prepare: "mkdir -p disk; mount -t tmpfs none disk; mkdir disk/state; mount -t tmpfs none disk/state
            mount -o remount,ro disk",
        settings: &["journal.path=disk/state"],
        words: &[],
    },
];

#[test]
fn a_mount_on_which_nothing_could_be_published_is_found_before_the_first_call() {
    let Some(way) = way_to_mount() else { return };
    for kind in MOUNTS {
        all_commands_say_the_same(&kind, &[&["unshare"], way].concat());
    }
}

/// Mounts `elsewhere` at `disk` through FUSE; the operations that it lacks follow.
pub(crate) const FUSE: &str = "mkdir -p elsewhere disk; \"$PYTHON\" \"$SCRIPT\" elsewhere disk $OPERATIONS &
    for _ in $(seq 200); do mountpoint -q disk && break; sleep 0.05; done; mountpoint -q disk";

const JOURNAL: &[&str] = &["journal.path=disk/state"];
const BOTH: &[&str] =
    &["sinks.lake.options.root=disk/lake", "sinks.single.options.root=disk/single", "journal.path=disk/state"];
const NO_SYNC: &[&str] = &["the file system cannot make a file durable", "choose a place on another one"];

/// The operations that FUSE lacks, the settings, and the words.
type OnFuse = (&'static str, &'static [&'static str], &'static [&'static str]);

const FUSES: [OnFuse; 12] = [
    ("", BOTH, &[]),
    ("rename-folder=ENOSYS", &["sinks.lake.options.root=disk/lake"], NO_FOLDERS),
    ("rename-folder=EPERM", &["sinks.lake.options.root=disk/lake"], NO_FOLDERS),
    ("rename-folder=EXDEV", &["sinks.lake.options.root=disk/lake"], &["a folder cannot be moved within"]),
    // A single file needs no move of a folder.
    ("rename-folder=ENOSYS", &["sinks.single.options.root=disk/single"], &[]),
    ("rename-folder=EPERM", &["sinks.single.options.root=disk/single"], &[]),
    ("rename-folder=ENOSYS", JOURNAL, &["cannot rename into place", "Function not implemented"]),
    ("fsyncdir=EINVAL", BOTH, &[]),
    ("fsyncdir=EOPNOTSUPP", BOTH, &[]),
    ("fsyncdir=EIO", JOURNAL, &["cannot sync the folder", "Input/output error"]),
    ("fsync=EINVAL", &["sinks.single.options.root=disk/single"], NO_SYNC),
    ("fsync=EINVAL", JOURNAL, NO_SYNC),
];

#[test]
fn a_fuse_that_lacks_an_operation_is_found_before_the_first_call_if_a_run_needs_it() {
    let Some(way) = way_to_mount() else { return };
    let Some(python) = python_with_fuse() else { return };
    let python = format!("PYTHON={python}");
    let script = format!("SCRIPT={}/tests/it/fuse.py", env!("CARGO_MANIFEST_DIR"));
    for (operations, settings, words) in FUSES {
        let kind = Kind { name: operations, prepare: FUSE, settings, words };
        let operations = format!("OPERATIONS={operations}");
        let outer = [&["unshare"], way, &["env", &python, &script, &operations]].concat();
        all_commands_say_the_same(&kind, &outer);
    }
}
