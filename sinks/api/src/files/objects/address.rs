//! The host that is called for a bucket, and what is known of the store behind it.
//!
//! Before it: the URL and the options of a sink. Behind it: `store`, which connects.
//!
//! Aliyun's OSS and Tencent's COS answer only under the bucket's own host, and refuse conditional
//! writes. `object_store` takes an endpoint as it is, so the bucket is put before the host here.

use std::net::IpAddr;

use reqwest::Url;

use super::options::{Addressing, StoreOptions};
use super::url::{ObjectUrl, Scheme};
use crate::error::SinkError;

/// Where a bucket is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    /// As `object_store` takes it, with the bucket if `is_virtual`.
    pub(super) endpoint: String,
    /// Empty for Azure.
    pub(super) region: String,
    /// Whether the bucket is in the host.
    pub(super) is_virtual: bool,
    /// Whether `If-Match` and `If-None-Match` are sent.
    pub(super) is_conditional: bool,
    /// The name of the store, whatever the way to it: a list that was published elsewhere is not in
    /// a bucket of this name here.
    pub(super) store: String,
    /// Whether the address is on this machine. Only there `http://` is taken, because what is sent
    /// does not leave the machine.
    pub(super) is_loopback: bool,
}

/// The clouds of AWS. China is one of its own.
const AWS: [&str; 2] = ["amazonaws.com", "amazonaws.com.cn"];

/// What the environment says where the options say nothing.
#[derive(Clone, Debug, Default)]
pub(super) struct Ambient {
    pub(super) endpoint: Option<String>,
    pub(super) region: Option<String>,
    /// The account of Azure, from the options or the environment.
    pub(super) account: Option<String>,
}

/// A provider with rules of its own.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Provider {
    Oss,
    Cos,
    Other,
}

impl Provider {
    fn of(host: &str) -> Self {
        let is_in = |domain: &str| host == domain || host.ends_with(&format!(".{domain}"));
        match () {
            () if is_in("aliyuncs.com") => Self::Oss,
            () if is_in("myqcloud.com") || is_in("tencentcos.cn") => Self::Cos,
            () => Self::Other,
        }
    }

    /// Returns the region in a host of this provider.
    fn region(self, host: &str) -> Option<String> {
        let region = match self {
            Self::Oss => {
                let name = host.strip_prefix("s3.oss-")?.split('.').next()?;
                let name = name.strip_suffix("-internal").unwrap_or(name);
                // `s3.oss-accelerate` is one address for all regions.
                (!name.starts_with("accelerate")).then_some(name)?
            }
            Self::Cos => host.split('.').nth(1).filter(|name| *name != "accelerate")?,
            Self::Other => return None,
        };
        Some(region.to_owned())
    }

    /// Returns the name of the store behind a host. In the clouds of Aliyun and of AWS one bucket
    /// has a name, whatever its region and the host that leads there.
    fn store(self, host: &str, port: &str) -> String {
        match self {
            Self::Oss => "aliyuncs.com".to_owned(),
            Self::Cos => host.replacen("cos-internal.", "cos.", 1),
            Self::Other => {
                let cloud = AWS.into_iter().find(|cloud| host.ends_with(&format!(".{cloud}")));
                cloud.map_or_else(|| format!("{host}{port}"), str::to_owned)
            }
        }
    }

    /// Checks what the provider's own addresses look like.
    fn check(self, url: &ObjectUrl, host: &str, endpoint: &str) -> Result<(), SinkError> {
        let wrong =
            |problem: String| Err(SinkError::option("store.endpoint", format!("found `{endpoint}`, {problem}")));
        match self {
            Self::Oss if !host.starts_with("s3.oss-") => {
                let region = host.split('.').find_map(|name| name.strip_prefix("oss-")).unwrap_or("cn-hangzhou");
                wrong(format!("which is not OSS's address for S3; expected `https://s3.oss-{region}.aliyuncs.com`"))
            }
            Self::Cos if !host.starts_with("cos.") && !host.starts_with("cos-internal.") => wrong(
                "which is not COS's address without a bucket; expected `https://cos.ap-guangzhou.myqcloud.com`, with \
                 your region"
                    .to_owned(),
            ),
            Self::Cos => {
                let bucket = url.bucket();
                let app_id = bucket.rsplit('-').next().unwrap_or_default();
                if app_id.len() < bucket.len() && app_id.len() >= 5 && app_id.bytes().all(|byte| byte.is_ascii_digit())
                {
                    return Ok(());
                }
                let message = format!(
                    "the bucket `{bucket}` has no APPID at its end, as COS's buckets do; expected \
                     `s3://{bucket}-1250000000/{}`",
                    url.prefix()
                );
                Err(SinkError::option("root", message))
            }
            _ => Ok(()),
        }
    }
}

impl Address {
    /// Finds out where the bucket of `url` is reached.
    pub(super) fn of(url: &ObjectUrl, options: &StoreOptions, ambient: &Ambient) -> Result<Self, SinkError> {
        options.check(url.scheme())?;
        let endpoint = options.endpoint.as_ref().or(ambient.endpoint.as_ref());
        match (url.scheme(), endpoint) {
            (Scheme::S3, Some(endpoint)) => Self::of_s3(url, options, ambient, endpoint),
            (Scheme::S3, None) => Self::of_aws(url, options, ambient),
            (Scheme::Azure, endpoint) => Self::of_azure(options, ambient, endpoint),
        }
    }

    fn of_azure(options: &StoreOptions, ambient: &Ambient, endpoint: Option<&String>) -> Result<Self, SinkError> {
        let Some(account) = &ambient.account else {
            let message = "is missing: a container is in a storage account; expected its name";
            return Err(SinkError::option("store.account", message));
        };
        let default = format!("https://{account}.blob.core.windows.net");
        let endpoint = endpoint.unwrap_or(&default);
        let parsed = parse(endpoint)?;
        // An emulator has the account in the path.
        let path = parsed.path().trim_end_matches('/');
        Ok(Self {
            endpoint: endpoint.trim_end_matches('/').to_owned(),
            region: String::new(),
            is_virtual: false,
            is_conditional: options.conditional.unwrap_or(true),
            store: format!("{}{}{path}", parsed.host_str().unwrap_or_default(), port(&parsed)),
            is_loopback: is_loopback(&parsed),
        })
    }

    fn of_aws(url: &ObjectUrl, options: &StoreOptions, ambient: &Ambient) -> Result<Self, SinkError> {
        let Some(region) = options.region.as_ref().or(ambient.region.as_ref()) else {
            let message = "is missing: a bucket of AWS is in one region";
            let hint = "set it to the bucket's region, such as `eu-central-1`; or set `store.endpoint` if the bucket is not AWS's";
            return Err(SinkError::option("store.region", message).with_hint(hint));
        };
        // The certificate of `*.s3.….amazonaws.com` does not cover further dots.
        let is_virtual = options.addressing.map_or(!url.bucket().contains('.'), |way| way == Addressing::Virtual);
        let domain = AWS[usize::from(region.starts_with("cn-"))];
        let bucket = if is_virtual { format!("{}.", url.bucket()) } else { String::new() };
        Ok(Self {
            endpoint: format!("https://{bucket}s3.{region}.{domain}"),
            region: region.clone(),
            is_virtual,
            is_conditional: options.conditional.unwrap_or(true),
            store: domain.to_owned(),
            is_loopback: false,
        })
    }

    fn of_s3(url: &ObjectUrl, options: &StoreOptions, ambient: &Ambient, endpoint: &str) -> Result<Self, SinkError> {
        let parsed = parse(endpoint)?;
        let host = parsed.host_str().unwrap_or_default();
        let wrong =
            |problem: String| Err(SinkError::option("store.endpoint", format!("found `{endpoint}`, {problem}")));
        if parsed.path() != "/" {
            return wrong(
                "which has a path; expected the address of the store alone, and the bucket in `root`".to_owned(),
            );
        }
        let provider = Provider::of(host);
        let bucket = url.bucket();
        if let Some(rest) = host.strip_prefix(&format!("{bucket}."))
            && (provider == Provider::Other || provider.check(url, host, endpoint).is_err())
        {
            return wrong(format!(
                "which has the bucket in it; expected `{}://{rest}`, and the bucket in `root`",
                parsed.scheme()
            ));
        }
        provider.check(url, host, endpoint)?;
        let is_virtual = match (options.addressing, provider) {
            (Some(Addressing::Path), Provider::Oss | Provider::Cos) => {
                let message = format!("is `path`, which `{host}` refuses; expected `virtual`, the default here");
                return Err(SinkError::option("store.addressing", message));
            }
            (Some(Addressing::Virtual), _) if is_number(&parsed) => {
                let message = format!("is `virtual`, but no host can be below `{host}`; expected `path`");
                return Err(SinkError::option("store.addressing", message));
            }
            (Some(way), _) => way == Addressing::Virtual,
            (None, provider) => provider != Provider::Other,
        };
        let port = port(&parsed);
        let below = if is_virtual { format!("{bucket}.") } else { String::new() };
        let region = options.region.clone().or_else(|| provider.region(host)).or_else(|| ambient.region.clone());
        Ok(Self {
            endpoint: format!("{}://{below}{host}{port}", parsed.scheme()),
            // What MinIO and others take if they are not told otherwise.
            region: region.unwrap_or_else(|| "us-east-1".to_owned()),
            is_virtual,
            is_conditional: options.conditional.unwrap_or(provider == Provider::Other),
            store: provider.store(host, &port),
            is_loopback: is_loopback(&parsed),
        })
    }
}

/// Parses an endpoint, and refuses one over which keys and lists would be sent in plain sight.
fn parse(endpoint: &str) -> Result<Url, SinkError> {
    const EXAMPLE: &str = "expected an address such as `https://s3.oss-cn-hangzhou.aliyuncs.com`";
    let wrong = |problem: &str| Err(SinkError::option("store.endpoint", problem.to_owned()));
    let Some(url) = Url::parse(endpoint).ok().filter(|url| url.has_host() && ["http", "https"].contains(&url.scheme()))
    else {
        // Not shown: it may be a key that stands in the wrong place.
        return wrong(&format!("is no address (not shown); {EXAMPLE}"));
    };
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
        return wrong(&format!("has more than an address (not shown); {EXAMPLE}, and keys in keys of their own"));
    }
    if url.scheme() == "http" && !is_loopback(&url) {
        return wrong(&format!(
            "found `{endpoint}`, over which everybody on the way reads the list; expected `https://` (`http://` only to this \
             machine)"
        ));
    }
    Ok(url)
}

fn port(url: &Url) -> String {
    url.port().map(|port| format!(":{port}")).unwrap_or_default()
}

fn is_number(url: &Url) -> bool {
    address(url).is_some()
}

fn address(url: &Url) -> Option<IpAddr> {
    url.host_str()?.trim_matches(['[', ']']).parse().ok()
}

fn is_loopback(url: &Url) -> bool {
    let is_name = |host: &str| host == "localhost" || host.ends_with(".localhost");
    url.host_str().is_some_and(is_name) || address(url).is_some_and(|address| address.is_loopback())
}
