//! The proxy that requests to a host go through: the one of `source.proxy`, or the one that the
//! environment names (`HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, and their names in lower case,
//! except for the hosts of `NO_PROXY`).
//!
//! `load` and `token` report a proxy that cannot be used before the first call; `source::http`
//! connects through it. The variables mean what they mean to curl and to reqwest. They are read
//! here, and not by reqwest, because reqwest ignores a value that it cannot use, and because an
//! error about a proxy must name the variable.

use std::fmt;

use hyper::Uri;
use hyper_util::client::proxy::matcher::Matcher;
use reqwest::Url;
use reqwest::header::HeaderValue;

use super::address::ProxyUrl;
use super::environment::Environment;

/// The proxy of a request, and the setting that names it. `Display` and `Debug` show no
/// credentials.
#[derive(Clone)]
pub struct ChosenProxy {
    url: Url,
    setting: String,
}

impl ChosenProxy {
    /// Returns the proxy of `source.proxy`.
    pub(crate) fn of_key(proxy: &ProxyUrl) -> Self {
        Self { url: proxy.url().clone(), setting: "source.proxy".to_owned() }
    }

    /// Returns the URL, which may hold a password, to connect with.
    pub(crate) fn expose(&self) -> &Url {
        &self.url
    }

    /// Returns the value of `Proxy-Authorization`, if the URL has a user.
    pub(crate) fn authorization(&self) -> Option<HeaderValue> {
        let matcher = Matcher::builder().all(self.url.as_str()).build();
        matcher.intercept(&Uri::from_static("http://any"))?.basic_auth().cloned()
    }

    /// Returns the key or the variable that names the proxy.
    pub(crate) fn setting(&self) -> &str {
        &self.setting
    }

    /// Returns whether a key of the pipeline file names the proxy, and not a variable.
    pub(crate) fn is_of_key(&self) -> bool {
        self.setting == "source.proxy"
    }
}

impl fmt::Display for ChosenProxy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the proxy {} (`{}`)", self.url.origin().ascii_serialization(), self.setting)
    }
}

impl fmt::Debug for ChosenProxy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "ChosenProxy({self})")
    }
}

/// The proxies that the environment names. `Debug` shows no value: it may hold a password.
#[derive(Clone, Default)]
pub struct EnvironmentProxies {
    environment: Environment,
}

impl EnvironmentProxies {
    pub(super) fn of(environment: &Environment) -> Self {
        Self { environment: environment.clone() }
    }

    /// Returns the proxy for requests to `target`; `None` if they go there directly.
    ///
    /// # Errors
    ///
    /// The variable that decides has a value that cannot be used. The message names it, and does
    /// not show its value.
    pub(crate) fn proxy_for(&self, target: &Url) -> Result<Option<ChosenProxy>, String> {
        let names = match target.scheme() {
            "https" => ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"],
            _ => ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"],
        };
        let Some((name, value)) = names.iter().find_map(|name| Some((name, self.value(name)?))) else {
            return Ok(None);
        };
        if self.is_excepted(target) {
            return Ok(None);
        }
        let proxy = parse(&value).map_err(|problem| format!("the environment variable `{name}` names {problem}"))?;
        Ok(Some(ChosenProxy { url: proxy, setting: (*name).to_owned() }))
    }

    /// Returns whether `NO_PROXY` names the host of `target`. The rules are reqwest's.
    fn is_excepted(&self, target: &Url) -> bool {
        let Some(excepted) = self.value("NO_PROXY").or_else(|| self.value("no_proxy")) else { return false };
        let Ok(uri) = target.as_str().parse::<Uri>() else { return false };
        let matcher = Matcher::builder().all("http://proxy").no(excepted).build();
        matcher.intercept(&uri).is_none()
    }

    /// Returns the value of a variable, unless it is empty. One that is not UTF-8 has a form that
    /// no proxy has.
    fn value(&self, name: &str) -> Option<String> {
        let value = self.environment.get(name)?.to_string_lossy().trim().to_owned();
        (!value.is_empty()).then_some(value)
    }
}

impl fmt::Debug for EnvironmentProxies {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("EnvironmentProxies").finish_non_exhaustive()
    }
}

/// Parses the value of a variable. The message continues "the variable names …".
fn parse(text: &str) -> Result<Url, String> {
    const EXPECTED: &str = "expected an HTTP proxy such as `http://proxy.example:3128` (what was found is not shown: it may \
                            hold a password, in which `/`, `?`, `#` and `@` are written `%2F`, `%3F`, `%23` and `%40`)";
    let with_scheme = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let unusable = || format!("a proxy that is no URL; {EXPECTED}");
    let url = Url::parse(&with_scheme).map_err(|_| unusable())?;
    match url.scheme() {
        "http" | "https" => {}
        scheme if scheme.starts_with("socks") => {
            return Err(format!("a SOCKS proxy (`{scheme}://`), which is not built in; {EXPECTED}"));
        }
        scheme => return Err(format!("a proxy of the unknown kind `{scheme}://`; {EXPECTED}")),
    }
    if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
        return Err(format!("a proxy with more behind its host; {EXPECTED}"));
    }
    if url.host_str().is_none_or(|host| host.is_empty() || host.contains(['$', '{', '<', '%'])) {
        return Err(unusable());
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WECHAT: &str = "https://api.weixin.qq.com";

    fn chosen(target: &str, variables: &[(&str, &str)]) -> Result<Option<String>, String> {
        let environment: Environment = variables.iter().copied().collect();
        let proxy = EnvironmentProxies::of(&environment).proxy_for(&Url::parse(target).unwrap())?;
        Ok(proxy.map(|proxy| format!("{proxy} {proxy:?}")))
    }

    #[test]
    fn the_variable_that_decides_is_named_without_its_password() {
        for (target, variables, expected) in [
            (WECHAT, &[("HTTPS_PROXY", "http://p:1")][..], "http://p:1 (`HTTPS_PROXY`)"),
            (WECHAT, &[("https_proxy", "p:1"), ("ALL_PROXY", "http://q:1")], "http://p:1 (`https_proxy`)"),
            (WECHAT, &[("HTTPS_PROXY", " "), ("all_proxy", "https://q:1/")], "https://q:1 (`all_proxy`)"),
            (WECHAT, &[("HTTPS_PROXY", "http://corp:hunter2@p:3128")], "http://p:3128 (`HTTPS_PROXY`)"),
            (WECHAT, &[("HTTPS_PROXY", "corp:hunter2@p:3128")], "http://p:3128 (`HTTPS_PROXY`)"),
            ("http://a.b", &[("HTTP_PROXY", "http://p:1"), ("HTTPS_PROXY", "q")], "http://p:1 (`HTTP_PROXY`)"),
        ] {
            let proxy = chosen(target, variables).unwrap().unwrap();
            assert_eq!(proxy, format!("the proxy {expected} ChosenProxy(the proxy {expected})"));
        }
        for variables in [&[][..], &[("HTTP_PROXY", "http://p:1")], &[("HTTPS_PROXY", ""), ("NO_PROXY", "*")]] {
            assert_eq!(chosen(WECHAT, variables), Ok(None), "{variables:?}");
        }
    }

    #[test]
    fn a_host_of_no_proxy_is_reached_directly_whatever_the_proxy() {
        let proxy = |name: &'static str, excepted| {
            let variables = [("HTTPS_PROXY", "http://p:1"), (name, excepted)];
            chosen(WECHAT, &variables).unwrap().is_some()
        };
        for excepted in ["*", "api.weixin.qq.com", ".weixin.qq.com", "qq.com", "a.b, weixin.qq.com"] {
            assert!(!proxy("NO_PROXY", excepted) && !proxy("no_proxy", excepted), "{excepted}");
        }
        for excepted in ["a.b", "in.qq.com", "127.0.0.1"] {
            assert!(proxy("NO_PROXY", excepted), "{excepted}");
        }
        // A value that cannot be used does not matter then.
        assert_eq!(chosen(WECHAT, &[("HTTPS_PROXY", "socks5://p:1"), ("NO_PROXY", "qq.com")]), Ok(None));
    }

    #[test]
    fn a_value_that_cannot_be_used_is_an_error_that_does_not_show_it() {
        for (value, problem) in [
            ("socks5://corp:hunter2@p:1080", "a SOCKS proxy (`socks5://`), which is not built in"),
            ("socks5h://p:1080", "a SOCKS proxy (`socks5h://`)"),
            ("socks4://p:1080", "a SOCKS proxy (`socks4://`)"),
            ("SOCKS5://p:1080", "a SOCKS proxy (`socks5://`)"),
            ("ftp://corp:hunter2@p", "a proxy of the unknown kind `ftp://`"),
            ("http://", "a proxy that is no URL"),
            ("http://corp:hunter2@", "a proxy that is no URL"),
            ("http://p:port", "a proxy that is no URL"),
            ("http://p:99999", "a proxy that is no URL"),
            ("http://corp:hunter2@p p:1", "a proxy that is no URL"),
            ("http://corp:hun#ter2@p:1", "a proxy that is no URL"),
            ("http://corp:hunter2@p:1/proxy.pac", "a proxy with more behind its host"),
            ("http://corp/hunter2@p:1", "a proxy with more behind its host"),
            ("${PROXY}", "a proxy that is no URL"),
            ("http://$PROXY:3128", "a proxy that is no URL"),
        ] {
            for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
                let error = chosen(WECHAT, &[(name, value)]).unwrap_err();
                assert!(
                    error.starts_with(&format!("the environment variable `{name}` names {problem}")),
                    "{value}: {error}"
                );
                assert!(!error.contains("hun"), "{error}");
            }
        }
    }
}
