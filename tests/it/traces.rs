//! The traces of a run, as a collector of OpenTelemetry receives them.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use fanout::simulator::{Effect, Endpoint, Fault, Simulator, TOKEN_MARKER, When};

use crate::support::{Ended, Project};

const PIPELINE: &str = r#"
name = "night"
[source.retry]
attempts = 2
base_ms = 1
[[accounts]]
name = "brand"
app_id = "wxbrand"
secret = { env = "TEST_SECRET" }
[[accounts]]
name = "shop"
app_id = "wxshop"
secret = { env = "TEST_SECRET" }
[sinks.lake]
type = "parquet"
options = { root = "out" }
"#;

const SECRET: &str = "CANARYSECRET0123456789";
const FOLLOWERS: u64 = 250;
const PAGE_SIZE: u64 = 100;
/// The pages and the end.
const CALLS: usize = FOLLOWERS.div_ceil(PAGE_SIZE) as usize + 1;

/// A collector that keeps the bodies of its requests. It serves as long as the test's process
/// lives.
struct Collector {
    endpoint: String,
    received: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Collector {
    fn start(status: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let received = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&received);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let kept = Arc::clone(&kept);
                std::thread::spawn(move || serve(&stream.unwrap(), status, &kept));
            }
        });
        Self { endpoint, received }
    }

    /// Returns all spans, by their id.
    fn spans(&self) -> BTreeMap<Vec<u8>, Span> {
        let received = self.received.lock().unwrap();
        let spans = received.iter().flat_map(|request| {
            // ExportTraceServiceRequest.resource_spans, .scope_spans, .spans: 1, 2, 2.
            let scopes = inner(request, 1).flat_map(|resource| inner(resource, 2));
            scopes.flat_map(|scope| inner(scope, 2)).map(Span::read)
        });
        spans.map(|span| (span.id.clone(), span)).collect()
    }

    fn holds(&self, text: &str) -> bool {
        let received = self.received.lock().unwrap();
        received.iter().any(|request| request.windows(text.len()).any(|window| window == text.as_bytes()))
    }
}

/// Keeps the body of every request of a connection.
fn serve(stream: &TcpStream, status: &str, kept: &Mutex<Vec<Vec<u8>>>) {
    let mut reader = BufReader::new(stream);
    loop {
        let (mut head, mut length) = (Vec::new(), 0);
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            if line == "\r\n" {
                break;
            }
            if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            head.push(line);
        }
        assert!(head[0].starts_with("POST /v1/traces "), "{head:?}");
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        kept.lock().unwrap().push(body);
        let mut writer = stream;
        writer.write_all(format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n").as_bytes()).unwrap();
    }
}

/// The fields of an OTLP span that the tests look at.
#[derive(Debug)]
struct Span {
    id: Vec<u8>,
    parent: Vec<u8>,
    name: String,
    /// Those that are text.
    attributes: BTreeMap<String, String>,
    /// The names of its events.
    events: Vec<String>,
}

impl Span {
    fn read(message: &[u8]) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let first = |message, number| inner(message, number).next().unwrap_or_default();
        // KeyValue.key: 1, .value: 2; AnyValue.string_value: 1.
        let attributes = inner(message, 9).map(|pair| (text(first(pair, 1)), text(first(first(pair, 2), 1))));
        Self {
            id: first(message, 2).to_vec(),
            parent: first(message, 4).to_vec(),
            name: text(first(message, 5)),
            attributes: attributes.collect(),
            events: inner(message, 11).map(|event| text(first(event, 2))).collect(),
        }
    }
}

/// Returns the fields of a message of Protocol Buffers that have this number and bytes as their
/// value.
fn inner(message: &[u8], number: u64) -> impl Iterator<Item = &[u8]> {
    let mut rest = message;
    let fields = std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let key = varint(&mut rest);
        let length = match key & 7 {
            0 => {
                varint(&mut rest);
                0
            }
            1 => 8,
            2 => varint(&mut rest) as usize,
            5 => 4,
            wire_type => panic!("a field of wire type {wire_type}"),
        };
        let (value, behind) = rest.split_at(length);
        rest = behind;
        Some((key >> 3, key & 7, value))
    });
    fields.filter(move |field| (field.0, field.1) == (number, 2)).map(|field| field.2)
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first().unwrap();
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            break;
        }
    }
    value
}

/// Runs the pipeline with these variables; the shop may read only its first page.
fn run(variables: &[(&str, &str)]) -> Ended {
    let refused = Fault::new(Endpoint::UserGet, When::Page(2), Effect::errcode(48001)).account("wxshop");
    let busy = Fault::new(Endpoint::UserGet, When::Page(1), Effect::errcode(-1)).account("wxbrand").times(1);
    let simulator = Simulator::builder().followers(FOLLOWERS).page_size(PAGE_SIZE).fault(refused).fault(busy);
    let project = Project::builder().file(PIPELINE).simulator(simulator).secret("TEST_SECRET", SECRET).build();
    let ended = Ended::of(project.run_command(&[]).envs(variables.iter().copied()));
    assert_eq!(ended.code, Some(1), "whatever becomes of the traces: {ended:?}");
    ended
}

#[test]
fn a_run_is_a_tree_of_spans_without_a_token() {
    let collector = Collector::start("200 OK");
    // The level of the logs adds no spans.
    run(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.endpoint), ("RUST_LOG", "trace")]);
    let spans = collector.spans();
    let named = |name: &str| -> Vec<&Span> { spans.values().filter(|span| span.name == name).collect() };
    let account = |name: &str| named("account").into_iter().find(|span| span.attributes["account"] == name).unwrap();
    let below = |name: &str, parent: &Span| named(name).into_iter().filter(|span| span.parent == parent.id).count();

    let [run] = named("run")[..] else { panic!("{spans:#?}") };
    assert_eq!((run.parent.as_slice(), run.attributes["pipeline"].as_str()), (&b""[..], "night"));
    assert_eq!((named("account").len(), below("account", run)), (2, 2), "{spans:#?}");
    for (name, calls, publications) in [("brand", CALLS, 1), ("shop", 2, 0)] {
        let account = account(name);
        let walk = named("walk").into_iter().find(|span| span.parent == account.id).unwrap();
        assert!(walk.attributes["walk"].starts_with("000001-"), "{walk:?}");
        // The first reply begins the walk.
        let begin = named("begin").into_iter().find(|span| span.parent == account.id).unwrap();
        let page_calls = [begin, walk].map(|span| below("page call", span));
        assert_eq!(page_calls, [1, calls - 1], "{spans:#?}");
        assert_eq!(below("publication", account), publications, "{spans:#?}");
        assert_eq!(below("sink", account), 1, "{spans:#?}");
    }
    let retried = "a call failed; trying again";
    assert!(
        named("page call").iter().any(|span| span.events.iter().any(|event| event.starts_with(retried))),
        "{spans:#?}"
    );

    let ours = ["run", "account", "begin", "walk", "page call", "publication", "sink"];
    assert!(spans.values().all(|span| ours.contains(&span.name.as_str())), "{spans:#?}");
    assert!(collector.holds("service.name") && collector.holds("fanout"));
    assert!(!collector.holds(TOKEN_MARKER) && !collector.holds("CANARY") && !collector.holds("access_token"));
}

#[test]
fn a_collector_that_takes_nothing_is_said_once_and_keeps_nobody() {
    let refusing = Collector::start("503 Service Unavailable");
    for (endpoint, words) in [(refusing.endpoint.as_str(), "503"), ("http://127.0.0.1:1", "Connection refused")] {
        let ended = run(&[("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)]);
        let said: Vec<&str> = ended.stderr.lines().filter(|line| line.contains("traces cannot be sent")).collect();
        assert_eq!(said.len(), 1, "{ended:?}");
        assert!(said[0].contains(words) && said[0].contains(" WARN "), "{ended:?}");
    }
}

#[test]
fn nothing_is_sent_unless_somebody_says_where_to() {
    for variables in [&[][..], &[("OTEL_EXPORTER_OTLP_ENDPOINT", "")]] {
        let ended = run(variables);
        assert!(!ended.stderr.contains("traces"), "{ended:?}");
    }
}
