//! The four kinds of credentials, and the errors of wrong ones.

use fanout_sink::SecretReference;

use super::*;

const SECRET: &str = "secret = { env = \"BRAND_SECRET\" }";

/// Returns the valid file with these keys in place of the secret.
fn file(keys: &str) -> String {
    with(SECRET, keys)
}

fn credential(keys: &str) -> Credential {
    load(&file(keys)).accounts.remove(0).credential
}

#[test]
fn the_classic_token_is_asked_for_in_so_many_words() {
    assert!(matches!(credential(&format!("{SECRET}\nclassic_token = true")), Credential::ClassicSecret(_)));
    assert!(matches!(credential(&format!("{SECRET}\nclassic_token = false")), Credential::Secret(_)));
    assert_eq!(
        problems(&file("token = { env = \"BRAND_SECRET\" }\nclassic_token = true")),
        "`accounts[0].classic_token`: found `true`, expected it with `secret` only: it says how fanout itself fetches a \
         token"
    );
}

#[test]
fn a_token_server_has_its_defaults() {
    let Credential::Endpoint(endpoint) = credential("token_endpoint = { url = \"https://a.b/token\" }") else {
        panic!()
    };
    assert_eq!(endpoint.url.expose().as_str(), "https://a.b/token");
    assert_eq!((endpoint.header, endpoint.pointer.as_str(), endpoint.error_pointer), (None, "/access_token", None));
}

#[test]
fn a_token_server_may_have_its_secrets_in_the_url_and_in_a_header() {
    let keys = "token_endpoint = { url = { env = \"HUB\" }, header = \"X-Key\", header_value = { env = \"KEY\" }, \
                pointer = \"/data/0\" }";
    let variables = [("HUB", "https://a.b/t?key=hunter2"), ("KEY", "hunter2")];
    let pipeline = load_with(&file(keys), &environment(&variables)).unwrap();
    let Credential::Endpoint(endpoint) = &pipeline.accounts[0].credential else { panic!() };
    assert_eq!(endpoint.url.expose().query(), Some("key=hunter2"));
    let (name, value) = endpoint.header.as_ref().unwrap();
    assert_eq!((name.as_str(), value.to_str().unwrap(), endpoint.pointer.as_str()), ("x-key", "hunter2", "/data/0"));
    assert!(!format!("{pipeline:?}").contains("hunter2"));
}

#[test]
fn a_command_is_a_list_and_relative_to_the_pipeline_file() {
    let Credential::Command(command) = credential("token_command = { command = [\"./token.sh\", \"a b\"] }") else {
        panic!()
    };
    assert_eq!(command.program, std::path::absolute("pipelines/token.sh").unwrap());
    assert_eq!((command.arguments, command.pointer), (vec!["a b".to_owned()], None));
    assert_eq!((command.directory.as_path(), command.timeout.as_secs()), (Path::new("pipelines"), 10));
    let Credential::Command(command) =
        credential("token_command = { command = [\"vault\"], pointer = \"/a\", timeout_secs = 3 }")
    else {
        panic!()
    };
    assert_eq!((command.program.as_path(), command.timeout.as_secs()), (Path::new("vault"), 3));
    assert_eq!(command.pointer.as_deref(), Some("/a"));
}

#[test]
fn what_is_wrong_with_a_token_provider_is_named_and_no_secret_is_repeated() {
    let unset = "the environment variable `NO` is not set; `export NO=…` before the run";
    let https = "expected `https://`: a token must not travel in the clear (`http://` is for this machine)";
    let list = "expected a program with its arguments as a list, such as `[\"./token.sh\", \"brand\"]`";
    let pointer = "found \"access_token\", expected a JSON pointer such as `/data/access_token`";
    for (keys, expected) in [
        ("token_endpoint = {}", ".url`: missing, expected the URL of the token server".to_owned()),
        ("token_endpoint = { url = \"http://a.b/hunter2\" }", format!(".url`: {https}")),
        ("token_endpoint = { url = { env = \"NO\" } }", format!(".url`: {unset}")),
        (
            "token_endpoint = { url = \"https://a.b\", header = \"x\" }",
            ".header_value`: missing, expected one because there is a `header`".to_owned(),
        ),
        (
            "token_endpoint = { url = \"https://a.b\", header = \"x y\", header_value = { env = \"NO\" } }",
            format!(
                ".header`: found \"x y\", expected the name of an HTTP header\n`accounts[0].token_endpoint.header_value`: \
                 {unset}"
            ),
        ),
        ("token_endpoint = { url = \"https://a.b\", pointer = \"access_token\" }", format!(".pointer`: {pointer}")),
        (
            "token_endpoint = { uri = \"https://a.b/hunter2\" }",
            ".uri`: unknown key, expected one of `url`, `header`, `header_value`, `pointer`, `error_pointer`; did you mean `url`?\n\
             `accounts[0].token_endpoint.url`: missing, expected the URL of the token server"
                .to_owned(),
        ),
        ("token_command = {}", ".command`: missing, expected a program with its arguments as a list".to_owned()),
        ("token_command = { command = \"curl hunter2\" }", format!(".command`: {list}")),
        ("token_command = { command = [] }", format!(".command`: {list}")),
        (
            "token_command = { command = [\"a\"], timeout_secs = 0 }",
            ".timeout_secs`: found 0, expected a whole number of seconds from 1 to 86400".to_owned(),
        ),
    ] {
        let table = keys.split(' ').next().unwrap();
        let problems = problems(&file(keys));
        assert_eq!(problems, format!("`accounts[0].{table}{expected}"));
        assert!(!problems.contains("hunter2"));
    }
}

#[test]
fn of_two_credentials_both_are_named() {
    let keys = "token_command = { command = [\"a\"] }\ntoken_endpoint = { url = \"https://a.b\" }";
    assert_eq!(
        problems(&file(keys)),
        "`accounts[0]`: found both `token_endpoint` and `token_command`, expected one of them"
    );
}

#[test]
fn a_missing_secret_is_named_with_its_key() {
    assert_eq!(
        problems(&with("BRAND_SECRET", "BRAND_SECERT")),
        "`accounts[0].secret`: the environment variable `BRAND_SECERT` is not set; `export BRAND_SECERT=…` before the \
         run"
    );
    assert_eq!(
        problems(&with("secret = { env = \"BRAND_SECRET\" }", "token = { file = \"no/token\" }")),
        "`accounts[0].token`: the file `pipelines/no/token` cannot be read (No such file or directory (os error 2))"
    );
}

#[test]
fn a_secret_in_the_place_of_its_name_is_not_shown() {
    let secret = "00112233445566778899aabbccddeeff";
    for (reference, expected) in [
        (format!("{{ env = \"{secret}\" }}"), "expected the name of an environment variable; what stands there is not"),
        (format!("{{ file = \"{secret}\" }}"), "expected the path of a file; what stands there is not shown"),
        ("{ env = \"$BRAND_SECERT\" }".to_owned(), "is not set; expected the name alone, such as `BRAND_SECERT`"),
        ("{ env = \"${BRAND_SECERT}\" }".to_owned(), "is not set; expected the name alone, such as `BRAND_SECERT`"),
    ] {
        let problems = problems(&with("{ env = \"BRAND_SECRET\" }", &reference));
        assert!(problems.contains(expected) && !problems.contains(secret), "{problems}");
    }
}

#[test]
fn a_token_has_its_form_when_it_is_first_read_and_when_it_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    let write = |content: &str| std::fs::write(&token, content).unwrap();
    let text = with("secret = { env = \"BRAND_SECRET\" }", "token = { file = \"token\" }");
    let load = || Pipeline::from_toml(&text, &folder.path().join("p.toml"), &environment(&[]));
    write("NOAUTH Authentication required.");
    let expected =
        "`accounts[0].token`: the file `token` holds for the account `brand` what has a blank, as character 7 of 31";
    assert!(load().unwrap_err().to_string().contains(expected));
    write("\u{feff} a-token_1\r\n\n");
    let pipeline = load().unwrap();
    let Credential::Token(source) = &pipeline.accounts[0].credential else { panic!() };
    assert_eq!(source.read().unwrap().expose(), "a-token_1");
    write("NOAUTH Authentication required.");
    let error = source.read().unwrap_err().to_string();
    assert!(
        error.contains("`accounts[0].token`: the file `token` holds what has a blank, as character 7 of 31"),
        "{error}"
    );
}

#[test]
fn what_is_only_unusual_is_a_warning_where_wechat_is_called() {
    let warnings = |overrides: &Overrides| {
        let warnings = load_with(VALID, overrides).unwrap().warnings;
        warnings.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(
        warnings(&environment(&[])),
        [
            "pipelines/p.toml: `accounts[0].app_id`: the app id of the account `brand` is unusual: WeChat's are `wx` and 16 \
             hexadecimal digits in lower case",
            "pipelines/p.toml: `accounts[0].secret`: the environment variable `BRAND_SECRET` holds for the account `brand` \
             what has 7 characters and is unusual: WeChat's are 32 hexadecimal digits"
        ]
    );
    assert_eq!(warnings(&Overrides { simulate: Some(1), ..environment(&[]) }), [""; 0]);
    assert_eq!(warnings(&Overrides { offline: true, ..environment(&[]) }), [""; 0]);
    // An API on this machine is a test's.
    assert_eq!(warnings(&set(&["source.base_url=http://127.0.0.1:1"])), [""; 0]);
}

#[test]
fn a_secret_in_plain_sight_is_refused_and_not_repeated() {
    for value in ["\"2718281828\"", "2718281828", "{ value = \"2718281828\" }", "{ env = 2718281828 }"] {
        assert_eq!(
            problems(&with("{ env = \"BRAND_SECRET\" }", value)),
            "`accounts[0].secret`: expected a reference to a secret, `{ env = \"NAME\" }` or `{ file = \"path\" }`, and \
             never the secret itself"
        );
    }
}

#[test]
fn a_token_in_a_file_is_read_each_time() {
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, "first\n").unwrap();
    let text = with("secret = { env = \"BRAND_SECRET\" }", "token = { file = \"token\" }");
    let pipeline = Pipeline::from_toml(&text, &folder.path().join("p.toml"), &environment(&[])).unwrap();
    let Credential::Token(source) = &pipeline.accounts[0].credential else {
        panic!("{:?}", pipeline.accounts);
    };
    assert_eq!(source.read().unwrap().expose(), "first");
    std::fs::write(&token, "second").unwrap();
    assert_eq!(source.read().unwrap().expose(), "second");
    std::fs::remove_file(&token).unwrap();
    let error = source.read().unwrap_err();
    assert_eq!(error.key(), Some("accounts[0].token"));
    assert_eq!(source.reference(), &SecretReference::File("token".into()));
}

#[test]
fn a_variable_that_holds_a_secret_is_no_key() {
    let text = with("BRAND_SECRET", "FANOUT_BRAND_SECRET");
    assert!(load_with(&text, &environment(&[("FANOUT_BRAND_SECRET", "hunter2")])).is_ok());
}
