//! The provider for a token that a program writes to its standard output.
//!
//! The command does not pass through a shell. The program's other output is never shown: it may
//! hold what the token was made of.

use std::io;
use std::process::Stdio;

use fanout_sink::Secret;
use tokio::io::AsyncReadExt;
use tokio::process::Command;
use tokio::time::timeout;

use super::reply::{self, NoToken};
use crate::config::TokenCommand;
use crate::source::error::SourceError;

/// The most bytes that a program may write; WeChat's tokens have up to 512.
const LONGEST_OUTPUT: u64 = 64 << 10;

/// Returns the name of the program, in words.
pub(super) fn origin(command: &TokenCommand) -> String {
    format!("the command `{}`", command.program.display())
}

/// Runs the program, and takes the token from its output.
pub(super) async fn ask(command: &TokenCommand) -> Result<Secret, SourceError> {
    let token = match timeout(command.timeout, output(command)).await {
        Err(_) => Err(NoToken::Unusable(format!("it did not end within {:?}", command.timeout))),
        Ok(Err(problem)) => Err(NoToken::Unusable(problem)),
        Ok(Ok(output)) => reply::of_command(&output, command.pointer.as_deref()).map_err(|error| match error {
            NoToken::Unusable(problem) => NoToken::Unusable(format!("what it wrote {problem}")),
            relayed @ NoToken::Relayed(_) => relayed,
        }),
    };
    let origin = || origin(command);
    token.map_err(|error| match error {
        // An argument may be a secret, and the text may repeat it.
        NoToken::Relayed(error) => {
            let error = command.arguments.iter().fold(error, |error, secret| error.without(secret));
            SourceError::TokenRelayed { origin: origin(), error }
        }
        NoToken::Unusable(problem) => SourceError::TokenCommand { origin: origin(), problem },
    })
}

async fn output(command: &TokenCommand) -> Result<Vec<u8>, String> {
    let mut program = Command::new(&command.program);
    program.args(&command.arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    // A program that takes too long is killed with this future.
    program.kill_on_drop(true);
    if !command.directory.as_os_str().is_empty() {
        program.current_dir(&command.directory);
    }
    let broken = |error: io::Error| format!("it cannot be run ({error})");
    let mut child = program.spawn().map_err(broken)?;
    let mut output = Vec::new();
    let stdout = child.stdout.take().expect("it was piped");
    stdout.take(LONGEST_OUTPUT + 1).read_to_end(&mut output).await.map_err(broken)?;
    if output.len() as u64 > LONGEST_OUTPUT {
        return Err(format!("it wrote more than {LONGEST_OUTPUT} bytes"));
    }
    let status = child.wait().await.map_err(broken)?;
    if status.success() { Ok(output) } else { Err(format!("it ended with {status}")) }
}
