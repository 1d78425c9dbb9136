//! What a record costs when all goes well, in batches of a given number of records.

use cortex_m_semihosting::hprintln;
use nanokafka::{Config, Record, Resources, Status};

use crate::broker::Brokers;
use crate::rig::Rig;
use crate::wire::LINKS;

/// Records of a scene, warm-up apart.
const RECORDS: u32 = 1_000;
/// Those before, which find the memory in its first state.
const WARM_UP: u32 = 200;
const VALUE_BYTES: usize = 20;
/// A reading is taken each second.
const READING_MS: i64 = 1_000;

/// Two batches of 100 readings.
type Memory = Resources<2, 3_072, 1, 1, 1, LINKS>;

static mut MEMORY: Memory = Memory::new();

/// Sends all in batches of `batch` records and tells what was counted.
// Both scenes inlined into one frame would not fit the memory.
#[inline(never)]
#[allow(clippy::deref_addrof, reason = "what it proposes is a reference to a `static mut`")]
pub(crate) fn run(batch: u32) {
    // SAFETY: the one producer that had it before is gone when this function is called again.
    let memory = unsafe { &mut *(&raw mut MEMORY) };
    *memory = Memory::new();
    // A batch is due when the application polls: there are as many records in it as it has sent by then.
    let config = Config { client_id: "device-7", linger_ms: 0, ..Config::new(&["192.0.2.7:9092"]) };
    let mut rig = Rig::new(config, memory.lend(), Brokers::new(1, 1));
    rig.until("online", 1, |rig| rig.producer.status() == Status::Online);
    send_all(&mut rig, WARM_UP, batch);
    rig.forget();
    let (sent_before, written_before) = (rig.wire.bytes, rig.brokers.written);
    send_all(&mut rig, RECORDS, batch);
    let bytes = rig.wire.bytes - sent_before;
    assert!(rig.brokers.written - written_before == u64::from(RECORDS), "all are in the log");
    assert!(rig.delivered == u64::from(WARM_UP + RECORDS) && rig.failed == 0, "all are delivered");
    assert!(rig.until_batch.1 == RECORDS / batch, "each poll that sent one sent a whole one");
    hprintln!(
        "NK steady batch={} records={} send={} seal={} poll={} take={} polls={} bytes={} request_bytes={} batch_bytes={}",
        batch,
        RECORDS,
        rig.send.total,
        rig.until_batch.0,
        rig.poll.total,
        rig.take.total,
        rig.poll.calls,
        bytes,
        rig.brokers.request_bytes,
        rig.brokers.batch_bytes
    );
}

fn send_all(rig: &mut Rig, records: u32, batch: u32) {
    let mut value = [0; VALUE_BYTES];
    let mut timestamp_ms = 1_700_000_000_000;
    for index in 0..records {
        value[..4].copy_from_slice(&index.to_be_bytes());
        let record = Record::new(rig.topic, &value).timestamp_ms(timestamp_ms);
        let ticket = rig.send(&record).expect("there is room");
        assert!(ticket.index == index % batch, "its place in the batch");
        timestamp_ms += READING_MS;
        if (index + 1) % batch == 0 {
            let before = rig.delivered;
            rig.until("acknowledged", 1, |rig| rig.delivered == before + u64::from(batch));
        }
    }
}
