//! Servers on loopback that are not the simulator: a TLS terminator in front of it, a proxy, and
//! one that sends the bytes it is told to.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// A certificate authority that is trusted only through `ca_file`.
pub(super) struct Authority {
    /// Its own certificate.
    pub(super) pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub(super) fn new() -> Self {
        let mut parameters = CertificateParams::new([]).unwrap();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.key_usages.push(KeyUsagePurpose::KeyCertSign);
        let key = KeyPair::generate().unwrap();
        let pem = parameters.self_signed(&key).unwrap().pem();
        Self { pem, issuer: Issuer::new(parameters, key) }
    }

    /// Returns the acceptor of a server with a certificate for `host`.
    fn server(&self, host: &str) -> TlsAcceptor {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new([host.to_owned()]).unwrap().signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }
}

/// Serves with one task for each connection, as long as the runtime lives, and returns the port.
async fn serve<Served>(connection: impl Fn(TcpStream) -> Served + Send + 'static) -> u16
where
    Served: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(connection(stream));
        }
    });
    port
}

/// What a server has seen, for the test to look at.
pub(super) type Seen = Arc<Mutex<Vec<String>>>;

/// Serves TLS as `host` in front of `behind`; notes every connection, also one that ends with the
/// handshake.
pub(super) async fn tls(authority: &Authority, host: &str, behind: SocketAddr, seen: Seen) -> u16 {
    let acceptor = authority.server(host);
    serve(move |stream| {
        let (acceptor, seen) = (acceptor.clone(), Arc::clone(&seen));
        async move {
            seen.lock().unwrap().push("connection".to_owned());
            // A client that does not trust the certificate ends here; the tests look at its error.
            if let Ok(mut stream) = acceptor.accept(stream).await {
                let mut behind = TcpStream::connect(behind).await.unwrap();
                let _ = copy_bidirectional(&mut stream, &mut behind).await;
            }
        }
    })
    .await
}

/// Serves as an HTTP proxy that leads everything to `behind`, and notes the first line of every
/// request.
pub(super) async fn proxy(behind: SocketAddr, seen: Seen) -> u16 {
    serve(move |stream| {
        let seen = Arc::clone(&seen);
        async move {
            let mut client = BufReader::new(stream);
            let Some(head) = read_head(&mut client).await else { return };
            let line = head.lines().next().unwrap_or_default().to_owned();
            let mut behind = TcpStream::connect(behind).await.unwrap();
            if line.starts_with("CONNECT ") {
                client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
            } else {
                // One request a connection: a second one would not be noted. The simulator takes an
                // absolute URI.
                let head = head.replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n");
                behind.write_all(head.as_bytes()).await.unwrap();
            }
            seen.lock().unwrap().push(line);
            let _ = copy_bidirectional(&mut client, &mut behind).await;
        }
    })
    .await
}

/// Serves as a gateway that leads what is below `path` to `behind`, and notes the first line of
/// every request. Everything else is not found.
pub(super) async fn gateway(path: &'static str, behind: SocketAddr, seen: Seen) -> u16 {
    serve(move |stream| {
        let seen = Arc::clone(&seen);
        async move {
            let mut client = BufReader::new(stream);
            let Some(head) = read_head(&mut client).await else { return };
            seen.lock().unwrap().push(head.lines().next().unwrap_or_default().to_owned());
            let (method, rest) = head.split_once(' ').unwrap();
            let Some(rest) = rest.strip_prefix(path) else {
                let _ = client.write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n").await;
                return;
            };
            let mut behind = TcpStream::connect(behind).await.unwrap();
            let head = format!("{method} {rest}").replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n");
            behind.write_all(head.as_bytes()).await.unwrap();
            let _ = copy_bidirectional(&mut client, &mut behind).await;
        }
    })
    .await
}

/// A piece of what a server sends: these bytes, after this pause.
pub(super) type Piece = (Duration, Vec<u8>);

/// Serves by noting every request, head and body, and sending the pieces that `answer` makes of it;
/// then it closes.
pub(super) async fn raw(answer: impl Fn(&str) -> Vec<Piece> + Send + Sync + 'static, seen: Seen) -> u16 {
    let answer = Arc::new(answer);
    serve(move |stream| {
        let (answer, seen) = (Arc::clone(&answer), Arc::clone(&seen));
        async move {
            let mut client = BufReader::new(stream);
            let Some(mut request) = read_head(&mut client).await else { return };
            let mut body = vec![0; content_length(&request)];
            client.read_exact(&mut body).await.unwrap();
            request.push_str(std::str::from_utf8(&body).unwrap());
            let pieces = answer(&request);
            seen.lock().unwrap().push(request);
            for (pause, bytes) in pieces {
                tokio::time::sleep(pause).await;
                // A client may close the connection before the end.
                if client.write_all(&bytes).await.is_err() {
                    return;
                }
            }
        }
    })
    .await
}

/// Reads a head with the empty line behind it; `None` if the client has closed the connection.
async fn read_head(client: &mut BufReader<impl AsyncRead + AsyncWrite + Unpin>) -> Option<String> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if client.read_line(&mut head).await.ok()? == 0 {
            return None;
        }
    }
    Some(head)
}

fn content_length(head: &str) -> usize {
    let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    length.unwrap_or(0)
}
