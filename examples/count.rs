//! The smallest sink of one's own: a closure. `README.md` has this program word for word.

use fanout::{SinkRegistry, cli};
use fanout_sink::{Batch, ClosureFactory, SinkError};

#[expect(clippy::print_stderr, reason = "the smallest thing that shows that something has come")]
fn main() -> std::process::ExitCode {
    let count = ClosureFactory::new("count", |batch: Batch| async move {
        eprintln!("{} followers", batch.records().num_rows()); // an Arrow record batch
        Ok::<(), SinkError>(())
    });
    cli::main(SinkRegistry::builtin().with(count))
}
