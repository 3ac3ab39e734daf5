//! What is published has the group, the mode and the access list that a file or folder made there
//! would have.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;
use std::process::Command;

use rustix::fs::{XattrFlags, getxattr, setxattr};
use rustix::io::Errno;

use super::{DATE, NOBODY, ordinary_user, project};
use crate::support::{Ended, Project, say, variable, wrapped};

const ACL: [&str; 2] = ["system.posix_acl_access", "system.posix_acl_default"];

/// A group that the user of a run is no member of.
const GROUP: u32 = 4_321;

/// The user that the access list names. A list of a real folder names its readers in this way.
const READER: u32 = 1_234;

/// The modes and the default access lists of the folder that holds a root, and of the root.
struct Case {
    outside: (u32, Option<u16>),
    root: (u32, Option<u16>),
}

/// The bits of an access list: read and search; everything.
const READ: Option<u16> = Some(0o5);
const ALL: Option<u16> = Some(0o7);

const CASES: [Case; 6] = [
    Case { outside: (0o755, None), root: (0o755, None) },
    Case { outside: (0o755, None), root: (0o2770, None) },
    Case { outside: (0o755, None), root: (0o750, READ) },
    Case { outside: (0o755, None), root: (0o2770, ALL) },
    // What the folder around the root would pass on does not reach the list.
    Case { outside: (0o2775, ALL), root: (0o755, None) },
    Case { outside: (0o2775, READ), root: (0o2700, ALL) },
];

/// Returns the default access list that gives `READER` these bits.
fn default_list(bits: u16) -> Vec<u8> {
    const NO_ID: u32 = u32::MAX;
    // Version 2; then the owner, the reader, the group, the mask, and others.
    let entries = [(1, 7, NO_ID), (2, bits, READER), (4, 5, NO_ID), (16, 7, NO_ID), (32, 0, NO_ID)];
    let mut list = 2_u32.to_le_bytes().to_vec();
    for (tag, bits, id) in entries {
        list.extend([u16::to_le_bytes(tag), u16::to_le_bytes(bits)].concat());
        list.extend(id.to_le_bytes());
    }
    list
}

/// What the operating system gives to something new.
#[derive(Debug, PartialEq, Eq)]
struct Likeness {
    owner: u32,
    group: u32,
    mode: u32,
    lists: Vec<Option<Vec<u8>>>,
}

impl Likeness {
    fn of(path: &Path) -> Self {
        let found = fs::symlink_metadata(path).unwrap();
        let list = |name: &str| {
            let mut list = vec![0; 1 << 10];
            let length = getxattr(path, name, &mut list[..]).ok()?;
            list.truncate(length);
            Some(list)
        };
        Self { owner: found.uid(), group: found.gid(), mode: found.mode(), lists: ACL.map(list).to_vec() }
    }
}

/// Gives a folder its mode, and a default access list. Returns whether the file system has such
/// lists.
fn make(path: &Path, (mode, list): (u32, Option<u16>), is_root: bool) -> bool {
    fs::create_dir_all(path).unwrap();
    if is_root {
        let group = if mode & 0o2000 == 0 { NOBODY } else { GROUP };
        chown(path, Some(NOBODY), Some(group)).unwrap();
    }
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    match list.map(|bits| setxattr(path, ACL[1], &default_list(bits), XattrFlags::empty())) {
        Some(Err(Errno::NOTSUP)) => false,
        result => result.is_none_or(|result| result.is_ok()),
    }
}

/// Runs a command as an ordinary user with a umask under which others read nothing.
fn run(project: &Project, command: &Command) {
    let mut outer = Command::new("sh");
    outer.args(["-c", "umask 027; exec \"$@\"", "sh"]);
    let user = ordinary_user("").into_iter().map(|word| word.replace(&format!("chown -R {NOBODY}:{NOBODY} .;"), ""));
    outer.args(user.collect::<Vec<_>>()).current_dir(project.path(""));
    Ended::of(&mut wrapped(outer, command)).good();
}

/// Compares what was published with what `mkdir` and `touch` make there.
fn is_as_if_made_there(project: &Project) {
    let (lake, single) = (project.path(&format!("out/lake/dt={DATE}")), project.path("out/single"));
    let [folder, file, file_of_single] = [lake.join("made"), lake.join("made/file"), single.join("made")];
    let mut make = Command::new("sh");
    let text = "mkdir \"$1\"; touch \"$2\" \"$3\"";
    run(project, make.args(["-c", text, "sh"]).args([&folder, &file, &file_of_single]));
    let expected = [&folder, &file, &file_of_single].map(|path| Likeness::of(path));
    let mut compared = BTreeMap::from([(lake.join("account=brand"), &expected[0])]);
    for (folder, expected) in [(lake.join("account=brand"), &expected[1]), (single, &expected[2])] {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        compared.extend(entries.filter(|path| path != &file_of_single).map(|path| (path, expected)));
    }
    assert_eq!(compared.len(), 7, "a folder, and twice a list with manifest and marker: {compared:?}");
    for (path, expected) in compared {
        assert_eq!(&Likeness::of(&path), expected, "{}", path.display());
    }
}

#[test]
fn what_is_published_is_as_if_it_were_made_there() {
    let is_root = ordinary_user("")[0] != "env";
    for Case { outside, root } in CASES {
        let project = project();
        if is_root {
            let files = [project.path(""), project.path("pipeline.toml")];
            for path in files {
                chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
            }
        }
        let folders = [("out", outside), ("out/lake", root), ("out/single", root)];
        if !folders.iter().all(|(path, case)| make(&project.path(path), *case, is_root)) {
            assert!(variable("FANOUT_REQUIRE_ALL").is_none(), "the file system of the tests has no access lists");
            say("skipped: no default access list was tried; the file system of the tests has none");
            continue;
        }
        run(&project, &project.run_command(&[]));
        is_as_if_made_there(&project);
        // Once more, so that the list replaces one that is there.
        fs::remove_dir_all(project.path(&format!("out/lake/dt={DATE}/made"))).unwrap();
        fs::remove_file(project.path("out/single/made")).unwrap();
        run(&project, &project.run_command(&["--fresh"]));
        is_as_if_made_there(&project);
    }
}
