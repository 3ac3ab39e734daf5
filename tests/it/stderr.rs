//! Output on stderr: text for people or lines of JSON for programs, with colours only on a
//! terminal.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::{Ended, Project, TWO_ACCOUNTS, say, signal, variable};

const JSON: [&str; 2] = ["--log-format", "json"];

/// Reads every line as a JSON object with time, level, message and target.
#[track_caller]
fn objects(stderr: &str) -> Vec<Value> {
    assert!(!stderr.contains('\x1b'), "{stderr}");
    let object = |line: &str| {
        let value: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        for key in ["timestamp", "level", "message", "target"] {
            assert!(value[key].is_string(), "no `{key}`: {line}");
        }
        value
    };
    stderr.lines().map(object).collect()
}

/// Returns the messages of a level.
fn messages<'a>(objects: &'a [Value], level: &str) -> Vec<&'a str> {
    let of_level = objects.iter().filter(|object| object["level"] == level);
    of_level.map(|object| object["message"].as_str().unwrap()).collect()
}

#[test]
fn what_a_run_logs_and_what_fails_are_lines_of_json() {
    let project = Project::new(TWO_ACCOUNTS);
    let ended = project.run(&[&["--set", "source.base_url=http://127.0.0.1:1"], &JSON[..]].concat());
    assert_eq!(ended.code, Some(75), "{ended:?}");
    let objects = objects(&ended.stderr);
    assert!(messages(&objects, "WARN")[0].starts_with("a call failed; trying again"), "{objects:#?}");
    let warning = objects.iter().find(|object| object["level"] == "WARN").unwrap();
    assert_eq!((&warning["what"], &warning["tries"]), (&"a token".into(), &1.into()), "the fields of a log are keys");
    let spans: Vec<_> = warning["spans"].as_array().unwrap().iter().map(|span| &span["name"]).collect();
    assert_eq!(spans, ["run", "account", "walk"], "{warning:#}");
    assert!(["brand", "shop"].map(Value::from).contains(&warning["spans"][1]["account"]), "{warning:#}");
    let errors = messages(&objects, "ERROR");
    assert_eq!(errors.len(), 2, "{errors:#?}");
    assert!(errors[1].starts_with("account `shop`: the call for a token failed"), "{errors:#?}");
    let error = objects.iter().find(|object| object["level"] == "ERROR").unwrap();
    assert!(error["hint"].as_str().unwrap().starts_with("check the network"), "{error:#}");
    assert!(ended.stdout.starts_with("account"), "results stay as they are: {ended:?}");
}

#[test]
fn a_wrong_command_line_and_a_wrong_file_are_lines_of_json() {
    let project = Project::new(&TWO_ACCOUNTS.replace("attempts = 2", "attempts = 0\nbudget_secs = 0"));
    let wrong = project.fanout(&["rnu", "--log-format=json"]);
    assert_eq!((wrong.code, wrong.stdout.as_str()), (Some(2), ""), "{wrong:?}");
    let said = objects(&wrong.stderr);
    assert!(messages(&said, "ERROR")[0].starts_with("unrecognized subcommand 'rnu'"), "{said:#?}");

    let ended = Ended::of(project.command(&["--log-format", "json", "check", "pipeline.toml"]).env("TEST_SECRET", "x"));
    assert_eq!(ended.code, Some(2), "{ended:?}");
    let said = objects(&ended.stderr);
    let errors = messages(&said, "ERROR");
    assert_eq!(errors.len(), 2, "one for each mistake: {errors:#?}");
    assert!(errors[0].starts_with("pipeline.toml: `source.retry."), "{errors:#?}");

    let help = project.fanout(&["run", "--help", "--log-format=json"]);
    assert_eq!((help.code, help.stderr.as_str()), (Some(0), ""), "{help:?}");
    assert!(help.stdout.contains("--log-format"), "{help:?}");
}

#[test]
fn an_interruption_is_told_in_json() {
    let project = Project::new(
        "name = 'test'\nsource.simulate = { followers = 100_000, page_size = 100, latency_ms = 20 }\n\
         [sinks.x]\ntype = 'parquet'\noptions = { root = 'out' }\n",
    );
    let mut command = project.command(&["run", "pipeline.toml"]);
    command.args(JSON).env("RUST_LOG", "fanout=debug").stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut run = command.spawn().unwrap();
    let mut stderr = BufReader::new(run.stderr.take().unwrap());
    let mut said = String::new();
    // The quota is asked for when the walk begins.
    while !said.contains("today's calls may suffice") {
        assert!(stderr.read_line(&mut said).unwrap() > 0, "{said}");
    }
    signal(&run, "INT");
    stderr.read_to_string(&mut said).unwrap();
    assert_eq!(run.wait().unwrap().code(), Some(130), "{said}");
    let said = objects(&said);
    assert!(messages(&said, "INFO").contains(&"run the same command again to go on"), "{said:#?}");
}

/// Runs a command with a terminal for its streams, and returns all that it wrote there; `None`
/// without the program `script`.
fn on_a_terminal(project: &Project, arguments: &str, variables: &[(&str, &str)]) -> Option<String> {
    let mut command = Command::new("script");
    let program = format!("{} {arguments}", env!("CARGO_BIN_EXE_fanout"));
    command.args(["-q", "-e", "-c", &program, "/dev/null"]).current_dir(project.path(""));
    command.env_remove("RUST_LOG").env_remove("NO_COLOR").env("TERM", "xterm").envs(variables.iter().copied());
    match command.stdin(Stdio::null()).output() {
        Ok(output) => Some(String::from_utf8(output.stdout).unwrap()),
        Err(error) => {
            assert!(variable("FANOUT_REQUIRE_ALL").is_none(), "`script` cannot be started: {error}");
            say("skipped: nothing was shown on a terminal; install `script` (Debian's bsdutils)");
            None
        }
    }
}

/// Returns whether a text has colours or other styles (`CSI … m`). Moving the cursor is no style.
fn is_colored(text: &str) -> bool {
    let sequences = text.split("\x1b[").skip(1);
    let mut ends = sequences.filter_map(|rest| rest.chars().find(char::is_ascii_alphabetic));
    ends.any(|end| end == 'm')
}

#[test]
fn colours_are_for_terminals_and_not_for_everybody() {
    let project = Project::new(TWO_ACCOUNTS);
    let run = "run pipeline.toml --set source.base_url=http://127.0.0.1:1";
    let secret = ("TEST_SECRET", "anything");
    let Some(shown) = on_a_terminal(&project, run, &[secret]) else { return };
    assert!(is_colored(&shown) && shown.contains("error: account `brand`"), "{shown}");
    for plain in [[secret, ("NO_COLOR", "1")], [secret, ("NO_COLOR", "false")]] {
        let shown = on_a_terminal(&project, run, &plain).unwrap();
        assert!(!is_colored(&shown) && shown.contains(" WARN "), "{shown}");
    }
    let shown = on_a_terminal(&project, run, &[secret, ("NO_COLOR", "")]).unwrap();
    assert!(is_colored(&shown), "an empty one says nothing: {shown}");
    let wrong = on_a_terminal(&project, "rnu", &[("NO_COLOR", "1")]).unwrap();
    assert!(!is_colored(&wrong) && wrong.contains("unrecognized subcommand"), "{wrong}");
}

#[test]
fn a_terminal_shows_the_run_and_five_accounts_and_json_shows_neither() {
    let accounts: Vec<String> = (0..12).map(|n| format!("{{ name = 'a{n}', app_id = 'wx{n}' }}")).collect();
    let project = Project::new(&format!(
        "name = 'test'\nsource.simulate = {{ followers = 2_000, page_size = 50, latency_ms = 20 }}\naccounts = [{}]\n\
         [limits]\naccounts = 12\n[sinks.x]\ntype = 'parquet'\noptions = {{ root = 'out' }}\n",
        accounts.join(", ")
    ));
    let Some(shown) = on_a_terminal(&project, "run pipeline.toml", &[("NO_COLOR", "1")]) else { return };
    assert!(shown.contains("0 of 12 accounts done, 12 under way; "), "{shown}");
    // Each drawing begins with the line about all accounts.
    let drawings = shown.split(" of 12 accounts done").skip(1).map(|drawing| drawing.matches("followers").count());
    assert_eq!(drawings.max(), Some(1 + 5), "{shown}");
    assert!(!is_colored(&shown), "{shown}");

    let shown = on_a_terminal(&project, "run pipeline.toml --fresh --log-format json --json", &[]).unwrap();
    assert!(!shown.contains('\x1b') && !shown.contains("accounts done"), "{shown}");
}
