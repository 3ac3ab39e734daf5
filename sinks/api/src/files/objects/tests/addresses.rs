//! Where a bucket is reached: what is sent, and which settings are refused.

use super::super::address::{Address, Ambient};
use super::super::client::{client_options, without_proxy};
use super::super::{Addressing, ObjectUrl, Put, Store, StoreOptions};
use super::double::{Double, Seen};
use super::{options, store, store_with};
use crate::Secret;

/// Writes, under a condition and in parts, to the bucket of `url` at `host`, and returns the
/// requests as they arrived.
fn written(url: &str, bucket_host: &str, host: &str, change: impl FnOnce(&mut StoreOptions)) -> (Store, Vec<Seen>) {
    let double = Double::named(bucket_host);
    let url: ObjectUrl = url.parse().unwrap();
    let mut options = options(&format!("https://{host}:{}", double.port()));
    change(&mut options);
    let client = |is_loopback| double.reached(without_proxy(client_options(is_loopback)));
    let store = Store::open_with(&url, &options, client).unwrap();
    assert_eq!(store.put_if_unchanged(&url.key("_manifest.json"), b"{}", None).unwrap(), Put::Written);
    let mut upload = store.begin(&url.key("part-00000.parquet"), &super::metadata()).unwrap();
    upload.write(b"rows").unwrap();
    upload.finish().unwrap();
    upload.complete().unwrap();
    store.delete(&url.key("_SUCCESS")).unwrap();
    (store, double.seen())
}

fn signed_region(seen: &Seen) -> String {
    let signature = seen.headers["authorization"].to_str().unwrap();
    signature.split('/').nth(2).unwrap().to_owned()
}

#[test]
fn oss_and_cos_are_called_under_the_host_of_the_bucket_and_without_conditions() {
    for (url, host, bucket_host, region) in [
        (
            "s3://lake/followers",
            "s3.oss-cn-hangzhou.aliyuncs.com",
            "lake.s3.oss-cn-hangzhou.aliyuncs.com",
            "cn-hangzhou",
        ),
        (
            "s3://lake/followers",
            "s3.oss-cn-beijing-internal.aliyuncs.com",
            "lake.s3.oss-cn-beijing-internal.aliyuncs.com",
            "cn-beijing",
        ),
        // A bucket may have the name of the first label.
        ("s3://s3x/followers", "s3.oss-us-west-1.aliyuncs.com", "s3x.s3.oss-us-west-1.aliyuncs.com", "us-west-1"),
        (
            "s3://lake-1250000000/followers",
            "cos.ap-guangzhou.myqcloud.com",
            "lake-1250000000.cos.ap-guangzhou.myqcloud.com",
            "ap-guangzhou",
        ),
        (
            "s3://lake-1250000000/followers",
            "cos-internal.ap-beijing.tencentcos.cn",
            "lake-1250000000.cos-internal.ap-beijing.tencentcos.cn",
            "ap-beijing",
        ),
    ] {
        let (store, seen) = written(url, bucket_host, host, |_| {});
        assert!(!store.is_conditional());
        assert_eq!(seen.len(), 5, "{seen:?}");
        for request in &seen {
            assert_eq!(request.host.split(':').next().unwrap(), bucket_host);
            assert!(request.path.starts_with("/followers/"), "{request:?}");
            assert_eq!(signed_region(request), region);
            for header in ["if-none-match", "if-match"] {
                assert!(!request.headers.contains_key(header), "{request:?}");
            }
            // One object a call: there is no deleting in bulk.
            assert_ne!(request.query, "delete");
        }
    }
}

#[test]
fn elsewhere_the_bucket_is_in_the_path_and_conditions_are_sent() {
    let host = "minio.example.com";
    let (store, seen) = written("s3://lake/followers", host, host, |_| {});
    assert!(store.is_conditional());
    for request in &seen {
        assert_eq!(request.host.split(':').next().unwrap(), host);
        assert!(request.path.starts_with("/lake/followers/"), "{request:?}");
        assert_eq!(signed_region(request), "us-east-1");
    }
    assert_eq!(seen[0].headers["if-none-match"], "*");
}

#[test]
fn an_option_precedes_what_a_host_suggests() {
    let (store, seen) = written("s3://lake/followers", "lake.minio.example.com", "minio.example.com", |options| {
        options.addressing = Some(Addressing::Virtual);
        options.region = Some("garage".to_owned());
        options.conditional = Some(false);
    });
    assert!(!store.is_conditional());
    assert_eq!(seen[0].host.split(':').next().unwrap(), "lake.minio.example.com");
    assert_eq!(signed_region(&seen[0]), "garage");
    assert!(!seen[0].headers.contains_key("if-none-match"));
}

#[test]
fn without_an_endpoint_it_is_aws_and_china_is_a_cloud_of_its_own() {
    for (url, region, endpoint, is_virtual) in [
        ("s3://lake/x", "eu-central-1", "https://lake.s3.eu-central-1.amazonaws.com", true),
        ("s3://lake/x", "cn-north-1", "https://lake.s3.cn-north-1.amazonaws.com.cn", true),
        ("s3://my.lake/x", "eu-central-1", "https://s3.eu-central-1.amazonaws.com", false),
    ] {
        let ambient = Ambient { region: Some(region.to_owned()), ..Ambient::default() };
        let address = Address::of(&url.parse().unwrap(), &StoreOptions::default(), &ambient).unwrap();
        assert_eq!(
            (address.endpoint.as_str(), address.is_virtual, address.is_conditional),
            (endpoint, is_virtual, true)
        );
        assert!(!address.is_loopback);
    }
    let error =
        Address::of(&"s3://lake/x".parse().unwrap(), &StoreOptions::default(), &Ambient::default()).unwrap_err();
    assert_eq!(error.key(), Some("store.region"));
}

#[test]
fn path_style_for_aws_keeps_the_bucket_out_of_the_host() {
    let options = StoreOptions {
        region: Some("eu-central-1".to_owned()),
        addressing: Some(Addressing::Path),
        ..StoreOptions::default()
    };
    let address = Address::of(&"s3://lake/x".parse().unwrap(), &options, &Ambient::default()).unwrap();
    assert_eq!((address.endpoint.as_str(), address.is_virtual), ("https://s3.eu-central-1.amazonaws.com", false));
}

/// What a case changes in the options.
type Change = fn(&mut StoreOptions);

#[test]
fn a_setting_that_cannot_work_is_refused_with_the_right_form() {
    let path = |options: &mut StoreOptions| options.addressing = Some(Addressing::Path);
    let none = |_: &mut StoreOptions| {};
    let cases: [(&str, &str, Change, &str, &str); 15] = [
        ("s3://lake/x", "https://s3.oss-cn-hangzhou.aliyuncs.com", path, "store.addressing", "expected `virtual`"),
        (
            "s3://lake-1250000000/x",
            "https://cos.ap-guangzhou.myqcloud.com",
            path,
            "store.addressing",
            "expected `virtual`",
        ),
        (
            "s3://lake/x",
            "https://oss-cn-shanghai.aliyuncs.com",
            none,
            "store.endpoint",
            "expected `https://s3.oss-cn-shanghai.aliyuncs.com`",
        ),
        (
            "s3://lake/x",
            "https://lake.s3.oss-cn-hangzhou.aliyuncs.com",
            none,
            "store.endpoint",
            "expected `https://s3.oss-cn-hangzhou.aliyuncs.com`, and the bucket in `root`",
        ),
        ("s3://lake/x", "https://cos.ap-guangzhou.myqcloud.com", none, "root", "expected `s3://lake-1250000000/x`"),
        (
            "s3://lake-1250000000/x",
            "https://lake-1250000000.cos.ap-guangzhou.myqcloud.com",
            none,
            "store.endpoint",
            "expected `https://cos.ap-guangzhou.myqcloud.com`",
        ),
        ("s3://lake/x", "https://minio.example.com/lake", none, "store.endpoint", "which has a path"),
        ("s3://lake/x", "http://minio.example.com", none, "store.endpoint", "expected `https://`"),
        ("s3://lake/x", "http://192.168.1.5:9000", none, "store.endpoint", "expected `https://`"),
        ("s3://lake/x", "minio.example.com", none, "store.endpoint", "expected an address"),
        ("s3://lake/x", "https://hunter2@minio.example.com", none, "store.endpoint", "not shown"),
        ("s3://lake/x", "https://minio.example.com?sig=hunter2", none, "store.endpoint", "not shown"),
        (
            "s3://lake/x",
            "http://127.0.0.1:9000",
            |options| options.addressing = Some(Addressing::Virtual),
            "store.addressing",
            "expected `path`",
        ),
        (
            "s3://lake/x",
            "https://minio.example.com",
            |options| options.secret_key = None,
            "store.secret_key",
            "both or none",
        ),
        (
            "s3://lake/x",
            "https://minio.example.com",
            |options| options.account = Some("a".into()),
            "store.account",
            "`az://`",
        ),
    ];
    for (url, endpoint, change, key, expected) in cases {
        let mut options = options(endpoint);
        change(&mut options);
        let error = Store::open(&url.parse().unwrap(), &options).unwrap_err();
        assert_eq!(error.key(), Some(key), "{endpoint}: {error}");
        assert!(error.to_string().contains(expected), "{endpoint}: {error}");
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    }
}

#[test]
fn http_is_taken_on_this_machine_only() {
    for endpoint in ["http://127.0.0.1:9000", "http://[::1]:9000", "http://localhost:9000", "http://minio.localhost"] {
        Store::open(&super::root(), &options(endpoint)).unwrap();
    }
}

#[test]
fn azure_is_reached_under_the_host_of_the_account() {
    let url: ObjectUrl = "az://lake/followers".parse().unwrap();
    let account = Ambient { account: Some("brands".to_owned()), ..Ambient::default() };
    let address = Address::of(&url, &StoreOptions::default(), &account).unwrap();
    assert_eq!(address.endpoint, "https://brands.blob.core.windows.net");
    assert_eq!(
        Address::of(&url, &StoreOptions::default(), &Ambient::default()).unwrap_err().key(),
        Some("store.account")
    );
    let both = StoreOptions {
        account: Some("brands".to_owned()),
        access_key: Some(Secret::new("a2V5")),
        sas_token: Some(Secret::new("sig=x")),
        ..StoreOptions::default()
    };
    assert_eq!(Store::open(&url, &both).unwrap_err().key(), Some("store.sas_token"));
}

#[test]
fn a_store_has_one_name_whatever_the_way_to_it() {
    let name = |url: &str, endpoint: Option<&str>, region: Option<&str>| {
        let ambient = Ambient {
            endpoint: endpoint.map(str::to_owned),
            region: region.map(str::to_owned),
            account: Some("brands".to_owned()),
        };
        Address::of(&url.parse().unwrap(), &StoreOptions::default(), &ambient).unwrap().store
    };
    let s3 = |endpoint: &str| name("s3://lake-1250000000/x", Some(endpoint), None);
    let aws = |region: &str| name("s3://lake/x", None, Some(region));
    let azure = |endpoint: Option<&str>| name("az://lake/x", endpoint, None);
    for (one, same) in [
        (s3("https://s3.oss-cn-hangzhou.aliyuncs.com"), s3("https://s3.oss-cn-hangzhou-internal.aliyuncs.com")),
        (s3("https://s3.oss-cn-hangzhou.aliyuncs.com"), s3("https://s3.oss-accelerate.aliyuncs.com")),
        (s3("https://cos.ap-guangzhou.myqcloud.com"), s3("https://cos-internal.ap-guangzhou.myqcloud.com")),
        (aws("eu-central-1"), aws("us-east-1")),
        (aws("eu-central-1"), s3("https://s3.eu-central-1.amazonaws.com")),
        (aws("cn-north-1"), s3("https://s3.cn-north-1.amazonaws.com.cn")),
        (s3("http://localhost:9000"), s3("http://LOCALHOST:9000/")),
        (s3("https://minio.example"), s3("https://minio.example:443")),
        (azure(None), azure(Some("https://brands.blob.core.windows.net/"))),
    ] {
        assert_eq!(one, same);
    }
    let names = [
        s3("https://s3.oss-cn-hangzhou.aliyuncs.com"),
        s3("https://cos.ap-guangzhou.myqcloud.com"),
        s3("https://cos.ap-beijing.myqcloud.com"),
        aws("eu-central-1"),
        aws("cn-north-1"),
        s3("http://localhost:9000"),
        s3("http://localhost:9001"),
        s3("https://minio.example"),
        azure(None),
        azure(Some("http://127.0.0.1:10000/brands")),
        azure(Some("http://127.0.0.1:10000/others")),
    ];
    assert_eq!(names.iter().collect::<std::collections::BTreeSet<_>>().len(), names.len(), "{names:?}");
}

#[test]
fn a_key_arrives_as_it_is() {
    let double = Double::plain();
    let store = store(&double);
    let key = store.url().key("dt=2026-11-22/account=品牌%20北京/a+b ~{x}.txt");
    store.put(&key, b"x").unwrap();
    assert_eq!(double.object(&key).unwrap(), b"x");
    assert_eq!(store.get(&key).unwrap().unwrap().0, b"x");
    let error = store.put("followers/../secrets", b"x").unwrap_err();
    assert!(error.to_string().contains("cannot be a key"), "{error}");
}

#[test]
fn keys_of_the_options_do_not_meet_a_token_of_the_environment() {
    let double = Double::plain();
    let token = StoreOptions { session_token: Some(Secret::new("token-1")), ..options(&double.endpoint()) };
    store_with(&double, &token).put("followers/x", b"x").unwrap();
    store(&double).put("followers/x", b"x").unwrap();
    let seen = double.seen();
    assert_eq!(seen[0].headers["x-amz-security-token"], "token-1");
    assert!(!seen[1].headers.contains_key("x-amz-security-token"));
}
