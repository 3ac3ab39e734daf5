//! What WeChat's replies mean: lists, pages, profiles, cursors, error codes, WeChat's day. No
//! network, no disk.
//!
//! Before it: [`source`](crate::source) makes the calls, and hands their replies in. Behind it: the
//! [`journal`](crate::journal) keeps the pages, [`rows`](crate::rows) turns them into Arrow.

mod api_error;
mod blame;
mod chain;
mod credential_form;
mod cursor;
mod day;
mod decode;
mod errcode;
mod escape;
mod host;
mod list;
pub(crate) mod openid_prefix;
mod page;
mod profile;
mod reply;
mod tags;

pub use api_error::ApiError;
pub(crate) use api_error::conceal;
pub use blame::Blame;
pub use chain::{Chain, Link};
pub use credential_form::{CredentialForm, Formed, kind_of, may_be_secret};
pub use cursor::Cursor;
pub(crate) use day::{date as date_in_beijing, in_beijing, next_midnight};
pub use decode::{DecodePath, decode, decode_with, summarize, summarize_with};
pub use errcode::{Class, Reaction};
pub use host::host_identity;
pub use list::{List, PageRequest, Reading};
pub use openid_prefix::OpenidPrefix;
pub use page::{Malformed, Page, PageReply, Summary};
pub use profile::{MalformedProfiles, Profile, ProfileError, ProfileReply, read_profile, read_profiles};
pub use reply::{ReplyError, natural, read_reply, relayed_error};
pub use tags::{Tag, read_tags};
