//! Secrets that are replaced while a run is under way: the run keeps those that it began with.

use std::fmt::Write as _;

use fanout::simulator::Simulator;

use crate::support::Project;

const ACCOUNTS: usize = 60;
const SECRET: &str = "00112233445566778899aabbccddeeff";
const NEXT_SECRET: &str = "ffeeddccbbaa99887766554433221100";
const PASSWORD: &str = "the first password";

fn app_id(account: usize) -> String {
    format!("wx{account:016x}")
}

#[test]
fn every_account_of_a_run_has_the_secrets_that_the_run_began_with() {
    // The program notes its password, and replaces the files with the first list that it gets.
    let script = "cat >/dev/null; echo \"$PASSWORD\" >>noted; echo another >password; cp next secret";
    let mut text = format!(
        "name = 'p'\nlimits.accounts = 4\n[sinks.program]\ntype = 'command'\n[sinks.program.options]\nprotocol = 'plain'\n\
         command = ['sh', '-c', '''{script}''']\nenvironment = {{ PASSWORD = {{ file = 'password' }} }}\n"
    );
    let mut simulator = Simulator::builder().followers(3);
    for account in 0..ACCOUNTS {
        let app_id = app_id(account);
        writeln!(text, "[[accounts]]\nname = 'a{account}'\napp_id = '{app_id}'\nsecret = {{ file = 'secret' }}")
            .unwrap();
        simulator = simulator.secret(app_id, SECRET);
    }
    let project = Project::reading(&text, simulator);
    for (name, content) in [("secret", SECRET), ("next", NEXT_SECRET), ("password", PASSWORD)] {
        std::fs::write(project.path(name), format!("{content}\n")).unwrap();
    }
    let ended = project.run(&[]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(std::fs::read_to_string(project.path("secret")).unwrap().trim(), NEXT_SECRET, "it was replaced");
    let noted = std::fs::read_to_string(project.path("noted")).unwrap();
    assert_eq!(noted.lines().collect::<Vec<_>>(), [PASSWORD; ACCOUNTS]);
}
