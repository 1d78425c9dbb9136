//! What is asked of a cluster through Kafka's own clients.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::Stdio;

use crate::cluster::Cluster;
use crate::error::{Error, Result};
use crate::kafka::{Tools, default_cache_dir};
use crate::probe;
use crate::process::Process;
use crate::record::{ConsumedRecord, ProduceRecord, to_hex};

/// Kafka's own admin client, consumer and producer, for a cluster of ours or anybody's.
#[derive(Clone, Debug)]
pub struct Admin {
    tools: Tools,
    bootstrap: String,
}

impl Admin {
    /// For the cluster at `bootstrap` (`host:port,...`). Fetches Kafka's clients if they are not there.
    ///
    /// # Errors
    /// Java or Maven is missing and cannot be installed from here, or there is no network.
    pub fn new(bootstrap: impl Into<String>) -> Result<Self> {
        Ok(Self { tools: Tools::ensure(&default_cache_dir())?, bootstrap: bootstrap.into() })
    }

    pub(crate) fn set_bootstrap(&mut self, bootstrap: String) {
        self.bootstrap = bootstrap;
    }

    /// Creates a topic; the brokers choose who leads.
    ///
    /// # Errors
    /// The topic exists, or there are fewer nodes than `replicas`.
    pub fn create_topic(&self, name: &str, partitions: usize, replicas: usize) -> Result<()> {
        self.run(&["create-topic", name, &partitions.to_string(), &replicas.to_string()], "").map(drop)
    }

    /// Creates a topic whose partition `i` has its replicas on the nodes `replicas[i]`, led by the first of them.
    ///
    /// # Errors
    /// The topic exists, or there is no such node.
    pub fn create_topic_on(&self, name: &str, replicas: &[Vec<u16>]) -> Result<()> {
        let list = |nodes: &Vec<u16>| nodes.iter().map(u16::to_string).collect::<Vec<_>>().join(",");
        let all: Vec<String> = replicas.iter().enumerate().map(|(i, r)| format!("{i}:{}", list(r))).collect();
        self.run(&["create-topic", name, &all.join(";")], "").map(drop)
    }

    /// Deletes a topic.
    ///
    /// # Errors
    /// There is no such topic.
    pub fn delete_topic(&self, name: &str) -> Result<()> {
        self.run(&["delete-topic", name], "").map(drop)
    }

    /// Gives a topic more partitions, `total` in all.
    ///
    /// # Errors
    /// There is no such topic, or it has as many already.
    pub fn add_partitions(&self, name: &str, total: usize) -> Result<()> {
        self.run(&["add-partitions", name, &total.to_string()], "").map(drop)
    }

    /// The node that leads each partition, in order of partitions; -1 for none.
    ///
    /// # Errors
    /// There is no such topic, or no broker answers.
    pub fn leaders(&self, topic: &str) -> Result<Vec<i32>> {
        self.numbers(&["leaders", topic], "", |n| i32::try_from(n[1]).unwrap_or(-1))
    }

    /// Makes `node` the leader of a partition, moving a replica there if need be, and waits until it is.
    ///
    /// # Errors
    /// There is no such partition or node, or it did not lead within a minute.
    pub fn move_leader(&self, topic: &str, partition: i32, node: u16) -> Result<()> {
        self.run(&["move-leader", topic, &partition.to_string(), &node.to_string()], "").map(drop)
    }

    /// The offset behind the last record of each partition, in order of partitions.
    ///
    /// # Errors
    /// There is no such topic, or no broker answers.
    pub fn end_offsets(&self, topic: &str) -> Result<Vec<i64>> {
        self.numbers(&["end-offsets", topic], "", |n| n[1])
    }

    /// Every record of a topic, from each partition's first to the end it has when this begins. Records of one
    /// partition are in its order.
    ///
    /// # Errors
    /// There is no such topic, or nothing came for a minute.
    pub fn read_all(&self, topic: &str) -> Result<Vec<ConsumedRecord>> {
        self.lines(&["read", topic], "", ConsumedRecord::from_line)
    }

    /// Sends records with Kafka's own producer, and tells partition and offset of each.
    ///
    /// # Errors
    /// A record was not delivered.
    pub fn produce(&self, topic: &str, records: &[ProduceRecord]) -> Result<Vec<(i32, i64)>> {
        let lines: Vec<String> = records.iter().map(ProduceRecord::to_line).collect();
        self.numbers(&["produce", topic], &joined(&lines), |n| (i32::try_from(n[0]).unwrap_or(-1), n[1]))
    }

    /// Java's murmur2 of each key, and the partition out of `partitions` where Java's producer puts it. No broker is
    /// asked.
    ///
    /// # Errors
    /// Java could not be run.
    pub fn murmur2_partitions<K: AsRef<[u8]>>(
        &self,
        keys: &[K],
        partitions: usize,
    ) -> Result<Vec<(i32, i32)>> {
        let lines: Vec<String> = keys.iter().map(|k| to_hex(Some(k.as_ref()))).collect();
        let narrow = |n: i64| i32::try_from(n).unwrap_or(-1);
        self.numbers(&["partition-for", &partitions.to_string()], &joined(&lines), |n| {
            (narrow(n[0]), narrow(n[1]))
        })
    }

    fn run(&self, args: &[&str], input: &str) -> Result<Vec<String>> {
        self.lines(args, input, |line| Some(line.to_owned()))
    }

    /// For the commands that print two numbers a line.
    fn numbers<T>(&self, args: &[&str], input: &str, make: impl Fn([i64; 2]) -> T) -> Result<Vec<T>> {
        self.lines(args, input, |line| {
            let (first, second) = line.split_once(' ')?;
            Some(make([first.parse().ok()?, second.parse().ok()?]))
        })
    }

    /// Runs the tool, feeds it `input`, and makes something of each line it prints.
    fn lines<T>(&self, args: &[&str], input: &str, parse: impl Fn(&str) -> Option<T>) -> Result<Vec<T>> {
        let what = format!("`{}`", args.join(" "));
        let mut command = self.tools.command();
        command.arg(if self.bootstrap.is_empty() { "none" } else { &self.bootstrap }).args(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = Process::spawn(command).map_err(Error::io("starting java"))?;
        let child = process.child();
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let mut found = Vec::new();
        let mut wrong = None;
        let complaint = std::thread::scope(|scope| {
            scope.spawn(move || {
                // It may end without reading: then what it complains about is what matters.
                let _ = stdin.map(|mut pipe| pipe.write_all(input.as_bytes()));
            });
            let complaint = scope.spawn(move || {
                let mut text = Vec::new();
                let _ = stderr.map(|mut pipe| pipe.read_to_end(&mut text));
                String::from_utf8_lossy(&text).into_owned()
            });
            for line in stdout.map(BufReader::new).into_iter().flat_map(BufRead::lines) {
                match line.as_deref().map(&parse) {
                    Ok(Some(item)) => found.push(item),
                    Ok(None) => wrong = line.ok(),
                    Err(e) => wrong = Some(e.to_string()),
                }
            }
            complaint.join().unwrap_or_default()
        });
        let status = process.wait().map_err(Error::io("waiting for java"))?;
        match wrong {
            _ if !status.success() => Err(Error::Failed { what, output: complaint }),
            Some(line) => Err(Error::Failed { what, output: format!("it printed `{line}`") }),
            None => Ok(found),
        }
    }
}

fn joined(lines: &[String]) -> String {
    lines.iter().flat_map(|l| [l, "\n"]).collect()
}

/// The same for a cluster of ours; see [`Admin`] for the errors.
impl Cluster {
    /// Creates a topic with as many replicas as there are nodes, and waits until all of them know its leaders.
    pub fn create_topic(&mut self, name: &str, partitions: usize) -> Result<()> {
        self.admin().create_topic(name, partitions, self.node_count())?;
        self.wait_for_topic(name, partitions)
    }

    /// Creates a topic whose partition `i` is led by node `leaders[i]` and replicated on all nodes.
    pub fn create_topic_with_leaders(&mut self, name: &str, leaders: &[u16]) -> Result<()> {
        let count = u16::try_from(self.node_count()).unwrap_or(u16::MAX);
        if let Some(wrong) = leaders.iter().find(|l| !(1..=count).contains(*l)) {
            return Err(Error::Invalid(format!("no node {wrong} can lead: there are {count}, from 1")));
        }
        let replicas: Vec<Vec<u16>> =
            leaders.iter().map(|l| (0..count).map(|i| (l - 1 + i) % count + 1).collect()).collect();
        self.admin().create_topic_on(name, &replicas)?;
        self.wait_for_topic(name, leaders.len())
    }

    /// Waits until every running node tells a leader for each of the topic's `partitions`, so that a client's first
    /// question meets no node that has not heard of the topic.
    fn wait_for_topic(&mut self, topic: &str, partitions: usize) -> Result<()> {
        self.wait_for(&format!("does not know all leaders of topic {topic}"), |port| {
            probe::metadata(port, Some(topic)).is_ok_and(|m| {
                m.leaders.len() >= partitions && m.leaders.iter().all(|(_, leader)| *leader >= 0)
            })
        })
    }

    /// Waits until every running node tells of each of the topic's partitions that all nodes are in sync, so that one
    /// may be lost.
    ///
    /// # Errors
    /// It did not happen in time, or a node has ended.
    pub fn wait_in_sync(&mut self, topic: &str) -> Result<()> {
        let nodes = self.node_count();
        self.wait_for(&format!("does not know topic {topic} to be in sync"), |port| {
            probe::metadata(port, Some(topic)).is_ok_and(|m| {
                !m.in_sync.is_empty()
                    && m.in_sync.iter().all(|count| *count == nodes)
                    && m.leaders.iter().all(|(_, leader)| *leader >= 0)
            })
        })
    }

    /// Deletes a topic.
    pub fn delete_topic(&self, name: &str) -> Result<()> {
        self.admin().delete_topic(name)
    }

    /// Gives a topic more partitions, `total` in all, and waits until all nodes know their leaders.
    pub fn add_partitions(&mut self, name: &str, total: usize) -> Result<()> {
        self.admin().add_partitions(name, total)?;
        self.wait_for_topic(name, total)
    }

    /// The node that leads each partition; -1 for none.
    pub fn leaders(&self, topic: &str) -> Result<Vec<i32>> {
        self.admin().leaders(topic)
    }

    /// Makes `node` the leader of a partition and waits until it is.
    pub fn move_leader(&self, topic: &str, partition: i32, node: u16) -> Result<()> {
        self.admin().move_leader(topic, partition, node)
    }

    /// The offset behind the last record of each partition.
    pub fn end_offsets(&self, topic: &str) -> Result<Vec<i64>> {
        self.admin().end_offsets(topic)
    }

    /// Every record of a topic; see [`Admin::read_all`].
    pub fn read_all(&self, topic: &str) -> Result<Vec<ConsumedRecord>> {
        self.admin().read_all(topic)
    }

    /// Sends records with Kafka's own producer; see [`Admin::produce`].
    pub fn produce(&self, topic: &str, records: &[ProduceRecord]) -> Result<Vec<(i32, i64)>> {
        self.admin().produce(topic, records)
    }

    /// Java's murmur2 and partition of each key; see [`Admin::murmur2_partitions`].
    pub fn murmur2_partitions<K: AsRef<[u8]>>(
        &self,
        keys: &[K],
        partitions: usize,
    ) -> Result<Vec<(i32, i32)>> {
        self.admin().murmur2_partitions(keys, partitions)
    }
}
