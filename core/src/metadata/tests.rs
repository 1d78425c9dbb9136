use std::string::{String, ToString};
use std::vec::Vec;

use super::*;
use crate::config::{Settings, Turn};
use crate::node::Node;
use crate::producer::{Resources, Storage};
use crate::random::Random;

const CONFIG: Config<'static> = Config::new(&["h:1"]);
type Memory = Resources<1, 100, 2, 3, 2, 1>;

fn metadata(memory: &mut Memory) -> Metadata<'_> {
    let Storage { topics, partitions, brokers, hosts, .. } = memory.lend();
    let mut metadata = Metadata::new(&CONFIG, topics, partitions, brokers, hosts);
    metadata.register("t").unwrap();
    metadata
}

fn at(ms: u32) -> Tick {
    Tick::from_millis(ms)
}

fn turn(now: Tick) -> Turn<'static> {
    Turn { now, random: Random::new(1), settings: Settings::of(&CONFIG) }
}

fn host_bytes(metadata: &mut Metadata<'_>, host: &[u8]) {
    host.iter().for_each(|byte| metadata.host(*byte));
}

/// A whole response: brokers 1 to `brokers` at `h<id>:9092`, and the leaders of topic 0.
fn answer(metadata: &mut Metadata<'_>, now: u32, brokers: i32, error: i16, leaders: &[i32]) {
    metadata.update_started();
    metadata.begin();
    for id in 1..=brokers {
        metadata.begin_broker(id);
        host_bytes(metadata, format!("h{id}").as_bytes());
        metadata.port(9092);
    }
    let (error, partitions) = (ErrorCode::new(error), leaders.len() as u32);
    metadata.begin_topic(0, error, partitions);
    for (index, leader) in leaders.iter().enumerate() {
        metadata.partition(0, index as i32, *leader);
    }
    metadata.update_ended(&mut turn(at(now)));
}

#[test]
fn names_that_kafka_refuses_are_refused_and_a_name_has_one_place() {
    let mut memory = Memory::new();
    let mut metadata = metadata(&mut memory);
    for bad in ["", ".", "..", "a b", "t\u{e4}", &"x".repeat(250)] {
        let bad: &'static str = std::boxed::Box::leak(bad.into());
        assert_eq!(metadata.register(bad), Err(RegisterError::InvalidName), "{bad}");
    }
    let second = metadata.register("a.B_1-2").unwrap();
    assert_eq!(metadata.register("a.B_1-2"), Ok(second));
    assert_eq!(metadata.register("third"), Err(RegisterError::TableFull));
    assert_eq!(metadata.register("t"), Ok(TopicId::new(0)));
}

#[test]
fn leaders_and_their_addresses_are_known_after_one_answer() {
    let mut memory = Memory::new();
    let mut metadata = metadata(&mut memory);
    assert!(metadata.is_update_due(at(0)));
    answer(&mut metadata, 0, 2, 0, &[2, 1, -1]);
    let leaders: Vec<_> = (0..3).map(|partition| metadata.leader(partition)).collect();
    assert_eq!(leaders, [Node::broker(2), Node::broker(1), Node::NONE]);
    assert_eq!(metadata.endpoint(Node::broker(2)), Some(Endpoint { host: "h2", port: 9092 }));
    assert_eq!(metadata.partition_count(0), Some(3));
}

#[test]
fn a_cluster_larger_than_the_table_costs_one_more_pass_and_no_more_memory() {
    let mut memory = Memory::new();
    let mut metadata = metadata(&mut memory);
    answer(&mut metadata, 0, 10_000, 0, &[9_000, 3, 9_000]);
    assert_eq!(metadata.leader(0), Node::NONE, "the first two brokers took both places");
    assert!(metadata.is_update_due(at(0)), "asked again without backoff");
    answer(&mut metadata, 0, 10_000, 0, &[9_000, 3, 9_000]);
    assert_eq!((metadata.leader(0), metadata.leader(1)), (Node::broker(9_000), Node::broker(3)));
    assert!(!metadata.is_update_due(at(50)));
}

#[test]
fn more_leaders_than_places_do_not_make_it_ask_without_pause() {
    let mut memory = Memory::new();
    let mut metadata = metadata(&mut memory);
    for _ in 0..2 {
        answer(&mut metadata, 0, 3, 0, &[1, 2, 3]);
    }
    assert!(!metadata.is_update_due(at(0)));
}

#[test]
fn test_time_to_next_update_age_request_and_backoff_combine() {
    let mut memory = Memory::new();
    let mut metadata = metadata(&mut memory);
    answer(&mut metadata, 1_000, 1, 0, &[1]);
    assert_eq!(metadata.next_update(), at(301_000));
    metadata.request_update();
    let next = metadata.next_update().as_millis();
    assert!((1_079..=1_120).contains(&next), "not before the backoff: {next}");
    metadata.update_started();
    assert_eq!(metadata.next_update(), Tick::NEVER, "one at a time");
    metadata.request_update();
    metadata.update_failed(&mut turn(at(2_000)));
    let next = metadata.next_update().as_millis();
    assert!((2_079..=2_120).contains(&next), "{next}");
}

#[test]
fn test_metadata_equivalent_responses_backoff() {
    let mut memory = Memory::new();
    let mut metadata = metadata(&mut memory);
    let mut waits = Vec::new();
    for _ in 0..7 {
        metadata.request_update();
        answer(&mut metadata, 0, 1, 0, &[1, -1]);
        metadata.request_update();
        waits.push(metadata.next_update().as_millis());
    }
    assert!((79..=120).contains(&waits[0]) && (79..=120).contains(&waits[1]), "{waits:?}");
    assert!((319..=480).contains(&waits[3]) && (799..=1000).contains(&waits[6]), "{waits:?}");
    answer(&mut metadata, 0, 1, 0, &[1, 1]);
    metadata.request_update();
    assert!(metadata.next_update().as_millis() <= 120, "a leader is news");
    // What age calls for is no news, and costs whoever asks next nothing.
    answer(&mut metadata, 0, 1, 0, &[1, 1]);
    metadata.schedule.aged_at = at(1);
    answer(&mut metadata, 400_000, 1, 0, &[1, 1]);
    metadata.request_update();
    assert!(metadata.next_update().as_millis() <= 400_120);
}

#[cfg(feature = "address-map")]
#[test]
fn a_mapped_address_is_where_the_broker_is_reached_and_others_stay() {
    const MAP: &[AddressMapping<'static>] = &[
        AddressMapping { advertised: "h1:9092", reached_at: "[2001:db8::1]:19092" },
        AddressMapping { advertised: "h2:9093", reached_at: "never:1" },
    ];
    let mut memory = Memory::new();
    let Storage { topics, partitions, brokers, hosts, .. } = memory.lend();
    let config = Config { address_map: MAP, ..CONFIG };
    let mut metadata = Metadata::new(&config, topics, partitions, brokers, hosts);
    metadata.register("t").unwrap();
    answer(&mut metadata, 0, 2, 0, &[1]);
    assert_eq!(metadata.endpoint(Node::broker(1)), Some(Endpoint { host: "2001:db8::1", port: 19092 }));
    assert_eq!(metadata.endpoint(Node::broker(2)), Some(Endpoint { host: "h2", port: 9092 }));
}

#[test]
fn test_topic_errors_are_asked_about_again_with_doubling_backoff_and_cleared_by_a_good_answer() {
    let mut memory = Memory::new();
    let mut metadata = metadata(&mut memory);
    let mut waits = Vec::new();
    for _ in 0..6 {
        answer(&mut metadata, 0, 1, 3, &[]);
        waits.push(metadata.next_update().as_millis());
    }
    assert_eq!(metadata.topic_error(), Some((TopicId::new(0), ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)));
    assert!((79..=120).contains(&waits[0]) && (319..=480).contains(&waits[2]), "{waits:?}");
    assert!((799..=1000).contains(&waits[5]), "{waits:?}");
    answer(&mut metadata, 0, 1, 0, &[1]);
    assert_eq!(metadata.topic_error(), None);
}

#[test]
fn an_answer_without_brokers_is_a_failure_and_a_topic_without_partitions_is_being_created() {
    let mut memory = Memory::new();
    let mut metadata = metadata(&mut memory);
    answer(&mut metadata, 0, 0, 0, &[1]);
    assert_eq!(metadata.schedule.aged_at, Tick::ZERO, "asked for again");
    assert_eq!(metadata.partition_count(0), None, "nothing of it is believed");
    answer(&mut metadata, 0, 1, 0, &[]);
    assert_eq!(metadata.error_of(0), ErrorCode::LEADER_NOT_AVAILABLE);
    assert_eq!(metadata.partition_count(0), None);
}

#[test]
fn a_topic_that_seems_to_disappear_keeps_its_number_of_partitions() {
    let mut memory = Memory::new();
    let mut metadata = metadata(&mut memory);
    answer(&mut metadata, 0, 1, 0, &[1, 1]);
    answer(&mut metadata, 0, 1, 3, &[]);
    assert_eq!((metadata.partition_count(0), metadata.leader(0)), (Some(2), Node::NONE));
}

#[test]
fn a_broker_with_an_address_that_cannot_be_kept_is_nobodys_leader() {
    let mut memory = Memory::new();
    let mut metadata = metadata(&mut memory);
    for (host, port) in [(&[b'x'; 254][..], 9092), (b"", 9092), (b"\xff", 9092), (b"h", 0), (b"h", 65_536)] {
        metadata.begin();
        metadata.begin_broker(1);
        host_bytes(&mut metadata, host);
        metadata.port(port);
        metadata.begin_topic(0, ErrorCode::NONE, 1);
        metadata.partition(0, 0, 1);
        assert_eq!(metadata.leader(0), Node::NONE);
    }
}

#[test]
fn a_topic_registered_while_an_answer_is_awaited_is_asked_about_next() {
    let mut memory = Memory::new();
    let mut metadata = metadata(&mut memory);
    metadata.update_started();
    metadata.register("u").unwrap();
    assert_eq!(metadata.asked_topics(), 1, "the frame under way does not change");
    metadata.begin();
    metadata.begin_broker(1);
    host_bytes(&mut metadata, b"h");
    metadata.port(1);
    metadata.begin_topic(0, ErrorCode::NONE, 1);
    metadata.partition(0, 0, 1);
    metadata.update_ended(&mut turn(at(0)));
    assert!(metadata.next_update() <= at(120));
}

#[test]
fn names_and_ports_that_cannot_be_kept_make_the_broker_unknown() {
    let too_long = "x".repeat(97);
    for (host, port) in
        [(too_long.as_bytes(), 1), (&b"h\xe4"[..], 1), (b"h1", 0), (b"h1", 65_536), (b"h1", -1)]
    {
        let mut memory = Memory::new();
        let mut metadata = metadata(&mut memory);
        answer(&mut metadata, 0, 2, 0, &[1, 2]);
        metadata.update_started();
        metadata.begin();
        metadata.begin_broker(1);
        host_bytes(&mut metadata, host);
        metadata.port(port);
        metadata.update_ended(&mut turn(at(0)));
        assert_eq!(
            (metadata.endpoint(Node::broker(1)), metadata.leader(0)),
            (None, Node::NONE),
            "{host:?}, port {port}"
        );
        answer(&mut metadata, 0, 1, 0, &[1]);
        assert_eq!(
            metadata.endpoint(Node::broker(1)),
            Some(Endpoint { host: "h1", port: 9092 }),
            "and known again"
        );
    }
}

/// A whole response: these brokers, and the leaders of topic 0. Says whether it was taken.
fn answer_of(metadata: &mut Metadata<'_>, brokers: &[(i32, &str)], leaders: &[i32]) -> bool {
    metadata.update_started();
    metadata.begin();
    for (id, host) in brokers {
        metadata.begin_broker(*id);
        host_bytes(metadata, host.as_bytes());
        metadata.port(9092);
    }
    let partitions = leaders.len() as u32;
    metadata.begin_topic(0, ErrorCode::NONE, partitions);
    for (index, leader) in (0..).zip(leaders) {
        metadata.partition(0, index, *leader);
    }
    metadata.update_ended(&mut turn(at(0)))
}

fn host(metadata: &Metadata<'_>, id: i32) -> Option<String> {
    metadata.endpoint(Node::broker(id)).map(|endpoint| endpoint.host.to_string())
}

#[test]
fn the_longest_host_name_is_kept() {
    let mut memory = Resources::<1, 100, 2, 3, 2, 1, 300>::new();
    let Storage { topics, partitions, brokers, hosts, .. } = memory.lend();
    let mut metadata = Metadata::new(&CONFIG, topics, partitions, brokers, hosts);
    metadata.register("t").unwrap();
    let longest = "x".repeat(253);
    assert!(answer_of(&mut metadata, &[(1, &longest)], &[1]));
    assert_eq!(host(&metadata, 1), Some(longest));
}

#[test]
fn host_names_that_fill_the_room_make_way_for_those_of_leaders() {
    let mut memory = Resources::<1, 100, 2, 3, 8, 1, 24>::new();
    let Storage { topics, partitions, brokers, hosts, .. } = memory.lend();
    let mut metadata = Metadata::new(&CONFIG, topics, partitions, brokers, hosts);
    metadata.register("t").unwrap();
    let all = [(1, "broker-one"), (2, "broker-two"), (3, "leader-one"), (4, "leader-two")];
    assert!(answer_of(&mut metadata, &all, &[3, 4]));
    assert_eq!(metadata.leader(0), Node::NONE, "the first two have filled it");
    assert!(metadata.is_update_due(at(0)), "asked again without backoff");
    assert!(answer_of(&mut metadata, &all, &[3, 4]));
    assert_eq!(
        (host(&metadata, 3), host(&metadata, 4)),
        (Some("leader-one".into()), Some("leader-two".into()))
    );
    assert_eq!(host(&metadata, 1), None);
    // Who leads from now on takes the place of who does not.
    for _ in 0..2 {
        assert!(answer_of(&mut metadata, &all, &[1, 4]));
    }
    assert_eq!(
        (host(&metadata, 1), host(&metadata, 4)),
        (Some("broker-one".into()), Some("leader-two".into()))
    );
}

#[test]
fn a_broker_that_moves_is_found_there_at_the_second_pass_and_its_old_address_is_used_no_more() {
    for moved in ["host-two", "host-one.example.com", "host", "h"] {
        let mut memory = Memory::new();
        let mut metadata = metadata(&mut memory);
        assert!(answer_of(&mut metadata, &[(1, "host-one"), (2, "other")], &[1]));
        assert!(answer_of(&mut metadata, &[(1, moved), (2, "other")], &[1]));
        assert_eq!((host(&metadata, 1), metadata.leader(0)), (None, Node::NONE));
        assert!(metadata.is_update_due(at(0)), "asked again without backoff");
        assert!(answer_of(&mut metadata, &[(1, moved), (2, "other")], &[1]));
        assert_eq!(host(&metadata, 1).as_deref(), Some(moved));
    }
}
