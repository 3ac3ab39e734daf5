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
