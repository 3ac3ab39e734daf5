//! kafka-python reads the batches: each row once in its partition, in every codec, and no batch
//! with a flipped bit.

use std::fmt::Write as _;

use fanout::simulator::Followers;

use crate::readers::read_with;
use crate::support::Project;

const SCRIPT: &str = "tests/it/kafka_batches.py";
const HOW_TO_GET_IT: &str =
    "pip install kafka-python lz4 python-snappy zstandard, and name that Python in READERS_PYTHON";

const FOLLOWERS: u64 = 30_500;
const PARTITIONS: usize = 3;
const CODECS: [&str; 5] = ["none", "gzip", "snappy", "lz4", "zstd"];

/// Publishes a list in every codec. The file `truth` has the expected list, one OpenID a line.
fn publish() -> Project {
    let mut pipeline = format!("name = 'kafka'\n[source]\nsimulate = {{ followers = {FOLLOWERS} }}\n");
    for codec in CODECS {
        write!(
            pipeline,
            "[sinks.{codec}]\ntype = 'kafka'\n[sinks.{codec}.options]\ntopic = 'followers'\nroot = 'out/{codec}'\n\
             compression = '{codec}'\npartitions = {PARTITIONS}\nmax_batch_bytes = '200 kB'\n"
        )
        .unwrap();
    }
    let project = Project::new(&pipeline);
    let run = project.fanout(&["run", "pipeline.toml", "--clock", "2026-11-22T04:00:00Z"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    let lines: Vec<String> = Followers::new(1, "wxsimulated", FOLLOWERS).iter().collect();
    std::fs::write(project.path("truth"), lines.join("\n") + "\n").unwrap();
    project
}

fn leaf(codec: &str) -> String {
    format!("out/{codec}/dt=2026-11-22/account=simulated")
}

#[test]
fn another_decoder_reads_the_list_in_every_codec() {
    let project = publish();
    if let Some((code, said)) = read_with(&project, SCRIPT, &CODECS.map(leaf), HOW_TO_GET_IT) {
        assert_eq!(code, 0, "{said}");
        assert_eq!(said.lines().filter(|line| line.starts_with("ok ")).count(), CODECS.len(), "{said}");
    }
}

#[test]
fn another_decoder_refuses_a_flipped_bit_in_every_codec() {
    let project = publish();
    for codec in CODECS {
        let path = project.path(&leaf(codec)).join("partition-00001.batches");
        let mut content = std::fs::read(&path).unwrap();
        let middle = content.len() / 2;
        content[middle] ^= 1;
        std::fs::write(&path, content).unwrap();
    }
    if let Some((code, said)) = read_with(&project, SCRIPT, &CODECS.map(leaf), HOW_TO_GET_IT) {
        assert_eq!(code, 1, "{said}");
        assert_eq!(said.lines().filter(|line| line.contains("has a wrong checksum")).count(), CODECS.len(), "{said}");
    }
}
