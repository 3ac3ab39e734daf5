//! Finds out, before the list is read, whether it could be delivered. Changes nothing.

use fanout_sink::{SinkContext, SinkError};

use super::{output, topic};
use crate::options::KafkaOptions;

/// Checks the configuration, the topic, and whether the topic has another list of the date.
pub(crate) async fn check(options: &KafkaOptions, context: &SinkContext) -> Result<(), SinkError> {
    if topic::check(options, context).await? {
        output::check_date(options, context)?;
    }
    Ok(())
}
