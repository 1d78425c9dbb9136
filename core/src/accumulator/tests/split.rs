//! Row A12: `testSplitAndReenqueue`, `testSplitAndReenqueuePreventInfiniteRecursion`, in one slot.

use super::*;

/// Sends so many records to partition 0 and drains their batch, with a stamp.
fn drained(rig: &mut Rig<'_>, records: u8) -> u16 {
    for value in 0..records {
        let value = [value];
        rig.send_record(0, &Record::new(TopicId::new(0), &value).partition(0)).unwrap();
    }
    drain_stamped(rig, 100)
}

fn drain_stamped(rig: &mut Rig<'_>, base_sequence: i32) -> u16 {
    let request = rig.drain_stamped_to(0, base_sequence);
    rig.batch(request, 0)
}

fn values(rig: &Rig<'_>) -> Vec<u8> {
    let (_, records) = rig.accumulator.peek_delivery().unwrap();
    records.map(|record| record.value.unwrap()[0]).collect()
}

#[test]
fn halves_go_out_in_order_each_with_its_own_delivery_from_one_slot() {
    let mut memory = Resources::new();
    let mut rig = Rig::new(&BASE, &mut memory);
    let batch = drained(&mut rig, 5);
    assert!(rig.accumulator.split(batch, &mut rig.counters));
    let mut seen = Vec::new();
    let mut offset = 0;
    while rig.accumulator.unfinished() > 0 {
        let batch = drain_stamped(&mut rig, -9);
        let sequence = rig.accumulator.sequence_of(batch).unwrap();
        assert_eq!(sequence, 100 + offset, "numbers run on");
        let records = rig.accumulator.records(batch) as i32;
        rig.complete(batch, Ok(Ack::new(i64::from(offset), -1)));
        offset += records;
        // Nothing else of the partition before the application has taken the first half.
        rig.send(1000, 0, 1).ok();
        assert_eq!((rig.ready_at(0) == Tick::NEVER), offset == 2, "at offset {offset}");
        let expected = values(&rig);
        let delivery = rig.accumulator.next_delivery().unwrap();
        assert_eq!(delivery.records as usize, expected.len());
        seen.push((delivery.first_index, delivery.batch));
        if offset == 5 {
            break;
        }
    }
    assert_eq!(seen.iter().map(|(first, _)| *first).collect::<Vec<_>>(), [0, 2]);
    assert_eq!(seen[0].1, seen[1].1, "the tickets name one batch");
    assert_eq!(rig.counters.batch_splits, 1);
}

#[test]
fn splits_end_at_single_records_which_fail_and_the_others_go_on() {
    let mut memory = Resources::new();
    let mut rig = Rig::new(&BASE, &mut memory);
    drained(&mut rig, 7);
    let mut batch = rig.accumulator.in_flight_on(0, 0).unwrap();
    let mut reported = Vec::new();
    for _ in 0..40 {
        if rig.accumulator.records(batch) > 1 {
            assert!(rig.accumulator.split(batch, &mut rig.counters));
        } else {
            assert!(!rig.accumulator.split(batch, &mut rig.counters));
            rig.complete(batch, Err(DeliveryError::Failed(ErrorCode::MESSAGE_TOO_LARGE)));
            reported.extend(values(&rig));
            let delivery = rig.accumulator.next_delivery().unwrap();
            assert_eq!(delivery.first_index as usize + 1, reported.len());
            // As the sender, which numbers the others anew.
            assert!(rig.accumulator.may_close_gap(0));
            rig.accumulator.close_gap(0);
        }
        if rig.accumulator.unfinished() == 0 {
            break;
        }
        batch = drain_stamped(&mut rig, -9);
    }
    assert_eq!(reported, [0, 1, 2, 3, 4, 5, 6]);
    assert_eq!(rig.counters.records_failed, 7);
}

#[test]
fn a_gap_stays_open_while_a_half_is_still_to_go() {
    let mut memory = Resources::new();
    let mut rig = Rig::new(&BASE, &mut memory);
    let batch = drained(&mut rig, 2);
    assert!(rig.accumulator.split(batch, &mut rig.counters));
    rig.accumulator.mark_gap(0);
    assert!(rig.accumulator.may_close_gap(0), "nothing of it is in the log, and none on its way");
    rig.accumulator.close_gap(0);
    let batch = drain_stamped(&mut rig, -9);
    rig.accumulator.mark_gap(0);
    assert!(!rig.accumulator.may_close_gap(0));
    rig.complete(batch, ACK);
    assert!(!rig.accumulator.may_close_gap(0), "its other half has not moved to the front");
    assert_eq!(rig.deliveries().len(), 1);
    assert!(rig.accumulator.may_close_gap(0));
}

#[test]
fn a_batch_in_doubt_is_not_split() {
    let mut memory = Resources::new();
    let mut rig = Rig::new(&BASE, &mut memory);
    let batch = drained(&mut rig, 2);
    rig.reenqueue(batch, 0);
    let batch = drain_stamped(&mut rig, -9);
    assert!(!rig.accumulator.split(batch, &mut rig.counters), "all of it may be in the log");
}

#[test]
fn what_expires_before_its_second_half_went_is_reported_as_one() {
    for drain_first in [false, true] {
        let mut memory = Resources::new();
        let mut rig = Rig::new(&BASE, &mut memory);
        let batch = drained(&mut rig, 5);
        assert!(rig.accumulator.split(batch, &mut rig.counters));
        if drain_first {
            drain_stamped(&mut rig, -9);
        }
        rig.expire(200_000);
        assert_eq!(values(&rig), [0, 1, 2, 3, 4]);
        let deliveries = rig.deliveries();
        assert_eq!((deliveries.len(), deliveries[0].records, deliveries[0].first_index), (1, 5, 0));
        assert_eq!(rig.accumulator.unfinished(), 0);
        if drain_first {
            // Its answer comes late, and gives the slot back, as one.
            let batch = rig.accumulator.in_flight_on(0, 0).unwrap();
            rig.complete(batch, ACK);
            assert!(rig.deliveries().is_empty());
        }
        assert!((0..4).all(|_| rig.send(200_000, 0, 100).is_ok()), "all four slots are free");
    }
}

#[test]
fn the_function_that_is_handed_in_makes_the_checksum_of_a_batch_and_of_both_its_halves() {
    let mut memory = Resources::new();
    let config = Config { crc32c: |bytes| 0x0100_0000 + bytes.len() as u32, ..BASE };
    let mut rig = Rig::new(&config, &mut memory);
    let crc =
        |rig: &Rig<'_>, batch| u32::from_be_bytes(rig.accumulator.bytes(batch)[17..21].try_into().unwrap());
    // 61 bytes of header, of which the checksum covers 40, and 8 bytes a record.
    for _ in 0..2 {
        rig.send(0, 0, 1).unwrap();
    }
    let (_, request, _) = rig.drain(20, 0, 9);
    let batch = rig.batch(request, 0);
    assert_eq!(crc(&rig, batch), 0x0100_0000 + 40 + 16);
    assert!(rig.accumulator.split(batch, &mut rig.counters));
    for _ in 0..2 {
        let (_, request, _) = rig.drain(20, 0, 9);
        let half = rig.batch(request, 0);
        assert_eq!(crc(&rig, half), 0x0100_0000 + 40 + 8);
        rig.complete(half, ACK);
        assert_eq!(rig.deliveries().len(), 1);
    }
}
