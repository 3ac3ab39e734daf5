//! The keys of a sink that say when it is delivered and how often it is tried.

use fanout_sink::SinkError;

use super::*;

fn five_pages() -> SimulatorBuilder {
    Simulator::builder().followers(50).page_size(10)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_could_stream_waits_if_the_file_says_so() {
    let project = one_account(five_pages());
    let sinks = "[sinks.a]\ntype = 'recorder'\ndeliver = 'when_complete'\n[sinks.z]\ntype = 'recorder'\n";
    published(&project.engine_run_with(sinks).await);
    let expected = ["z open", "z prepare", "z commit", "a open", "a prepare", "a commit"];
    assert_eq!(project.recorder.story(), expected);
    assert_eq!(project.recorder.published("a", "brand").unwrap(), project.truth());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_is_tried_as_often_as_the_file_says() {
    for (attempts, opens) in [(1, 2), (3, 1)] {
        let project = one_account(five_pages());
        for _ in 0..2 {
            project.recorder.fail("kept", "prepare", SinkError::temporary("not now"));
        }
        let retry = format!("retry = {{ attempts = {attempts}, base_ms = 0 }}\n");
        let report = project.engine_run_with(&(ONE_SINK.to_owned() + &retry)).await;
        assert_eq!(project.recorder.count("kept open"), opens);
        // With one attempt: once, and once more after it was opened again; then it has failed.
        let exit = if attempts == 1 { 75 } else { 0 };
        assert_eq!(report.exit.code(), exit, "{report:#?}");
    }
}
