//! Tags: their list, their members, counts that lag, and what can go wrong with one of them.

use super::profiles::row_of;
use super::*;

const TAGS: &str = "/cgi-bin/tags/get";
const MEMBERS: &str = "/cgi-bin/user/tag/get";
const VIP: i32 = 134;

impl Visitor {
    async fn tags_bytes(&self) -> Bytes {
        let path = format!("{TAGS}?access_token={}", self.token);
        self.get(&path).await.unwrap().bytes().await.unwrap()
    }

    /// Returns the tags as `tags/get` states them.
    async fn tags(&self) -> Vec<Value> {
        let reply: Value = serde_json::from_slice(&self.tags_bytes().await).unwrap();
        reply["tags"].as_array().unwrap().clone()
    }

    /// Returns the count of a tag; `None` if `tags/get` does not name it.
    async fn count(&self, id: i32) -> Option<u64> {
        self.tags().await.into_iter().find(|tag| tag["id"] == id).map(|tag| tag["count"].as_u64().unwrap())
    }

    async fn members_page(&self, tag: i32, cursor: &str) -> Value {
        let path = format!("{MEMBERS}?access_token={}", self.token);
        self.post(&path, &json!({ "tagid": tag, "next_openid": cursor })).await
    }

    /// Walks as a client should: to the page without people.
    async fn members(&self, tag: i32) -> Vec<String> {
        let (mut list, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = self.members_page(tag, &cursor).await;
            let openids = openids(&page);
            if openids.is_empty() {
                return list;
            }
            list.extend(openids);
            page["next_openid"].as_str().unwrap().clone_into(&mut cursor);
        }
    }
}

fn builder() -> SimulatorBuilder {
    let tags = [Tag::new(VIP, "VIP", 25), Tag::new(135, "none", 0), Tag::new(136, "all", 1_000)];
    Simulator::builder().followers(100).tags(tags).tag_page_size(10)
}

fn truth(simulator: &SimulatorHandle, tag: i32) -> Vec<String> {
    let roster = simulator.roster(APP_ID);
    roster.members(tag).map(|index| roster.openid(index)).collect()
}

/// Starts a simulator with this effect on the calls for the second page of a tag.
async fn faulty(effect: Effect) -> (SimulatorHandle, Visitor, Vec<String>) {
    let (simulator, visitor) =
        started(builder().fault(Fault::new(Endpoint::TagMembers, When::Page(2), effect).tag(VIP))).await;
    let truth = truth(&simulator, VIP);
    (simulator, visitor, truth)
}

#[tokio::test]
async fn a_walk_finds_every_member_of_a_tag_and_no_page_has_a_total() {
    let (simulator, visitor) = started(builder()).await;
    let members = truth(&simulator, VIP);
    assert_eq!(members.len(), 25);
    assert_eq!(visitor.members(VIP).await, members);
    let last = json!({ "count": 5, "data": { "openid": members[20..] }, "next_openid": members[24] });
    assert_eq!(visitor.members_page(VIP, &members[19]).await, last);
    assert_eq!(visitor.members_page(VIP, &members[24]).await, json!({ "count": 0, "next_openid": "" }));
    assert_eq!(visitor.members_page(135, "").await, json!({ "count": 0, "next_openid": "" }));
    assert_eq!(visitor.members(136).await, simulator.followers(APP_ID).iter().collect::<Vec<_>>());
    let first = &simulator.log()[0];
    assert_eq!((first.tag, first.page, first.start), (Some(VIP), Some(1), Some(0)));
    assert_eq!(simulator.requests().tag_members, 4 + 3 + 11);
    assert_eq!(simulator.calls(Endpoint::TagMembers, APP_ID), 4 + 3 + 11);
}

#[tokio::test]
async fn the_end_of_a_tag_has_what_its_style_says() {
    for (end, expected) in [
        (EndStyle::DataAndCursor, json!({ "count": 0, "data": { "openid": [] }, "next_openid": "" })),
        (EndStyle::Data, json!({ "count": 0, "data": { "openid": [] } })),
        (EndStyle::Nothing, json!({ "count": 0 })),
    ] {
        let (simulator, visitor) = started(builder().page_style(PageStyle { end, ..PageStyle::default() })).await;
        assert_eq!(visitor.members_page(135, "").await, expected);
        assert_eq!(visitor.members(VIP).await, truth(&simulator, VIP));
    }
}

#[tokio::test]
async fn the_list_of_tags_has_the_system_s_and_says_how_many_have_each() {
    let (simulator, visitor) = started(builder()).await;
    let tag = |id: i32, name: &str, count: u64| json!({ "id": id, "name": name, "count": count });
    let expected = [
        tag(0, "未分组", 0),
        tag(1, "黑名单", 0),
        tag(2, "星标组", 0),
        tag(VIP, "VIP", 25),
        tag(135, "none", 0),
        tag(136, "all", 100),
    ];
    assert_eq!(visitor.tags().await, expected);
    let known = simulator.roster(APP_ID).tags();
    assert!(known.iter().map(|known| tag(known.id, &known.name, known.members)).eq(expected.iter().cloned()));
    assert_eq!(simulator.requests().tags, 1);
    let (_simulator, visitor) = started(Simulator::builder()).await;
    assert_eq!(visitor.tags().await, expected[..3]);
    let star = Tag::new(2, "星标组", 3);
    let (simulator, visitor) = started(builder().tags([star])).await;
    assert_eq!((visitor.count(2).await, visitor.members(2).await), (Some(3), truth(&simulator, 2)));
}

#[tokio::test]
async fn names_hold_what_needs_care_and_may_be_written_as_json_forbids() {
    let tags = Tag::some(100);
    for odd in ["😀", "\"", "\n", "\t", "\\", "\u{7}"] {
        assert!(tags.iter().any(|tag| tag.name.contains(odd)), "{odd:?}");
    }
    let (simulator, visitor) = started(Simulator::builder().followers(300_000).tags(tags.clone())).await;
    let stated = visitor.tags().await;
    assert_eq!(stated.len(), 103);
    for (stated, tag) in stated[3..].iter().zip(&tags) {
        assert_eq!((&stated["name"], &stated["count"]), (&json!(tag.name), &json!(tag.members)));
    }
    let escaped = visitor.tags_bytes().await;
    simulator.add_fault(Fault::new(Endpoint::Tags, When::Always, Effect::RawControls));
    let raw = visitor.tags_bytes().await;
    assert!(serde_json::from_slice::<Value>(&raw).is_err());
    let expected =
        String::from_utf8(escaped.to_vec()).unwrap().replace(r"\u0007", "\u{7}").replace(r"\u0014", "\u{14}");
    assert_eq!(raw, expected);
}

#[tokio::test]
async fn profiles_have_the_tags_whose_members_they_are() {
    let (simulator, visitor) = started(builder()).await;
    for profile in simulator.profiles(APP_ID).iter() {
        let tags: Vec<i32> =
            [VIP, 135, 136].into_iter().filter(|&tag| truth(&simulator, tag).contains(&profile.openid)).collect();
        assert_eq!(profile.tagid_list.as_ref(), Some(&tags));
        assert_eq!(visitor.single(&profile.openid).await, row_of(&profile));
    }
    let (simulator, _visitor) = started(Simulator::builder().followers(10).tags(Tag::some(100))).await;
    let most = simulator.profiles(APP_ID).iter().map(|profile| profile.tagid_list.unwrap().len()).max();
    assert_eq!(most, Some(20), "nobody has more, even if more tags have them");
}

#[tokio::test]
async fn members_are_people_who_follow() {
    let (simulator, visitor) = started(builder()).await;
    let before = truth(&simulator, VIP);
    let gone = simulator.roster(APP_ID).index(&before[3]).unwrap();
    simulator.happen(APP_ID, &Event::leave([gone]));
    assert_eq!(visitor.members(VIP).await, [&before[..3], &before[4..]].concat());
    assert_eq!((visitor.count(VIP).await, visitor.count(136).await), (Some(24), Some(99)));
}

#[tokio::test]
async fn a_count_that_lags_heals_when_the_members_are_read_or_after_some_answers() {
    let tags = [
        Tag::new(10, "never", 5).lagging(500, Heals::Never),
        Tag::new(11, "read", 5).lagging(7, Heals::WhenRead),
        Tag::new(12, "later", 5).lagging(0, Heals::After(3)),
    ];
    let (simulator, visitor) = started(Simulator::builder().followers(100).tags(tags)).await;
    let counts = async || [visitor.count(10).await, visitor.count(11).await, visitor.count(12).await];
    assert_eq!(counts().await, [Some(500), Some(7), Some(0)]);
    visitor.members(11).await;
    assert_eq!(counts().await, [Some(500), Some(5), Some(5)]);
    assert!(simulator.roster(APP_ID).tags().iter().skip(3).all(|tag| tag.members == 5), "the truth does not lag");
    let other = Visitor::of(&simulator, "wxother");
    assert_eq!((other.count(11).await, other.count(12).await), (Some(7), Some(0)), "each account on its own");
}

#[tokio::test]
async fn a_deleted_tag_is_refused_and_named_or_not() {
    for named in [false, true] {
        let event = Event::DeleteTag { id: VIP, named };
        let fault = Fault::new(Endpoint::TagMembers, When::Page(1), Effect::Happens(event)).tag(VIP);
        let (simulator, visitor) = started(builder().fault(fault)).await;
        let first = visitor.members_page(VIP, "").await;
        let cursor = first["next_openid"].as_str().unwrap();
        assert_eq!(first["count"], 10, "it is deleted behind this page");
        assert_eq!(visitor.members_page(VIP, cursor).await["errcode"], 45159);
        assert_eq!(visitor.count(VIP).await.is_some(), named);
        assert_eq!(visitor.members(136).await.len(), 100, "the others are left alone");
        assert_eq!(simulator.roster(APP_ID).members(VIP).count(), 0);
    }
    let (_simulator, visitor) = started(builder()).await;
    assert_eq!(visitor.members_page(4_711, "").await["errcode"], 45159, "a tag that never was");
}

#[tokio::test]
async fn one_tag_goes_wrong_and_the_others_do_not() {
    let (simulator, visitor) = started(builder()).await;
    let fault = |effect| Fault::new(Endpoint::TagMembers, When::Always, effect).tag(VIP);
    simulator.add_fault(fault(Effect::errcode(-1)));
    assert_eq!(visitor.members_page(VIP, "").await["errcode"], -1);
    assert_eq!(visitor.members(136).await.len(), 100);
    simulator.clear_faults();
    simulator.add_fault(fault(Effect::EarlyEnd));
    assert_eq!(visitor.members_page(VIP, "").await, json!({ "count": 0, "next_openid": "" }));
    assert_eq!(visitor.count(VIP).await, Some(25), "there is a count, and no data");
    simulator.clear_faults();
    simulator.add_fault(fault(Effect::Stall));
    let path = format!("{}{MEMBERS}?access_token={}", visitor.base_url, visitor.token);
    let stalled = visitor.client.post(path).body(json!({ "tagid": VIP }).to_string()).send().await.unwrap();
    assert!(tokio::time::timeout(Duration::from_millis(50), stalled.bytes()).await.is_err());
    assert_eq!(visitor.members(136).await.len(), 100);
}

#[tokio::test]
async fn a_page_of_a_tag_goes_wrong_as_its_fault_says() {
    let (_simulator, visitor, truth) = faulty(Effect::errcode(40003)).await;
    assert_eq!(visitor.members_page(VIP, &truth[9]).await["errcode"], 40003, "the cursor is refused");
    let (_simulator, visitor, truth) = faulty(Effect::RepeatPage(1)).await;
    assert_eq!(openids(&visitor.members_page(VIP, &truth[9]).await), truth[..10], "the cursor leads back");
    let (_simulator, visitor, truth) = faulty(Effect::Overlap(1)).await;
    assert_eq!(visitor.members(VIP).await, [&truth[..10], &truth[9..]].concat(), "a member comes again");
    let (simulator, visitor, truth) =
        faulty(Effect::Style(PageStyle { extra_keys: true, ..PageStyle::default() })).await;
    assert_eq!(visitor.members(VIP).await, truth);
    simulator.clear_faults();
    let left = simulator.roster(APP_ID).index(&truth[9]).unwrap();
    let leave = Effect::Happens(Event::leave([left]));
    simulator.add_fault(Fault::new(Endpoint::TagMembers, When::Page(1), leave).tag(VIP));
    visitor.members_page(VIP, "").await;
    assert_eq!(visitor.members_page(VIP, &truth[9]).await["errcode"], 40003, "the one at the cursor has left");
    assert_eq!(openids(&visitor.members_page(VIP, &truth[8]).await), truth[10..20]);
}

#[tokio::test]
async fn calls_about_tags_are_checked_as_those_of_wechat() {
    let (_simulator, visitor) = started(builder()).await;
    let members = format!("{MEMBERS}?access_token={}", visitor.token);
    assert_eq!(json_of(visitor.get(&members).await.unwrap()).await["errcode"], 43002);
    let url = format!("{}{members}", visitor.base_url);
    let form = visitor.client.post(&url).body("tagid=134&next_openid=");
    assert_eq!(json_of(form.send().await.unwrap()).await["errcode"], 47001);
    let body = reqwest::Body::wrap(LengthUnknown(http_body_util::Full::from(r#"{"tagid":134}"#)));
    assert_eq!(visitor.client.post(&url).body(body).send().await.unwrap().status(), 412);
    assert_eq!(visitor.post(&members, &json!({})).await["errcode"], 47001, "no tag is named");
    assert_eq!(visitor.post(&members, &json!({ "tagid": VIP })).await["count"], 10, "no cursor is the first page");
    let stranger = visitor.members_page(VIP, "undefined").await;
    assert_eq!(stranger["errcode"], 40003);
    let tags = format!("{TAGS}?access_token={}", visitor.token);
    assert_eq!(visitor.post(&tags, &json!({})).await["errcode"], 43001);
    assert_eq!(json_of(visitor.get(TAGS).await.unwrap()).await["errcode"], 41001);
}

#[tokio::test]
async fn tags_have_calls_of_their_own() {
    let builder = builder().quota_of(Endpoint::Tags, 1).quota_of(Endpoint::TagMembers, 2);
    let (_simulator, visitor) = started(builder).await;
    visitor.tags().await;
    visitor.members_page(VIP, "").await;
    visitor.members_page(135, "").await;
    assert_eq!((visitor.used(TAGS).await, visitor.used(MEMBERS).await), (json!(1), json!(2)));
    assert_eq!(visitor.members_page(136, "").await["errcode"], 45009);
    let refused: Value = serde_json::from_slice(&visitor.tags_bytes().await).unwrap();
    assert_eq!(refused["errcode"], 45009);
}
