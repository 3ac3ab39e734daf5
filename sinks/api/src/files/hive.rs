//! What readers see in the path of a file: each folder `key=value` is a column to them, as in Hive.
//!
//! Before it: a sink's options. [`check_columns`] finds a column that is in the path and in the
//! file, [`warnings`] a value that a reader takes for a number, a date or NULL.

use std::collections::{BTreeMap, BTreeSet};

use super::layout::Layout;
use super::options::FileOptions;
use super::reading::Reading;
use crate::context::SinkContext;
use crate::error::SinkError;
use crate::warning::SinkWarning;

/// With more values than this, the others are only counted.
const NAMED: usize = 3;

/// Checks that no folder's key is also a column of the files, or the key of another folder: readers
/// refuse that, or take one of the two. Readers do not distinguish case.
pub(super) fn check_columns(options: &FileOptions, context: &SinkContext) -> Result<(), SinkError> {
    let layout = Layout::parse(&options.layout, options.rolling)?;
    let of_root = options.root.folders();
    let of_root = of_root.iter().filter_map(|name| Some(("root", name.split_once('=')?.0.to_owned())));
    let of_layout = layout.hive_folders(context).into_iter().map(|folder| ("layout", folder.key));
    let mut seen: Vec<(&str, String)> = Vec::new();
    for (option, key) in of_root.chain(of_layout) {
        let same = |name: &str| name.to_lowercase() == key.to_lowercase();
        if let Some(field) = context.schema.fields().iter().find(|field| same(field.name())) {
            let column = field.name();
            let message = format!(
                "`{key}=` in `{option}` is a column to readers, and the files have the column `{column}` as well: readers \
                 refuse such files, or take one of the two"
            );
            let hint = format!("leave `{column}` out with `columns`, or rename the key, such as `path_{key}=`");
            return Err(SinkError::option(option, message).with_hint(hint));
        }
        if let Some((other, _)) = seen.iter().find(|(_, other)| same(other)) {
            let place = if *other == option { "" } else { " and in `root`" };
            let message = format!("`{key}=` is twice in `{option}`{place}: it is one column to readers");
            return Err(SinkError::option(option, message).with_hint("rename one of the two keys"));
        }
        seen.push((option, key));
    }
    Ok(())
}

/// Returns what readers may misunderstand in the paths of all accounts of `context`: values that
/// are no text to them, and accounts that become one. None if the options are wrong.
pub fn warnings(options: &FileOptions, context: &SinkContext) -> Vec<SinkWarning> {
    let Ok(layout) = Layout::parse(&options.layout, options.rolling) else { return Vec::new() };
    // By the key of a folder and its value.
    let mut values: BTreeMap<String, BTreeMap<String, Reading>> = BTreeMap::new();
    for account in context.accounts.iter() {
        let context = SinkContext { account: account.clone(), ..context.clone() };
        for folder in layout.hive_folders(&context).into_iter().filter(|folder| folder.is_named) {
            if let Some(reading) = Reading::of(&folder.value) {
                values.entry(folder.key).or_default().insert(folder.value, reading);
            }
        }
    }
    values.iter().flat_map(|(key, values)| of_key(key, values)).collect()
}

/// Makes the warnings about one key: about all of its values, and about those that become one.
fn of_key(key: &str, values: &BTreeMap<String, Reading>) -> Vec<SinkWarning> {
    let hint = format!(
        "give the reader a schema in which `{key}` is text, or name the folder by `{{app_id}}`, or choose the column `account` \
         with `columns` (under another key than `account=`)"
    );
    let readings = values.iter().map(|(value, reading)| format!("`{key}={value}` for {reading}"));
    let message = format!("readers that guess types take {}", in_words(readings.collect()));
    let mut warnings = vec![SinkWarning { message, hint: hint.clone() }];
    let mut same: BTreeMap<&Reading, BTreeSet<&str>> = BTreeMap::new();
    for (value, reading) in values {
        same.entry(reading).or_default().insert(value);
    }
    let several = same.into_iter().filter(|(_, values)| values.len() > 1);
    let several = several.map(|(reading, values)| {
        let values = values.into_iter().map(|value| format!("`{value}`")).collect();
        format!("{} are all {reading}", in_words(values))
    });
    let several: Vec<String> = several.collect();
    if !several.is_empty() {
        let message = format!("readers that guess types mix lists under `{key}=`: {}", in_words(several));
        warnings.push(SinkWarning { message, hint });
    }
    warnings
}

/// Lists the first things, and counts the others.
fn in_words(mut things: Vec<String>) -> String {
    let more = things.len().saturating_sub(NAMED);
    things.truncate(NAMED);
    let last = if more > 0 { Some(format!("{more} more")) } else { things.pop() };
    let last = last.unwrap_or_default();
    if things.is_empty() { last } else { format!("{} and {last}", things.join(", ")) }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::arrow::datatypes::{DataType, Field, Schema};

    const COLUMNS: [&str; 5] = ["app_id", "openid", "position", "page", "fetched_at"];

    fn options(root: &str, layout: &str) -> FileOptions {
        FileOptions { root: root.into(), layout: layout.to_owned(), rolling: false }
    }

    fn context(columns: &[&str], accounts: &[&str]) -> SinkContext {
        let fields: Vec<_> = columns.iter().map(|name| Field::new(*name, DataType::Utf8, false)).collect();
        let accounts: Vec<String> = accounts.iter().copied().map(str::to_owned).collect();
        SinkContext::new(&accounts[0], "wx1", Arc::new(Schema::new(fields))).with_accounts(accounts.into())
    }

    #[test]
    fn a_column_is_in_the_path_or_in_the_file() {
        let context = context(&COLUMNS, &["brand"]);
        for column in COLUMNS {
            for key in [column.to_owned(), column.to_uppercase()] {
                let layout = format!("dt={{date}}/{key}={{account}}/x-{{part}}");
                let error = check_columns(&options("out", &layout), &context).unwrap_err();
                assert_eq!(error.key(), Some("layout"));
                assert!(error.to_string().contains(&format!("`{key}=` in `layout`")), "{error}");
                assert!(error.hint().unwrap().contains(&format!("leave `{column}` out")), "{error}");

                let root = format!("lake/{key}=7");
                let error = check_columns(&options(&root, "dt={date}/account={account}/x"), &context).unwrap_err();
                assert_eq!(error.key(), Some("root"));

                // Without the column.
                let others: Vec<&str> = COLUMNS.into_iter().filter(|other| *other != column).collect();
                check_columns(&options("out", &layout), &self::context(&others, &["brand"])).unwrap();
            }
        }
    }

    #[test]
    fn other_layouts_are_no_columns_and_a_key_is_used_once() {
        let context = context(&COLUMNS, &["brand"]);
        for layout in [
            "dt={date}/account={account}/part-{part}.parquet",
            "{date}/app_id-{app_id}/x",
            "dt={date}/path_app_id={app_id}/x",
            "{date}/{app_id}/app_id=x",
            "app_id={app_id}.parquet",
        ] {
            check_columns(&options("out", layout), &context).unwrap();
        }
        for (root, layout, option) in [
            ("out", "dt={date}/DT={account}/x", "layout"),
            ("account=all", "dt={date}/account={account}/x", "layout"),
            ("a=1/A=2", "{date}/{account}/x", "root"),
        ] {
            let error = check_columns(&options(root, layout), &context).unwrap_err();
            assert_eq!(error.key(), Some(option), "{root} {layout}");
            assert!(error.to_string().contains("twice"), "{error}");
        }
    }

    #[test]
    fn a_name_that_is_no_text_to_readers_is_warned_of_and_two_that_become_one_as_well() {
        let warnings = |layout: &str, accounts: &[&str]| -> Vec<String> {
            let warnings = warnings(&options("out", layout), &context(&COLUMNS, accounts));
            warnings.into_iter().map(|warning| warning.message).collect()
        };
        let default = "dt={date}/account={account}/x";
        assert_eq!(warnings(default, &["brand", "品牌"]), [""; 0]);
        let numbers = "readers that guess types take `account=007` for the number 7";
        assert_eq!(warnings(default, &["007", "brand"]), [numbers]);
        assert_eq!(
            warnings(default, &["007", "7", "null"]),
            [
                "readers that guess types take `account=007` for the number 7, `account=7` for the number 7 and \
                 `account=null` for NULL",
                "readers that guess types mix lists under `account=`: `007` and `7` are all the number 7",
            ]
        );
        let many: Vec<String> = (0..2_500).map(|number| format!("{number:04}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let [message] = warnings(default, &many).try_into().unwrap();
        assert!(message.ends_with("`account=0002` for the number 2 and 2497 more"), "{message}");
        // Not by a key, or not the whole value.
        for layout in ["{date}/{account}/x", "dt={date}/account=a{account}/x", "dt={date}/app_id={app_id}/{account}"] {
            assert_eq!(warnings(layout, &["007", "7"]), [""; 0], "{layout}");
        }
        // The date shall be one, and what is written in the layout is meant.
        assert_eq!(warnings("dt={date}/v=1/{account}/x", &["007"]), [""; 0]);
        assert_eq!(
            warnings("{date}/x=0{account}/x", &["7"]),
            ["readers that guess types take `x=07` for the number 7"]
        );
    }
}
