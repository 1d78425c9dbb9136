//! A producer between an application and the brokers, each of its calls counted.

use cortex_m_semihosting::hprintln;
use nanokafka::{Config, Delivery, Instant, Producer, Record, SendError, Storage, Ticket, TopicId};

use crate::broker::{Brokers, TOPIC};
use crate::clock;
use crate::stack;
use crate::wire::Wire;

/// What is counted of one kind of call.
#[derive(Clone, Copy, Default)]
pub(crate) struct Cost {
    pub(crate) calls: u32,
    /// Instructions of all calls.
    pub(crate) total: u64,
    /// Instructions of the call that took most.
    pub(crate) most: u32,
    /// The deepest stack.
    pub(crate) depth: u32,
}

impl Cost {
    fn add(&mut self, instructions: u32, depth: u32) {
        self.calls += 1;
        self.total += u64::from(instructions);
        self.most = self.most.max(instructions);
        self.depth = self.depth.max(depth);
    }

    /// One line for the host.
    pub(crate) fn tell(&self, kind: &str, call: &str) {
        let Self { calls, total, most, depth } = self;
        hprintln!(
            "NK call scene={} name={} calls={} total={} most={} stack={}",
            kind,
            call,
            calls,
            total,
            most,
            depth
        );
    }
}

/// Instructions and stack of one call. The expression is evaluated here, not in a closure, so that nothing of the
/// measuring lies between.
macro_rules! counted {
    ($cost:expr, $call:expr) => {{
        let top = stack::pointer();
        stack::paint(top);
        let begin = clock::now();
        let result = $call;
        let end = clock::now();
        let depth = stack::depth(top);
        $cost.add(clock::between(begin, end) - EMPTY, depth);
        result
    }};
}

/// What is counted of nothing; checked at the start.
pub(crate) const EMPTY: u32 = 1;

pub(crate) struct Rig {
    pub(crate) producer: Producer<'static>,
    pub(crate) topic: TopicId,
    pub(crate) wire: &'static mut Wire,
    pub(crate) brokers: Brokers,
    pub(crate) now_ms: u64,
    pub(crate) delivered: u64,
    pub(crate) failed: u64,
    pub(crate) new: Cost,
    pub(crate) send: Cost,
    pub(crate) poll: Cost,
    pub(crate) take: Cost,
    pub(crate) other: Cost,
    /// Instructions of polls until they gave a batch away, and how many did.
    pub(crate) until_batch: (u64, u32),
}

// Each is a call of its own in the image, as in an application that calls it from two places.
#[inline(never)]
fn send(producer: &mut Producer<'static>, now: Instant, record: &Record<'_>) -> Result<Ticket, SendError> {
    producer.send(now, record)
}

#[inline(never)]
fn next_delivery(producer: &mut Producer<'static>) -> Option<Delivery> {
    producer.next_delivery()
}

#[inline(never)]
fn new(config: Config<'static>, memory: Storage<'static>, now: Instant) -> Option<Producer<'static>> {
    Producer::new(config, memory, now).ok()
}

impl Rig {
    pub(crate) fn new(config: Config<'static>, memory: Storage<'static>, brokers: Brokers) -> Self {
        assert!(stack::has_room(stack::pointer()), "the statics leave too little room for the stack");
        let (now_ms, mut cost, mut other) = (1_000, Cost::default(), Cost::default());
        let producer = counted!(cost, new(config, memory, Instant::from_millis(now_ms)));
        let mut producer = producer.expect("the configuration is right");
        let topic = counted!(other, producer.register_topic(TOPIC)).expect("there is a place for one topic");
        Self {
            producer,
            topic,
            wire: Wire::anew(),
            brokers,
            now_ms,
            delivered: 0,
            failed: 0,
            new: cost,
            send: Cost::default(),
            poll: Cost::default(),
            take: Cost::default(),
            other,
            until_batch: (0, 0),
        }
    }

    pub(crate) fn now(&self) -> Instant {
        Instant::from_millis(self.now_ms)
    }

    pub(crate) fn send(&mut self, record: &Record<'_>) -> Result<Ticket, SendError> {
        let now = self.now();
        counted!(self.send, send(&mut self.producer, now, record))
    }

    /// One `poll`, without what the transport took.
    pub(crate) fn poll(&mut self) {
        let now = self.now();
        let top = stack::pointer();
        stack::paint(top);
        self.wire.begin();
        let begin = clock::now();
        self.producer.poll(now, self.wire);
        let end = clock::now();
        let depth = stack::depth(top);
        self.poll.add(clock::between(begin, end) - EMPTY - self.wire.outside(), depth);
        if let Some(instructions) = self.wire.batch_after() {
            self.until_batch.0 += u64::from(instructions);
            self.until_batch.1 += 1;
        }
    }

    /// Takes what there is to take.
    pub(crate) fn take(&mut self) {
        while let Some(delivery) = counted!(self.take, next_delivery(&mut self.producer)) {
            let records = u64::from(delivery.records);
            match delivery.result {
                Ok(_) => self.delivered += records,
                Err(_) => self.failed += records,
            }
        }
    }

    /// One turn of all: the producer, the brokers, the application.
    pub(crate) fn turn(&mut self) {
        self.poll();
        self.brokers.turn(self.wire);
        self.take();
    }

    /// Turns, each so many milliseconds after the one before, until it is so.
    pub(crate) fn until(&mut self, what: &str, step_ms: u64, so: impl Fn(&Self) -> bool) {
        for _ in 0..10_000 {
            if so(self) {
                return;
            }
            self.now_ms += step_ms;
            self.turn();
        }
        panic!("never: {what}");
    }

    /// One of the calls that are rare.
    pub(crate) fn call(&mut self, call: impl FnOnce(&mut Producer<'static>)) {
        counted!(self.other, call(&mut self.producer));
    }

    /// Forgets what was counted.
    pub(crate) fn forget(&mut self) {
        (self.send, self.poll, self.take) = (Cost::default(), Cost::default(), Cost::default());
        self.until_batch = (0, 0);
    }
}
