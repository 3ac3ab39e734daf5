//! Links that lead to nothing, and folders that cannot be looked into.

use super::{Kind, all_commands_say_the_same, ordinary_user};

const NOTHING: &[&str] = &["is a link to `/mnt/absent/out`, and nothing is there", "is its disk mounted?"];

const LINKS: [Kind; 12] = [
    Kind {
        name: "the root is a link to nothing",
        prepare: "mkdir -p out; ln -sfn /mnt/absent/out out/lake",
        settings: &[],
        words: NOTHING,
    },
    Kind {
        name: "the root of a single file is a link to nothing",
        prepare: "mkdir -p out; ln -sfn /mnt/absent/out out/single",
        settings: &[],
        words: NOTHING,
    },
    Kind {
        name: "a parent of the root is a link to nothing",
        prepare: "ln -sfn /mnt/absent/out out",
        settings: &[],
        words: NOTHING,
    },
    Kind {
        name: "a link leads to a link to nothing",
        prepare: "ln -sfn /mnt/absent/out second; ln -sfn second out",
        settings: &[],
        words: NOTHING,
    },
    Kind {
        name: "the folder of a date is a link to nothing",
        prepare: "mkdir -p out/lake; ln -sfn /mnt/absent/out out/lake/dt=2026-11-22",
        settings: &[],
        words: NOTHING,
    },
    Kind {
        name: "staging is a link to nothing",
        prepare: "mkdir -p out; ln -sfn /mnt/absent/out out/lake.staging",
        settings: &[],
        words: NOTHING,
    },
    Kind {
        name: "the root is a link that leads back to itself",
        prepare: "mkdir -p out; ln -sfn lake out/lake",
        settings: &[],
        words: &["is a link that leads back to itself", "remove the link"],
    },
    Kind {
        name: "two links lead to each other",
        prepare: "ln -sfn two one; ln -sfn one two",
        settings: &["sinks.lake.options.root=one/lake"],
        words: &["is a link that leads back to itself", "remove the link"],
    },
    Kind {
        name: "the root is a link to a file",
        prepare: "mkdir -p out; touch file; ln -sfn ../file out/lake",
        settings: &[],
        words: &["is a file where a folder is needed", "move the file away"],
    },
    Kind {
        name: "the journal is a link to nothing",
        prepare: "ln -sfn /mnt/absent/out state",
        settings: &[],
        words: NOTHING,
    },
    Kind {
        name: "a parent of the journal is a link to nothing",
        prepare: "ln -sfn /mnt/absent/out data",
        settings: &["journal.path=data/state"],
        words: NOTHING,
    },
    Kind {
        name: "the root and the journal are links to folders",
        prepare: "mkdir -p real/lake real/state out; ln -sfn ../real/lake out/lake; ln -sfn real/state state",
        settings: &[],
        words: &[],
    },
];

#[test]
fn a_link_to_nothing_is_found_before_the_first_call_and_named() {
    for kind in LINKS {
        all_commands_say_the_same(&kind, &["env"]);
    }
}

fn as_words(command: &[String]) -> Vec<&str> {
    command.iter().map(String::as_str).collect()
}

const CLOSED: &[&str] = &["Permission denied", "must be writable for this user"];

const PERMISSIONS: [Kind; 8] = [
    Kind {
        name: "a parent of the root cannot be looked into",
        prepare: "mkdir -p closed; chmod 0 closed",
        settings: &["sinks.lake.options.root=closed/out/lake"],
        words: CLOSED,
    },
    Kind {
        name: "the root cannot be written",
        prepare: "mkdir -p out/lake; chmod 555 out/lake",
        settings: &[],
        words: CLOSED,
    },
    Kind {
        name: "the folder that holds the root cannot be written, and staging is beside the root",
        prepare: "mkdir -p out/lake; chmod 555 out",
        settings: &[],
        words: CLOSED,
    },
    Kind {
        name: "the folder of the list cannot be moved",
        prepare: "mkdir -p out/lake/dt=2026-11-22/account=brand; chmod 555 out/lake/dt=2026-11-22/account=brand",
        settings: &[],
        words: CLOSED,
    },
    Kind {
        name: "a parent of the journal cannot be looked into",
        prepare: "mkdir -p closed/state; chmod 0 closed",
        settings: &["journal.path=closed/state"],
        words: CLOSED,
    },
    Kind {
        name: "the journal cannot be written",
        prepare: "mkdir -p state; chmod 555 state",
        settings: &[],
        words: CLOSED,
    },
    Kind {
        name: "the folder of the reports cannot be written, which costs a run only its report",
        prepare: "mkdir -p state/runs; chmod 555 state/runs",
        settings: &[],
        words: &[],
    },
    Kind {
        name: "the folder that holds the journal cannot be written",
        prepare: "mkdir -p data/state; chmod 555 data",
        settings: &["journal.path=data/state"],
        words: &[],
    },
];

#[test]
fn a_folder_that_this_user_may_not_use_is_found_before_the_first_call() {
    for kind in PERMISSIONS {
        all_commands_say_the_same(&kind, &as_words(&ordinary_user("")));
    }
}

#[test]
fn the_folder_of_a_list_that_belongs_to_another_user_is_found_before_the_first_call() {
    // Only root can make such a folder.
    if ordinary_user("")[0] == "env" {
        return;
    }
    let place = "out/lake/dt=2026-11-22";
    let kind = Kind {
        name: "another user's folder where only owners may move what is theirs",
        prepare: ":",
        settings: &[],
        words: &["cannot replace `", "account=brand`", "Operation not permitted"],
    };
    let root_prepares = format!(
        "mkdir -p {place}/account=brand; chmod 777 out out/lake {place}/account=brand; chmod 1777 {place}; chown 0 {place}/account=brand {place};"
    );
    all_commands_say_the_same(&kind, &as_words(&ordinary_user(&root_prepares)));
}
