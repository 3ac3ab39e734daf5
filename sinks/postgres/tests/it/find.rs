//! What `find` answers about a list that was committed.

use fanout_sink::{Found, SinkFactory as _};
use fanout_sink_postgres::{Dates, PostgresFactory, PostgresOptions};

use crate::server::server;
use crate::support::{LIST, List};
use crate::table::{BLACKLIST, LATER, lists, options, tables};

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_held_until_it_is_altered_or_gone_and_can_then_be_delivered_again() {
    let Some(server) = server("a_list_is_held_until_it_is_altered_or_gone_and_can_then_be_delivered_again") else {
        return;
    };
    let options = options(&server, "found");
    assert_eq!(LIST.find(&options).await.unwrap(), Found::Gone, "there is no table");
    assert_eq!(tables(&server, "found"), 0, "a look creates nothing");
    let empty = List { name: "empty", rows: 0, ..LIST };
    for list in [&LIST, &BLACKLIST, &empty] {
        list.deliver(&options).await.unwrap();
        assert_eq!(list.find(&options).await.unwrap(), Found::Held, "{list:?}");
    }
    server.sql("DELETE FROM found.followers WHERE list = 'followers' AND position = 1");
    let found = LIST.find(&options).await.unwrap();
    assert!(matches!(&found, Found::Altered(text) if text.contains("has 2 rows, expected 3")), "{found:?}");
    assert_eq!(BLACKLIST.find(&options).await.unwrap(), Found::Held);

    let partition = "SELECT partition FROM found.followers_snapshots WHERE list = 'followers'";
    for remove in [format!("DROP TABLE found.{}", server.sql(partition)), "DROP TABLE found.followers".to_owned()] {
        server.sql(&remove);
        assert_eq!(LIST.find(&options).await.unwrap(), Found::Gone, "{remove}");
        LIST.deliver(&options).await.unwrap();
        assert_eq!(LIST.find(&options).await.unwrap(), Found::Held, "after {remove}");
    }
    assert_eq!(lists(&server, "found"), ["wx1 2026-01-30 3"]);
    assert_eq!(BLACKLIST.find(&options).await.unwrap(), Found::Gone);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_that_was_detached_is_in_the_way_until_it_is_renamed() {
    let Some(server) = server("a_partition_that_was_detached_is_in_the_way_until_it_is_renamed") else { return };
    let options = options(&server, "detached");
    LIST.deliver(&options).await.unwrap();
    let partition = server.sql("SELECT partition FROM detached.followers_snapshots");
    server.sql(&format!("ALTER TABLE detached.followers DETACH PARTITION detached.{partition}"));
    let expected = format!(
        "`detached.{partition}` exists, and is not a partition of `detached.followers` that \
         `detached.followers_snapshots` records; rename it, or drop it"
    );
    assert_eq!(LIST.find(&options).await.unwrap(), Found::Taken(expected.clone()));
    // A check finds it before a run has spent its calls.
    let checked = PostgresFactory.check(&options, &LIST.context()).await.unwrap_err();
    for error in [checked, LIST.deliver(&options).await.unwrap_err()] {
        assert!(!error.is_temporary(), "{error:?}");
        assert_eq!(error.hint(), Some("rename the detached partition, or drop it"));
        assert_eq!(format!("{error}; rename it, or drop it"), expected);
    }
    PostgresFactory.check(&options, &LATER.context()).await.unwrap();
    assert_eq!(LATER.find(&options).await.unwrap(), Found::Gone, "another date has another partition");

    server.sql("DROP TABLE detached.followers_snapshots");
    assert_eq!(LIST.find(&options).await.unwrap(), Found::Taken(expected), "there is no record");
    server.sql(&format!("ALTER TABLE detached.{partition} RENAME TO kept"));
    assert_eq!(LIST.find(&options).await.unwrap(), Found::Gone);
    LIST.deliver(&options).await.unwrap();
    assert_eq!(LIST.find(&options).await.unwrap(), Found::Held);
    assert_eq!(server.sql("SELECT count(*) FROM detached.kept"), "3");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_that_was_renamed_is_still_the_list() {
    let Some(server) = server("a_partition_that_was_renamed_is_still_the_list") else { return };
    let options = options(&server, "renamed");
    // Its bounds have characters that must be quoted.
    let list = List { name: "it's \\ 粉丝", ..LIST };
    list.deliver(&options).await.unwrap();
    let partition = server.sql("SELECT partition FROM renamed.followers_snapshots");
    server.sql(&format!("ALTER TABLE renamed.{partition} RENAME TO \"Kept Here\""));
    assert_eq!(list.find(&options).await.unwrap(), Found::Held);
    let report = list.deliver(&options).await.unwrap();
    assert_eq!((report.rows, tables(&server, "renamed")), (3, 3), "the repeat is recognised");
    server.sql("DELETE FROM renamed.\"Kept Here\" WHERE position = 1");
    let found = list.find(&options).await.unwrap();
    assert!(matches!(&found, Found::Altered(text) if text.contains("`renamed.Kept Here` has 2 rows")), "{found:?}");
    let newer = List { walk: 2, begun_at: "2026-01-30T17:00:00Z", rows: 5, ..list };
    newer.deliver(&options).await.unwrap();
    assert_eq!((lists(&server, "renamed"), tables(&server, "renamed")), (vec!["wx1 2026-01-30 5".to_owned()], 3));
    assert_eq!(newer.find(&options).await.unwrap(), Found::Held);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_is_dropped_during_the_look_is_gone() {
    let Some(server) = server("a_list_that_is_dropped_during_the_look_is_gone") else { return };
    let options = options(&server, "vanishing");
    LIST.deliver(&options).await.unwrap();
    let partition = server.sql("SELECT partition FROM vanishing.followers_snapshots");
    let client = server.client().await;
    client.batch_execute(&format!("BEGIN; DROP TABLE vanishing.{partition}")).await.unwrap();
    let look = tokio::spawn(async move { LIST.find(&options).await });
    // The look has read the records, and waits for the partition.
    let waiting =
        format!("SELECT count(*) FROM pg_locks WHERE relation = 'vanishing.{partition}'::regclass AND NOT granted");
    while server.sql(&waiting) == "0" {
        assert!(!look.is_finished(), "the look does not wait");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    client.batch_execute("COMMIT").await.unwrap();
    assert_eq!(look.await.unwrap().unwrap(), Found::Gone);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_list_has_replaced_the_older_and_an_older_one_in_its_place_has_not() {
    let Some(server) = server("a_newer_list_has_replaced_the_older_and_an_older_one_in_its_place_has_not") else {
        return;
    };
    let latest = options(&server, "replaced");
    let all = PostgresOptions { dates: Dates::All, ..latest.clone() };
    // The number of the walk says nothing.
    let newer = List { walk: 1, ..LATER };
    let older = List { walk: 7, ..LIST };
    for list in [&older, &newer] {
        list.deliver(&latest).await.unwrap();
    }
    assert_eq!(older.find(&latest).await.unwrap(), Found::Replaced);
    assert_eq!(newer.find(&latest).await.unwrap(), Found::Held);
    // With a place for each date nothing has replaced it, and it is not there.
    assert_eq!(older.find(&all).await.unwrap(), Found::Gone);
    let newer_of_date = List { date: older.date, ..newer };
    newer_of_date.deliver(&all).await.unwrap();
    assert_eq!(older.find(&all).await.unwrap(), Found::Replaced);
    assert_eq!(List { name: "tags", ..newer }.find(&latest).await.unwrap(), Found::Gone);

    let newest = List { walk: 2, begun_at: "2026-02-01T00:00:00Z", ..newer };
    assert_eq!(newest.find(&latest).await.unwrap(), Found::Gone, "what is there is older");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_another_owner_is_taken_and_one_with_another_digest_is_altered() {
    let Some(server) = server("a_list_of_another_owner_is_taken_and_one_with_another_digest_is_altered") else {
        return;
    };
    let options = options(&server, "taken");
    LIST.deliver(&options).await.unwrap();
    let found = LIST.find_as(&options, LIST.context().with_names("other", "table")).await.unwrap();
    let expected = "the pipeline `test`, sink `table`, has published";
    assert!(matches!(&found, Found::Taken(text) if text.contains(expected)), "{found:?}");
    server.sql("UPDATE taken.followers_snapshots SET digest = 'another'");
    let found = LIST.find(&options).await.unwrap();
    assert!(matches!(&found, Found::Altered(text) if text.contains("another digest")), "{found:?}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_no_answer() {
    let error = LIST.find(&PostgresOptions::new("postgres://fanout@127.0.0.1:1/d", "t")).await.unwrap_err();
    assert!(error.is_temporary(), "{error:?}");
}
