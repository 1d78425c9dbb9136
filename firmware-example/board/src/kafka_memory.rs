//! The producer's memory, without a byte of flash for it.

use core::mem::MaybeUninit;

use nanokafka::{
    BatchSlot, BrokerSlot, ConnectionSlot, PartitionQueue, PartitionSlot, Storage, TopicQueue, TopicSlot,
};

use crate::TCP_SOCKETS;

const BATCHES: usize = 14;
const BATCH_BYTES: usize = 1_024;
const PARTITIONS: usize = 16;
const RECEIVE_BYTES: usize = 256;

/// 14 batches of 1 KiB for one topic of up to 16 partitions, and as many brokers as connections.
///
/// [`nanokafka::Resources`] is the same in one piece, and what other boards use. But its tables are not all zero when
/// new, and as a static of this size its initial value would fill 18 KB of flash, a quarter of what there is. So only
/// the batches' bytes have an initial value, zero, and the tables are written at the start, one after another: all at
/// once they would be made on the stack first.
pub struct KafkaMemory {
    arena: [[u8; BATCH_BYTES]; BATCHES],
    receive: [u8; RECEIVE_BYTES],
    batches: MaybeUninit<[BatchSlot; BATCHES]>,
    topics: MaybeUninit<[TopicSlot; 1]>,
    topic_queues: MaybeUninit<[TopicQueue; 1]>,
    partitions: MaybeUninit<[PartitionSlot; PARTITIONS]>,
    partition_queues: MaybeUninit<[PartitionQueue; PARTITIONS]>,
    brokers: MaybeUninit<[BrokerSlot; TCP_SOCKETS]>,
    connections: MaybeUninit<[ConnectionSlot; TCP_SOCKETS]>,
}

impl KafkaMemory {
    /// Unused memory.
    pub const fn new() -> Self {
        Self {
            arena: [[0; BATCH_BYTES]; BATCHES],
            receive: [0; RECEIVE_BYTES],
            batches: MaybeUninit::uninit(),
            topics: MaybeUninit::uninit(),
            topic_queues: MaybeUninit::uninit(),
            partitions: MaybeUninit::uninit(),
            partition_queues: MaybeUninit::uninit(),
            brokers: MaybeUninit::uninit(),
            connections: MaybeUninit::uninit(),
        }
    }

    /// Lends the memory to one producer.
    pub fn lend(&mut self) -> Storage<'_> {
        Storage {
            batch_bytes: BATCH_BYTES,
            arena: self.arena.as_flattened_mut(),
            batches: self.batches.write([const { BatchSlot::new() }; BATCHES]),
            topics: self.topics.write([TopicSlot::new()]),
            topic_queues: self.topic_queues.write([TopicQueue::new()]),
            partitions: self.partitions.write([const { PartitionSlot::new() }; PARTITIONS]),
            partition_queues: self.partition_queues.write([const { PartitionQueue::new() }; PARTITIONS]),
            brokers: self.brokers.write([const { BrokerSlot::new() }; TCP_SOCKETS]),
            connections: self.connections.write([const { ConnectionSlot::new() }; TCP_SOCKETS]),
            receive: &mut self.receive,
        }
    }
}

impl Default for KafkaMemory {
    fn default() -> Self {
        Self::new()
    }
}
