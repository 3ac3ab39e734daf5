//! Profiles: what a client reads is the truth, and what each flaw and fault makes of it.

use super::*;

const BATCH_GET: &str = "/cgi-bin/user/info/batchget";
const FOLLOWERS: u64 = 300;

impl Visitor {
    /// Asks for the profiles of these followers, and returns the bytes of the reply.
    pub(super) async fn batch_bytes(&self, openids: &[String]) -> Bytes {
        let people: Vec<_> = openids.iter().map(|openid| json!({ "openid": openid })).collect();
        let path = format!("{}{BATCH_GET}?access_token={}", self.base_url, self.token);
        let request = self.client.post(path).body(json!({ "user_list": people }).to_string());
        request.send().await.unwrap().bytes().await.unwrap()
    }

    pub(super) async fn batch(&self, openids: &[String]) -> Value {
        serde_json::from_slice(&self.batch_bytes(openids).await).unwrap()
    }

    pub(super) async fn rows(&self, openids: &[String]) -> Vec<Value> {
        self.batch(openids).await["user_info_list"].as_array().unwrap().clone()
    }

    pub(super) async fn single_bytes(&self, openid: &str) -> Bytes {
        let path = format!("/cgi-bin/user/info?access_token={}&openid={openid}", self.token);
        self.get(&path).await.unwrap().bytes().await.unwrap()
    }

    pub(super) async fn single(&self, openid: &str) -> Value {
        serde_json::from_slice(&self.single_bytes(openid).await).unwrap()
    }

    pub(super) async fn used(&self, path: &str) -> Value {
        let quota = format!("/cgi-bin/openapi/quota/get?access_token={}", self.token);
        self.post(&quota, &json!({ "cgi_path": path })).await["quota"]["used"].clone()
    }
}

fn builder() -> SimulatorBuilder {
    Simulator::builder().followers(FOLLOWERS)
}

/// Starts a simulator with this oddity of the follower at index 2, and returns the first five
/// followers.
async fn odd(oddity: Oddity) -> (SimulatorHandle, Visitor, Vec<String>) {
    let (simulator, visitor) = started(builder().flaw(Flaw::new(Who::Index(2), oddity))).await;
    let people = simulator.followers(APP_ID).range(0..5).collect();
    (simulator, visitor, people)
}

/// Starts a simulator with this effect on every batch.
async fn faulty(effect: Effect) -> (SimulatorHandle, Visitor, Vec<String>) {
    let (simulator, visitor) = started(builder().fault(Fault::new(Endpoint::BatchGet, When::Always, effect))).await;
    let people = simulator.followers(APP_ID).range(0..5).collect();
    (simulator, visitor, people)
}

/// Returns the row that says what is true.
pub(super) fn row_of(profile: &Profile) -> Value {
    let mut row = json!({
        "subscribe": i32::from(profile.standing == Standing::Follows), "openid": profile.openid, "nickname": "", "sex": 0,
        "language": profile.language, "city": "", "province": "", "country": "", "headimgurl": "",
        "tagid_list": profile.tagid_list,
    });
    let absent = [
        ("unionid", json!(profile.unionid)),
        ("subscribe_time", json!(profile.subscribe_time)),
        ("subscribe_scene", json!(profile.subscribe_scene)),
        ("qr_scene", json!(profile.qr_scene)),
        ("qr_scene_str", json!(profile.qr_scene_str)),
        ("remark", json!(profile.remark)),
        ("groupid", json!(profile.groupid)),
    ];
    for (key, value) in absent {
        if !value.is_null() {
            row[key] = value;
        }
    }
    row
}

fn unionids(rows: &[Value]) -> Vec<Option<&str>> {
    rows.iter().map(|row| row.get("unionid").and_then(Value::as_str)).collect()
}

#[tokio::test]
async fn a_row_is_written_as_wechat_writes_it() {
    let (simulator, visitor) = started(builder()).await;
    let profiles = simulator.profiles(APP_ID);
    let plain =
        profiles.iter().find(|profile| profile.tagid_list == Some(vec![]) && profile.remark.as_deref() == Some(""));
    let Profile { openid, unionid, subscribe_time, subscribe_scene, qr_scene, qr_scene_str, language, .. } =
        plain.unwrap();
    let (time, scene) = (subscribe_time.unwrap(), subscribe_scene.unwrap());
    let (number, text, unionid, language) =
        (qr_scene.unwrap(), qr_scene_str.unwrap(), unionid.unwrap(), language.unwrap());
    let expected = format!(
        concat!(
            r#"{{"subscribe":1,"openid":"{}","nickname":"","sex":0,"language":"{}","city":"","province":"","country":"","#,
            r#""headimgurl":"","subscribe_time":{},"unionid":"{}","remark":"","groupid":0,"tagid_list":[],"#,
            r#""subscribe_scene":"{}","qr_scene":{},"qr_scene_str":"{}"}}"#
        ),
        openid, language, time, unionid, scene, number, text
    );
    assert_eq!(visitor.single_bytes(&openid).await, expected);
    assert_eq!(visitor.batch_bytes(&[openid]).await, format!(r#"{{"user_info_list":[{expected}]}}"#));
}

#[tokio::test]
async fn every_row_of_every_style_says_what_is_true() {
    let plain = ProfileStyle::default();
    for style in [
        plain,
        ProfileStyle { spacing: Spacing::Pretty, extra_keys: true, ..plain },
        ProfileStyle { spacing: Spacing::Spaced, keys: KeyOrder::Shuffled, ..plain },
        ProfileStyle { escapes: Escapes::Slashes, ..plain },
        ProfileStyle { escapes: Escapes::All, ..plain },
    ] {
        let left = Flaw::new(Who::Share { share: 0.1, seed: 1 }, Oddity::Left);
        let (simulator, visitor) = started(builder().profile_style(style).flaw(left)).await;
        let profiles: Vec<_> = simulator.profiles(APP_ID).iter().collect();
        assert!(profiles.iter().any(|profile| profile.standing == Standing::Left));
        for batch in profiles.chunks(100) {
            let openids: Vec<_> = batch.iter().map(|profile| profile.openid.clone()).collect();
            let mut rows = visitor.rows(&openids).await;
            if style.extra_keys {
                for row in &mut rows {
                    let row = row.as_object_mut().unwrap();
                    assert!(["server", "privilege", "note"].iter().all(|&key| row.remove(key).is_some()));
                }
            }
            assert_eq!(rows, batch.iter().map(row_of).collect::<Vec<_>>(), "{style:?}");
        }
        let last = profiles.last().unwrap();
        assert_eq!(visitor.single(&last.openid).await["unionid"], json!(last.unionid));
    }
}

#[tokio::test]
async fn numbers_are_texts_and_what_is_empty_is_null_or_absent_if_the_style_says_so() {
    let plain = ProfileStyle::default();
    let first = async |style| {
        let (simulator, visitor) = started(builder().profile_style(style)).await;
        visitor.single(&simulator.followers(APP_ID).openid(0)).await
    };
    let expected = first(plain).await;
    assert_eq!(expected["city"], "");
    let texts = first(ProfileStyle { numbers: Numbers::AsText, ..plain }).await;
    for key in ["subscribe", "subscribe_time", "groupid", "qr_scene", "sex"] {
        assert_eq!(texts[key], json!(expected[key].to_string()));
    }
    assert_eq!(first(ProfileStyle { empty: Empty::Null, ..plain }).await["city"], Value::Null);
    assert_eq!(first(ProfileStyle { empty: Empty::Absent, ..plain }).await.get("city"), None);
    assert_eq!(first(ProfileStyle { before_2021: true, ..plain }).await["city"], "广州");
}

#[tokio::test]
async fn a_batch_keeps_to_its_limit_and_names_only_followers() {
    let (simulator, visitor) = started(builder()).await;
    let people: Vec<_> = simulator.followers(APP_ID).range(0..101).collect();
    assert_eq!(visitor.rows(&people[..100]).await.len(), 100);
    assert_eq!(visitor.batch(&people).await["errcode"], 40032);
    assert_eq!(visitor.batch(&[]).await["errcode"], 40032);
    let other = simulator.followers("wxother").openid(0);
    for stranger in [simulator.followers(APP_ID).openid(FOLLOWERS), other, "o".to_owned(), format!("\r{}", people[0])] {
        assert_eq!(visitor.batch(&[people[0].clone(), stranger.clone()]).await["errcode"], 40003, "{stranger:?}");
    }
    assert_eq!(visitor.single("oNobody").await["errcode"], 40003);
    assert_eq!(visitor.single("").await["errcode"], 41009);
    let path = format!("{BATCH_GET}?access_token={}", visitor.token);
    assert_eq!(visitor.post(&path, &json!({ "users": [] })).await["errcode"], 40032, "the key is another");
    assert_eq!(visitor.post(&path, &json!({ "user_list": [1] })).await["errcode"], 47001);
    assert_eq!(json_of(visitor.get(&path).await.unwrap()).await["errcode"], 43002);
    assert_eq!(visitor.post(BATCH_GET, &json!({})).await["errcode"], 41001);
    let (_simulator, visitor) = started(builder().batch_limit(99)).await;
    assert_eq!(visitor.batch(&people[..100]).await["errcode"], 40032);
    assert_eq!(visitor.rows(&people[..99]).await.len(), 99);
}

#[tokio::test]
async fn a_batch_without_a_length_is_412_with_nothing() {
    let (_simulator, visitor) = started(builder()).await;
    let body = reqwest::Body::wrap(LengthUnknown(http_body_util::Full::from("{}")));
    let url = format!("{}{BATCH_GET}?access_token={}", visitor.base_url, visitor.token);
    assert_eq!(visitor.client.post(url).body(body).send().await.unwrap().status(), 412);
}

#[tokio::test]
async fn the_log_says_whom_a_batch_names_and_the_counts_how_many_there_were() {
    let (simulator, visitor) = started(builder()).await;
    let people: Vec<_> = simulator.followers(APP_ID).range(7..12).collect();
    visitor.batch(&people).await;
    visitor.single(&people[1]).await;
    let expected = [(Endpoint::BatchGet, Some(7), 5), (Endpoint::UserInfo, Some(8), 1)];
    let log = simulator.log();
    assert!(log.iter().map(|call| (call.endpoint, call.start, call.people)).eq(expected), "{log:?}");
    let requests = simulator.requests();
    assert_eq!((requests.batch_get, requests.user_info, requests.total()), (1, 1, 2));
    assert_eq!(simulator.calls(Endpoint::BatchGet, APP_ID), 1);
}

#[tokio::test]
async fn a_batch_takes_one_call_of_the_day_or_one_for_each_of_its_people() {
    let (simulator, visitor) = started(builder().profile_quota(3)).await;
    let people: Vec<_> = simulator.followers(APP_ID).range(0..100).collect();
    for used in 1..=3 {
        visitor.rows(&people).await;
        assert_eq!(visitor.used(BATCH_GET).await, used);
    }
    assert_eq!(visitor.batch(&people).await["errcode"], 45009);
    assert_eq!(
        (visitor.used("/cgi-bin/user/info").await, visitor.used("/cgi-bin/user/get").await),
        (json!(0), json!(0))
    );
    visitor.page("").await;
    simulator.begin_next_day();
    assert_eq!(visitor.rows(&people).await.len(), 100);

    let (_simulator, visitor) = started(builder().profile_quota(250).count_people().quota_lag(1)).await;
    visitor.rows(&people).await;
    assert_eq!(visitor.used(BATCH_GET).await, 100);
    visitor.rows(&people).await;
    assert_eq!(visitor.used(BATCH_GET).await, 100, "it lags");
    assert_eq!(visitor.used(BATCH_GET).await, 200);
    assert_eq!(visitor.batch(&people).await["errcode"], 45009);
}

#[tokio::test]
async fn another_binding_changes_every_unionid_and_none_removes_them() {
    let (simulator, visitor) = started(builder()).await;
    let people: Vec<_> = simulator.followers(APP_ID).range(0..100).collect();
    let before = visitor.rows(&people).await;
    simulator.bind(Some(1));
    let after = visitor.rows(&people).await;
    assert_eq!(
        unionids(&after),
        simulator
            .profiles(APP_ID)
            .iter()
            .take(100)
            .map(|profile| profile.unionid)
            .collect::<Vec<_>>()
            .iter()
            .map(Option::as_deref)
            .collect::<Vec<_>>()
    );
    assert!(unionids(&before).iter().all(|unionid| !unionids(&after).contains(unionid)));
    simulator.bind(None);
    assert_eq!(unionids(&visitor.rows(&people).await), [None; 100]);
    assert_eq!(simulator.profiles(APP_ID).get(0).unionid, None);
}

#[tokio::test]
async fn those_who_are_refused_take_their_batch_down() {
    for alone in [false, true] {
        let (simulator, visitor, people) = odd(Oddity::Refused { alone }).await;
        assert_eq!(visitor.batch(&people).await["errcode"], 40003);
        assert_eq!(visitor.rows(&people[3..]).await.len(), 2);
        assert_eq!(visitor.single(&people[2]).await["errcode"] == 40003, alone);
        let standing = if alone { Standing::Refused } else { Standing::Follows };
        assert_eq!(simulator.profiles(APP_ID).get(2).standing, standing);
    }
}

#[tokio::test]
async fn those_who_have_left_have_the_row_that_was_seen() {
    let (_simulator, visitor, people) = odd(Oddity::Left).await;
    let openid = &people[2];
    let language = visitor.single(openid).await["language"].clone();
    let expected = format!(
        concat!(
            r#"{{"subscribe":0,"openid":"{}","nickname":"","sex":0,"language":{},"city":"","province":"","country":"","#,
            r#""headimgurl":"","tagid_list":[]}}"#
        ),
        openid, language
    );
    assert_eq!(visitor.single_bytes(openid).await, expected);
}

#[tokio::test]
async fn what_is_false_in_batches_is_true_alone() {
    for oddity in [Oddity::FalselyLeftInBatches, Oddity::NoUnionidInBatches, Oddity::Missing { alone: false }] {
        let (simulator, visitor, people) = odd(oddity).await;
        let truth = row_of(&simulator.profiles(APP_ID).get(2));
        assert!(!visitor.rows(&people).await.contains(&truth), "{oddity:?}");
        assert_eq!(visitor.single(&people[2]).await, truth, "{oddity:?}");
    }
    let (simulator, visitor, people) = odd(Oddity::FalselyLeft { answers: 1 }).await;
    let truth = row_of(&simulator.profiles(APP_ID).get(2));
    assert_eq!(visitor.rows(&people).await[2]["subscribe"], 0);
    assert_eq!(visitor.rows(&people).await[2], truth);
}

#[tokio::test]
async fn those_who_change_do_so_after_so_many_calls() {
    let is = async |visitor: &Visitor, people: &[String]| visitor.rows(people).await[2]["subscribe"] == 1;
    let (_simulator, visitor, people) = odd(Oddity::Leaves { calls: 2 }).await;
    assert_eq!((is(&visitor, &people).await, is(&visitor, &people).await), (true, false));
    let (_simulator, visitor, people) = odd(Oddity::Returns { calls: 2 }).await;
    assert_eq!((is(&visitor, &people).await, is(&visitor, &people).await), (false, true));
}

#[tokio::test]
async fn moved_unionids_are_those_of_the_neighbours() {
    for (moves, expected) in [
        (Move::Up, [Some(0), Some(1), Some(2), Some(4), None]),
        (Move::UpFromOwn, [Some(0), Some(1), Some(3), Some(4), None]),
        (Move::Down, [Some(0), Some(1), Some(2), Some(2), Some(3)]),
        (Move::Around, [Some(0), Some(1), Some(2), Some(4), Some(3)]),
    ] {
        let (simulator, visitor, people) = odd(Oddity::MovesUnionids(moves)).await;
        let truth: Vec<_> = simulator.profiles(APP_ID).iter().take(5).map(|profile| profile.unionid.unwrap()).collect();
        let rows = visitor.rows(&people).await;
        assert_eq!(unionids(&rows), expected.map(|place| place.map(|place: usize| truth[place].as_str())), "{moves:?}");
        assert_eq!(visitor.rows(&people[..1]).await[0], rows[0], "nothing moves without the bad one");
        let (simulator, visitor, people) = faulty(Effect::MoveUnionids(2, moves)).await;
        assert_eq!(unionids(&visitor.rows(&people).await), unionids(&rows), "{moves:?}");
        assert_eq!(visitor.single(&people[3]).await, row_of(&simulator.profiles(APP_ID).get(3)));
    }
}

#[tokio::test]
async fn two_that_move_in_both_directions_leave_the_last_row_right() {
    let (simulator, visitor, people) = odd(Oddity::MovesUnionids(Move::Up)).await;
    simulator.add_flaw(Flaw::new(Who::Index(0), Oddity::MovesUnionids(Move::Down)));
    let truth: Vec<_> = simulator.profiles(APP_ID).iter().take(5).map(|profile| profile.unionid.unwrap()).collect();
    let expected = [0, 0, 1, 2, 4].map(|place: usize| Some(truth[place].as_str()));
    assert_eq!(unionids(&visitor.rows(&people).await), expected);
}

#[tokio::test]
async fn odd_remarks_are_no_json_and_a_lenient_reader_makes_the_truth_of_them() {
    for remark in [OddRemark::RawControls, OddRemark::InvalidUtf8, OddRemark::LoneSurrogate] {
        let (simulator, visitor, people) = odd(Oddity::Remark(remark)).await;
        for bytes in [visitor.batch_bytes(&people).await, visitor.single_bytes(&people[2]).await] {
            assert!(serde_json::from_slice::<Value>(&bytes).is_err(), "{remark:?}");
        }
        let text = simulator.profiles(APP_ID).get(2).remark.unwrap();
        assert_eq!(text.contains('\u{fffd}'), remark != OddRemark::RawControls);
    }
}

#[tokio::test]
async fn an_eaten_quote_makes_a_batch_unreadable() {
    for alone in [false, true] {
        let (simulator, visitor, people) = odd(Oddity::Unreadable { alone }).await;
        let is_readable = |bytes: Bytes| serde_json::from_slice::<Value>(&bytes).is_ok();
        assert!(!is_readable(visitor.batch_bytes(&people).await));
        assert_eq!(is_readable(visitor.single_bytes(&people[2]).await), !alone);
        let standing = if alone { Standing::Unreadable } else { Standing::Follows };
        assert_eq!(simulator.profiles(APP_ID).get(2).standing, standing);
    }
}

#[tokio::test]
async fn nothing_comes_of_those_who_are_missing_alone() {
    let (_simulator, visitor, people) = odd(Oddity::Missing { alone: true }).await;
    assert_eq!(visitor.single(&people[2]).await, json!({}));
    assert_eq!(visitor.rows(&people).await.len(), 4);
}

#[tokio::test]
async fn a_batch_says_what_its_fault_says() {
    let openids =
        |rows: &[Value]| rows.iter().map(|row| row["openid"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    let (simulator, visitor, people) = faulty(Effect::Reverse).await;
    let picked = |places: &[usize]| places.iter().map(|&place| people[place].clone()).collect::<Vec<_>>();
    assert_eq!(openids(&visitor.rows(&people).await), picked(&[4, 3, 2, 1, 0]));
    for (effect, places) in [(Effect::Omit(1..3), vec![0, 3, 4]), (Effect::Duplicate(3..9), vec![0, 1, 2, 3, 4, 3, 4])]
    {
        simulator.clear_faults();
        simulator.add_fault(Fault::new(Endpoint::BatchGet, When::Always, effect));
        assert_eq!(openids(&visitor.rows(&people).await), picked(&places));
    }
    let (_simulator, visitor, people) = odd(Oddity::Doubled).await;
    assert_eq!(openids(&visitor.rows(&people).await), picked(&[0, 1, 2, 2, 3, 4]));
    let (_simulator, visitor, people) = faulty(Effect::Strangers(2)).await;
    let rows = openids(&visitor.rows(&people).await);
    assert!(rows[..5] == people && rows[5..].iter().all(|openid| !people.contains(openid)) && rows.len() == 7);
    let (_simulator, visitor, people) = faulty(Effect::OtherAccount).await;
    assert!(openids(&visitor.rows(&people).await).iter().all(|openid| !people.contains(openid)));
    let (_simulator, visitor, people) = faulty(Effect::NoUnionids).await;
    assert_eq!(unionids(&visitor.rows(&people).await), [None; 5]);
    let (_simulator, visitor, people) = faulty(Effect::Unsubscribe(0..2)).await;
    let rows = visitor.rows(&people).await;
    assert_eq!(rows.iter().map(|row| row["subscribe"].as_i64().unwrap()).collect::<Vec<_>>(), [0, 0, 1, 1, 1]);
    let style = ProfileStyle { numbers: Numbers::AsText, ..ProfileStyle::default() };
    let (_simulator, visitor, people) = faulty(Effect::ProfileStyle(style)).await;
    assert_eq!(visitor.rows(&people).await[0]["subscribe"], "1");
}

#[tokio::test]
async fn a_fault_meets_the_calls_that_name_a_follower() {
    let fault = Fault::new(Endpoint::BatchGet, When::Naming(150), Effect::errcode(-1));
    let (simulator, visitor) = started(builder().fault(fault)).await;
    let people: Vec<_> = simulator.followers(APP_ID).iter().collect();
    assert_eq!(visitor.rows(&people[..100]).await.len(), 100);
    assert_eq!(visitor.batch(&people[100..200]).await["errcode"], -1);
    assert_eq!(visitor.single(&people[150]).await["subscribe"], 1);
}

/// Recorded tests and other people's comparisons rest on these bytes.
#[tokio::test]
async fn without_events_nights_and_tags_the_replies_are_the_bytes_that_they_always_were() {
    let (simulator, visitor) = started(Simulator::builder().seed(7).followers(2_500).page_size(1_000)).await;
    let people: Vec<_> = simulator.followers(APP_ID).iter().collect();
    let mut bytes = Vec::new();
    for cursor in ["", &people[999], &people[2_499]] {
        bytes.extend(visitor.text(cursor).await.into_bytes());
    }
    for batch in people[..500].chunks(100) {
        bytes.extend(visitor.batch_bytes(batch).await);
    }
    bytes.extend(visitor.single_bytes(&people[3]).await);
    let digest = bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash: u64, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    assert_eq!((bytes.len(), digest), (231_783, 7_998_664_319_390_108_576));
}
