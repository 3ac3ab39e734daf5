//! A token server on loopback: it answers what the test tells it to, and counts the questions.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::task::block_in_place;

/// A token server, which runs as long as the runtime of the test.
pub(super) struct TokenServer {
    port: u16,
    questions: Arc<Mutex<Vec<String>>>,
}

/// What a token server is asked: the path with its query, and the head of the request.
pub(super) struct Question {
    pub(super) path: String,
    pub(super) head: String,
}

impl Question {
    /// Returns the app id that the query names.
    pub(super) fn app_id(&self) -> &str {
        let (_, app_id) = self.path.split_once("appid=").unwrap_or_default();
        app_id.split('&').next().unwrap_or_default()
    }
}

impl TokenServer {
    /// Starts a server that answers with status 200 and the body that `answer` returns.
    pub(super) fn start(answer: impl Fn(&Question) -> String + Send + Sync + 'static) -> Self {
        let runtime = Handle::current();
        let listener = block_in_place(|| runtime.block_on(TcpListener::bind("127.0.0.1:0"))).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (answer, questions) = (Arc::new(answer), Arc::<Mutex<Vec<String>>>::default());
        let asked = Arc::clone(&questions);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (answer, asked) = (Arc::clone(&answer), Arc::clone(&asked));
                tokio::spawn(async move {
                    let Some((question, stream)) = read(stream).await else { return };
                    asked.lock().unwrap().push(question.app_id().to_owned());
                    reply(stream, &answer(&question)).await;
                });
            }
        });
        Self { port, questions }
    }

    /// Starts a server that hands out tokens as Tencent's middleware does; `token` returns the one
    /// of an account.
    pub(super) fn tencent(token: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        Self::start(move |question| tencent(&token(question.app_id())))
    }

    /// Returns the URL of Tencent's middleware, with the placeholder.
    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/inner/authorizer-access-token?appid={{app_id}}", self.port)
    }

    /// Returns the app ids of all questions, in the order of their arrival.
    pub(super) fn questions(&self) -> Vec<String> {
        self.questions.lock().unwrap().clone()
    }
}

/// Returns the answer of Tencent's middleware with this token.
pub(super) fn tencent(token: &str) -> String {
    format!(r#"{{"code":0,"errorMsg":"OK","data":{{"token":"{token}"}}}}"#)
}

/// Returns the answer of Tencent's middleware if WeChat has refused it a token with this code.
pub(super) fn tencent_error(code: i64, message: &str) -> String {
    format!(r#"{{"code":1002,"errorMsg":"系统错误","data":"WxErrCode != 0, resp: {{{code} {message}}}"}}"#)
}

/// Reads a request; `None` if the client has closed the connection.
async fn read(stream: TcpStream) -> Option<(Question, TcpStream)> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).await.ok()? == 0 {
            return None;
        }
    }
    let path = head.split(' ').nth(1)?.to_owned();
    Some((Question { path, head }, reader.into_inner()))
}

async fn reply(mut stream: TcpStream, body: &str) {
    let length = body.len();
    let reply = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}");
    // The client may be gone: a failure of its platform ends its calls.
    let _ = stream.write_all(reply.as_bytes()).await;
    let _ = stream.shutdown().await;
}
