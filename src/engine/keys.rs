//! The names under which the state keeps what belongs to a pipeline, its sinks and its accounts.

use serde_json::Map;

use crate::config::{Account, Pipeline, SinkSection};
use crate::journal::{FORMAT, Identity, Recipient};
use crate::wechat::{List, host_identity};

/// Returns what a lock file says of a run of `pipeline`.
pub(crate) fn lock_holder(pipeline: &Pipeline) -> String {
    format!("pipeline `{}`", pipeline.name)
}

/// Returns the recipient that the commit records of a sink of `pipeline` name.
pub(crate) fn recipient(pipeline: &Pipeline, sink: &SinkSection) -> Recipient {
    Recipient {
        pipeline: pipeline.name.clone(),
        list: sink.list.name().to_owned(),
        sink: sink.name.clone(),
        options: sink.digest(),
    }
}

/// Returns which walks of a list an account may go on with.
pub(crate) fn identity(pipeline: &Pipeline, account: &Account, list: List) -> Identity {
    let source = &pipeline.source;
    let (host, options) = match &source.simulate {
        Some(simulate) => {
            let options = [
                ("followers", simulate.followers.into()),
                ("page_size", simulate.page_size.into()),
                ("seed", simulate.seed.into()),
            ];
            ("simulator", options.map(|(key, value)| (key.to_owned(), value)).into_iter().collect())
        }
        None => (host_identity(source.base_url.host()), Map::new()),
    };
    let (host, list) = (host.to_owned(), list.name().to_owned());
    Identity { format: FORMAT, app_id: account.app_id.clone(), host, list, options }
}
