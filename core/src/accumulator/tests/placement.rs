//! Which partition a record finds, before and after the topic is known.

use super::*;

#[test]
fn records_before_metadata_find_their_partitions_in_order() {
    let mut memory = Resources::new();
    let mut rig = Rig::new(&BASE, &mut memory);
    rig.set_partitions(0);
    let topic = TopicId::new(0);
    let explicit = rig.send_record(0, &Record::new(topic, b"a").partition(1)).unwrap();
    let keyed = rig.send_record(0, &Record::new(topic, b"b").key(b"abc")).unwrap();
    let again = rig.send_record(0, &Record::new(topic, b"c").key(b"abc")).unwrap();
    let later = rig.send_record(0, &Record::new(topic, b"d").partition(3)).unwrap();
    assert_eq!((keyed.batch, keyed.index, again.index), (again.batch, 0, 1));
    assert_eq!(rig.drain(100, 0, 9).0, []);
    rig.set_partitions(3);
    // murmur2("abc") & 0x7fffffff = 479470107, a multiple of 3; partition 3 does not exist yet.
    assert_eq!(rig.drain(100, 0, 9).0, [0, 1]);
    assert!(rig.accumulator.awaits_metadata());
    assert_eq!(rig.accumulator.unfinished(), 3);
    rig.set_topic(3, ErrorCode::INVALID_TOPIC_EXCEPTION);
    let delivery = rig.deliveries()[0];
    assert_eq!((delivery.batch, delivery.partition), (later.batch, None));
    assert_ne!(explicit.batch, keyed.batch);
}

#[test]
fn a_partition_without_a_place_is_refused_and_so_is_one_that_is_not_there() {
    let mut memory = Resources::new();
    let mut rig = Rig::new(&BASE, &mut memory);
    assert_eq!(rig.send(0, 3, 1), Err(SendError::UnknownPartition));
    assert_eq!(rig.send(0, -1, 1), Err(SendError::UnknownPartition));
    rig.set_partitions(100);
    assert_eq!(rig.send(0, 50, 1), Err(SendError::UnknownPartition), "it exists, but has no slot");
    assert!(rig.send(0, 2, 1).is_ok());
}

#[test]
fn test_uniform_built_in_partitioner_keyless_records_switch_at_batch_boundaries() {
    let mut memory = Resources::new();
    let mut rig = Rig::new(&BASE, &mut memory);
    let topic = TopicId::new(0);
    let mut partitions = Vec::new();
    for _ in 0..4 {
        // Two records of 60 bytes fill a batch: the third does not fit.
        let first = rig.send_record(0, &Record::new(topic, &[0; 60])).unwrap();
        let second = rig.send_record(0, &Record::new(topic, &[0; 60])).unwrap();
        assert_eq!(first.batch, second.batch, "no batch is torn");
        partitions.push(rig.accumulator.batches.get(first.batch.slot() as u16).partition);
    }
    assert!(partitions.windows(2).all(|pair| pair[0] != pair[1]), "{partitions:?}");
}
