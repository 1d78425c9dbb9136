//! Each version of Kafka starts, administers, takes and gives back records through its own clients.

use nanokafka_cluster::{Cluster, Options, ProduceRecord};

fn round_trip(version: &str) {
    let mut cluster = Cluster::start(Options::new(version)).unwrap();
    cluster.create_topic("t", 3).unwrap();
    assert_eq!(cluster.leaders("t").unwrap(), [1, 1, 1]);
    let mut records: Vec<_> =
        (0..500u32).map(|i| ProduceRecord::keyed(format!("device-{}", i % 7), i.to_be_bytes())).collect();
    records.push(ProduceRecord { partition: Some(2), key: None, value: None });
    records.push(ProduceRecord { partition: Some(0), key: Some(vec![]), value: Some(vec![]) });
    let places = cluster.produce("t", &records).unwrap();
    let read = cluster.read_all("t").unwrap();
    assert_eq!(read.len(), records.len());
    for (sent, (partition, offset)) in records.iter().zip(&places) {
        let got = read.iter().find(|r| (r.partition, r.offset) == (*partition, *offset)).unwrap();
        assert_eq!((&got.key, &got.value), (&sent.key, &sent.value));
        assert!(got.timestamp_ms > 1_600_000_000_000 && got.headers.is_empty());
    }
    assert_eq!(cluster.end_offsets("t").unwrap().iter().sum::<i64>(), 502);
    let keys: Vec<_> = (0..7).map(|i| format!("device-{i}")).collect();
    for ((_, partition), place) in cluster.murmur2_partitions(&keys, 3).unwrap().iter().zip(&places) {
        assert_eq!(*partition, place.0);
    }
    cluster.add_partitions("t", 5).unwrap();
    assert_eq!(cluster.end_offsets("t").unwrap()[3..], [0, 0]);
    cluster.delete_topic("t").unwrap();
    cluster.stop();
}

fn three_nodes(version: &str) {
    let mut cluster = Cluster::start(Options::new(version).nodes(3)).unwrap();
    cluster.create_topic_with_leaders("t", &[1, 2, 3, 1, 2, 3]).unwrap();
    assert_eq!(cluster.leaders("t").unwrap(), [1, 2, 3, 1, 2, 3]);
    cluster.move_leader("t", 0, 3).unwrap();
    assert_eq!(cluster.leaders("t").unwrap()[0], 3);
    cluster.pause(1).unwrap();
    cluster.resume(1).unwrap();
    cluster.kill(2).unwrap();
    assert!(cluster.kill(2).unwrap_err().to_string().contains("not running"));
    let records: Vec<_> = (0..60).map(|i| ProduceRecord::keyed(vec![i], vec![i])).collect();
    cluster.produce("t", &records).unwrap();
    assert_eq!(cluster.read_all("t").unwrap().len(), 60);
    cluster.restart(2).unwrap();
    cluster.move_leader("t", 5, 2).unwrap();
    cluster.terminate(3).unwrap();
    cluster.restart(3).unwrap();
    assert_eq!(cluster.read_all("t").unwrap().len(), 60);
}

#[test]
#[ignore = "needs Java; run by cargo xtask test --only kafka"]
fn kafka_4_4_0() {
    round_trip("4.4.0");
}

#[test]
#[ignore = "needs Java; run by cargo xtask test --only kafka"]
fn kafka_3_9_2() {
    round_trip("3.9.2");
}

#[test]
#[ignore = "needs Java; run by cargo xtask test --only kafka"]
fn kafka_2_8_2() {
    round_trip("2.8.2");
}

#[test]
#[ignore = "needs Java; run by cargo xtask test --only kafka"]
fn three_nodes_of_kafka_4_4_0() {
    three_nodes("4.4.0");
}

#[test]
#[ignore = "needs Java; run by cargo xtask test --only kafka"]
fn three_nodes_of_kafka_2_8_2() {
    three_nodes("2.8.2");
}

#[test]
#[ignore = "needs Java; run by cargo xtask test --only kafka"]
fn kafka_4_4_0_that_cannot_start_shows_its_log() {
    let broken = Options::new("4.4.0").property("log.retention.hours", "soon");
    let error = Cluster::start(broken).unwrap_err().to_string();
    assert!(error.contains("log.retention.hours"), "{error}");
}

#[test]
#[ignore = "needs Java; run by cargo xtask test --only kafka"]
fn kafka_4_4_0_gives_back_a_million_records() {
    let mut cluster = Cluster::start(Options::new("4.4.0")).unwrap();
    cluster.create_topic("t", 2).unwrap();
    let records: Vec<_> = (0..1_000_000u32)
        .map(|i| ProduceRecord { partition: Some(0), key: None, value: Some(i.to_be_bytes().into()) })
        .collect();
    cluster.produce("t", &records).unwrap();
    let read = cluster.read_all("t").unwrap();
    assert_eq!(read.len(), records.len());
    assert!(read.iter().zip(&records).all(|(read, sent)| read.value == sent.value));
}
