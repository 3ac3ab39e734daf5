//! Which tags of an account are read: those that `tags.select` names, by their names or ids.
//!
//! Before it: the first reply about all tags. Behind it: the [walk](super::walk) reads each of
//! them.

use crate::config::TagName;
use crate::error::Error;
use crate::wechat::Tag;

/// How many of the known tags an error names.
const SHOWN: usize = 20;

/// Returns the ids of the tags that `wanted` names, ascending; of all but WeChat's own without it.
///
/// # Errors
///
/// [`Error::UnknownTags`] if the account does not have one of them.
pub(super) fn select(wanted: Option<&[TagName]>, tags: &[Tag]) -> Result<Vec<i32>, Error> {
    let is_wanted = |tag: &Tag| match wanted {
        None => !tag.is_of_wechat(),
        Some(wanted) => wanted.iter().any(|name| is_named(tag, name)),
    };
    let unknown = wanted.into_iter().flatten().filter(|name| !tags.iter().any(|tag| is_named(tag, name)));
    let unknown = unknown.map(|name| match name {
        TagName::Id(id) => id.to_string(),
        TagName::Name(name) => format!("{name:?}"),
    });
    let unknown: Vec<String> = unknown.collect();
    if !unknown.is_empty() {
        let known = tags.iter().take(SHOWN).map(described).collect();
        return Err(Error::UnknownTags { unknown, known, more: tags.len().saturating_sub(SHOWN) });
    }
    Ok(tags.iter().filter(|tag| is_wanted(tag)).map(|tag| tag.id).collect())
}

fn is_named(tag: &Tag, name: &TagName) -> bool {
    match name {
        TagName::Id(id) => u32::try_from(tag.id) == Ok(*id),
        TagName::Name(name) => tag.name == *name,
    }
}

/// Returns a tag as an error names it. A name may hold anything.
fn described(tag: &Tag) -> String {
    format!("{:?} ({})", tag.name, tag.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags() -> Vec<Tag> {
        let tag = |(id, name): (i32, &str)| Tag { id, name: name.to_owned(), count: 0 };
        [(0, "未分组"), (2, "星标组"), (100, "VIP"), (134, "100"), (135, "two\nlines")].map(tag).into()
    }

    #[test]
    fn tags_are_selected_by_id_or_name_and_wechats_own_only_if_they_are_named() {
        let name = |name: &str| TagName::Name(name.to_owned());
        assert_eq!(select(None, &tags()).unwrap(), [100, 134, 135]);
        assert_eq!(
            select(Some(&[name("two\nlines"), TagName::Id(2), name("VIP"), TagName::Id(100)]), &tags()).unwrap(),
            [2, 100, 135]
        );
        assert_eq!(select(Some(&[name("100")]), &tags()).unwrap(), [134], "a name of digits is a name");
        assert_eq!(select(None, &[]).unwrap(), [0; 0]);
    }

    #[test]
    fn an_unknown_tag_is_refused_with_those_that_there_are() {
        let error =
            select(Some(&[TagName::Name("vip".to_owned()), TagName::Id(7), TagName::Id(100)]), &tags()).unwrap_err();
        let error = error.to_string();
        assert!(
            error.contains("\"vip\", 7") && error.contains("\"VIP\" (100), \"100\" (134), \"two\\nlines\" (135)"),
            "{error}"
        );
    }
}
