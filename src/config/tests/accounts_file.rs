//! Accounts in a file of their own, in each format, and the errors of wrong ones.

use fanout_sink::SecretReference;
use tempfile::TempDir;

use super::*;

const CSV: &str = "\
name,app_id,secret_env,secret_file,token_env,token_file,classic_token
brand,wx01,BRAND_SECRET,,,,
品牌 二号,wx02,,secret,,,TRUE
shop,wx03,,,BRAND_SECRET,,
\"stall, north\",wx04,,,,token,
";

const TOML: &str = r#"
accounts = [
    { name = "brand", app_id = "wx01", secret = { env = "BRAND_SECRET" } },
    { name = "品牌 二号", app_id = "wx02", secret = { file = "secret" }, classic_token = true },
    { name = "shop", app_id = "wx03", token = { env = "BRAND_SECRET" } },
    { name = "stall, north", app_id = "wx04", token = { file = "token" } },
]
"#;

const JSON: &str = r#"[
    { "name": "brand", "app_id": "wx01", "secret": { "env": "BRAND_SECRET" } },
    { "name": "品牌 二号", "app_id": "wx02", "secret": { "file": "secret" }, "classic_token": true },
    { "name": "shop", "app_id": "wx03", "token": { "env": "BRAND_SECRET" } },
    { "name": "stall, north", "app_id": "wx04", "token": { "file": "token" } }
]"#;

/// Loads a pipeline whose accounts are in the file `name` with this content, beside the secrets
/// that they name.
fn accounts_of(name: &str, content: &[u8], overrides: &Overrides) -> Result<Vec<Account>, String> {
    let folder = TempDir::new().unwrap();
    for (name, content) in [(name, content), ("secret", b"hunter2\n"), ("token", b"hunter2\n")] {
        std::fs::write(folder.path().join(name), content).unwrap();
    }
    let text = format!(
        "name = 'followers'\naccounts = {{ file = '{name}' }}\n[sinks.archive]\ntype = 'parquet'\noptions.root = 'out'\n"
    );
    let loaded = Pipeline::from_toml(&text, &folder.path().join("p.toml"), overrides);
    let below = format!("{}/", folder.path().display());
    loaded.map(|pipeline| pipeline.accounts).map_err(|errors| errors.to_string().replace(&below, ""))
}

fn accounts(name: &str, content: &str) -> Vec<Account> {
    accounts_of(name, content.as_bytes(), &environment(&[])).unwrap_or_else(|errors| panic!("{errors}"))
}

fn wrong(name: &str, content: &str) -> String {
    accounts_of(name, content.as_bytes(), &environment(&[])).unwrap_err()
}

#[test]
fn a_csv_a_toml_and_a_json_file_have_the_same_accounts() {
    let from_csv = accounts("accounts.csv", CSV);
    let names: Vec<&str> = from_csv.iter().map(|account| account.name.as_str()).collect();
    assert_eq!(names, ["brand", "品牌 二号", "shop", "stall, north"]);
    let ids: Vec<&str> = from_csv.iter().map(|account| account.app_id.as_str()).collect();
    assert_eq!(ids, ["wx01", "wx02", "wx03", "wx04"]);
    let [brand, second, shop, stall] = [0, 1, 2, 3].map(|place| &from_csv[place].credential);
    assert!(matches!(brand, Credential::Secret(secret) if secret.expose() == "hunter2"));
    assert!(matches!(second, Credential::ClassicSecret(secret) if secret.expose() == "hunter2"));
    assert!(
        matches!(shop, Credential::Token(token) if *token.reference() == SecretReference::Env("BRAND_SECRET".into()))
    );
    assert!(matches!(stall, Credential::Token(token) if *token.reference() == SecretReference::File("token".into())));
    // Tokens are left out: each has the place for its error, which differs between the formats.
    let of_secrets = |accounts: &[Account]| format!("{:?}", &accounts[..2]);
    assert_eq!(of_secrets(&from_csv), of_secrets(&accounts("accounts.toml", TOML)));
    assert_eq!(of_secrets(&from_csv), of_secrets(&accounts("accounts.json", JSON)));
}

#[test]
fn a_csv_file_is_read_as_excel_writes_it() {
    let excel = format!("\u{feff}{}\r\n,,,,,,\r\n", CSV.trim_end().replace('\n', "\r\n"));
    assert_eq!(accounts("accounts.csv", &excel).len(), 4);
    assert_eq!(accounts("accounts.csv", "app_id, name ,secret_env\nwx1, brand , BRAND_SECRET \n")[0].name, "brand");
    let gbk = accounts_of("accounts.csv", b"name,app_id\n\xc6\xb7\xc5\xc6,wx1\n", &environment(&[])).unwrap_err();
    assert_eq!(
        gbk,
        "accounts.csv: found text that is not UTF-8 in line 2, which looks like GBK (ANSI), expected UTF-8; Excel writes it \
         as “CSV UTF-8 (comma delimited)”, an editor when it saves with the encoding UTF-8"
    );
}

#[test]
fn every_problem_of_a_csv_file_has_its_line_and_column() {
    let csv = "name,app_id,secret_env,secret_file,token_env,classic_token\r\n\
                 \"two\nlines\",wx 1,BRAND_SECRET,,,\r\n\
                 \r\n\
                 brand,wx2,NO,,,\r\n\
                 brand,wx3,,none,,yes\r\n\
                 shop,wx2,,,,\r\n\
                 ,wx4,BRAND_SECRET,secret,,\r\n\
                 stall,wx5,BRAND_SECRET,,BRAND_SECRET,,extra\r\n\
                 last,,BRAND_SECRET";
    let expected = [
        "accounts.csv: line 8: `secret_file`: found both `secret_env` and `secret_file`, expected one of them",
        "accounts.csv: line 9: found a cell 7 in a column without a name",
        "accounts.csv: line 2: `name`: found \"two\\nlines\", expected 1 to 64 characters without `/`, `\\`, line ends, or \
         blanks around them",
        "accounts.csv: line 2: `app_id`: the app id has a blank, as character 3 of 4; expected an app id (AppID), which is \
         `wx` and 16 hexadecimal digits; it stands in the account's console, under Basic Configuration (基本配置)",
        "accounts.csv: line 6: `classic_token`: found \"yes\", expected `true` or `false`",
        "accounts.csv: line 6: `name`: found `brand`, which line 5 has already; expected a name of its own",
        "accounts.csv: line 7: `app_id`: found `wx2` in the account `shop`, which the account `brand` has already; one app \
         id is one list",
        "accounts.csv: line 5: `secret_env`: the environment variable `NO` is not set; `export NO=…` before the run",
        "accounts.csv: line 6: `secret_file`: the file `none` cannot be read (No such file or directory (os error 2))",
        "accounts.csv: line 7: expected a cell in one of the columns `secret_env`, `secret_file`, `token_env` and \
         `token_file`",
        "accounts.csv: line 8: `name`: missing, expected a name of your choice",
        "accounts.csv: line 9: found both `secret` and `token`, expected one of them",
        "accounts.csv: line 10: `app_id`: missing, expected the account's app id, such as `wx0123456789abcdef`",
    ];
    let found = wrong("accounts.csv", csv);
    let (mut found, mut expected) = (found.lines().collect::<Vec<_>>(), expected.to_vec());
    found.sort_unstable();
    expected.sort_unstable();
    assert_eq!(found, expected);
}

#[test]
fn a_column_that_is_not_known_is_refused_with_the_near_one() {
    assert_eq!(
        wrong("accounts.csv", "name,appid,secret_evn,name\nbrand,wx1,BRAND_SECRET,x\n"),
        "accounts.csv: line 1: `appid`: unknown column, expected one of `name`, `app_id`, `secret_env`, `secret_file`, \
         `token_env`, `token_file`, `classic_token`; did you mean `app_id`?\n\
         accounts.csv: line 1: `secret_evn`: unknown column, expected one of `name`, `app_id`, `secret_env`, `secret_file`, \
         `token_env`, `token_file`, `classic_token`; did you mean `secret_env`?\n\
         accounts.csv: line 1: `name`: found this column twice\n\
         accounts.csv: line 1: `app_id`: missing, expected a column of this name"
    );
}

#[test]
fn a_secret_in_a_csv_file_is_refused_and_never_shown() {
    const SECRET: &str = "0123456789abcdef0123456789abcdef";
    let refused = wrong("accounts.csv", &format!("name,app_id,Secret\nbrand,wx1,{SECRET}\n"));
    assert_eq!(
        refused,
        "accounts.csv: line 1: `Secret`: found a column of secrets, expected one that names where each is: `secret_env` (an \
         environment variable) or `secret_file`; take the secrets out of the file, and renew them if it was passed on"
    );
    let token = "a".repeat(512);
    for (column, value) in [
        ("token", SECRET),
        ("app_secret", SECRET),
        ("secret_env", SECRET),
        ("secret_env", "hunter-2"),
        ("secret_file", SECRET),
        ("token_file", &token),
    ] {
        let refused = wrong("accounts.csv", &format!("name,app_id,{column}\nbrand,wx1,{value}\n"));
        assert!(!refused.contains(value), "{refused}");
        assert!(refused.contains("line "), "{refused}");
    }
    for text in [format!("[{{ \"secret\": {SECRET} }}]"), format!("{{ \"secret\": \"{SECRET}\" }}")] {
        assert!(!wrong("accounts.json", &text).contains(SECRET));
    }
    for text in [format!("secret = {SECRET}x"), format!("[[accounts]]\nsecret = \"{SECRET}\"")] {
        assert!(!wrong("accounts.toml", &text).contains(SECRET));
    }
}

#[test]
fn an_entry_of_a_list_is_named_by_its_place() {
    let json = "[{ \"name\": \"brand\", \"app_id\": \"wx1\", \"secert\": { \"env\": \"BRAND_SECRET\" } }, 5]";
    let problems = wrong("accounts.json", json);
    assert!(
        problems.starts_with("accounts.json: `accounts[0].secert`: unknown key, expected one of `name`"),
        "{problems}"
    );
    assert!(problems.contains("accounts.json: `accounts[1]`: found 5, expected a table"), "{problems}");
    let toml = "[[account]]\n[[accounts]]\nname = \"brand\"\napp_id = \"wx1\"\nsecret = { env = \"NO\" }\n";
    assert_eq!(
        wrong("accounts.toml", toml),
        "accounts.toml: `account`: unknown key, expected `accounts`; did you mean `accounts`?\n\
         accounts.toml: `accounts[0].secret`: the environment variable `NO` is not set; `export NO=…` before the run"
    );
}

#[test]
fn the_null_of_a_json_file_is_no_value() {
    let secret = r#""secret": { "env": "BRAND_SECRET" }"#;
    for (key, account) in [
        ("name", format!(r#"{{ "name": null, "app_id": "wx1", {secret} }}"#)),
        ("app_id", format!(r#"{{ "name": "brand", "app_id": null, {secret} }}"#)),
        ("secret", r#"{ "name": "brand", "app_id": "wx1", "secret": null }"#.to_owned()),
    ] {
        let problems = wrong("accounts.json", &format!("[{account}]"));
        assert!(problems.contains("missing") && problems.contains(&format!("{key}`")), "{key}: {problems}");
    }
}

#[test]
fn a_file_without_accounts_is_reported_together_with_other_problems() {
    let found = |name: &str, content: &str| wrong(name, content);
    assert_eq!(found("accounts.json", "[\n{]"), "accounts.json: line 2, column 2: this is no JSON");
    assert_eq!(
        found("accounts.json", "{}"),
        "accounts.json: found something else, expected a list of accounts (`[{ … }, …]`)"
    );
    assert_eq!(found("accounts.json", "[]"), "accounts.json: found no account, expected at least one");
    assert_eq!(found("accounts.csv", "name,app_id\n"), "accounts.csv: found no account, expected at least one");
    assert_eq!(found("accounts.toml", "a = [\n"), "accounts.toml: line 2, column 1: invalid array, expected `]`");
    assert_eq!(
        found("accounts.xlsx", ""),
        "accounts.xlsx: expected an accounts file whose name ends in `.csv`, `.toml` or `.json`"
    );
    let text = VALID.replacen("[[accounts]]", "accounts = { file = \"no.csv\" }\nnam = 1\n[[other]]", 1);
    let problems = load_with(&text, &environment(&[])).unwrap_err().to_string();
    assert!(problems.contains("pipelines/no.csv: the accounts file cannot be read (No such file"), "{problems}");
    assert!(problems.contains("pipelines/p.toml: `nam`: unknown key"), "{problems}");
    assert!(problems.contains("pipelines/p.toml: `other`: unknown key"), "{problems}");
}

#[test]
fn the_section_is_a_list_or_a_file() {
    let section =
        |value: &str| problems(&format!("accounts = {value}\n{}", VALID.split("[[accounts]]").next().unwrap()));
    let expected = "expected `[[accounts]]`, or `{ file = \"accounts.csv\" }`";
    assert!(section("5").contains(&format!("`accounts`: found 5, {expected}")), "{}", section("5"));
    assert!(
        section("{ fil = \"a.csv\" }").contains("`accounts.fil`: unknown key, expected `file`; did you mean `file`?")
    );
    assert!(section("{}").contains("`accounts.file`: missing, expected a value"));
}

#[test]
fn a_secret_of_the_file_may_be_in_a_variable_that_looks_like_ours() {
    let csv = b"name,app_id,secret_env\nbrand,wx1,FANOUT_BRAND_SECRET\n";
    let variable = ("FANOUT_BRAND_SECRET", "hunter2");
    let accounts = accounts_of("accounts.csv", csv, &environment(&[variable])).unwrap();
    assert!(matches!(&accounts[0].credential, Credential::Secret(secret) if secret.expose() == "hunter2"));
    let near = [variable, ("FANOUT_JOURNAL_KEEP", "3")];
    let errors = accounts_of("accounts.csv", csv, &environment(&near)).unwrap_err();
    assert!(errors.contains("`journal_keep` (from `FANOUT_JOURNAL_KEEP`): sets no key"), "{errors}");
    assert!(!errors.contains("BRAND"), "{errors}");
}

#[test]
fn another_separator_is_named() {
    for (separator, name) in [
        (";", "`;`"),
        ("\t", "a tab"),
        ("|", "`|`"),
        (" ; ", "`;`"),
        ("，", "the full-width `，`"),
        ("；", "the full-width `；`"),
    ] {
        for header in ["name,app_id,secret_env", "AppID,公众号,AppSecret", "\"name\",\"app_id\",\"secret_env\""] {
            let csv = format!("{header}\nbrand,wx1,0123456789abcdef0123456789abcdef\n").replace(',', separator);
            let found = wrong("accounts.csv", &csv);
            let expected = format!("accounts.csv: line 1: found {name} between the columns, expected `,`; ");
            assert!(found.starts_with(&expected), "{separator:?}: {found}");
            assert_eq!(found.lines().count(), 1, "{found}");
        }
    }
    // A sheet of one column has no separator.
    assert!(wrong("accounts.csv", "name\nbrand\n").contains("`app_id`: missing"));
}

#[test]
fn the_usual_names_of_columns_are_understood() {
    for name in ["secret", "Secret", "appsecret", "AppSecret", "app_secret", "secret_key", "密钥", "开发者密码"]
    {
        let found = wrong("accounts.csv", &format!("name,app_id,{name}\nbrand,wx1,0123456789abcdef0123456789abcdef\n"));
        let expected = "found a column of secrets, expected one that names where each is: `secret_env`";
        assert!(found.contains(&format!("`{name}`: {expected}")), "{found}");
        assert!(!found.contains("0123456789abcdef"), "{found}");
    }
    for name in ["token", "access_token", "AccessToken", "令牌"] {
        let found = wrong("accounts.csv", &format!("name,app_id,{name}\nbrand,wx1,x\n"));
        assert!(found.contains("a column of secrets, expected one that names where each is: `token_env`"), "{found}");
    }
    for (name, meant) in [
        ("appid", "app_id"),
        ("AppID", "app_id"),
        ("App ID", "app_id"),
        ("应用", "app_id"),
        ("开发者ID", "app_id"),
        ("Name", "name"),
        ("公众号", "name"),
        ("账号名称", "name"),
        ("app_secret_env", "secret_env"),
        ("SecretFile", "secret_file"),
    ] {
        let found = wrong("accounts.csv", &format!("{name},other\nx,y\n"));
        let line = found.lines().find(|line| line.contains(&format!("`{name}`: unknown column"))).unwrap();
        assert!(line.ends_with(&format!("; did you mean `{meant}`?")), "{line}");
    }
}

#[test]
fn a_file_that_is_no_text_in_utf_8_is_named() {
    let wide: Vec<u8> = "\u{feff}name\tapp_id\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (bytes, what) in [
        (wide.as_slice(), "UTF-16 (Excel's “Unicode text”)"),
        (b"PK\x03\x04\x14\x00\x06\x00", "a workbook or another zip file"),
    ] {
        let found = accounts_of("accounts.csv", bytes, &environment(&[])).unwrap_err();
        assert!(found.starts_with(&format!("accounts.csv: found {what}, expected text in UTF-8; Excel ")), "{found}");
    }
}

#[test]
fn the_file_may_be_named_from_outside() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("accounts.json");
    std::fs::write(&path, JSON.replace("\"file\": \"", "\"file\": \"../absent/")).unwrap();
    let overrides = Overrides { offline: true, ..set(&[&format!("accounts.file={}", path.display())]) };
    assert_eq!(load_with(VALID, &overrides).unwrap().account_names, ["brand", "品牌 二号", "shop", "stall, north"]);
}

#[test]
fn a_credential_has_its_form_in_every_format_and_is_not_shown() {
    const APP_ID: &str = "wx0123456789abcdef";
    const SECRET: &str = "00112233445566778899aabbccddeeff";
    // An app id, a secret, and the beginning of the problem behind the key; nothing for a good one.
    for (app_id, secret, problem) in [
        (APP_ID, SECRET, None),
        (" wx0123456789abcdef\u{feff} ", "\u{feff}00112233445566778899aabbccddeeff \r\n\n", None),
        ("gh_0123456789ab", SECRET, Some("app_id`: the app id of the account `brand` is an original id")),
        (SECRET, SECRET, Some("app_id`: the app id of the account `brand` is what looks like an app secret")),
        ("wx0123456789\u{200b}abcdef", SECRET, Some("app_id`: the app id of the account `brand` has an invisible")),
        ("wx0123 456789abcdef", SECRET, Some("app_id`: the app id of the account `brand` has a blank, as character 7")),
        ("https://a.b", SECRET, Some("app_id`: the app id of the account `brand` is a URL")),
        (APP_ID, APP_ID, Some("for the account `brand` what is an app id")),
        (APP_ID, "00112233 445566778899aabbccddeeff", Some("for the account `brand` what has a blank, as character 9")),
        (APP_ID, "'00112233445566778899aabbccddeeff'", Some("what has a quotation mark, as character 1 of 34")),
        (APP_ID, "00112233445566778899\u{200b}aabbccddeeff", Some("what has an invisible character (U+200B)")),
        (APP_ID, "https://a.b/c", Some("what is a URL")),
    ] {
        for name in ["accounts.csv", "accounts.toml", "accounts.json"] {
            let json = serde_json::json!([{ "name": "brand", "app_id": app_id, "secret": { "file": "the-secret" } }]);
            let content = match name {
                "accounts.csv" => format!("name,app_id,secret_file\nbrand,{app_id},the-secret\n"),
                "accounts.json" => json.to_string(),
                _ => format!("accounts = [{{ name = 'brand', app_id = \"{app_id}\", secret.file = 'the-secret' }}]"),
            };
            let folder = TempDir::new().unwrap();
            std::fs::write(folder.path().join(name), content).unwrap();
            std::fs::write(folder.path().join("the-secret"), secret).unwrap();
            let text = format!("name = 'p'\naccounts = {{ file = '{name}' }}\nsinks.x.type = 'parquet'\n");
            let loaded = Pipeline::from_toml(&text, &folder.path().join("p.toml"), &environment(&[]));
            match (loaded, problem) {
                (Ok(pipeline), None) => {
                    let Account { app_id, credential: Credential::Secret(secret), .. } = &pipeline.accounts[0] else {
                        panic!()
                    };
                    assert_eq!((app_id.as_str(), secret.expose()), (APP_ID, SECRET), "{name}");
                    assert_eq!(pipeline.warnings, [], "{name}");
                }
                (Err(errors), Some(problem)) => {
                    let errors = errors.to_string();
                    assert!(errors.contains(problem) && errors.contains(&format!("{name}: ")), "{errors}");
                    assert!(!errors.contains(secret) && !errors.contains("00112233"), "{errors}");
                }
                (loaded, problem) => panic!("{name}: {app_id:?} {secret:?}: {loaded:?}, expected {problem:?}"),
            }
        }
    }
}
