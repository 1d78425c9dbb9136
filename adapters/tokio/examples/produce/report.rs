//! What is told about records: to stdout where they are, to stderr why they are not there yet.

use std::io::{self, BufWriter, Write};
use std::time::Duration;

use nanokafka_tokio::{DeliveryHandle, DisconnectReason, Producer, Status};
use tokio::sync::mpsc;
use tokio::time::sleep;

/// The handles of consecutive lines.
pub(crate) struct Sent {
    pub(crate) first_line: u64,
    pub(crate) handles: Vec<DeliveryHandle>,
}

/// Waits for each record in turn; the reason of the first that was not delivered, or of stdout's failure.
pub(crate) async fn report(mut sent: mpsc::Receiver<Sent>, verbose: bool) -> Result<(), String> {
    let mut out = BufWriter::new(io::stdout().lock());
    let broken = |error: io::Error| format!("stdout: {error}");
    while let Some(Sent { first_line, handles }) = sent.recv().await {
        for (line, handle) in (first_line..).zip(handles) {
            if verbose && handle.result().is_none() {
                // Whoever reads along sees all that is known before the wait.
                out.flush().map_err(broken)?;
            }
            let delivered = handle.await.map_err(|error| format!("line {line}: {error}"))?;
            if verbose {
                let offset = delivered.offset.map_or_else(|| "-".to_owned(), |offset| offset.to_string());
                writeln!(out, "{} {offset}", delivered.partition).map_err(broken)?;
            }
        }
        out.flush().map_err(broken)?;
    }
    Ok(())
}

/// Says on stderr what the producer waits for, as long as nothing is delivered: at once when that changes, then
/// every ten seconds.
pub(crate) async fn say_why_it_waits(producer: Producer, brokers: String) {
    const LOOK: Duration = Duration::from_secs(1);
    const LOOKS_PER_REPEAT: u32 = 10;
    let mut delivered = 0;
    let mut said = (String::new(), 0);
    loop {
        sleep(LOOK).await;
        let counters = producer.counters();
        let open =
            counters.records_accepted.saturating_sub(counters.records_delivered + counters.records_failed);
        let is_moving = counters.records_delivered != delivered;
        delivered = counters.records_delivered;
        let why = match why_it_waits(&producer, &brokers) {
            None if open == 0 => String::new(),
            _ if is_moving => String::new(),
            None => "waiting for the brokers' acknowledgements".to_owned(),
            Some(why) => why,
        };
        if why.is_empty() {
            said = (why, 0);
            continue;
        }
        if said.0 != why {
            said = (why, 0);
        }
        if said.1 % LOOKS_PER_REPEAT == 0 {
            eprintln!("{}; {delivered} records delivered, {open} waiting", said.0);
        }
        said.1 += 1;
    }
}

/// What stands between the records and their brokers.
pub(crate) fn why_it_waits(producer: &Producer, brokers: &str) -> Option<String> {
    match producer.status() {
        Status::Connecting => Some(format!("connecting to {brokers}")),
        Status::Unreachable(why) => Some(format!(
            "cannot reach a broker that is needed (from {brokers} on), trying again: {}",
            disconnect(why)
        )),
        Status::TopicError(topic, code) => {
            let topic = producer.topic_name(topic).unwrap_or("?");
            Some(format!("topic {topic:?}: the broker says {code}, asking again"))
        }
        Status::Online | Status::Closed | _ => None,
    }
}

fn disconnect(why: DisconnectReason) -> String {
    match why {
        DisconnectReason::Transport(kind) => match format!("{kind:?}").as_str() {
            "NotFound" => "the name does not resolve".to_owned(),
            "ConnectionRefused" => "connection refused, nobody listens there".to_owned(),
            other => format!("network error {other}"),
        },
        DisconnectReason::PeerClosed => "the broker closed the connection".to_owned(),
        DisconnectReason::SetupTimeout => "no answer in time".to_owned(),
        DisconnectReason::RequestTimeout => "a request was not answered in time".to_owned(),
        DisconnectReason::MalformedResponse => "what answers does not speak Kafka's protocol".to_owned(),
        DisconnectReason::UnsupportedVersion => {
            "the broker does not speak a version that is needed".to_owned()
        }
        DisconnectReason::Closed | _ => format!("{why:?}"),
    }
}
