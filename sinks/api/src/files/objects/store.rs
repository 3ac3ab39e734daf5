//! One bucket: whole objects written, read and deleted, and uploads begun.
//!
//! Before it: the storage of a sink's files. Behind it: `client`.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::sync::Arc;

use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey, S3ConditionalPut};
use object_store::azure::{AzureConfigKey, MicrosoftAzure, MicrosoftAzureBuilder};
use object_store::path::Path;
use object_store::{
    ClientOptions, GetOptions, GetResult, ObjectStore, ObjectStoreExt, PutMode, PutPayload, UpdateVersion,
};
use reqwest::Url;

use super::address::{Address, Ambient};
use super::client::{Connector, client_options, retries, wait, watched};
use super::error::Failure;
use super::metadata;
use super::options::StoreOptions;
use super::url::{ObjectUrl, Scheme};
use crate::error::SinkError;

/// Whole objects that are read are short records: manifests and markers.
const RECORD_BYTES: u64 = 16 * 1024 * 1024;

/// A bucket of S3, or a container of Azure. Every call blocks, and is repeated for some 20 seconds
/// if the store does not answer. A clone is the same store.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    url: ObjectUrl,
    service: Service,
    is_conditional: bool,
    name: String,
}

/// The two kinds of store. The difference shows in uploads.
#[derive(Clone)]
pub(super) enum Service {
    S3(Arc<AmazonS3>),
    Azure(Arc<MicrosoftAzure>),
}

impl Service {
    fn store(&self) -> Arc<dyn ObjectStore> {
        match self {
            Self::S3(client) => client.clone(),
            Self::Azure(client) => client.clone(),
        }
    }
}

/// The state of an object, which changes with every write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version(UpdateVersion);

#[cfg(test)]
impl Version {
    /// Makes a state for a double of a store.
    pub(in crate::files) fn of(tag: &str) -> Self {
        Self(UpdateVersion { e_tag: Some(tag.to_owned()), version: None })
    }
}

/// What is known of an object without its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its size in bytes.
    pub bytes: u64,
    /// What was given to [`Store::begin`].
    pub metadata: BTreeMap<String, String>,
    /// Its state.
    pub version: Version,
}

/// What [`Store::put_if_unchanged`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// The object is written.
    Written,
    /// Somebody else has written the object since; it is left as it is.
    Changed,
}

impl Store {
    /// Connects to the bucket of `url`. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// An option that is wrong.
    pub fn open(url: &ObjectUrl, options: &StoreOptions) -> Result<Self, SinkError> {
        Self::open_with(url, options, client_options)
    }

    /// As `open`, with other ways to the host.
    pub(super) fn open_with(
        url: &ObjectUrl,
        options: &StoreOptions,
        client: impl FnOnce(bool) -> ClientOptions,
    ) -> Result<Self, SinkError> {
        super::client::runtime()?;
        let (service, address) = match url.scheme() {
            Scheme::S3 => {
                let environment = AmazonS3Builder::from_env();
                let value = |key| environment.get_config_value(&key);
                let ambient = Ambient {
                    endpoint: value(AmazonS3ConfigKey::S3Endpoint).or_else(|| value(AmazonS3ConfigKey::Endpoint)),
                    region: value(AmazonS3ConfigKey::Region),
                    account: None,
                };
                let address = Address::of(url, options, &ambient)?;
                (Service::S3(Arc::new(s3(url, options, &address, environment, client)?)), address)
            }
            Scheme::Azure => {
                let environment = MicrosoftAzureBuilder::from_env();
                let value = |key| environment.get_config_value(&key);
                let ambient = Ambient {
                    endpoint: value(AzureConfigKey::Endpoint),
                    account: options.account.clone().or_else(|| value(AzureConfigKey::AccountName)),
                    ..Ambient::default()
                };
                let address = Address::of(url, options, &ambient)?;
                let azure = azure(url, options, &address, ambient.account, environment, client)?;
                (Service::Azure(Arc::new(azure)), address)
            }
        };
        let Address { is_conditional, store: name, .. } = address;
        Ok(Self(Arc::new(Inner { url: url.clone(), service, is_conditional, name })))
    }

    /// Returns the bucket and the prefix.
    pub fn url(&self) -> &ObjectUrl {
        &self.0.url
    }

    /// Returns the name of the store that holds the bucket: its host, or its cloud where buckets
    /// have names of their own in all of it.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Returns whether [`put_if_unchanged`](Self::put_if_unchanged) sends its condition.
    pub fn is_conditional(&self) -> bool {
        self.0.is_conditional
    }

    pub(super) fn service(&self) -> &Service {
        &self.0.service
    }

    /// Writes an object, whatever was there.
    ///
    /// # Errors
    ///
    /// If the store does not answer, or refuses.
    pub fn put(&self, key: &str, content: &[u8]) -> Result<(), SinkError> {
        let payload = PutPayload::from(content.to_vec());
        let call = |store: Arc<dyn ObjectStore>, path| async move { store.put(&path, payload).await.map(drop) };
        self.call(key, call)?.map_err(|failure| self.explain(failure, "write", key))
    }

    /// Writes an object if it is in the state `before`; with `None`, if it is not there. Where the
    /// store has no such condition, the object is written in any case.
    ///
    /// # Errors
    ///
    /// If the store does not answer, or refuses.
    pub fn put_if_unchanged(&self, key: &str, content: &[u8], before: Option<&Version>) -> Result<Put, SinkError> {
        if !self.is_conditional() {
            return self.put(key, content).map(|()| Put::Written);
        }
        let mode = before.map_or(PutMode::Create, |version| PutMode::Update(version.0.clone()));
        let payload = PutPayload::from(content.to_vec());
        let call = |store: Arc<dyn ObjectStore>, path| async move {
            store.put_opts(&path, payload, mode.into()).await.map(drop)
        };
        let Err(failure) = self.call(key, call)? else { return Ok(Put::Written) };
        if !failure.is_changed() && !failure.is_temporary() {
            return Err(self.explain(failure, "write", key));
        }
        // If the answer to a first try was lost, the object that is in the way is this one.
        match self.get(key) {
            Ok(Some((found, _))) if found == content => Ok(Put::Written),
            Ok(_) if failure.is_changed() => Ok(Put::Changed),
            Err(error) if failure.is_changed() => Err(error),
            _ => Err(self.explain(failure, "write", key)),
        }
    }

    /// Reads a short object; `None` if it is not there.
    ///
    /// # Errors
    ///
    /// If the store does not answer, or refuses; if the object is larger than any record.
    pub fn get(&self, key: &str) -> Result<Option<(Vec<u8>, Version)>, SinkError> {
        let call = |store: Arc<dyn ObjectStore>, path| async move {
            let result = store.get(&path).await?;
            if result.meta.size > RECORD_BYTES {
                return Ok(None);
            }
            let version = version(&result);
            Ok(Some((result.bytes().await?.to_vec(), version)))
        };
        match self.call(key, call)? {
            Ok(Some(found)) => Ok(Some(found)),
            Ok(None) => {
                let message =
                    format!("`{}` has more than {RECORD_BYTES} bytes; expected a manifest", self.0.url.object(key));
                Err(SinkError::permanent(message))
            }
            Err(failure) if failure.is_missing() => Ok(None),
            Err(failure) => Err(self.explain(failure, "read", key)),
        }
    }

    /// Returns what is known of an object; `None` if it is not there.
    ///
    /// # Errors
    ///
    /// If the store does not answer, or refuses.
    pub fn head(&self, key: &str) -> Result<Option<Head>, SinkError> {
        let call = |store: Arc<dyn ObjectStore>, path| async move {
            store.get_opts(&path, GetOptions { head: true, ..GetOptions::default() }).await
        };
        match self.call(key, call)? {
            Ok(result) => Ok(Some(Head {
                bytes: result.meta.size,
                metadata: metadata::decode(&result.attributes),
                version: version(&result),
            })),
            Err(failure) if failure.is_missing_of_head() => Ok(None),
            Err(failure) => Err(self.explain(failure, "look at", key)),
        }
    }

    /// Deletes an object, if it is there.
    ///
    /// # Errors
    ///
    /// If the store does not answer, or refuses.
    pub fn delete(&self, key: &str) -> Result<(), SinkError> {
        let call = |store: Arc<dyn ObjectStore>, path| async move { store.delete(&path).await };
        match self.call(key, call)? {
            Err(failure) if !failure.is_missing() => Err(self.explain(failure, "delete", key)),
            _ => Ok(()),
        }
    }

    /// Returns the keys below a prefix, for the conformance suite: publishing lists nothing,
    /// because not every store and not every key may.
    #[cfg(feature = "conformance")]
    pub(crate) fn list(&self, prefix: &str) -> Result<Vec<String>, SinkError> {
        let call = |store: Arc<dyn ObjectStore>, path| async move {
            let (mut keys, mut prefixes) = (Vec::new(), vec![path]);
            while let Some(prefix) = prefixes.pop() {
                let found = store.list_with_delimiter(Some(&prefix)).await?;
                keys.extend(found.objects.into_iter().map(|object| object.location.to_string()));
                prefixes.extend(found.common_prefixes);
            }
            Ok(keys)
        };
        self.call(prefix, call)?.map_err(|failure| self.explain(failure, "list", prefix))
    }

    fn call<T: Send + 'static, F>(
        &self,
        key: &str,
        call: impl FnOnce(Arc<dyn ObjectStore>, Path) -> F,
    ) -> Result<Result<T, Failure>, SinkError>
    where
        F: Future<Output = object_store::Result<T>> + Send + 'static,
    {
        let path = parse_key(self, key)?;
        wait(watched(call(self.0.service.store(), path)))
    }

    fn explain(&self, failure: Failure, action: &str, key: &str) -> SinkError {
        failure.explain(action, &self.0.url.object(key))
    }
}

impl fmt::Debug for Store {
    /// Leaves the keys out.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Store")
            .field("url", &self.0.url)
            .field("is_conditional", &self.0.is_conditional)
            .finish_non_exhaustive()
    }
}

/// Takes a key as it is: `Path::from` would encode some of its characters a second time.
pub(super) fn parse_key(store: &Store, key: &str) -> Result<Path, SinkError> {
    Path::parse(key).map_err(|error| {
        SinkError::permanent(format!("`{}` cannot be a key", store.url().object(key))).with_source(error)
    })
}

fn version(result: &GetResult) -> Version {
    Version(UpdateVersion { e_tag: result.meta.e_tag.clone(), version: result.meta.version.clone() })
}

fn s3(
    url: &ObjectUrl,
    options: &StoreOptions,
    address: &Address,
    environment: AmazonS3Builder,
    client: impl FnOnce(bool) -> ClientOptions,
) -> Result<AmazonS3, SinkError> {
    // Keys of the options never meet a token of the environment.
    let mut builder = match (&options.access_key, &options.secret_key) {
        (Some(access_key), Some(secret_key)) => {
            AmazonS3Builder::new().with_access_key_id(access_key.expose()).with_secret_access_key(secret_key.expose())
        }
        _ => environment,
    };
    if let Some(token) = &options.session_token {
        builder = builder.with_token(token.expose());
    }
    let conditions = if address.is_conditional { S3ConditionalPut::ETagMatch } else { S3ConditionalPut::Disabled };
    builder
        .with_client_options(client(address.is_loopback))
        .with_retry(retries())
        .with_http_connector(Connector { host: host(&address.endpoint) })
        .with_bucket_name(url.bucket())
        .with_region(&address.region)
        // Precedes the other endpoint, which the environment may have set as well.
        .with_config(AmazonS3ConfigKey::S3Endpoint, &address.endpoint)
        .with_virtual_hosted_style_request(address.is_virtual)
        .with_conditional_put(conditions)
        .with_disable_bulk_delete(true)
        .build()
        .map_err(|error| SinkError::option("store", "these settings lead to no store").with_source(error))
}

fn azure(
    url: &ObjectUrl,
    options: &StoreOptions,
    address: &Address,
    account: Option<String>,
    environment: MicrosoftAzureBuilder,
    client: impl FnOnce(bool) -> ClientOptions,
) -> Result<MicrosoftAzure, SinkError> {
    let mut builder = match (&options.access_key, &options.sas_token) {
        (Some(key), _) => MicrosoftAzureBuilder::new().with_access_key(key.expose()),
        (None, Some(token)) => MicrosoftAzureBuilder::new().with_config(AzureConfigKey::SasKey, token.expose()),
        (None, None) => environment,
    };
    if let Some(account) = account {
        builder = builder.with_account(account);
    }
    builder
        .with_client_options(client(address.is_loopback))
        .with_retry(retries())
        .with_http_connector(Connector { host: host(&address.endpoint) })
        .with_container_name(url.bucket())
        .with_endpoint(address.endpoint.clone())
        .with_use_emulator(false)
        .build()
        .map_err(|error| SinkError::option("store", "these settings lead to no store").with_source(error))
}

fn host(endpoint: &str) -> String {
    Url::parse(endpoint).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default()
}
