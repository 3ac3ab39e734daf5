//! `fanout completions`: prints the completions of commands and flags for a shell, from the command
//! line that `command` declares.

use clap::{Args, Command, ValueEnum};
use clap_complete::Shell;

use super::output::Terminal;
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
    terminal.result(&String::from_utf8_lossy(&script));
    Exit::Done
}
