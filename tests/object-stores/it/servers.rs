//! The stores, each a process that ends with the test: its standard input is a pipe that closes
//! then, also when the test is killed.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use reqwest::{Client, Method, StatusCode};
use tokio::runtime::Runtime;

use crate::support::{file, python, say, variable};

pub(crate) const BUCKET: &str = "lake";
/// What a script ends with if it lacks a module.
const NOT_INSTALLED: i32 = 3;

/// A store for tests that do the same with each kind.
pub(crate) trait Server: Sized {
    /// The scheme of its addresses.
    const SCHEME: &str;

    /// Starts a store; `None`, with a word to the reader of the output, if it is not installed.
    fn start() -> Option<Self>;

    fn endpoint(&self) -> String;

    /// Returns the root of the lists in this store, whose keys begin with `lists/`.
    fn root() -> String {
        format!("{}://{BUCKET}/lists", Self::SCHEME)
    }

    /// Returns the keys below a prefix.
    fn keys(&self, prefix: &str) -> Vec<String>;

    /// Returns the objects below a prefix, by their keys.
    fn objects(&self, prefix: &str) -> BTreeMap<String, Vec<u8>>;

    /// Returns the ids of the uploads that are open.
    fn uploads(&self) -> Vec<String>;
}

/// moto, with the bucket `lake`.
pub(crate) struct Moto {
    endpoint: String,
    http: Http,
    process: Child,
}

impl Server for Moto {
    const SCHEME: &str = "s3";

    fn start() -> Option<Self> {
        let mut process = Command::new(python())
            .arg(file("moto_server.py"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut said = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut said).unwrap();
        let Ok(port) = said.trim().parse::<u16>() else {
            assert_eq!(process.wait().unwrap().code(), Some(NOT_INSTALLED), "{said}");
            let hint = "pip install 'moto[s3,server]', and name that Python in READERS_PYTHON";
            assert!(variable("FANOUT_REQUIRE_ALL").is_none(), "there is no moto; {hint}");
            say(&format!("skipped: nothing was written to S3, there is no moto; {hint}"));
            return None;
        };
        let moto = Self { endpoint: format!("http://127.0.0.1:{port}"), http: Http::new(), process };
        assert_eq!(moto.http.send(Method::PUT, &moto.url("")).0, StatusCode::OK);
        Some(moto)
    }

    fn endpoint(&self) -> String {
        self.endpoint.clone()
    }

    fn keys(&self, prefix: &str) -> Vec<String> {
        let (_, text) = self.http.send(Method::GET, &self.url(&format!("?list-type=2&prefix={prefix}/")));
        elements(&String::from_utf8(text).unwrap(), "Key")
    }

    fn uploads(&self) -> Vec<String> {
        let (_, text) = self.http.send(Method::GET, &self.url("?uploads"));
        elements(&String::from_utf8(text).unwrap(), "UploadId")
    }

    fn objects(&self, prefix: &str) -> BTreeMap<String, Vec<u8>> {
        let read = |key: String| {
            let (status, content) = self.http.send(Method::GET, &self.url(&format!("/{key}")));
            assert_eq!(status, StatusCode::OK, "{key}");
            (key, content)
        };
        self.keys(prefix).into_iter().map(read).collect()
    }
}

impl Moto {
    fn url(&self, below: &str) -> String {
        format!("{}/{BUCKET}{below}", self.endpoint)
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

fn elements(text: &str, name: &str) -> Vec<String> {
    let begin = format!("<{name}>");
    let parts = text.split(begin.as_str()).skip(1);
    parts.map(|part| part.split('<').next().unwrap().to_owned()).collect()
}

/// A client that names a key and signs nothing: moto does not mind.
struct Http {
    client: Client,
    runtime: Runtime,
}

impl Http {
    fn new() -> Self {
        // Another test may have installed it before.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Self { client: Client::builder().no_proxy().build().unwrap(), runtime }
    }

    fn send(&self, method: Method, url: &str) -> (StatusCode, Vec<u8>) {
        self.runtime.block_on(async {
            let key = "AWS4-HMAC-SHA256 Credential=reader/20260101/us-east-1/s3/aws4_request";
            let response = self.client.request(method, url).header("authorization", key).send().await.unwrap();
            (response.status(), response.bytes().await.unwrap().to_vec())
        })
    }
}

/// Azurite, with the container `lake`.
pub(crate) struct Azurite {
    port: u16,
    /// A shell that ends the server with its own input.
    shell: Child,
}

/// The account and the key that every Azurite has, from its documentation.
pub(crate) const AZURITE_ACCOUNT: &str = "devstoreaccount1";
pub(crate) const AZURITE_KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

impl Server for Azurite {
    const SCHEME: &str = "az";

    /// The variable `AZURITE` names the program `azurite-blob`; a program that is named must start.
    fn start() -> Option<Self> {
        let Some(program) = variable("AZURITE") else {
            let hint = "npm install azurite, and name its azurite-blob in AZURITE";
            assert!(variable("FANOUT_REQUIRE_ALL").is_none(), "there is no Azurite; {hint}");
            say(&format!("skipped: nothing was written to Azure, there is no Azurite; {hint}"));
            return None;
        };
        assert!(Path::new(&program).is_file(), "AZURITE names `{program}`, and there is no such program");
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let script = format!(
            "\"$0\" --blobHost 127.0.0.1 --blobPort {port} --inMemoryPersistence --skipApiVersionCheck --silent & \
             cat >/dev/null; kill -KILL 0"
        );
        // In a group of its own, all of which ends: Node may be started by another program.
        let mut shell = Command::new("sh");
        shell.args(["-c", &script, &program]).process_group(0);
        shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let azurite = Self { port, shell: shell.spawn().unwrap() };
        let started = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(started.elapsed() < Duration::from_secs(60), "`{program}` does not listen");
            std::thread::sleep(Duration::from_millis(50));
        }
        // With the reader's own client, because creating a container takes a signature.
        let create = "import sys, pyarrow.fs as fs; fs.AzureFileSystem(account_name=sys.argv[1], account_key=sys.argv[2], \
                      blob_storage_authority=sys.argv[3], blob_storage_scheme='http').create_dir(sys.argv[4])";
        let made = Command::new(python())
            .args(["-c", create, AZURITE_ACCOUNT, AZURITE_KEY, &format!("127.0.0.1:{port}"), BUCKET])
            .status();
        assert!(made.unwrap().success());
        Some(azurite)
    }

    fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}/{AZURITE_ACCOUNT}", self.port)
    }

    fn keys(&self, prefix: &str) -> Vec<String> {
        String::from_utf8(self.ask("keys", prefix)).unwrap().lines().map(str::to_owned).collect()
    }

    fn objects(&self, prefix: &str) -> BTreeMap<String, Vec<u8>> {
        let said = self.ask("objects", prefix);
        let (mut objects, mut rest) = (BTreeMap::new(), said.as_slice());
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let (key, bytes) = std::str::from_utf8(&rest[..end]).unwrap().split_once(' ').unwrap();
            let (content, behind) = rest[end + 1..].split_at(bytes.parse().unwrap());
            objects.insert(key.to_owned(), content.to_vec());
            rest = behind;
        }
        objects
    }

    /// Azure has no uploads: parts of no object are nowhere to be seen, and gone after a week.
    fn uploads(&self) -> Vec<String> {
        Vec::new()
    }
}

impl Azurite {
    /// Asks the reader, because every request takes a signature.
    fn ask(&self, question: &str, prefix: &str) -> Vec<u8> {
        let mut command = Command::new(python());
        command.arg(file("reader.py")).args([question, &self.endpoint(), &format!("az://{BUCKET}/{prefix}")]);
        let answer = command.env("LAKE_ACCOUNT_KEY", AZURITE_KEY).output().unwrap();
        assert!(answer.status.success(), "{answer:?}");
        answer.stdout
    }
}

impl Drop for Azurite {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        self.shell.wait().unwrap();
    }
}
