//! Brokers that refuse the connection, and brokers that do not answer: the reason, and how often
//! they are asked.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection};

use crate::support::{Ended, Project, broker, variable};

const ACCOUNTS: usize = 5;

fn assert_refused(ended: &Ended, project: &Project, reason: &str) {
    assert_eq!(ended.code, Some(1), "{ended:?}");
    for text in ["the connection to `127.0.0.1:", "is refused", reason, "see that `sasl` and `tls` are right"] {
        assert!(ended.stderr.contains(text), "`{text}` is not in {}", ended.stderr);
    }
    assert!(project.walk().is_none(), "a walk was begun");
}

/// Serves every connection in a thread of its own, and returns the address.
fn serve(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let serve = Arc::new(serve);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let serve = Arc::clone(&serve);
            std::thread::spawn(move || serve(stream));
        }
    });
    address
}

/// Speaks Kafka's protocol as far as the login, and refuses every password.
fn refuse_logins(mut stream: TcpStream, logins: &AtomicUsize) {
    const SASL_HANDSHAKE: i16 = 17;
    const API_VERSIONS: i16 = 18;
    const SASL_AUTHENTICATE: i16 = 36;
    const SASL_AUTHENTICATION_FAILED: i16 = 58;
    let mut size = [0; 4];
    while stream.read_exact(&mut size).is_ok() {
        let mut request = vec![0; u32::from_be_bytes(size) as usize];
        stream.read_exact(&mut request).unwrap();
        let mut response = request[4..8].to_vec(); // The correlation id.
        match i16::from_be_bytes([request[0], request[1]]) {
            API_VERSIONS => {
                // Version 3: no error, three kinds of requests with their versions, no throttling.
                response.extend([0, 0, 4]);
                for (request, newest) in [(SASL_HANDSHAKE, 1), (API_VERSIONS, 3), (SASL_AUTHENTICATE, 0)] {
                    response.extend([request, 0, newest].iter().flat_map(|number: &i16| number.to_be_bytes()));
                    response.push(0);
                }
                response.extend([0; 5]);
            }
            SASL_HANDSHAKE => {
                response.extend([0, 0, 0, 0, 0, 1, 0, 5]);
                response.extend(b"PLAIN");
            }
            SASL_AUTHENTICATE => {
                logins.fetch_add(1, Ordering::Relaxed);
                let reason = b"Authentication failed: Invalid username or password";
                response.extend(SASL_AUTHENTICATION_FAILED.to_be_bytes());
                response.extend((reason.len() as i16).to_be_bytes());
                response.extend(reason);
                response.extend([0; 4]);
            }
            other => panic!("request {other} came before the login"),
        }
        stream.write_all(&(response.len() as u32).to_be_bytes()).unwrap();
        stream.write_all(&response).unwrap();
    }
}

#[test]
fn a_password_that_the_brokers_refuse_is_an_error_for_a_person_with_their_reason() {
    let logins = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&logins);
    let address = serve(move |stream| refuse_logins(stream, &counted));
    // Every variable is a password to the fake broker; it only has to be there.
    let options = "sasl = { mechanism = 'PLAIN', username = 'fanout', password = { env = 'PATH' } }";
    let project = Project::new(&address, "password", 10, options);
    let began = Instant::now();
    let ended = project.run(&[]);
    assert_refused(&ended, &project, "Authentication failed: Invalid username or password");
    assert!(!ended.stderr.contains(&variable("PATH").unwrap()), "{ended:?}");
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}: it was tried on", began.elapsed());
    let logins = logins.load(Ordering::Relaxed);
    assert!((1..=3).contains(&logins), "{logins} logins: more may lock the user out");
}

/// Serves TLS, and returns the address.
fn serve_tls() -> String {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().self_signed(&key).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let chain = vec![CertificateDer::from(certificate.der().to_vec())];
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = Arc::new(builder.with_no_client_auth().with_single_cert(chain, key).unwrap());
    serve(move |mut stream| {
        let mut connection = ServerConnection::new(Arc::clone(&config)).unwrap();
        // The client ends the handshake.
        while connection.is_handshaking() && connection.complete_io(&mut stream).is_ok() {}
    })
}

#[test]
fn a_certificate_of_another_authority_is_an_error_for_a_person_with_its_reason() {
    let address = serve_tls();
    let key = KeyPair::generate().unwrap();
    let other = CertificateParams::new(vec!["other".to_owned()]).unwrap().self_signed(&key).unwrap();
    let project = Project::new(&address, "authority", 10, "tls = { ca_file = 'ca.pem' }");
    std::fs::write(project.path("ca.pem"), other.pem()).unwrap();
    assert_refused(&project.run(&[]), &project, "certificate verify failed");
}

/// Asserts that a run may be tried again: the connection ends in a handshake, which may have
/// another cause.
fn assert_told(ended: &Ended, hint: &str) {
    assert_eq!(ended.code, Some(75), "{ended:?}");
    assert!(ended.stderr.contains(hint), "{ended:?}");
}

#[test]
fn a_client_that_wants_encryption_where_there_is_none_is_told_so() {
    let project = Project::new(&broker(), "plaintext", 10, "tls = {}");
    assert_told(&project.run(&[]), "with `tls` they must speak TLS at this address");
}

#[test]
fn a_client_without_encryption_where_it_is_wanted_is_told_so() {
    let project = Project::new(&serve_tls(), "encrypted", 10, "");
    assert_told(&project.run(&[]), "without `tls` they must speak no TLS at this address");
}

#[test]
fn brokers_that_cannot_be_reached_are_asked_once_a_run() {
    let project = Project::new("127.0.0.1:1", "unreached", 10, "");
    let mut text = std::fs::read_to_string(project.path("pipeline.toml")).unwrap();
    let (name, sinks) = (text.lines().next().unwrap().to_owned(), text.split_off(text.find("[sinks").unwrap()));
    let account = |account| {
        let id = format!("wx{account:016x}");
        format!("[[accounts]]\nname = 'a{account}'\napp_id = '{id}'\nsecret = {{ env = 'A_SECRET' }}\n")
    };
    let accounts: String = (0..ACCOUNTS).map(account).collect();
    let text = format!("{name}\n[source]\nbase_url = 'http://127.0.0.1:1'\n{accounts}");
    std::fs::write(project.path("pipeline.toml"), text + &sinks).unwrap();
    let began = Instant::now();
    let mut command = project.command(&[]);
    let output = command.env("A_SECRET", "0123456789abcdef0123456789abcdef").output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(75), "{stderr}");
    assert!(stderr.contains("Connection refused"), "{stderr}");
    // Once is ten seconds.
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}: {stderr}", began.elapsed());
}
