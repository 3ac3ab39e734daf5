//! The names under which the state keeps what belongs to a pipeline, its sinks and its accounts.

use crate::config::{Pipeline, SinkSection};
use crate::journal::{FORMAT, Identity, Recipient};
use crate::wechat::host_identity;

/// Returns what another run is told of this one.
pub(crate) fn lock_holder(pipeline: &Pipeline) -> String {
    format!("pipeline `{}`", pipeline.name)
}

/// Returns whom a commit record is about that names a sink of `pipeline`.
pub(crate) fn recipient(pipeline: &Pipeline, sink: &SinkSection) -> Recipient {
    Recipient { pipeline: pipeline.name.clone(), sink: sink.name.clone(), options: sink.digest() }
}

/// Returns which walks an account may go on with.
pub(crate) fn identity(pipeline: &Pipeline, index: usize) -> Identity {
    let source = &pipeline.source;
    let (host, list) = match &source.simulate {
        // A simulated list of another length or seed is another list.
        Some(simulate) => (
            "simulator".to_owned(),
            format!("simulated-{}-{}-{}", simulate.followers, simulate.seed, simulate.page_size),
        ),
        None => (host_identity(source.base_url.host()).to_owned(), "followers".to_owned()),
    };
    Identity { format: FORMAT, app_id: pipeline.accounts[index].app_id.clone(), host, list }
}
