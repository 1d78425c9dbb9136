//! What a run came to, for a person and for a program.

use std::time::Duration;

use nanokafka_cluster::verdict::SixCounts;
use serde_json::{Value, json};

use super::silence::Recovery;
use super::{faults, network};
use crate::screen::Screen;

/// A run's result.
pub(super) struct Report {
    pub(super) seed: u64,
    pub(super) kafka: String,
    pub(super) brokers: faults::Met,
    pub(super) network: network::Met,
    pub(super) clients: Vec<ClientReport>,
    pub(super) seconds: f64,
}

/// That of one client.
#[derive(Clone, Debug, Default)]
pub(super) struct ClientReport {
    pub(super) name: &'static str,
    /// Of its topic, at the end.
    pub(super) partitions: usize,
    /// Those that its producer accepted.
    pub(super) records: u64,
    pub(super) delivered: u64,
    pub(super) read_back: u64,
    pub(super) counts: SixCounts,
    /// From the brokers' faults.
    pub(super) recovery: Recovery,
    /// From those of the network.
    pub(super) network_recovery: Recovery,
    pub(super) troubles: Vec<String>,
}

impl ClientReport {
    /// All delivered once, in order, to where it was told, and nothing else is wrong.
    pub(super) fn is_good(&self) -> bool {
        self.counts.all_zero() && self.delivered == self.records && self.troubles.is_empty()
    }
}

impl Report {
    pub(super) fn is_good(&self) -> bool {
        self.clients.iter().all(ClientReport::is_good)
    }

    pub(super) fn print(&self, screen: &Screen) {
        let faults::Met { kills, terminations, pauses, moves, partitions_added, .. } = self.brokers;
        let network::Met { resets, delays, stalls, .. } = self.network;
        screen.line("");
        screen.line(&format!(
            "Kafka {}, seed {}, {:.0} s: {kills} SIGKILL, {terminations} SIGTERM, {pauses} SIGSTOP, {moves} \
             leaders moved, {partitions_added} partitions added; {resets} resets, {delays} delays, {stalls} \
             stalls of the network",
            self.kafka, self.seed, self.seconds
        ));
        screen.line("");
        let row = |name: &str, value: &dyn Fn(&ClientReport) -> String| {
            let cells: String = self.clients.iter().map(|c| format!(" {:>12}", value(c))).collect();
            screen.line(&format!("  {name:<28}{cells}"));
        };
        row("", &|c| c.name.to_owned());
        row("partitions", &|c| c.partitions.to_string());
        row("records", &|c| c.records.to_string());
        row("delivered", &|c| c.delivered.to_string());
        row("read back", &|c| c.read_back.to_string());
        for (index, (name, _)) in SixCounts::default().named().iter().enumerate() {
            row(&name.replace('_', " "), &|c| c.counts.named()[index].1.to_string());
        }
        row("faults of brokers met", &|c| c.recovery.faults.to_string());
        row("ms to recover, p50", &|c| milliseconds(c.recovery.p50));
        row("ms to recover, p99", &|c| milliseconds(c.recovery.p99));
        row("ms to recover, max", &|c| milliseconds(c.recovery.max));
        row("faults of the network met", &|c| c.network_recovery.faults.to_string());
        row("ms to recover, p50", &|c| milliseconds(c.network_recovery.p50));
        row("ms to recover, p99", &|c| milliseconds(c.network_recovery.p99));
        row("ms to recover, max", &|c| milliseconds(c.network_recovery.max));
        screen.line("");
        for client in &self.clients {
            let ClientReport { name, counts, delivered, records, .. } = client;
            if !counts.all_zero() {
                screen.line(&format!("FAILED: {name}: not all six counts are 0 ({counts})"));
            }
            if delivered != records {
                screen.line(&format!("FAILED: {name}: {delivered} of {records} records were delivered"));
            }
            client.troubles.iter().for_each(|why| screen.line(&format!("FAILED: {name}: {why}")));
        }
        if self.is_good() {
            screen.line("every record delivered, and all six counts are 0");
        }
    }

    /// One line for a program.
    pub(super) fn to_json(&self) -> String {
        let client = |c: &ClientReport| {
            let mut object = json!({ "client": c.name, "records": c.records, "delivered": c.delivered });
            for (name, count) in c.counts.named() {
                object[name] = count.into();
            }
            object["recover_p99_ms"] = u64::try_from(c.recovery.p99.as_millis()).unwrap_or(u64::MAX).into();
            object
        };
        json!({
            "kills": self.brokers.faults.len(),
            "clients": self.clients.iter().map(client).collect::<Vec<Value>>(),
            "seconds": (self.seconds * 1000.0).round() / 1000.0,
        })
        .to_string()
    }
}

fn milliseconds(time: Duration) -> String {
    time.as_millis().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(client: ClientReport) -> Report {
        let (brokers, network) = (faults::Met::default(), network::Met::default());
        Report { seed: 1, kafka: "4.4.0".into(), brokers, network, clients: vec![client], seconds: 2.5 }
    }

    #[test]
    fn the_line_for_programs_has_all_fields() {
        let recovery = Recovery { p99: Duration::from_millis(1_500), ..Recovery::default() };
        let counts = SixCounts { reordered: 3, ..SixCounts::default() };
        let client =
            ClientReport { name: "tokio", records: 7, delivered: 6, counts, recovery, ..Default::default() };
        let expected = "{\"kills\":0,\"clients\":[{\"client\":\"tokio\",\"records\":7,\"delivered\":6,\"lost\":0,\
                        \"duplicated\":0,\"reordered\":3,\"phantom\":0,\"unreported\":0,\"offset_mismatch\":0,\
                        \"recover_p99_ms\":1500}],\"seconds\":2.5}";
        assert_eq!(report(client).to_json(), expected);
    }

    #[test]
    fn each_thing_that_is_wrong_makes_a_run_a_failure() {
        let good = ClientReport { records: 2, delivered: 2, ..ClientReport::default() };
        assert!(report(good.clone()).is_good());
        let lost = SixCounts { lost: 1, ..SixCounts::default() };
        assert!(!report(ClientReport { counts: lost, ..good.clone() }).is_good());
        assert!(!report(ClientReport { delivered: 1, ..good.clone() }).is_good());
        assert!(!report(ClientReport { troubles: vec!["panic".into()], ..good }).is_good());
    }
}
