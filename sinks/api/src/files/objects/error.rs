//! What a store answered, as an error of a sink: what failed, on which object, and what to do.
//!
//! Before it: `client`, which sees every answer. Behind it: the engine, which repeats the step or
//! reports the error. Nothing of a request is kept, and of an answer only its code and its first
//! sentence: elsewhere there may be signatures, tokens and keys.

use std::error::Error;
use std::fmt;

use object_store::client::{HttpError, HttpErrorKind};

use crate::error::SinkError;

/// A sentence of a store is cut here.
const SENTENCE: usize = 300;
/// What stands before a secret in an address or in a request that a store repeats.
const SECRETS: [&str; 6] = ["sig=", "signature=", "x-amz-", "x-ms-", "authorization", "token="];

/// Why a call failed.
#[derive(Clone, Debug, Default)]
pub(super) struct Failure {
    /// The status of the answer; `None` if there was none.
    pub(super) status: Option<u16>,
    /// The store's own name of the error, such as `NoSuchBucket`.
    pub(super) code: String,
    /// What the store or the network says of it.
    sentence: String,
    host: String,
    /// Whether the host only gives out keys: it is no store.
    gives_keys: bool,
}

impl Failure {
    /// Notes an answer that is an error. `text` is XML, or empty.
    pub(super) fn of_answer(status: u16, text: &str, host: String, gives_keys: bool) -> Self {
        let code = element(text, "Code").filter(|code| code.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        let message = element(text, "Message").unwrap_or_default();
        // Azure writes the time and a number on further lines.
        let sentence = message.lines().next().unwrap_or_default().chars().take(SENTENCE).collect::<String>();
        let lower = sentence.to_lowercase();
        let sentence = if SECRETS.iter().any(|name| lower.contains(name)) { String::new() } else { sentence };
        Self { status: Some(status), code: code.unwrap_or_default(), sentence, host, gives_keys }
    }

    /// Notes that there was no answer.
    pub(super) fn of_transport(error: &HttpError, host: String, gives_keys: bool) -> Self {
        let code = if error.kind() == HttpErrorKind::Timeout { "timeout" } else { "" };
        // `object_store` has taken the address out of it.
        let mut sentence = String::new();
        let mut cause = error.source();
        while let Some(error) = cause {
            let text = error.to_string();
            if !sentence.contains(&text) {
                let separator = if sentence.is_empty() { "" } else { ": " };
                sentence.push_str(separator);
                sentence.push_str(&text);
            }
            cause = error.source();
        }
        Self { status: None, code: code.to_owned(), sentence, host, gives_keys }
    }

    /// Adds what only `object_store` knows.
    pub(super) fn completed(self, error: &object_store::Error) -> Self {
        use object_store::Error as E;
        if self.status.is_some() || !self.sentence.is_empty() {
            return self;
        }
        let status = match error {
            E::NotFound { .. } => Some(404),
            E::AlreadyExists { .. } | E::Precondition { .. } => Some(412),
            E::PermissionDenied { .. } => Some(403),
            E::Unauthenticated { .. } => Some(401),
            _ => None,
        };
        Self { status, sentence: "its answer is not the one of an object store".to_owned(), ..self }
    }

    /// Returns whether there is no such object. A bucket that is missing is an error, and so is a
    /// 404 without the store's word for it: a proxy, or a wrong endpoint, answers with one, too.
    pub(super) fn is_missing(&self) -> bool {
        // Azure deletes in a batch, whose own status is a success.
        ["NoSuchKey", "NoSuchVersion", "BlobNotFound"].contains(&self.code.as_str())
    }

    /// As `is_missing`, of an answer to HEAD, which has no content and so no code.
    pub(super) fn is_missing_of_head(&self) -> bool {
        self.is_missing() || (self.status == Some(404) && self.code.is_empty())
    }

    fn is_missing_bucket(&self) -> bool {
        ["NoSuchBucket", "ContainerNotFound"].contains(&self.code.as_str())
    }

    /// Returns whether the object is not as the call expected it.
    pub(super) fn is_changed(&self) -> bool {
        self.status == Some(412) || self.code == "BlobAlreadyExists"
    }

    /// Returns whether the parts that were sent are gone: the upload was aborted, or took too long.
    pub(super) fn is_missing_upload(&self) -> bool {
        self.code == "NoSuchUpload" || self.code == "InvalidBlockList"
    }

    /// Returns whether the same call may succeed later.
    pub(super) fn is_temporary(&self) -> bool {
        match self.status {
            // A certificate that is not trusted stays so.
            None => !self.sentence.contains("certificate"),
            Some(501) => false,
            Some(status @ (200..=299 | 500..=599)) => {
                status >= 500 || self.code == "InternalError" || self.code == "SlowDown"
            }
            Some(408 | 409 | 425 | 429) => true,
            Some(_) => ["RequestTimeout", "SlowDown", "ServerBusy"].contains(&self.code.as_str()),
        }
    }

    /// Makes the error of `action` (`write`, `read` …) on the object with this URL.
    pub(super) fn explain(self, action: &str, object: &str) -> SinkError {
        let message = format!("cannot {action} `{object}`");
        let error = if self.is_temporary() { SinkError::temporary(message) } else { SinkError::permanent(message) };
        match self.hint() {
            Some(hint) => error.with_hint(hint).with_source(self),
            None => error.with_source(self),
        }
    }

    fn hint(&self) -> Option<&'static str> {
        let code = self.code.as_str();
        if self.gives_keys && self.status.is_none() {
            return Some(
                "this host gives out the keys of a role: run again when it answers; without a role, set `access_key` and \
                 `secret_key` in `store` (in `az://` `access_key` or `sas_token`)",
            );
        }
        if self.gives_keys {
            return Some(
                "no keys are set in `store`, and the environment gives none: set `access_key` and `secret_key` (in `az://` \
                 `access_key` or `sas_token`), or run where a role is attached",
            );
        }
        if self.is_missing_bucket() {
            return Some("create it, or correct the name in `root` and the region in `store.region`");
        }
        Some(match (self.status?, code) {
            (_, "RequestTimeTooSkewed") => "the clock of this machine is wrong; set it",
            (_, "ExpiredToken" | "InvalidToken" | "TokenRefreshRequired") => {
                "the keys have expired; get new ones, and run again: the journal keeps what was fetched"
            }
            (400, "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException") | (301 | 307, _) => {
                "the bucket is in another region, or at another address: correct `store.region` or `store.endpoint`"
            }
            (401 | 403, _) => {
                "check the keys in `store`, or those of the environment, and what they may do: PutObject, \
                 AbortMultipartUpload, GetObject and DeleteObject below the prefix, and ListBucket, because without it a \
                 missing object is also refused"
            }
            (501, _) => {
                "this store has no such call; if it refuses `If-None-Match` and `If-Match`, set `store.conditional = false`"
            }
            (507, _) => "the store is full; make room, and run again: the journal keeps what was fetched",
            _ => return None,
        })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = &self.host;
        match (self.status, self.code.as_str()) {
            (Some(status), "") => write!(formatter, "`{host}` answered {status}")?,
            (Some(status), code) => write!(formatter, "`{host}` answered {status} {code}")?,
            (None, "timeout") => write!(formatter, "`{host}` did not answer in time")?,
            (None, _) => write!(formatter, "no answer from `{host}`")?,
        }
        if self.sentence.is_empty() { Ok(()) } else { write!(formatter, ": {}", self.sentence) }
    }
}

impl Error for Failure {}

/// Returns the text of the first element `name` in an XML of a few lines.
fn element(text: &str, name: &str) -> Option<String> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    let (value, _) = rest.split_once(&format!("</{name}>"))?;
    let plain = value.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&apos;", "'");
    Some(plain.replace("&amp;", "&").trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_of_keys_that_does_not_answer_is_asked_again_later() {
        let refused = || HttpError::new(HttpErrorKind::Connect, std::io::Error::other("connection refused"));
        let error = Failure::of_transport(&refused(), "sts.example".to_owned(), true).explain("write", "s3://lake/x");
        assert!(error.is_temporary() && error.hint().unwrap().contains("run again when it answers"), "{error}");
        let error = Failure::of_answer(403, "", "sts.example".to_owned(), true).explain("write", "s3://lake/x");
        assert!(!error.is_temporary() && error.hint().unwrap().contains("no keys are set"), "{error}");
    }

    #[test]
    fn only_the_store_itself_says_that_an_object_is_missing() {
        let answer = |status, code: &str| {
            let text = if code.is_empty() { String::new() } else { format!("<Error><Code>{code}</Code></Error>") };
            let failure = Failure::of_answer(status, &text, "store.example".to_owned(), false);
            (failure.is_missing(), failure.is_missing_of_head())
        };
        for (status, code, expected) in [
            (404, "NoSuchKey", (true, true)),
            (404, "NoSuchVersion", (true, true)),
            (404, "BlobNotFound", (true, true)),
            (404, "", (false, true)),
            (404, "NoSuchBucket", (false, false)),
            (404, "NoSuchUpload", (false, false)),
            (403, "", (false, false)),
        ] {
            assert_eq!(answer(status, code), expected, "{status} {code}");
        }
    }
}
