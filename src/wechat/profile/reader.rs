//! Reads the rows of a reply: each strictly, and leniently if it does not fit.
//!
//! Before it: `read` has made text of the bytes. Behind it: the text is read, and `read` hands the
//! reply on.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::fields::Profile;
use super::keys::{Key, Order, written_length};
use super::repeat::{Repeat, STALE};
use super::reply::{MalformedProfiles, ProfileError, ProfileReply};
use super::scanner::{Expected, Read, Scanner};
use crate::wechat::reply::{Errcode, Errmsg};

/// The last second of the year 9999, the last one that every sink can write.
const LAST_SECOND: i64 = 253_402_300_799;

/// The documented most of rows in a reply.
const USUAL_ROWS: usize = 100;

/// Reads one reply.
pub(super) struct Reader<'t> {
    scanner: Scanner<'t>,
    /// The places of bytes that were no UTF-8, ascending.
    damage: &'t [usize],
    order: Order,
    repeat: Option<Repeat<'t>>,
    rows: Vec<Profile<'t>>,
    lenient: u64,
    unknown: Vec<Cow<'t, str>>,
    errcode: Errcode,
    errmsg: Errmsg,
}

/// How a row stands in its reply.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    /// In an array, with others.
    InList,
    /// It is the reply, so it may be an error.
    Alone,
}

impl<'t> Reader<'t> {
    /// Reads `text`, in which U+FFFD stands at each place of `damage` for bytes that are no UTF-8.
    pub(super) fn new(text: &'t str, damage: &'t [usize]) -> Self {
        Self {
            scanner: Scanner::new(text),
            damage,
            order: Order::new(),
            repeat: None,
            rows: Vec::new(),
            lenient: 0,
            unknown: Vec::new(),
            errcode: Errcode::default(),
            errmsg: Errmsg::default(),
        }
    }

    /// Reads a reply with an array of rows.
    pub(super) fn list(mut self) -> Result<ProfileReply<'t>, ProfileError> {
        let read = self.envelope();
        self.finish(read)
    }

    /// Reads a reply that is one row.
    pub(super) fn alone(mut self) -> Result<ProfileReply<'t>, ProfileError> {
        let mut row = Profile::default();
        let read = self.row(Place::Alone, &mut row);
        self.rows.push(row);
        self.finish(read)
    }

    fn finish(mut self, read: Read<()>) -> Result<ProfileReply<'t>, ProfileError> {
        let read = read.and_then(|()| match self.scanner.peek() {
            None => Ok(()),
            Some(_) => Err(Expected("nothing behind the reply")),
        });
        if let Err(Expected(expected)) = read {
            return Err(ProfileError::Malformed(MalformedProfiles { at: self.scanner.at, expected }));
        }
        if let Some(error) = self.errcode.error(&self.errmsg) {
            return Err(ProfileError::Api(error));
        }
        let mut unknown = BTreeMap::new();
        for key in self.unknown {
            *unknown.entry(key).or_default() += 1;
        }
        let replaced = self.damage.len() as u64 + self.scanner.halves;
        Ok(ProfileReply { rows: self.rows, lenient: self.lenient, replaced, unknown })
    }

    /// Reads the object around the array. Free text stands in the rows alone, so nothing of it is
    /// read leniently.
    fn envelope(&mut self) -> Read<()> {
        if !self.scanner.takes(b'{') {
            return Err(Expected("an object"));
        }
        let mut is_listed = false;
        let mut another = !self.scanner.takes(b'}');
        while another {
            let key = self.scanner.key::<false>()?;
            match &*key {
                "user_info_list" if is_listed => return Err(Expected("`user_info_list` once")),
                "user_info_list" => {
                    is_listed = true;
                    self.list_of_rows()?;
                }
                "errcode" => self.errcode::<false>()?,
                "errmsg" => self.errmsg::<false>()?,
                _ => {
                    self.unknown.push(key);
                    self.scanner.skip::<false>()?;
                }
            }
            another = self.scanner.comma_or(b'}', "`,` or `}`")?;
        }
        Ok(())
    }

    fn list_of_rows(&mut self) -> Read<()> {
        match self.scanner.peek() {
            Some(b'[') => self.scanner.at += 1,
            Some(b'n') => return self.scanner.skip::<false>(),
            _ => return Err(Expected("an array of profiles")),
        }
        // Not moved after it has been read: a row is 400 bytes.
        let mut rows = Vec::with_capacity(USUAL_ROWS);
        let mut another = !self.scanner.takes(b']');
        while another {
            let place = rows.len();
            rows.push(Profile::default());
            self.row(Place::InList, &mut rows[place])?;
            another = self.scanner.comma_or(b']', "`,` or `]`")?;
        }
        self.rows = rows;
        Ok(())
    }

    /// Reads a row into an empty one, leniently if it does not fit strictly.
    fn row(&mut self, place: Place, row: &mut Profile<'t>) -> Read<()> {
        if self.scanner.peek() != Some(b'{') {
            return Err(Expected("a profile"));
        }
        let start = self.scanner.at;
        let unknown = self.unknown.len();
        let is_strict = self.fields::<false>(place, row).is_ok();
        if !is_strict {
            self.scanner.at = start;
            self.unknown.truncate(unknown);
            *row = Profile::default();
            self.fields::<true>(place, row)?;
        }
        row.raw = Cow::Borrowed(self.scanner.since(start));
        self.lenient += u64::from(!is_strict || self.is_damaged(start));
        Ok(())
    }

    /// Returns whether there were bytes that are no UTF-8 between `start` and here.
    fn is_damaged(&self, start: usize) -> bool {
        let next = self.damage.partition_point(|place| *place < start);
        self.damage.get(next).is_some_and(|place| *place < self.scanner.at)
    }

    /// Reads the object that a row is.
    fn fields<const LENIENT: bool>(&mut self, place: Place, row: &mut Profile<'t>) -> Read<()> {
        self.scanner.at += 1;
        let (mut seen, mut before) = (0, None);
        // Where the first fields begin that may be repeated, and the key before them.
        let mut run = None;
        let mut another = !self.scanner.takes(b'}');
        while another {
            if seen & STALE == 0
                && let Some(repeat) = self.repeat.as_ref().filter(|repeat| repeat.behind == before)
                && self.scanner.rest().starts_with(repeat.text.as_bytes())
            {
                repeat.fill(row);
                self.scanner.at += repeat.text.len();
                seen |= repeat.keys;
                before = Some(repeat.last);
            }
            let start = self.scanner.at;
            let key = self.key::<LENIENT>(before)?;
            if key.is_some_and(|key| STALE & key.bit() != 0) {
                if seen & STALE == 0 {
                    run = Some((start, before));
                }
            } else if let (false, Some((first, behind)), Some(last)) = (LENIENT, run.take(), before) {
                let text = self.scanner.between(first, start);
                self.repeat = Some(Repeat::new(text, behind, last, seen & STALE, row));
            }
            match key {
                Some(key @ (Key::Errcode | Key::Errmsg)) if place == Place::InList => {
                    let name = if key == Key::Errcode { "errcode" } else { "errmsg" };
                    self.unknown.push(Cow::Borrowed(name));
                    self.scanner.skip::<LENIENT>()?;
                }
                Some(key) if seen & key.bit() != 0 => return Err(Expected("each key of a profile once")),
                Some(key) => {
                    seen |= key.bit();
                    before = Some(key);
                    self.value::<LENIENT>(key, row)?;
                }
                None => self.scanner.skip::<LENIENT>()?,
            }
            another = self.scanner.comma_or(b'}', "`,` or `}`")?;
        }
        Ok(())
    }

    /// Reads the key behind the key `before`; `None` if it is an unknown one, which is noted.
    fn key<const LENIENT: bool>(&mut self, before: Option<Key>) -> Read<Option<Key>> {
        self.scanner.peek();
        let guess = self.order.guess(before);
        if let Some(length) = written_length(guess, self.scanner.rest()) {
            self.scanner.at += length;
            return Ok(Some(guess));
        }
        let name = self.scanner.key::<LENIENT>()?;
        let key = Key::named(&name);
        match key {
            Some(key) => self.order.learn(before, key),
            None => self.unknown.push(name),
        }
        Ok(key)
    }

    fn value<const LENIENT: bool>(&mut self, key: Key, row: &mut Profile<'t>) -> Read<()> {
        let scanner = &mut self.scanner;
        match key {
            Key::Subscribe => row.subscribe = scanner.integer::<LENIENT>(0, 1)?.map(|number| number == 1),
            Key::Openid => row.openid = scanner.text::<LENIENT>()?.unwrap_or_default(),
            Key::Nickname => row.nickname = scanner.text::<LENIENT>()?,
            Key::Sex => row.sex = small::<LENIENT>(scanner)?,
            Key::Language => row.language = scanner.text::<LENIENT>()?,
            Key::City => row.city = scanner.text::<LENIENT>()?,
            Key::Province => row.province = scanner.text::<LENIENT>()?,
            Key::Country => row.country = scanner.text::<LENIENT>()?,
            Key::Headimgurl => row.headimgurl = scanner.text::<LENIENT>()?,
            Key::SubscribeTime => row.subscribe_time = scanner.integer::<LENIENT>(0, LAST_SECOND)?,
            Key::Unionid => row.unionid = scanner.text::<LENIENT>()?.filter(|unionid| !unionid.is_empty()),
            Key::Remark => row.remark = scanner.text::<LENIENT>()?,
            Key::Groupid => row.groupid = small::<LENIENT>(scanner)?,
            Key::TagidList => row.tagid_list = tags::<LENIENT>(scanner)?,
            Key::SubscribeScene => row.subscribe_scene = scanner.text::<LENIENT>()?,
            Key::QrScene => row.qr_scene = scanner.integer::<LENIENT>(i64::MIN, i64::MAX)?,
            Key::QrSceneStr => row.qr_scene_str = scanner.text::<LENIENT>()?,
            Key::Errcode => self.errcode::<LENIENT>()?,
            Key::Errmsg => self.errmsg::<LENIENT>()?,
        }
        Ok(())
    }

    /// Reads an `errcode` of any form that the other replies may have.
    fn errcode<const LENIENT: bool>(&mut self) -> Read<()> {
        self.scanner.peek();
        let start = self.scanner.at;
        self.scanner.skip::<LENIENT>()?;
        let errcode = serde_json::from_str(self.scanner.since(start));
        self.errcode = errcode.map_err(|_| Expected("an `errcode` that is a number before this place"))?;
        Ok(())
    }

    /// Reads an `errmsg`; one that is no text counts as absent.
    fn errmsg<const LENIENT: bool>(&mut self) -> Read<()> {
        self.scanner.peek();
        let start = self.scanner.at;
        self.scanner.skip::<LENIENT>()?;
        self.errmsg = serde_json::from_str(self.scanner.since(start)).unwrap_or_default();
        Ok(())
    }
}

/// Reads an integer of four bytes.
fn small<const LENIENT: bool>(scanner: &mut Scanner<'_>) -> Read<Option<i32>> {
    let number = scanner.integer::<LENIENT>(i32::MIN.into(), i32::MAX.into())?;
    Ok(number.map(|number| number as i32))
}

/// Reads the array of tags. Leniently, a tag that is `null` is left out.
fn tags<const LENIENT: bool>(scanner: &mut Scanner<'_>) -> Read<Option<Vec<i32>>> {
    match scanner.peek() {
        Some(b'[') => scanner.at += 1,
        Some(b'n') => return scanner.skip::<LENIENT>().map(|()| None),
        _ => return Err(Expected("an array of tags")),
    }
    let mut tags = Vec::new();
    let mut another = !scanner.takes(b']');
    while another {
        match small::<LENIENT>(scanner)? {
            Some(tag) => tags.push(tag),
            None if LENIENT => {}
            None => return Err(Expected("a tag")),
        }
        another = scanner.comma_or(b']', "`,` or `]`")?;
    }
    Ok(Some(tags))
}
