//! Where the metrics go: the port, and the file.

use std::fs::{self, File};
use std::io::{self, Write};
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
    /// Begins to serve the metrics of a run of `pipeline`, if it says where.
    ///
    /// # Errors
    ///
    /// A problem of `metrics.listen`, if that cannot be listened on.
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

    /// Writes what has come of the run into the file, if there is to be one. That it cannot be written is said, and changes
    /// nothing else.
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

/// Writes a file beside `path` and renames it, so that a collector never reads half of one. It may read the file as another
/// user: there is nothing secret in it.
fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    // The collector reads what ends in `.prom`.
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}.tmp", std::process::id()));
    let beside = Path::new(&beside);
    let written = File::create(beside)
        .and_then(|mut file| file.write_all(content).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(beside, path));
    if written.is_err() {
        // What cannot be removed was not there, or says so in the error already.
        let _ = fs::remove_file(beside);
    }
    written
}
