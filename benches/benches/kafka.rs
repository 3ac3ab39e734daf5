//! A list into files of record batches, with every codec: the time of encoding, and the size of the
//! result.

use std::path::Path;

use arrow::array::RecordBatch;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use fanout_sink::chrono::DateTime;
use fanout_sink::{Batch, Sink, SinkContext, SinkFactory, Snapshot, WalkId};
use fanout_sink_kafka::{Compression, KafkaFactory, KafkaOptions, KafkaSink};
use tokio::runtime::{Builder, Runtime};

mod followers;

use followers::{PAGE, Random};

const PAGES: usize = 20;

async fn written(batches: &[RecordBatch], compression: Compression, folder: &Path) -> KafkaSink {
    let options = KafkaOptions { compression, ..KafkaOptions::files("followers", folder) };
    let context = SinkContext::new("brand", "wx5823bf96d3bd56c7", batches[0].schema());
    let mut sink = KafkaFactory.open(options, context).await.expect("a folder that can be written");
    for (sequence, records) in batches.iter().enumerate() {
        sink.write(&Batch::new(sequence as u64, records.clone())).await.expect("room on the disk");
    }
    sink
}

/// Publishes the list once, and returns its size in bytes.
async fn size(batches: &[RecordBatch], compression: Compression, folder: &Path) -> u64 {
    let snapshot = Snapshot {
        walk: WalkId::new(1, DateTime::UNIX_EPOCH),
        date: DateTime::UNIX_EPOCH.date_naive(),
        begun_at: DateTime::UNIX_EPOCH,
        rows: (PAGES * PAGE) as u64,
        first_fetched_at: None,
        last_fetched_at: None,
        digest: String::new(),
        proof: serde_json::Map::new(),
    };
    let mut sink = written(batches, compression, folder).await;
    sink.prepare(&snapshot).await.expect("as many rows as there are");
    sink.commit().await.expect("a folder that can be written").bytes
}

/// Measures the way from rows to JSON, to batches, to the checksum and the hash of the file,
/// without the last open batch and `fsync`. The name of a case ends with the bytes of its file per
/// record.
fn kafka(criterion: &mut Criterion) {
    let mut random = Random::new();
    let batches: Vec<RecordBatch> = (0..PAGES).map(|page| followers::page(page, &mut random)).collect();
    let runtime: Runtime = Builder::new_current_thread().build().expect("a runtime of one thread");
    let folder = tempfile::tempdir().expect("a folder for what is written");
    let mut group = criterion.benchmark_group("kafka");
    group.sample_size(10).throughput(Throughput::Elements((PAGES * PAGE) as u64));
    for compression in [Compression::None, Compression::Gzip, Compression::Snappy, Compression::Lz4, Compression::Zstd]
    {
        let bytes = runtime.block_on(size(&batches, compression, &folder.path().join(format!("{compression:?}"))));
        let size = format!("{:.1} bytes", bytes as f64 / (PAGES * PAGE) as f64);
        group.bench_function(BenchmarkId::new(format!("{compression:?}").to_lowercase(), size), |bencher| {
            bencher.iter(|| {
                runtime.block_on(async {
                    let mut sink = written(&batches, compression, &folder.path().join("bench")).await;
                    sink.abort().await.expect("staging can be removed");
                });
            });
        });
    }
    group.finish();
}

criterion_group!(benches, kafka);
criterion_main!(benches);
