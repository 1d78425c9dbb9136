//! Readings of 20 bytes through nanokafka, as fast as it takes them.

use core::fmt::Write;

use nanokafka::{
    BatchSlot, Config, Instant, Producer, Record, Resources, SendError, Status, Storage, TopicId,
};
use nanokafka_smoltcp::Connections;

use crate::network::{HOST, Network};
use crate::{Options, fail, tell};

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
    /// Memory that was never used.
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
            batches: &mut self.batches[..batches.min(BATCHES)],
            ..self.tables.lend()
        }
    }
}

struct App<'a> {
    network: &'a mut Network,
    connections: Connections<1>,
    producer: Producer<'a>,
    topic: TopicId,
    accepted: u64,
    delivered: u64,
}

/// Sends records until about as many bytes were sent, and waits for their deliveries.
pub(crate) fn run(network: &mut Network, memory: &mut Memory, options: &Options, batch_bytes: usize) {
    let mut text = heapless::String::new();
    let address = address(&mut text, options.port);
    let bootstrap = [address];
    let config = Config { client_id: "device-7", linger_ms: 20, max_in_flight: 5, ..Config::new(&bootstrap) };
    let now = Instant::from_millis(board::now_ms());
    let Ok(mut producer) = Producer::new(config, memory.lend(batch_bytes), now) else {
        fail("the configuration")
    };
    let Ok(topic) = producer.register_topic("readings") else { fail("the topic") };
    let connections = Connections::new([network.tcp], u64::from(board::host_seconds()));
    let mut app = App { network, connections, producer, topic, accepted: 0, delivered: 0 };
    // Connected, with metadata and a producer id.
    app.send_until(1);
    while app.producer.status() != Status::Online || app.delivered < 1 {
        app.turn();
    }
    let (started_ms, bytes_before) = (board::now_ms(), app.producer.counters().bytes_sent);
    let records = options.bytes / RECORD_BYTES;
    while app.delivered < 1 + records {
        app.send_until(1 + records);
        app.turn();
    }
    let ms = board::now_ms() - started_ms;
    tell(records, app.producer.counters().bytes_sent - bytes_before, ms);
}

impl App<'_> {
    /// Sends some readings, as long as there is room, and until there are so many.
    fn send_until(&mut self, records: u64) {
        let now = Instant::from_millis(board::now_ms());
        for _ in self.accepted..records.min(self.accepted + RECORDS_A_TURN) {
            let timestamp_ms = UNIX_MS + 1_000 * self.accepted as i64;
            match self.producer.send(now, &Record::new(self.topic, VALUE).timestamp_ms(timestamp_ms)) {
                Ok(_) => self.accepted += 1,
                Err(SendError::Full) => return,
                Err(_) => fail("send"),
            }
        }
        if self.accepted == records {
            self.producer.flush();
        }
    }

    fn turn(&mut self) {
        self.network.poll();
        let transport =
            &mut self.connections.transport(&mut self.network.interface, &mut self.network.sockets);
        self.producer.poll(Instant::from_millis(board::now_ms()), transport);
        while let Some(delivery) = self.producer.next_delivery() {
            if delivery.result.is_err() {
                fail("a batch was not delivered");
            }
            self.delivered += u64::from(delivery.records);
        }
    }
}

/// `HOST:PORT`.
fn address(text: &mut heapless::String<32>, port: u16) -> &str {
    if write!(text, "{HOST}:{port}").is_err() {
        fail("the address is too long");
    }
    text
}
