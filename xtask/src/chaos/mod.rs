//! `cargo xtask chaos`: real brokers that come and go, a network that breaks, and every record accounted for.

mod clients;
mod evidence;
mod faults;
mod logbook;
mod network;
mod pace;
mod plan;
mod proxy;
mod report;
mod silence;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use clap::ValueEnum;
use nanokafka_cluster::verdict::{Consumed, Outcome, judge};
use nanokafka_cluster::{Cluster, kafka};

use self::clients::{Client, board, hosted};
use self::faults::{Faults, Topic};
use self::logbook::Logbook;
use self::network::Network;
use self::pace::Pace;
use self::proxy::Proxy;
use self::report::{ClientReport, Report};
use self::silence::Recovery;
use crate::demo::firmware::{self, Elf};
use crate::screen::Screen;

/// Records for each kill, unless said otherwise.
const RECORDS_PER_KILL: u32 = 10_000;

/// The board sends one record for so many of tokio's.
const BOARD_SHARE: u32 = 50;

/// Partitions of each topic at the start.
const PARTITIONS: usize = 6;

/// The most that tokio's topic grows to.
const HOSTED_PARTITIONS_MAX: usize = 48;

/// How often leaders are given back to the nodes that are to lead: as Kafka does by itself, but not after five minutes.
const REBALANCE_SECONDS: &str = "10";

/// Put real brokers and the network through faults while producers send, and judge what arrived
///
/// Three brokers with three replicas of which two must be in sync. Brokers are killed, ended and paused one after the other, leaders move, partitions are added, and the clients reach all this only through a proxy that resets, delays and stalls. In the end Kafka's own consumer reads everything back. Succeeds only if every record was delivered and all six counts are 0 for each client; otherwise the logs are kept, and it is said where.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  cargo xtask chaos\n  cargo xtask chaos --kills 100 --records 1000000\n  \
                        cargo xtask chaos --kills 5 --client qemu --seed 7 --kafka 3.9.2"
)]
pub(crate) struct Options {
    /// Faults of brokers, one after the other: SIGKILL, SIGTERM, or SIGSTOP and SIGCONT
    #[arg(long, default_value_t = 20, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    kills: u32,
    /// Records of tokio's client, spread over the run; the board sends one for each 50 of them, or with --client qemu so many itself [default: 10000 for each kill, or 200]
    #[arg(long, value_name = "R", value_parser = clap::value_parser!(u32).range(50..))]
    records: Option<u32>,
    /// What the faults are drawn from [default: a new one, which is told]
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// Which producer: the one on tokio, the firmware in QEMU, or both at the same time
    #[arg(long, default_value = "both", value_name = "CLIENT")]
    client: Which,
    /// Version of Apache Kafka to start; 4.4.0, 3.9.2 and 2.8.2 are tested
    #[arg(long, default_value = kafka::VERSIONS[0], value_name = "VERSION")]
    kafka: String,
    /// Keep the logs of a good run, too, and say where
    #[arg(long)]
    keep_logs: bool,
    /// Print the result as one line of JSON, the last on standard output; everything else goes to standard error
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Which {
    Tokio,
    Qemu,
    Both,
}

impl Options {
    /// How many records tokio's client and the board send; `None` for one that does not take part.
    fn records(&self) -> (Option<u32>, Option<u32>) {
        let hosted = self.records.unwrap_or(self.kills.saturating_mul(RECORDS_PER_KILL));
        match self.client {
            Which::Tokio => (Some(hosted), None),
            Which::Qemu => (None, Some(self.records.unwrap_or(hosted / BOARD_SHARE))),
            Which::Both => (Some(hosted), Some(hosted / BOARD_SHARE)),
        }
    }
}

pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let mut screen = Screen::new(options.json);
    let seed = options.seed.unwrap_or_else(new_seed);
    let elf = match options.client {
        Which::Tokio => None,
        Which::Qemu | Which::Both => {
            screen.line("building the firmware");
            Some(Elf::read(firmware::build()?)?)
        }
    };
    screen.line(&format!("starting three brokers of Apache Kafka {}; seed {seed}", options.kafka));
    let mut cluster = Cluster::start(
        nanokafka_cluster::Options::new(&options.kafka)
            .nodes(plan::NODES)
            .proxied()
            .property("leader.imbalance.check.interval.seconds", REBALANCE_SECONDS),
    )?;
    let logbook = Arc::new(Logbook::create(&cluster.dir().join("chaos.log"))?);
    let result = Run { options, seed, logbook: logbook.clone() }.run(&mut cluster, elf, &mut screen);
    logbook.flush();
    let is_good = result.as_ref().is_ok_and(Report::is_good);
    // After Ctrl-C there is nothing to explain, and the files are being removed.
    if (!is_good || options.keep_logs) && !crate::ENDING.load(Ordering::SeqCst) {
        let dir = cluster.keep_logs().to_owned();
        screen.line(&format!("what happened when is in {}", dir.join("chaos.log").display()));
    }
    if let (Ok(report), true) = (&result, options.json) {
        println!("{}", report.to_json());
    }
    result.map(|_| if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

struct Run<'a> {
    options: &'a Options,
    seed: u64,
    logbook: Arc<Logbook>,
}

impl Run<'_> {
    fn run(&self, cluster: &mut Cluster, elf: Option<Elf>, screen: &mut Screen) -> Result<Report> {
        let begin = Instant::now();
        let doors = (1..=plan::NODES).map(|node| cluster.doors(node)).collect::<Result<Vec<_>, _>>()?;
        let bootstrap: Vec<String> = doors.iter().map(|d| format!("127.0.0.1:{}", d[0].advertised)).collect();
        let guest_bootstrap = cluster.guest_bootstrap();
        let proxy = Arc::new(Proxy::start(doors.into_iter().flatten())?);
        let topics = self.topics();
        let logbook = &*self.logbook;
        let mut faults = Faults { cluster, topics, logbook, met: faults::Met::default() };
        faults.create_topics()?;
        let lasting = pace::cycle(Duration::ZERO, 0) * self.options.kills;
        let pace = Arc::new(Pace::new(self.options.records().0.unwrap_or(0), Instant::now(), lasting));
        let mut clients = self.start_clients(bootstrap.join(","), guest_bootstrap, &pace, lasting, elf);
        let network = Network::start(proxy.clone(), self.seed, self.logbook.clone());
        self.strike(&mut faults, &clients, &pace, screen)?;
        let network = network.calm();
        pace.spread(Instant::now(), Duration::ZERO);
        wait_for_all(&clients, screen);
        drop(proxy);
        let brokers = faults.met.clone();
        let topics = faults.topics.clone();
        screen.line("reading everything back with Kafka's own consumer");
        let mut reports = Vec::new();
        for (client, topic) in clients.iter_mut().zip(&topics) {
            let mut report = conclude(client, cluster)?;
            report.client.partitions = topic.partitions;
            for fault in brokers.faults.iter().chain(&network.faults) {
                self.logbook.recovery(client.name, *fault, report.silences.recovery(*fault));
            }
            report.client.recovery = Recovery::of(&report.silences, &brokers.faults);
            report.client.network_recovery = Recovery::of(&report.silences, &network.faults);
            reports.push(report.client);
        }
        let (seed, kafka) = (self.seed, self.options.kafka.clone());
        let seconds = begin.elapsed().as_secs_f64();
        let report = Report { seed, kafka, brokers, network, clients: reports, seconds };
        report.print(screen);
        Ok(report)
    }

    /// In the order of the clients.
    fn topics(&self) -> Vec<Topic> {
        let (hosted, board) = self.options.records();
        let topic =
            |name: &str, partitions_max| Topic { name: name.into(), partitions: PARTITIONS, partitions_max };
        let hosted = hosted.map(|_| topic("chaos-tokio", HOSTED_PARTITIONS_MAX));
        let board = board.map(|_| topic("chaos-qemu", firmware::PARTITIONS_MAX));
        hosted.into_iter().chain(board).collect()
    }

    fn start_clients(
        &self,
        bootstrap: String,
        guest_bootstrap: String,
        pace: &Arc<Pace>,
        lasting: Duration,
        elf: Option<Elf>,
    ) -> Vec<Client> {
        let (hosted_records, board_records) = self.options.records();
        let mut topics = self.topics().into_iter();
        let mut clients = Vec::new();
        if let Some(records) = hosted_records
            && let Some(topic) = topics.next()
        {
            clients.push(hosted::start(hosted::Task {
                bootstrap,
                topic: topic.name,
                partitions_max: topic.partitions_max,
                records,
                pace: pace.clone(),
                logbook: self.logbook.clone(),
            }));
        }
        if let (Some(records), Some(topic), Some(elf)) = (board_records, topics.next(), elf) {
            clients.push(board::start(board::Task {
                elf,
                bootstrap: guest_bootstrap,
                topic: topic.name,
                partitions: topic.partitions,
                records,
                lasting,
                logbook: self.logbook.clone(),
            }));
        }
        clients
    }

    /// All faults of brokers. Ends early when a client has ended too soon: it has something to say.
    fn strike(
        &self,
        faults: &mut Faults<'_>,
        clients: &[Client],
        pace: &Pace,
        screen: &mut Screen,
    ) -> Result<()> {
        let begin = Instant::now();
        let total = self.options.kills;
        for (number, fault) in (1..).zip(plan::broker_faults(self.seed, total)) {
            let said = faults.strike(&fault).with_context(|| format!("fault {number} of {total}"))?;
            let acked: Vec<String> = clients.iter().map(|c| format!("{} {}", c.name, c.acked())).collect();
            screen.line(&format!("{number:>3} of {total}: {said}; acked: {}", acked.join(", ")));
            pace.spread(Instant::now(), pace::cycle(begin.elapsed(), number) * (total - number));
            if let Some(dead) = clients.iter().find(|c| c.is_finished() && c.acked() < c.records.into()) {
                screen.line(&format!("{} has ended before its last record", dead.name));
                return Ok(());
            }
        }
        Ok(())
    }
}

fn wait_for_all(clients: &[Client], screen: &mut Screen) {
    screen.line("the faults are over; waiting for the rest");
    screen.start_bar(clients.iter().map(|c| u64::from(c.records)).sum(), "acked");
    // Each client ends by itself when it delivers nothing for too long.
    while !clients.iter().all(Client::is_finished) {
        screen.progress(clients.iter().map(Client::acked).sum());
        std::thread::sleep(Duration::from_millis(100));
    }
    screen.end_bar();
}

/// A client's report without its times, and what they are told from.
struct Concluded {
    client: ClientReport,
    silences: silence::Silences,
}

/// Judges what a client said against what the consumer reads.
fn conclude(client: &mut Client, cluster: &Cluster) -> Result<Concluded> {
    let account = client.account()?;
    let log: Vec<Consumed<_>> = cluster.read_all(&client.topic)?.iter().map(client.identify).collect();
    let delivered = account.submitted.iter().filter(|s| matches!(s.outcome, Outcome::Acked { .. })).count();
    let report = ClientReport {
        name: client.name,
        records: account.submitted.len() as u64,
        delivered: delivered as u64,
        read_back: log.len() as u64,
        counts: judge(&account.submitted, log.iter().cloned()),
        troubles: account.troubles,
        ..ClientReport::default()
    };
    if !report.is_good() {
        evidence::write(cluster.dir(), client.name, &account.submitted, &log)?;
    }
    Ok(Concluded { client: report, silences: account.silences })
}

/// The time in seconds: short enough to be typed again.
fn new_seed() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(client: Which, kills: u32, records: Option<u32>) -> Options {
        Options { kills, records, seed: None, client, kafka: String::new(), keep_logs: false, json: false }
    }

    #[test]
    fn records_are_those_of_each_client() {
        assert_eq!(options(Which::Both, 20, None).records(), (Some(200_000), Some(4_000)));
        assert_eq!(options(Which::Both, 100, Some(1_000_000)).records(), (Some(1_000_000), Some(20_000)));
        assert_eq!(options(Which::Tokio, 5, Some(77)).records(), (Some(77), None));
        assert_eq!(options(Which::Qemu, 5, Some(77)).records(), (None, Some(77)));
        assert_eq!(options(Which::Qemu, 5, None).records(), (None, Some(1_000)));
    }
}
