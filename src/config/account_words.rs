//! The names that people give to the keys of an account in files of their own, in English and
//! Chinese.
//!
//! `accounts_csv` asks for a column, `load` for an unknown key of `[[accounts]]`.

/// The keys whose value is a reference to a secret.
const REFERENCES: [&str; 2] = ["secret", "token"];

/// Returns the key of an account that another name stands for, as people write it in their own
/// files: `appsecret`, `AppID`, `公众号`.
pub(super) fn meant_key(name: &str) -> Option<&'static str> {
    let plain: String = name.to_lowercase().chars().filter(|letter| !" _-".contains(*letter)).collect();
    let key = match plain.as_str() {
        "name" | "account" | "accountname" | "nickname" | "nick" | "名称" | "名字" | "账号" | "帐号" | "账号名称"
        | "公众号" | "公众号名称" | "昵称" => "name",
        "appid" | "app" | "wxappid" | "wechatappid" | "mpappid" | "应用" | "应用id" | "应用编号" | "开发者id"
        | "公众号id" | "公众号appid" => "app_id",
        "secret" | "appsecret" | "secretkey" | "appkey" | "key" | "clientsecret" | "wxsecret" | "wechatsecret"
        | "wxappsecret" | "密钥" | "应用密钥" | "开发者密码" | "公众号密钥" | "秘钥" => "secret",
        "token" | "accesstoken" | "令牌" | "访问令牌" => "token",
        "secretenv" | "appsecretenv" | "密钥变量" => "secret_env",
        "secretfile" | "appsecretfile" | "密钥文件" => "secret_file",
        "tokenenv" | "accesstokenenv" => "token_env",
        "tokenfile" | "accesstokenfile" => "token_file",
        _ => return None,
    };
    Some(key)
}

/// Returns what to write instead of a key of an account that is none; `None` if that is unknown.
pub(super) fn advice(name: &str) -> Option<String> {
    let meant = meant_key(name)?;
    Some(match meant.rsplit_once('_').filter(|(key, _)| REFERENCES.contains(key)) {
        Some((key, kind)) => format!("write `{key} = {{ {kind} = \"…\" }}`"),
        None if REFERENCES.contains(&meant) => {
            format!("did you mean `{meant}`? It is a reference: `{meant} = {{ env = \"NAME\" }}`")
        }
        None => format!("did you mean `{meant}`?"),
    })
}
