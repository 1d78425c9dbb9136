//! Where the demo's records go: a broker of its own, or somebody else's.

use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use nanokafka_cluster::{Admin, Cluster};

use super::Options;
use crate::screen::Screen;

/// Where the records go.
pub(super) struct Broker {
    pub(super) name: String,
    pub(super) for_guest: String,
    pub(super) admin: Admin,
    /// Ours, if we started one: it ends when this is dropped.
    cluster: Option<Cluster>,
}

impl Broker {
    pub(super) fn ready(options: &Options, screen: &Screen) -> Result<Self> {
        let Some(address) = &options.broker else {
            screen.line(&format!("starting Apache Kafka {}", options.kafka));
            let cluster = Cluster::start(nanokafka_cluster::Options::new(&options.kafka))?;
            return Ok(Self {
                name: options.kafka.clone(),
                for_guest: cluster.guest_bootstrap(),
                admin: cluster.admin().clone(),
                cluster: Some(cluster),
            });
        };
        let (host, port) = match address.rsplit_once(':') {
            Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok_and(|p| p > 0) => {
                (host, port)
            }
            _ => bail!("--broker takes HOST:PORT, such as 192.168.1.20:9092, not `{address}`"),
        };
        let reachable = (host, port.parse().unwrap_or(0)).to_socket_addrs().is_ok_and(|mut all| {
            all.any(|address| TcpStream::connect_timeout(&address, Duration::from_secs(5)).is_ok())
        });
        ensure!(
            reachable,
            "nothing answers at {address}; `cargo xtask kafka` starts a broker and says where"
        );
        let host = if matches!(host, "localhost" | "127.0.0.1") { "10.0.2.2" } else { host };
        let for_guest = options.guest_broker.clone().unwrap_or_else(|| format!("{host}:{port}"));
        Ok(Self { name: address.clone(), for_guest, admin: Admin::new(address.as_str())?, cluster: None })
    }

    /// Creates the topic unless it is there, and returns where each partition ends before our records come.
    pub(super) fn topic_ready(&self, topic: &str, partitions: usize) -> Result<Vec<i64>> {
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        ensure!(
            (1..=249).contains(&topic.len()) && topic.chars().all(is_name),
            "`{topic}` cannot be a topic: 1 to 249 of a-z, A-Z, 0-9, '.', '_' and '-'"
        );
        if self.cluster.is_none()
            && let Ok(ends) = self.admin.end_offsets(topic)
        {
            return Ok(ends);
        }
        self.admin.create_topic(topic, partitions, 1)?;
        Ok(vec![0; partitions])
    }
}
