//! Faults of the calls for profiles: a table of faults, each with its outcome and its exact number
//! of calls.
//!
//! Every row is a test of its own. A run either publishes a row for everybody, and every one of
//! them is true, or publishes nothing and says why; the next run asks for no batch twice.
//!
//! The calls follow from the rules. A batch with something odd is asked for again without the odd
//! ones, in another order, and these are asked about alone. If rows have moved, or only a few are
//! not odd, everybody in the batch is.

use std::time::Duration;

use fanout::simulator::{
    Effect, Empty, Endpoint, Escapes, Fault, KeyOrder, Move, Numbers, OddRemark, Oddity, ProfileStyle,
    SimulatorBuilder, Spacing, Standing, When, Who,
};

use super::case::*;

const BATCH: Endpoint = Endpoint::BatchGet;
const SINGLE: Endpoint = Endpoint::UserInfo;

/// Lets three people of the list be without a profile.
const THREE_MAY_FAIL: &[&str] = &["profiles.max_refused_percent=1"];
const NEXT_MINUTE: &[&str] = &["source.retry.minute_secs=1"];

/// One batch asked for again.
const AGAIN: u64 = 1;
/// The last batch's own people. With one who is odd, too few are left to ask for them again.
const FEW: u64 = 3;
/// The calls of a walk that stops at the second batch, in its only try or in all of its three.
const ONE_TRY: u64 = 2;
const THREE_TRIES: u64 = 1 + TRIES;
/// The tries of a call.
const TRIES: u64 = 3;
/// The question about somebody else, after a call that has failed for good.
const CONTROL: u64 = 1;

/// The question about somebody whose row is known, when a walk with settled batches goes on the
/// next day.
const BINDING: u64 = 1;

/// The calls for a batch of `width` people of whom WeChat does not answer about the one at `bad`:
/// all tries for each part with them, each with a control, and once more without them.
fn unanswered(width: u64, bad: u64) -> u64 {
    let parts = halved(width, &[bad]);
    // Each part that fails, but that of one person, has two halves, of which one fails.
    let failed = parts.div_ceil(2);
    failed * (TRIES + CONTROL) + (parts - failed) + AGAIN
}

fn style() -> ProfileStyle {
    ProfileStyle::default()
}

fn in_style(style: ProfileStyle) -> Case {
    Case::of(|api| api.profile_style(style))
}

fn code(code: i64) -> Effect {
    Effect::errcode(code)
}

fn four(people: [u64; 4]) -> Who {
    Who::Indices(people.to_vec())
}

mod replies {
    //! What a reply says of all calls, and how it comes.

    use super::*;

    cases! {
        nothing_at_all: Case::undisturbed().publishes(BATCHES, 1);
        rows_in_reverse: Case::every(BATCH, Effect::Reverse).publishes(BATCHES, 1);
        numbers_as_texts: in_style(ProfileStyle { numbers: Numbers::AsText, ..style() }).publishes(BATCHES, 1);
        nulls: in_style(ProfileStyle { empty: Empty::Null, ..style() }).without_what_is_empty().publishes(BATCHES, 1);
        absent_keys: in_style(ProfileStyle { empty: Empty::Absent, ..style() }).without_what_is_empty().publishes(BATCHES, 1);
        unknown_keys_with_decoys: in_style(ProfileStyle { extra_keys: true, ..style() }).publishes(BATCHES, 1);
        escaped_slashes: in_style(ProfileStyle { escapes: Escapes::Slashes, ..style() }).publishes(BATCHES, 1);
        everything_escaped: in_style(ProfileStyle { escapes: Escapes::All, ..style() }).publishes(BATCHES, 1);
        keys_in_another_order: in_style(ProfileStyle { keys: KeyOrder::Shuffled, ..style() }).publishes(BATCHES, 1);
        white_space: in_style(ProfileStyle { spacing: Spacing::Pretty, ..style() }).publishes(BATCHES, 1);
        as_before_2021: in_style(ProfileStyle { before_2021: true, ..style() }).publishes(BATCHES, 1);
        all_of_it: in_style(ProfileStyle {
            spacing: Spacing::Spaced, keys: KeyOrder::Shuffled, numbers: Numbers::AsText, escapes: Escapes::All,
            extra_keys: true, before_2021: true, ..style()
        }).publishes(BATCHES, 1);
        raw_control_characters: Case::flawed(Who::Everybody, Oddity::Remark(OddRemark::RawControls)).publishes(BATCHES, 1);
        invalid_utf8: Case::flawed(Who::Everybody, Oddity::Remark(OddRemark::InvalidUtf8)).publishes(BATCHES, 1);
        lone_surrogates: Case::flawed(Who::Everybody, Oddity::Remark(OddRemark::LoneSurrogate)).publishes(BATCHES, 1);
        an_account_that_is_bound_to_nothing: Case::of(|api| api.binding(None)).publishes(BATCHES, 1);

        gzip: Case::every(BATCH, Effect::Gzip).publishes(BATCHES, 1);
        chunks: Case::every(BATCH, Effect::Chunked).publishes(BATCHES, 1);
        a_byte_order_mark: Case::every(BATCH, Effect::Prefix(b"\xef\xbb\xbf".as_slice().into())).publishes(BATCHES, 1);
        another_content_type: Case::every(BATCH, Effect::ContentType("text/plain".to_owned())).publishes(BATCHES, 1);
        small_pieces: Case::once(Effect::Drip { bytes: 4_096, pause: Duration::from_millis(1) }).publishes(BATCHES, 1);
        slow_replies: Case::every(BATCH, Effect::Delay(Duration::from_millis(20))).publishes(BATCHES, 1);
        slow_replies_to_sixteen_calls_at_once: Case::every(BATCH, Effect::Delay(Duration::from_millis(20)))
            .set(&["source.profiles.concurrency=16"]).publishes(BATCHES, 1);
        connections_that_close: Case::every(BATCH, Effect::CloseIdle).publishes(BATCHES, 1);
    }
}

mod calls {
    //! Calls that fail: they are repeated, or the run stops.

    use super::*;

    cases! {
        busy_once: Case::once(code(-1)).publishes(BATCHES + 1, 1);
        busy_for_good_about_one: Case::there(code(-1)).publishes(BATCHES - 1 + unanswered(WIDTH, place(MIDDLE)), 2);
        busy_for_good_about_one_of_the_first: Case::fault(Fault::new(BATCH, When::Naming(5), code(-1)))
            // The second batch shows that WeChat is up, so the first request has no control.
            .publishes(BATCHES - 1 + unanswered(OWN, 5) - CONTROL, 2);
        busy_for_good_about_one_alone_too: Case::there(code(-1)).and(Fault::new(SINGLE, When::Naming(MIDDLE), code(-1)))
            .but(MIDDLE, Instead::Nothing(Standing::Unreadable))
            .publishes(BATCHES - 1 + unanswered(WIDTH, place(MIDDLE)), TRIES + CONTROL + 1);
        busy_for_good: Case::fault(Fault::new(BATCH, When::Calls(2..=u64::MAX), code(-1)))
            .fails(75, THREE_TRIES + TRIES, 0, &["batch 1 (100 followers)", "3 tries", "errcode -1"]).goes_on(3, 1);
        busy_for_good_from_the_first_call: Case::every(BATCH, code(-1))
            .fails(75, 3 * TRIES, 0, &["batch 0 (99 followers)", "3 tries", "errcode -1"]);
        busy_for_good_about_everybody_alone: Case::every(SINGLE, code(-1))
            .fails(75, BATCHES, 2 * TRIES, &["one follower of batch 3", "3 tries", "errcode -1"]).goes_on(0, 1 + BINDING);
        busy_and_then_without_calls: Case::there(code(-1)).and(Fault::new(BATCH, When::Calls(5..=u64::MAX), code(45009)))
            .fails(75, THREE_TRIES + CONTROL, 0, &["no calls left today", "done 1 of 4 batches"]).goes_on(3, 1);
        busy_every_second_call: Case::fault(Fault::new(BATCH, When::Every(2), code(-1))).publishes(2 * BATCHES - 1, 1);
        busy_about_one: Case::fault(Fault::new(SINGLE, When::Call(1), code(-1))).publishes(BATCHES, 2);
        minute_quota_once: Case::once(code(45011)).set(NEXT_MINUTE).publishes(BATCHES + 1, 1);
        minute_quota_for_good: Case::there(code(45011)).set(NEXT_MINUTE).fails(75, THREE_TRIES, 0, &["errcode 45011"]).goes_on(3, 1);
        day_quota_at_the_first_batch: Case::every(BATCH, code(45009)).fails(75, 1, 0, &["no calls left today", "done 0 of 4 batches"]);
        day_quota_in_the_middle: Case::there(code(45009)).fails(75, ONE_TRY, 0, &["done 1 of 4 batches", "goes on tomorrow", "00:00 in Beijing"]).goes_on(3, 1);
        day_quota_at_the_last_batch: Case::fault(Fault::new(BATCH, When::Call(4), code(45009))).fails(75, BATCHES, 0, &["done 3 of 4 batches"]).goes_on(1, 1 + BINDING);
        day_quota_of_single_people: Case::every(SINGLE, code(45009)).fails(75, BATCHES, 1, &["no calls left today"]).goes_on(0, 1 + BINDING);
        quota_that_counts_people: Case::of(SimulatorBuilder::count_people).publishes(BATCHES, 1);
        quota_that_lags: Case::of(|api| api.count_people().quota_lag(1)).publishes(BATCHES, 1);
        quota_that_is_never_new: Case::of(|api| api.quota_lag(9)).publishes(BATCHES, 1);
        quota_that_is_not_told: Case::every(Endpoint::Quota, code(76022)).publishes(BATCHES, 1);

        token_expired_once: Case::once(Effect::ExpireToken).publishes(BATCHES + 1, 1);
        token_not_the_latest_once: Case::once(code(40001)).publishes(BATCHES + 1, 1);
        token_illegal_for_good: Case::there(code(40014)).fails(1, 1 + 2, 0, &["errcode 40014"]).goes_on(3, 1);
        token_expired_about_one: Case::fault(Fault::new(SINGLE, When::Call(1), Effect::ExpireToken)).publishes(BATCHES, 2);
        unauthorized: Case::every(BATCH, code(48001)).fails(1, 1, 0, &["errcode 48001", "must be verified"]);
        platform_without_the_permission: Case::every(BATCH, code(61007)).fails(1, 1, 0, &["permission set 2 or 100"]);
        address_not_registered: Case::there(code(61004)).fails(1, ONE_TRY, 0, &["errcode 61004", "127.0.0.1"]).goes_on(3, 1);
        account_closed: Case::there(code(50002)).fails(1, ONE_TRY, 0, &["frozen, migrated or closed"]).goes_on(3, 1);
        malformed_for_wechat: Case::there(code(47001)).fails(1, ONE_TRY, 0, &["errcode 47001", "defect"]).goes_on(3, 1);
        a_number_that_nobody_knows: Case::there(code(99_999)).fails(1, ONE_TRY, 0, &["errcode 99999", "rid: "]).goes_on(3, 1);

        server_error_once: Case::once(Effect::status(500)).publishes(BATCHES + 1, 1);
        server_error_for_good: Case::fault(Fault::new(BATCH, When::Calls(2..=u64::MAX), Effect::status(502)))
            .fails(75, THREE_TRIES + TRIES, 0, &["502"]).goes_on(3, 1);
        server_error_for_good_about_one: Case::there(Effect::status(502)).publishes(BATCHES - 1 + unanswered(WIDTH, place(MIDDLE)), 2);
        a_length_that_is_required: Case::there(Effect::status(412)).fails(1, ONE_TRY, 0, &["412"]).goes_on(3, 1);
        too_many_requests_once: Case::once(Effect::too_many_requests(1)).publishes(BATCHES + 1, 1);
        the_page_of_a_proxy_once: Case::once(Effect::html(200)).publishes(BATCHES + 1, 1);
        the_page_of_a_proxy_for_good: Case::fault(Fault::new(BATCH, When::Calls(2..=u64::MAX), Effect::html(200)))
            .fails(75, THREE_TRIES + TRIES, 0, &["batch 1"]).goes_on(3, 1);
        the_page_of_a_proxy_for_good_about_one: Case::there(Effect::html(200)).publishes(BATCHES - 1 + unanswered(WIDTH, place(MIDDLE)), 2);
        a_redirect: Case::there(Effect::redirect("https://example.com/login")).fails(1, ONE_TRY, 0, &["302"]).goes_on(3, 1);
        half_a_reply_once: Case::once(Effect::Truncate(9_000)).publishes(BATCHES + 1, 1);
        a_reset_within_a_reply_once: Case::once(Effect::ResetAfter(9_000)).publishes(BATCHES + 1, 1);
        a_reset_once: Case::once(Effect::Reset).publishes(BATCHES + 1, 1);
        a_reset_for_good: Case::fault(Fault::new(BATCH, When::Calls(2..=u64::MAX), Effect::Reset))
            .fails(75, THREE_TRIES + TRIES, 0, &["batch 1"]).goes_on(3, 1);
        a_reset_for_good_about_one: Case::there(Effect::Reset).publishes(BATCHES - 1 + unanswered(WIDTH, place(MIDDLE)), 2);
        silence_once: Case::once(Effect::Stall).set(&["source.idle_timeout_secs=1"]).publishes(BATCHES + 1, 1);
        two_gib: Case::there(Effect::Huge(2 << 30)).fails(1, ONE_TRY, 0, &["longer than 8388608 bytes", "max_reply_bytes"]).goes_on(3, 1);
        a_bomb: Case::there(Effect::GzipBomb(2 << 30)).fails(1, ONE_TRY, 0, &["longer than 8388608 bytes"]).goes_on(3, 1);
        an_empty_object_once: Case::once(Effect::body("{}")).publishes(BATCHES + 1, 1);
        a_list_of_nothing_once: Case::once(Effect::body("[]")).publishes(BATCHES + 1, 1);
        another_reply_once: Case::once(Effect::body(r#"{"total":0,"count":0,"next_openid":""}"#)).publishes(BATCHES + 1, 1);
    }
}

mod refusals {
    //! WeChat refuses batches because of somebody in them, or because they are too large.

    use super::*;

    const UNREADABLE: Instead = Instead::Nothing(Standing::Unreadable);

    /// The calls for the second batch until the bad ones are alone, and once more without them.
    fn halves(bad: &[u64]) -> u64 {
        let places: Vec<u64> = bad.iter().map(|&index| place(index)).collect();
        halved(WIDTH, &places) + AGAIN
    }

    cases! {
        one_who_is_refused_among_others: Case::odd(MIDDLE, Oddity::Refused { alone: false }).publishes(BATCHES - 1 + halves(&[MIDDLE]), 2);
        one_who_is_refused: Case::odd(MIDDLE, Oddity::Refused { alone: true }).set(THREE_MAY_FAIL)
            .publishes(BATCHES - 1 + halves(&[MIDDLE]), 2);
        two_who_are_refused: Case::flawed(Who::Indices(vec![EARLIER, MIDDLE]), Oddity::Refused { alone: true }).set(THREE_MAY_FAIL)
            .publishes(BATCHES - 1 + halves(&[EARLIER, MIDDLE]), 3);
        one_who_is_refused_is_borne_in_any_list: Case::odd(MIDDLE, Oddity::Refused { alone: true }).publishes(BATCHES - 1 + halves(&[MIDDLE]), 2);
        one_who_is_refused_is_too_many_where_none_may_be: Case::odd(MIDDLE, Oddity::Refused { alone: true }).set(&["profiles.max_refused_percent=0"])
            .fails(1, BATCHES - 1 + halves(&[MIDDLE]), 2, &["refuses to tell about 1 of 300 followers"]);
        two_who_are_refused_are_too_many_for_the_bound: Case::flawed(Who::Indices(vec![EARLIER, MIDDLE]), Oddity::Refused { alone: true })
            .fails(1, BATCHES - 1 + halves(&[EARLIER, MIDDLE]), 3, &["refuses to tell about 2 of 300 followers"]);
        a_seam_that_is_refused: Case::odd(SEAM, Oddity::Refused { alone: false })
            .publishes(halved(OWN, &[SEAM]) + AGAIN + halves(&[SEAM]) + 2, 2);
        the_last_is_refused: Case::odd(LAST, Oddity::Refused { alone: true }).set(THREE_MAY_FAIL)
            .publishes(BATCHES - 1 + halved(4, &[3]), FEW);
        a_batch_that_is_refused_once: Case::once(code(40003)).publishes(BATCHES + 2 + AGAIN, 1);
        every_batch_is_refused_and_nobody_alone: Case::every(BATCH, code(40003)).publishes(2 * (OWN + 2 * WIDTH + 4) - BATCHES, PEOPLE);
        everybody_is_refused: Case::flawed(Who::Everybody, Oddity::Refused { alone: true })
            .fails(1, 3, 3, &["WeChat refuses every follower that was asked about"]);

        a_hundred_are_too_many: Case::of(|api| api.batch_limit(99)).publishes(1 + (1 + 2 + 2) + (2 + 2) + 1, 1);
        more_than_fifty_are_too_many: Case::of(|api| api.batch_limit(50)).publishes((1 + 2 + 2) + (2 + 2) + (2 + 2) + 1, 1);
        // The first batch, halves of the second one, quarters of the third one; then one of 13, and
        // one of 12.
        however_few_are_too_many: Case::every(BATCH, code(40032)).fails(1, 1 + 2 + 4 + 2, 0, &["finds 12 followers too many for one request"]);
        a_batch_that_is_too_large_once: Case::once(code(40032)).publishes(1 + (1 + 2 + 2) + (2 + 2) + 1, 1);

        one_who_is_unreadable_among_others: Case::odd(MIDDLE, Oddity::Unreadable { alone: false }).publishes(BATCHES - 1 + halves(&[MIDDLE]), 2);
        one_who_is_unreadable: Case::odd(MIDDLE, Oddity::Unreadable { alone: true }).set(THREE_MAY_FAIL)
            .publishes(BATCHES - 1 + halves(&[MIDDLE]), 2);
        a_batch_that_is_unreadable_once: Case::once(Effect::body(r#"{"user_info_list":[{"openid":"\"}]}"#)).publishes(BATCHES + 2 + AGAIN, 1);
        one_of_whom_nothing_comes: Case::odd(MIDDLE, Oddity::Missing { alone: true }).publishes(BATCHES + AGAIN, 1 + TRIES + CONTROL);
        two_of_whom_nothing_comes_are_too_many: Case::flawed(Who::Indices(vec![EARLIER, MIDDLE]), Oddity::Missing { alone: true })
            .fails(1, BATCHES + AGAIN, 2 * (TRIES + CONTROL) + 1, &["what it tells about 2 more cannot be used"]);
        another_person_in_place_of_whoever_is_asked_about_alone: Case::every(SINGLE, Effect::OtherAccount).set(THREE_MAY_FAIL)
            .but(297, UNREADABLE).but(298, UNREADABLE).but(LAST, UNREADABLE).publishes(BATCHES, 2 * FEW);
    }
}

mod rows {
    //! Rows that are missing, doubled, of others, or say that a follower has left.

    use super::*;

    /// Everybody in the second batch alone; the ends of its neighbours, which they repeat; the
    /// last. If it says something of its first one, and not the same, it asks about that one too.
    const ALONE: u64 = OWN + 2 + 1;

    cases! {
        one_has_left: Case::odd(MIDDLE, Oddity::Left).publishes(BATCHES + AGAIN, 2);
        a_third_has_left: Case::flawed(Who::Indices((0..PEOPLE).step_by(3).collect()), Oddity::Left)
            .publishes(BATCHES + 3 * AGAIN, 3 * 33 + FEW);
        everybody_has_left: Case::flawed(Who::Everybody, Oddity::Left).publishes(BATCHES, PEOPLE);
        a_seam_has_left: Case::odd(SEAM, Oddity::Left).publishes(BATCHES + 2 * AGAIN, 2);
        the_last_has_left: Case::odd(LAST, Oddity::Left).publishes(BATCHES, FEW);
        a_false_zero_in_every_batch: Case::odd(MIDDLE, Oddity::FalselyLeftInBatches).publishes(BATCHES + AGAIN, 2);
        a_false_zero_that_heals: Case::odd(MIDDLE, Oddity::FalselyLeft { answers: 1 }).publishes(BATCHES + AGAIN, 2);
        a_false_zero_of_a_seam: Case::odd(SEAM, Oddity::FalselyLeft { answers: 1 }).publishes(BATCHES + 2 * AGAIN, 3);
        false_zeros_in_all_batches: Case::flawed(four([5, MIDDLE, 200, 297]), Oddity::FalselyLeft { answers: 1 })
            .publishes(BATCHES + 3 * AGAIN, 3 + FEW);
        false_zeros_of_a_whole_batch: Case::once(Effect::Unsubscribe(0..WIDTH)).publishes(BATCHES + 2 * AGAIN, ALONE + 1);

        one_leaves_afterwards: Case::odd(MIDDLE, Oddity::Leaves { calls: 3 }).but(MIDDLE, Instead::Plain).publishes(BATCHES, 1);
        a_seam_leaves_between_its_batches: Case::odd(SEAM, Oddity::Leaves { calls: 2 }).publishes(BATCHES + 2 * AGAIN, 4);
        a_seam_returns_between_its_batches: Case::odd(SEAM, Oddity::Returns { calls: 2 }).publishes(BATCHES + 2 * AGAIN, 3);
        a_seam_is_tagged_between_its_batches: Case::odd(SEAM, Oddity::Tagged { calls: 2 }).but(SEAM, Instead::Plain).publishes(BATCHES, 1);

        one_is_missing: Case::odd(MIDDLE, Oddity::Missing { alone: false }).publishes(BATCHES + AGAIN, 2);
        a_seam_is_missing: Case::odd(SEAM, Oddity::Missing { alone: false }).publishes(BATCHES + 2 * AGAIN, 2);
        everybody_is_missing: Case::once(Effect::Omit(0..WIDTH)).publishes(BATCHES, ALONE);
        one_comes_twice: Case::odd(MIDDLE, Oddity::Doubled).publishes(BATCHES + AGAIN, 2);
        two_come_twice_once: Case::once(Effect::Duplicate(3..5)).publishes(BATCHES + AGAIN, 3);
        everybody_comes_twice_once: Case::once(Effect::Duplicate(0..WIDTH)).publishes(BATCHES, ALONE);
        strangers_once: Case::once(Effect::Strangers(2)).publishes(BATCHES + AGAIN, 1);
        strangers_in_every_batch: Case::every(BATCH, Effect::Strangers(1)).publishes(BATCHES + BATCHES * AGAIN, PEOPLE);
        only_strangers_once: Case::once(Effect::OtherAccount).publishes(BATCHES, ALONE);
    }
}

mod unionids {
    //! Unionids that are missing, or those of somebody else.

    use super::*;

    /// Everybody in the second batch alone, the seam behind it, and the last.
    const ALONE: u64 = OWN + 1 + 1;

    fn twice() -> Case {
        Case::undisturbed().set(&["profiles.verify=\"twice\""])
    }

    cases! {
        one_has_none: Case::odd(MIDDLE, Oddity::NoUnionid).publishes(BATCHES + AGAIN, 2);
        one_has_none_in_batches: Case::odd(MIDDLE, Oddity::NoUnionidInBatches).publishes(BATCHES + AGAIN, 2);
        nobody_has_one_in_batches: Case::flawed(Who::Everybody, Oddity::NoUnionidInBatches).publishes(BATCHES, PEOPLE);
        nobody_has_one_in_a_batch: Case::once(Effect::NoUnionids).publishes(BATCHES + 2 * AGAIN, 1 + OWN + 2 + 1);

        moved_up: Case::odd(MIDDLE, Oddity::MovesUnionids(Move::Up)).publishes(BATCHES + 2 * AGAIN, ALONE);
        moved_up_from_the_bad_one: Case::odd(MIDDLE, Oddity::MovesUnionids(Move::UpFromOwn)).publishes(BATCHES + 2 * AGAIN, ALONE);
        moved_down: Case::odd(MIDDLE, Oddity::MovesUnionids(Move::Down)).publishes(BATCHES + 2 * AGAIN, ALONE);
        moved_around: Case::odd(MIDDLE, Oddity::MovesUnionids(Move::Around)).publishes(BATCHES + 2 * AGAIN, ALONE);
        moved_up_by_one_who_has_left: Case::odd(MIDDLE, Oddity::MovesUnionids(Move::Up)).and_flaw(Who::Index(MIDDLE), Oddity::Left)
            .publishes(BATCHES + 2 * AGAIN, ALONE + 1);
        moved_up_by_one_who_is_missing: Case::odd(MIDDLE, Oddity::MovesUnionids(Move::Up))
            .and_flaw(Who::Index(MIDDLE), Oddity::Missing { alone: false }).publishes(BATCHES + 2 * AGAIN, ALONE);
        moved_up_once: Case::once(Effect::MoveUnionids(0, Move::Up)).publishes(BATCHES + 2 * AGAIN, ALONE);
        moved_around_once: Case::once(Effect::MoveUnionids(20, Move::Around)).publishes(BATCHES + 2 * AGAIN, ALONE);
        moved_in_the_last_batch: Case::odd(297, Oddity::MovesUnionids(Move::Up)).publishes(BATCHES, FEW);
        moved_around_in_the_last_batch: Case::odd(296, Oddity::MovesUnionids(Move::Around)).publishes(BATCHES, FEW);
        two_that_cancel_out: Case::odd(EARLIER, Oddity::MovesUnionids(Move::Down)).and_flaw(Who::Index(MIDDLE), Oddity::MovesUnionids(Move::Up))
            .publishes(BATCHES + AGAIN, OWN + 1);
        // Everybody alone, and each seam for the batch behind it.
        moved_in_every_batch: Case::flawed(four([50, MIDDLE, 250, 297]), Oddity::MovesUnionids(Move::Around))
            .publishes(BATCHES + 3 * AGAIN, PEOPLE + BATCHES - 1);
        asked_twice: twice().publishes(2 * BATCHES, 1);
        moved_and_asked_twice: twice().and_flaw(Who::Index(MIDDLE), Oddity::MovesUnionids(Move::Up)).publishes(2 * BATCHES, ALONE);
    }
}
