//! The slips of people who do not write TOML every day: each is told in one sentence.

use super::*;

const ACCOUNT: &str = "[[accounts]]\nname = \"brand\"\napp_id = \"wx01\"\nsecret = { env = \"BRAND_SECRET\" }\n";
const SINK: &str = "[sinks.lake]\ntype = \"parquet\"\n[sinks.lake.options]\nroot = \"out\"\n";

/// Returns a valid file in which `from` is replaced.
fn with(from: &str, to: &str) -> String {
    let file = format!("name = \"t\"\n{ACCOUNT}{SINK}");
    assert!(file.contains(from), "{from}");
    file.replacen(from, to, 1)
}

#[test]
fn a_slip_in_the_tables_is_told_once_with_the_right_form() {
    let two = "expected two pairs of brackets, once for each account: `[[accounts]]`";
    let each = "`[sinks.lake]`, in which `lake` is a name of yours";
    let top = "belongs to the top of the file, above the first `[…]`";
    for (text, expected) in [
        (with("[[accounts]]", "[accounts]"), format!("`accounts`: found `[accounts]`, {two}")),
        (with("[[accounts]]", "[accounts.brand]"), format!("`accounts`: found `[accounts.brand]`, {two}")),
        (with("[[accounts]]", "[account]"), "`accounts`: found `account`, expected `[[accounts]]`".to_owned()),
        (with("[[accounts]]", "[[account]]"), "`accounts`: found `account`, expected `[[accounts]]`".to_owned()),
        (with("[[accounts]]", "[[Accounts]]"), "`accounts`: found `Accounts`, expected `[[accounts]]`".to_owned()),
        (with(SINK, "[[sinks]]\ntype = \"parquet\"\n"), format!("`sinks`: found `[[sinks]]`, expected a table for each sink: {each}")),
        (
            with(SINK, "[sinks]\ntype = \"parquet\"\nroot = \"out\"\n[sinks.options]\nroot = \"out\"\n"),
            format!("`sinks.type`: found `type` in `[sinks]`, expected it in a table for each sink: {each}"),
        ),
        (
            with("[sinks.lake]", "[[sinks.lake]]"),
            "`sinks.lake`: found `[[sinks.lake]]`, expected one pair of brackets: `[sinks.lake]`".to_owned(),
        ),
        (
            with("[sinks.lake.options]", "[[sinks.lake.options]]"),
            "`sinks.lake.options`: found `[[sinks.lake.options]]`, expected one pair of brackets: `[sinks.lake.options]`"
                .to_owned(),
        ),
        (with(SINK, &SINK.replace("sinks", "sink")), "`sinks`: found `sink`, expected `[sinks.<name>]`".to_owned()),
        (with(SINK, &SINK.replace("sinks", "Sinks")), "`sinks`: found `Sinks`, expected `[sinks.<name>]`".to_owned()),
        (with(SINK, &SINK.replace("sinks.", "")), "`lake`: found the sink `[lake]`, expected `[sinks.lake]`".to_owned()),
        (
            with("[sinks.lake.options]", "[options]"),
            "`options`: found `[options]`, expected the sink's name before it: `[sinks.<name>.options]`".to_owned(),
        ),
        (
            with(ACCOUNT, &format!("[[source]]\nproxy = \"http://proxy:1\"\n{ACCOUNT}")),
            "`source`: found `[[source]]`, expected one pair of brackets: `[source]`".to_owned(),
        ),
        (
            format!("{}name = \"t\"\n", with("name = \"t\"\n", "")),
            format!("`name`: missing, expected 1 to 64 letters, digits, `_` or `-`; the `name` in `[sinks.lake.options]` {top}"),
        ),
    ] {
        let errors = problems(&text);
        assert_eq!(errors.replace(&format!("{FILE}: "), ""), expected, "{text}");
    }
}

#[test]
fn a_key_in_the_wrong_table_is_told_its_place() {
    for (text, expected) in [
        (
            with("[sinks.lake.options]\n", ""),
            "`sinks.lake.root`: unknown key, …; an option of a sink stands in `[sinks.lake.options]`",
        ),
        (
            format!("root = \"out\"\n{}", with("root = \"out\"\n", "")),
            "`root`: unknown key, …; an option of a sink stands in `[sinks.<name>.options]`",
        ),
        (with("name = \"t\"", "name = \"t\"\nkeep = 3"), "`keep`: unknown key, …; `keep` stands in `[journal]`"),
        (
            with("name = \"t\"", "name = \"t\"\nsimulate = 3"),
            "`simulate`: unknown key, …; `simulate` stands in `[source]`",
        ),
        (
            with("name = \"t\"", "name = \"t\"\n[journal]\nmemory = \"1 GiB\""),
            "`journal.memory`: unknown key, …; `memory` stands in `[limits]`",
        ),
        (
            with("name = \"t\"", "name = \"t\"\ntype = \"parquet\""),
            "`type`: unknown key, …; `type` stands in `[sinks.<name>]`",
        ),
        (
            with("secret = { env", "appsecret = { env"),
            "`accounts[0].appsecret`: unknown key, …; did you mean `secret`? It is a reference: `secret = { env = \"NAME\" }`",
        ),
        (
            with("secret = { env = \"BRAND_SECRET\" }", "secret_env = \"BRAND_SECRET\""),
            "`accounts[0].secret_env`: unknown key, …; write `secret = { env = \"…\" }`",
        ),
    ] {
        let errors = problems(&text);
        let first = errors.lines().next().unwrap();
        let (key, advice) = expected.split_once('…').unwrap();
        assert!(first.contains(key) && first.ends_with(advice), "{expected}\n{errors}");
    }
    let options = load_with(&with("root = \"out\"", "root = \"out\"\nrequired = false"), &environment(&[])).unwrap();
    let problems = options.sinks[0].options.extract::<Root>().unwrap_err().to_string();
    assert!(
        problems.ends_with(
            "`sinks.lake.options.required`: unknown key, expected `root`; `required` stands in `[sinks.lake]`"
        ),
        "{problems}"
    );
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Root {
    #[expect(dead_code, reason = "only the problems are of interest")]
    root: String,
}

#[test]
fn what_is_no_toml_is_told_what_was_meant_and_shows_no_value() {
    let secret = "0123456789abcdef0123456789abcdef";
    let quoted = "a text stands in quotes: `name = \"…\"`";
    let separated = "a key and its value are separated by `=`";
    let is_true = "expected `true`, in lower case and without quotes";
    for (text, expected) in [
        (with("name = \"t\"", "name \"t\""), format!("`=` is missing: {separated}")),
        (with("name = \"t\"", "name: \"t\""), format!("{separated}, not by `:`; write `name = …`")),
        (with("name = \"t\"", "name := \"t\""), format!("{separated} alone")),
        (with("name = \"t\"", "name == \"t\""), format!("{separated} alone")),
        (with("name = \"t\"", "name => \"t\""), format!("{separated} alone")),
        (with("name = \"t\"", "name = "), "the value behind `=` is missing".to_owned()),
        (with("name = \"t\"", "name = t"), quoted.to_owned()),
        (with("name = \"t\"", "name = 粉丝"), quoted.to_owned()),
        (with("name = \"t\"", &format!("name = x{secret}")), quoted.to_owned()),
        (with("name = \"t\"", "name = \"t"), "the quote at the end of the text is missing".to_owned()),
        (with("name = \"t\"", "name = “t”"), "found `“` (a typographic quote), expected `\"`".to_owned()),
        (with("name = \"t\"", "name = \"t”"), "found `”` (a typographic quote), expected `\"`".to_owned()),
        (with("name = \"t\"", "name = ‘t’"), "found `‘` (a typographic quote), expected `'`".to_owned()),
        (with("name = \"t\"", "name = 「t」"), "found `「` (a typographic quote), expected `\"`".to_owned()),
        (with("name = \"t\"", "name ＝ \"t\""), "found `＝` (full width), expected `=`".to_owned()),
        (with("name = \"t\"", "name\u{a0}= \"t\""), "found the blank U+00A0, expected a plain blank".to_owned()),
        (with("name = \"t\"", "name\u{3000}= \"t\""), "found the blank U+3000, expected a plain blank".to_owned()),
        (with("name = \"t\"", "\u{200b}name = \"t\""), "found the invisible character U+200B; take it out".to_owned()),
        (with("name = \"t\"", "name = \"t\";"), "a line has one key, and nothing at its end".to_owned()),
        (with("name = \"t\"", "name = \"t\","), "a line has one key, and nothing at its end".to_owned()),
        (with("name = \"t\"", "; x\nname = \"t\""), "a comment begins with `#`, not with `;`".to_owned()),
        (with("name = \"t\"", "// x\nname = \"t\""), "a comment begins with `#`, not with `//`".to_owned()),
        (with("type", "required = True\ntype"), is_true.to_owned()),
        (with("type", "required = TRUE\ntype"), is_true.to_owned()),
        (with("type", "required = yes\ntype"), is_true.to_owned()),
        (with("type", "columns = None\ntype"), "TOML has no such value; leave the key out".to_owned()),
        (
            with("type", "queue = 1,000\ntype"),
            "the digits of a number may be grouped by `_` only, as in `10_000`".to_owned(),
        ),
        (with("type", "queue = 4 MiB\ntype"), "a number with a unit stands in quotes, as in `\"256 MiB\"`".to_owned()),
        (with("[[accounts]]", "[[accounts]"), "`]` is missing at the end of the header".to_owned()),
        (with("[sinks.lake]", "[sinks.lake"), "`]` is missing at the end of the header".to_owned()),
        (
            with("[sinks.lake]", "[sinks lake]"),
            "the parts of a header are separated by `.`, as in `[sinks.lake]`".to_owned(),
        ),
        (
            with("[sinks.lake]", "[sinks.数据湖]"),
            "a name in another script stands in a value, such as an account's `name`".to_owned(),
        ),
        (
            with("{ env = \"BRAND_SECRET\" }", "{\nenv = \"BRAND_SECRET\"\n}"),
            "a table in `{ }` stands on one line".to_owned(),
        ),
        (with("{ env = \"BRAND_SECRET\" }", "$BRAND_SECRET"), "`FANOUT_SECTION__KEY` sets a key".to_owned()),
        (with("\"out\"", "\"C:\\data\""), "write a text that has `\\` as `'…'`".to_owned()),
        (
            with("[sinks.lake.options]", "[sinks.lake]"),
            "`[sinks.lake]` stands in line 6 already: put both parts together".to_owned(),
        ),
        (with("name = \"t\"", "name = \"t\"\nname = \"u\""), "a key stands once in its table".to_owned()),
        (with("[[accounts]]", "[accounts]\n[[accounts]]"), "or all in the file that `accounts.file` names".to_owned()),
        (
            "{\n\"name\": \"t\"\n}\n".to_owned(),
            "this looks like JSON; the file is TOML: `key = value`, below headers such as `[sinks.lake]`".to_owned(),
        ),
        (
            "name: t\nsinks:\n  lake:\n    type: parquet\n".to_owned(),
            "this looks like YAML; the file is TOML: `key = value`, below headers such as `[sinks.lake]`".to_owned(),
        ),
        (with("", "").replace('\n', "\r"), "save the file with the line ends of Unix".to_owned()),
    ] {
        let errors = problems(&text);
        assert!(errors.ends_with(&expected), "{text}\n{errors}\n{expected}");
        assert!(!errors.contains(secret), "{errors}");
        assert_eq!(errors.lines().count(), 1, "{errors}");
    }
}

#[test]
fn line_ends_of_windows_and_a_mark_of_utf_8_are_no_slips() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("p.toml");
    std::fs::write(&file, format!("\u{feff}{}", with("", "").replace('\n', "\r\n"))).unwrap();
    assert_eq!(Pipeline::load(&file, &environment(&[])).unwrap().name, "t");
}
