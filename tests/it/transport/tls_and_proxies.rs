//! TLS and proxies: which certificates are trusted, and which way a request takes.

use std::net::SocketAddr;

use super::servers::Authority;
use super::*;

/// A simulator behind TLS with a certificate for `host`, whose authority is in `ca.pem`. The system
/// trusts only the authority in `system.pem`, which has signed nothing.
struct Encrypted {
    runtime: Runtime,
    project: Project,
    port: u16,
    connections: Seen,
}

impl Encrypted {
    fn new(host: &str) -> Self {
        let runtime = Runtime::new().unwrap();
        let project = reading(PIPELINE, simulator());
        let authority = Authority::new();
        std::fs::write(project.path("ca.pem"), &authority.pem).unwrap();
        std::fs::write(project.path("system.pem"), Authority::new().pem).unwrap();
        let connections = Seen::default();
        let port = runtime.block_on(servers::tls(&authority, host, project.api().address(), connections.clone()));
        Self { runtime, project, port, connections }
    }

    fn run(&self, settings: &[String], variables: &[(&str, &str)]) -> Ended {
        let base_url = format!("source.base_url=https://localhost:{}", self.port);
        let system = self.project.path("system.pem").display().to_string();
        let variables = [&[("SSL_CERT_FILE", system.as_str())], variables].concat();
        run_with(&self.project, &[&[base_url], settings].concat(), &variables)
    }
}

fn ca_file() -> String {
    "source.ca_file=ca.pem".to_owned()
}

#[test]
fn an_authority_in_the_ca_file_is_trusted() {
    let place = Encrypted::new("localhost");
    published(&place.run(&[ca_file()], &[]), &place.project, &truth(&place.project));
}

#[test]
fn an_authority_that_nobody_knows_is_for_a_person_and_not_tried_again() {
    let place = Encrypted::new("localhost");
    let ended = place.run(&[], &[]);
    failed(&ended, 1, "after 1 try", "name their certificate in `source.ca_file`");
    failed(&ended, 1, "the server's certificate is not trusted: ", "");
    assert_eq!(seen(&place.connections).len(), 1);
    assert_eq!(place.project.api().requests().total(), 0);
}

#[test]
fn a_certificate_of_another_host_is_for_a_person_and_not_tried_again() {
    let place = Encrypted::new("api.example");
    let ended = place.run(&[ca_file()], &[]);
    failed(&ended, 1, "the server's certificate is not trusted: ", "another host: check `source.base_url`");
    assert_eq!(seen(&place.connections).len(), 1);
    assert_eq!(place.project.api().requests().total(), 0);
}

#[test]
fn a_ca_file_that_cannot_be_used_is_found_before_the_first_call() {
    let place = Encrypted::new("localhost");
    let torn = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for (content, problem) in [
        ("", "holds no certificate"),
        ("no PEM", "holds no certificate"),
        (torn, "holds a wrong certificate, number 1"),
    ] {
        std::fs::write(place.project.path("ca.pem"), content).unwrap();
        let ended = place.run(&[ca_file()], &[]);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        let expected = format!("error: pipeline.toml: `source.ca_file`: the file `ca.pem` {problem}");
        assert!(ended.stderr.starts_with(&expected), "{ended:?}");
        assert_eq!(ended.stderr.lines().count(), 1, "{ended:?}");
    }
    assert_eq!(seen(&place.connections).len(), 0);
}

#[test]
fn a_proxy_of_the_pipeline_file_is_used_for_this_machine_too() {
    let place = Encrypted::new("localhost");
    let requests = Seen::default();
    let proxy = place.runtime.block_on(servers::proxy(place.project.api().address(), requests.clone()));
    let proxy = format!("source.proxy=http://127.0.0.1:{proxy}");
    let base_url = place.project.api().base_url();
    let ended = run(&place.project, &[proxy]);
    published(&ended, &place.project, &truth(&place.project));
    let lines = seen(&requests);
    assert_eq!(lines.len() as u64, 2 + CALLS, "{lines:?}");
    assert!(lines[0].starts_with(&format!("POST {base_url}/cgi-bin/stable_token ")), "{lines:?}");
    assert!(lines[1].starts_with(&format!("POST {base_url}/cgi-bin/openapi/quota/get?")), "{lines:?}");
    assert!(lines[2..].iter().all(|line| line.starts_with(&format!("GET {base_url}/cgi-bin/user/get?"))), "{lines:?}");
}

#[test]
fn https_passes_a_proxy_unread() {
    let place = Encrypted::new("localhost");
    let requests = Seen::default();
    let behind = SocketAddr::from(([127, 0, 0, 1], place.port));
    let proxy = place.runtime.block_on(servers::proxy(behind, requests.clone()));
    let ended = place.run(&[ca_file(), format!("source.proxy=http://127.0.0.1:{proxy}")], &[]);
    published(&ended, &place.project, &truth(&place.project));
    assert_eq!(seen(&requests), [format!("CONNECT localhost:{} HTTP/1.1", place.port)]);
}

#[test]
fn a_proxy_of_the_environment_is_used_for_wechat_and_not_for_this_machine() {
    let place = Encrypted::new("api.weixin.qq.com");
    let requests = Seen::default();
    let behind = SocketAddr::from(([127, 0, 0, 1], place.port));
    let proxy = place.runtime.block_on(servers::proxy(behind, requests.clone()));
    let proxy = format!("http://127.0.0.1:{proxy}");
    let variables = ["http_proxy", "https_proxy", "all_proxy", "HTTPS_PROXY", "ALL_PROXY"].map(|name| (name, &*proxy));

    let ended = run_with(&place.project, &[], &variables);
    published(&ended, &place.project, &truth(&place.project));
    assert_eq!(seen(&requests), [""; 0]);

    // The default address. The proxy looks up the name.
    let elsewhere = without_api();
    std::fs::copy(place.project.path("ca.pem"), elsewhere.path("ca.pem")).unwrap();
    let ended = run_with(&elsewhere, &[ca_file()], &variables);
    published(&ended, &elsewhere, &truth(&place.project));
    assert_eq!(seen(&requests), ["CONNECT api.weixin.qq.com:443 HTTP/1.1"]);
}

/// The names of the variables that may name the proxy of an `https` target.
const VARIABLES: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];

/// A user and a password, as they are written in a URL and sent in a header.
const CREDENTIALS: [&str; 2] = ["corp:hunter2", "Y29ycDpodW50ZXIy"];

/// Runs with everything traced, and asserts that no credentials of a proxy are written anywhere.
fn traced(project: &Project, settings: &[String], variables: &[(&str, &str)]) -> Ended {
    let everything = "trace,hyper=trace,hyper_util=trace,reqwest=trace";
    let ended = run_with(project, settings, &[variables, &[("RUST_LOG", everything)]].concat());
    let mut written = ended.stdout.clone() + &ended.stderr;
    for file in project.files() {
        written.push_str(&String::from_utf8_lossy(&std::fs::read(file).unwrap()));
    }
    for text in [&CREDENTIALS[..], &["hunter2"]].concat() {
        assert!(!written.contains(text), "{text}: {ended:?}");
    }
    ended
}

#[test]
fn a_proxy_that_cannot_work_is_named_by_its_variable_and_what_stays_is_not_tried_again() {
    let runtime = Runtime::new().unwrap();
    for (place, (answer, exit, problem, connects)) in [
        ("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", 1, "wants other credentials (HTTP status 407)", 1),
        ("HTTP/1.1 403 Forbidden\r\n\r\n", 1, "does not connect to api.weixin.qq.com:443 (HTTP status 403)", 2),
        ("HTTP/1.1 405 Method Not Allowed\r\n\r\n", 1, "(HTTP status 405)", 2),
        ("HTTP/1.1 502 Bad Gateway\r\n\r\n", 75, "(HTTP status 502)", 6),
        ("HTTP/1.1 503 Service Unavailable\r\n\r\n", 75, "(HTTP status 503)", 6),
        ("HTTP/1.1 429 Too Many Requests\r\n\r\n", 75, "(HTTP status 429)", 6),
        ("SSH-2.0-OpenSSH\r\n\r\n", 75, "does not connect to api.weixin.qq.com:443", 6),
        ("", 75, "cannot be reached: ", 3),
    ]
    .into_iter()
    .enumerate()
    {
        let requests = Seen::default();
        let answered = move |_: &str| vec![(Duration::ZERO, answer.as_bytes().to_vec())];
        let port = runtime.block_on(servers::raw(answered, requests.clone()));
        let name = VARIABLES[place % VARIABLES.len()];
        let ended = traced(&without_api(), &[], &[(name, &format!("http://corp:hunter2@127.0.0.1:{port}"))]);
        let named =
            format!("the proxy http://127.0.0.1:{port} (`{name}`) {}", &problem[..problem.find('(').unwrap_or(0)]);
        failed(&ended, exit, named.trim_end(), &format!("`{name}`"));
        failed(&ended, exit, problem, "");
        failed(&ended, exit, if exit == 1 { "failed after 1 try" } else { "failed after 3 tries" }, "");
        let seen = seen(&requests);
        assert_eq!(seen.len(), connects, "{seen:?}");
        for request in seen {
            assert!(request.starts_with("CONNECT api.weixin.qq.com:443 HTTP/1.1"), "{request}");
            assert!(request.contains(CREDENTIALS[1]), "{request}");
        }
    }
}

#[test]
fn a_proxy_that_is_not_there_may_come_back_and_one_whose_name_cannot_be_does_not() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let ended = traced(&without_api(), &[], &[("HTTPS_PROXY", &format!("http://corp:hunter2@127.0.0.1:{port}"))]);
    failed(
        &ended,
        75,
        &format!("the proxy http://127.0.0.1:{port} (`HTTPS_PROXY`) cannot be reached: "),
        "check `HTTPS_PROXY`",
    );
    failed(&ended, 75, "failed after 3 tries", "");
    // No label of a name is that long, so no server has to be asked.
    let name = format!("{}.invalid", "x".repeat(64));
    let ended = traced(&without_api(), &[], &[("ALL_PROXY", &format!("http://corp:hunter2@{name}:3128"))]);
    failed(&ended, 1, &format!("the proxy http://{name}:3128 (`ALL_PROXY`) cannot be reached: "), "check `ALL_PROXY`");
    failed(&ended, 1, "failed after 1 try", "");
}

#[test]
fn a_proxy_that_cannot_be_used_is_a_wrong_setting_before_the_first_call() {
    for (value, problem) in [
        ("socks5://corp:hunter2@127.0.0.1:1", "a SOCKS proxy (`socks5://`), which is not built in"),
        ("socks5h://127.0.0.1:1", "a SOCKS proxy (`socks5h://`)"),
        ("http://corp:hunter2@", "a proxy that is no URL"),
        ("http://127.0.0.1:port", "a proxy that is no URL"),
        ("http://corp/hunter2@127.0.0.1:1", "a proxy with more behind its host"),
        ("http://127.0.0.1:1/proxy.pac", "a proxy with more behind its host"),
        ("ftp://127.0.0.1:1", "a proxy of the unknown kind `ftp://`"),
    ] {
        for name in VARIABLES {
            let ended = traced(&without_api(), &[], &[(name, value)]);
            assert_eq!(ended.code, Some(2), "{ended:?}");
            let error = format!("`source.proxy`: the environment variable `{name}` names {problem}");
            assert!(ended.stderr.contains(&error) && !ended.stderr.contains("hunt"), "{ended:?}");
            // A command that makes no call needs no proxy.
            let project = without_api();
            let mut status = project.command(&["status", "pipeline.toml"]);
            assert_eq!(Ended::of(status.env(name, value)).code, Some(0));
        }
    }
}

#[test]
fn a_proxy_of_the_pipeline_file_that_wants_a_password_says_where_it_goes() {
    let runtime = Runtime::new().unwrap();
    let refuse = |_: &str| vec![(Duration::ZERO, b"HTTP/1.1 407 No\r\ncontent-length: 0\r\n\r\n".to_vec())];
    // Through a tunnel, and without one.
    for base_url in ["https://api.weixin.qq.com", "http://127.0.0.1:1"] {
        let requests = Seen::default();
        let port = runtime.block_on(servers::raw(refuse, requests.clone()));
        let settings = [format!("source.proxy=http://127.0.0.1:{port}"), format!("source.base_url={base_url}")];
        let ended = run(&without_api(), &settings);
        let error =
            format!("the proxy http://127.0.0.1:{port} (`source.proxy`) wants other credentials (HTTP status 407)");
        failed(&ended, 1, &error, "`source.proxy` takes no password: leave it out, and name the proxy");
        assert_eq!(seen(&requests).len(), 1);
    }
}

#[test]
fn a_host_of_no_proxy_is_reached_without_the_proxy() {
    let place = Encrypted::new("localhost");
    let requests = Seen::default();
    let behind = SocketAddr::from(([127, 0, 0, 1], place.port));
    let proxy = place.runtime.block_on(servers::proxy(behind, requests.clone()));
    let proxy = format!("http://127.0.0.1:{proxy}");
    let base_url = ["source.base_url=https://nowhere.invalid:1".to_owned(), "source.retry.attempts=1".to_owned()];
    for name in ["NO_PROXY", "no_proxy"] {
        let variables = [("HTTPS_PROXY", proxy.as_str()), (name, "example.com,.invalid")];
        let ended = run_with(&without_api(), &base_url, &variables);
        failed(&ended, 75, "the connection failed: ", "check the network and `source.base_url`");
        assert_eq!(seen(&requests), [""; 0]);
    }
    // A proxy that cannot be used is not used either.
    let variables = [("HTTPS_PROXY", "socks5://127.0.0.1:1"), ("NO_PROXY", "*")];
    failed(&run_with(&without_api(), &base_url, &variables), 75, "the connection failed: ", "");
}

#[test]
fn the_proxy_of_a_token_server_is_named_as_well() {
    let runtime = Runtime::new().unwrap();
    let refuse = |_: &str| vec![(Duration::ZERO, b"HTTP/1.1 407 No\r\n\r\n".to_vec())];
    let port = runtime.block_on(servers::raw(refuse, Seen::default()));
    let server = "token_endpoint = { url = \"https://tokens.invalid/token\" }";
    let project = reading(&PIPELINE.replace("secret = { env = \"TEST_SECRET\" }", server), simulator());
    let proxy = format!("http://corp:hunter2@127.0.0.1:{port}");
    let ended = traced(&project, &[], &[("https_proxy", &proxy)]);
    failed(
        &ended,
        1,
        "no token from the token server https://tokens.invalid: ",
        "check the user and the password in `https_proxy`",
    );
    failed(&ended, 1, "(`https_proxy`) wants other credentials (HTTP status 407)", "");
    let ended = traced(&project, &[], &[("https_proxy", "socks5://corp:hunter2@127.0.0.1:1")]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    let error = "`accounts[0].token_endpoint.url`: the environment variable `https_proxy` names a SOCKS proxy";
    assert!(ended.stderr.contains(error), "{ended:?}");
    assert_eq!(project.api().requests().total(), 0);
}
