//! A producer's whole life: it starts under difficulties, meets every kind of refusal and of broken connection, and
//! is closed. Its calls are counted, and how deep the stack gets below each.

use cortex_m_semihosting::hprintln;
use nanokafka::{Config, Header, Overflow, Record, Resources, SendError, Status};

use crate::broker::{Brokers, Fault, PARTITIONS};
use crate::rig::Rig;
use crate::wire::LINKS;

const BATCHES: usize = 8;
const BATCH_BYTES: usize = 1_024;

const LEADER_NOT_AVAILABLE: i16 = 5;
const NOT_LEADER_OR_FOLLOWER: i16 = 6;
const MESSAGE_TOO_LARGE: i16 = 10;
const COORDINATOR_LOAD_IN_PROGRESS: i16 = 14;
const OUT_OF_ORDER_SEQUENCE_NUMBER: i16 = 45;
const CLUSTER_AUTHORIZATION_FAILED: i16 = 31;
const UNKNOWN_PRODUCER_ID: i16 = 59;
const INVALID_RECORD: i16 = 87;

type Memory = Resources<BATCHES, BATCH_BYTES, 1, PARTITIONS, 2, LINKS>;

static mut MEMORY: Memory = Memory::new();

const CONFIG: Config<'static> = Config {
    client_id: "device-7",
    linger_ms: 20,
    request_timeout_ms: 1_000,
    delivery_timeout_ms: 5_000,
    overflow: Overflow::DropOldest,
    max_in_flight: 5,
    ..Config::new(&["192.0.2.7:9092", "kafka-2.example.com:9092"])
}
.checked();

/// Lives through all, and tells what was counted.
// Both scenes inlined into one frame would not fit the memory.
#[inline(never)]
#[allow(clippy::deref_addrof, reason = "what it proposes is a reference to a `static mut`")]
pub(crate) fn run() {
    // SAFETY: called once.
    let memory = unsafe { &mut *(&raw mut MEMORY) };
    let mut rig = Rig::new(CONFIG, memory.lend(), Brokers::new(PARTITIONS, LINKS));
    let mut accepted = 0;
    start(&mut rig, &mut accepted);
    refusals(&mut rig, &mut accepted);
    broken_connections(&mut rig, &mut accepted);
    overflow_and_expiry(&mut rig, &mut accepted);
    end(&mut rig, &mut accepted);
    let counters = *rig.producer.counters();
    assert!(rig.delivered == counters.records_delivered as u64, "those that were reported as delivered");
    assert!(rig.delivered + counters.records_failed as u64 == accepted, "each record has one outcome");
    assert!(
        rig.failed + counters.records_dropped as u64 == counters.records_failed as u64,
        "each failure was told"
    );
    assert!(rig.brokers.written >= rig.delivered, "all that was delivered is in the log");
    rig.new.tell("life", "new");
    rig.send.tell("life", "send");
    rig.poll.tell("life", "poll");
    rig.take.tell("life", "next_delivery");
    rig.other.tell("life", "other");
    hprintln!(
        "NK life batches={} batch_bytes={} partitions={} delivered={} failed={}",
        BATCHES,
        BATCH_BYTES,
        PARTITIONS,
        rig.delivered,
        counters.records_failed
    );
}

/// Sends so many records with these headers, each with a key of its own, and with a value of this length.
fn send(rig: &mut Rig, accepted: &mut u64, records: u32, value_len: usize) {
    let value = [b'v'; 400];
    let headers = [Header { key: "unit", value: Some(b"K") }];
    for index in 0..records {
        let key = index.to_be_bytes();
        let record = Record::new(rig.topic, &value[..value_len]).key(&key).headers(&headers);
        rig.send(&record.timestamp_ms(1_700_000_000_000 + i64::from(index))).expect("there is room");
        *accepted += 1;
    }
}

/// Until everything has its outcome.
fn settle(rig: &mut Rig) {
    rig.call(|producer| producer.flush());
    rig.until("flushed", 10, |rig| rig.producer.unfinished_batches() == 0);
}

/// Connections are refused, wait and give bytes one by one; the topic and the producer id are not there at once. The
/// first records are there before anything is known.
fn start(rig: &mut Rig, accepted: &mut u64) {
    rig.wire.weather.refuse = 3;
    rig.wire.weather.wait = 2;
    rig.wire.weather.stall = 2;
    rig.brokers.metadata_code = LEADER_NOT_AVAILABLE;
    rig.brokers.init_code = COORDINATOR_LOAD_IN_PROGRESS;
    send(rig, accepted, 4, 20);
    rig.until("the first delivery", 5, |rig| rig.delivered == 4);
    assert!(rig.producer.status() == Status::Online, "online");
    rig.wire.weather.piece = Some(7);
    send(rig, accepted, 40, 20);
    rig.until("delivered in pieces", 5, |rig| rig.delivered == 44);
    rig.wire.weather.piece = None;
    // Without a key, and to a partition that is named; all partitions at once.
    for partition in 0..PARTITIONS as i32 {
        let value = [b'v'; 900];
        rig.send(&Record::new(rig.topic, &value).partition(partition)).expect("there is room");
        *accepted += 1;
    }
    settle(rig);
    assert!(rig.delivered == 50, "all partitions");
}

/// The brokers refuse batches, for each class of reasons.
fn refusals(rig: &mut Rig, accepted: &mut u64) {
    for code in [NOT_LEADER_OR_FOLLOWER, UNKNOWN_PRODUCER_ID, OUT_OF_ORDER_SEQUENCE_NUMBER] {
        rig.brokers.fault = Some(Fault::Code(code));
        let before = rig.delivered + rig.failed;
        send(rig, accepted, 12, 20);
        settle(rig);
        assert!(rig.delivered + rig.failed == before + 12, "settled after {code}");
    }
    let (before, splits) = (rig.delivered, rig.producer.counters().batch_splits);
    rig.brokers.fault = Some(Fault::Code(MESSAGE_TOO_LARGE));
    send(rig, accepted, 40, 20);
    settle(rig);
    assert!(rig.delivered == before + 40, "delivered after the split");
    assert!(rig.producer.counters().batch_splits > splits, "a batch was split");
    let before = rig.failed;
    rig.brokers.fault = Some(Fault::BadRecord(INVALID_RECORD));
    send(rig, accepted, 12, 20);
    settle(rig);
    assert!(rig.failed > before, "a record was refused");
    assert!(rig.producer.counters().epoch_bumps > 0, "numbered anew");
}

/// Connections end at every point of a request's way.
fn broken_connections(rig: &mut Rig, accepted: &mut u64) {
    let before = rig.delivered;
    for fault in [Fault::AnswerLost, Fault::Malformed, Fault::Silence] {
        rig.brokers.fault = Some(fault);
        send(rig, accepted, 12, 20);
        settle(rig);
    }
    rig.wire.weather.break_send = true;
    send(rig, accepted, 12, 20);
    settle(rig);
    assert!(rig.delivered == before + 48, "all the same delivered");
    assert!(rig.brokers.duplicates > 0, "a batch came twice, and was known");
    let counters = rig.producer.counters();
    assert!(counters.request_timeouts > 0 && counters.malformed_responses > 0, "they were noticed");
}

/// No broker is to be reached: memory is full, then what is left expires.
fn overflow_and_expiry(rig: &mut Rig, accepted: &mut u64) {
    rig.wire.weather.refuse = u32::MAX;
    for link in &mut rig.wire.links {
        link.cut();
    }
    rig.turn();
    let before = rig.producer.counters().records_dropped;
    let value = [b'v'; 400];
    for index in 0..60 {
        let record = Record::new(rig.topic, &value).partition(index % PARTITIONS as i32);
        match rig.send(&record) {
            Ok(_) => *accepted += 1,
            Err(SendError::Full) => {}
            Err(error) => panic!("{error}"),
        }
        rig.now_ms += 10;
        rig.turn();
    }
    assert!(rig.producer.counters().records_dropped > before, "the oldest made room");
    let failed = rig.failed;
    rig.until("expired", 100, |rig| rig.producer.unfinished_batches() == 0);
    assert!(rig.failed > failed, "they were told");
    rig.wire.weather.refuse = 0;
    let delivered = rig.delivered;
    send(rig, accepted, 12, 20);
    rig.until("delivered again", 100, |rig| rig.delivered == delivered + 12);
}

/// The producer is shut out, begins anew, and is closed with something left to do.
fn end(rig: &mut Rig, accepted: &mut u64) {
    rig.brokers.fault = Some(Fault::Code(CLUSTER_AUTHORIZATION_FAILED));
    let before = rig.failed;
    send(rig, accepted, 12, 20);
    settle(rig);
    assert!(rig.failed > before, "shut out");
    rig.call(|producer| producer.reset());
    let before = rig.delivered;
    send(rig, accepted, 12, 20);
    settle(rig);
    assert!(rig.delivered == before + 12, "delivered by the new producer id");
    let values = rig.producer.counters().records_accepted;
    send(rig, accepted, 12, 20);
    assert!(rig.producer.counters().records_accepted == values + 12, "accepted");
    let deadline = rig.now().saturating_add_ms(1_000);
    rig.call(|producer| producer.close(deadline));
    rig.until("closed", 5, |rig| rig.producer.is_closed());
}
