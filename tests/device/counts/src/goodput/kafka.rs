//! Readings of 20 bytes through nanokafka, as fast as it takes them.

use nanokafka::{
    BatchSlot, Config, Instant, Producer, Record, Resources, SendError, Status, Storage, TopicId,
};
use nanokafka_smoltcp::Connections;

use super::Board;
use crate::broker::TOPIC;

const VALUE: &[u8] = b"unit 7: 21.5 C, 47 %";
/// What a record of this value takes in a batch, about.
const RECORD_BYTES: u64 = 29;
/// With more, the link would wait for the processor while there is something to send.
const RECORDS_A_TURN: u64 = 8;
const UNIX_MS: i64 = 1_700_000_000_000;

/// Batches of any of the sizes share it.
const ARENA_BYTES: usize = 16 * 1_024;
const BATCH_BYTES_MIN: usize = 256;
const BATCHES: usize = ARENA_BYTES / BATCH_BYTES_MIN;

/// The producer's memory.
pub(crate) struct Memory {
    /// Of everything but batches.
    tables: Resources<1, 128, 1, 1, 1, 1>,
    arena: [u8; ARENA_BYTES],
    batches: [BatchSlot; BATCHES],
}

impl Memory {
    pub(crate) const fn new() -> Self {
        Self {
            tables: Resources::new(),
            arena: [0; ARENA_BYTES],
            batches: [const { BatchSlot::new() }; BATCHES],
        }
    }

    fn lend(&mut self, batch_bytes: usize) -> Storage<'_> {
        let batches = ARENA_BYTES / batch_bytes;
        Storage {
            batch_bytes,
            arena: &mut self.arena[..batches * batch_bytes],
            batches: &mut self.batches[..batches],
            ..self.tables.lend()
        }
    }
}

struct App<'b, 'c, 'n, 'm> {
    board: &'b mut Board<'c, 'n>,
    connections: Connections<1>,
    producer: Producer<'m>,
    topic: TopicId,
    accepted: u64,
    delivered: u64,
}

/// Sends records until about as many bytes were sent, and waits for their deliveries. Returns the records, the bytes
/// and the microseconds.
pub(crate) fn run(
    board: &mut Board<'_, '_>,
    memory: &mut Memory,
    bytes: u64,
    batch_bytes: usize,
) -> (u64, u64, u64) {
    let config =
        Config { client_id: "device-7", linger_ms: 20, max_in_flight: 5, ..Config::new(&["192.0.2.7:9092"]) };
    let now = Instant::from_millis(0);
    let mut producer =
        Producer::new(config, memory.lend(batch_bytes), now).expect("the configuration is right");
    let topic = producer.register_topic(TOPIC).expect("there is a place for one topic");
    let connections = Connections::new([board.node.tcp], 7);
    let mut app = App { board, connections, producer, topic, accepted: 0, delivered: 0 };
    // Connected, with metadata and a producer id.
    app.send_until(1);
    while app.producer.status() != Status::Online || app.delivered < 1 {
        app.turn();
    }
    let (begin_us, bytes_before) = (app.board.time.now_us(), app.producer.counters().bytes_sent as u64);
    let records = bytes / RECORD_BYTES;
    while app.delivered < 1 + records {
        app.send_until(1 + records);
        app.turn();
    }
    let us = app.board.time.now_us() - begin_us;
    assert!(app.board.peer.written() == 1 + records, "the broker has them all");
    (records, app.producer.counters().bytes_sent as u64 - bytes_before, us)
}

impl App<'_, '_, '_, '_> {
    /// Sends some readings, as long as there is room, and until there are so many.
    fn send_until(&mut self, records: u64) {
        let now = Instant::from_millis(self.board.time.now_ms());
        for _ in self.accepted..records.min(self.accepted + RECORDS_A_TURN) {
            let timestamp_ms = UNIX_MS + 1_000 * self.accepted as i64;
            match self.producer.send(now, &Record::new(self.topic, VALUE).timestamp_ms(timestamp_ms)) {
                Ok(_) => self.accepted += 1,
                Err(SendError::Full) => return,
                Err(error) => panic!("{error}"),
            }
        }
        if self.accepted == records {
            self.producer.flush();
        }
    }

    fn turn(&mut self) {
        self.board.turn();
        let now = Instant::from_millis(self.board.time.now_ms());
        let node = &mut self.board.node;
        self.producer.poll(now, &mut self.connections.transport(&mut node.interface, &mut node.sockets));
        while let Some(delivery) = self.producer.next_delivery() {
            assert!(delivery.result.is_ok(), "{delivery:?}");
            self.delivered += u64::from(delivery.records);
        }
    }
}
