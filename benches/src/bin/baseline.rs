//! The baseline: the plain program that people write for the same job. It asks for a page, parses
//! it, appends it to one Parquet file, and asks for the next one. `benches/README.md` compares
//! fanout with it.
//!
//! ```text
//! baseline BASE_URL APP_ID SECRET OUTPUT [--zstd | --fetch-only]
//! ```
//!
//! The file has the defaults of the Parquet library, and snappy, which is what most programs
//! choose; with `--zstd` it has zstd(3), which makes a smaller file and takes more time.
//!
//! With `--fetch-only` it follows the chain of cursors and drops every body. No program that asks
//! for one page after the other can be faster. It prints one line of JSON: rows (null with
//! `--fetch-only`) and seconds.

#![allow(clippy::print_stdout, reason = "the result of a program for measurements")]

use std::error::Error;
use std::fs::File;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use arrow::array::{ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use reqwest::{Client, Url};
use serde::Deserialize;
use serde_json::json;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const USAGE: &str = "usage: baseline BASE_URL APP_ID SECRET OUTPUT [--zstd | --fetch-only]";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut flag = |name| {
        let place = arguments.iter().position(|argument| argument == name);
        place.map(|place| arguments.remove(place)).is_some()
    };
    let (fetch_only, zstd) = (flag("--fetch-only"), flag("--zstd"));
    let [base_url, app_id, secret, output] = <[String; 4]>::try_from(arguments).map_err(|_| USAGE)?;

    // The client wants a provider of TLS even if it never uses TLS.
    rustls::crypto::ring::default_provider().install_default().map_err(|_| "a provider of TLS is already there")?;
    let start = Instant::now();
    let api = Api::connect(&base_url, &app_id, &secret).await?;
    let rows = if fetch_only {
        fetch(&api).await?;
        None
    } else {
        let compression = if zstd { Compression::ZSTD(ZstdLevel::try_new(3)?) } else { Compression::SNAPPY };
        Some(extract(&api, &app_id, File::create(output)?, compression).await?)
    };
    println!("{}", json!({ "rows": rows, "seconds": start.elapsed().as_secs_f64() }));
    Ok(())
}

/// The API, with a token.
struct Api {
    client: Client,
    list: Url,
    token: String,
}

#[derive(Deserialize)]
struct Token {
    access_token: String,
}

impl Api {
    async fn connect(base_url: &str, app_id: &str, secret: &str) -> Result<Self> {
        let client = Client::builder().build()?;
        let request = json!({ "grant_type": "client_credential", "appid": app_id, "secret": secret });
        let url = format!("{base_url}/cgi-bin/stable_token");
        let reply = client.post(url).body(request.to_string()).send().await?.error_for_status()?.bytes().await?;
        let token: Token = serde_json::from_slice(&reply)?;
        let list = Url::parse(&format!("{base_url}/cgi-bin/user/get"))?;
        Ok(Self { client, list, token: token.access_token })
    }

    async fn page(&self, cursor: &str) -> Result<Vec<u8>> {
        let mut url = self.list.clone();
        url.query_pairs_mut().append_pair("access_token", &self.token).append_pair("next_openid", cursor);
        Ok(self.client.get(url).send().await?.error_for_status()?.bytes().await?.into())
    }
}

/// Follows the chain of cursors to its end, and reads nothing but the cursors.
async fn fetch(api: &Api) -> Result<()> {
    const KEY: &[u8] = br#""next_openid":""#;
    let mut cursor = String::new();
    loop {
        let body = api.page(&cursor).await?;
        let start = memchr::memmem::rfind(&body, KEY).ok_or("a page without `next_openid`")? + KEY.len();
        let end = start + memchr::memchr(b'"', &body[start..]).ok_or("a page that is cut off")?;
        if start == end {
            return Ok(());
        }
        str::from_utf8(&body[start..end])?.clone_into(&mut cursor);
    }
}

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    errcode: i64,
    #[serde(default)]
    data: Data,
    #[serde(default)]
    next_openid: String,
}

#[derive(Default, Deserialize)]
struct Data {
    openid: Vec<String>,
}

/// Writes the whole list to `output`, and returns the number of rows.
async fn extract(api: &Api, app_id: &str, output: File, compression: Compression) -> Result<usize> {
    let schema = follower_schema();
    let properties = WriterProperties::builder().set_compression(compression).build();
    let mut writer = ArrowWriter::try_new(output, Arc::clone(&schema), Some(properties))?;
    let mut cursor = String::new();
    let mut rows = 0;
    for number in 1.. {
        let page: Page = serde_json::from_slice(&api.page(&cursor).await?)?;
        if page.errcode != 0 {
            return Err(format!("page {number} is error {}", page.errcode).into());
        }
        let count = page.data.openid.len();
        if count == 0 {
            break;
        }
        writer.write(&records(&schema, app_id, page.data.openid, rows, number)?)?;
        rows += count;
        cursor = page.next_openid;
    }
    writer.close()?;
    Ok(rows)
}

fn follower_schema() -> SchemaRef {
    let instant = DataType::Timestamp(TimeUnit::Microsecond, Some(Arc::from("UTC")));
    Arc::new(Schema::new(vec![
        Field::new("app_id", DataType::Utf8, false),
        Field::new("openid", DataType::Utf8, false),
        Field::new("position", DataType::Int64, false),
        Field::new("page", DataType::Int32, false),
        Field::new("fetched_at", instant, false),
    ]))
}

fn records(schema: &SchemaRef, app_id: &str, openids: Vec<String>, first: usize, page: i32) -> Result<RecordBatch> {
    let count = openids.len();
    let fetched_at = SystemTime::now().duration_since(UNIX_EPOCH)?.as_micros() as i64;
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from(vec![app_id; count])),
        Arc::new(StringArray::from(openids)),
        Arc::new(Int64Array::from_iter_values(first as i64..(first + count) as i64)),
        Arc::new(Int32Array::from(vec![page; count])),
        Arc::new(TimestampMicrosecondArray::from(vec![fetched_at; count]).with_timezone("UTC")),
    ];
    Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
}
