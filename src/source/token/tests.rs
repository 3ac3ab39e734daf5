//! Many callers at once ask for a token, and the provider is asked once.

use std::sync::Arc;
use std::time::Duration;

use fanout_sink::Secret;
use tokio::task::JoinSet;

use super::tokens::Tokens;
use crate::config::{Overrides, Pipeline};
use crate::simulator::{Effect, Endpoint, Fault, Simulator, When};
use crate::source::client::Client;
use crate::source::retry::Retrier;

const CALLERS: usize = 16;

/// What the tokens of one account are asked for with.
struct Asking {
    tokens: Arc<Tokens>,
    client: Client,
    retrier: Arc<Retrier>,
}

impl Asking {
    /// Makes the tokens of one account with this `credential` at the API `base_url`.
    fn new(base_url: &str, credential: &str) -> Self {
        let text = format!(
            "name = 'p'\nsource.base_url = '{base_url}'\nsource.retry.base_ms = 1\n[[accounts]]\nname = 'a'\n\
             app_id = 'wx1'\n{credential}\n[sinks.x]\ntype = 'parquet'\n"
        );
        let environment = [("S", "5ec4e700112233445566778899aabbcc")].into_iter().collect();
        let overrides = Overrides { environment, ..Overrides::default() };
        let pipeline = Pipeline::from_toml(&text, "p.toml".as_ref(), &overrides).expect("the file is right");
        let client = Client::new(&pipeline.source, &pipeline.limits).expect("there is a client");
        let retrier = Arc::new(Retrier::new(pipeline.source.retry.clone()));
        let tokens = Arc::new(Tokens::new(&pipeline.accounts[0], &pipeline.source, &client));
        Self { tokens, client, retrier }
    }

    fn current(&self) -> impl Future<Output = Secret> + Send + use<> {
        let (tokens, client, retrier) = (Arc::clone(&self.tokens), self.client.clone(), Arc::clone(&self.retrier));
        async move { tokens.current(&client, &retrier).await.expect("there is a token") }
    }

    fn renew(&self, refused: &Secret) -> impl Future<Output = bool> + Send + use<> {
        let (tokens, client, retrier) = (Arc::clone(&self.tokens), self.client.clone(), Arc::clone(&self.retrier));
        let refused = refused.clone();
        async move { tokens.renew(&refused, &client, &retrier).await.expect("the owner answers") }
    }
}

/// Runs [`CALLERS`] callers at once, and returns the result of each.
async fn together<Work>(caller: impl Fn() -> Work) -> Vec<Work::Output>
where
    Work: Future<Output: Send + 'static> + Send + 'static,
{
    let mut callers = JoinSet::new();
    (0..CALLERS).for_each(|_| drop(callers.spawn(caller())));
    callers.join_all().await
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_callers_one_asks_and_one_renews() {
    let simulator = Simulator::builder().start().await.unwrap();
    let asking = Asking::new(&simulator.base_url(), "secret = { env = 'S' }");
    let first = together(|| asking.current()).await;
    assert!(first.iter().all(|token| *token == first[0]));
    assert_eq!(simulator.requests().stable_token, 1);

    simulator.expire_tokens("wx1");
    assert_eq!(together(|| asking.renew(&first[0])).await, [true; CALLERS]);
    assert_ne!(asking.current().await, first[0]);
    assert_eq!(simulator.requests().stable_token, 2);
}

/// The simulator's classic endpoint stands in for a token server.
fn token_server(base_url: &str) -> String {
    let path = "cgi-bin/token?grant_type=client_credential&appid={app_id}&secret=x";
    format!("token_endpoint = {{ url = '{base_url}/{path}' }}")
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_callers_one_asks_a_token_server_for_another_token() {
    let simulator = Simulator::builder().start().await.unwrap();
    let asking = Asking::new(&simulator.base_url(), &token_server(&simulator.base_url()));
    let first = together(|| asking.current()).await;
    assert_eq!(simulator.requests().token, 1);
    assert_eq!(together(|| asking.renew(&first[0])).await, [true; CALLERS]);
    assert_eq!(simulator.requests().token, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_callers_share_the_questions_to_an_owner_that_has_no_other_token() {
    // Slow enough for all callers to wait for the first one.
    let slow = Fault::new(Endpoint::Token, When::Always, Effect::Delay(Duration::from_millis(200)));
    let same = Fault::new(Endpoint::Token, When::Always, Effect::body(r#"{"access_token":"stale-stale-stale"}"#));
    let simulator = Simulator::builder().fault(same).fault(slow).start().await.unwrap();
    let asking = Asking::new(&simulator.base_url(), &token_server(&simulator.base_url()));
    let first = asking.current().await;
    assert_eq!(together(|| asking.renew(&first)).await, [false; CALLERS]);
    assert_eq!(simulator.requests().token, 1 + 4);
    // A later caller asks again: the owner may have another one by now.
    assert!(!asking.renew(&first).await);
    assert_eq!(simulator.requests().token, 1 + 4 + 4);
}
