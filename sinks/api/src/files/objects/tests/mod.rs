//! The store, on the wire.

mod addresses;
mod double;
mod failures;
mod objects;
mod uploads;

use std::collections::BTreeMap;

use super::client::{client_options, without_proxy};
use super::{ObjectUrl, Store, StoreOptions};
use crate::Secret;
use double::Double;

const ACCESS_KEY: &str = "AKIAEXAMPLE";
const SECRET_KEY: &str = "wJalrXUtnFEMI-hunter2";

fn options(endpoint: &str) -> StoreOptions {
    StoreOptions {
        endpoint: Some(endpoint.to_owned()),
        access_key: Some(Secret::new(ACCESS_KEY)),
        secret_key: Some(Secret::new(SECRET_KEY)),
        ..StoreOptions::default()
    }
}

fn root() -> ObjectUrl {
    "s3://lake/followers".parse().unwrap()
}

/// A store on the loopback address of the double.
fn store(double: &Double) -> Store {
    store_with(double, &options(&double.endpoint()))
}

fn store_with(double: &Double, options: &StoreOptions) -> Store {
    let client = |is_loopback| double.reached(without_proxy(client_options(is_loopback)));
    Store::open_with(&root(), options, client).unwrap()
}

fn metadata() -> BTreeMap<String, String> {
    [("owner", "品牌 北京"), ("walk", "7")].map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}
