//! What all rounds came to: medians, spread and ratios.

use std::fmt::Write;

use serde_json::{Value, json};

use super::clients::Client;
use super::stats::{median, spread};

/// One run of one client.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    pub(crate) client: Client,
    pub(crate) partitions: u16,
    pub(crate) records_per_s: f64,
    pub(crate) cpu_s_per_million: f64,
    pub(crate) peak_rss_kib: f64,
}

/// The medians of one client's rounds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    pub(crate) client: Client,
    pub(crate) partitions: u16,
    pub(crate) records_per_s: f64,
    pub(crate) cpu_s_per_million: f64,
    pub(crate) peak_rss_kib: f64,
    slowest: f64,
    fastest: f64,
}

/// One row for each client and number of partitions that has samples.
pub(crate) fn rows(samples: &[Sample]) -> Vec<Row> {
    let mut partitions: Vec<u16> = samples.iter().map(|sample| sample.partitions).collect();
    partitions.sort_unstable();
    partitions.dedup();
    let mut rows = Vec::new();
    for partitions in partitions {
        for client in Client::ALL {
            let of_row: Vec<&Sample> =
                samples.iter().filter(|s| s.client == client && s.partitions == partitions).collect();
            let values = |of: fn(&Sample) -> f64| of_row.iter().map(|s| of(s)).collect::<Vec<f64>>();
            if of_row.is_empty() {
                continue;
            }
            let rates = values(|s| s.records_per_s);
            let (slowest, fastest) = spread(&rates);
            rows.push(Row {
                client,
                partitions,
                records_per_s: median(&rates),
                cpu_s_per_million: median(&values(|s| s.cpu_s_per_million)),
                peak_rss_kib: median(&values(|s| s.peak_rss_kib)),
                slowest,
                fastest,
            });
        }
    }
    rows
}

/// The rows for people.
pub(crate) fn table(rows: &[Row]) -> String {
    let mut text = String::new();
    let mut before = None;
    for row in rows {
        if before.replace(row.partitions) != Some(row.partitions) {
            let _ = writeln!(
                text,
                "\n{} partition(s)        records/s     lowest    highest  x librdkafka  x replay  \
                 CPU s/million  librdkafka's /  peak MiB  librdkafka's /",
                row.partitions
            );
        }
        let of = |client| rows.iter().find(|r| r.client == client && r.partitions == row.partitions);
        let (peer, floor) = (of(Client::Librdkafka), of(Client::Replay));
        let ratio = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}"));
        let _ = writeln!(
            text,
            "{:<20} {:>11.0} {:>10.0} {:>10.0} {:>13} {:>9} {:>14.3} {:>15} {:>9.1} {:>15}",
            row.client.name(),
            row.records_per_s,
            row.slowest,
            row.fastest,
            ratio(peer.map(|peer| row.records_per_s / peer.records_per_s)),
            ratio(floor.map(|floor| row.records_per_s / floor.records_per_s)),
            row.cpu_s_per_million,
            ratio(peer.map(|peer| peer.cpu_s_per_million / row.cpu_s_per_million)),
            row.peak_rss_kib / 1024.0,
            ratio(peer.map(|peer| peer.peak_rss_kib / row.peak_rss_kib)),
        );
    }
    text
}

/// The rows for programs.
pub(crate) fn json(rounds: u32, rows: &[Row]) -> Value {
    let results: Vec<Value> = rows
        .iter()
        .map(|row| {
            json!({
                "client": row.client.name(),
                "partitions": row.partitions,
                "records_per_s": row.records_per_s.round(),
                "cpu_s_per_million": (row.cpu_s_per_million * 1e4).round() / 1e4,
                "peak_rss_kib": row.peak_rss_kib.round(),
            })
        })
        .collect();
    json!({ "rounds": rounds, "results": results })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(client: Client, records_per_s: f64) -> Sample {
        Sample { client, partitions: 1, records_per_s, cpu_s_per_million: 0.5, peak_rss_kib: 2048.0 }
    }

    #[test]
    fn rows_hold_medians_and_the_table_their_ratios() {
        let samples = [
            sample(Client::Tokio8, 100.0),
            sample(Client::Librdkafka, 50.0),
            sample(Client::Tokio8, 900.0),
            sample(Client::Tokio8, 200.0),
        ];
        let rows = rows(&samples);
        assert_eq!(rows.len(), 2);
        assert_eq!((rows[0].client, rows[0].records_per_s), (Client::Tokio8, 200.0));
        let table = table(&rows);
        let line = table.lines().find(|line| line.starts_with("nanokafka-tokio-8")).unwrap();
        let words: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(words[1..], ["200", "100", "900", "4.00", "-", "0.500", "1.00", "2.0", "1.00"]);
        assert_eq!(json(3, &rows)["results"][0]["records_per_s"], json!(200.0));
    }
}
