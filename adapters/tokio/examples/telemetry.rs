//! A reading every second, keyed by device, until Ctrl-C or `--count`:
//! `cargo run -p nanokafka-tokio --example telemetry -- --broker 127.0.0.1:9092 --topic readings`

use std::error::Error;
use std::time::Duration;

use clap::Parser;
use nanokafka_tokio::{Options, Producer, Record};

/// Sends made-up temperatures to a topic.
#[derive(Parser)]
struct Args {
    /// A broker to start from, host:port; may be repeated
    #[arg(long, required = true)]
    broker: Vec<String>,
    #[arg(long, default_value = "readings")]
    topic: String,
    /// The key of all readings
    #[arg(long, default_value = "device-7")]
    device: String,
    #[arg(long, default_value_t = 1_000)]
    interval_ms: u64,
    /// How many readings; without it, endless
    #[arg(long, default_value_t = u64::MAX)]
    count: u64,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let args = Args::parse();
    let producer = Producer::new(Options::new(args.broker))?;
    let topic = producer.topic(&args.topic)?;
    let mut ticks = tokio::time::interval(Duration::from_millis(args.interval_ms.max(1)));
    for n in 0..args.count {
        ticks.tick().await;
        let celsius = 21.0 + (n as f64 / 10.0).sin();
        let reading = format!("{{\"n\":{n},\"celsius\":{celsius:.2}}}");
        // A reading that finds no room is skipped: the next one is worth more than an old one.
        match producer.try_send(Record::new(topic, reading.as_bytes()).key(args.device.as_bytes())) {
            Ok(_) => {}
            Err(error) => eprintln!("reading {n} skipped: {error}; {:?}", producer.status()),
        }
    }
    let summary = producer.close(Duration::from_secs(10)).await;
    println!("{} readings delivered, {} not", summary.delivered, summary.failed);
    Ok(())
}
