//! Completions, the man page, and the suggestions after a mistyped word.

use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::support::{Ended, Project, fanout, say, variable};

/// Every command, with the words that lead to it.
const COMMANDS: [&[&str]; 15] = [
    &["run"],
    &["replay"],
    &["check"],
    &["status"],
    &["history"],
    &["report"],
    &["prune"],
    &["sinks"],
    &["sinks", "test"],
    &["new"],
    &["new", "sink"],
    &["schema"],
    &["completions"],
    &["man"],
    &["simulate"],
];

/// Programs that may be missing even with `FANOUT_REQUIRE_ALL`.
const OPTIONAL: [&str; 3] = ["zsh", "fish", "groff"];

/// Runs a program with `input`. Without the program it says so and returns `None`.
fn program(name: &str, arguments: &[&str], input: &str) -> Option<Ended> {
    let mut command = Command::new(name);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let Ok(mut process) = command.spawn() else {
        assert!(variable("FANOUT_REQUIRE_ALL").is_none() || OPTIONAL.contains(&name), "there is no `{name}`");
        say(&format!("skipped: what needs `{name}` was not run"));
        return None;
    };
    // A program that stops reading says why on stderr, which the tests assert on.
    let _ = process.stdin.take().unwrap().write_all(input.as_bytes());
    Some(Ended::after(process))
}

#[test]
fn every_shell_takes_its_completions() {
    for (shell, check) in [("bash", &["-n"][..]), ("zsh", &["-n"]), ("fish", &["--no-execute"])] {
        let completions = Ended::of(&mut fanout(&["completions", shell]));
        assert_eq!(completions.code, Some(0), "{completions:?}");
        for word in COMMANDS.iter().flat_map(|words| words.iter()).chain(&["--shard", "--account"]) {
            assert!(completions.stdout.contains(word.trim_start_matches('-')), "{shell} completes no {word}");
        }
        if let Some(checked) = program(shell, check, &completions.stdout) {
            assert_eq!((checked.code, checked.stderr.as_str()), (Some(0), ""), "{shell}");
        }
    }
}

#[test]
fn bash_completes_a_command_and_a_flag() {
    let completions = Ended::of(&mut fanout(&["completions", "bash"])).stdout;
    for (line, expected) in [("fanout repl", "replay"), ("fanout run --sha", "--shard"), ("fanout sinks te", "test")] {
        let words: Vec<&str> = line.split(' ').collect();
        let (last, previous) = (words.len() - 1, words[words.len() - 2]);
        let ask = format!(
            "{completions}\nCOMP_WORDS=({line}); COMP_CWORD={last}; _fanout fanout '{}' '{previous}'\n\
             printf '%s\\n' \"${{COMPREPLY[@]}}\"\n",
            words[last]
        );
        let Some(answer) = program("bash", &["--norc"], &ask) else { return };
        assert_eq!(answer.stdout.lines().collect::<Vec<_>>(), [expected], "{line}: {answer:?}");
    }
}

#[test]
fn the_names_of_accounts_lists_and_sinks_are_completed_from_the_file() {
    let project = Project::new(
        "name = 'p'\nsource.simulate.followers = 5\naccounts = { file = 'accounts.csv' }\n[sinks.lake]\ntype = 'parquet'\n\
         options.root = 'o'\n[sinks.lines]\ntype = 'ndjson'\noptions.root = 'l'\n[sinks.told]\ntype = 'ndjson'\n\
         list = 'changes'\noptions.root = 't'\n[sinks.people]\ntype = 'ndjson'\nlist = 'tag_members'\n\
         options.root = 'p'\n",
    );
    let sheet = "name,app_id\nbrand,wx1\nbrand north,wx2\n商店,wx3\n";
    std::fs::write(project.path("accounts.csv"), sheet).unwrap();
    let all = ["brand", "brand north", "商店"];
    let cases: [(&[&str], &[&str]); 12] = [
        (&["run", "pipeline.toml", "--account", ""], &all),
        (&["run", "--account", "b", "pipeline.toml", "--account", "商"], &["商店"]),
        (&["status", "pipeline.toml", "--json", "--account=brand "], &["brand north"]),
        (&["status", "pipeline.toml", "--account", "=", "bra"], &["brand", "brand north"]),
        (&["replay", "pipeline.toml", "--sink", "l"], &["lake", "lines"]),
        (&["run", "pipeline.toml", "--list", ""], &["followers", "tag_members", "changes"]),
        (&["status", "pipeline.toml", "--list=c"], &["changes"]),
        (&["sinks", "test", "pipeline.toml", "--sink", "la"], &["lake"]),
        (&["history", "pipeline.toml", ""], &all),
        (&["run", "pipeline.toml", "--sha"], &[]),
        (&["run", "none.toml", "--account", ""], &[]),
        (&[], &[]),
    ];
    for (words, expected) in cases {
        let ended = project.fanout(&[&["__complete"], words].concat());
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{words:?}: {ended:?}");
        assert_eq!(ended.stdout.lines().collect::<Vec<_>>(), expected, "{words:?}");
        let Some((last, before)) = words.split_last().filter(|_| !expected.is_empty() && !words.contains(&"=")) else {
            continue;
        };
        if last.contains('=') {
            continue;
        }
        let completions = Ended::of(&mut fanout(&["completions", "bash"])).stdout;
        let line: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
        let ask = format!(
            "cd {folder}; PATH={programs}:$PATH\n{completions}\nCOMP_WORDS=(fanout {line}); COMP_CWORD={place}\n\
             _fanout_names fanout '{last}' '{previous}'\nprintf '%s\\n' \"${{COMPREPLY[@]}}\"\n",
            folder = project.path("").display(),
            programs = std::path::Path::new(env!("CARGO_BIN_EXE_fanout")).parent().unwrap().display(),
            line = line.join(" "),
            place = words.len(),
            previous = before.last().unwrap(),
        );
        let Some(answer) = program("bash", &["--norc"], &ask) else { return };
        let shown: Vec<String> = expected.iter().map(|name| name.replace(' ', "\\ ")).collect();
        let answered: Vec<&str> = answer.stdout.lines().collect();
        // Without a locale bash writes other scripts in octal, which its line accepts as well.
        let is_ascii = expected.iter().all(|name| name.is_ascii());
        assert!(answered.len() == expected.len() && (!is_ascii || answered == shown), "{words:?}: {answer:?}");
    }
}

#[test]
fn the_man_page_has_every_command_with_its_flags() {
    let page = Ended::of(&mut fanout(&["man"]));
    assert_eq!(page.code, Some(0), "{page:?}");
    for words in COMMANDS {
        let title = format!(".SH \"FANOUT {}\"", words.join(" ").to_uppercase());
        assert!(page.stdout.contains(&title), "{title} is missing in {}", page.stdout);
    }
    let chapter = page.stdout.split(".SH \"FANOUT RUN\"").nth(1).unwrap().split(".SH ").next().unwrap();
    for flag in ["\\-\\-shard", "\\-\\-fresh", "fanout run pipelines/demo.toml"] {
        assert!(chapter.contains(flag), "{flag} is missing in {chapter}");
    }
    if let Some(formatted) = program("groff", &["-Kutf8", "-man", "-Tutf8", "-ww", "-z"], &page.stdout) {
        assert_eq!((formatted.code, formatted.stderr.as_str()), (Some(0), ""));
    }
}

#[test]
fn a_mistyped_word_is_told_the_near_one() {
    let project =
        Project::new("name = 'p'\nsource.simulate.followers = 5\n[sinks.a]\ntype = 'parquet'\noptions.root = 'o'\n");
    for (arguments, near) in [
        (&["replya", "pipeline.toml"][..], "similar subcommand exists: 'replay'"),
        (&["run", "pipeline.toml", "--frehs"], "similar argument exists: '--fresh'"),
        (&["completions", "bsh"], "similar value exists: 'bash'"),
        (&["run", "pipeline.toml", "--account", "simulatde"], "did you mean `simulated`?"),
        (&["run", "pipeline.toml", "--set", "jurnal.keep=3"], "did you mean `journal`?"),
        (&["replay", "pipeline.toml", "--sink", "b"], "did you mean `a`?"),
        (&["sinks", "parqet"], "did you mean `parquet`?"),
    ] {
        let ended = project.fanout(arguments);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.stderr.contains(near), "{arguments:?}: {ended:?}");
    }
}
