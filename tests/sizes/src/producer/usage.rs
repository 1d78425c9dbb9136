//! What nearly every device does: records with a key and without, their outcomes, and an end.

use nanokafka::{Config, Instant, Producer, Record, TopicId};

use crate::registers::{input, millis, output};

const CONFIG: Config<'static> = Config {
    client_id: "sizes",
    linger_ms: 1_000,
    ..Config::new(&["kafka-1.example.com:9092", "192.0.2.7:9092"])
}
.checked();

pub(super) fn config() -> Config<'static> {
    Config { random_seed: millis(), ..CONFIG }
}

pub(super) fn send(producer: &mut Producer<'static>, topic: TopicId, now: Instant) {
    let (key, value) = (input().to_be_bytes(), [input().to_be_bytes(), input().to_be_bytes()]);
    let mut record = Record::new(topic, value.as_flattened()).timestamp_ms(millis() as i64);
    if input() == 0 {
        record = record.key(&key);
    }
    match producer.send(now, &record) {
        Ok(ticket) => output(ticket.index),
        Err(_) => output(1),
    }
}

pub(super) fn take_deliveries(producer: &mut Producer<'static>) {
    while let Some(delivery) = producer.next_delivery() {
        output(delivery.records);
        output(delivery.result.map_or(0, |ack| ack.base_offset.unwrap_or(-1) as u32));
    }
}

pub(super) fn control(producer: &mut Producer<'static>, now: Instant) {
    if input() == 0 {
        producer.close(now.saturating_add_ms(1_000));
    }
}
