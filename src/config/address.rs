//! The URLs of the API and of the proxy: `https` except on this machine, and without credentials.
//!
//! `section` has them as fields; `source` connects to them.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use fanout_sink::schemars::{self, JsonSchema};
use reqwest::Url;
use serde::{Deserialize, Serialize, Serializer};

/// Scheme, host and port of an API, and the path that a gateway serves it at, if there is one;
/// `https` only, unless the host is this machine.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(with = "String")]
#[serde(try_from = "String")]
pub struct BaseUrl(Url);

impl BaseUrl {
    /// Returns the address of the WeChat Official Account API.
    pub(super) fn wechat() -> Self {
        Self(Url::parse("https://api.weixin.qq.com").expect("this URL parses"))
    }

    /// Returns the URL.
    pub fn url(&self) -> &Url {
        &self.0
    }

    /// Returns the host without the port; an IPv6 address stands in brackets.
    pub fn host(&self) -> &str {
        // Never empty: `parse` refuses a URL without a host.
        self.0.host_str().unwrap_or_default()
    }

    /// Returns whether the host is this machine.
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.0)
    }

    /// Returns the path that stands before every path of the API, without a slash at its end; empty
    /// if there is none.
    pub fn path(&self) -> &str {
        self.0.path().trim_end_matches('/')
    }

    /// Returns the URL of `path`, which starts with `/`.
    pub fn join(&self, path: &str) -> Url {
        let mut url = self.0.clone();
        url.set_path(&format!("{}{path}", self.path()));
        url
    }
}

impl FromStr for BaseUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const EXPECTED: &str = "expected scheme, host and port, and a path at most, such as `https://api.weixin.qq.com` or `https://gateway/wx`";
        let url = parse(text, EXPECTED)?;
        if url.query().is_some() || url.fragment().is_some() || url.path().contains("//") {
            return Err(format!("found {text:?}, {EXPECTED}"));
        }
        if url.path().split('/').any(|name| name == "cgi-bin") {
            return Err(format!(
                "found {text:?}, expected it without `/cgi-bin`, with which the path of each call begins"
            ));
        }
        match url.scheme() {
            "https" => Ok(Self(url)),
            "http" if is_loopback(&url) => Ok(Self(url)),
            "http" => Err(format!(
                "found {text:?}, expected `https://`: a token must not travel in the clear (`http://` is for this machine)"
            )),
            _ => Err(format!("found {text:?}, {EXPECTED}")),
        }
    }
}

impl TryFrom<String> for BaseUrl {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

impl Serialize for BaseUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The proxy that requests go through: `http://host:port` or `https://host:port`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(with = "String")]
#[serde(try_from = "String")]
pub struct ProxyUrl(Url);

impl ProxyUrl {
    /// Returns the URL.
    pub fn url(&self) -> &Url {
        &self.0
    }
}

impl TryFrom<String> for ProxyUrl {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        const EXPECTED: &str = "expected a proxy such as `http://proxy.example:3128`";
        let url = parse(&text, EXPECTED)?;
        if matches!(url.scheme(), "http" | "https") && url.path() == "/" && url.query().is_none() {
            Ok(Self(url))
        } else {
            Err(format!("found {text:?}, {EXPECTED}"))
        }
    }
}

/// Parses a URL that has a host and no credentials. The message repeats it unless it may hold a
/// password.
fn parse(text: &str, expected: &str) -> Result<Url, String> {
    let parsed = Url::parse(text);
    let has_user = |url: &Url| !url.username().is_empty() || url.password().is_some();
    // A URL that does not parse may hold a password, too.
    if text.contains('@') && parsed.as_ref().map_or(true, has_user) {
        return Err(format!("found credentials in a URL, {expected}"));
    }
    let url = parsed.map_err(|error| format!("found {text:?} ({error}), {expected}"))?;
    if url.host_str().is_none_or(str::is_empty) {
        return Err(format!("found {text:?}, {expected}"));
    }
    Ok(url)
}

/// Returns whether the host of `url` is this machine.
pub(super) fn is_loopback(url: &Url) -> bool {
    url.host_str().is_some_and(|host| {
        let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_travels_in_the_clear_on_this_machine_only() {
        for text in ["http://127.0.0.1:8080", "http://localhost", "http://[::1]:1", "https://api.weixin.qq.com/"] {
            assert_eq!(text.parse::<BaseUrl>().unwrap().to_string(), text.trim_end_matches('/'));
        }
        for text in
            ["http://api.weixin.qq.com", "http://127.0.0.1.example.com", "http://localhost.example", "ftp://localhost"]
        {
            assert!(text.parse::<BaseUrl>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_base_has_a_host_and_a_path_at_most() {
        for text in [
            "https://a.b/cgi-bin",
            "https://a.b/wx/cgi-bin/",
            "https://a.b/wx?",
            "https://a.b//wx",
            "https://a.b/?x=1",
            "https://a.b/#x",
            "https://",
            "a.b",
            "",
        ] {
            assert!(text.parse::<BaseUrl>().is_err(), "{text}");
        }
        let base: BaseUrl = "https://a.b:8443".parse().unwrap();
        assert_eq!(base.join("/cgi-bin/user/get").as_str(), "https://a.b:8443/cgi-bin/user/get");
        for (text, path) in
            [("https://a.b", ""), ("https://a.b/wx", "/wx"), ("https://a.b/wx/", "/wx"), ("https://a.b/x/wx/", "/x/wx")]
        {
            let base: BaseUrl = text.parse().unwrap();
            assert_eq!(base.path(), path);
            assert_eq!(base.join("/cgi-bin/token").as_str(), format!("https://a.b{path}/cgi-bin/token"));
            assert_eq!(base.to_string(), format!("https://a.b{path}"));
        }
    }

    #[test]
    fn credentials_are_refused_and_not_repeated() {
        for text in ["https://me:hunter2@a.b", "http://me:hunter2@proxy:99999999", "hunter2@"] {
            for error in [text.parse::<BaseUrl>().unwrap_err(), ProxyUrl::try_from(text.to_owned()).unwrap_err()] {
                assert!(!error.contains("hunter2"), "{error}");
            }
        }
    }
}
