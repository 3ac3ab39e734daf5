//! Tests of binding the sinks of a pipeline file, and of the errors about wrong ones.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use fanout_sink::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use fanout_sink::arrow::record_batch::RecordBatch;
use fanout_sink::schemars::JsonSchema;
use fanout_sink::{
    Batch, ClosureFactory, Delivery, Found, Root, Secret, Sink, SinkContext, SinkError, SinkFactory, SinkReport,
    Snapshot,
};
use serde::Deserialize;

use super::*;
use crate::config::{ConfigErrors, Overrides, Pipeline};

const FILE: &str = "pipelines/p.toml";
const MEMORY: u64 = 7;

/// A sink that writes nothing and counts how often it was opened.
#[derive(Clone, Default)]
struct Fake {
    opened: Arc<AtomicU64>,
}

#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "fanout_sink::schemars")]
struct FakeOptions {
    root: PathBuf,
    #[serde(default)]
    password: Option<Secret>,
}

struct FakeSink;

#[async_trait]
impl SinkFactory for Fake {
    type Options = FakeOptions;
    type Sink = FakeSink;

    fn name(&self) -> &'static str {
        "fake"
    }

    fn summary(&self) -> &'static str {
        "nothing"
    }

    fn delivery(&self, _options: &FakeOptions) -> Delivery {
        Delivery::Staged
    }

    fn memory(&self, _options: &FakeOptions) -> u64 {
        MEMORY
    }

    fn roots(&self, options: &FakeOptions) -> Vec<Root> {
        vec![options.root.to_str().unwrap().into()]
    }

    fn takes(&self, _options: &FakeOptions, field: &Field) -> bool {
        matches!(field.data_type(), DataType::Utf8)
    }

    async fn check(&self, options: &FakeOptions, _context: &SinkContext) -> Result<(), SinkError> {
        if options.root.as_os_str().is_empty() {
            return Err(SinkError::option("root", "found an empty path").with_hint("name a folder"));
        }
        Ok(())
    }

    async fn open(&self, options: FakeOptions, _context: SinkContext) -> Result<FakeSink, SinkError> {
        assert!(options.password.is_none_or(|password| password.expose() == "hunter2"));
        self.opened.fetch_add(1, Ordering::Relaxed);
        Ok(FakeSink)
    }

    async fn find(
        &self,
        _options: &FakeOptions,
        _context: &SinkContext,
        _report: &SinkReport,
    ) -> Result<Found, SinkError> {
        Ok(Found::Unknown)
    }
}

#[async_trait]
impl Sink for FakeSink {
    async fn write(&mut self, _batch: &Batch) -> Result<(), SinkError> {
        Ok(())
    }

    async fn prepare(&mut self, _snapshot: &Snapshot) -> Result<(), SinkError> {
        Ok(())
    }

    async fn commit(&mut self) -> Result<SinkReport, SinkError> {
        Ok(SinkReport::default())
    }

    async fn abort(&mut self) -> Result<(), SinkError> {
        Ok(())
    }
}

fn registry() -> SinkRegistry {
    let closure = ClosureFactory::new("closure", |_batch: Batch| async { Ok::<(), SinkError>(()) });
    SinkRegistry::empty().with(Fake::default()).with(closure)
}

fn schema() -> SchemaRef {
    let columns = ["app_id", "openid", "position"];
    Arc::new(Schema::new(columns.map(|name| Field::new(name, DataType::Utf8, false)).to_vec()))
}

fn columns() -> ListColumns {
    ListColumns { schema: schema(), default: 2 }
}

fn pipeline_with(sinks: &str, overrides: Overrides) -> Pipeline {
    let text = format!("name = \"p\"\n[source]\nsimulate = {{ followers = 1 }}\n{sinks}");
    let environment = [("PASSWORD", "hunter2")].into_iter().collect();
    Pipeline::from_toml(&text, Path::new(FILE), &Overrides { environment, ..overrides }).unwrap()
}

fn bind(sinks: &str) -> Result<Vec<BoundSink>, ConfigErrors> {
    registry().bind_all(&pipeline_with(sinks, Overrides::default()), |_| columns())
}

fn problems(sinks: &str) -> String {
    bind(sinks).unwrap_err().to_string().replace(&format!("{FILE}: "), "")
}

fn fake(name: &str, root: &str) -> String {
    format!("[sinks.{name}]\ntype = \"fake\"\noptions = {{ root = \"{root}\" }}\n")
}

#[test]
fn a_registry_lists_what_was_registered() {
    let registry = registry();
    assert_eq!(registry.types().collect::<Vec<_>>(), ["closure", "fake"]);
    assert_eq!(registry.summaries().last(), Some(("fake", "nothing")));
    assert_eq!(format!("{registry:?}"), r#"{"closure", "fake"}"#);
}

#[test]
fn a_root_of_another_form_is_refused_for_every_sink() {
    for root in ["hdfs://lake/x", "~/lake", "${HOME}/lake", "file:///lake"] {
        assert!(problems(&fake("a", root)).starts_with(&format!("`sinks.a.options`: found {root:?}, ")), "{root}");
    }
}

#[test]
#[should_panic(expected = "two sinks are registered as the type `fake`")]
fn a_type_is_registered_once() {
    let _ = registry().with(Fake::default());
}

#[test]
fn an_unknown_type_lists_what_is_registered() {
    assert_eq!(
        problems("[sinks.a]\ntype = \"fakee\"\n"),
        "`sinks.a.type`: found \"fakee\", expected one of `closure`, `fake`; did you mean `fake`?"
    );
    let pipeline = pipeline_with("[sinks.a]\ntype = \"fake\"\n", Overrides::default());
    assert_eq!(
        SinkRegistry::empty().bind_all(&pipeline, |_| columns()).unwrap_err().to_string(),
        format!("{FILE}: `sinks.a.type`: found \"fake\", but this program has no sinks")
    );
}

#[test]
fn the_problems_of_all_sinks_are_reported_at_once() {
    let sinks = "
        [sinks.a]
        type = \"fake\"
        columns = [\"opnid\", \"openid\", \"openid\"]
        [sinks.a.options]
        rooot = \"out\"
        [sinks.b]
        type = \"none\"
        columns = []
    ";
    assert_eq!(
        problems(sinks),
        "`sinks.a.columns[0]`: found \"opnid\", expected some of `app_id`, `openid`, `position`; did you mean `openid`?\n\
         `sinks.a.columns[2]`: found `openid` twice, expected it once\n\
         `sinks.a.options.rooot`: unknown key, expected one of `root`, `password`; did you mean `root`?\n\
         `sinks.a.options.root`: missing, expected a value\n\
         `sinks.b.columns`: found an empty list, expected some of `app_id`, `openid`, `position`\n\
         `sinks.b.type`: found \"none\", expected one of `closure`, `fake`"
    );
}

#[test]
fn columns_pick_and_order() {
    let sinks = fake("a", "a") + "columns = [\"position\", \"openid\"]\n" + &fake("b", "b");
    let bound = bind(&sinks).unwrap();
    let batch = Batch::new(5, RecordBatch::new_empty(schema()));
    // Without `columns`: those of the default, and `position` is none of them.
    for (sink, columns) in bound.iter().zip([&["position", "openid"][..], &["app_id", "openid"]]) {
        let selected = sink.select(&batch);
        assert_eq!(selected.sequence(), batch.sequence());
        assert_eq!(&selected.records().schema(), sink.schema());
        let names: Vec<_> = sink.schema().fields().iter().map(|field| field.name().as_str()).collect();
        assert_eq!(names, columns);
    }
}

#[test]
fn columns_that_a_sink_cannot_take_are_all_named_unless_they_are_left_out() {
    let tags = Field::new_list("tags", Field::new_list_field(DataType::Int32, true), true);
    let fields = [Field::new("openid", DataType::Utf8, false), tags, Field::new("position", DataType::Int64, false)];
    let list = || ListColumns { schema: Arc::new(Schema::new(fields.to_vec())), default: 3 };
    let bind = |sinks: &str| registry().bind_all(&pipeline_with(sinks, Overrides::default()), |_| list());
    let hook = "[sinks.hook]\ntype = \"closure\"\n";
    assert_eq!(
        bind(&(fake("lake", "out") + hook)).unwrap_err().to_string().replace(&format!("{FILE}: "), ""),
        "`sinks.lake.columns`: the column `tags` has the type `List(Int32)`, which this sink cannot take; leave it out with \
         `columns`\n\
         `sinks.lake.columns`: the column `position` has the type `Int64`, which this sink cannot take; leave it out with \
         `columns`"
    );
    let bound = bind(&(fake("lake", "out") + "columns = [\"openid\"]\n" + hook)).unwrap();
    let columns = |name| bound.iter().find(|sink| sink.name() == name).unwrap().schema().fields().len();
    assert_eq!((columns("lake"), columns("hook")), (1, 3));
}

#[test]
fn a_sink_that_cannot_stage_is_not_asked_to() {
    let closure = |deliver: &str| format!("[sinks.hook]\ntype = \"closure\"\ndeliver = \"{deliver}\"\n");
    assert_eq!(
        problems(&closure("stream")),
        "`sinks.hook.deliver`: found `stream`, expected `when_complete`: this `closure` cannot take back what it has sent"
    );
    assert!(!bind(&closure("when_complete")).unwrap()[0].streams());
    for (deliver, streams) in [("stream", true), ("when_complete", false)] {
        let sinks = format!("[sinks.a]\ntype = \"fake\"\noptions = {{ root = \"out\" }}\ndeliver = \"{deliver}\"\n");
        assert_eq!(bind(&sinks).unwrap()[0].streams(), streams);
    }
}

#[test]
fn two_sinks_do_not_share_a_place() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("real")).unwrap();
    std::os::unix::fs::symlink(folder.path().join("real"), folder.path().join("link")).unwrap();
    let inside = |path: &str| folder.path().join(path).display().to_string();
    let here = std::env::current_dir().unwrap().join("pipelines/out").display().to_string();
    for (first, second) in [
        ("out", "out"),
        ("out", "./out/"),
        ("out", "x/../out"),
        ("out", "out/deep/er"),
        ("out/deep", "out"),
        ("out", "out.staging"),
        ("out.staging/deep", "out"),
        ("out", &here),
        (&inside("real/a"), &inside("link/a")),
        (&inside("real"), &inside("link/not/there")),
    ] {
        assert_eq!(
            problems(&(fake("one", first) + &fake("two", second))),
            format!(
                "`sinks.two.options`: found `{second}`, expected a place of its own: the sink `one` writes to `{first}`"
            )
        );
    }
    if cfg!(feature = "object-store") {
        let problems = problems(&(fake("one", "s3://lake/a") + &fake("two", "s3://lake/a/b")));
        assert!(problems.contains("expected a place of its own: the sink `one` writes to `s3://lake/a`"), "{problems}");
        assert!(bind(&(fake("one", "s3://lake/a") + &fake("two", "s3://lake/b"))).is_ok());
    }
    for (first, second) in [("out", "out2"), ("out/a", "out/b"), ("a/out", "b/out"), ("out", "../out")] {
        assert!(bind(&(fake("one", first) + &fake("two", second))).is_ok(), "{first} {second}");
    }
}

#[test]
fn the_simulate_flag_refuses_a_sink_that_writes_no_files() {
    let sinks = fake("files", "out") + "[sinks.hook]\ntype = \"closure\"\n";
    assert!(bind(&sinks).is_ok());
    let pipeline = pipeline_with(&sinks, Overrides { simulate: Some(5), ..Overrides::default() });
    assert_eq!(
        registry().bind_all(&pipeline, |_| columns()).unwrap_err().to_string(),
        format!(
            "{FILE}: `sinks.hook.type`: found `closure`, expected a sink that writes files under `--simulate`, so that \
             simulated followers stay apart from real ones"
        )
    );
}

#[tokio::test]
async fn a_bound_sink_is_opened_as_often_as_there_are_lists() {
    let factory = Fake::default();
    let opened = Arc::clone(&factory.opened);
    let sinks = "[sinks.a]\ntype = \"fake\"\noptions = { root = \"out\", password = { env = \"PASSWORD\" } }\n";
    let bound =
        SinkRegistry::empty().with(factory).bind_all(&pipeline_with(sinks, Overrides::default()), |_| columns());
    let sink = &bound.unwrap()[0];
    assert_eq!((sink.name(), sink.delivery(), sink.memory()), ("a", Delivery::Staged, MEMORY));
    assert_eq!(sink.roots(), [Root::from("out")]);
    for account in ["one", "two"] {
        let context = SinkContext::new(account, account, Arc::clone(sink.schema()));
        sink.check(&context).await.unwrap();
        let mut open = sink.open(context).await.unwrap();
        assert_eq!(open.commit().await.unwrap(), SinkReport::default());
    }
    assert_eq!(opened.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn an_option_that_a_check_refuses_is_an_error_of_the_file() {
    let bound = bind(&fake("a", "")).unwrap();
    let context = SinkContext::new("one", "wx1", schema());
    let error = bound[0].check(&context).await.unwrap_err();
    assert_eq!(
        bound[0].config_error(&error).unwrap().to_string(),
        format!("{FILE}: `sinks.a.options.root`: found an empty path; name a folder")
    );
    assert_eq!(bound[0].config_error(&SinkError::permanent("full")), None);
}
