//! The errors of `check`: no server, no rights, a table of another shape.

use std::net::TcpListener;

use fanout_sink::{Secret, SinkError, SinkErrorKind, SinkFactory};
use fanout_sink_postgres::{PostgresFactory, PostgresOptions};

use crate::server::{Server, server};
use crate::support::LIST;

async fn refusal(options: &PostgresOptions) -> SinkError {
    PostgresFactory.check(options, &LIST.context()).await.unwrap_err()
}

fn as_user(server: &Server, user: &str, table: &str) -> PostgresOptions {
    let user = format!("user={user}");
    PostgresOptions::new(server.url().replace("user=postgres", &user), table)
}

#[tokio::test]
async fn a_server_that_is_not_there_may_come_back() {
    // The port was free a moment ago.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let error = refusal(&PostgresOptions::new(format!("postgres://fanout@127.0.0.1:{port}/d"), "t")).await;
    assert!(error.is_temporary(), "{error:?}");
    assert_eq!(error.to_string(), format!("no connection to the server at 127.0.0.1:{port}"));
    assert!(error.hint().unwrap().contains("is the server running"), "{error:?}");
}

#[tokio::test]
async fn a_name_that_is_no_table_is_an_error_of_the_file() {
    let error = refusal(&PostgresOptions::new("postgres://localhost/d", "a.b.c")).await;
    assert_eq!((error.kind(), error.key()), (SinkErrorKind::Option, Some("table")));
}

#[tokio::test]
async fn a_user_a_database_or_a_schema_that_is_not_there_is_named() {
    let Some(server) = server("a_user_a_database_or_a_schema_that_is_not_there_is_named") else { return };
    let error = refusal(&as_user(&server, "nobody_knows", "t")).await;
    assert_eq!(error.kind(), SinkErrorKind::Permanent);
    assert!(format!("{error:?}").contains("role \\\"nobody_knows\\\" does not exist"), "{error:?}");

    let url = server.url().replace("dbname=postgres", "dbname=no_such");
    let error = refusal(&PostgresOptions::new(url, "t")).await;
    assert_eq!(error.hint(), Some("create the database, or change the option `url`"));

    let error = refusal(&PostgresOptions::new(server.url(), "no_such.t")).await;
    assert_eq!((error.key(), error.to_string().as_str()), (Some("table"), "the schema `no_such` does not exist"));
}

#[tokio::test]
async fn a_user_without_rights_is_told_which_ones() {
    let Some(server) = server("a_user_without_rights_is_told_which_ones") else { return };
    server.sql("CREATE ROLE poor LOGIN; CREATE SCHEMA rich; GRANT USAGE ON SCHEMA rich TO poor");
    let error = refusal(&as_user(&server, "poor", "rich.t")).await;
    assert_eq!(error.to_string(), "the user may not create tables in the schema `rich`");
    server.sql(error.hint().unwrap());
    PostgresFactory.check(&as_user(&server, "poor", "rich.t"), &LIST.context()).await.unwrap();

    LIST.deliver(&PostgresOptions::new(server.url(), "rich.t")).await.unwrap();
    let error = refusal(&as_user(&server, "poor", "rich.t")).await;
    assert_eq!(error.to_string(), "the table `rich.t` belongs to another user, so its lists cannot be replaced");
    server.sql(&format!("{}; ALTER TABLE rich.t_snapshots OWNER TO poor", error.hint().unwrap()));
    PostgresFactory.check(&as_user(&server, "poor", "rich.t"), &LIST.context()).await.unwrap();
}

#[tokio::test]
async fn a_password_is_sent_and_a_missing_one_is_missed() {
    let Some(server) = server("a_password_is_sent_and_a_missing_one_is_missed") else { return };
    server.sql(
        "CREATE SCHEMA guarded; CREATE ROLE guarded LOGIN PASSWORD 'hunter2'; GRANT ALL ON SCHEMA guarded TO guarded",
    );
    let rules = server.folder().join("data/pg_hba.conf");
    let before = std::fs::read_to_string(&rules).unwrap();
    std::fs::write(&rules, format!("local all guarded scram-sha-256\n{before}")).unwrap();
    server.sql("SELECT pg_reload_conf()");
    let options = as_user(&server, "guarded", "guarded.t");
    let with = |password: &str| PostgresOptions { password: Some(Secret::new(password)), ..options.clone() };
    // The server applies its new rules a moment later.
    while PostgresFactory.check(&options, &LIST.context()).await.is_ok() {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(refusal(&options).await.kind(), SinkErrorKind::Permanent);
    let error = refusal(&with("hunter3")).await;
    assert_eq!(error.hint(), Some("see the options `url` and `password`"));
    assert!(!format!("{error:?}").contains("hunter3"), "{error:?}");
    PostgresFactory.check(&with("hunter2"), &LIST.context()).await.unwrap();
}

#[tokio::test]
async fn a_table_that_is_not_of_this_sink_is_left_alone() {
    let Some(server) = server("a_table_that_is_not_of_this_sink_is_left_alone") else { return };
    server.sql("CREATE SCHEMA shapes; CREATE TABLE shapes.plain (openid text, position bigint)");
    let error = refusal(&PostgresOptions::new(server.url(), "shapes.plain")).await;
    let expected = "the table `shapes.plain` is not one of this sink, expected one that is partitioned by RANGE (app_id, list, dt)";
    assert_eq!(error.to_string(), expected);
}

#[tokio::test]
async fn every_column_that_does_not_fit_is_named_with_what_would_mend_it() {
    let test = "every_column_that_does_not_fit_is_named_with_what_would_mend_it";
    let Some(server) = server(test) else { return };
    server.sql(
        "CREATE SCHEMA fits; CREATE TABLE fits.t (app_id text NOT NULL, list text NOT NULL, dt date NOT NULL, position text, \
         extra text NOT NULL, spare text) PARTITION BY RANGE (app_id, list, dt)",
    );
    let options = PostgresOptions::new(server.url(), "fits.t");
    let error = refusal(&options).await;
    assert_eq!(
        error.to_string(),
        "the table `fits.t` has no column `openid`; it has `position` as `text`, expected `int8`; it wants a value for \
         `extra`, which the list does not have"
    );
    assert!(error.hint().unwrap().starts_with("ALTER TABLE \"fits\".\"t\" ADD COLUMN \"openid\" text"), "{error:?}");
    let mend = error.hint().unwrap().replace("TYPE int8", "TYPE int8 USING position::int8");
    server.sql(&mend);
    PostgresFactory.check(&options, &LIST.context()).await.unwrap();
    LIST.deliver(&options).await.unwrap();
    assert_eq!(server.sql("SELECT count(*) FROM fits.t WHERE openid IS NOT NULL AND spare IS NULL"), "3");
}
