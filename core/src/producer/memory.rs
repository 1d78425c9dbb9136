use crate::accumulator::{BatchSlot, PartitionQueue, TopicQueue};
use crate::batch;
use crate::config::{Config, ConfigError, require};
use crate::idempotence::SequenceSlot;
use crate::metadata::{BrokerSlot, PartitionSlot, TopicSlot};
use crate::network::ConnectionSlot;

/// How many bytes of a response are taken from the transport at once, in [`Resources`].
const RECEIVE_BYTES: usize = 64;

/// All the memory that a producer works in, with its capacities as constants: `BATCHES` batches of `BATCH_BYTES`
/// each, `TOPICS` topics with at most `PARTITIONS` partitions each, the addresses of `BROKERS` brokers, and
/// `CONNECTIONS` connections at a time.
///
/// All zero when new, so as a static it lies in `.bss` and costs no flash. The constants end here: a
/// [`Producer`](crate::Producer) has no such parameters, and a second size costs no second copy of its code.
///
/// How to size it: `BATCHES * BATCH_BYTES` is what can wait while the network is away. Each partition that is
/// written to keeps a batch open, so `BATCHES` should be above the number of partitions in use. `BROKERS` must
/// be at least the number of different leaders of those partitions; a leader without a place is treated as
/// unknown. With fewer `CONNECTIONS` than leaders, idle connections are closed for others.
///
/// ```
/// use nanokafka::{Config, Instant, Producer, Resources};
/// use static_cell::ConstStaticCell;
///
/// // 8 KiB of batches; one topic, up to six partitions, three brokers, two connections.
/// static MEMORY: ConstStaticCell<Resources<8, 1024, 1, 6, 3, 2>> = ConstStaticCell::new(Resources::new());
///
/// let memory = MEMORY.take().lend();
/// let producer = Producer::new(Config::new(&["192.0.2.7:9092"]), memory, Instant::from_millis(0));
/// assert!(producer.is_ok());
/// ```
#[derive(Debug)]
pub struct Resources<
    const BATCHES: usize,
    const BATCH_BYTES: usize,
    const TOPICS: usize = 1,
    const PARTITIONS: usize = 8,
    const BROKERS: usize = 3,
    const CONNECTIONS: usize = 3,
> {
    arena: [[u8; BATCH_BYTES]; BATCHES],
    batches: [BatchSlot; BATCHES],
    topics: [TopicSlot; TOPICS],
    topic_queues: [TopicQueue; TOPICS],
    partitions: [[PartitionSlot; PARTITIONS]; TOPICS],
    partition_queues: [[PartitionQueue; PARTITIONS]; TOPICS],
    sequences: [[SequenceSlot; PARTITIONS]; TOPICS],
    brokers: [BrokerSlot; BROKERS],
    connections: [ConnectionSlot; CONNECTIONS],
    receive: [u8; RECEIVE_BYTES],
}

impl<
    const BATCHES: usize,
    const BATCH_BYTES: usize,
    const TOPICS: usize,
    const PARTITIONS: usize,
    const BROKERS: usize,
    const CONNECTIONS: usize,
> Resources<BATCHES, BATCH_BYTES, TOPICS, PARTITIONS, BROKERS, CONNECTIONS>
{
    /// Memory that was never used.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            arena: [[0; BATCH_BYTES]; BATCHES],
            batches: [const { BatchSlot::new() }; BATCHES],
            topics: [const { TopicSlot::new() }; TOPICS],
            topic_queues: [const { TopicQueue::new() }; TOPICS],
            partitions: [const { [const { PartitionSlot::new() }; PARTITIONS] }; TOPICS],
            partition_queues: [const { [const { PartitionQueue::new() }; PARTITIONS] }; TOPICS],
            sequences: [const { [const { SequenceSlot::new() }; PARTITIONS] }; TOPICS],
            brokers: [const { BrokerSlot::new() }; BROKERS],
            connections: [const { ConnectionSlot::new() }; CONNECTIONS],
            receive: [0; RECEIVE_BYTES],
        }
    }

    /// Lends the memory to one producer. What an earlier producer left in it is forgotten.
    pub const fn lend(&mut self) -> Storage<'_> {
        Storage {
            batch_bytes: BATCH_BYTES,
            arena: self.arena.as_flattened_mut(),
            batches: &mut self.batches,
            topics: &mut self.topics,
            topic_queues: &mut self.topic_queues,
            partitions: self.partitions.as_flattened_mut(),
            partition_queues: self.partition_queues.as_flattened_mut(),
            sequences: self.sequences.as_flattened_mut(),
            brokers: &mut self.brokers,
            connections: &mut self.connections,
            receive: &mut self.receive,
        }
    }
}

impl<const B: usize, const BB: usize, const T: usize, const P: usize, const R: usize, const C: usize> Default
    for Resources<B, BB, T, P, R, C>
{
    fn default() -> Self {
        Self::new()
    }
}

/// The memory that is lent to a producer, as slices: from [`Resources::lend`], or put together by a host that
/// knows its capacities only at run time.
///
/// [`Producer::new`](crate::Producer::new) checks the lengths against each other.
#[derive(Debug)]
pub struct Storage<'a> {
    /// Bytes of one batch slot, header and records: what one batch can hold. At least 82.
    pub batch_bytes: usize,
    /// The batches' bytes: `batch_bytes` times the length of `batches`.
    pub arena: &'a mut [u8],
    /// One for each batch slot, 1 to 65534.
    pub batches: &'a mut [BatchSlot],
    /// One for each topic that can be registered, 1 to 256.
    pub topics: &'a mut [TopicSlot],
    /// As many as `topics`.
    pub topic_queues: &'a mut [TopicQueue],
    /// The same number for each topic: a multiple of the length of `topics`, at most 65535 in all.
    pub partitions: &'a mut [PartitionSlot],
    /// As many as `partitions`.
    pub partition_queues: &'a mut [PartitionQueue],
    /// As many as `partitions`.
    pub sequences: &'a mut [SequenceSlot],
    /// One for each broker whose address can be kept, at least 1.
    pub brokers: &'a mut [BrokerSlot],
    /// One for each connection that can be open at a time, 1 to 128.
    pub connections: &'a mut [ConnectionSlot],
    /// Where pieces of responses are received, at least 16 bytes. Larger ones mean fewer calls of the transport.
    pub receive: &'a mut [u8],
}

/// The most topics: a bound for what one metadata request names.
const TOPICS_MAX: usize = 256;

/// The most connections: their numbers fit 7 bits.
const CONNECTIONS_MAX: usize = 128;

impl Storage<'_> {
    /// Checks the lengths against each other and against the configuration.
    pub(super) fn validate(&self, config: &Config<'_>) -> Result<(), ConfigError> {
        let slot = self.batch_bytes;
        let batches = self.batches.len();
        require!((batch::BYTES_MIN..=batch::BYTES_MAX).contains(&slot), SlotBytes, slot);
        require!(slot <= config.max_request_bytes as usize, SlotBytesRequest, slot);
        if let Some(due) = config.batch_bytes {
            require!(due as usize <= slot, BatchBytesSlot, due);
        }
        require!((1..=65_534).contains(&batches), Batches, batches);
        require!(slot.checked_mul(batches) == Some(self.arena.len()), Arena, self.arena.len());
        self.validate_tables()
    }

    fn validate_tables(&self) -> Result<(), ConfigError> {
        let (topics, partitions) = (self.topics.len(), self.partitions.len());
        require!((1..=TOPICS_MAX).contains(&topics), Topics, topics);
        require!(self.topic_queues.len() == topics, TopicQueues, self.topic_queues.len());
        require!(
            partitions >= topics && partitions.is_multiple_of(topics) && partitions <= 65_535,
            Partitions,
            partitions
        );
        require!(self.partition_queues.len() == partitions, PartitionQueues, self.partition_queues.len());
        require!(self.sequences.len() == partitions, Sequences, self.sequences.len());
        let (brokers, connections) = (self.brokers.len(), self.connections.len());
        require!(brokers >= 1, Brokers, brokers);
        require!((1..=CONNECTIONS_MAX).contains(&connections), Connections, connections);
        require!(self.receive.len() >= 16, Receive, self.receive.len());
        Ok(())
    }
}
