//! The names under which the state keeps what belongs to a pipeline, its sinks and its lists, and
//! under which the sinks know a list.
//!
//! `engine` opens the state with them, and `inspect` looks into it with the same.

use std::sync::Arc;

use chrono::NaiveDate;
use fanout_sink::{SinkContext, WalkId};
use serde_json::Map;

use crate::config::{Account, Pipeline, SinkSection};
use crate::journal::{FORMAT, Identity, Recipient};
use crate::registry::BoundSink;
use crate::wechat::{List, host_identity};

/// Returns the text by which a lock file names a run of `pipeline`.
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

/// Makes the context of a sink for a walk of an account's list. `account_names` has the names of
/// all accounts of the pipeline.
pub(crate) fn sink_context(
    pipeline: &Pipeline,
    account: &Account,
    account_names: &Arc<[String]>,
    sink: &BoundSink,
    (walk, date): (WalkId, NaiveDate),
) -> SinkContext {
    SinkContext::new(&account.name, &account.app_id, Arc::clone(sink.schema()))
        .with_names(&pipeline.name, sink.name())
        .with_accounts(Arc::clone(account_names))
        .with_list(sink.section().list.name())
        .with_walk(walk, date)
        .with_directory(&pipeline.directory)
        .with_simulated(pipeline.simulated_by_flag)
}

/// Makes the context of a sink at the end of a run: of no account and no walk.
pub(super) fn end_context(pipeline: &Pipeline, sink: &BoundSink) -> SinkContext {
    SinkContext::new("", "", Arc::clone(sink.schema()))
        .with_names(&pipeline.name, sink.name())
        .with_list(sink.section().list.name())
        .with_directory(&pipeline.directory)
        .with_simulated(pipeline.simulated_by_flag)
}

/// Returns the identity of an account's list: a run resumes only walks with the same one.
pub(crate) fn identity(pipeline: &Pipeline, account: &Account, list: List) -> Identity {
    let source = &pipeline.source;
    let (host, mut options) = match &source.simulate {
        Some(simulate) => {
            let always =
                [("followers", simulate.followers), ("page_size", simulate.page_size), ("seed", simulate.seed)];
            // Without them, walks of earlier versions go on.
            let others = [
                ("blacklisted", simulate.blacklisted),
                ("changes_per_mille", simulate.changes_per_mille),
                ("holes", simulate.holes),
                ("tags", simulate.tags),
            ];
            let options = always.into_iter().chain(others.into_iter().filter(|&(_, value)| value != 0));
            ("simulator", options.map(|(key, value)| (key.to_owned(), value.into())).collect())
        }
        // Behind another path of a gateway there may be another API.
        None => (&*format!("{}{}", host_identity(source.base_url.host()), source.base_url.path()), Map::new()),
    };
    if let (List::TAG_MEMBERS | List::TAGS, Some(select)) = (list, &pipeline.tags.select) {
        let mut select = select.clone();
        select.sort_unstable();
        select.dedup();
        options.insert("select".to_owned(), serde_json::json!(select));
    }
    if list == List::CHANGES {
        // The sinks of each pipeline take a chain of changes of their own.
        options.insert("pipeline".to_owned(), pipeline.name.clone().into());
    }
    let (host, list) = (host.to_owned(), list.name().to_owned());
    Identity { format: FORMAT, app_id: account.app_id.clone(), host, list, options }
}
