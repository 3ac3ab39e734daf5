//! The OpenIDs of a decided walk, read as a whole and by position.

use std::collections::HashSet;
use std::time::Duration;

use super::double::Double;
use super::stage::{Stage, openid};
use crate::engine::difference::OpenidPass;
use crate::error::Error;

#[tokio::test(flavor = "multi_thread")]
async fn reading_all_openids_gives_those_of_each_position() {
    let all: Vec<String> = (0..2_500).map(openid).collect();
    let repeated = [3, 999, 1_000, 3, 2_499].map(openid);
    for rows in [all.clone(), [&all[..1_500], &repeated, &all[1_500..]].concat(), [&all[..1], &all[..1]].concat()] {
        let stage = Stage::with(Double::start(Duration::ZERO).await, &rows, "").await;
        let mut seen = HashSet::new();
        let expected: Vec<&String> = rows.iter().filter(|openid| seen.insert(openid.as_str())).collect();
        let mut read = Vec::new();
        OpenidPass::each(&stage.input, &mut |position, openid| {
            assert_eq!(position, read.len() as u64);
            read.push(openid.to_owned());
            Ok(())
        })
        .unwrap();
        assert!(read.iter().eq(expected), "{} of {} rows", read.len(), rows.len());
        assert_eq!(OpenidPass::rows(&stage.input), read.len() as u64);
        let positions: Vec<u64> = (0..read.len() as u64).collect();
        assert_eq!(stage.input.openids(&positions).unwrap().to_vec(), read);
        // An error ends the reading.
        let mut taken = 0;
        let stopped = OpenidPass::each(&stage.input, &mut |_, _| {
            taken += 1;
            Err(Error::Interrupted)
        });
        assert!(matches!(stopped, Err(Error::Interrupted)) && taken == 1);
    }
}
