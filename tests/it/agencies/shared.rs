//! One token server for all accounts of a file.

use super::*;

const OTHER_SECRET: &str = "secret = { env = 'TEST_SECRET' }";

#[tokio::test(flavor = "multi_thread")]
async fn fifty_accounts_without_a_credential_are_read_with_one_url() {
    let project = project(simulator());
    let server = good_server(&project);
    let report = run(&project, &file(8, &(shared(&server.url()) + &accounts(0..50)))).await;
    exact(&project, &report, 0..50);
    let mut asked = server.questions();
    asked.sort();
    assert_eq!(asked, (0..50).map(app_id).collect::<Vec<_>>(), "one question an account");
    assert_eq!(project.calls(), 50 * CALLS);
    assert_eq!(project.api().requests().stable_token, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_may_have_a_credential_of_its_own_beside_the_shared_server() {
    let project = project(simulator());
    let (server, own) = (good_server(&project), good_server(&project));
    let own = format!("token_endpoint = {{ url = '{}', pointer = '/data/token' }}", own.url());
    let text = shared(&server.url()) + &accounts([0]) + &account(1, OTHER_SECRET) + &account(2, &own) + &accounts([3]);
    let report = run(&project, &file(1, &text)).await;
    exact(&project, &report, 0..4);
    assert_eq!(server.questions(), [app_id(0), app_id(3)]);
    assert_eq!(project.api().requests().stable_token, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rows_of_a_sheet_need_no_credential() {
    let project = project(simulator());
    let server = good_server(&project);
    let sheet = format!("name,app_id\n{},{}\n{},{}\n", name(0), app_id(0), name(1), app_id(1));
    std::fs::write(project.path("accounts.csv"), sheet).unwrap();
    let text = "accounts = { file = 'accounts.csv' }\n".to_owned() + &shared(&server.url());
    let report = run(&project, &file(1, &text)).await;
    exact(&project, &report, 0..2);
    assert_eq!(server.questions(), [app_id(0), app_id(1)]);
}

#[test]
fn a_url_that_names_no_account_is_for_one_account_only() {
    let check = |accounts: &str| {
        let text =
            format!("{}{accounts}[sinks.x]\ntype = 'ndjson'\noptions.root = 'out'\n", shared("https://a.b/hunter2"));
        Project::new(&format!("name = 'agency'\n{text}")).fanout(&["check", "pipeline.toml"])
    };
    check(&accounts([0])).good();
    let ended = check(&accounts(0..5));
    assert_eq!(ended.code, Some(2), "{ended:?}");
    let expected = "`source.token_endpoint.url`: found a URL without `{app_id}`, which 5 accounts share (`brand-00`, `brand-01`, \
                    `brand-02`, …): they would all get the same token";
    assert!(ended.stderr.contains(expected) && !ended.stderr.contains("hunter2"), "{}", ended.stderr);
}

#[test]
fn the_keys_of_a_shared_server_are_checked_once_and_accounts_are_not_blamed_for_them() {
    let keys = "[source.token_endpoint]\nurl = 'https://a.b/?appid={appid}&key=hunter2'\nerror_pointer = 'code'\n";
    let text = format!("name = 'agency'\n{keys}{}[sinks.x]\ntype = 'ndjson'\noptions.root = 'out'\n", accounts(0..5));
    let ended = Project::new(&text).fanout(&["check", "pipeline.toml"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    for expected in [
        "`source.token_endpoint.url`: found a placeholder other than `{app_id}`",
        "`source.token_endpoint.error_pointer`: found \"code\", expected a JSON pointer",
    ] {
        assert!(ended.stderr.contains(expected), "{}", ended.stderr);
    }
    assert!(!ended.stderr.contains("accounts[") && !ended.stderr.contains("hunter2"), "{}", ended.stderr);
}

#[test]
fn a_simulated_run_needs_no_token_server() {
    let text = format!(
        "name = 'agency'\nsource.simulate = {{ followers = 5 }}\n[source.token_endpoint]\nurl = {{ env = 'NOT_SET' }}\n\
         {}[sinks.x]\ntype = 'ndjson'\noptions.root = 'out'\n",
        accounts(0..2)
    );
    Project::new(&text).fanout(&["run", "pipeline.toml"]).good();
}
