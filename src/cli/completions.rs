//! `fanout completions`: prints the completions of commands and flags for a shell, from the command
//! line that `command` declares. The script asks the program for the names of accounts, lists and
//! sinks.

use std::ffi::OsString;
use std::path::Path;

use clap::{Args, Command, ValueEnum};
use clap_complete::Shell;

use super::output::Terminal;
use crate::config::{Environment, Overrides, Pipeline};
use crate::error::Exit;

/// Arguments of `fanout completions`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct CompletionsArguments {
    /// The shell that will read them
    shell: Supported,
}

/// The shells whose completions are tested.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Supported {
    Bash,
    Zsh,
    Fish,
}

const EXAMPLES: &str = "\
Examples:
  fanout completions bash > ~/.local/share/bash-completion/completions/fanout
  fanout completions zsh > ~/.zfunc/_fanout                       with ~/.zfunc in $fpath, before compinit
  fanout completions fish > ~/.config/fish/completions/fanout.fish";

/// Prints the completions of `command` for a shell.
pub(super) fn execute(arguments: &CompletionsArguments, mut command: Command, terminal: &Terminal) -> Exit {
    let shell = match arguments.shell {
        Supported::Bash => Shell::Bash,
        Supported::Zsh => Shell::Zsh,
        Supported::Fish => Shell::Fish,
    };
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, name, &mut script);
    terminal.result(&with_names(shell, &String::from_utf8_lossy(&script)));
    Exit::Done
}

/// The first argument with which a script asks for names.
const ASK: &str = "__complete";

/// Answers a script that asks for names; `None` if `arguments`, those of the process, ask nothing.
///
/// The next arguments are the words of the line behind the program, up to the one at the cursor.
/// Names are printed one a line: accounts, lists or sinks of the pipeline file that the line names.
/// Without any, the script completes from the command line alone.
pub(super) fn answer(
    arguments: impl IntoIterator<Item = OsString>,
    environment: &Environment,
    terminal: &Terminal,
) -> Option<Exit> {
    let mut arguments = arguments.into_iter().skip(1);
    if arguments.next()? != ASK {
        return None;
    }
    let words: Vec<String> = arguments.map(|word| word.to_string_lossy().into_owned()).collect();
    let names = names(&words, environment).unwrap_or_default();
    terminal.result(&names.iter().flat_map(|name| [name.as_str(), "\n"]).collect::<String>());
    Some(Exit::Done)
}

/// Returns the names that the last word may become.
fn names(words: &[String], environment: &Environment) -> Option<Vec<String>> {
    let (last, before) = words.split_last()?;
    // bash makes words of `--account`, `=` and the value, zsh leaves them one.
    let mut flags = before.iter().rev().filter(|word| *word != "=");
    let (flag, beginning) = match last.split_once('=') {
        Some((flag, beginning)) if flag.starts_with("--") => (flag, beginning),
        _ => (flags.next()?.as_str(), last.trim_start_matches('=')),
    };
    let file = before.iter().skip(1).find(|word| !word.starts_with('-') && Path::new(word).is_file())?;
    let overrides = Overrides { environment: environment.clone(), offline: true, ..Overrides::default() };
    let pipeline = || Pipeline::load(Path::new(file), &overrides).ok();
    let names: Vec<String> = match flag {
        "--account" => pipeline()?.account_names,
        "--list" => pipeline()?.lists_taken().into_iter().map(|list| list.name().to_owned()).collect(),
        "--sink" => pipeline()?.sinks.into_iter().map(|sink| sink.name).collect(),
        flag if before.first()? == "history" && flag == file => pipeline()?.account_names,
        _ => return None,
    };
    Some(names.into_iter().filter(|name| name.starts_with(beginning)).collect())
}

/// Adds to the script of a shell that it asks the program for names, with [`ASK`]. The completions
/// in which clap itself asks the program are not stable yet.
fn with_names(shell: Shell, script: &str) -> String {
    match shell {
        Shell::Bash => format!("{script}{BASH}"),
        Shell::Zsh => {
            let asks = |line: &str| {
                let flags = ["--account=", "--list=", "--sink="];
                flags.iter().any(|flag| line.contains(flag)) || line.starts_with("':account -- ")
            };
            let line =
                |line: &str| if asks(line) { line.replace(":_default'", ":_fanout_names'") } else { line.to_owned() };
            let script: String = script.lines().flat_map(|text| [line(text), "\n".to_owned()]).collect();
            match script.rsplit_once("if [ \"$funcstack[1]\"") {
                Some((before, behind)) => format!("{before}{ZSH}if [ \"$funcstack[1]\"{behind}"),
                None => script,
            }
        }
        _ => format!("{script}{FISH}"),
    }
}

const BASH: &str = r#"
_fanout_names() {
    local name names
    names=$("$1" __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
    if [[ -z $names ]]; then
        _fanout "$@"
        return
    fi
    COMPREPLY=()
    while IFS= read -r name; do COMPREPLY+=("$(printf '%q' "$name")"); done <<<"$names"
}
complete -F _fanout_names -o bashdefault -o default fanout
"#;

const ZSH: &str = r#"_fanout_names() {
    local -a typed names
    typed=(${(z)LBUFFER})
    [[ $LBUFFER == *' ' ]] && typed+=('')
    names=("${(@f)$("${typed[1]}" __complete "${(@Q)typed[2,-1]}" 2>/dev/null)}")
    if [[ -n ${names[1]} ]]; then compadd -a names; else _default; fi
}

"#;

const FISH: &str = r#"
function __fish_fanout_names
    set -l words (commandline -opc)
    $words[1] __complete $words[2..-1] (commandline -ct) 2>/dev/null
end
complete -c fanout -n "__fish_seen_subcommand_from run replay check status prune" -l account -x -a "(__fish_fanout_names)"
complete -c fanout -n "__fish_seen_subcommand_from run replay check status prune" -l list -x -a "(__fish_fanout_names)"
complete -c fanout -n "__fish_seen_subcommand_from replay sinks" -l sink -x -a "(__fish_fanout_names)"
complete -c fanout -n "__fish_seen_subcommand_from history" -a "(__fish_fanout_names)"
"#;
