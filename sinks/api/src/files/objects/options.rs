//! `[sinks.<name>.options.store]`: how a store is reached.
//!
//! Before it: the pipeline file. Behind it: `address` and `store`.

use schemars::JsonSchema;
use serde::Deserialize;

#[cfg(feature = "object-store")]
use super::url::Scheme;
#[cfg(feature = "object-store")]
use crate::error::SinkError;
use crate::secret::Secret;

/// `store`: where an object store is, and the keys to it.
///
/// Without keys, those of the environment are taken: for `s3://` the variables `AWS_…`, the role of
/// a Kubernetes service account, of a container or of a machine; for `az://` the variables
/// `AZURE_…`, a workload identity or a managed identity.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StoreOptions {
    /// The address of the store without the bucket, such as `https://s3.oss-cn-hangzhou.aliyuncs.com`.
    /// By default AWS, or the account's address in Azure.
    #[serde(default)]
    pub endpoint: Option<String>,
    /// The region of the bucket. By default the one in the endpoint, or in `AWS_REGION`.
    #[serde(default)]
    pub region: Option<String>,
    /// Where the bucket stands in an address. By default in the host for AWS, OSS and COS, and in
    /// the path elsewhere.
    #[serde(default)]
    pub addressing: Option<Addressing>,
    /// The access key of `s3://`, or the account key of `az://`.
    #[serde(default)]
    pub access_key: Option<Secret>,
    /// The secret key of `s3://`.
    #[serde(default)]
    pub secret_key: Option<Secret>,
    /// The token that goes with temporary keys of `s3://`.
    #[serde(default)]
    pub session_token: Option<Secret>,
    /// The storage account of `az://`.
    #[serde(default)]
    pub account: Option<String>,
    /// A shared access signature of `az://`, instead of the account key.
    #[serde(default)]
    pub sas_token: Option<Secret>,
    /// Whether the store honours `If-Match` and `If-None-Match` when an object is written. By
    /// default it does, except OSS and COS.
    #[serde(default)]
    pub conditional: Option<bool>,
}

/// `store.addressing`: where the bucket stands in an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Addressing {
    /// `https://bucket.host/key`
    Virtual,
    /// `https://host/bucket/key`
    Path,
}

#[cfg(feature = "object-store")]
impl StoreOptions {
    /// Checks that the options fit the kind of store, and each other.
    pub(super) fn check(&self, scheme: Scheme) -> Result<(), SinkError> {
        let foreign = match scheme {
            Scheme::S3 => [("account", self.account.is_some()), ("sas_token", self.sas_token.is_some())].to_vec(),
            Scheme::Azure => [
                ("region", self.region.is_some()),
                ("addressing", self.addressing.is_some()),
                ("secret_key", self.secret_key.is_some()),
                ("session_token", self.session_token.is_some()),
            ]
            .to_vec(),
        };
        if let Some((name, _)) = foreign.iter().find(|(_, is_set)| *is_set) {
            let (here, there) = match scheme {
                Scheme::S3 => ("s3", "az"),
                Scheme::Azure => ("az", "s3"),
            };
            return Err(SinkError::option(
                format!("store.{name}"),
                format!("belongs to `{there}://`, and `root` begins with `{here}://`"),
            ));
        }
        match scheme {
            Scheme::S3 => self.check_pair(),
            Scheme::Azure if self.access_key.is_some() && self.sas_token.is_some() => {
                Err(SinkError::option("store.sas_token", "is set beside `access_key`; expected one of the two"))
            }
            Scheme::Azure => Ok(()),
        }
    }

    fn check_pair(&self) -> Result<(), SinkError> {
        let missing = |name: &str, other: &str| {
            Err(SinkError::option(
                format!("store.{name}"),
                format!("is missing beside `{other}`; expected both or none"),
            ))
        };
        match (&self.access_key, &self.secret_key, &self.session_token) {
            (Some(_), None, _) => missing("secret_key", "access_key"),
            (None, Some(_), _) => missing("access_key", "secret_key"),
            (None, None, Some(_)) => missing("access_key", "session_token"),
            _ => Ok(()),
        }
    }
}
