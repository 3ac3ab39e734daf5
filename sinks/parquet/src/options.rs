//! The keys of `[sinks.<name>.options]` for `type = "parquet"`.

use fanout_sink::files::FileOptions;
use fanout_sink::files::objects::StoreOptions;
use fanout_sink::schemars::{self, JsonSchema};
use fanout_sink::{ByteSize, Root, SinkError};
use parquet::basic::{GzipLevel, ZstdLevel};
use serde::{Deserialize, Serialize};

/// Above this level a compressor needs many times the memory that the sink declares.
const HIGHEST_ZSTD_LEVEL: i32 = 9;

const DEFAULT_LAYOUT: &str = "dt={date}/account={account}/part-{part}.parquet";

/// The options of a `parquet` sink.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ParquetOptions {
    /// The folder for all output; relative to the pipeline file. Files are staged beside it, in
    /// `<root>.staging`. Or a prefix in an object store: `s3://bucket/prefix`,
    /// `az://container/prefix`.
    #[schemars(example = "out/followers")]
    pub root: Root,
    /// How the object store of `root` is reached. Without it the environment says it.
    #[serde(default)]
    pub store: Option<StoreOptions>,
    /// The path of a file below `root`, with `{date}`, `{account}`, `{app_id}`, `{list}`, `{part}`,
    /// `{pipeline}`, `{sink}`. The last folder belongs to one list and is replaced as a whole. A
    /// name without a folder makes a single file.
    #[serde(default = "default_layout")]
    pub layout: String,
    /// How values are encoded before they are compressed: `mixed`, `plain` or `delta`.
    #[serde(default)]
    pub encoding: ColumnEncoding,
    /// How pages are compressed: `zstd`, `snappy`, `gzip`, `lz4_raw` or `none`.
    #[serde(default)]
    pub compression: Compression,
    /// The level of `zstd`, 1 to 9. Higher levels take more time and do not make `OpenID`s smaller,
    /// because these are random.
    #[serde(default = "default_zstd_level")]
    #[schemars(range(min = 1, max = 9))]
    pub zstd_level: i32,
    /// The largest number of rows in a row group.
    #[serde(default = "default_row_group_rows")]
    #[schemars(range(min = 1))]
    pub row_group_rows: usize,
    /// The largest size of a row group as stored, roughly. A row group is held in memory until it
    /// is full.
    #[serde(default = "default_row_group_bytes")]
    pub row_group_bytes: ByteSize,
    /// The largest number of rows in a file; the next row goes to the next part. Without it there
    /// is no limit.
    #[serde(default)]
    #[schemars(range(min = 1), example = 10_000_000)]
    pub max_file_rows: Option<u64>,
    /// The size at which a file ends; one batch of rows and the footer may exceed it. Without it
    /// there is no limit.
    #[serde(default)]
    #[schemars(example = "1 GiB")]
    pub max_file_bytes: Option<ByteSize>,
}

/// How the values of a column are encoded. README.md lists which programs read which encoding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ColumnEncoding {
    /// Text as it is, or as a dictionary if it has few values; integers and times as differences.
    #[default]
    Mixed,
    /// All values as they are, without a dictionary: for readers that know no other encoding.
    Plain,
    /// As `mixed`, and text without the prefix that it shares with the value before it.
    Delta,
}

/// How pages are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Compression {
    /// Zstandard.
    #[default]
    Zstd,
    /// Snappy.
    Snappy,
    /// Gzip.
    Gzip,
    /// LZ4 blocks without a frame, as the Parquet format calls them.
    Lz4Raw,
    /// No compression.
    None,
}

fn default_layout() -> String {
    DEFAULT_LAYOUT.to_owned()
}

fn default_zstd_level() -> i32 {
    1
}

fn default_row_group_rows() -> usize {
    1_048_576
}

fn default_row_group_bytes() -> ByteSize {
    ByteSize(8 << 20)
}

impl ParquetOptions {
    /// Makes options with every default, for output under `root`.
    pub fn new(root: impl Into<Root>) -> Self {
        Self {
            root: root.into(),
            store: None,
            layout: default_layout(),
            encoding: ColumnEncoding::default(),
            compression: Compression::default(),
            zstd_level: default_zstd_level(),
            row_group_rows: default_row_group_rows(),
            row_group_bytes: default_row_group_bytes(),
            max_file_rows: None,
            max_file_bytes: None,
        }
    }

    /// Returns the options that all file sinks share.
    pub(crate) fn files(&self) -> FileOptions {
        let rolling = self.max_file_rows.is_some() || self.max_file_bytes.is_some();
        FileOptions { root: self.root.clone().with_store(self.store.clone()), layout: self.layout.clone(), rolling }
    }

    /// Returns the codec.
    ///
    /// # Errors
    ///
    /// If a number is out of range.
    pub(crate) fn codec(&self) -> Result<parquet::basic::Compression, SinkError> {
        let numbers = [
            ("row_group_rows", Some(self.row_group_rows as u64)),
            ("row_group_bytes", Some(self.row_group_bytes.0)),
            ("max_file_rows", self.max_file_rows),
            ("max_file_bytes", self.max_file_bytes.map(|size| size.0)),
        ];
        if let Some((key, _)) = numbers.iter().find(|(_, number)| *number == Some(0)) {
            return Err(SinkError::option(*key, format!("`{key}` is 0; at least 1 is expected")));
        }
        let level = Some(self.zstd_level).filter(|level| (1..=HIGHEST_ZSTD_LEVEL).contains(level));
        let level = level.and_then(|level| ZstdLevel::try_new(level).ok()).ok_or_else(|| {
            let message = format!("`zstd_level` is {}; 1 to {HIGHEST_ZSTD_LEVEL} is expected", self.zstd_level);
            SinkError::option("zstd_level", message)
        })?;
        Ok(match self.compression {
            Compression::Zstd => parquet::basic::Compression::ZSTD(level),
            Compression::Snappy => parquet::basic::Compression::SNAPPY,
            Compression::Gzip => parquet::basic::Compression::GZIP(GzipLevel::default()),
            Compression::Lz4Raw => parquet::basic::Compression::LZ4_RAW,
            Compression::None => parquet::basic::Compression::UNCOMPRESSED,
        })
    }
}
