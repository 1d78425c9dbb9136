//! Sends each line of stdin as a record:
//! `seq 1 100000 | cargo run --release -p nanokafka-tokio --example produce -- --broker 127.0.0.1:9092 --topic t`
//!
//! Memory stays bounded however long the input is. The first record that cannot be delivered ends it: what was
//! accepted by then still gets its outcome, the reason is on stderr, and the exit code is 1.

mod input;
mod report;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use nanokafka_tokio::{Acks, Options, Producer, Record, SendError, Topic};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use input::{Chunk, Line};
use report::Sent;

/// Sends each line of stdin as a record to a Kafka topic.
#[derive(Parser)]
struct Args {
    /// A broker to start from, host:port; may be repeated
    #[arg(long, required = true, value_name = "HOST:PORT", value_parser = address)]
    broker: Vec<String>,
    /// The topic
    #[arg(long)]
    topic: String,
    /// What ends the key of a line; without it, records have no key
    #[arg(long, value_name = "S", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    key_separator: Option<String>,
    /// Which acknowledgement to wait for
    #[arg(long, default_value = "all", value_parser = ["0", "1", "all"])]
    acks: String,
    /// How long a batch waits for more records
    #[arg(long, default_value_t = 5, value_name = "MS")]
    linger_ms: u32,
    /// The size of a batch; the longest line must fit
    #[arg(long, default_value_t = 16_384, value_name = "BYTES")]
    batch_bytes: usize,
    /// How long a record may take until it has failed
    #[arg(long, default_value_t = 120_000, value_name = "MS")]
    delivery_timeout_ms: u32,
    /// Print partition and offset of each record, in the order of the input
    #[arg(long, short)]
    verbose: bool,
}

/// An address that can be meant as one, so that a typing error is not waited for.
fn address(text: &str) -> Result<String, String> {
    match text.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0) => {
            Ok(text.to_owned())
        }
        Some(_) | None => Err("must be host:port, or [address]:port for IPv6".to_owned()),
    }
}

impl Args {
    fn options(&self) -> Options {
        let defaults = Options::new(&self.broker);
        Options {
            acks: match self.acks.as_str() {
                "0" => Acks::None,
                "1" => Acks::Leader,
                _ => Acks::All,
            },
            enable_idempotence: !matches!(self.acks.as_str(), "0" | "1"),
            linger_ms: self.linger_ms,
            batch_bytes: self.batch_bytes,
            max_request_bytes: defaults
                .max_request_bytes
                .max(u32::try_from(self.batch_bytes).unwrap_or(u32::MAX)),
            // A shorter delivery timeout must hold also for one request.
            request_timeout_ms: self
                .delivery_timeout_ms
                .saturating_sub(self.linger_ms)
                .clamp(1, defaults.request_timeout_ms),
            delivery_timeout_ms: self.delivery_timeout_ms,
            client_id: "nanokafka-produce".to_owned(),
            topics: 1,
            partitions_per_topic: 1_024,
            ..defaults
        }
    }
}

/// How many chunks' handles may wait for their outcome, or for stdout.
const REPORTS_MAX: usize = 8;

/// What is given to records that are on their way when another one has failed.
const AFTER_FAILURE: Duration = Duration::from_secs(5);

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    match produce(args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("error: {reason}");
            ExitCode::FAILURE
        }
    }
}

async fn produce(args: Args) -> Result<(), String> {
    let start = Instant::now();
    let producer = Producer::new(args.options()).map_err(|error| error.to_string())?;
    let topic = producer.topic(&args.topic).map_err(|error| format!("topic {:?}: {error}", args.topic))?;
    let brokers = args.broker.join(", ");
    let waiting = tokio::spawn(report::say_why_it_waits(producer.clone(), brokers.clone()));

    let chunks = input::read_stdin(args.batch_bytes);
    let (sent, outcomes) = mpsc::channel(REPORTS_MAX);
    let runtime = Handle::current();
    let verbose = args.verbose;
    // On a thread of its own: stdout may block.
    let mut report = tokio::task::spawn_blocking(move || runtime.block_on(report::report(outcomes, verbose)));
    let result = tokio::select! {
        fed = feed(chunks, &producer, topic, args.key_separator.as_deref(), sent) => match fed {
            Ok(()) => {
                producer.flush().await;
                report.await.unwrap_or_else(|error| Err(error.to_string()))
            }
            Err(reason) => Err(reason),
        },
        reported = &mut report => match reported {
            Ok(Ok(())) => Err("the report ended before the input".to_owned()),
            Ok(Err(reason)) => Err(reason),
            Err(error) => Err(error.to_string()),
        },
    };
    let result = result.map_err(|reason| match report::why_it_waits(&producer, &brokers) {
        Some(why) => format!("{reason}; {why}"),
        None => reason,
    });
    let deadline = if result.is_ok() { Duration::MAX } else { AFTER_FAILURE };
    let summary = producer.close(deadline).await;
    waiting.abort();
    let seconds = start.elapsed().as_secs_f64();
    eprintln!(
        "{} records: {} delivered, {} failed, in {seconds:.2} s ({:.0} records/s)",
        summary.accepted,
        summary.delivered,
        summary.failed,
        summary.delivered as f64 / seconds
    );
    match result {
        Ok(()) if summary.failed > 0 => Err(format!("{} records were not delivered", summary.failed)),
        result => result,
    }
}

/// Sends all lines of all chunks, and passes their handles on.
async fn feed(
    mut chunks: mpsc::Receiver<Result<Chunk, String>>,
    producer: &Producer,
    topic: Topic,
    key_separator: Option<&str>,
    sent: mpsc::Sender<Sent>,
) -> Result<(), String> {
    while let Some(chunk) = chunks.recv().await {
        let chunk = chunk?;
        let mut handles = Vec::new();
        let mut failure = None;
        for Line { number, bytes } in chunk.lines() {
            let result = match record(topic, bytes, key_separator) {
                Some(record) => producer.send(record).await.map_err(|error: SendError| error.to_string()),
                None => Err("no key separator".to_owned()),
            };
            match result {
                Ok(handle) => handles.push(handle),
                Err(error) => {
                    failure = Some(format!("line {number}: {error}"));
                    break;
                }
            }
        }
        // The report's own reason comes first if it has ended.
        let passed_on = sent.send(Sent { first_line: chunk.first_line, handles }).await;
        match failure {
            Some(reason) => return Err(reason),
            None if passed_on.is_err() => std::future::pending().await,
            None => {}
        }
    }
    Ok(())
}

fn record<'a>(topic: Topic, line: &'a [u8], key_separator: Option<&str>) -> Option<Record<'a>> {
    let Some(separator) = key_separator.map(str::as_bytes) else {
        return Some(Record::new(topic, line));
    };
    let at = line.windows(separator.len()).position(|part| part == separator)?;
    Some(Record::new(topic, &line[at + separator.len()..]).key(&line[..at]))
}
