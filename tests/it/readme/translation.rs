//! What README.zh-CN.md must have in common with the README: a change of one that the other lacks
//! fails a test.

use std::path::Path;

use super::README;

const CHINESE: &str = include_str!("../../../README.zh-CN.md");

/// Returns the language of every fenced block, and its lines without comments.
fn blocks(text: &str) -> Vec<(&str, Vec<String>)> {
    // The odd pieces stand between two fences.
    let fenced = text.split("```").skip(1).step_by(2);
    let split = fenced.map(|block| block.split_once('\n').unwrap());
    split.map(|(language, lines)| (language, lines.lines().map(|line| plain(language, line)).collect())).collect()
}

/// Returns a line without its comment, which is in the language of the reader.
fn plain(language: &str, line: &str) -> String {
    let end = match language {
        "text" => line.find("  "),
        "rust,no_run" => line.find("//"),
        _ => line.find('#'),
    };
    line[..end.unwrap_or(line.len())].trim_end().to_owned()
}

/// Returns the levels of the headings, in order, without `#` within a block.
fn headings(text: &str) -> Vec<usize> {
    let outside: String = text.split("```").step_by(2).collect();
    let headings = outside.lines().filter(|line| line.starts_with('#'));
    headings.map(|line| line.chars().take_while(|character| *character == '#').count()).collect()
}

/// Returns the first two cells of each row of all tables.
fn rows(text: &str) -> Vec<(&str, &str)> {
    let rows = text.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| ---"));
    let cells = rows.map(|row| row.trim_matches('|').split('|').map(str::trim));
    cells.map(|mut cells| (cells.next().unwrap(), cells.next().unwrap())).collect()
}

/// Returns whether a cell is an exit code.
fn is_exit_code(cell: &str) -> bool {
    cell.parse::<u8>().is_ok()
}

#[test]
fn both_have_the_same_commands_and_files() {
    let (english, chinese) = (blocks(README), blocks(CHINESE));
    assert!(english.iter().filter(|(language, _)| *language == "sh").count() >= 3, "{english:?}");
    for (english, chinese) in english.iter().zip(&chinese) {
        assert_eq!(english, chinese, "README.md has changed: change README.zh-CN.md as well");
    }
    assert_eq!(english.len(), chinese.len(), "README.md has a block more, or less, than README.zh-CN.md");
}

#[test]
fn both_have_the_same_sections_and_name_each_other() {
    assert_eq!(headings(README), headings(CHINESE), "the sections of README.md and README.zh-CN.md differ");
    assert!(README.contains("(README.zh-CN.md)") && CHINESE.contains("(README.md)"));
}

#[test]
fn what_the_translation_tabulates_is_as_in_the_original() {
    let english = rows(README);
    let mut compared = 0;
    for (first, second) in rows(CHINESE) {
        // Keys, columns, types and exit codes are the same in both; other cells are translated.
        let is_code = first.starts_with('`') && first.ends_with('`') && first.matches('`').count() == 2;
        if !is_code && !is_exit_code(first) {
            continue;
        }
        let mut originals = english.iter().filter(|(original, _)| *original == first).peekable();
        assert!(originals.peek().is_some(), "README.md has no row {first}");
        // The default of a key is the same in both; other second cells are translated.
        let is_translated = |cell: &str| !cell.is_empty() && !cell.starts_with('`');
        let is_same = originals.any(|(_, original)| second == *original || is_translated(original));
        assert!(is_same, "{first} is {second} in README.zh-CN.md, and something else in README.md");
        compared += 1;
    }
    assert!(compared > 30, "{compared}");
    let codes = |rows: Vec<(&str, &str)>| rows.into_iter().filter(|(first, _)| is_exit_code(first)).count();
    assert_eq!(codes(rows(README)), codes(rows(CHINESE)));
}

#[test]
fn every_flag_that_it_explains_is_explained_in_the_original() {
    // A line may end within what stands in backticks.
    let original = README.split_whitespace().collect::<Vec<_>>().join(" ");
    for flag in CHINESE.split('`').filter(|code| code.starts_with("--")) {
        assert!(original.contains(&format!("`{flag}`")), "README.md has no `{flag}`");
    }
    let sentence =
        README.split("`fanout run FILE` also takes").nth(1).unwrap().split("\n`fanout sinks`").next().unwrap();
    for flag in sentence.split('`').filter(|code| code.starts_with("--")) {
        assert!(CHINESE.contains(&format!("`{flag}`")), "README.zh-CN.md has no `{flag}`");
    }
}

#[test]
fn every_place_that_they_lead_to_is_there() {
    for text in [README, CHINESE] {
        for target in text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
            let (path, section) = target.split_once('#').unwrap_or((target, ""));
            assert!(path.is_empty() || Path::new(env!("CARGO_MANIFEST_DIR")).join(path).exists(), "{target}");
            let heading = |line: &str| line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
            let has_section = || README.lines().any(|line| line.starts_with('#') && heading(line) == section);
            assert!(section.is_empty() || has_section(), "{target}");
        }
    }
}
