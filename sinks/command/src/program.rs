//! Finds a program as a shell would, before it is started.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use fanout_sink::{SinkContext, SinkError};

use crate::environment::environment;
use crate::options::CommandOptions;

/// An executable program, and its working directory.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) path: PathBuf,
    pub(crate) directory: PathBuf,
}

impl Program {
    /// Finds the program of `options`.
    pub(crate) fn find(options: &CommandOptions, context: &SinkContext) -> Result<Self, SinkError> {
        let directory = context.directory.join(&options.directory);
        let directory = fs::canonicalize(if directory.as_os_str().is_empty() { Path::new(".") } else { &directory })
            .and_then(|path| if path.is_dir() { Ok(path) } else { Err(std::io::ErrorKind::NotADirectory.into()) })
            .map_err(|error| {
                let message = format!("the working directory `{}` cannot be entered", directory.display());
                SinkError::option("directory", message).with_source(error)
            })?;
        let name = &options.command[0];
        let path = if name.contains('/') {
            let path = directory.join(name);
            if !is_executable(&path) {
                let problem = if path.exists() { "is not executable" } else { "is not there" };
                return Err(SinkError::option("command", format!("the program `{}` {problem}", path.display())));
            }
            path
        } else {
            let places = environment(options, context).remove("PATH").unwrap_or_default();
            look_up(name, &places, &directory).ok_or_else(|| {
                let message = format!("the program `{name}` is in no folder of `PATH` ({})", places.to_string_lossy());
                let hint = format!("install it, or name it with its path: `./{name}` is one beside the pipeline file");
                SinkError::option("command", message).with_hint(hint)
            })?
        };
        Ok(Self { path, directory })
    }
}

fn look_up(name: &str, places: &OsStr, directory: &Path) -> Option<PathBuf> {
    std::env::split_paths(places).map(|place| directory.join(place).join(name)).find(|path| is_executable(path))
}

fn is_executable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}
