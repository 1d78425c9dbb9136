//! An application that uses the whole of a producer, with nothing that the compiler could know beforehand.

use core::mem::MaybeUninit;

use nanokafka::{
    Acks, Config, Header, Instant, Overflow, Producer, Record, Resources, TopicId, Transport, Wake,
};

use crate::registers::{input, millis, output};

/// Batches and their size: the arena, which is not counted, is the product.
pub const BATCHES: usize = 4;
pub const BATCH_BYTES: usize = 1_024;
/// Places of partitions, connections, and bytes of host names: what a small device uses.
pub const PARTITIONS: usize = 6;
pub const CONNECTIONS: usize = 2;
pub const HOST_BYTES: usize = 96;

pub type Memory = Resources<BATCHES, BATCH_BYTES, 1, PARTITIONS, 3, CONNECTIONS, HOST_BYTES>;

static mut MEMORY: Memory = Memory::new();
static mut PRODUCER: MaybeUninit<App> = MaybeUninit::uninit();

/// A producer and its topic.
pub struct App {
    producer: Producer<'static>,
    topic: TopicId,
}

/// The application, in its static memory.
#[allow(clippy::deref_addrof, reason = "what it proposes is a reference to a `static mut`")]
pub fn app() -> &'static mut App {
    // SAFETY: called once, by the only thread there is.
    let (memory, place) = unsafe { (&mut *(&raw mut MEMORY), &mut *(&raw mut PRODUCER)) };
    let config = Config {
        client_id: "sizes",
        acks: match input() {
            0 => Acks::None,
            1 => Acks::Leader,
            _ => Acks::All,
        },
        overflow: if input() == 0 { Overflow::Reject } else { Overflow::DropOldest },
        enable_idempotence: input() == 0,
        max_in_flight: input() as u8,
        linger_ms: input(),
        retries: input(),
        batch_bytes: Some(input()),
        delivery_timeout_ms: input(),
        request_timeout_ms: input(),
        random_seed: millis(),
        ..Config::new(&["kafka-1.example.com:9092", "192.0.2.7:9092"])
    };
    let Ok(mut producer) = Producer::new(config, memory.lend(), Instant::from_millis(millis())) else {
        fail()
    };
    let Ok(topic) = producer.register_topic("readings") else { fail() };
    place.write(App { producer, topic })
}

/// Not by `panic!`: what an image of core links of panics, core would have asked for.
fn fail() -> ! {
    loop {
        output(0);
    }
}

impl App {
    /// One turn of the application's loop. Returns when the next is due.
    pub fn turn(&mut self, transport: &mut impl Transport) -> Option<u64> {
        let now = Instant::from_millis(millis());
        let (key, value) = (input().to_be_bytes(), [input().to_be_bytes(), input().to_be_bytes()]);
        let headers = [Header { key: "unit", value: Some(&key) }];
        let mut record = Record::new(self.topic, value.as_flattened()).timestamp_ms(millis() as i64);
        if input() == 0 {
            record = record.key(&key);
        }
        if input() == 0 {
            record.partition = Some(input() as i32);
        }
        if input() == 0 {
            record.headers = &headers;
        }
        match self.producer.send(now, &record) {
            Ok(ticket) => output(ticket.index),
            Err(_) => output(1),
        }
        let polled = self.producer.poll(now, transport);
        output(u32::from(polled.status == nanokafka::Status::Online));
        while let Some(done) = self.producer.peek_delivery() {
            for record in done.records {
                output(record.value.map_or(0, <[u8]>::len) as u32);
            }
            if let Some(delivery) = self.producer.next_delivery() {
                output(delivery.result.map_or(0, |ack| ack.base_offset.unwrap_or(-1) as u32));
            }
        }
        match input() {
            0 => self.producer.flush(),
            1 => self.producer.close(now.saturating_add_ms(1_000)),
            2 => self.producer.reset(),
            _ => {}
        }
        output(self.producer.counters().bytes_sent as u32);
        match polled.wake {
            Wake::Now => Some(now.as_millis()),
            Wake::At(at) => Some(at.as_millis()),
            Wake::OnIo => None,
        }
    }
}
