//! The certificates that are trusted.

use std::path::Path;
use std::sync::Arc;

use fanout_sink::SinkError;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::options::PostgresOptions;

/// Makes the connector of an encrypted connection. It verifies the server's certificate and name.
pub(crate) fn connector(options: &PostgresOptions, directory: &Path) -> Result<MakeRustlsConnect, SinkError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring has a cipher for every protocol version")
        .with_root_certificates(roots(options, directory)?)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

fn roots(options: &PostgresOptions, directory: &Path) -> Result<RootCertStore, SinkError> {
    let mut roots = RootCertStore::empty();
    match &options.ca_file {
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
        Some(path) => {
            let path = directory.join(path);
            let wrong = |error| {
                let message = format!("found no certificates (PEM) in `{}`", path.display());
                SinkError::option("ca_file", message).with_source(error)
            };
            for certificate in CertificateDer::pem_file_iter(&path).map_err(wrong)? {
                roots.add_parsable_certificates([certificate.map_err(wrong)?]);
            }
        }
    }
    if roots.is_empty() {
        let message = "there is no certificate to trust, neither on this machine nor in `ca_file`";
        return Err(SinkError::option("ca_file", message).with_hint("name a file with certificates in PEM"));
    }
    Ok(roots)
}
