//! The token providers, with good tokens and with tokens that WeChat refuses.
//!
//! The simulator's classic endpoint stands in for a central token server: it hands out a token as
//! JSON.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use fanout::simulator::{RequestCounts, SimulatorHandle};

use super::*;
use crate::engine::APP_ID;

const SECRET: &str = "secret = { env = 'TEST_SECRET' }";

/// What a test does between two calls is done within this time, also on a busy machine.
const TIME_TO_WRITE: Duration = Duration::from_millis(1_500);

/// A token provider, and the project that it is used in.
struct Provider {
    project: Project,
    keys: String,
}

impl Provider {
    fn new(keys: &str) -> Self {
        let project = one_account(Simulator::builder().followers(FOLLOWERS).page_size(PAGE_SIZE));
        Self { project, keys: keys.to_owned() }
    }

    /// A token server, asked for `path`.
    fn server(path: &str, more: &str) -> Self {
        let mut provider = Self::new("");
        let base_url = provider.project.api().base_url();
        provider.keys = format!("token_endpoint = {{ url = '{base_url}{path}'{more} }}");
        provider
    }

    /// A program in the folder of the pipeline file; `TOKEN` in its text is a good token.
    fn command(script: &str, more: &str) -> Self {
        let provider = Self::new(&format!("token_command = {{ command = ['./token.sh', 'an argument']{more} }}"));
        let token = provider.project.api().issue_token(APP_ID);
        let path = provider.project.path("token.sh");
        std::fs::write(&path, format!("#!/bin/sh\n{}\n", script.replace("TOKEN", &token))).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
        provider
    }

    /// A file with this content.
    fn file(content: impl Fn(&SimulatorHandle) -> String) -> Self {
        let provider = Self::new("token = { file = 'token' }");
        std::fs::write(provider.project.path("token"), content(provider.project.api())).unwrap();
        provider
    }

    fn fault(self, endpoint: Endpoint, when: When, effect: Effect) -> Self {
        self.project.api().add_fault(Fault::new(endpoint, when, effect));
        self
    }

    async fn run(&self) -> AccountReport {
        let text = self.project.file().replace(SECRET, &self.keys) + ONE_SINK;
        let report = self.project.engine_run_set(&text, &[], RunOptions::default()).await.unwrap();
        report.accounts.into_iter().next().unwrap()
    }

    /// Runs to the exact list, and asserts the number of calls.
    async fn publishes(self, expected: RequestCounts) {
        exact(&self.project, &self.run().await);
        assert_eq!(self.project.api().requests(), RequestCounts { quota: 1, ..expected });
    }

    /// Runs to an error, and asserts that no token was renewed.
    async fn fails(&self, exit: u8, calls: u64, words: &[&str]) {
        failed(&self.project, &self.run().await, exit, words);
        assert_eq!(self.project.calls(), calls);
        assert_eq!(self.project.api().requests().stable_token, 0);
    }
}

/// The calls of a list, with none for a token.
fn pages_only(user_get: u64) -> RequestCounts {
    RequestCounts { user_get, ..RequestCounts::default() }
}

/// The calls of a list, and those to a token server.
fn and_token(user_get: u64, token: u64) -> RequestCounts {
    RequestCounts { token, ..pages_only(user_get) }
}

/// How often the owner of a refused token is asked for another.
const QUESTIONS: u64 = 4;

const TOKEN_SERVER: &str = "/cgi-bin/token?grant_type=client_credential&appid=wx0000000000000001&secret=hunter2";

#[tokio::test(flavor = "multi_thread")]
async fn a_classic_token_is_fetched_once_for_a_walk() {
    let classic = Provider::new(&format!("{SECRET}\nclassic_token = true"));
    classic.publishes(and_token(CALLS, 1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_classic_token_that_expires_is_renewed() {
    let classic = Provider::new(&format!("{SECRET}\nclassic_token = true"));
    let classic = classic.fault(Endpoint::UserGet, When::Call(3), Effect::ExpireToken);
    classic.publishes(and_token(CALLS + 1, 2)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_classic_token_and_a_wrong_secret() {
    let classic = Provider::new(&format!("{SECRET}\nclassic_token = true"));
    let classic = classic.fault(Endpoint::Token, When::Always, Effect::errcode(40125));
    classic.fails(1, 0, &["the call for a token failed after 1 try", "errcode 40125"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_variable_with_a_good_token() {
    Provider::new("token = { env = 'TOKEN' }").publishes(pages_only(CALLS)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_variable_with_a_stale_token() {
    let words = ["the token from the environment variable `STALE` was refused", "does not renew a token"];
    Provider::new("token = { env = 'STALE' }").fails(1, 1, &words).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_with_a_good_token() {
    Provider::file(|simulator| simulator.issue_token(APP_ID) + "\n").publishes(pages_only(CALLS)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_with_a_stale_token() {
    Provider::file(|_| "stale".to_owned()).fails(1, 1, &["the token from the file token was refused"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_replaced_before_its_token_ends_costs_no_call() {
    let provider = Provider::file(|simulator| simulator.issue_token(APP_ID));
    let simulator = &provider.project.api();
    simulator.add_fault(Fault::new(Endpoint::UserGet, When::Page(3), Effect::Delay(TIME_TO_WRITE)));
    let renewing = async {
        while provider.project.calls() < 3 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        // The call for page 3 is under way; its token was checked before.
        simulator.expire_tokens(APP_ID);
        std::fs::write(provider.project.path("token"), simulator.issue_token(APP_ID)).unwrap();
    };
    let (report, ()) = tokio::join!(provider.run(), renewing);
    exact(&provider.project, &report);
    assert_eq!(provider.project.calls(), CALLS);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_replaced_a_moment_after_its_token_was_refused() {
    let provider = Provider::file(|_| "stale".to_owned());
    let simulator = &provider.project.api();
    let renewing = async {
        while provider.project.calls() < 1 {
            tokio::task::yield_now().await;
        }
        std::fs::write(provider.project.path("token"), simulator.issue_token(APP_ID)).unwrap();
    };
    // Pauses between the tries that are long enough to write a file.
    let text = provider.project.file().replace(SECRET, &provider.keys) + ONE_SINK;
    let pause = TIME_TO_WRITE.as_millis();
    let set = [format!("source.retry.base_ms={pause}"), format!("source.retry.max_ms={pause}")];
    let (report, ()) = tokio::join!(provider.project.engine_run_set(&text, &set, RunOptions::default()), renewing);
    exact(&provider.project, &report.unwrap().accounts[0]);
    assert_eq!(provider.project.calls(), CALLS + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_vanishes_while_its_token_is_good() {
    let provider = Provider::file(|simulator| simulator.issue_token(APP_ID));
    provider.project.api().add_fault(Fault::new(Endpoint::UserGet, When::Page(1), Effect::Delay(TIME_TO_WRITE)));
    let removing = async {
        while provider.project.calls() < 1 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        std::fs::remove_file(provider.project.path("token")).unwrap();
    };
    let (report, ()) = tokio::join!(provider.run(), removing);
    exact(&provider.project, &report);
    assert_eq!(provider.project.calls(), CALLS);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_server_with_a_good_token() {
    Provider::server(TOKEN_SERVER, "").publishes(and_token(CALLS, 1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_server_that_wants_a_header() {
    let more = ", header = 'authorization', header_value = { env = 'TEST_SECRET' }, pointer = '/access_token'";
    Provider::server(TOKEN_SERVER, more).publishes(and_token(CALLS, 1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_server_that_has_another_token_when_one_was_refused() {
    let server = Provider::server(TOKEN_SERVER, "");
    server.fault(Endpoint::UserGet, When::Call(3), Effect::ExpireToken).publishes(and_token(CALLS + 1, 2)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_server_that_keeps_a_stale_token() {
    let server = Provider::server(TOKEN_SERVER, "");
    let server = server.fault(Endpoint::Token, When::Always, Effect::body(r#"{"access_token":"hunter2hunter2"}"#));
    let words = ["the token from the token server http://127.0.0.1:", "was refused", "errcode 40001"];
    let simulator = server.project.api().base_url();
    failed(&server.project, &server.run().await, 1, &words);
    let requests = server.project.api().requests();
    assert_eq!((requests.token, requests.user_get), (1 + QUESTIONS, 1), "{simulator}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_server_that_stumbles() {
    for effect in [Effect::status(500), Effect::Reset, Effect::html(200), Effect::body("{}")] {
        let server = Provider::server(TOKEN_SERVER, "");
        server.fault(Endpoint::Token, When::Call(1), effect).publishes(and_token(CALLS, 2)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_server_that_refuses() {
    let server = Provider::server(TOKEN_SERVER, "").fault(Endpoint::Token, When::Always, Effect::status(403));
    let words = ["no token from the token server http://127.0.0.1:", "HTTP status 403", "`token_endpoint`"];
    server.fails(1, 0, &words).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_server_that_redirects() {
    let server = Provider::server(TOKEN_SERVER, "");
    let server = server.fault(Endpoint::Token, When::Always, Effect::redirect("http://127.0.0.1:9/"));
    server.fails(1, 0, &["no token from the token server", "redirect"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_server_with_nothing_at_the_pointer() {
    let server = Provider::server(TOKEN_SERVER, ", pointer = '/data/token'");
    server.fails(75, 0, &["no token from the token server", "it has no text at `/data/token`"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_server_that_answers_in_plain_text() {
    for form in ["TOKEN", " TOKEN\r\n", "\u{feff}TOKEN", "\"TOKEN\""] {
        let server = Provider::server(TOKEN_SERVER, "");
        let token = server.project.api().issue_token(APP_ID);
        let body = Effect::body(form.replace("TOKEN", &token));
        server.fault(Endpoint::Token, When::Always, body).publishes(and_token(CALLS, 1)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_server_whose_answer_is_no_token_sends_nothing_to_wechat() {
    for (body, problem) in [
        ("NOAUTH Authentication required.", "it is not JSON, and as plain text has a blank, as character 7 of 31"),
        ("<html>", "it is not JSON, and as plain text has `<`"),
        ("null", "it has no text at `/access_token`"),
        (r#"{"access_token":null}"#, "it has no text at `/access_token`"),
        (r#"{"access_token":"(nil)"}"#, "it has `(`, as character 1 of 5"),
        (r#"{"access_token":"a token"}"#, "it has a blank, as character 2 of 7"),
        (r#"{"access_token":""}"#, "it is empty"),
    ] {
        let server = Provider::server(TOKEN_SERVER, "").fault(Endpoint::Token, When::Always, Effect::body(body));
        server.fails(75, 0, &["no token from the token server http://127.0.0.1:", problem, "`token_endpoint`"]).await;
    }
}

/// What a person must do about each error that a token server or a command passes on, and the exit
/// code.
const RELAYED: [(&str, u8, &str); 6] = [
    (r#"{"errcode":40164,"errmsg":"invalid ip 203.0.113.9"}"#, 1, "add `203.0.113.9` to the IP allow list"),
    (r#"{"errcode":"40164","errmsg":"invalid ip 203.0.113.9"}"#, 1, "add `203.0.113.9` to the IP allow list"),
    (r#"{"errcode":40013.0}"#, 1, "check `app_id` and the secret"),
    (r#"{"errcode":40001,"errmsg":"invalid credential"}"#, 1, "the secret is wrong"),
    (r#"{"errcode":-1,"errmsg":"system error"}"#, 75, "WeChat is busy"),
    (r#"{"errcode":45009,"errmsg":"reach max api daily quota limit"}"#, 75, "in Beijing"),
];

#[tokio::test(flavor = "multi_thread")]
async fn an_error_that_another_program_passes_on_is_wechats() {
    for (body, exit, hint) in RELAYED {
        let code = body.split(&[':', ',', '}'][..]).nth(1).unwrap().trim_matches('"').trim_end_matches(".0");
        let code = format!("WeChat answered errcode {code}");
        for (pointer, body) in [("", body.to_owned()), (", pointer = '/data/token'", format!("{{\"data\":{body}}}"))] {
            let server = Provider::server(TOKEN_SERVER, pointer);
            let server = server.fault(Endpoint::Token, When::Always, Effect::body(body.clone()));
            server.fails(exit, 0, &["no token from the token server", &code, hint]).await;
            let command = Provider::command(&format!("echo '{body}'"), pointer);
            command.fails(exit, 0, &["no token from the command `", &code, hint]).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_numbers_form_does_not_change_what_is_done_about_it() {
    for form in ["40013", "\"40013\"", "40013.0", "\"40013.0\""] {
        let body = Effect::body(format!("{{\"errcode\":{form},\"errmsg\":\"invalid appid\"}}"));
        for (keys, endpoint, calls) in [
            (SECRET.to_owned(), Endpoint::StableToken, 0),
            (format!("{SECRET}\nclassic_token = true"), Endpoint::Token, 0),
            (SECRET.to_owned(), Endpoint::UserGet, 1),
        ] {
            let provider = Provider::new(&keys).fault(endpoint, When::Always, body.clone());
            let words = ["failed after 1 try", "errcode 40013: invalid appid", "check `app_id`"];
            failed(&provider.project, &provider.run().await, 1, &words);
            assert_eq!(provider.project.calls(), calls, "{form}, {endpoint:?}");
        }
        let provider = Provider::new(SECRET).fault(Endpoint::Quota, When::Always, body);
        exact(&provider.project, &provider.run().await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_with_a_good_token() {
    let command = Provider::command("[ \"$1\" = 'an argument' ] && echo ' TOKEN '", "");
    command.publishes(pages_only(CALLS)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_writes_json() {
    let command = Provider::command("echo '{\"data\":[\"TOKEN\"]}'", ", pointer = '/data/0'");
    command.publishes(pages_only(CALLS)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_has_a_good_token_at_the_second_time() {
    let command = Provider::command("[ -e asked ] && echo TOKEN || { touch asked; echo stale; }", "");
    command.publishes(pages_only(CALLS + 1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_keeps_a_stale_token() {
    let command = Provider::command("echo >>asked; echo stale", "");
    let asked = command.project.path("asked");
    failed(&command.project, &command.run().await, 1, &["the token from the command `", "token.sh` was refused"]);
    assert_eq!(std::fs::read_to_string(asked).unwrap().lines().count() as u64, 1 + QUESTIONS);
    assert_eq!(command.project.calls(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_fails() {
    let hint = "run the program by hand";
    for (script, more, problem) in [
        ("echo TOKEN; exit 3", "", "it ended with exit status: 3"),
        ("sleep 60", ", timeout_secs = 1", "it did not end within 1s"),
        ("echo TOKEN; echo more", "", "what it wrote has a line end, as character "),
        ("true", "", "what it wrote is empty"),
        ("yes TOKEN", "", "it wrote more than 65536 bytes"),
        ("echo TOKEN", ", pointer = '/a'", "what it wrote is not JSON, line 1"),
        (
            "echo NOAUTH Authentication required.",
            "",
            "what it wrote has a blank, as character 7 of 31; expected an access token",
        ),
        ("echo '(nil)'", "", "what it wrote has `(`, as character 1 of 5"),
        ("echo null", "", "what it wrote is a word that says that there is none"),
        ("printf 'T\\357\\273\\277T'", "", "what it wrote has an invisible character (U+FEFF), as character 2 of 3"),
        ("printf 'T\\377'", "", "what it wrote is no text, but 2 bytes"),
        ("echo /run/token", "", "what it wrote has `/`"),
        (
            "echo '{\"access_token\":\"TOKEN\"}'",
            "",
            "what it wrote is JSON, expected the token alone; for JSON set `pointer`",
        ),
        ("kill -9 $$", "", "it ended with signal: 9"),
    ] {
        Provider::command(script, more).fails(1, 0, &["no token from the command `", problem, hint]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_is_not_there() {
    let command = Provider::new("token_command = { command = ['./missing.sh'] }");
    command.fails(1, 0, &["missing.sh`: it cannot be run (No such file or directory"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_shell_looks_at_a_command() {
    let command = Provider::new("token_command = { command = ['echo', '$(touch hurt)', ';', 'touch', 'hurt'] }");
    // What it wrote is `$(touch hurt) ; touch hurt`.
    command.fails(1, 0, &["no token from the command `echo`: what it wrote has `$`, as character 1 of 26"]).await;
    assert!(!command.project.path("hurt").exists());
}
