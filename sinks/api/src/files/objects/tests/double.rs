//! A store in this process: the part of S3 that is called, with TLS under any name, and with
//! faults.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::HOST;
use hyper::service::service_fn;
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use object_store::client::{DnsFuture, DnsResolver};
use object_store::{Certificate, ClientOptions};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) method: Method,
    pub(super) host: String,
    pub(super) path: String,
    pub(super) query: String,
    pub(super) headers: HeaderMap,
    pub(super) bytes: usize,
}

/// What happens to the next request of a kind.
#[derive(Clone, Debug)]
pub(super) enum Fault {
    /// It is refused.
    Refused(u16, &'static str),
    /// It is done, and the answer never arrives.
    AnswerLost,
    /// It is done after a pause.
    Slow(Duration),
}

#[derive(Clone, Default)]
pub(super) struct Object {
    pub(super) content: Vec<u8>,
    metadata: Vec<(String, String)>,
    version: u64,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) objects: BTreeMap<String, Object>,
    /// By id: the object to be, and its parts by number.
    pub(super) uploads: BTreeMap<String, (Object, BTreeMap<u32, Vec<u8>>)>,
    pub(super) seen: Vec<Seen>,
    /// Each with the method and a part of the query of the requests that it waits for.
    faults: VecDeque<(Method, &'static str, Fault)>,
    /// The most requests that were under way at once.
    pub(super) most_at_once: usize,
    at_once: usize,
    versions: u64,
}

/// The store, which ends with its value.
pub(super) struct Double {
    state: Arc<Mutex<State>>,
    port: u16,
    authority: Option<String>,
    _runtime: Runtime,
}

/// Finds every host on this machine.
#[derive(Debug)]
struct Here;

impl DnsResolver for Here {
    fn resolve(&self, _host: &str) -> DnsFuture {
        Box::pin(async { Ok(vec![IpAddr::V4(Ipv4Addr::LOCALHOST)]) })
    }
}

impl Double {
    pub(super) fn plain() -> Self {
        Self::start(None)
    }

    /// Answers with TLS under `host`.
    pub(super) fn named(host: &str) -> Self {
        Self::start(Some(host))
    }

    fn start(host: Option<&str>) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(State::default()));
        let key = host.map(|host| rcgen::generate_simple_self_signed([host.to_owned()]).unwrap());
        let acceptor = key.as_ref().map(|key| acceptor(key.cert.der(), &key.signing_key.serialize_der()));
        runtime.spawn(listen(listener, state.clone(), acceptor));
        Self { state, port, authority: key.map(|key| key.cert.pem()), _runtime: runtime }
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Makes a client find this store under any name, and trust it.
    pub(super) fn reached(&self, options: ClientOptions) -> ClientOptions {
        let options = options.with_dns_resolver(Arc::new(Here));
        match &self.authority {
            Some(pem) => options.with_root_certificate(Certificate::from_pem(pem.as_bytes()).unwrap()),
            None => options,
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Waits for the next request with this method, and `part` in its query.
    pub(super) fn fault(&self, method: Method, part: &'static str, fault: Fault) {
        self.state().faults.push_back((method, part, fault));
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.state().seen.clone()
    }

    pub(super) fn object(&self, key: &str) -> Option<Vec<u8>> {
        self.state().objects.get(key).map(|object| object.content.clone())
    }
}

fn acceptor(certificate: &CertificateDer<'static>, key: &[u8]) -> TlsAcceptor {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let key = PrivatePkcs8KeyDer::from(key.to_vec()).into();
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate.clone()], key);
    TlsAcceptor::from(Arc::new(config.unwrap()))
}

async fn listen(listener: TcpListener, state: Arc<Mutex<State>>, acceptor: Option<TlsAcceptor>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { return };
        let (state, acceptor) = (state.clone(), acceptor.clone());
        tokio::spawn(async move {
            let service = service_fn(move |request| answer(state.clone(), request));
            let http = hyper::server::conn::http1::Builder::new();
            // An error is a connection that was cut.
            let _ = match acceptor {
                None => http.serve_connection(TokioIo::new(stream), service).await.map_err(drop),
                Some(acceptor) => match acceptor.accept(stream).await {
                    Ok(stream) => http.serve_connection(TokioIo::new(stream), service).await.map_err(drop),
                    Err(_) => Err(()),
                },
            };
        });
    }
}

type Answer = Response<Full<Bytes>>;

async fn answer(state: Arc<Mutex<State>>, request: Request<Incoming>) -> Result<Answer, std::io::Error> {
    let (parts, body) = request.into_parts();
    let query = parts.uri.query().unwrap_or_default().to_owned();
    let fault = {
        let mut state = state.lock().unwrap();
        state.at_once += 1;
        state.most_at_once = state.most_at_once.max(state.at_once);
        let place = state.faults.iter().position(|(method, part, _)| *method == parts.method && query.contains(part));
        place.and_then(|place| state.faults.remove(place)).map(|(_, _, fault)| fault)
    };
    let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    if let Some(Fault::Slow(pause)) = fault {
        tokio::time::sleep(pause).await;
    }
    let mut state = state.lock().unwrap();
    state.at_once -= 1;
    let host = parts.headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default().to_owned();
    state.seen.push(Seen {
        method: parts.method.clone(),
        host,
        path: parts.uri.path().to_owned(),
        query: query.clone(),
        headers: parts.headers.clone(),
        bytes: body.len(),
    });
    let key = key_of(parts.uri.path());
    Ok(match fault {
        Some(Fault::Refused(status, text)) => reply(status, text),
        Some(Fault::AnswerLost) => {
            let _: Result<Answer, Infallible> = Ok(state.act(&parts.method, &key, &query, &parts.headers, &body));
            return Err(std::io::Error::other("cut"));
        }
        _ => state.act(&parts.method, &key, &query, &parts.headers, &body),
    })
}

/// Decodes a path, and takes the bucket off that stands in it if it is not in the host.
fn key_of(path: &str) -> String {
    let path = percent_encoding::percent_decode_str(path.trim_start_matches('/')).decode_utf8().unwrap().into_owned();
    path.strip_prefix("lake/").map_or(path.clone(), str::to_owned)
}

fn reply(status: u16, text: &str) -> Answer {
    let body = Full::new(Bytes::from(text.to_owned()));
    Response::builder().status(StatusCode::from_u16(status).unwrap()).body(body).unwrap()
}

fn error(status: u16, code: &str) -> Answer {
    reply(status, &format!("<Error><Code>{code}</Code><Message>said the double</Message></Error>"))
}

impl State {
    fn act(&mut self, method: &Method, key: &str, query: &str, headers: &HeaderMap, body: &Bytes) -> Answer {
        let parameter =
            |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(&format!("{name}="))).map(str::to_owned);
        match (method.as_str(), parameter("uploadId")) {
            ("POST", None) => {
                let id = format!("upload-{}", self.versions);
                self.versions += 1;
                let object = self.made(headers, Vec::new());
                self.uploads.insert(id.clone(), (object, BTreeMap::new()));
                reply(
                    200,
                    &format!(
                        "<InitiateMultipartUploadResult><UploadId>{id}</UploadId></InitiateMultipartUploadResult>"
                    ),
                )
            }
            ("POST", Some(id)) => self.complete(key, &id),
            ("PUT", Some(id)) => {
                let Some((_, parts)) = self.uploads.get_mut(&id) else { return error(404, "NoSuchUpload") };
                parts.insert(parameter("partNumber").unwrap().parse().unwrap(), body.to_vec());
                tagged(reply(200, ""), 1)
            }
            ("PUT", None) => self.put(key, headers, body),
            ("GET" | "HEAD", _) => match self.objects.get(key) {
                Some(object) => {
                    let mut answer = tagged(reply(200, ""), object.version);
                    for (name, value) in &object.metadata {
                        let name = hyper::header::HeaderName::from_bytes(name.as_bytes()).unwrap();
                        answer.headers_mut().insert(name, value.parse().unwrap());
                    }
                    answer.headers_mut().insert("content-length", object.content.len().into());
                    answer.headers_mut().insert("last-modified", "Sun, 29 Nov 2026 00:00:00 GMT".parse().unwrap());
                    *answer.body_mut() = Full::new(Bytes::from(object.content.clone()));
                    answer
                }
                None => error(404, "NoSuchKey"),
            },
            ("DELETE", Some(id)) => match self.uploads.remove(&id) {
                Some(_) => reply(204, ""),
                None => error(404, "NoSuchUpload"),
            },
            ("DELETE", None) => {
                self.objects.remove(key);
                reply(204, "")
            }
            _ => error(405, "MethodNotAllowed"),
        }
    }

    fn made(&mut self, headers: &HeaderMap, content: Vec<u8>) -> Object {
        self.versions += 1;
        let metadata = headers.iter().filter(|(name, _)| name.as_str().starts_with("x-amz-meta-"));
        let metadata = metadata.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
        Object { content, metadata, version: self.versions }
    }

    fn put(&mut self, key: &str, headers: &HeaderMap, body: &Bytes) -> Answer {
        let there = self.objects.get(key).map(|object| format!("\"v{}\"", object.version));
        let wanted = headers.get("if-match").map(|value| value.to_str().unwrap().to_owned());
        if (headers.contains_key("if-none-match") && there.is_some()) || (wanted.is_some() && wanted != there) {
            return error(412, "PreconditionFailed");
        }
        let object = self.made(headers, body.to_vec());
        let answer = tagged(reply(200, ""), object.version);
        self.objects.insert(key.to_owned(), object);
        answer
    }

    fn complete(&mut self, key: &str, id: &str) -> Answer {
        let Some((mut object, parts)) = self.uploads.remove(id) else { return error(404, "NoSuchUpload") };
        object.content = parts.into_values().flatten().collect();
        self.objects.insert(key.to_owned(), object);
        reply(200, "<CompleteMultipartUploadResult><ETag>\"v1\"</ETag></CompleteMultipartUploadResult>")
    }
}

fn tagged(mut answer: Answer, version: u64) -> Answer {
    answer.headers_mut().insert("etag", format!("\"v{version}\"").parse().unwrap());
    answer
}
