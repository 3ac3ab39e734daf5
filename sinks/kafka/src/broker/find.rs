//! Looks whether a committed list is still in the topic, by the checkpoint. Changes nothing.

use fanout_sink::{Found, SinkContext, SinkError};

use super::checkpoint::Checkpoint;
use super::output::form;
use super::{brokers, client, group};
use crate::message::Headers;
use crate::options::KafkaOptions;

/// Returns what the checkpoint says about the list of `context`.
pub(crate) fn find(options: &KafkaOptions, context: &SinkContext) -> Result<Found, SinkError> {
    let consumer = client::observer(options, context)?;
    // Brokers that do not answer are waited for once, and not once for each list.
    brokers::metadata(&consumer, options, context)?;
    let found = group::read(&consumer, &options.topic, context)?;
    let list = Checkpoint::start(context, form(options, &Headers::new(options, context)?));
    Ok(list.find(found.as_ref()))
}
