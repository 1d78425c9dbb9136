//! `cargo xtask bench host`: nanokafka, its peers and the floor into one real broker, one after the other.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, anyhow, bail, ensure};
use nanokafka_cluster::{Cluster, kafka};

use super::chart;
use super::clients::{self, Client, Linked, Program, Task};
use super::measured::measured;
use super::report::{self, Sample};
use crate::screen::Screen;
use crate::workspace::root;

/// Records per second, processor time and memory of nanokafka, its peers and the floor, into one real broker
///
/// Each round runs every client once, in shuffled order, each as its own process into a topic of its own: 100 B values,
/// acks=all, idempotence where the client has it, linger 5 ms, batches of 16,384 B, 5 requests in flight, no
/// compression. The end offsets of the topic decide how many records were sent. All clients but Java's are built with
/// one profile and linked statically. The table, a chart and the JSON are written to target/bench. What is missing is
/// installed where that is allowed; a client that cannot be built ends it.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  cargo xtask bench host\n  cargo xtask bench host --rounds 1 --partitions 1 \
                        --clients replay,nanokafka-tokio-8,librdkafka"
)]
pub(crate) struct Options {
    /// Records of each run
    #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    records: u64,
    /// Rounds
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Partitions of the topic; each of these numbers gets all the rounds
    #[arg(long, value_name = "P,...", value_delimiter = ',', default_values_t = [1, 6],
          value_parser = clap::value_parser!(u16).range(1..=16))]
    partitions: Vec<u16>,
    /// Version of Apache Kafka
    #[arg(long, value_name = "VERSION", default_value = kafka::VERSIONS[0])]
    kafka: String,
    /// Only these clients
    #[arg(long, value_name = "CLIENT,...", value_delimiter = ',')]
    clients: Vec<Client>,
    /// Build the clients as Cargo does when it is told nothing: profile release, the system's shared libraries
    #[arg(long)]
    usual_build: bool,
    /// The last line on stdout is one object with the medians
    #[arg(long)]
    json: bool,
}

/// Records of each client that warm the broker up, and are not counted.
const WARM_UP_RECORDS: u64 = 500_000;

pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let mut screen = Screen::new(options.json);
    let programs = prepare(options, &screen)?;
    screen.line(&format!("starting Apache Kafka {}", options.kafka));
    // Deleted topics are to be gone before the disk is full.
    let wanted = nanokafka_cluster::Options::new(&options.kafka).optimised();
    let wanted = wanted.property("log.segment.delete.delay.ms", "1000").heap_mib(512);
    // A machine that is busy with a client is no broker that has failed.
    let wanted = wanted
        .property("broker.session.timeout.ms", "60000")
        .property("broker.heartbeat.interval.ms", "10000");
    let mut bench = Bench { cluster: Cluster::start(wanted)?, topics: 0, programs };
    let samples = bench.all_rounds(options, &mut screen);
    screen.end_bar();
    if samples.is_err() {
        bench.cluster.keep_logs();
    }
    let samples = samples?;
    let rows = report::rows(&samples);
    let (table, json) = (report::table(&rows), report::json(options.rounds, &rows));
    screen.line(&table);
    let dir = root().join("target/bench");
    write(&dir, "host.txt", &table)?;
    write(&dir, "host.json", &format!("{json}\n"))?;
    chart::draw(&dir.join("host.svg"), &rows)?;
    screen.line("written to target/bench: host.txt, host.json, host.svg");
    if options.json {
        println!("{json}");
    }
    Ok(ExitCode::SUCCESS)
}

/// Builds every client; none is left out because it does not build.
fn prepare(options: &Options, screen: &Screen) -> Result<BTreeMap<Client, Program>> {
    let wanted = if options.clients.is_empty() { &Client::ALL[..] } else { &options.clients };
    let linked = if options.usual_build { Linked::AsUsual } else { Linked::Statically };
    let (mut ready, mut missing) = (BTreeMap::new(), Vec::new());
    for client in wanted {
        screen.line(&format!("preparing {}", client.name()));
        match client.prepare(linked) {
            Ok(program) => drop(ready.insert(*client, program)),
            Err(error) => missing.push(format!("{error:#}")),
        }
    }
    ensure!(
        missing.is_empty(),
        "nothing was measured, because not every client is there:\n{}",
        missing.join("\n")
    );
    Ok(ready)
}

fn write(dir: &Path, name: &str, text: &str) -> Result<()> {
    let path = dir.join(name);
    std::fs::create_dir_all(dir)
        .and_then(|()| std::fs::write(&path, text))
        .with_context(|| format!("writing {}", path.display()))
}

struct Bench {
    cluster: Cluster,
    topics: u32,
    programs: BTreeMap<Client, Program>,
}

impl Bench {
    fn all_rounds(&mut self, options: &Options, screen: &mut Screen) -> Result<Vec<Sample>> {
        let mut order: Vec<Client> = self.programs.keys().copied().collect();
        screen.line("warming the broker up");
        // Any client will do, but those two that take long to make the same of the broker.
        let quick = order.iter().filter(|client| !matches!(client, Client::Java | Client::Rskafka));
        for client in quick.copied().collect::<Vec<_>>() {
            for partitions in &options.partitions {
                self.one(client, *partitions, WARM_UP_RECORDS)?;
            }
        }
        let runs = options.partitions.len() * options.rounds as usize * order.len();
        screen.start_bar(runs as u64, "runs");
        let mut random = Random::new();
        let mut samples = Vec::new();
        for round in 0..options.rounds {
            for partitions in &options.partitions {
                random.shuffle(&mut order);
                for client in &order {
                    let sample = self.one(*client, *partitions, options.records)?;
                    screen.line(&format!(
                        "round {}, {partitions} partition(s), {:<18} {:>9.0} records/s, {:.3} CPU s/million, {:.1} MiB",
                        round + 1,
                        client.name(),
                        sample.records_per_s,
                        sample.cpu_s_per_million,
                        sample.peak_rss_kib / 1024.0
                    ));
                    samples.push(sample);
                    screen.progress(samples.len() as u64);
                }
            }
        }
        Ok(samples)
    }

    /// One client's run into a new topic, which is gone afterwards.
    fn one(&mut self, client: Client, partitions: u16, records: u64) -> Result<Sample> {
        self.topics += 1;
        let topic = format!("bench-{}", self.topics);
        self.cluster.create_topic(&topic, partitions.into())?;
        // A broker tells a leader a moment before that one takes records: only leaders know offsets.
        self.cluster.end_offsets(&topic)?;
        let bootstrap = self.cluster.bootstrap();
        let task = Task { bootstrap: &bootstrap, topic: &topic, partitions, records };
        let program =
            self.programs.get(&client).ok_or_else(|| anyhow!("{} was not prepared", client.name()))?;
        let ran = measured(program.command(client, &task)).with_context(|| client.name())?;
        let seconds = clients::seconds(client, records, &ran.stdout);
        let seconds =
            seconds.with_context(|| format!("{} did not tell its time: {}", client.name(), ran.stdout))?;
        let in_log: i64 = self.cluster.end_offsets(&topic)?.iter().sum();
        ensure!(
            u64::try_from(in_log) == Ok(records),
            "{} was to send {records} records, and the topic ends at {in_log}: nothing is reported",
            client.name()
        );
        self.check_broker(client)?;
        self.cluster.delete_topic(&topic)?;
        Ok(Sample {
            client,
            partitions,
            records_per_s: records as f64 / seconds,
            cpu_s_per_million: ran.cpu.as_secs_f64() * 1e6 / records as f64,
            peak_rss_kib: ran.peak_rss_kib as f64,
        })
    }

    fn check_broker(&mut self, client: Client) -> Result<()> {
        self.cluster.check()?;
        let log = self.cluster.log(1)?;
        let text = std::fs::read(&log).with_context(|| format!("reading {}", log.display()))?;
        match first_error(&String::from_utf8_lossy(&text)) {
            Some(line) => bail!("the broker logged an error while {} ran: {line}", client.name()),
            None => Ok(()),
        }
    }
}

/// The first line of a broker's log that is an error.
fn first_error(log: &str) -> Option<&str> {
    log.lines().find(|line| line.contains(" ERROR ") || line.contains(" FATAL "))
}

/// Enough of it to shuffle seven clients: xorshift.
struct Random(u64);

impl Random {
    fn new() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(since.as_nanos() as u64 | 1)
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            items.swap(last, (self.0 % (last as u64 + 1)) as usize);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_in_the_brokers_log_is_found() {
        let log = "12:00:00.000 [main] INFO kafka.Kafka - up\n12:00:01.000 [io] ERROR kafka.log.Log - disk\n";
        assert_eq!(first_error(log), Some("12:00:01.000 [io] ERROR kafka.log.Log - disk"));
        assert_eq!(first_error("12:00:00.000 [main] INFO kafka.Kafka - ERRORS none\n"), None);
    }

    #[test]
    fn a_shuffle_keeps_everybody() {
        let mut clients = Client::ALL;
        Random(7).shuffle(&mut clients);
        assert_ne!(clients, Client::ALL);
        clients.sort_unstable();
        assert_eq!(clients, Client::ALL);
    }
}
