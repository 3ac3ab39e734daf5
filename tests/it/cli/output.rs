//! What `run`, `check`, `sinks` and a wrong pipeline file show to people.

use fanout::simulator::{Effect, Endpoint, Fault, Simulator, When};

use crate::support::{Ended, Project, assert_shows, fanout};

/// Makes a project of two accounts with 250 followers each, in pages of 100.
fn two_accounts() -> Project {
    let project = Project::builder().name("nightly").account("brand", "wxbrand").account("shop", "wxshop");
    let project = project.sink_of_files("lake", "parquet", "").sink_of_files("lines", "ndjson", "");
    project.simulator(Simulator::builder().followers(250).page_size(100).quota(500)).date("2026-11-22").build()
}

/// A first run shows each account with its calls and its sinks, and where each list lies.
#[test]
fn a_first_run_shows_what_was_published_and_where() {
    let project = two_accounts();
    assert_shows!(project, project.run(&[]), @r"
    exit code: 0
    ----- stdout -----
    account  verdict    date        followers  change  pages     calls  retries  seconds  sinks
    brand    published  2026-11-22        250       -      3  4 of 500        0      N.N  lake: published, lines: published
    shop     published  2026-11-22        250       -      3  4 of 500        0      N.N  lake: published, lines: published
    2 accounts: 2 published; 500 followers, 8 calls, N.N s
    published in this run, by date: 2026-11-22 (2)
    brand, lake: 250 rows, N.NN KiB in [FOLDER]/out/lake/dt=2026-11-22/account=brand/part-00000.parquet
    brand, lines: 250 rows, NN.NN KiB in [FOLDER]/out/lines/dt=2026-11-22/account=brand/part-00000.ndjson
    shop, lake: 250 rows, N.NN KiB in [FOLDER]/out/lake/dt=2026-11-22/account=shop/part-00000.parquet
    shop, lines: 250 rows, NN.NN KiB in [FOLDER]/out/lines/dt=2026-11-22/account=shop/part-00000.ndjson

    ----- stderr -----
    ");
}

/// A second run on the same day makes no call, and says that the lists are published already.
#[test]
fn a_second_run_shows_that_the_lists_are_published_already() {
    let project = two_accounts();
    project.finish(&[]);
    assert_shows!(project, project.run(&[]), @r"
    exit code: 0
    ----- stdout -----
    account  verdict            date        followers  change  pages  calls  retries  seconds  sinks
    brand    already published  2026-11-22        250       -      3      0        0      N.N  lake: already published, lines: already published
    shop     already published  2026-11-22        250       -      3      0        0      N.N  lake: already published, lines: already published
    2 accounts: 2 already published; 500 followers, 0 calls, N.N s
    brand, lake: 250 rows, N.NN KiB in [FOLDER]/out/lake/dt=2026-11-22/account=brand/part-00000.parquet
    brand, lines: 250 rows, NN.NN KiB in [FOLDER]/out/lines/dt=2026-11-22/account=brand/part-00000.ndjson
    shop, lake: 250 rows, N.NN KiB in [FOLDER]/out/lake/dt=2026-11-22/account=shop/part-00000.parquet
    shop, lines: 250 rows, NN.NN KiB in [FOLDER]/out/lines/dt=2026-11-22/account=shop/part-00000.ndjson

    ----- stderr -----
    ");
}

/// If WeChat refuses one account, the other one is published, and stderr says what to do.
#[test]
fn a_run_with_an_account_that_fails_shows_the_error_and_what_to_do() {
    let project = two_accounts();
    let refused = Fault::new(Endpoint::UserGet, When::Page(2), Effect::errcode(48001));
    project.api().add_fault(refused.account("wxshop"));
    assert_shows!(project, project.run(&[]), @r"
    exit code: 1
    ----- stdout -----
    account  verdict    date        followers  change  pages     calls  retries  seconds  sinks
    brand    published  2026-11-22        250       -      3  4 of 500        0      N.N  lake: published, lines: published
    shop     failed     2026-11-22          -       -      1  2 of 500        0      N.N  lake: not reached, lines: not reached
    2 accounts: 1 published, 1 failed; 250 followers, 6 calls, N.N s
    published in this run, by date: 2026-11-22 (1)
    brand, lake: 250 rows, N.NN KiB in [FOLDER]/out/lake/dt=2026-11-22/account=brand/part-00000.parquet
    brand, lines: 250 rows, NN.NN KiB in [FOLDER]/out/lines/dt=2026-11-22/account=brand/part-00000.ndjson

    ----- stderr -----
    error: account `shop`: the call for page 2 (after ojidnm…Csjg) failed after 1 try and [TIME], with 2 calls for the list in this run: WeChat answered errcode 48001: api unauthorized rid: [RID]
    hint: the account must be verified (认证), or the third-party platform needs permission set 2 or 100
    ");
}

/// `check` shows for each account whether a run could begin, and with which walk.
#[test]
fn a_check_shows_which_walk_a_run_would_begin() {
    let project = two_accounts();
    let check = ["check", "pipeline.toml"];
    assert_shows!(project, Ended::of(&mut project.command_with_secrets(&check)), @r"
    exit code: 0
    ----- stdout -----
    account  verdict  date        walk  sinks
    brand    ready    2026-11-22  new   -
    shop     ready    2026-11-22  new   -

    ----- stderr -----
    ");
}

/// `sinks` shows one line for each type of sink, with its guarantee.
#[test]
fn the_sinks_are_shown_with_their_guarantees() {
    let project = Project::new("");
    assert_shows!(project, Ended::of(&mut fanout(&["sinks"])), @r"
    exit code: 0
    ----- stdout -----
    type     what it writes, and its guarantee
    arrow    an Arrow stream of all lists of the run, on stdout, in a file or in a pipe: once a run
    command  a program in any language, which stages an Arrow stream and publishes when it is told to: exactly once; or which reads lines to their end: at least once
    kafka    Kafka record batches, one file a partition, published in one step; or a topic, in transactions: exactly once
    ndjson   newline JSON files, one folder a list (or a single file), published in one step: exactly once; or stdout: at least once
    parquet  Apache Parquet files, one folder a list (or a single file), published in one step: exactly once

    ----- stderr -----
    ");
}

/// Each mistake in a pipeline file is one line of stderr: the key, what was found, what is
/// expected.
#[test]
fn a_wrong_pipeline_file_shows_each_mistake_in_a_line() {
    let project = Project::new(
        "nam = 'nightly'\nsource.retry.attempts = 0\nsource.simulate.followers = 5\n[sinks.lake]\ntype = 'parquett'\n",
    );
    assert_shows!(project, project.run(&[]), @r#"
    exit code: 2
    ----- stdout -----

    ----- stderr -----
    error: pipeline.toml: `nam`: unknown key, expected one of `name`, `source`, `accounts`, `journal`, `profiles`, `changes`, `tags`, `limits`, `metrics`, `sinks`; did you mean `name`?
    error: pipeline.toml: `source.retry.attempts`: found 0, expected a whole number from 1 to 100
    error: pipeline.toml: `name`: missing, expected 1 to 64 letters, digits, `_` or `-`
    error: pipeline.toml: `sinks.lake.type`: found "parquett", expected one of `arrow`, `command`, `kafka`, `ndjson`, `parquet`; did you mean `parquet`?
    "#);
}
