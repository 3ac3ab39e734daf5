//! `kill -9` of the delivering process at random moments. After the next run the topic has the list
//! exactly once.

use std::time::{Duration, Instant, SystemTime};

use crate::support::{PARTITIONS, Project, assert_holds, broker, number, read_committed, say};

const FOLLOWERS: u64 = 40_000;
/// After so many kills of one list the next run may finish.
const MOST_KILLS_OF_A_LIST: u64 = 3;

/// The xorshift generator.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

/// Counts over all lists.
#[derive(Debug, Default)]
struct KillStats {
    lists: u64,
    kills: u64,
    /// Kills after which readers saw no row.
    found_nothing: u64,
    /// Kills after which readers saw some rows, of a list in several transactions.
    found_some: u64,
    /// Kills after which readers saw all rows.
    found_all: u64,
}

#[test]
fn whenever_a_delivery_is_killed_readers_see_one_copy_in_the_end() {
    let clock = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos() as u64;
    let seed = number("CRASH_SEED", clock % 1_000_000);
    let kills = number("CRASH_ROUNDS", 20);
    say(&format!("broker: CRASH_SEED={seed}"));
    let mut random = Random(seed | 1);
    random.below(2);
    let mut window = undisturbed();
    let mut stats = KillStats::default();
    while stats.kills < kills {
        let most = (kills - stats.kills).min(MOST_KILLS_OF_A_LIST);
        kill_one_list(&mut random, most, &mut window, &mut stats);
        assert!(stats.lists < 10 * kills, "deliveries are never hit: {stats:?}");
    }
    say(&format!("broker: {stats:?}, killed within {window:?} after the decision"));
}

/// Returns how long a delivery takes, from the decision to the end of the process.
fn undisturbed() -> Duration {
    let project = Project::creating("undisturbed", FOLLOWERS, "");
    let mut process = project.command(&[]).spawn().unwrap();
    while !project.is_decided() {
        std::thread::sleep(Duration::from_millis(1));
    }
    let decided = Instant::now();
    assert!(process.wait().unwrap().success());
    assert_holds("undisturbed", &project.truth());
    decided.elapsed()
}

/// Kills the delivery of one list up to `most` times, lets it finish, and counts the copies.
///
/// A kill comes within `window` after the decision. The window follows the speed of the machine, so
/// that it ends a little after a delivery does.
fn kill_one_list(random: &mut Random, most: u64, window: &mut Duration, stats: &mut KillStats) {
    let topic = format!("killed-{}", stats.lists);
    let in_pieces = stats.lists % 2 == 1;
    let options = if in_pieces { format!("transaction_rows = {}", FOLLOWERS / 7) } else { String::new() };
    let project = Project::creating(&topic, FOLLOWERS, &options);
    let truth = project.truth();
    stats.lists += 1;
    for _ in 0..most {
        let mut process = project.command(&[]).spawn().unwrap();
        while !project.is_decided() {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_micros(random.below(window.as_micros() as u64)));
        process.kill().unwrap();
        if process.wait().unwrap().success() {
            *window = *window * 4 / 5;
            break;
        }
        *window = *window * 21 / 20;
        stats.kills += 1;
        match read_if_there(&topic) {
            0 => stats.found_nothing += 1,
            all if all == FOLLOWERS => stats.found_all += 1,
            some => {
                assert!(in_pieces, "{some} rows are visible of a list that is one transaction");
                stats.found_some += 1;
            }
        }
    }
    project.finish();
    assert_holds(&topic, &truth);
    // As if the last kill had come right before the commit record: the checkpoint is found.
    project.forget_commits();
    project.finish();
    assert_holds(&topic, &truth);
}

/// Counts the rows that readers see; 0 if the topic does not exist yet.
fn read_if_there(topic: &str) -> u64 {
    use rdkafka::consumer::{BaseConsumer, Consumer};
    let consumer: BaseConsumer = rdkafka::ClientConfig::new()
        .set("bootstrap.servers", broker())
        .set("allow.auto.create.topics", "false")
        .create()
        .unwrap();
    let metadata = consumer.fetch_metadata(Some(topic), Duration::from_secs(10)).unwrap();
    if metadata.topics()[0].partitions().len() < PARTITIONS {
        return 0;
    }
    read_committed(&broker(), topic, PARTITIONS).len() as u64
}
