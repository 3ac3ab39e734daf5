//! The keys of `[sinks.<name>.options]` for `type = "ndjson"`, and the destination that they
//! describe.

use fanout_sink::files::FileOptions;
use fanout_sink::files::objects::StoreOptions;
use fanout_sink::schemars::{self, JsonSchema};
use fanout_sink::{Root, SinkError};
use serde::{Deserialize, Serialize};

/// The options of an `ndjson` sink: either `root` (with `layout` and `compression`) or `path`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("oneOf" = [{ "required": ["root"] }, { "required": ["path"] }]))]
pub struct NdjsonOptions {
    /// The folder for all output; relative to the pipeline file. Files are staged beside it, in
    /// `<root>.staging`. Or a prefix in an object store: `s3://bucket/prefix`,
    /// `az://container/prefix`.
    #[schemars(example = "out/followers")]
    pub root: Option<Root>,
    /// How the object store of `root` is reached. Without it the environment says it.
    pub store: Option<StoreOptions>,
    /// The path of a file below `root`, with `{date}`, `{account}`, `{app_id}`, `{list}`, `{part}`,
    /// `{pipeline}`, `{sink}`; by default `dt={date}/account={account}/part-{part}.ndjson`,
    /// followed by `.zst` or `.gz` if files are compressed. The last folder belongs to one list and
    /// is replaced as a whole. A name without a folder makes a single file.
    #[schemars(example = "dt={date}/account={account}/part-{part}.ndjson")]
    pub layout: Option<String>,
    /// How files are compressed: `none`, `zstd` or `gzip`.
    pub compression: Option<Compression>,
    /// `-` writes to stdout instead of files, when the list is complete: at least once.
    #[schemars(example = "-")]
    pub path: Option<String>,
}

/// How files are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Compression {
    /// No compression.
    #[default]
    None,
    /// Zstandard.
    Zstd,
    /// gzip.
    Gzip,
}

/// The destination that the options describe.
#[derive(Clone, Debug)]
pub(crate) enum Destination {
    Files { files: FileOptions, compression: Compression },
    Stdout,
}

impl NdjsonOptions {
    /// Makes options with every default, for output under `root`.
    pub fn new(root: impl Into<Root>) -> Self {
        Self { root: Some(root.into()), ..Self::default() }
    }

    /// Makes options for output on stdout.
    pub fn stdout() -> Self {
        Self { path: Some("-".to_owned()), ..Self::default() }
    }

    pub(crate) fn is_stdout(&self) -> bool {
        self.path.is_some()
    }

    /// Returns the root with its store.
    pub(crate) fn place(&self) -> Option<Root> {
        self.root.clone().map(|root| root.with_store(self.store.clone()))
    }

    /// Returns the destination of the list.
    ///
    /// # Errors
    ///
    /// If the options contradict each other.
    pub(crate) fn destination(&self) -> Result<Destination, SinkError> {
        if let Some(path) = &self.path {
            if path != "-" {
                let message = format!("`path` is `{path}`; only `-` (stdout) is expected");
                return Err(SinkError::option("path", message).with_hint("name a file with `root` and `layout`"));
            }
            let files_only = [
                ("root", self.root.is_some()),
                ("store", self.store.is_some()),
                ("layout", self.layout.is_some()),
                ("compression", self.compression.is_some()),
            ];
            if let Some((key, _)) = files_only.iter().find(|(_, given)| *given) {
                let message = format!("`{key}` is for files, and `path = \"-\"` writes to stdout");
                return Err(SinkError::option(*key, message).with_hint("remove one of the two"));
            }
            return Ok(Destination::Stdout);
        }
        let Some(root) = self.place() else {
            let message = "`root` is missing: the folder for all output, unless `path = \"-\"` writes to stdout";
            return Err(SinkError::option("root", message));
        };
        let compression = self.compression.unwrap_or_default();
        let layout = self.layout.clone().unwrap_or_else(|| default_layout(compression));
        Ok(Destination::Files { files: FileOptions { root, layout, rolling: false }, compression })
    }
}

fn default_layout(compression: Compression) -> String {
    let extension = match compression {
        Compression::None => "",
        Compression::Zstd => ".zst",
        Compression::Gzip => ".gz",
    };
    format!("dt={{date}}/account={{account}}/part-{{part}}.ndjson{extension}")
}
