//! A list into Parquet: the sink's encodings and compressions, against the library's defaults.

use arrow::array::RecordBatch;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use fanout_sink_parquet::{ColumnEncoding, Compression as SinkCompression, ParquetOptions, writer_properties};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

mod followers;

use followers::{PAGE, Random};

const PAGES: usize = 100;

fn write(batches: &[RecordBatch], properties: &WriterProperties, file: &mut Vec<u8>) {
    let schema = batches[0].schema();
    let mut writer = ArrowWriter::try_new(file, schema, Some(properties.clone())).expect("Parquet has these types");
    for batch in batches {
        writer.write(batch).expect("memory takes every write");
    }
    writer.close().expect("memory takes every write");
}

/// Measures each set of properties. The name of a case ends with the bytes of its file per
/// follower.
fn parquet(criterion: &mut Criterion) {
    let mut random = Random::new();
    let batches: Vec<RecordBatch> = (0..PAGES).map(|page| followers::page(page, &mut random)).collect();
    let zstd = Compression::ZSTD(ZstdLevel::try_new(1).expect("a level of zstd"));
    let fanout = |encoding, compression| {
        let options = ParquetOptions { encoding, compression, ..ParquetOptions::new("out") };
        writer_properties(&batches[0].schema(), &options).expect("options that are valid")
    };
    let mut group = criterion.benchmark_group("parquet");
    group.sample_size(10).throughput(Throughput::Elements((PAGES * PAGE) as u64));
    let mut cases = vec![
        ("defaults".to_owned(), WriterProperties::default()),
        ("defaults with zstd(1)".to_owned(), WriterProperties::builder().set_compression(zstd).build()),
    ];
    for encoding in [ColumnEncoding::Mixed, ColumnEncoding::Plain, ColumnEncoding::Delta] {
        for compression in [
            SinkCompression::Zstd,
            SinkCompression::Snappy,
            SinkCompression::Gzip,
            SinkCompression::Lz4Raw,
            SinkCompression::None,
        ] {
            cases.push((format!("{encoding:?} {compression:?}").to_lowercase(), fanout(encoding, compression)));
        }
    }
    for (name, properties) in cases {
        let mut file = Vec::new();
        write(&batches, &properties, &mut file);
        let size = format!("{:.2} bytes", file.len() as f64 / (PAGES * PAGE) as f64);
        group.bench_function(BenchmarkId::new(name, size), |bencher| {
            bencher.iter(|| {
                file.clear();
                write(&batches, &properties, &mut file);
            });
        });
    }
    group.finish();
}

criterion_group!(benches, parquet);
criterion_main!(benches);
