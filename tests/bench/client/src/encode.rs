//! What a record costs from `send` to its sealed batch, and what it must cost: a copy and a checksum.

use std::hint::black_box;

use nanokafka::{Acks, Config, Instant, Producer, Record, Resources, SendError, Status, TopicId};
use plan::{BATCH_BYTES, Error, LINGER_MS};

use crate::fake_broker::FakeBroker;

/// Enough to keep `IN_FLIGHT` on their way and one open; little enough for the processor's cache.
const BATCHES: usize = 8;

const TOPIC: &str = "encode";

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// The copy of the value and the CRC-32C of each 16 KiB.
    Floor,
    /// `send`, and the `poll` that seals the batch and hands it to a transport which takes it. With acks=0, so that
    /// nothing follows but the batch's report.
    SendSeal,
    /// All of a producer's work: besides, idempotence, the answer, and what follows from it.
    Whole,
}

const MODES: [(&str, Mode); 3] =
    [("floor", Mode::Floor), ("send_seal", Mode::SendSeal), ("whole", Mode::Whole)];

/// `VALUE_BYTES RECORDS ROUNDS`: one line `MODE NANOSECONDS` for each mode and round, the modes by turns.
pub(crate) fn time(args: &[String]) -> Result<(), Error> {
    let [value_bytes, records, rounds] = args else { return Err("VALUE_BYTES RECORDS ROUNDS".into()) };
    let (value_bytes, records, rounds) = (value_bytes.parse()?, records.parse()?, rounds.parse::<u32>()?);
    for _ in 0..rounds {
        for (name, mode) in MODES {
            let seconds = run(mode, value_bytes, records);
            println!("{name} {:.4}", seconds * 1e9 / records as f64);
        }
    }
    Ok(())
}

/// `MODE VALUE_BYTES RECORDS`: nothing else, for a count of instructions.
pub(crate) fn once(args: &[String]) -> Result<(), Error> {
    let [mode, value_bytes, records] = args else { return Err("MODE VALUE_BYTES RECORDS".into()) };
    let known = MODES.iter().find(|(name, _)| name == mode);
    let (_, mode) = known.ok_or("the modes are floor, send_seal and whole")?;
    run(*mode, value_bytes.parse()?, records.parse()?);
    Ok(())
}

fn run(mode: Mode, value_bytes: usize, records: u64) -> f64 {
    let value = vec![b'v'; value_bytes];
    match mode {
        Mode::Floor => floor(&value, records),
        Mode::SendSeal => produce(&value, records, Acks::None),
        Mode::Whole => produce(&value, records, Acks::All),
    }
}

fn floor(value: &[u8], records: u64) -> f64 {
    let mut batches = vec![0; BATCHES * BATCH_BYTES];
    let per_batch = BATCH_BYTES / value.len();
    let mut left = records as usize;
    let begin = std::time::Instant::now();
    for index in (0..BATCHES).cycle() {
        let batch = &mut batches[index * BATCH_BYTES..][..BATCH_BYTES];
        let count = per_batch.min(left);
        if count == 0 {
            break;
        }
        left -= count;
        for place in batch.chunks_exact_mut(value.len()).take(count) {
            place.copy_from_slice(black_box(value));
        }
        black_box(crc32c::crc32c(&batch[..count * value.len()]));
    }
    begin.elapsed().as_secs_f64()
}

fn produce(value: &[u8], records: u64, acks: Acks) -> f64 {
    let mut memory = Box::new(Resources::<BATCHES, BATCH_BYTES>::new());
    // Time stands still: what is measured has no timers in it.
    let now = Instant::from_millis(1_000);
    let config = Config {
        acks,
        linger_ms: LINGER_MS,
        enable_idempotence: acks == Acks::All,
        max_in_flight: plan::IN_FLIGHT,
        ..Config::new(&["127.0.0.1:9092"])
    };
    let mut producer = Producer::new(config, memory.lend(), now).expect("the configuration is right");
    let topic = producer.register_topic(TOPIC).expect("there is a place for one topic");
    let mut broker = FakeBroker::new(TOPIC, acks != Acks::None);
    for _ in 0..100 {
        producer.poll(now, &mut broker);
    }
    assert_eq!(producer.status(), Status::Online);

    let begin = std::time::Instant::now();
    for _ in 0..records {
        send(&mut producer, now, topic, black_box(value), &mut broker);
    }
    let seconds = begin.elapsed().as_secs_f64();
    assert_eq!(producer.counters().records_accepted as u64, records);
    seconds
}

fn send(producer: &mut Producer<'_>, now: Instant, topic: TopicId, value: &[u8], broker: &mut FakeBroker) {
    let record = Record::new(topic, value).timestamp_ms(1_700_000_000_000);
    loop {
        match producer.send(now, &record) {
            // A batch was begun, so the one before it is full.
            Ok(ticket) if ticket.index == 0 => return turn(producer, now, broker),
            Ok(_) => return,
            Err(SendError::Full) => turn(producer, now, broker),
            Err(error) => panic!("{error}"),
        }
    }
}

fn turn(producer: &mut Producer<'_>, now: Instant, broker: &mut FakeBroker) {
    producer.poll(now, broker);
    while let Some(delivery) = producer.next_delivery() {
        assert!(delivery.result.is_ok(), "{delivery:?}");
    }
}
