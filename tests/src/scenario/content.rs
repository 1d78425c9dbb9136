//! What arrives, where, and what is asked of the broker for it.

use nanokafka::{Acks, Record};

use crate::broker::Content;
use crate::rig::Rig;
use crate::world::{Setup, World};

fn with_acks<R: Rig>(acks: Acks) -> World<R> {
    let world = Setup::<R>::nodes(2).topic("t", 4).config(|config| {
        config.acks = acks;
        config.enable_idempotence = acks == Acks::All;
    });
    let mut world = world.start();
    let topic = world.topic("t");
    for partition in 0..4 {
        world.send_many(topic, Some(partition), 10);
    }
    world.settle();
    assert_eq!(world.delivered(), 40);
    world
}

/// `acks=all` is -1 on the wire.
pub fn acks_all_asks_for_all<R: Rig>() {
    let world = with_acks::<R>(Acks::All);
    assert!(world.produce_requests().iter().all(|seen| seen.acks == -1));
    world.finish();
}

/// `acks=1`.
pub fn acks_1_asks_for_the_leader<R: Rig>() {
    let world = with_acks::<R>(Acks::Leader);
    assert!(world.produce_requests().iter().all(|seen| seen.acks == 1));
    world.finish();
}

/// `acks=0`: delivered without an offset, once the bytes are on their way.
pub fn acks_0_gets_no_answer_and_loses_nothing_on_a_good_connection<R: Rig>() {
    let mut world = with_acks::<R>(Acks::None);
    assert!(
        world.deliveries().iter().all(|delivery| delivery.result.is_ok_and(|ack| ack.base_offset.is_none()))
    );
    world.run_until("the bytes have arrived", |world| world.cluster().records_written() == 40);
    assert!(world.produce_requests().iter().all(|seen| seen.acks == 0));
    world.finish();
}

/// Keys and their hashes by Java's `Utils.murmur2` (`kafka-producer.md` 4.6).
const HASHES: [(&str, i32); 4] = [
    ("21", -973_932_308),
    ("foobar", -790_332_482),
    ("a-little-bit-long-string", -985_981_536),
    ("abc", 479_470_107),
];

/// A key's partition is its hash without the sign, modulo the number of partitions, wherever it was sent from.
pub fn keys_land_where_java_puts_them<R: Rig>() {
    for partitions in [1, 3, 6, 17] {
        let setup = Setup::<R>::nodes(3).topic("t", partitions).capacities(|memory| memory.partitions = 17);
        let mut world = setup.start();
        let topic = world.topic("t");
        for (key, _) in HASHES {
            world
                .send(topic, None, Content::of_value(format!("value of {key}")).with_key(key))
                .expect("room");
        }
        world.settle();
        for (key, hash) in HASHES {
            let partition = (hash & 0x7FFF_FFFF) as usize % partitions;
            let mut cluster = world.cluster();
            let log = &cluster.topic_mut("t").partitions[partition].log;
            let found = log.iter().any(|record| record.content.key.as_deref() == Some(key.as_bytes()));
            assert!(found, "{key} is not in partition {partition} of {partitions}");
        }
        world.finish();
    }
}

/// Null and empty are different things, for keys, values and headers; times may run backwards. The judge
/// compares all of it.
pub fn nulls_headers_and_timestamps_arrive_as_they_were<R: Rig>() {
    let mut world = Setup::<R>::nodes(1).topic("t", 1).config(|config| config.linger_ms = 50).start();
    let topic = world.topic("t");
    let header = |key: &str, value: Option<&[u8]>| (key.to_owned(), value.map(<[u8]>::to_vec));
    let now = 1_700_000_000_000_i64;
    let contents = [
        Content { key: None, value: None, headers: vec![], timestamp_ms: now },
        Content { key: Some(vec![]), value: None, headers: vec![], timestamp_ms: now + 1 },
        Content { key: None, value: Some(vec![]), headers: vec![], timestamp_ms: now - 60_000 },
        Content { key: Some(vec![0; 100]), value: Some(vec![255; 200]), headers: vec![], timestamp_ms: now },
        Content {
            key: Some(b"k".to_vec()),
            value: None,
            headers: vec![header("h", None)],
            timestamp_ms: now,
        },
        Content {
            key: None,
            value: Some(b"v".to_vec()),
            headers: vec![header("", Some(b"")), header("größe", Some(b"\x00\xFF")), header("z", None)],
            timestamp_ms: now + 86_400_000 * 365,
        },
        Content { key: None, value: Some(b"no time".to_vec()), headers: vec![], timestamp_ms: -1 },
        Content { key: None, value: Some(b"1970".to_vec()), headers: vec![], timestamp_ms: 0 },
        Content { key: None, value: Some(b"again".to_vec()), headers: vec![], timestamp_ms: now },
    ];
    for content in contents.clone() {
        world.send_waiting(topic, Some(0), content);
    }
    world.settle();
    let log = world.cluster().topic_mut("t").partitions[0].log.clone();
    assert!(log.iter().map(|record| &record.content).eq(contents.iter()), "{log:#?}");
    world.finish();
}

/// `send_with` hands out the place of the value in the batch.
pub fn values_written_in_place_arrive_as_they_were<R: Rig>() {
    let mut world = Setup::<R>::nodes(1).topic("t", 1).start();
    let topic = world.topic("t");
    for n in 0..20_u8 {
        let now = world.rig.now();
        let record = Record::new(topic, b"not looked at").key(b"k").partition(0);
        let ticket = world.producer.send_with(now, &record, usize::from(n) * 3, |value| value.fill(n));
        assert!(ticket.is_ok_and(|ticket| ticket.dropped.is_none()));
    }
    world.producer.flush();
    world.set_takes_deliveries(false);
    world.run_until("all are written", |world| world.cluster().records_written() == 20);
    let log = world.cluster().topic_mut("t").partitions[0].log.clone();
    for (n, record) in log.iter().enumerate() {
        let content = Content::of_value(vec![n as u8; n * 3]).with_key("k");
        assert_eq!(record.content, content);
    }
    assert!(world.cluster().violations().is_empty());
}

/// `message.timestamp.type=LogAppendTime`.
pub fn the_time_of_the_append_is_reported<R: Rig>() {
    let mut world =
        Setup::<R>::nodes(1).topic("t", 1).topic("u", 1).capacities(|memory| memory.topics = 2).start();
    world.cluster().topic_mut("u").log_append_time_ms = Some(1_800_000_000_123);
    let times: Vec<Option<i64>> = ["t", "u"]
        .map(|name| {
            let topic = world.topic(name);
            world.send_many(topic, Some(0), 1);
            world.settle();
            let ack = world.deliveries().last().expect("a delivery").result.expect("it is delivered");
            ack.log_append_time_ms
        })
        .to_vec();
    assert_eq!(times, [None, Some(1_800_000_000_123)]);
    world.finish();
}
