//! How a world is put together before its time begins.

use std::marker::PhantomData;
use std::sync::Arc;

use nanokafka::{
    AddressMapping, BatchSlot, BrokerSlot, Config, ConnectionSlot, HostNames, PartitionQueue, PartitionSlot,
    Producer, SequenceSlot, Storage, TopicQueue, TopicSlot,
};

use super::World;
use crate::broker::Cluster;
use crate::journal::Journal;
use crate::rig::{Destination, Network, Rig, SharedCluster, Woken};

/// How much memory the producer is lent.
#[derive(Clone, Copy, Debug)]
pub struct Capacities {
    /// Batch slots.
    pub batches: usize,
    /// Bytes of each.
    pub batch_bytes: usize,
    /// Topics.
    pub topics: usize,
    /// Partitions of each topic.
    pub partitions: usize,
    /// Brokers whose address is kept.
    pub brokers: usize,
    /// Connections at a time.
    pub connections: usize,
    /// Bytes received at once.
    pub receive: usize,
}

impl Default for Capacities {
    fn default() -> Self {
        Self {
            batches: 16,
            batch_bytes: 512,
            topics: 1,
            partitions: 6,
            brokers: 3,
            connections: 3,
            receive: 128,
        }
    }
}

/// A world to be.
pub struct Setup<R> {
    cluster: Cluster,
    capacities: Capacities,
    config: Config<'static>,
    network: Network,
    bootstrap: Vec<Destination>,
    behind_nat: bool,
    rig: PhantomData<R>,
}

impl<R: Rig> Setup<R> {
    /// A cluster of brokers 1 to `nodes`, the first two of which are in the bootstrap list, and a producer with
    /// the rig's times.
    #[must_use]
    pub fn nodes(nodes: i32) -> Self {
        let pace = R::PACE;
        let config = Config {
            client_id: "suite",
            request_timeout_ms: pace.request_timeout_ms,
            delivery_timeout_ms: pace.delivery_timeout_ms,
            socket_connection_setup_timeout_ms: pace.setup_timeout_ms,
            socket_connection_setup_timeout_max_ms: pace.setup_timeout_ms * 2,
            random_seed: 42,
            ..Config::new(&[])
        };
        Self {
            cluster: Cluster::new(nodes),
            capacities: Capacities::default(),
            config,
            network: Network::default(),
            bootstrap: (1..=nodes.min(2)).map(Destination::Node).collect(),
            behind_nat: false,
            rig: PhantomData,
        }
    }

    /// With this topic.
    #[must_use]
    pub fn topic(mut self, name: &str, partitions: usize) -> Self {
        self.cluster.create_topic(name, partitions);
        self
    }

    /// With this done to the cluster.
    #[must_use]
    pub fn cluster(mut self, change: impl FnOnce(&mut Cluster)) -> Self {
        change(&mut self.cluster);
        self
    }

    /// With this changed in the configuration.
    #[must_use]
    pub fn config(mut self, change: impl FnOnce(&mut Config<'static>)) -> Self {
        change(&mut self.config);
        self
    }

    /// With this changed in the memory.
    #[must_use]
    pub fn capacities(mut self, change: impl FnOnce(&mut Capacities)) -> Self {
        change(&mut self.capacities);
        self
    }

    /// Over this network.
    #[must_use]
    pub fn network(self, network: Network) -> Self {
        Self { network, ..self }
    }

    /// With this bootstrap list.
    #[must_use]
    pub fn bootstrap(self, bootstrap: &[Destination]) -> Self {
        Self { bootstrap: bootstrap.to_vec(), ..self }
    }

    /// With brokers that advertise addresses of a network of their own, and an address map.
    #[must_use]
    pub fn behind_nat(self) -> Self {
        Self { behind_nat: true, ..self }
    }

    /// Begins.
    ///
    /// # Panics
    /// When the producer refuses its configuration.
    #[must_use]
    pub fn start(self) -> World<R> {
        let cluster = SharedCluster::new(self.cluster);
        let rig = R::build(cluster.clone(), self.network);
        // A producer borrows its configuration and its memory. Leaked: a test's process is short, and a world
        // that owned both would need unsafe code.
        let addresses = self.bootstrap.iter().map(|&of| &*rig.address(of).leak()).collect::<Vec<&str>>();
        let mut address_map = Vec::new();
        let nodes = if self.behind_nat { cluster.lock().nodes() } else { Vec::new() };
        for node in nodes {
            let host = format!("kafka-{node}.internal");
            cluster.lock().advertise(node, &host, 9092);
            address_map.push(AddressMapping {
                advertised: format!("{host}:9092").leak(),
                reached_at: rig.address(Destination::Node(node)).leak(),
            });
        }
        let (bootstrap, address_map) = (addresses.leak(), address_map.leak());
        let config = Config { bootstrap, address_map, ..self.config };
        let producer = Producer::new(config, lend(self.capacities), rig.now());
        World {
            producer: producer.unwrap_or_else(|error| panic!("{error}")),
            rig,
            cluster,
            woken: Arc::new(Woken::default()),
            journal: Journal::default(),
            statuses: Vec::new(),
            fatal_told: Vec::new(),
            polls: 0,
            serial: 0,
            takes_deliveries: true,
        }
    }
}

/// Bytes for the brokers' host names.
const HOST_BYTES: usize = 1_024;

/// Memory for one producer, for the rest of the process.
pub(crate) fn lend(capacities: Capacities) -> Storage<'static> {
    fn table<T>(length: usize, new: fn() -> T) -> &'static mut [T] {
        std::iter::repeat_with(new).take(length).collect::<Vec<T>>().leak()
    }
    let Capacities { batches, batch_bytes, topics, partitions, brokers, connections, receive } = capacities;
    Storage {
        batch_bytes,
        arena: table(batches * batch_bytes, || 0),
        batches: table(batches, BatchSlot::new),
        topics: table(topics, TopicSlot::new),
        topic_queues: table(topics, TopicQueue::new),
        partitions: table(topics * partitions, PartitionSlot::new),
        partition_queues: table(topics * partitions, PartitionQueue::new),
        sequences: table(topics * partitions, SequenceSlot::new),
        brokers: table(brokers, BrokerSlot::new),
        hosts: Box::leak(Box::<HostNames<HOST_BYTES>>::default()).as_mut_view(),
        connections: table(connections, ConnectionSlot::new),
        receive: table(receive, || 0),
    }
}
