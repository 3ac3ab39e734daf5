//! Replays the transcripts of `sinks/README.md`.

#![expect(clippy::unwrap_used, reason = "the functions beside a test may panic, as the test itself may")]

use std::fmt::Write as _;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use fanout_sink::arrow::array::{Int64Array, RecordBatch, StringArray};
use fanout_sink::arrow::datatypes::{DataType, Field, Schema};
use fanout_sink::arrow::ipc::reader::StreamReader;
use fanout_sink::arrow::ipc::writer::StreamWriter;
use fanout_sink::{Batch, Found, Sink, SinkContext, SinkFactory, SinkReport, Snapshot};
use fanout_sink_command::CommandFactory;
use serde_json::{Value, json};

const README: &str = include_str!("../../README.md");

/// A line of the transcript.
enum Line<'a> {
    /// A message from fanout.
    FromFanout(Value),
    /// A piece of the Arrow stream from fanout.
    Stream(&'a str),
    /// A message from the program.
    FromProgram(&'a str),
}

/// Returns the transcripts: the delivery of a list, and the look for it.
fn transcripts() -> [Vec<Line<'static>>; 2] {
    let blocks = README.split("```text\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let transcripts: Vec<_> = blocks.filter(|text| text.starts_with("> ")).map(transcript).collect();
    transcripts.try_into().unwrap_or_else(|_| panic!("README has two transcripts"))
}

fn transcript(text: &'static str) -> Vec<Line<'static>> {
    let line = |line: &'static str| match (line.strip_prefix("> Arrow: "), line.strip_prefix("> ")) {
        (Some(piece), _) => Line::Stream(piece),
        (None, Some(message)) => Line::FromFanout(serde_json::from_str(message).unwrap()),
        (None, None) => Line::FromProgram(line.strip_prefix("< ").unwrap()),
    };
    text.lines().map(line).collect()
}

fn schema() -> Arc<Schema> {
    Arc::new(Schema::new(vec![
        Field::new("openid", DataType::Utf8, false),
        Field::new("position", DataType::Int64, false),
    ]))
}

/// Makes the batches of the transcript, which states the rows of each.
fn batches(transcript: &[Line<'_>]) -> Vec<RecordBatch> {
    let mut position = 0;
    let pieces = transcript.iter().filter_map(|line| match line {
        Line::Stream(piece) => piece.strip_suffix(" rows"),
        _ => None,
    });
    let batch = |rows: &str| {
        let positions = position..position + rows.parse::<i64>().unwrap();
        position = positions.end;
        let openids = StringArray::from_iter_values(positions.clone().map(|position| format!("o{position:027}")));
        RecordBatch::try_new(schema(), vec![Arc::new(openids), Arc::new(Int64Array::from_iter_values(positions))])
            .unwrap()
    };
    pieces.map(batch).collect()
}

/// Returns a script that plays the program's part of the transcript, and keeps what it receives.
fn program(transcript: &[Line<'_>], batches: &[RecordBatch]) -> String {
    let mut stream = StreamWriter::try_new(Vec::new(), &schema()).unwrap();
    let mut batches = batches.iter();
    let mut script = String::new();
    for line in transcript {
        match line {
            Line::FromFanout(_) => script.push_str("read -r line; printf '%s\\n' \"$line\" >>said\n"),
            Line::FromProgram(message) => writeln!(script, "printf '%s\\n' '{message}'").unwrap(),
            Line::Stream(piece) => {
                match *piece {
                    "schema" => {}
                    "end" => stream.finish().unwrap(),
                    _ => stream.write(batches.next().unwrap()).unwrap(),
                }
                // Byte by byte: the bytes after this piece are for the next line.
                writeln!(script, "dd bs=1 count={} 2>dd >>stream || cat dd >&2", stream.get_ref().len()).unwrap();
                stream.get_mut().clear();
            }
        }
    }
    script
}

fn context(hello: &Value, directory: &Path) -> SinkContext {
    let text = |key: &str| hello[key].as_str().unwrap().to_owned();
    let accounts: Vec<String> = serde_json::from_value(hello["accounts"].clone()).unwrap();
    let context = SinkContext::new(&text("account"), &text("app_id"), schema())
        .with_names(&text("pipeline"), &text("sink"))
        .with_accounts(accounts.into())
        .with_list(&text("list"))
        .with_walk(text("walk").parse().unwrap(), text("date").parse().unwrap())
        .with_facts(text("begun_at").parse().unwrap(), hello["rows"].as_u64())
        .with_simulated(hello["simulated"].as_bool().unwrap())
        .with_directory(directory);
    match hello["digest"].as_str() {
        Some(digest) => context.with_digest(digest),
        None => context,
    }
}

/// Returns the messages from fanout.
fn said<'a>(transcript: &'a [Line<'_>]) -> Vec<&'a Value> {
    transcript.iter().filter_map(|line| if let Line::FromFanout(line) = line { Some(line) } else { None }).collect()
}

/// Reads the messages that the script has received.
fn received(folder: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(folder.join("said")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn the_transcript_is_what_goes_over_the_wire() {
    let [transcript, _] = transcripts();
    let batches = batches(&transcript);
    let said = said(&transcript);
    let (hello, facts) = (said[0], said[1]);
    assert_eq!((&hello["type"], &facts["type"]), (&"hello".into(), &"snapshot".into()));

    let folder = tempfile::tempdir().unwrap();
    let command = json!(["sh", "-c", program(&transcript, &batches)]);
    let options = json!({ "command": command, "window": hello["window"], "settings": hello["settings"] });
    let context = context(hello, folder.path());
    let mut sink = CommandFactory.open(serde_json::from_value(options).unwrap(), context).await.unwrap();
    for (sequence, records) in (0..).zip(&batches) {
        sink.write(&Batch::new(sequence, records.clone())).await.unwrap();
    }
    sink.prepare(&serde_json::from_value::<Snapshot>(facts.clone()).unwrap()).await.unwrap();
    let report = sink.commit().await.unwrap();

    assert_eq!(received(folder.path()).iter().collect::<Vec<_>>(), said);
    let stream = StreamReader::try_new(File::open(folder.path().join("stream")).unwrap(), None).unwrap();
    assert_eq!(stream.map(Result::unwrap).collect::<Vec<_>>(), batches);
    let Some(Line::FromProgram(committed)) = transcript.last() else { panic!("the last line is from the program") };
    assert_eq!(report, serde_json::from_str::<SinkReport>(committed).unwrap());
}

#[tokio::test]
async fn the_transcript_of_a_look_is_what_goes_over_the_wire() {
    let [_, transcript] = transcripts();
    let said = said(&transcript);
    let (hello, question) = (said[0], said[1]);
    let report: SinkReport = serde_json::from_value(question["commit"].clone()).unwrap();

    let folder = tempfile::tempdir().unwrap();
    let command = json!(["sh", "-c", program(&transcript, &[])]);
    let options = json!({ "command": command, "window": hello["window"], "settings": hello["settings"] });
    let options = serde_json::from_value(options).unwrap();
    let found = CommandFactory.find(&options, &context(hello, folder.path()), &report).await.unwrap();
    assert_eq!(found, Found::Held);
    assert_eq!(received(folder.path()).iter().collect::<Vec<_>>(), said);
}
