//! What a request asks for: whom it names, or which page of which list.
//!
//! `api` makes it of a request and answers it; the faults and the log know of the request what it
//! says.

use std::sync::Arc;

use super::call::{Call, Endpoint};
use super::page::PagedList;
use super::request::{ApiRequest, BatchQuery, BlacklistQuery, TagQuery};
use super::roster::Roster;
use super::sequence::Sequence;
use super::settings::Settings;

/// What a request asks for.
#[derive(Debug, Default)]
pub(super) struct Question {
    /// Whether the body is as it must be.
    pub(super) is_readable: bool,
    /// The people whom a call for profiles names, each by index; `None` for an OpenID that is
    /// nobody's who follows or has followed.
    pub(super) named: Vec<Option<u64>>,
    /// The tag whose members it asks for.
    pub(super) tag: Option<i32>,
    /// The list whose page it asks for; `None` if there is no such tag.
    pub(super) list: Option<PagedList>,
    /// The position of the first person that it asks for; `None` if the cursor is not in the list.
    pub(super) start: Option<u64>,
}

impl Question {
    /// Returns what a request to `endpoint` asks for, about these people.
    pub(super) fn of(endpoint: Endpoint, request: &ApiRequest, roster: &Roster, settings: &Settings) -> Self {
        let read = match endpoint {
            Endpoint::BatchGet => Self::batch(request, roster),
            Endpoint::UserInfo => Ok(Self::naming(request.parameter("openid"), roster)),
            Endpoint::UserGet => {
                let people = (roster.list_of_followers(), Some(roster.total()), settings.page_sizes.followers);
                Ok(Self::page(people, request.parameter("next_openid").unwrap_or_default(), roster))
            }
            Endpoint::Blacklist => serde_json::from_slice(&request.body).map(|query: BlacklistQuery| {
                let blacklist = roster.blacklist();
                let total = Some(blacklist.len());
                Self::page((blacklist, total, settings.page_sizes.blacklist), &query.begin_openid, roster)
            }),
            Endpoint::TagMembers => serde_json::from_slice(&request.body).map(|query: TagQuery| {
                let page = |tagged| Self::page((tagged, None, settings.page_sizes.tag), &query.next_openid, roster);
                Self { tag: Some(query.tagid), ..roster.tagged(query.tagid).map(page).unwrap_or_default() }
            }),
            Endpoint::Token | Endpoint::StableToken | Endpoint::Tags | Endpoint::Quota | Endpoint::Other => {
                Ok(Self::default())
            }
        };
        read.map_or_else(|_| Self::default(), |question| Self { is_readable: true, ..question })
    }

    fn batch(request: &ApiRequest, roster: &Roster) -> serde_json::Result<Self> {
        let query: BatchQuery<'_> = serde_json::from_slice(&request.body)?;
        Ok(Self::naming(query.user_list.iter().map(|person| &*person.openid), roster))
    }

    fn naming<'a>(openids: impl IntoIterator<Item = &'a str>, roster: &Roster) -> Self {
        Self { named: openids.into_iter().map(|openid| roster.index(openid)).collect(), ..Self::default() }
    }

    fn page((sequence, total, size): (Arc<Sequence>, Option<u64>, u64), cursor: &str, roster: &Roster) -> Self {
        let list = PagedList { people: roster.everybody(), sequence, total, size };
        Self { start: list.start(cursor), list: Some(list), ..Self::default() }
    }

    /// Returns what the log and the faults need to know.
    pub(super) fn call(&self, endpoint: Endpoint, app_id: Option<String>) -> Call {
        let page = self.list.as_ref().zip(self.start).map(|(list, start)| list.page_number(start));
        let start = self.start.or_else(|| self.named.first().copied().flatten());
        let named = self.named.iter().copied().flatten().collect();
        Call { endpoint, app_id, tag: self.tag, page, start, people: self.named.len(), named }
    }
}
