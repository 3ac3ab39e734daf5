//! Many callers at once ask for a token, and the provider is asked once.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::tokens::Tokens;
use crate::config::{Overrides, Pipeline};
use crate::simulator::Simulator;
use crate::source::client::Client;
use crate::source::retry::Retrier;

const CALLERS: usize = 16;

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
    let text = format!(
        "name = 'p'\nsource.base_url = '{}'\nsource.retry.base_ms = 1\n[[accounts]]\nname = 'a'\napp_id = 'wx1'\n\
         secret = {{ env = 'S' }}\n[sinks.x]\ntype = 'parquet'\n",
        simulator.base_url()
    );
    let environment = [("S", "5ec4e700112233445566778899aabbcc")].into_iter().collect();
    let overrides = Overrides { environment, ..Overrides::default() };
    let pipeline = Pipeline::from_toml(&text, "p.toml".as_ref(), &overrides).unwrap();
    let client = Client::new(&pipeline.source, &pipeline.limits).unwrap();
    let retrier = Arc::new(Retrier::new(pipeline.source.retry.clone()));
    let tokens = Arc::new(Tokens::new(&pipeline.accounts[0], &pipeline.source, &client));
    let current = || {
        let (tokens, client, retrier) = (Arc::clone(&tokens), client.clone(), Arc::clone(&retrier));
        async move { tokens.current(&client, &retrier).await.unwrap() }
    };

    let first = together(current).await;
    assert!(first.iter().all(|token| *token == first[0]));
    assert_eq!(simulator.requests().stable_token, 1);

    simulator.expire_tokens("wx1");
    let refused = first[0].clone();
    let renewed = together(|| {
        let (tokens, client, retrier) = (Arc::clone(&tokens), client.clone(), Arc::clone(&retrier));
        let refused = refused.clone();
        async move { tokens.renew(&refused, &client, &retrier).await.is_ok_and(|renewed| renewed) }
    });
    assert_eq!(renewed.await, [true; CALLERS]);
    assert_ne!(current().await, refused);
    assert_eq!(simulator.requests().stable_token, 2);
}
