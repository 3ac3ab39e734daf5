//! A large list: the memory of the process, the calls of the store, and the time against the local
//! disk. `STORE_FOLLOWERS=10_000_000` and a release build are the size that fanout is made for; see
//! `.ci/nightly`.

use std::process::Child;
use std::time::{Duration, Instant};

use crate::gate::{Call, Gate};
use crate::project::Project;
use crate::servers::{Moto, Server};
use crate::support::{number, say};

/// Memory that the process may take, in KiB.
const MEMORY_KIB: u64 = 96 << 10;

/// Runs a project, and returns its time and its peak of memory in KiB.
fn measured(project: &Project) -> (Duration, u64) {
    let started = Instant::now();
    let mut process = project.command(&["run", "pipeline.toml", "--quiet"]).spawn().unwrap();
    let mut peak = 0;
    loop {
        peak = peak_kib(&process).unwrap_or(0).max(peak);
        if let Some(status) = process.try_wait().unwrap() {
            assert!(status.success(), "{status}");
            return (started.elapsed(), peak);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn peak_kib(process: &Child) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.id())).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

#[test]
fn a_large_list_takes_little_memory_and_few_calls() {
    let Some(moto) = Moto::start() else { return };
    let gate = Gate::before(&moto.endpoint());
    let followers = number("STORE_FOLLOWERS", 300_000);
    let disk = Project::local(followers);
    let (on_disk, disk_peak) = measured(&disk);
    let store = Project::new("parquet", "s3://lake/large", &gate.endpoint(), followers, "");
    let (in_store, peak) = measured(&store);
    let calls = gate.take_calls();
    let bytes: usize = moto.objects("large").values().map(Vec::len).sum();
    say(&format!(
        "object stores: {followers} followers, {bytes} bytes; S3 {in_store:.1?}, peak {} MiB, calls {calls:?}; local disk \
         {on_disk:.1?}, peak {} MiB",
        peak >> 10,
        disk_peak >> 10
    ));
    assert!(peak < MEMORY_KIB, "the peak was {peak} KiB");
    assert_eq!((calls[&Call::Begin], calls[&Call::Complete], calls.get(&Call::Abort)), (2, 2, None));
    // One object of the check, one of the list; equal parts of 8 MiB.
    let parts = 1 + (bytes as u64).div_ceil(8 << 20);
    assert!(calls[&Call::Part].abs_diff(parts) <= 1, "{calls:?}");
}
