//! What a person can do about an error of the source.
//!
//! Before it: a call has failed for good. Behind it: the report of the run, and the command line,
//! print the hint below the error.

use rustls::CertificateError;

use super::call_error::CallError;
use super::error::SourceError;
use crate::wechat::{ApiError, date_in_beijing, next_midnight};

impl SourceError {
    /// Returns whether the hint of a failed call suits a token server as well: it is about an
    /// answer of WeChat, about the server's own error, or about the proxy.
    fn is_explained(&self) -> bool {
        let explained = matches!(self, Self::Call { error: CallError::Proxy(_) | CallError::Refused { .. }, .. });
        explained || self.api_error().is_some()
    }

    /// Returns what a person can do about it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Call { error, .. } => call_hint(error),
            Self::TokenRefused { again: 1.., .. } => {
                "fanout does not renew a token of another program: see why that program keeps one that WeChat no longer takes"
                    .to_owned()
            }
            Self::TokenRefused { .. } => {
                "fanout does not renew a token of another program; put a valid one there and run again".to_owned()
            }
            Self::TokenRelayed { error, .. } => error.hint(),
            Self::TokenServer { error, .. } if error.is_explained() => return error.hint(),
            Self::Platform { error, .. } => return error.api_error().map(ApiError::platform_hint),
            Self::TokenServer { .. } => "check the token server, and `token_endpoint` of this account".to_owned(),
            Self::TokenCommand { .. } => {
                "run the program by hand in the folder of the pipeline file; it must write the token, and nothing else, to \
                 standard output"
                    .to_owned()
            }
            Self::BoundAnew => {
                "the walk is given up; the next one, in this run or in a later one, asks for everybody".to_owned()
            }
            Self::AllRefused { .. } | Self::StrangersOnly { .. } => {
                "the token seems to belong to another account than the followers: check `app_id` and the credential of this \
                 account; the next run begins a new walk"
                    .to_owned()
            }
            Self::TooManyRefused { limit_percent, .. } => format!(
                "more than {limit_percent} % have no profile (`profiles.max_refused_percent`); the next run begins a new \
                 walk, and `fanout run --fresh` reads the followers anew as well"
            ),
            Self::TooManyElements { .. } => {
                "WeChat documents 100; check what stands between this machine and WeChat (`source.base_url`, a proxy); the \
                 next run begins a new walk"
                    .to_owned()
            }
            Self::DayOver { at, .. } | Self::BatchesLeft { at, .. } => {
                format!("run again after {}; the walk continues where it stopped", next_midnight(*at))
            }
            Self::QuotaTooSmall { at, .. } => format!(
                "run again after {}, or set `source.quota.refuse = false` to begin today and continue then",
                next_midnight(*at)
            ),
            Self::TooManyDays { days, .. } => format!(
                "it would begin anew for ever: set `profiles.resume_within_days` to {days} or more; under \
                 `profiles.refresh_days` later lists take fewer calls"
            ),
            Self::NotBegun { at, .. } => {
                let (date, tomorrow) = (date_in_beijing(*at), next_midnight(*at));
                format!("run again after {tomorrow}; `--date {date}` begins it today all the same")
            }
            Self::RetriesSpent { error, .. } => {
                let hint = error.hint().unwrap_or_default();
                format!("the connection to WeChat is poor: raise `source.retry.walk_budget` if that is usual here; {hint}")
            }
            Self::CursorLost { cursor, .. } if cursor.is_start() => {
                "no cursor was sent: check what stands between this machine and WeChat (`source.base_url`, a proxy); the \
                 `rid` finds the call in WeChat's API diagnosis for 7 days"
                    .to_owned()
            }
            Self::CursorLost { .. } => "start a new walk with `--fresh`".to_owned(),
            Self::Short { limit_percent, .. } => format!(
                "more than {limit_percent} % are missing (`source.max_shortfall_percent`); run again to read the end once more, or start a new walk with `--fresh`"
            ),
            Self::ShortOfCount { people: 0, .. } => {
                "this is known of old, large tags; run again later, and ask WeChat if it stays".to_owned()
            }
            Self::ShortOfCount { limit_percent, .. } => format!(
                "more than {limit_percent} % are missing (`source.max_shortfall_percent`); WeChat counts late, so run again \
                 later"
            ),
            Self::TokenUnreadable(_) | Self::CaFile { .. } | Self::Setup(_) => return None,
        })
    }
}

fn call_hint(error: &CallError) -> String {
    let hint = match error {
        CallError::Api(error) => return error.hint(),
        CallError::Proxy(error) => return error.hint.clone(),
        CallError::Refused { .. } => {
            "the token server says what is wrong, and its log may say more; if this is how it says that all is well, leave out \
             `error_pointer`"
        }
        CallError::Status { status: 412, .. } => {
            "HTTP 412 is WeChat's answer to a POST without `Content-Length`: a proxy on the way may have removed it"
        }
        CallError::Status { status: 429 | 500..=599, .. } => {
            "WeChat, or a proxy on the way, cannot answer now; run again later, the walk continues where it stopped"
        }
        CallError::Status { .. } => {
            "this is not how WeChat answers: check `source.base_url`, and the proxy if there is one"
        }
        CallError::Malformed(_) | CallError::Loop { .. } => {
            "run again later, the walk continues where it stopped; if the error stays, start a new walk with `--fresh`"
        }
        CallError::Redirect(_) => "set `source.base_url` to the final address",
        CallError::TooLarge { .. } => "raise `source.max_reply_bytes` if a reply may be this long",
        CallError::Connection(_) | CallError::Timeout(_) => {
            "check the network and `source.base_url`; if only a proxy leads out of it, `HTTPS_PROXY` or `source.proxy` names \
             the proxy; the walk continues where it stopped"
        }
        CallError::Certificate(rustls::Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        )) => "the certificate belongs to another host: check `source.base_url`",
        CallError::Certificate(_) => {
            "if a proxy or an authority of your own signed it, name their certificate in `source.ca_file`; else check \
             `source.base_url` and the clock of this machine"
        }
    };
    hint.to_owned()
}
