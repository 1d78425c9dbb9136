//! All there is: each setting from a register, and each method that takes code.

use nanokafka::{Acks, AddressMapping, Config, Header, Instant, Overflow, Producer, Record, TopicId};

use crate::registers::{input, millis, output};

pub(super) fn config() -> Config<'static> {
    Config {
        client_id: "sizes",
        acks: match input() {
            0 => Acks::None,
            1 => Acks::Leader,
            _ => Acks::All,
        },
        address_map: &[AddressMapping { advertised: "kafka-1:9092", reached_at: "192.0.2.7:19092" }],
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
    }
}

pub(super) fn send(producer: &mut Producer<'static>, topic: TopicId, now: Instant) {
    let (key, value) = (input().to_be_bytes(), [input().to_be_bytes(), input().to_be_bytes()]);
    let headers = [Header { key: "unit", value: Some(&key) }];
    let mut record = Record::new(topic, value.as_flattened()).timestamp_ms(millis() as i64);
    if input() == 0 {
        record = record.key(&key);
    }
    if input() == 0 {
        record.partition = Some(input() as i32);
    }
    if input() == 0 {
        record.headers = &headers;
    }
    match producer.send(now, &record) {
        Ok(ticket) => output(ticket.index),
        Err(_) => output(1),
    }
}

pub(super) fn take_deliveries(producer: &mut Producer<'static>) {
    while let Some(done) = producer.peek_delivery() {
        for record in done.records {
            output(record.value.map_or(0, <[u8]>::len) as u32);
        }
        if let Some(delivery) = producer.next_delivery() {
            output(delivery.result.map_or(0, |ack| ack.base_offset.unwrap_or(-1) as u32));
        }
    }
}

pub(super) fn control(producer: &mut Producer<'static>, now: Instant) {
    match input() {
        0 => producer.flush(),
        1 => producer.close(now.saturating_add_ms(1_000)),
        2 => producer.reset(),
        _ => {}
    }
    output(producer.counters().bytes_sent as u32);
}
