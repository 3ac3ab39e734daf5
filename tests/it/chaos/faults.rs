//! The faults of the chaos test: one table, a line for each fault.

use std::time::Duration;

use fanout::simulator::{Effect, Endpoint, Fault, PageKey, PageStyle, Spacing, When};

use crate::support::Random;

/// The list that a fault is about.
#[derive(Debug)]
pub(super) struct List {
    pub(super) followers: u64,
    pub(super) page_size: u64,
}

impl List {
    pub(super) fn pages(&self) -> u64 {
        self.followers.div_ceil(self.page_size)
    }
}

/// One kind of fault: its name in the tally, the endpoint that it meets, and its effect.
type Kind = (&'static str, Endpoint, fn(&mut Random, &List) -> Effect);

use Endpoint::{Quota, StableToken, UserGet};

/// All kinds. No fault may hide followers: a wrong `total` is always too large, because with one
/// that is too small a cut list would look complete.
const KINDS: [Kind; 57] = [
    ("busy", UserGet, |_, _| Effect::errcode(-1)),
    ("minute quota", UserGet, |_, _| Effect::errcode(45011)),
    ("day quota", UserGet, |_, _| Effect::errcode(45009)),
    ("refused token", UserGet, |_, _| Effect::errcode(40001)),
    ("illegal token", UserGet, |_, _| Effect::errcode(40014)),
    ("expired token", UserGet, |_, _| Effect::ExpireToken),
    ("refused cursor", UserGet, |_, _| Effect::errcode(40003)),
    ("refused address", UserGet, |_, _| Effect::errcode(40164)),
    ("no permission", UserGet, |_, _| Effect::errcode(48001)),
    ("unknown errcode", UserGet, |random, _| Effect::errcode(100 + random.below(900) as i64)),
    ("status 500", UserGet, |_, _| Effect::status(500)),
    ("status 404", UserGet, |_, _| Effect::status(404)),
    ("HTML with status 502", UserGet, |_, _| Effect::html(502)),
    ("HTML with status 200", UserGet, |_, _| Effect::html(200)),
    ("too many requests", UserGet, |_, _| Effect::too_many_requests(0)),
    ("redirect", UserGet, |_, _| Effect::redirect("http://127.0.0.1:9/")),
    ("empty body", UserGet, |_, _| Effect::body("")),
    ("no page", UserGet, |_, _| Effect::body("{\"total\":1000000}")),
    ("empty end without total", UserGet, |_, _| Effect::body("{\"count\":0,\"next_openid\":\"\"}")),
    ("byte order mark", UserGet, |_, _| Effect::Prefix("\u{feff}".into())),
    ("too long", UserGet, |_, _| Effect::Huge(9 << 20)),
    ("reset", UserGet, |_, _| Effect::Reset),
    ("truncated", UserGet, |random, _| Effect::Truncate(random.below(2_000) as usize)),
    ("late", UserGet, |random, _| Effect::Delay(Duration::from_millis(random.below(200)))),
    (STALL, UserGet, |_, _| Effect::Stall),
    ("gzip bomb", UserGet, |_, _| Effect::GzipBomb(64 << 20)),
    ("invalid UTF-8", UserGet, |random, _| Effect::Overwrite {
        at: random.below(900) as usize,
        bytes: (&[0xff][..]).into(),
    }),
    ("another content type", UserGet, |_, _| Effect::ContentType("text/plain".to_owned())),
    ("gzip", UserGet, |_, _| Effect::Gzip),
    ("chunks", UserGet, |_, _| Effect::Chunked),
    ("drip", UserGet, |random, _| Effect::Drip { bytes: 200, pause: Duration::from_millis(random.below(20)) }),
    ("reset within the body", UserGet, |random, _| Effect::ResetAfter(random.below(2_000) as usize)),
    ("closed", UserGet, |_, _| Effect::Close),
    ("closed after the reply", UserGet, |_, _| Effect::CloseIdle),
    ("overlapping pages", UserGet, |random, list| Effect::Overlap(random.below(list.page_size))),
    ("another style", UserGet, style),
    ("short page", UserGet, |random, list| Effect::Short(random.below(list.page_size))),
    ("repeated page", UserGet, |random, list| Effect::RepeatPage(1 + random.below(list.pages()))),
    ("early end", UserGet, |_, _| Effect::EarlyEnd),
    ("empty cursor", UserGet, |_, _| Effect::NextOpenid(Some(String::new()))),
    ("no cursor", UserGet, |_, _| Effect::NextOpenid(None)),
    ("cursor of nobody", UserGet, |_, _| Effect::NextOpenid(Some("oNobody".to_owned()))),
    ("no data", UserGet, |_, _| Effect::MissingData),
    ("larger total", UserGet, |random, list| Effect::Total((list.followers + random.below(100)) as i64)),
    ("growing total", UserGet, |random, _| Effect::DriftTotal(random.below(3) as i64)),
    ("followers left out", UserGet, |random, list| Effect::Omit(range(random, list))),
    ("followers twice", UserGet, |random, list| Effect::Duplicate(range(random, list))),
    ("busy token", StableToken, |_, _| Effect::errcode(-1)),
    ("token reset", StableToken, |_, _| Effect::Reset),
    ("token without a token", StableToken, |_, _| Effect::body("{}")),
    ("HTML for a token", StableToken, |_, _| Effect::html(200)),
    ("wrong secret", StableToken, |_, _| Effect::errcode(40125)),
    ("refused address of a token", StableToken, |_, _| Effect::errcode(40164)),
    ("busy quota", Quota, |_, _| Effect::errcode(-1)),
    ("quota reset", Quota, |_, _| Effect::Reset),
    ("HTML for a quota", Quota, |_, _| Effect::html(502)),
    ("quota used up", Quota, |_, _| Effect::body(r#"{"errcode":0,"quota":{"daily_limit":9,"used":9,"remain":0}}"#)),
];

/// The kinds after which the whole list may have another order.
pub(super) const REORDERING: [&str; 2] = ["repeated page", "followers left out"];

/// It takes `source.idle_timeout_secs` each time, so it must be rare.
const STALL: &str = "stall";

fn style(random: &mut Random, _: &List) -> Effect {
    let mut key_order = [PageKey::Total, PageKey::Count, PageKey::Data, PageKey::NextOpenid];
    key_order.rotate_left(random.below(4) as usize);
    let spacing = [Spacing::Compact, Spacing::Spaced, Spacing::Pretty][random.below(3) as usize];
    let [extra_keys, escaped, errcode_zero] = [0; 3].map(|_| random.below(2) == 0);
    let empty_openids = random.below(3) as usize;
    Effect::Style(PageStyle {
        spacing,
        key_order,
        extra_keys,
        escaped,
        errcode_zero,
        empty_openids,
        ..PageStyle::default()
    })
}

fn range(random: &mut Random, list: &List) -> std::ops::Range<u64> {
    let start = random.below(list.page_size);
    start..start + 1 + random.below(5)
}

/// Returns a fault of any kind on any calls, and the name of its kind.
pub(super) fn random(random: &mut Random, list: &List) -> (&'static str, Fault) {
    let (name, endpoint, effect) = KINDS[random.below(KINDS.len() as u64) as usize];
    let calls = list.pages() + 1;
    let when = match random.below(5) {
        0 => When::Call(1 + random.below(2 * calls)),
        1 => When::Page(1 + random.below(calls)),
        2 => When::Every(2 + random.below(5)),
        3 => When::Chance { probability: 0.02 * (1 + random.below(15)) as f64, seed: random.below(1_000) },
        _ => When::Always,
    };
    let fault = Fault::new(endpoint, when, effect(random, list));
    let is_limited = name == STALL || random.below(4) > 0;
    (name, if is_limited { fault.times(1 + random.below(3)) } else { fault })
}
