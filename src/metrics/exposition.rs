//! Where the metrics go: a port while the run lasts, and a file at its end.
//!
//! The command line begins it beside the engine and ends it with the report. `families` writes the
//! text, and `server` answers on the port.

use std::fs::Permissions;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::families::Families;
use super::server;
use crate::config::{ConfigErrors, Pipeline};
use crate::engine::Progress;
use crate::report::RunReport;

/// The metrics of one run. The port is closed when they are dropped.
#[derive(Debug)]
pub struct Metrics {
    families: Arc<Families>,
    path: Option<PathBuf>,
    server: Option<JoinHandle<()>>,
}

impl Metrics {
    /// Begins to serve the metrics of a run of `pipeline`, if its `metrics.listen` names an
    /// address.
    ///
    /// # Errors
    ///
    /// A problem of `metrics.listen`, if the address cannot be listened on.
    pub async fn begin(pipeline: &Pipeline, progress: Arc<Progress>) -> Result<Self, ConfigErrors> {
        let families = Arc::new(Families::new(&pipeline.name, progress));
        let mut server = None;
        if let Some(address) = pipeline.metrics.listen {
            let refused = |error: io::Error| {
                let message = format!("cannot listen on `{address}` ({error}); choose another port, or leave it out");
                ConfigErrors::from(pipeline.problem("metrics.listen", message))
            };
            let listener = TcpListener::bind(address).await.map_err(refused)?;
            let address = listener.local_addr().map_err(refused)?;
            tracing::info!("metrics are served on http://{address}{} while the run lasts", server::PATH);
            server = Some(tokio::spawn(server::serve(listener, Arc::clone(&families))));
        }
        Ok(Self { families, path: pipeline.metrics.path.clone(), server })
    }

    /// Writes the metrics of the finished run into the file that `metrics.path` names, if it names
    /// one. A failure to write it is logged, and changes nothing else.
    pub fn end(self, report: &RunReport) {
        let Some(path) = &self.path else { return };
        if let Err(error) = replace(path, self.families.render(Some(report)).as_bytes()) {
            tracing::warn!(path = %path.display(), %error, "the metrics cannot be written (`metrics.path`)");
        }
    }
}

impl Drop for Metrics {
    fn drop(&mut self) {
        if let Some(server) = &self.server {
            server.abort();
        }
    }
}

/// The mode of the file. The collector often runs as another user, and nothing in the file is
/// secret.
const MODE: u32 = 0o644;

/// Writes a file beside `path` and renames it, so that a collector never reads half of one.
fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // The collector reads only names that end in `.prom`.
    let mut file = tempfile::Builder::new().prefix(".fanout-").suffix(".tmp").tempfile_in(folder)?;
    file.write_all(content)?;
    // Set on the open file: unlike the mode that a file is made with, it does not depend on the
    // umask.
    file.as_file().set_permissions(Permissions::from_mode(MODE))?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_replaced_whole_and_other_users_may_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("fanout.prom");
        for content in ["a longer first content\n", "a second one\n"] {
            replace(&path, content.as_bytes()).unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), content);
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o7777, MODE);
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn a_file_that_cannot_be_written_leaves_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("fanout.prom")).unwrap();
        replace(&folder.path().join("fanout.prom"), b"content").unwrap_err();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
