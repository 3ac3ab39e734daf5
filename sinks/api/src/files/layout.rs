//! The `layout` option: a template for the path of an output below `root`.
//!
//! Before it: `options`. Behind it: `local::target`, which joins the path to `root`.

use std::fmt::Write;
use std::path::PathBuf;

use crate::context::SinkContext;
use crate::error::SinkError;
use crate::local_path::foreign_path;

/// The placeholders, for error messages.
const PLACEHOLDERS: &str = "`{date}`, `{account}`, `{app_id}`, `{list}`, `{part}`, `{pipeline}`, `{sink}`";

/// The longest file name that the common file systems hold, in bytes.
pub(super) const LONGEST_NAME: usize = 255;

/// A folder `key=value`, as readers see it.
pub(super) struct HiveFolder {
    pub(super) key: String,
    /// The value as readers decode it.
    pub(super) value: String,
    /// Whether the value holds a name: more than literal text and the date.
    pub(super) is_named: bool,
}

/// A parsed template: folders, and the name of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    folders: Vec<Vec<Piece>>,
    file: Vec<Piece>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Placeholder {
    Date,
    Account,
    AppId,
    List,
    Part,
    Pipeline,
    Sink,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Value(Placeholder),
}

impl Layout {
    /// Parses a template. With `rolling`, a list may become several files, so their names need
    /// `{part}`.
    pub(super) fn parse(template: &str, rolling: bool) -> Result<Self, SinkError> {
        if template.starts_with('/') {
            return Err(wrong(template, "is absolute; it must be relative to `root`"));
        }
        if let Some(problem) = foreign_path(template) {
            return Err(SinkError::option("layout", format!("found `{template}`, {problem}")));
        }
        let mut folders = template.split('/').map(|name| parse_name(name, template)).collect::<Result<Vec<_>, _>>()?;
        let file = folders.pop().unwrap_or_default();
        let layout = Self { folders, file };
        layout.validate(template, rolling)?;
        Ok(layout)
    }

    fn validate(&self, template: &str, rolling: bool) -> Result<(), SinkError> {
        let names = |placeholder| self.folders.iter().any(|name| name.contains(&Piece::Value(placeholder)));
        let numbered = self.file.contains(&Piece::Value(Placeholder::Part));
        if names(Placeholder::Part) {
            return Err(wrong(template, "has `{part}` in a folder; the parts of a list lie in one folder"));
        }
        if self.is_single_file() {
            if numbered || rolling {
                let problem = "makes one file; for a list in several parts it needs a folder that names `{date}` and \
                               `{account}`, and `{part}` in the file name";
                return Err(wrong(template, problem));
            }
            return Ok(());
        }
        if rolling && !numbered {
            return Err(wrong(template, "has no `{part}` in the file name, which a list in several files needs"));
        }
        if !names(Placeholder::Date) || !(names(Placeholder::Account) || names(Placeholder::AppId)) {
            let problem = "needs folders that name `{date}` and `{account}` (or `{app_id}`): the last folder is \
                           replaced as a whole, so it must hold one list and nothing else";
            return Err(wrong(template, problem));
        }
        Ok(())
    }

    /// Checks that each account of the run has an output of its own. A layout with folders needs no
    /// check: `parse` requires that they name the account.
    pub(super) fn check_accounts(&self, template: &str, context: &SinkContext) -> Result<(), SinkError> {
        let tells_apart = [Placeholder::Account, Placeholder::AppId].map(Piece::Value);
        if context.accounts.len() < 2
            || !self.is_single_file()
            || self.file.iter().any(|name| tells_apart.contains(name))
        {
            return Ok(());
        }
        let accounts = context.accounts.join("`, `");
        let problem = format!("is one file for the accounts `{accounts}`; it needs `{{account}}` or `{{app_id}}`");
        Err(wrong(template, &problem))
    }

    /// Returns the folders that are a column to readers.
    pub(super) fn hive_folders(&self, context: &SinkContext) -> Vec<HiveFolder> {
        let is_name = |piece: &Piece| !matches!(piece, Piece::Text(_) | Piece::Value(Placeholder::Date));
        let folders = self.folders.iter().filter_map(|name| {
            let text: String = name.iter().map(|piece| piece.text(context, 0, str::to_owned)).collect();
            let (key, value) = text.split_once('=')?;
            Some(HiveFolder { key: key.to_owned(), value: value.to_owned(), is_named: name.iter().any(is_name) })
        });
        folders.collect()
    }

    /// Returns whether a list is one file in `root` itself, and not a folder of its own.
    pub(super) fn is_single_file(&self) -> bool {
        self.folders.is_empty()
    }

    /// Returns whether the app id is part of a list's path.
    pub(super) fn names_app_id(&self) -> bool {
        self.folders.iter().chain([&self.file]).any(|name| name.contains(&Piece::Value(Placeholder::AppId)))
    }

    /// Returns the folder of a list, relative to `root`; empty for a single file.
    pub(super) fn folder(&self, context: &SinkContext) -> Result<PathBuf, SinkError> {
        self.folders.iter().map(|name| render(name, context, 0)).collect()
    }

    /// Returns the file name of part number `part`.
    pub(super) fn file(&self, context: &SinkContext, part: u32) -> Result<String, SinkError> {
        render(&self.file, context, part)
    }
}

fn wrong(template: &str, problem: &str) -> SinkError {
    SinkError::option("layout", format!("`{template}` {problem}"))
}

fn parse_name(name: &str, template: &str) -> Result<Vec<Piece>, SinkError> {
    match name {
        "" => return Err(wrong(template, "has an empty folder or file name")),
        "." | ".." => {
            return Err(wrong(template, "has a folder or file named `.` or `..`, which would lead out of its place"));
        }
        _ => {}
    }
    let mut pieces = Vec::new();
    let mut rest = name;
    while let Some(brace) = rest.find(['{', '}']) {
        let (text, placeholder) = rest.split_at(brace);
        let end = placeholder.find('}').filter(|end| *end > 0);
        let end = end.ok_or_else(|| wrong(template, "has a brace without its counterpart"))?;
        if !text.is_empty() {
            pieces.push(Piece::Text(text.to_owned()));
        }
        pieces.push(Piece::Value(parse_placeholder(&placeholder[1..end], template)?));
        rest = &placeholder[end + 1..];
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest.to_owned()));
    }
    Ok(pieces)
}

fn parse_placeholder(name: &str, template: &str) -> Result<Placeholder, SinkError> {
    match name {
        "date" => Ok(Placeholder::Date),
        "account" => Ok(Placeholder::Account),
        "app_id" => Ok(Placeholder::AppId),
        "list" => Ok(Placeholder::List),
        "part" => Ok(Placeholder::Part),
        "pipeline" => Ok(Placeholder::Pipeline),
        "sink" => Ok(Placeholder::Sink),
        _ => Err(wrong(template, &format!("has the unknown placeholder `{{{name}}}`; there are {PLACEHOLDERS}"))),
    }
}

impl Piece {
    /// Returns the piece as text; each name goes through `encode`.
    fn text(&self, context: &SinkContext, part: u32, encode: impl Fn(&str) -> String) -> String {
        match self {
            Self::Text(literal) => literal.clone(),
            Self::Value(Placeholder::Part) => format!("{part:05}"),
            Self::Value(Placeholder::Date) => context.date.to_string(),
            Self::Value(Placeholder::Account) => encode(&context.account),
            Self::Value(Placeholder::AppId) => encode(&context.app_id),
            Self::Value(Placeholder::List) => encode(&context.list),
            Self::Value(Placeholder::Pipeline) => encode(&context.pipeline),
            Self::Value(Placeholder::Sink) => encode(&context.sink),
        }
    }
}

fn render(name: &[Piece], context: &SinkContext, part: u32) -> Result<String, SinkError> {
    let text: String = name.iter().map(|piece| piece.text(context, part, sanitise)).collect();
    if matches!(text.as_str(), "" | "." | "..") {
        return Err(SinkError::option(
            "layout",
            format!("the layout makes the name `{text}`, which is not a file name"),
        ));
    }
    if text.len() > LONGEST_NAME {
        let message = format!(
            "the layout makes a name of {} bytes; a file name has at most {LONGEST_NAME}: `{text}`",
            text.len()
        );
        return Err(SinkError::option("layout", message));
    }
    Ok(text)
}

/// Makes a value fit for a file name: letters and digits of any script, `-`, `_` and `.` stay, and
/// every other byte becomes `%XX`, as Hive writes partition values. Different values stay
/// different, and no result is `.` or `..`.
pub(super) fn sanitise(value: &str) -> String {
    let only_dots = matches!(value, "." | "..");
    let mut text = String::with_capacity(value.len());
    for character in value.chars() {
        if character.is_alphanumeric() || matches!(character, '-' | '_') || (character == '.' && !only_dots) {
            text.push(character);
            continue;
        }
        for byte in character.encode_utf8(&mut [0; 4]).bytes() {
            write!(text, "%{byte:02X}").expect("text grows as needed");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use chrono::DateTime;

    use super::*;
    use crate::arrow::datatypes::Schema;
    use crate::walk_id::WalkId;

    fn context(account: &str) -> SinkContext {
        SinkContext::new(account, "wx1", Arc::new(Schema::empty()))
            .with_names("followers", "archive")
            .with_list("tag members")
            .with_walk(WalkId::new(7, DateTime::UNIX_EPOCH), "2026-11-22".parse().unwrap())
    }

    #[test]
    fn every_placeholder_is_filled_in() {
        let layout =
            Layout::parse("{pipeline}/{sink}/{list}/dt={date}/{account}-{app_id}/part-{part}.x", true).unwrap();
        let folder = layout.folder(&context("main")).unwrap();
        assert_eq!(folder, Path::new("followers/archive/tag%20members/dt=2026-11-22/main-wx1"));
        assert_eq!(layout.file(&context("main"), 12).unwrap(), "part-00012.x");
    }

    #[test]
    fn a_plain_file_name_is_a_single_file() {
        let layout = Layout::parse("{account}.x", false).unwrap();
        assert!(layout.is_single_file());
        assert_eq!(layout.folder(&context("main")).unwrap(), Path::new(""));
        assert_eq!(layout.file(&context("main"), 0).unwrap(), "main.x");
    }

    #[test]
    fn several_accounts_do_not_share_a_single_file() {
        let alone = context("brand");
        let beside = context("brand").with_accounts(["brand".to_owned(), "shop".to_owned()].into());
        for (template, is_shared) in
            [("x", true), ("{date}-{pipeline}-{sink}.x", true), ("{account}.x", false), ("x-{app_id}", false)]
        {
            let layout = Layout::parse(template, false).unwrap();
            layout.check_accounts(template, &alone).unwrap();
            let checked = layout.check_accounts(template, &beside);
            assert_eq!(checked.is_err(), is_shared, "{template}");
            if let Err(error) = checked {
                let expected = "is one file for the accounts `brand`, `shop`; it needs `{account}` or `{app_id}`";
                assert_eq!((error.key(), error.to_string()), (Some("layout"), format!("`{template}` {expected}")));
            }
        }
    }

    #[test]
    fn a_wrong_template_is_an_error_about_the_option() {
        let cases = [
            ("{day}/{account}/x", "`{day}`; there are `{date}`"),
            ("{date/{account}/x", "brace"),
            ("date}/{account}/x", "brace"),
            ("{date}/{account}/..", "`..`"),
            ("../{date}/{account}/x", "`..`"),
            ("/{date}/{account}/x", "absolute"),
            ("{date}//{account}/x", "empty"),
            ("{date}/{account}/", "empty"),
            ("", "empty"),
            ("{date}/{account}/{part}/x", "`{part}` in a folder"),
            ("{date}/x-{part}", "`{account}`"),
            ("{account}/x-{part}", "`{date}`"),
            ("x-{part}", "needs a folder"),
            ("{date}/{account}/x\0", "cannot be seen (U+0000)"),
        ];
        for (template, expected) in cases {
            let error = Layout::parse(template, false).unwrap_err();
            assert_eq!(error.key(), Some("layout"), "{template}");
            assert!(error.to_string().contains(expected), "{template}: {error}");
        }
        for template in ["x", "{date}/{account}/x"] {
            let error = Layout::parse(template, true).unwrap_err();
            assert!(error.to_string().contains("`{part}`"), "{error}");
        }
    }

    #[test]
    fn no_value_escapes_its_place() {
        for (value, expected) in [
            ("..", "%2E%2E"),
            (".", "%2E"),
            ("../../etc", "..%2F..%2Fetc"),
            ("a=b/c", "a%3Db%2Fc"),
            ("粉丝 号", "粉丝%20号"),
            ("100%", "100%25"),
            ("a\0b", "a%00b"),
        ] {
            assert_eq!(sanitise(value), expected);
            let layout = Layout::parse("{date}/{account}/x", false).unwrap();
            let folder = layout.folder(&context(value)).unwrap();
            assert_eq!(folder.components().count(), 2);
            assert!(folder.components().all(|part| matches!(part, std::path::Component::Normal(_))));
        }
    }

    #[test]
    fn a_name_that_no_file_system_holds_is_refused() {
        let layout = Layout::parse("{date}/{account}/x", false).unwrap();
        for account in [String::new(), "x".repeat(LONGEST_NAME + 1)] {
            assert_eq!(layout.folder(&context(&account)).unwrap_err().key(), Some("layout"));
        }
    }
}
