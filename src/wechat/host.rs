//! WeChat's own hosts, which serve the same accounts and so count as one.
//!
//! The engine puts the identity of the host into the header of each walk.

/// WeChat's own hosts.
///
/// <https://developers.weixin.qq.com/doc/service/Basic_Information/Interface_field_description.html>
const OFFICIAL_HOSTS: [&str; 5] =
    ["api.weixin.qq.com", "api2.weixin.qq.com", "sh.api.weixin.qq.com", "sz.api.weixin.qq.com", "hk.api.weixin.qq.com"];

/// Returns the name that keeps the lists of `host` apart from those of other hosts: `official` for
/// WeChat's own hosts, else the host itself.
pub fn host_identity(host: &str) -> &str {
    if OFFICIAL_HOSTS.contains(&host) { "official" } else { host }
}
