//! Several stores: a list that was published in one of them is not looked for in another, and a run
//! opens each of them once.

use crate::gate::{Call, Gate};
use crate::project::{Ended, Project};
use crate::servers::{Moto, Server};

#[test]
fn a_list_is_not_delivered_again_because_the_environment_names_another_store() {
    let (Some(moto), Some(other)) = (Moto::start(), Moto::start()) else { return };
    let project = Project::without_store("s3://lake/lists", 1000);
    let run = |moto: &Moto, more: &[&str]| {
        let mut command = project.command(&[&["run", "pipeline.toml"], more].concat());
        command.env("AWS_ENDPOINT_URL", moto.endpoint());
        command.envs([("AWS_ACCESS_KEY_ID", "key"), ("AWS_SECRET_ACCESS_KEY", "hunter2")]);
        Ended::from(command.output().unwrap())
    };
    let ended = run(&moto, &[]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let before = moto.keys("lists");
    let ended = run(&other, &[]);
    let [noted, now] = [&moto, &other].map(|moto| moto.endpoint().trim_start_matches("http://").to_owned());
    let says = format!("in the store `{noted}`, and the store is `{now}` now");
    assert!(ended.code == Some(1) && ended.stderr.contains(&says), "{ended:?}");
    assert_eq!(other.keys("lists"), Vec::<String>::new());
    // The hint is true: a store that the options name is another recipient.
    let endpoint = format!("sinks.lake.options.store.endpoint={}", other.endpoint());
    let ended = run(&moto, &["--set", &endpoint]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!((moto.keys("lists"), other.keys("lists")), (before.clone(), before));
}

#[test]
fn buckets_of_one_name_in_two_stores_are_not_taken_for_one() {
    let (Some(moto), Some(other)) = (Moto::start(), Moto::start()) else { return };
    let project = Project::new("parquet", "s3://lake/lists", &moto.endpoint(), 1000, "");
    project.add_sink("pond", "s3://lake/ponds", &other.endpoint());
    project.finish(&[]);
    for (moto, prefix, nothing) in [(&moto, "lists", "ponds"), (&other, "ponds", "lists")] {
        assert_eq!((moto.keys(prefix).len(), moto.keys(nothing).len()), (3, 0), "{prefix}");
    }
}

#[test]
fn a_run_of_many_accounts_fetches_the_keys_of_its_store_once() {
    const ACCOUNTS: u64 = 24;
    let Some(moto) = Moto::start() else { return };
    let gate = Gate::before(&moto.endpoint());
    let project = Project::with_accounts(ACCOUNTS, "s3://lake/lists", &gate.endpoint());
    let role = gate.role(&project.path("token"));
    let run = |command: &str| {
        let mut command = project.command(&[command, "pipeline.toml", "--simulate", "500"]);
        let ended = command.envs(role.clone()).output().unwrap();
        assert!(ended.status.success(), "{ended:?}");
        (gate.take_calls(), gate.take_connections())
    };
    let (calls, connections) = run("run");
    assert_eq!(moto.keys("lists.simulated").len() as u64, 3 * ACCOUNTS);
    assert_eq!((calls[&Call::Keys], calls[&Call::Complete]), (1, ACCOUNTS + 1));
    // As many as calls were under way at once, and not one for each list.
    assert!(connections < ACCOUNTS, "{connections} connections");
    // The second run and a status only look whether the lists are there.
    for command in ["run", "status"] {
        let (calls, connections) = run(command);
        assert_eq!((calls[&Call::Keys], calls.get(&Call::Complete)), (1, None), "{command}: {calls:?}");
        assert!(calls[&Call::Head] >= ACCOUNTS, "{command}: {calls:?}");
        assert!(connections < ACCOUNTS, "{command}: {connections} connections");
    }
}
