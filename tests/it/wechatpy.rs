//! A real SDK reads the simulator: the simulator answers as WeChat does, as far as this SDK can
//! tell.

use std::path::Path;
use std::process::Command;

use fanout::simulator::Followers;

use crate::support::{Ended, SimulatorProcess, say, variable};

const APP_ID: &str = "wxwechatpy";
/// The default seed of `fanout simulate`.
const SEED: u64 = 1;

/// The exit code of the script without the SDK.
const NOT_INSTALLED: i32 = 3;
const HOW_TO_GET_IT: &str = "pip install wechatpy==1.8.18, and name that Python in READERS_PYTHON";

/// Lists the followers with wechatpy. Without the SDK it says so and returns `None`, or fails with
/// `FANOUT_REQUIRE_ALL`.
fn list(base_url: &str) -> Option<Ended> {
    let python = variable("READERS_PYTHON").unwrap_or_else(|| "python3".to_owned());
    let mut command = Command::new(python);
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/wechatpy_followers.py"));
    let said = match command.args([base_url, APP_ID, "any secret"]).output() {
        Ok(output) if output.status.code() != Some(NOT_INSTALLED) => {
            let text = |bytes| String::from_utf8(bytes).unwrap();
            return Some(Ended {
                code: output.status.code(),
                stdout: text(output.stdout),
                stderr: text(output.stderr),
            });
        }
        Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
        Err(error) => error.to_string(),
    };
    let is_required = variable("FANOUT_REQUIRE_ALL").is_some();
    assert!(!is_required, "wechatpy is not installed ({}); {HOW_TO_GET_IT}", said.trim());
    say(&format!("skipped: wechatpy did not read the simulator; {HOW_TO_GET_IT}"));
    None
}

#[test]
fn wechatpy_lists_the_followers_of_the_simulator() {
    // No follower, a page that is not full, a full page, and several pages.
    for followers in [0, 7, 10, 1_234] {
        let count = followers.to_string();
        let simulator = SimulatorProcess::start(&["--followers", &count, "--page-size", "10"]);
        let Some(listed) = list(&simulator.base_url) else { return };
        assert_eq!(listed.code, Some(0), "{listed:?}");
        let truth = Followers::new(SEED, APP_ID, followers);
        assert!(listed.stdout.lines().eq(truth.iter()), "of {followers} followers: {listed:?}");
    }
}
