//! A failure of the platform stops the accounts of its token server; one of an account stops none.

use std::time::Duration;

use fanout::simulator::{Effect, Endpoint, Fault, When};

use super::token_server::{tencent, tencent_error};
use super::*;
use crate::support::Ended;

/// Errors that no account of a platform can escape, with the exit code of the run.
const OF_PLATFORM: [(i64, u8); 4] = [(61004, 1), (61005, 1), (61006, 1), (61011, 1)];
/// Errors of one account.
const OF_ACCOUNT: [i64; 3] = [61003, 61007, 61023];

/// One account has failed, and `rest` others were not tried.
fn one_failed(rest: usize) -> Vec<Verdict> {
    [vec![Verdict::Failed], vec![Verdict::NotTried; rest]].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_that_fails_at_a_token_is_asked_once() {
    for (code, exit) in OF_PLATFORM.into_iter().chain([(45009, 75)]) {
        let project = project(simulator());
        let server = TokenServer::start(move |_| tencent_error(code, "requestIP: 203.0.113.9"));
        let report = run(&project, &file(1, &(shared(&server.url()) + &accounts(0..12)))).await;
        assert_eq!(verdicts(&report), one_failed(11), "{code}");
        assert_eq!((report.exit.code(), server.questions().len()), (exit, 1), "{code}");
        assert_eq!(project.api().requests().total(), 0, "WeChat is not called at all");
        let first = of(&report, 0);
        says(first, &["the platform has failed, which stops all accounts of the token server http://127.0.0.1:"]);
        says(first, &[&format!("errcode {code}")]);
        for account in &report.accounts {
            assert_eq!((&account.error, &account.hint), (&first.error, &first.hint));
            assert_eq!((account.exit.code(), account.calls, account.walk), (exit, 0, None));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_that_begin_together_share_the_failure_as_well() {
    let project = project(simulator());
    let server = TokenServer::start(|_| tencent_error(61004, "requestIP: 203.0.113.9"));
    let report = run(&project, &file(8, &(shared(&server.url()) + &accounts(0..40)))).await;
    let failed = verdicts(&report).into_iter().filter(|verdict| *verdict == Verdict::Failed).count();
    let not_tried = verdicts(&report).into_iter().filter(|verdict| *verdict == Verdict::NotTried).count();
    assert_eq!((failed, not_tried), (1, 39));
    assert!(server.questions().len() <= 8, "only those that were under way: {:?}", server.questions());
    assert_eq!(project.api().requests().total(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_that_fails_at_a_call_for_data_costs_one_call() {
    for (code, exit) in OF_PLATFORM {
        let project = project(simulator().fault(Fault::new(Endpoint::UserGet, When::Always, Effect::errcode(code))));
        let server = good_server(&project);
        let report = run(&project, &file(1, &(shared(&server.url()) + &accounts(0..12)))).await;
        assert_eq!(verdicts(&report), one_failed(11), "{code}");
        assert_eq!((report.exit.code(), server.questions().len(), project.calls()), (exit, 1, 1), "{code}");
        says(of(&report, 0), &["the call for the first page failed", &format!("errcode {code}")]);
        says(of(&report, 11), &["the call for the first page failed", &format!("errcode {code}")]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_under_way_stops_between_two_pages_and_goes_on_in_the_next_run() {
    const LONG: Duration = Duration::from_secs(60);
    // The second account waits for its second page when the first one meets the failure.
    let fails = Fault::new(Endpoint::UserGet, When::Page(2), Effect::errcode(61004)).account(app_id(0));
    let waits = Fault::new(Endpoint::UserGet, When::Page(2), Effect::Delay(LONG)).account(app_id(1));
    let slow =
        Fault::new(Endpoint::UserGet, When::Page(1), Effect::Delay(Duration::from_millis(500))).account(app_id(0));
    let project = project(simulator().fault(slow).fault(fails).fault(waits));
    let server = good_server(&project);
    let text = file(2, &(shared(&server.url()) + &accounts(0..4)));
    let report = run(&project, &text).await;
    assert_eq!(verdicts(&report), [Verdict::Failed, Verdict::Stopped, Verdict::NotTried, Verdict::NotTried]);
    let stopped = of(&report, 1);
    assert_eq!((stopped.pages, stopped.calls, stopped.exit.code()), (1, 2, 1), "{stopped:#?}");
    assert_eq!(stopped.error, of(&report, 0).error);

    project.api().clear_faults();
    let report = run(&project, &text).await;
    exact(&project, &report, 0..4);
    assert_eq!((of(&report, 1).walk, of(&report, 1).pages_before), (stopped.walk, 1), "no page is lost");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_of_an_account_stops_no_other() {
    for code in OF_ACCOUNT {
        let project = project(simulator());
        let token = tokens_of(&project);
        let server = TokenServer::start(move |question| match question.app_id() {
            app_id if app_id == super::app_id(0) => tencent_error(code, "no"),
            app_id => tencent(&token(app_id)),
        });
        // The second account meets it at a call for data.
        project.api().add_fault(Fault::new(Endpoint::UserGet, When::Always, Effect::errcode(code)).account(app_id(1)));
        let report = run(&project, &file(1, &(shared(&server.url()) + &accounts(0..5)))).await;
        for number in 0..2 {
            let account = of(&report, number);
            assert_eq!((account.verdict, account.exit.code()), (Verdict::Failed, 1), "{code}");
            says(account, &[&format!("errcode {code}"), "authorise"]);
        }
        exact(&project, &report, 2..5);
        assert_eq!(server.questions().len(), 5);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_days_calls_for_data_are_the_accounts_own() {
    let over = Fault::new(Endpoint::UserGet, When::Always, Effect::errcode(45009)).account(app_id(0));
    let project = project(simulator().fault(over));
    let server = good_server(&project);
    let report = run(&project, &file(1, &(shared(&server.url()) + &accounts(0..3)))).await;
    assert_eq!((of(&report, 0).verdict, report.exit.code()), (Verdict::Failed, 75));
    exact(&project, &report, 1..3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_secret_is_the_platforms_only_if_no_account_gets_a_token() {
    for code in [41004, 40125] {
        let project = project(simulator());
        let server = TokenServer::start(move |_| tencent_error(code, "invalid appsecret"));
        let report = run(&project, &file(1, &(shared(&server.url()) + &accounts(0..12)))).await;
        let expected = [vec![Verdict::Failed; 2], vec![Verdict::NotTried; 10]].concat();
        assert_eq!((verdicts(&report), server.questions().len()), (expected, 2), "{code}");
        says(of(&report, 1), &["the platform has failed", "`component_appsecret`"]);

        // A server that has the secret of each account: two of them are wrong.
        let token = tokens_of(&project);
        let server = TokenServer::start(move |question| match question.app_id() {
            app_id if (1..3).any(|wrong| app_id == super::app_id(wrong)) => tencent_error(code, "invalid appsecret"),
            app_id => tencent(&token(app_id)),
        });
        let report = run(&project, &file(1, &(shared(&server.url()) + &accounts(0..5)))).await;
        exact(&project, &report, [0, 3, 4]);
        for wrong in 1..3 {
            assert_eq!(of(&report, wrong).verdict, Verdict::Failed);
            says(of(&report, wrong), &["no token from the token server", "check `app_id` and the secret"]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_platforms_on_one_host_do_not_stop_each_other() {
    let project = project(simulator());
    let token = tokens_of(&project);
    let server = TokenServer::start(move |question| {
        let is_down = question.path.contains("platform=1") || question.head.contains("x-platform: down");
        if is_down { tencent_error(61005, "component ticket is expired") } else { tencent(&token(question.app_id())) }
    });
    let of_platform = |more: &str, header: &str| {
        let url = server.url() + more;
        format!("token_endpoint = {{ url = '{url}', pointer = '/data/token', error_pointer = '/code'{header} }}")
    };
    let down = of_platform("&platform=1", "");
    let up = of_platform("&platform=2", "");
    let other_key = of_platform("&platform=2", ", header = 'x-platform', header_value = { file = 'key' }");
    std::fs::write(project.path("key"), "down").unwrap();
    let text: String = (0..6).map(|number| account(number, [&down, &up, &other_key][number % 3])).collect();
    let report = run(&project, &file(1, &(text + &account(6, "secret = { env = 'TEST_SECRET' }")))).await;
    exact(&project, &report, [1, 4, 6]);
    for (first, second) in [(0, 3), (2, 5)] {
        assert_eq!((of(&report, first).verdict, of(&report, second).verdict), (Verdict::Failed, Verdict::NotTried));
    }
    assert_eq!(server.questions(), [0, 1, 2, 4].map(app_id));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_is_complete_is_delivered_although_the_platform_is_down() {
    let project = project(simulator());
    let down = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let (token, is_down) = (tokens_of(&project), std::sync::Arc::clone(&down));
    let server = TokenServer::start(move |question| {
        if is_down.load(std::sync::atomic::Ordering::Relaxed) {
            tencent_error(61006, "component ticket is invalid")
        } else {
            tencent(&token(question.app_id()))
        }
    });
    let keys = shared(&server.url());
    let error = fanout_sink::SinkError::permanent("no room");
    project.recorder.fail("kept", "commit", error);
    let report = run(&project, &file(1, &(keys.clone() + &accounts([1])))).await;
    assert_eq!(of(&report, 1).verdict, Verdict::Failed, "{report:#?}");
    assert!(of(&report, 1).snapshot.is_some());

    down.store(true, std::sync::atomic::Ordering::Relaxed);
    let report = run(&project, &file(1, &(keys + &accounts(0..3)))).await;
    exact(&project, &report, [1]);
    let mut others = [of(&report, 0).verdict, of(&report, 2).verdict];
    others.sort_unstable();
    assert_eq!(others, [Verdict::NotTried, Verdict::Failed]);
}

/// A sink of the list that rests on the followers.
const PEOPLE: &str = "[sinks.people]\ntype = 'recorder'\nlist = 'profiles'\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_rests_on_another_is_not_tried_either() {
    let project = project(simulator());
    let server = TokenServer::start(|_| tencent_error(61004, "requestIP: 203.0.113.9"));
    let text = file(1, &(shared(&server.url()) + &accounts(0..3))) + PEOPLE;
    let report = run(&project, &text).await;
    assert_eq!(report.accounts.len(), 6);
    let mut found = verdicts(&report);
    found.sort_unstable_by_key(|verdict| *verdict != Verdict::Failed);
    assert_eq!((found, server.questions().len()), (one_failed(5), 1));
    assert!(report.accounts.iter().all(|account| account.error == report.accounts[0].error), "{report:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_that_fails_at_a_batch_costs_one_call_for_batches() {
    let fails = Fault::new(Endpoint::BatchGet, When::Always, Effect::errcode(61004));
    let project = project(simulator().fault(fails));
    let server = good_server(&project);
    let text = file(1, &(shared(&server.url()) + &accounts(0..3))) + PEOPLE;
    let report = run(&project, &text).await;
    let of_list = |list: &str| -> Vec<Verdict> {
        report.accounts.iter().filter(|account| account.list == list).map(|account| account.verdict).collect()
    };
    assert_eq!(of_list("followers"), [Verdict::Published; 3], "they came first");
    assert_eq!(of_list("profiles"), one_failed(2));
    assert_eq!(project.api().requests().batch_get, 1);
}

#[test]
fn a_summary_tells_the_failure_of_a_platform_once() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _entered = runtime.enter();
    let server = TokenServer::start(|_| tencent_error(61004, "requestIP: 203.0.113.9"));
    let sink = "[sinks.x]\ntype = 'ndjson'\noptions.root = 'out'\n";
    let text = format!("name = 'agency'\nlimits.accounts = 1\n{}{}{sink}", shared(&server.url()), accounts(0..30));
    let project = Project::builder().file(&text).simulator(simulator()).build();

    let ended = project.run(&[]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let errors: Vec<&str> = ended.stderr.lines().filter(|line| line.contains("error: ")).collect();
    assert_eq!(errors.len(), 1, "{}", ended.stderr);
    let words = "30 accounts (`brand-00`, `brand-01`, `brand-02` and 27 more): the platform has failed, which stops all accounts of \
                 the token server http://127.0.0.1:";
    assert!(errors[0].contains(words), "{}", errors[0]);
    assert!(
        ended.stderr.contains("hint: add `203.0.113.9` to the IP allow list of the third-party platform"),
        "{ended:?}"
    );
    assert!(ended.stdout.contains("30 accounts: 1 failed, 29 not tried; "), "{}", ended.stdout);
    assert_eq!(server.questions().len(), 1);

    let checked = Ended::of(&mut project.command_with_secrets(&["check", "--connect", "pipeline.toml"]));
    assert_eq!(checked.code, Some(1), "{checked:?}");
    assert_eq!(server.questions().len(), 2, "a check asks once as well");
    assert_eq!(project.api().requests().total(), 0);
}
