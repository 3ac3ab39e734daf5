//! `fanout report`: its arguments, and the file it writes.

use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use clap::Args;

use super::gather::Overview;
use super::page;
use crate::cli::arguments::FileArguments;
use crate::cli::output::Terminal;
use crate::config::Environment;
use crate::error::{Error, Exit};
use crate::inspect;

/// Arguments of `fanout report`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct ReportArguments {
    #[command(flatten)]
    file: FileArguments,
    /// The file to write; an existing one is replaced; `-` for stdout
    #[arg(long, value_name = "PATH", value_parser = fanout_sink::parse_local_path)]
    html: PathBuf,
}

const EXAMPLES: &str = "\
The page needs no network and no other file: it can be sent by mail, or served as it is. It is made from the reports in `runs/`
under `journal.path`, and shows the last 90 lists of each account and the last 90 runs.

Examples:
  fanout report pipelines/followers.toml --html report.html
  fanout report pipelines/followers.toml --html - > report.html";

/// Writes the page.
pub(in crate::cli) fn execute(
    arguments: &ReportArguments,
    environment: &Environment,
    terminal: &Terminal,
) -> Result<Exit, Error> {
    let pipeline = arguments.file.load_offline(environment)?;
    let mut overview = Overview::new(&pipeline);
    inspect::past_runs(&pipeline)?.for_each(|run| overview.add(run));
    if arguments.html == Path::new("-") {
        terminal.result(&page::render(&overview));
        return Ok(Exit::Done);
    }
    let path = arguments.html.display();
    match write(&arguments.html, &page::render(&overview)) {
        Ok(()) => {
            terminal.result(&format!("{path}\n"));
            Ok(Exit::Done)
        }
        Err(error) => {
            terminal.error(&format!("cannot write `{path}`: {error}"), None);
            Ok(Exit::Failed)
        }
    }
}

/// Writes a file so that its readers see the old one or the new one, never a part.
fn write(path: &Path, text: &str) -> io::Result<()> {
    // A pipe or a device, such as `/dev/stdout`, cannot be replaced.
    if fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        return fs::write(path, text);
    }
    // Behind a symbolic link, its target is replaced.
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // The mode of any new file: the umask takes its part away.
    let mode = Permissions::from_mode(0o666);
    let mut file = tempfile::Builder::new().permissions(mode).tempfile_in(folder)?;
    // A page that was closed to others stays so.
    if let Ok(found) = fs::metadata(&path) {
        file.as_file().set_permissions(found.permissions())?;
    }
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}
