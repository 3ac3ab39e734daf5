//! What is in the table: the lists of which accounts and dates, with which values.

use std::sync::Arc;

use fanout_sink::arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Float32Array, Float64Array, Int8Array, Int16Array, ListArray,
    RecordBatch, StringArray, TimestampMicrosecondArray, TimestampMillisecondArray, UInt16Array, UInt32Array,
};
use fanout_sink::arrow::datatypes::{DataType, Field, Int32Type, Schema};
use fanout_sink::{Batch, ConfiguredSink, Sink, SinkFactory};
use fanout_sink_postgres::{Dates, PostgresFactory, PostgresOptions};

use crate::server::{Server, server};
use crate::support::{LIST, List};

pub(crate) const LATER: List =
    List { walk: 2, begun_at: "2026-01-30T17:00:00.123456Z", date: "2026-01-31", rows: 2, ..LIST };
pub(crate) const OTHER: List = List { app_id: "wx2", rows: 4, ..LIST };
pub(crate) const BLACKLIST: List = List { name: "blacklist", rows: 1, ..LIST };

pub(crate) fn options(server: &Server, schema: &str) -> PostgresOptions {
    PostgresOptions::new(server.url(), format!("{}.followers", server.schema(schema)))
}

/// Returns the lists of the table, `app_id date rows`.
pub(crate) fn lists(server: &Server, schema: &str) -> Vec<String> {
    let query = format!("SELECT app_id, dt, count(*) FROM {schema}.followers GROUP BY 1, 2 ORDER BY 1, 2");
    server.sql(&query).lines().map(|line| line.replace('|', " ")).collect()
}

/// Returns the relations of a schema.
pub(crate) fn tables(server: &Server, schema: &str) -> usize {
    let query = format!(
        "SELECT count(*) FROM pg_class WHERE relnamespace = '{schema}'::regnamespace AND relkind IN ('r', 'p')"
    );
    server.sql(&query).parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_list_never_takes_the_place_of_a_newer_one() {
    let Some(server) = server("an_older_list_never_takes_the_place_of_a_newer_one") else { return };
    let options = options(&server, "older");
    LATER.deliver(&options).await.unwrap();
    OTHER.deliver(&options).await.unwrap();
    let expected = ["wx1 2026-01-31 2", "wx2 2026-01-30 4"];
    assert_eq!(lists(&server, "older"), expected);
    let before = tables(&server, "older");

    // Twice: the engine delivers the list again until it is recorded, and a repeat is recognised.
    for _ in 0..2 {
        let report = LIST.deliver(&options).await.unwrap();
        assert_eq!(report.rows, 3);
        assert_eq!(report.outputs[0].location, "older.followers (which keeps the newer list of 2026-01-31)");
        assert_eq!(lists(&server, "older"), expected);
        assert_eq!(tables(&server, "older"), before, "nothing is left of it");
    }
    let recorded = server.sql(
        "SELECT dt, walk, rows, partition IS NULL FROM older.followers_snapshots WHERE app_id = 'wx1' ORDER BY dt",
    );
    assert_eq!(recorded, "2026-01-30|000001-20260129T170000Z|3|t\n2026-01-31|000002-20260130T170000Z|2|f");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_newer_if_its_walk_began_later_whatever_its_number_and_date() {
    let Some(server) = server("a_list_is_newer_if_its_walk_began_later_whatever_its_number_and_date") else { return };
    let latest = options(&server, "begun");
    let all = PostgresOptions { dates: Dates::All, ..latest.clone() };
    // The state was lost, and the numbers began again.
    let newer = List { walk: 1, rows: 5, ..LATER };
    let older = List { walk: 7, rows: 6, ..LIST };
    let older_of_date = List { date: LATER.date, ..older };
    for (options, older) in [(&latest, &older), (&latest, &older_of_date), (&all, &older_of_date)] {
        newer.deliver(options).await.unwrap();
        for _ in 0..2 {
            let report = older.deliver(options).await.unwrap();
            let expected = "begun.followers (which keeps the newer list of 2026-01-31)";
            assert_eq!(report.outputs[0].location, expected);
            assert_eq!(lists(&server, "begun"), ["wx1 2026-01-31 5"]);
        }
        let recorded = server.sql("SELECT walk FROM begun.followers_snapshots WHERE partition IS NOT NULL");
        assert_eq!(recorded, "000001-20260130T170000Z");
    }
    // A later date does not make a list newer.
    let later_date = List { date: "2026-02-01", ..older };
    later_date.deliver(&latest).await.unwrap();
    assert_eq!(lists(&server, "begun"), ["wx1 2026-01-31 5"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_lists_of_an_account_share_the_table_and_do_not_replace_each_other() {
    let Some(server) = server("two_lists_of_an_account_share_the_table_and_do_not_replace_each_other") else { return };
    let options = options(&server, "lists");
    for list in [LIST, BLACKLIST] {
        list.deliver(&options).await.unwrap();
    }
    let query = "SELECT list, dt, count(*) FROM lists.followers GROUP BY 1, 2 ORDER BY 1, 2";
    assert_eq!(server.sql(query), "blacklist|2026-01-30|1\nfollowers|2026-01-30|3");
    LATER.deliver(&options).await.unwrap();
    assert_eq!(server.sql(query), "blacklist|2026-01-30|1\nfollowers|2026-01-31|2");
    // Another pipeline may publish a list that this one does not.
    let tags = List { name: "tags", ..LIST };
    tags.deliver_as(&options, tags.context().with_names("other", "table")).await.unwrap();
    let foreign = LATER.context().with_names("other", "table");
    assert!(PostgresFactory.check(&options, &foreign).await.unwrap_err().to_string().contains("`followers`"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_list_takes_the_place_of_the_older_one_of_its_account() {
    let Some(server) = server("a_newer_list_takes_the_place_of_the_older_one_of_its_account") else { return };
    let options = options(&server, "newer");
    for list in [LIST, OTHER, LATER] {
        list.deliver(&options).await.unwrap();
    }
    assert_eq!(lists(&server, "newer"), ["wx1 2026-01-31 2", "wx2 2026-01-30 4"]);
    // The table, the table of snapshots, and a partition for each list.
    assert_eq!(tables(&server, "newer"), 4);
    let defaults = "SELECT count(*) FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid \
                    WHERE c.relnamespace = 'newer'::regnamespace AND a.atthasdef";
    assert_eq!(server.sql(defaults), "0", "the defaults of staging are dropped");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_of_all_dates_keeps_each_and_may_become_one_of_the_latest() {
    let Some(server) = server("a_table_of_all_dates_keeps_each_and_may_become_one_of_the_latest") else { return };
    let latest = options(&server, "dates");
    let all = PostgresOptions { dates: Dates::All, ..latest.clone() };
    for list in [LATER, OTHER, LIST] {
        list.deliver(&all).await.unwrap();
    }
    let expected = ["wx1 2026-01-30 3", "wx1 2026-01-31 2", "wx2 2026-01-30 4"];
    assert_eq!(lists(&server, "dates"), expected);
    // The older list of the account is still attached, so its record keeps the partition.
    for older in [LIST, List { walk: 7, rows: 5, ..LIST }] {
        older.deliver(&latest).await.unwrap();
        assert_eq!(lists(&server, "dates"), expected);
        let recorded = "SELECT walk FROM dates.followers_snapshots WHERE dt = '2026-01-30' AND app_id = 'wx1' AND partition IS NOT NULL";
        assert_eq!(server.sql(recorded), "000001-20260129T170000Z");
    }
    // The newest list is there already. Delivered again, it is the only one that stays.
    LATER.deliver(&latest).await.unwrap();
    assert_eq!(lists(&server, "dates"), ["wx1 2026-01-31 2", "wx2 2026-01-30 4"]);
    assert_eq!(tables(&server, "dates"), 4);
    let attached = "SELECT dt FROM dates.followers_snapshots WHERE app_id = 'wx1' AND partition IS NOT NULL";
    assert_eq!(server.sql(attached), "2026-01-31");
    let next = List { walk: 3, begun_at: "2026-01-31T17:00:00Z", date: "2026-02-01", ..LIST };
    next.deliver(&latest).await.unwrap();
    assert_eq!(lists(&server, "dates"), ["wx1 2026-02-01 3", "wx2 2026-01-30 4"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_another_pipeline_has_published_is_not_replaced() {
    let Some(server) = server("a_list_that_another_pipeline_has_published_is_not_replaced") else { return };
    let options = options(&server, "owned");
    LIST.deliver(&options).await.unwrap();
    let foreign = LATER.context().with_names("other", "table");
    let checked = PostgresFactory.check(&options, &foreign).await.unwrap_err();
    let delivered = LATER.deliver_as(&options, foreign).await.unwrap_err();
    for error in [checked, delivered] {
        let expected = "the table `owned.followers` has the list `followers` of `wx1` that the pipeline `test`, sink `table`, has \
             published";
        assert_eq!(error.to_string(), expected);
    }
    OTHER.deliver_as(&options, OTHER.context().with_names("other", "table")).await.unwrap();
    assert_eq!(lists(&server, "owned"), ["wx1 2026-01-30 3", "wx2 2026-01-30 4"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_with_other_columns_is_no_repeat() {
    let Some(server) = server("a_list_with_other_columns_is_no_repeat") else { return };
    let options = options(&server, "columns");
    LIST.deliver(&options).await.unwrap();
    server.sql("ALTER TABLE columns.followers ADD COLUMN note text");
    let records = LIST.records();
    let note: ArrayRef = Arc::new(StringArray::from(vec!["a", "b", "c"]));
    let columns = [("openid", records["openid"].clone()), ("position", records["position"].clone()), ("note", note)];
    let records = RecordBatch::try_from_iter(columns).unwrap();
    let mut context = LIST.context();
    context.schema = records.schema();
    let mut sink = PostgresFactory.open(options, context).await.unwrap();
    sink.write(&Batch::new(0, records)).await.unwrap();
    sink.prepare(&LIST.snapshot()).await.unwrap();
    sink.commit().await.unwrap();
    assert_eq!(server.sql("SELECT note FROM columns.followers ORDER BY position"), "a\nb\nc");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_of_the_table_is_one_of_every_list() {
    let Some(server) = server("an_index_of_the_table_is_one_of_every_list") else { return };
    let options = options(&server, "indexed");
    LIST.deliver(&options).await.unwrap();
    server.sql("ALTER TABLE indexed.followers ADD PRIMARY KEY (app_id, list, dt, openid)");
    LATER.deliver(&options).await.unwrap();
    assert_eq!(
        server.sql("SELECT count(*) FROM pg_indexes WHERE schemaname = 'indexed' AND tablename LIKE '%\\_list\\_%'"),
        "1"
    );
    assert_eq!(lists(&server, "indexed"), ["wx1 2026-01-31 2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_goes_on_when_its_connection_is_lost() {
    let Some(server) = server("a_commit_goes_on_when_its_connection_is_lost") else { return };
    let options = options(&server, "lost");
    let mut sink = PostgresFactory.open(options, LIST.context()).await.unwrap();
    sink.write(&Batch::new(0, LIST.records())).await.unwrap();
    sink.prepare(&LIST.snapshot()).await.unwrap();
    let ended = "SELECT count(pg_terminate_backend(l.pid)) FROM pg_locks l JOIN pg_stat_activity a USING (pid) \
                 WHERE l.locktype = 'advisory' AND a.application_name = 'fanout' AND a.query LIKE '%synchronous_commit = off%' \
                 AND a.query LIKE '%lost%'";
    assert_eq!(server.sql(ended), "1");
    let mut committed = sink.commit().await;
    while let Err(error) = committed {
        assert!(error.is_temporary(), "{error:?}");
        committed = sink.commit().await;
    }
    assert_eq!(committed.unwrap().rows, 3);
    assert_eq!(lists(&server, "lost"), ["wx1 2026-01-30 3"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn values_of_every_type_come_back() {
    let Some(server) = server("values_of_every_type_come_back") else { return };
    let options = options(&server, "types");
    // 1999-12-31T23:59:59.5Z: before the day from which Postgres counts.
    let instant = 946_684_799_500_i64;
    let columns: [(&str, ArrayRef, &str); 12] = [
        ("flag", Arc::new(BooleanArray::from(vec![Some(true), None])), "t"),
        ("tiny", Arc::new(Int8Array::from(vec![Some(i8::MIN), None])), "-128"),
        ("small", Arc::new(Int16Array::from(vec![Some(i16::MAX), None])), "32767"),
        ("word", Arc::new(UInt16Array::from(vec![Some(u16::MAX), None])), "65535"),
        ("long", Arc::new(UInt32Array::from(vec![Some(u32::MAX), None])), "4294967295"),
        ("single", Arc::new(Float32Array::from(vec![Some(-2.5), None])), "-2.5"),
        ("double", Arc::new(Float64Array::from(vec![Some(1e-7), None])), "1e-07"),
        ("bytes", Arc::new(BinaryArray::from(vec![Some(&b"\0\xff"[..]), None])), "\\x00ff"),
        ("text", Arc::new(StringArray::from(vec![Some("粉丝\t'\\"), None])), "粉丝\t'\\"),
        ("day", Arc::new(Date32Array::from(vec![Some(-1), None])), "1969-12-31"),
        (
            "instant",
            Arc::new(TimestampMillisecondArray::from(vec![Some(instant), None]).with_timezone("UTC")),
            "1999-12-31 23:59:59.5+00",
        ),
        ("wall", Arc::new(TimestampMicrosecondArray::from(vec![Some(0), None])), "1970-01-01 00:00:00"),
    ];
    let names: Vec<&str> = columns.iter().map(|(name, ..)| *name).collect();
    let expected: Vec<&str> = columns.iter().map(|(.., text)| *text).collect();
    let records = RecordBatch::try_from_iter_with_nullable(
        columns.iter().map(|(name, values, _)| (*name, Arc::clone(values), true)),
    );
    let records = records.unwrap();
    let list = List { rows: 2, ..LIST };
    let mut context = list.context();
    context.schema = records.schema();
    let mut sink = PostgresFactory.open(options, context).await.unwrap();
    sink.write(&Batch::new(0, records)).await.unwrap();
    sink.prepare(&list.snapshot()).await.unwrap();
    sink.commit().await.unwrap();
    let row = server
        .sql(&format!("SET timezone = 'UTC'; SELECT {} FROM types.followers ORDER BY ctid LIMIT 1", names.join(", ")));
    assert_eq!(row.split('|').collect::<Vec<_>>(), expected);
    let nulls = names.iter().map(|name| format!("{name} IS NULL")).collect::<Vec<_>>().join(" AND ");
    assert_eq!(server.sql(&format!("SELECT count(*) FROM types.followers WHERE {nulls}")), "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_date_that_postgres_cannot_hold_is_an_error_and_nothing_of_its_batch_is_kept() {
    let test = "a_date_that_postgres_cannot_hold_is_an_error_and_nothing_of_its_batch_is_kept";
    let Some(server) = server(test) else { return };
    let options = options(&server, "early");
    let column: ArrayRef = Arc::new(Date32Array::from(vec![0, i32::MIN]));
    let records = RecordBatch::try_from_iter([("day", column)]).unwrap();
    let mut context = LIST.context();
    context.schema = records.schema();
    let mut sink = PostgresFactory.open(options, context).await.unwrap();
    let error = sink.write(&Batch::new(0, records.clone())).await.unwrap_err();
    let causes = format!("{error:?}");
    assert!(causes.contains("a date that is too early for Postgres"), "{causes}");
    sink.write(&Batch::new(0, records.slice(0, 1))).await.unwrap();
    sink.prepare(&List { rows: 1, ..LIST }.snapshot()).await.unwrap();
    sink.abort().await.unwrap();
    assert_eq!(tables(&server, "early"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_with_what_postgres_cannot_hold_has_a_replacement_character_in_its_place() {
    let test = "a_text_with_what_postgres_cannot_hold_has_a_replacement_character_in_its_place";
    let Some(server) = server(test) else { return };
    let options = options(&server, "zero");
    let column: ArrayRef = Arc::new(StringArray::from(vec!["good", "b\0d\0"]));
    let records = RecordBatch::try_from_iter([("text", column)]).unwrap();
    let list = List { rows: 2, ..LIST };
    let mut context = list.context();
    context.schema = records.schema();
    let mut sink = PostgresFactory.open(options, context).await.unwrap();
    sink.write(&Batch::new(0, records)).await.unwrap();
    sink.prepare(&list.snapshot()).await.unwrap();
    sink.commit().await.unwrap();
    let texts = server.sql("SELECT string_agg(text, ',' ORDER BY ctid) FROM zero.followers");
    assert_eq!(texts, "good,b\u{fffd}d\u{fffd}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_an_array_and_a_list_of_text_is_refused_before_anything_is_written() {
    let test = "a_list_is_an_array_and_a_list_of_text_is_refused_before_anything_is_written";
    let Some(server) = server(test) else { return };
    let options = options(&server, "arrays");
    let tags = [Some(vec![Some(2), Some(100)]), Some(vec![]), None, Some(vec![None, Some(i32::MIN)])];
    let column: ArrayRef = Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(tags));
    let records = RecordBatch::try_from_iter_with_nullable([("tags", column, true)]).unwrap();
    let list = List { rows: 4, ..LIST };
    let mut context = list.context();
    context.schema = records.schema();
    // Twice: the second time into a table that is there.
    for _ in 0..2 {
        PostgresFactory.check(&options, &context).await.unwrap();
        let mut sink = PostgresFactory.open(options.clone(), context.clone()).await.unwrap();
        sink.write(&Batch::new(0, records.clone())).await.unwrap();
        sink.prepare(&list.snapshot()).await.unwrap();
        sink.commit().await.unwrap();
    }
    let texts = server.sql("SELECT string_agg(coalesce(tags::text, 'null'), ' ' ORDER BY ctid) FROM arrays.followers");
    assert_eq!(texts, "{2,100} {} null {NULL,-2147483648}");
    assert_eq!(server.sql("SELECT DISTINCT pg_typeof(tags) FROM arrays.followers"), "integer[]");

    let texts = Field::new_list("names", Field::new_list_field(DataType::Utf8, true), true);
    context.schema = Arc::new(Schema::new(vec![texts]));
    let error = ConfiguredSink::new(PostgresFactory, options.clone()).check(&context).await.unwrap_err();
    assert_eq!(error.to_string(), "the column `names` has the type `List(Utf8)`, which this sink cannot take");
    // A table that has another type there.
    context.schema = Arc::new(Schema::new(vec![Field::new("tags", DataType::Int32, true)]));
    let error = PostgresFactory.check(&options, &context).await.unwrap_err();
    assert!(error.to_string().contains("has `tags` as `_int4`, expected `int4`"), "{error}");
}
