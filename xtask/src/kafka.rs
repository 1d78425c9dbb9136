//! `cargo xtask kafka`: a real cluster in the foreground, for trying things by hand.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Result;
use clap::builder::PossibleValuesParser;
use nanokafka_cluster::{Cluster, kafka};

/// How long a node that was killed stays down: longer than it takes the cluster to choose other leaders.
const DOWN: Duration = Duration::from_secs(8);

/// Run a real Apache Kafka cluster in the foreground, for trying things by hand
///
/// Prints the addresses for programs on this machine and for QEMU guests, and how to stop it. Its data is gone when it
/// stops. A node that is killed is started again after some seconds. Topics are not created by themselves unless --auto-create is given.
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
    let (host, guest) = (cluster.host_port(1)?, cluster.guest_port(1)?);
    println!(
        "  the demo on it:   cargo xtask demo --broker 127.0.0.1:{host} --guest-broker 10.0.2.2:{guest}"
    );
    println!("Stop it with Ctrl-C, or with: kill {}", std::process::id());
    for node in 1..=cluster.node_count() as u16 {
        println!("  node {node}, to kill: {}", cluster.pid(node)?);
    }
    loop {
        // A signal ends this process.
        std::thread::sleep(Duration::from_millis(500));
        if let Some(node) = cluster.ended() {
            bring_back(&mut cluster, node)?;
        }
    }
}

/// A node that was killed by hand comes back, so that a client can be watched through it.
fn bring_back(cluster: &mut Cluster, node: u16) -> Result<()> {
    println!("node {node} has ended; it is started again in {} s", DOWN.as_secs());
    std::thread::sleep(DOWN);
    let begin = Instant::now();
    cluster.restart(node)?;
    println!(
        "node {node} is back after {:.1} s, as process {}",
        begin.elapsed().as_secs_f32(),
        cluster.pid(node)?
    );
    Ok(())
}
