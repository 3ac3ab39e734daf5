//! The calls of a store, against moto and Azurite: what the unit tests of `fanout-sink` assert of
//! their double is what real servers do.

use std::collections::BTreeMap;

use fanout_sink::Secret;
use fanout_sink::files::objects::{ObjectUrl, PART_BYTES, Probe, Put, Store, StoreOptions};

use crate::servers::{AZURITE_ACCOUNT, AZURITE_KEY, Azurite, Moto, Server};

fn of_moto(moto: &Moto) -> StoreOptions {
    StoreOptions {
        endpoint: Some(moto.endpoint()),
        access_key: Some(Secret::new("key")),
        secret_key: Some(Secret::new("secret")),
        ..StoreOptions::default()
    }
}

fn of_azurite(azurite: &Azurite) -> StoreOptions {
    StoreOptions {
        endpoint: Some(azurite.endpoint()),
        account: Some(AZURITE_ACCOUNT.to_owned()),
        access_key: Some(Secret::new(AZURITE_KEY)),
        ..StoreOptions::default()
    }
}

fn open(root: &str, options: &StoreOptions) -> Store {
    Store::open(&root.parse::<ObjectUrl>().unwrap(), options).unwrap()
}

fn every_call_does_what_it_says(store: &Store) {
    let key = |name: &str| store.url().key(name);
    let record = key("dt=2026-11-29/account=品牌%20北京/_manifest.json");
    assert_eq!(store.get(&record).unwrap(), None);
    assert_eq!(store.put_if_unchanged(&record, b"1", None).unwrap(), Put::Written);
    assert_eq!(store.put_if_unchanged(&record, b"2", None).unwrap(), Put::Changed);
    let (content, version) = store.get(&record).unwrap().unwrap();
    assert_eq!(content, b"1");
    assert_eq!(store.head(&record).unwrap().unwrap().version, version);
    assert_eq!(store.put_if_unchanged(&record, b"3", Some(&version)).unwrap(), Put::Written);
    assert_eq!(store.put_if_unchanged(&record, b"4", Some(&version)).unwrap(), Put::Changed);
    store.put(&record, b"5").unwrap();
    assert_eq!(store.get(&record).unwrap().unwrap().0, b"5");
    store.delete(&record).unwrap();
    store.delete(&record).unwrap();
    assert_eq!(store.head(&record).unwrap(), None);
    assert_eq!(store.probe(&key("_probe"), &key("_own")).unwrap(), Probe { keeps_conditions: true });
    assert_eq!(store.head(&key("_probe")).unwrap(), None);

    let metadata: BTreeMap<String, String> =
        [("owner", "品牌, 北京 100%"), ("walk", "7")].map(|(name, value)| (name.into(), value.into())).into();
    for (name, bytes) in [("empty", 0), ("small", 5), ("parts", 2 * PART_BYTES + 5)] {
        let content: Vec<u8> = (0..bytes).map(|index| (index / 7 % 251) as u8).collect();
        let mut upload = store.begin(&key(name), &metadata).unwrap();
        upload.write(&content).unwrap();
        upload.finish().unwrap();
        assert_eq!(store.head(&key(name)).unwrap(), None);
        upload.complete().unwrap();
        let head = store.head(&key(name)).unwrap().unwrap();
        assert_eq!((head.bytes, head.metadata), (bytes as u64, metadata.clone()));
        if bytes < PART_BYTES {
            assert_eq!(store.get(&key(name)).unwrap().unwrap().0, content);
        }
        // What stood there stays until the next one is complete, and if it is not.
        let mut next = store.begin(&key(name), &metadata).unwrap();
        next.write(b"other").unwrap();
        next.finish().unwrap();
        next.abort().unwrap();
        assert_eq!(store.head(&key(name)).unwrap().unwrap().bytes, bytes as u64);
    }
}

#[test]
fn moto_answers_every_call() {
    let Some(moto) = Moto::start() else { return };
    every_call_does_what_it_says(&open("s3://lake/calls", &of_moto(&moto)));
    assert_eq!(moto.uploads(), Vec::<String>::new());
    let error = open("s3://pond/calls", &of_moto(&moto)).put("calls/a", b"x").unwrap_err();
    assert!(error.hint().unwrap().contains("create it"), "{error:?}");
}

#[test]
fn azurite_answers_every_call() {
    let Some(azurite) = Azurite::start() else { return };
    every_call_does_what_it_says(&open("az://lake/calls", &of_azurite(&azurite)));
    let error = open("az://pond/calls", &of_azurite(&azurite)).put("calls/a", b"x").unwrap_err();
    assert!(error.hint().unwrap().contains("create it"), "{error:?}");
    let wrong = StoreOptions { access_key: Some(Secret::new("bm8=")), ..of_azurite(&azurite) };
    let error = open("az://lake/calls", &wrong).put("calls/a", b"x").unwrap_err();
    assert!(!error.is_temporary() && error.hint().unwrap().contains("check the keys"), "{error:?}");
}
