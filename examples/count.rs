//! The smallest sink of your own: a closure. `README.md` shows this program word for word.

use fanout::{SinkRegistry, cli};
use fanout_sink::{Batch, ClosureFactory, SinkError};

#[expect(clippy::print_stderr, reason = "the smallest way to show that batches arrive")]
fn main() -> std::process::ExitCode {
    let count = ClosureFactory::new("count", |batch: Batch| async move {
        eprintln!("{} followers", batch.records().num_rows()); // an Arrow record batch
        Ok::<(), SinkError>(())
    });
    cli::main(SinkRegistry::builtin().with(count))
}
