//! A connection that leaves the machine is encrypted, and the server's certificate is verified.

use std::fs::{Permissions, write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use fanout_sink::SinkFactory;
use fanout_sink_postgres::{PostgresFactory, PostgresOptions, Tls};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

use crate::server::{Server, bin};
use crate::support::LIST;

/// Makes an authority that only its certificate in a `ca_file` makes trusted.
fn authority() -> (String, Issuer<'static, KeyPair>) {
    let mut parameters = CertificateParams::new([]).unwrap();
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    (parameters.self_signed(&key).unwrap().pem(), Issuer::new(parameters, key))
}

/// Writes a file that only the server's user can read.
fn write_private(server: &Server, name: &str, content: &str) {
    let path = server.folder().join(name);
    write(&path, content).unwrap();
    std::fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    server.give(&path);
}

#[tokio::test]
async fn a_server_is_trusted_by_its_certificate_only() {
    let Some(bin) = bin("a_server_is_trusted_by_its_certificate_only") else { return };
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let server = Server::start(bin, Some(port));
    let options = |host: &str, ca_file: Option<&Path>| PostgresOptions {
        tls: Some(Tls::Verify),
        ca_file: ca_file.map(Path::to_owned),
        ..PostgresOptions::new(format!("postgres://postgres@{host}:{port}/postgres"), "t")
    };
    let ca_file = server.folder().join("ca.pem");
    let (pem, issuer) = authority();
    write(&ca_file, pem).unwrap();
    let check = async |options: &PostgresOptions| PostgresFactory.check(options, &LIST.context()).await;

    let error = check(&options("localhost", Some(&ca_file))).await.unwrap_err();
    assert!(format!("{error:?}").contains("TLS"), "a server without TLS is refused: {error:?}");

    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(["localhost".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    write_private(&server, "data/server.crt", &certificate.pem());
    write_private(&server, "data/server.key", &key.serialize_pem());
    server.sql("ALTER SYSTEM SET ssl = on");
    server.sql("SELECT pg_reload_conf()");
    while check(&options("localhost", Some(&ca_file))).await.is_err() {
        assert_eq!(server.sql("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'fanout'"), "0");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    LIST.deliver(&options("localhost", Some(&ca_file))).await.unwrap();

    for (wrong, why) in
        [(options("localhost", None), "UnknownIssuer"), (options("127.0.0.1", Some(&ca_file)), "NotValidForName")]
    {
        let error = check(&wrong).await.unwrap_err();
        assert!(!error.is_temporary() && format!("{error:?}").contains(why), "{why}: {error:?}");
        assert_eq!(error.hint(), Some("see the options `url`, `tls` and `ca_file`"));
    }
}
