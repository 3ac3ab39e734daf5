//! What a token server answers: a token, no token, an error of its own, an error of WeChat.

use std::sync::atomic::{AtomicUsize, Ordering};

use fanout::simulator::{Effect, Endpoint, Fault, When};

use super::token_server::{tencent, tencent_error};
use super::*;
use crate::support::Ended;

/// How often the owner of a refused token is asked for another.
const QUESTIONS: usize = 4;

/// Runs one account with a token server that always answers `body`.
async fn answered(body: &str) -> (RunReport, TokenServer, u64) {
    let project = project(simulator());
    let body = body.to_owned();
    let server = TokenServer::start(move |_| body.clone());
    let report = run(&project, &file(1, &(shared(&server.url()) + &accounts([0])))).await;
    (report, server, project.api().requests().total())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_of_the_token_servers_own_is_told_and_not_asked_for_again() {
    for (body, words) in [
        (r#"{"code":1000,"errorMsg":"访问未授权"}"#, "the server answered the error 1000: 访问未授权"),
        (
            r#"{"code":1002,"errorMsg":"系统错误","data":"empty records"}"#,
            "the server answered the error 1002: 系统错误: empty records",
        ),
        (r#"{"code":7,"data":{"token":"hunter2hunter2"}}"#, "the server answered the error 7"),
    ] {
        let (report, server, calls) = answered(body).await;
        let account = of(&report, 0);
        assert_eq!((account.verdict, account.exit.code(), calls), (Verdict::Failed, 1, 0), "{account:#?}");
        says(account, &["no token from the token server http://127.0.0.1:", words, "`error_pointer`"]);
        assert_eq!(server.questions().len(), 1, "the server has answered");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_without_an_error_and_without_a_token_is_asked_for_again() {
    for body in
        [r#"{"code":0,"errorMsg":"OK"}"#, r#"{"code":0,"data":{"token":""}}"#, r#"{"code":0,"data":"none"}"#, "{}"]
    {
        let (report, server, calls) = answered(body).await;
        let account = of(&report, 0);
        assert_eq!((account.verdict, account.exit.code(), calls), (Verdict::Failed, 75, 0), "{account:#?}");
        says(account, &["no token from the token server", "the reply cannot be used", "`token_endpoint`"]);
        assert_eq!(server.questions().len(), 3, "{body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_of_wechat_that_tencents_middleware_passes_on_is_wechats() {
    for (code, exit, questions, hint) in [
        (61003, 1, 1, "authorise it again"),
        (61007, 1, 1, "permission set 2 or 100"),
        (61023, 1, 1, "authorise the platform again"),
        (61004, 1, 1, "add `203.0.113.9` to the IP allow list of the third-party platform (open.weixin.qq.com"),
        (61005, 1, 1, "component_verify_ticket"),
        (45009, 75, 1, "calls for tokens are used up"),
        (-1, 75, 3, "WeChat is busy"),
    ] {
        let (report, server, calls) = answered(&tencent_error(code, "said requestIP: 203.0.113.9")).await;
        let account = of(&report, 0);
        assert_eq!((account.exit.code(), calls), (exit, 0), "{account:#?}");
        says(account, &[&format!("WeChat answered errcode {code}: said requestIP"), hint]);
        assert_eq!(server.questions().len(), questions, "{code}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_token_that_is_handed_out_again_is_told() {
    let project = project(simulator());
    let server = TokenServer::tencent(|_| "stale-stale-stale".to_owned());
    let report = run(&project, &file(1, &(shared(&server.url()) + &accounts(0..2)))).await;
    for number in 0..2 {
        let account = of(&report, number);
        assert_eq!((account.verdict, account.exit.code(), account.calls), (Verdict::Failed, 1, 1));
        says(
            account,
            &["was refused at the first page, and handed out again 4 times: ", "errcode 40001", "keeps one that"],
        );
    }
    assert_eq!(server.questions().len(), 2 * (1 + QUESTIONS), "the other account is tried as well");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_token_that_is_refused_as_well_is_not_called_the_same() {
    let project = project(simulator());
    let count = AtomicUsize::new(0);
    let server = TokenServer::tencent(move |_| format!("stale-stale-{}", count.fetch_add(1, Ordering::Relaxed)));
    let report = run(&project, &file(1, &(shared(&server.url()) + &accounts([0])))).await;
    says(of(&report, 0), &["was refused at the first page: ", "put a valid one there"]);
    assert_eq!(server.questions().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_ends_in_the_middle_of_a_list_is_asked_for_once_more() {
    let project = project(simulator());
    let (good, count) = (tokens_of(&project), AtomicUsize::new(0));
    let renewed = project.api().issue_token("unused");
    let server = TokenServer::tencent(move |app_id| match count.fetch_add(1, Ordering::Relaxed) {
        0 => good(app_id),
        _ => renewed.clone(),
    });
    let text = file(1, &(shared(&server.url()) + &accounts([0])));
    project.api().add_fault(Fault::new(Endpoint::UserGet, When::Page(2), Effect::errcode(42001)).times(1));
    // The second token is another account's, and the simulator then has another list.
    run(&project, &text).await;
    assert_eq!(server.questions(), [app_id(0), app_id(0)]);
}

#[test]
fn no_secret_of_a_token_server_or_of_its_request_is_shown() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _entered = runtime.enter();
    let token = format!("CANARY_{}", "0123456789abcdef".repeat(4));
    let bodies = [
        tencent(&token),
        format!(r#"{{"code":1,"errorMsg":"{token} CANARY-HEADER CANARY-QUERY","data":"CANARY-PATH"}}"#),
        format!(r#"{{"code":"{token}"}}"#),
        tencent_error(61004, &format!("{token} CANARY-HEADER")),
        format!(r#"{{"code":1,"data":"Post \"https://api.weixin.qq.com/x?component_access_token={token}\": EOF"}}"#),
    ];
    for body in bodies {
        let answer = body.clone();
        let server = TokenServer::start(move |question| {
            assert!(question.head.contains("x-key: CANARY-HEADER"), "{}", question.head);
            answer.clone()
        });
        let url = server.url().replace("/inner/", "/CANARY-PATH/") + "&key=CANARY-QUERY";
        let keys = "[source.token_endpoint]\nurl = { env = 'HUB' }\nheader = 'x-key'\nheader_value = { env = 'HUB_KEY' }\n\
                    pointer = '/data/token'\nerror_pointer = '/code'\n";
        let sink = "[sinks.x]\ntype = 'ndjson'\noptions.root = 'out'\n";
        let text = format!("name = 'agency'\nsource.retry.base_ms = 1\n{keys}{}{sink}", accounts(0..3));
        let project = Project::builder().file(&text).simulator(simulator()).secret("HUB", &url);
        let project = project.secret("HUB_KEY", "CANARY-HEADER").build();
        let ended = Ended::of(project.run_command(&["--json"]).env("RUST_LOG", "fanout=trace"));
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(!server.questions().is_empty());
        for shown in [&ended.stdout, &ended.stderr] {
            assert!(!shown.contains("CANARY"), "{body}: {shown}");
        }
        for file in project.files().into_iter().filter(|file| !file.ends_with("pipeline.toml")) {
            assert!(!String::from_utf8_lossy(&std::fs::read(&file).unwrap()).contains("CANARY"), "{file:?}");
        }
    }
}
