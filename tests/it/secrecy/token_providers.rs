//! No token and no secret in the output of any token provider, whether it succeeds or fails.

use std::path::Path;

use super::*;

/// The keys of a provider, and the variables that it reads.
struct Provider {
    keys: String,
    variables: Vec<(&'static str, String)>,
}

impl Provider {
    fn new(keys: impl Into<String>, variables: &[(&'static str, String)]) -> Self {
        Self { keys: keys.into(), variables: variables.to_vec() }
    }

    fn run(&self, project: &Project) -> Ended {
        let pipeline = PIPELINE.replace("secret = { env = \"TEST_SECRET\" }", &self.keys);
        let variables: Vec<_> = self.variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        traced_command(&project.with_file(&pipeline), &["run", "pipeline.toml"], &variables)
    }
}

/// Returns a token that looks like one of the simulator's and was never good.
fn stale_token() -> String {
    format!("{TOKEN_MARKER}_stale_and_never_good")
}

/// Returns every provider. Those that hand over a token have `token`; all secrets are `SECRET`.
/// `folder` is not the project's, whose files are all searched.
fn providers(project: &Project, folder: &Path, token: &str) -> Vec<(&'static str, Provider)> {
    let secret = ("TEST_SECRET", SECRET.to_owned());
    let file = folder.join("token");
    std::fs::write(&file, token).unwrap();
    let hub = format!(
        "{}/cgi-bin/token?grant_type=client_credential&appid={APP_ID}&secret={SECRET}&key={OTHER_SECRET}",
        project.api().base_url()
    );
    // It also writes token and secret to stderr.
    let echo = r#"["sh", "-c", "echo $TEST_TOKEN; echo $TEST_TOKEN $TEST_SECRET >&2"]"#;
    let given = ("TEST_TOKEN", token.to_owned());
    let header = "header = \"x-key\", header_value = { env = \"TEST_SECRET\" }";
    vec![
        ("stable", Provider::new("secret = { env = \"TEST_SECRET\" }", std::slice::from_ref(&secret))),
        (
            "classic",
            Provider::new("secret = { env = \"TEST_SECRET\" }\nclassic_token = true", std::slice::from_ref(&secret)),
        ),
        ("variable", Provider::new("token = { env = \"TEST_TOKEN\" }", std::slice::from_ref(&given))),
        ("file", Provider::new(format!("token = {{ file = \"{}\" }}", file.display()), &[])),
        (
            "endpoint",
            Provider::new(
                format!("token_endpoint = {{ url = {{ env = \"TEST_HUB\" }}, {header} }}"),
                &[("TEST_HUB", hub), secret.clone()],
            ),
        ),
        ("command", Provider::new(format!("token_command = {{ command = {echo} }}"), &[given, secret])),
    ]
}

fn with_every_provider(token: impl Fn(&Project) -> String, check: impl Fn(&str, &Project, &Provider)) {
    let folder = tempfile::tempdir().unwrap();
    let project = project();
    let token = token(&project);
    for (name, provider) in providers(&project, folder.path(), &token) {
        project.api().clear_faults();
        check(name, &project, &provider);
    }
}

fn good_token(project: &Project) -> String {
    project.api().issue_token(APP_ID)
}

#[test]
fn no_provider_shows_the_token_that_it_gives() {
    with_every_provider(good_token, |name, project, provider| {
        let ended = provider.run(project);
        assert_eq!(ended.code, Some(0), "{name}: {ended:?}");
    });
}

#[test]
fn no_provider_shows_a_token_that_is_refused() {
    with_every_provider(
        |_| stale_token(),
        |name, project, provider| {
            // The server repeats the token of the call. The test does not know the token of the
            // classic endpoint.
            let carried = match name {
                "stable" => good_token(project),
                "classic" | "endpoint" => String::new(),
                _ => stale_token(),
            };
            let refused = Effect::Errcode { code: 42001, message: format!("{carried} has expired") };
            project.api().add_fault(Fault::new(Endpoint::UserGet, When::Always, refused));
            let ended = provider.run(project);
            assert_eq!(ended.code, Some(1), "{name}: {ended:?}");
            assert!(ended.stderr.contains("errcode 42001: "), "{name}: {ended:?}");
        },
    );
}

#[test]
fn no_provider_shows_what_it_asks_with_when_nobody_answers() {
    let token = serde_json::json!({ "access_token": [stale_token()], "secret": SECRET }).to_string();
    for effect in [
        Effect::status(500),
        Effect::Reset,
        Effect::Close,
        Effect::redirect(&format!("http://127.0.0.1:9/?secret={SECRET}")),
        Effect::Truncate(20),
        html(SECRET),
        Effect::body(token),
        Effect::Errcode { code: 40125, message: format!("invalid appsecret {SECRET}") },
    ] {
        with_every_provider(good_token, |name, project, provider| {
            for endpoint in [Endpoint::Token, Endpoint::StableToken, Endpoint::Quota] {
                project.api().add_fault(Fault::new(endpoint, When::Always, effect.clone()));
            }
            let ended = provider.run(project);
            let asks = ["stable", "classic", "endpoint"].contains(&name);
            assert_eq!(ended.code == Some(0), !asks, "{name}, {effect:?}: {ended:?}");
        });
    }
}

#[test]
fn a_command_that_fails_shows_nothing_of_what_it_wrote() {
    let project = project();
    let token = good_token(&project);
    for script in ["echo $TEST_TOKEN; echo $TEST_TOKEN", "echo $TEST_TOKEN >&2; exit 1", "echo \"[$TEST_TOKEN\""] {
        let keys = format!("token_command = {{ command = [\"sh\", \"-c\", {script:?}], pointer = \"/0\" }}");
        let ended = Provider::new(keys, &[("TEST_TOKEN", token.clone())]).run(&project);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.stderr.contains("no token from the command `sh`"), "{ended:?}");
    }
}

#[test]
fn an_unreachable_token_server_is_named_without_its_query() {
    let project = project();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let hub = format!("http://127.0.0.1:{port}/{SECRET}?key={OTHER_SECRET}");
    let ended = Provider::new("token_endpoint = { url = { env = \"TEST_HUB\" } }", &[("TEST_HUB", hub)]).run(&project);
    assert_eq!(ended.code, Some(75), "{ended:?}");
    assert!(ended.stderr.contains(&format!("no token from the token server http://127.0.0.1:{port}: ")), "{ended:?}");
}
