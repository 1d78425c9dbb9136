//! The faults of the brokers, one at a time: each is over when all replicas are in sync again.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nanokafka_cluster::Cluster;

use super::logbook::Logbook;
use super::plan::{BrokerFault, How, NODES, Upkeep};
use super::silence::Window;

/// A topic that the faults are to meet.
#[derive(Clone, Debug)]
pub(super) struct Topic {
    pub(super) name: String,
    pub(super) partitions: usize,
    /// The most that its client has memory for.
    pub(super) partitions_max: usize,
}

/// What has happened to the brokers.
#[derive(Clone, Debug, Default)]
pub(super) struct Met {
    pub(super) faults: Vec<Window>,
    pub(super) kills: usize,
    pub(super) terminations: usize,
    pub(super) pauses: usize,
    pub(super) moves: usize,
    pub(super) partitions_added: usize,
}

/// Who does it.
pub(super) struct Faults<'a> {
    pub(super) cluster: &'a mut Cluster,
    pub(super) topics: Vec<Topic>,
    pub(super) logbook: &'a Logbook,
    pub(super) met: Met,
}

impl Faults<'_> {
    /// Creates the topics, led by all nodes in turn.
    pub(super) fn create_topics(&mut self) -> Result<()> {
        for topic in &self.topics {
            let leaders: Vec<u16> = (1..=NODES).cycle().take(topic.partitions).collect();
            self.cluster.create_topic_with_leaders(&topic.name, &leaders)?;
        }
        Ok(())
    }

    /// Takes a broker away and brings it back. Returns in words what was done, and how long it took.
    pub(super) fn strike(&mut self, fault: &BrokerFault) -> Result<String> {
        let from = Instant::now();
        self.note(&format!("node {}: {:?}, for {:?}", fault.node, fault.how, fault.down));
        let signal = match fault.how {
            How::Kill => {
                self.cluster.kill(fault.node)?;
                self.met.kills += 1;
                "SIGKILL"
            }
            How::Terminate => {
                self.cluster.terminate(fault.node)?;
                self.met.terminations += 1;
                "SIGTERM"
            }
            How::Pause => {
                self.cluster.pause(fault.node)?;
                self.met.pauses += 1;
                "SIGSTOP"
            }
        };
        std::thread::sleep(fault.down);
        match fault.how {
            How::Kill | How::Terminate => self.cluster.restart(fault.node)?,
            How::Pause => self.cluster.resume(fault.node)?,
        }
        self.note(&format!("node {}: runs", fault.node));
        self.wait_in_sync()?;
        let to = Instant::now();
        self.met.faults.push(Window { from, to });
        let seconds = (to - from).as_secs_f32();
        let mut said = format!("{signal} of node {}, in sync after {seconds:.1} s", fault.node);
        if let Some(upkeep) = fault.upkeep
            && let Some(done) = self.change(upkeep)?
        {
            said.push_str(&format!("; {done}"));
        }
        std::thread::sleep(fault.calm);
        self.cluster.check().context("a broker that nobody stopped")?;
        Ok(said)
    }

    /// Changes a topic; `None` when it has as many partitions as it may.
    fn change(&mut self, upkeep: Upkeep) -> Result<Option<String>> {
        let from = Instant::now();
        let count = self.topics.len();
        let done = match upkeep {
            Upkeep::MoveLeader { topic, partition, node } => {
                let Topic { name, partitions, .. } = &self.topics[topic % count];
                let partition = partition % partitions;
                self.note(&format!("moving {name}-{partition} to node {node}"));
                self.cluster.move_leader(name, i32::try_from(partition)?, node)?;
                self.met.moves += 1;
                format!("node {node} leads {name}-{partition}")
            }
            Upkeep::AddPartitions { topic, more } => {
                let topic = &mut self.topics[topic % count];
                let total = (topic.partitions + more).min(topic.partitions_max);
                if total == topic.partitions {
                    return Ok(None);
                }
                self.logbook.line("brokers", &format!("{}: {total} partitions from now on", topic.name));
                self.cluster.add_partitions(&topic.name, total)?;
                self.met.partitions_added += total - topic.partitions;
                topic.partitions = total;
                format!("{} has {total} partitions", topic.name)
            }
        };
        self.wait_in_sync()?;
        self.note(&format!("{done} after {:.1} s", from.elapsed().as_secs_f32()));
        Ok(Some(done))
    }

    fn wait_in_sync(&mut self) -> Result<()> {
        let begin = Instant::now();
        for topic in &self.topics {
            self.cluster.wait_in_sync(&topic.name)?;
        }
        if begin.elapsed() > Duration::from_secs(1) {
            self.note(&format!("in sync after {:.1} s", begin.elapsed().as_secs_f32()));
        }
        Ok(())
    }

    fn note(&self, text: &str) {
        self.logbook.line("brokers", text);
    }
}
