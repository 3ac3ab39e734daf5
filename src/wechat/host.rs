//! WeChat's own hosts, which count as one.

/// WeChat's own hosts, which serve the same accounts.
///
/// <https://developers.weixin.qq.com/doc/service/Basic_Information/Interface_field_description.html>
const OFFICIAL_HOSTS: [&str; 5] =
    ["api.weixin.qq.com", "api2.weixin.qq.com", "sh.api.weixin.qq.com", "sz.api.weixin.qq.com", "hk.api.weixin.qq.com"];

/// Returns the name under which the lists of a host are kept apart from those of others: WeChat's own count as one.
pub fn host_identity(host: &str) -> &str {
    if OFFICIAL_HOSTS.contains(&host) { "official" } else { host }
}
