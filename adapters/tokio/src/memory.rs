//! The core's producer together with the memory and texts that it borrows.

use nanokafka::{
    AddressMapping, BatchSlot, BrokerSlot, ConfigError, ConnectionSlot, HostNames, Instant, PartitionQueue,
    PartitionSlot, SequenceSlot, Storage, TopicQueue, TopicSlot,
};
use self_cell::{MutBorrow, self_cell};

use crate::options::Options;

/// Bytes of a response that core takes from our buffers at once.
const RECEIVE_BYTES: usize = 4_096;

/// Bytes for the host names of all brokers: 64 of the longest, some hundreds of usual ones.
const HOST_BYTES: usize = 16 * 1_024;

/// The bootstrap list and the address map, as core borrows them.
struct AddressLists<'a> {
    bootstrap: Vec<&'a str>,
    map: Vec<AddressMapping<'a>>,
}

/// The same, as we own them.
struct AddressOptions {
    bootstrap: Vec<String>,
    map: Vec<(String, String)>,
}

type CoreProducer<'a> = nanokafka::Producer<'a>;

self_cell!(
    struct Addresses {
        owner: AddressOptions,
        #[covariant]
        dependent: AddressLists,
    }
);

/// All that one producer borrows.
pub(crate) struct Memory {
    options: Options,
    addresses: Addresses,
    arena: Vec<u8>,
    batches: Vec<BatchSlot>,
    topics: Vec<TopicSlot>,
    topic_queues: Vec<TopicQueue>,
    partitions: Vec<PartitionSlot>,
    partition_queues: Vec<PartitionQueue>,
    sequences: Vec<SequenceSlot>,
    brokers: Vec<BrokerSlot>,
    hosts: Box<HostNames<HOST_BYTES>>,
    connections: Vec<ConnectionSlot>,
    receive: Vec<u8>,
}

self_cell!(
    /// The core's producer, which lives and dies with its memory.
    pub(crate) struct OwnedCore {
        owner: MutBorrow<Memory>,
        #[not_covariant]
        dependent: CoreProducer,
    }
);

impl AddressOptions {
    fn of(options: &Options) -> Self {
        Self { bootstrap: options.bootstrap.clone(), map: options.address_map.clone() }
    }

    fn lend(&self) -> AddressLists<'_> {
        AddressLists {
            bootstrap: self.bootstrap.iter().map(String::as_str).collect(),
            map: self
                .map
                .iter()
                .map(|(advertised, reached_at)| AddressMapping { advertised, reached_at })
                .collect(),
        }
    }
}

fn table<T>(len: usize, unused: fn() -> T) -> Vec<T> {
    std::iter::repeat_with(unused).take(len).collect()
}

impl Memory {
    /// Memory for capacities that `Options::check_capacities` has accepted.
    fn new(options: Options) -> Self {
        let partitions = options.topics.saturating_mul(options.partitions_per_topic);
        Self {
            addresses: Addresses::new(AddressOptions::of(&options), AddressOptions::lend),
            arena: vec![0; options.batches.saturating_mul(options.batch_bytes)],
            batches: table(options.batches, BatchSlot::new),
            topics: table(options.topics, TopicSlot::new),
            topic_queues: table(options.topics, TopicQueue::new),
            partitions: table(partitions, PartitionSlot::new),
            partition_queues: table(partitions, PartitionQueue::new),
            sequences: table(partitions, SequenceSlot::new),
            brokers: table(options.brokers, BrokerSlot::new),
            hosts: Box::default(),
            connections: table(options.connections, ConnectionSlot::new),
            receive: vec![0; RECEIVE_BYTES],
            options,
        }
    }

    fn lend(&mut self, now: Instant) -> Result<CoreProducer<'_>, ConfigError> {
        let AddressLists { bootstrap, map } = self.addresses.borrow_dependent();
        let config = self.options.config(bootstrap, map, &self.options.client_id);
        let storage = Storage {
            batch_bytes: self.options.batch_bytes,
            arena: &mut self.arena,
            batches: &mut self.batches,
            topics: &mut self.topics,
            topic_queues: &mut self.topic_queues,
            partitions: &mut self.partitions,
            partition_queues: &mut self.partition_queues,
            sequences: &mut self.sequences,
            brokers: &mut self.brokers,
            hosts: self.hosts.as_mut_view(),
            connections: &mut self.connections,
            receive: &mut self.receive,
        };
        nanokafka::Producer::new(config, storage, now)
    }
}

impl OwnedCore {
    pub(crate) fn start(options: Options, now: Instant) -> Result<Self, ConfigError> {
        Self::try_new(MutBorrow::new(Memory::new(options)), |memory| memory.borrow_mut().lend(now))
    }

    /// Calls the core's producer.
    pub(crate) fn with<R>(&mut self, call: impl FnOnce(&mut CoreProducer<'_>) -> R) -> R {
        self.with_dependent_mut(|_, core| call(core))
    }
}
