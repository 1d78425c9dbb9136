//! `cargo xtask kafka`: a real cluster in the foreground, for trying things by hand.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Result;
use clap::builder::PossibleValuesParser;
use nanokafka_cluster::{Cluster, kafka};

/// Run a real Apache Kafka cluster in the foreground, for trying things by hand
///
/// Prints the addresses for programs on this machine and for QEMU guests, and how to stop it. Its data is gone when it
/// stops. Topics are not created by themselves unless --auto-create is given.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  cargo xtask kafka --nodes 3 --topic t:6")]
pub(crate) struct Options {
    /// Version of Apache Kafka, fetched by Maven and kept under target/kafka; 4.4.0, 3.9.2 and 2.8.2 are tested
    #[arg(long, default_value = kafka::VERSIONS[0], value_name = "VERSION")]
    version: String,
    /// Brokers: 1, or 3 with three replicas of which two must be in sync
    #[arg(long, default_value = "1", value_parser = PossibleValuesParser::new(["1", "3"]), value_name = "N")]
    nodes: String,
    /// Create a topic with so many partitions; repeatable
    #[arg(long, value_name = "NAME[:PARTITIONS]")]
    topic: Vec<String>,
    /// Let brokers create topics that a client asks for
    #[arg(long)]
    auto_create: bool,
}

pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let begin = Instant::now();
    let nodes = options.nodes.parse()?;
    eprintln!("starting Apache Kafka {} with {nodes} node(s)", options.version);
    let mut wanted = nanokafka_cluster::Options::new(&options.version).nodes(nodes);
    if options.auto_create {
        wanted = wanted.property("auto.create.topics.enable", "true");
    }
    let mut cluster = Cluster::start(wanted)?;
    for topic in &options.topic {
        let (name, partitions) = topic.split_once(':').unwrap_or((topic, "1"));
        cluster.create_topic(name, partitions.parse()?)?;
        println!("topic {name} with {partitions} partition(s)");
    }
    println!("Apache Kafka {} answers after {:.1} s", options.version, begin.elapsed().as_secs_f32());
    println!("  for this machine: {}", cluster.bootstrap());
    println!("  for QEMU guests:  {}", cluster.guest_bootstrap());
    println!("Stop it with Ctrl-C, or with: kill {}", std::process::id());
    loop {
        // A signal ends the process; a node that ends by itself is worth an error.
        std::thread::sleep(Duration::from_millis(500));
        cluster.check()?;
    }
}
