//! An application in front of a producer, with no record, time or answer that the compiler could know beforehand.

use core::hint::black_box;
use core::mem::MaybeUninit;

use nanokafka::{Instant, Producer, Resources, Status, TopicId, Transport, Wake};

use crate::registers::{millis, output};

/// What it uses of a producer.
#[cfg_attr(feature = "all", path = "producer/usage_all.rs")]
#[cfg_attr(not(feature = "all"), path = "producer/usage.rs")]
mod usage;

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
    let lent = unsafe { (&mut *(&raw mut MEMORY), &mut *(&raw mut PRODUCER)) };
    // Few applications have them at addresses that the compiler knows.
    let (memory, place) = black_box(lent);
    let now = Instant::from_millis(millis());
    let Ok(mut producer) = Producer::new(usage::config(), memory.lend(), now) else { fail() };
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
        usage::send(&mut self.producer, self.topic, now);
        let polled = self.producer.poll(now, transport);
        output(u32::from(polled.status == Status::Online));
        usage::take_deliveries(&mut self.producer);
        usage::control(&mut self.producer, now);
        match polled.wake {
            Wake::Now => Some(now.as_millis()),
            Wake::At(at) => Some(at.as_millis()),
            Wake::OnIo => None,
        }
    }
}
