//! What was probably meant where a file is no TOML.
//!
//! `layers` adds it to the parser's message. It shows no value, which may be a secret: only keys
//! and the characters that do not belong there.

/// Returns what to write instead in `line` (from 1) of a text that the parser has refused with
/// `message`; `None` if nothing better is known.
pub(super) fn hint(text: &str, line: usize, message: &str) -> Option<String> {
    if !text.contains('\n') && text.contains('\r') {
        return Some("the lines end in a carriage return alone; save the file with the line ends of Unix".to_owned());
    }
    let written = text.lines().nth(line.saturating_sub(1)).unwrap_or_default();
    if message.contains("duplicate key") {
        return Some(of_duplicate(text, line, written));
    }
    let first = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    if first.starts_with('{') || first.starts_with("[{") {
        return Some(
            "this looks like JSON; the file is TOML: `key = value`, below headers such as `[sinks.lake]`".to_owned(),
        );
    }
    let bare = without_texts(written);
    let bare = bare.trim();
    if first == "---" || is_yaml(text) && key_before(bare, ':').is_some() {
        return Some(
            "this looks like YAML; the file is TOML: `key = value`, below headers such as `[sinks.lake]`".to_owned(),
        );
    }
    if bare.is_empty() {
        return None;
    }
    // A quote that does not end may have been ended by a typographic one.
    let is_open = bare.matches('"').count() % 2 == 1 || bare.matches('\'').count() % 2 == 1;
    of_comment(bare)
        .or_else(|| of_character(if is_open { written } else { bare }))
        .or_else(|| if bare.starts_with('[') { of_header(bare) } else { of_assignment(bare, message) })
}

/// Returns the line without what stands in quotes, and without its comment: a quote alone stays.
fn without_texts(line: &str) -> String {
    let mut bare = String::new();
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '#' => break,
            '"' | '\'' => {
                let rest = letters.as_str();
                let mut is_escaped = false;
                let end = rest.char_indices().find(|&(_, inner)| {
                    let is_end = inner == letter && !is_escaped;
                    is_escaped = letter == '"' && inner == '\\' && !is_escaped;
                    is_end
                });
                bare.push(letter);
                let Some((end, _)) = end else { break };
                bare.push(letter);
                letters = rest[end + 1..].chars();
            }
            letter => bare.push(letter),
        }
    }
    bare
}

fn of_duplicate(text: &str, line: usize, written: &str) -> String {
    let plain = |line: &str| line.split('#').next().unwrap_or_default().trim().to_owned();
    let header = plain(written);
    if header == "[[accounts]]" {
        return "write all accounts as `[[accounts]]`, or all in the file that `accounts.file` names".to_owned();
    }
    if !header.starts_with('[') {
        return "a key stands once in its table".to_owned();
    }
    match text.lines().take(line - 1).position(|earlier| plain(earlier) == header) {
        Some(first) => format!("`{header}` stands in line {} already: put both parts together", first + 1),
        None => "a table stands once: put its parts together".to_owned(),
    }
}

/// Returns whether more lines have the form `key: value` than `key = value`.
fn is_yaml(text: &str) -> bool {
    let bare: Vec<String> = text.lines().map(without_texts).collect();
    let count = |sign| bare.iter().filter(|line| key_before(line.trim(), sign).is_some()).count();
    let (colons, equals) = (count(':'), count('='));
    colons > 1 && equals == 0
}

/// Returns the bare key before `sign`.
fn key_before(line: &str, sign: char) -> Option<&str> {
    let key = line.trim_start_matches("- ").split_once(sign)?.0.trim();
    let is_key = |letter: char| letter.is_ascii_alphanumeric() || "_-.".contains(letter);
    (!key.is_empty() && key.chars().all(is_key)).then_some(key)
}

fn of_comment(bare: &str) -> Option<String> {
    let sign = [";", "//", "/*", "--"].into_iter().find(|sign| bare.starts_with(sign))?;
    Some(format!("a comment begins with `#`, not with `{sign}`"))
}

/// Names a character that a text editor or an input method has put in the place of a plain one.
fn of_character(bare: &str) -> Option<String> {
    bare.chars().find_map(|letter| {
        let (what, plain) = match letter {
            '“' | '”' | '„' | '‟' | '«' | '»' | '「' | '」' | '『' | '』' | '＂' => {
                ("a typographic quote", "\"")
            }
            '‘' | '’' | '‚' | '‛' | '＇' | '`' | '´' => ("a typographic quote", "'"),
            '＝' => ("full width", "="),
            '：' | '﹕' => ("full width, and no sign of TOML", "="),
            '［' | '【' => ("full width", "["),
            '］' | '】' => ("full width", "]"),
            '｛' => ("full width", "{"),
            '｝' => ("full width", "}"),
            '，' | '、' => ("full width", ","),
            '．' | '。' => ("full width", "."),
            '＃' => ("full width", "#"),
            '\u{a0}' | '\u{3000}' | '\u{2002}'..='\u{200a}' | '\u{202f}' => {
                return Some(format!("found the blank U+{:04X}, expected a plain blank", u32::from(letter)));
            }
            '\u{200b}'..='\u{200f}' | '\u{feff}' | '\u{2060}' | '\u{ad}' => {
                return Some(format!("found the invisible character U+{:04X}; take it out", u32::from(letter)));
            }
            _ => return None,
        };
        Some(format!("found `{letter}` ({what}), expected `{plain}`"))
    })
}

fn of_header(bare: &str) -> Option<String> {
    let (open, closed) = (bare.matches('[').count(), bare.matches(']').count());
    if open > closed {
        return Some(format!("`{}` is missing at the end of the header", "]".repeat(open - closed)));
    }
    let name = bare.trim_matches(['[', ']']);
    if !name.is_ascii() {
        let expected = "a name in a header has the letters a to z, digits, `_` and `-`";
        return Some(format!("{expected}; a name in another script stands in a value, such as an account's `name`"));
    }
    name.trim().contains(' ').then(|| "the parts of a header are separated by `.`, as in `[sinks.lake]`".to_owned())
}

fn of_assignment(bare: &str, message: &str) -> Option<String> {
    let equals = "a key and its value are separated by `=`";
    if [" = ", "="].iter().all(|sign| !bare.contains(sign)) {
        return Some(match key_before(bare, ':') {
            Some(key) => format!("{equals}, not by `:`; write `{key} = …`"),
            None => format!("`=` is missing: {equals}"),
        });
    }
    let (key, value) = bare.split_once('=')?;
    if key.trim_end().ends_with(':') || value.starts_with(['=', '>']) {
        return Some(format!("{equals} alone"));
    }
    let (key, value) = (key.trim(), value.trim());
    if message.contains("escape") {
        return Some("within `\"…\"` a `\\` begins an escape; write a text that has `\\` as `'…'`".to_owned());
    }
    if value.is_empty() {
        return Some("the value behind `=` is missing".to_owned());
    }
    if value.ends_with(';') || value.ends_with(',') && !value.starts_with(|first: char| first.is_ascii_digit()) {
        return Some("a line has one key, and nothing at its end".to_owned());
    }
    if value.matches('"').count() % 2 == 1 || value.matches('\'').count() % 2 == 1 {
        return Some("the quote at the end of the text is missing".to_owned());
    }
    if value.starts_with('{') && !value.contains('}') {
        return Some("a table in `{ }` stands on one line".to_owned());
    }
    if value.contains('$') || value.starts_with('%') {
        return Some(format!(
            "variables are not expanded; a secret from one is `{key} = {{ env = \"NAME\" }}`, and the variable \
             `FANOUT_SECTION__KEY` sets a key"
        ));
    }
    of_word(key, value)
}

/// Returns what a value without quotes should be.
fn of_word(key: &str, value: &str) -> Option<String> {
    let boolean = |word: &str| Some(format!("expected `{word}`, in lower case and without quotes"));
    match value.to_lowercase().as_str() {
        "true" | "yes" | "on" | "y" => return boolean("true"),
        "false" | "no" | "off" | "n" => return boolean("false"),
        "none" | "null" | "nil" | "~" => return Some("TOML has no such value; leave the key out".to_owned()),
        _ => {}
    }
    if value.starts_with(|first: char| first.is_ascii_digit()) {
        let is_number = value.chars().all(|letter| letter.is_ascii_digit() || ", .".contains(letter));
        return Some(if is_number {
            "the digits of a number may be grouped by `_` only, as in `10_000`".to_owned()
        } else {
            "a number with a unit stands in quotes, as in `\"256 MiB\"`".to_owned()
        });
    }
    let is_text = value.chars().any(char::is_alphanumeric) && !value.contains(['"', '\'', '[', '{']);
    is_text.then(|| format!("a text stands in quotes: `{key} = \"…\"`"))
}
