//! The blacklist: the pages of a list of followers under another address, and who is on it.

use super::*;

const BLACKLIST: &str = "/cgi-bin/tags/members/getblacklist";
const PEOPLE: u64 = 25;

impl Visitor {
    async fn blacklist_page(&self, body: &Value) -> Value {
        self.post(&format!("{BLACKLIST}?access_token={}", self.token), body).await
    }

    /// Walks as a client should: to the page without people.
    async fn blacklist(&self) -> Vec<String> {
        let (mut list, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = self.blacklist_page(&json!({ "begin_openid": cursor })).await;
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
    Simulator::builder().followers(30).blacklisted(PEOPLE).blacklist_page_size(10)
}

fn truth(simulator: &SimulatorHandle) -> Vec<String> {
    let roster = simulator.roster(APP_ID);
    roster.blocked().map(|index| roster.openid(index)).collect()
}

#[tokio::test]
async fn a_walk_finds_everyone_on_the_blacklist_and_its_pages_are_those_of_wechat() {
    let (simulator, visitor) = started(builder()).await;
    let truth = truth(&simulator);
    assert_eq!(truth.len() as u64, PEOPLE);
    assert_eq!(visitor.blacklist().await, truth);
    let page = visitor.blacklist_page(&json!({ "begin_openid": truth[19] })).await;
    assert_eq!(
        page,
        json!({ "total": PEOPLE, "count": 5, "data": { "openid": truth[20..] }, "next_openid": truth[24] })
    );
    let end = visitor.blacklist_page(&json!({ "begin_openid": truth[24] })).await;
    assert_eq!(end, json!({ "total": PEOPLE, "count": 0, "next_openid": "" }));
    let pages = simulator.log().into_iter().map(|call| (call.endpoint, call.page, call.start));
    let expected = [(1, 0), (2, 10), (3, 20), (4, 25), (3, 20), (4, 25)];
    assert!(pages.eq(expected.map(|(page, start)| (Endpoint::Blacklist, Some(page), Some(start)))));
    assert_eq!((simulator.requests().blacklist, simulator.calls(Endpoint::Blacklist, APP_ID)), (6, 6));
}

#[tokio::test]
async fn people_on_the_blacklist_may_follow_or_not_and_are_as_many_as_was_said() {
    let (simulator, _visitor) = started(builder()).await;
    let roster = simulator.roster(APP_ID);
    assert!(
        roster.blocked().any(|index| roster.follows(index)) && !roster.blocked().all(|index| roster.follows(index))
    );
    let (_simulator, visitor) = started(Simulator::builder()).await;
    let empty = visitor.blacklist_page(&json!({})).await;
    assert_eq!(empty, json!({ "total": 0, "count": 0, "next_openid": "" }));
    let (_simulator, visitor) = started(Simulator::builder().blacklisted(1_001)).await;
    assert_eq!(openids(&visitor.blacklist_page(&json!({})).await).len(), 1_000, "a full page");
}

#[tokio::test]
async fn those_who_are_blocked_come_to_the_end_and_those_who_are_unblocked_go() {
    let (simulator, visitor) = started(builder()).await;
    let before = truth(&simulator);
    simulator.happen(APP_ID, &Event::block([2, 77, 2]));
    let first = simulator.roster(APP_ID).index(&before[0]).unwrap();
    simulator.happen(APP_ID, &Event::unblock([first]));
    let roster = simulator.roster(APP_ID);
    assert_eq!(visitor.blacklist().await, [&before[1..], &[roster.openid(2), roster.openid(77)]].concat());
    assert!(roster.follows(2), "who is blocked still follows");
}

#[tokio::test]
async fn a_cursor_under_another_key_leads_to_the_first_page_and_a_strange_one_is_refused() {
    let (simulator, visitor) = started(builder()).await;
    let truth = truth(&simulator);
    let page = visitor.blacklist_page(&json!({ "next_openid": truth[9] })).await;
    assert_eq!(openids(&page), truth[..10]);
    for stranger in ["undefined", &simulator.roster(APP_ID).openid(0), &simulator.roster("wxother").openid(20)] {
        assert_eq!(visitor.blacklist_page(&json!({ "begin_openid": stranger })).await["errcode"], 40003, "{stranger}");
    }
}

#[tokio::test]
async fn a_call_for_the_blacklist_must_be_a_post_of_json_with_a_length() {
    let (_simulator, visitor) = started(builder()).await;
    let path = format!("{BLACKLIST}?access_token={}", visitor.token);
    assert_eq!(json_of(visitor.get(&path).await.unwrap()).await["errcode"], 43002);
    let url = format!("{}{path}", visitor.base_url);
    let form = visitor.client.post(&url).body("begin_openid=");
    assert_eq!(json_of(form.send().await.unwrap()).await["errcode"], 47001);
    let body = reqwest::Body::wrap(LengthUnknown(http_body_util::Full::from("{}")));
    assert_eq!(visitor.client.post(&url).body(body).send().await.unwrap().status(), 412);
    assert_eq!(visitor.post(BLACKLIST, &json!({})).await["errcode"], 41001);
}

#[tokio::test]
async fn the_faults_and_styles_of_pages_are_those_of_the_list_of_followers() {
    let (simulator, visitor) = started(builder()).await;
    let truth = truth(&simulator);
    let second = json!({ "begin_openid": truth[9] });
    for (effect, expected, next) in [
        (Effect::Omit(0..4), truth[14..20].to_vec(), &truth[19]),
        (Effect::Duplicate(9..10), [&truth[10..20], &truth[19..20]].concat(), &truth[19]),
        (Effect::Short(3), truth[10..13].to_vec(), &truth[12]),
        (Effect::Overlap(2), truth[8..20].to_vec(), &truth[19]),
        (Effect::RepeatPage(1), truth[..10].to_vec(), &truth[9]),
        (Effect::MissingData, Vec::new(), &truth[19]),
    ] {
        let name = format!("{effect:?}");
        simulator.add_fault(Fault::new(Endpoint::Blacklist, When::Page(2), effect));
        let page = visitor.blacklist_page(&second).await;
        assert_eq!((openids(&page), page["next_openid"].as_str()), (expected, Some(next.as_str())), "{name}");
        simulator.clear_faults();
    }
    for (effect, key, expected) in [
        (Effect::Total(7), "total", json!(7)),
        (Effect::DriftTotal(3), "total", json!(PEOPLE + 3)),
        (Effect::EarlyEnd, "count", json!(0)),
        (Effect::errcode(-1), "errcode", json!(-1)),
        (Effect::NextOpenid(None), "next_openid", Value::Null),
    ] {
        simulator.add_fault(Fault::new(Endpoint::Blacklist, When::Page(2), effect));
        assert_eq!(visitor.blacklist_page(&second).await[key], expected);
        simulator.clear_faults();
    }
    let style = PageStyle { extra_keys: true, escaped: true, spacing: Spacing::Pretty, ..PageStyle::default() };
    let (_simulator, visitor) = started(builder().page_style(style)).await;
    assert_eq!(visitor.blacklist().await, truth);
}

#[tokio::test]
async fn the_blacklist_has_calls_of_its_own() {
    let (_simulator, visitor) = started(builder().quota_of(Endpoint::Blacklist, 2)).await;
    visitor.blacklist_page(&json!({})).await;
    assert_eq!((visitor.used(BLACKLIST).await, visitor.used("/cgi-bin/user/get").await), (json!(1), json!(0)));
    visitor.blacklist_page(&json!({})).await;
    assert_eq!(visitor.blacklist_page(&json!({})).await["errcode"], 45009);
    assert_eq!(visitor.page("").await["count"], 30);
}
