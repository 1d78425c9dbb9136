//! The short way of a record without partition, key and headers, into the batch that the one before it went to.

use super::*;

const TOPIC: TopicId = TopicId::new(0);

fn plain(value: &[u8]) -> Record<'_> {
    Record::new(TOPIC, value)
}

impl Rig<'_> {
    /// Whether the next plain record that fits takes the short way; and that it would go to the right batch then.
    fn has_short_way(&self) -> bool {
        let topic = &self.accumulator.topics[0];
        let Some(batch) = self.accumulator.batches.0.get(topic.sticky.batch()) else { return false };
        if batch.phase != Phase::Open {
            return false;
        }
        let partition = topic.sticky.chosen();
        assert!(u32::from(partition) < topic.partitions, "the sticky partition exists");
        assert_eq!(batch.partition, partition, "it is its batch");
        let last = self.accumulator.partitions.get(partition).queue.last();
        assert_eq!(usize::from(last), topic.sticky.batch(), "no younger one is behind it");
        true
    }
}

#[test]
fn a_batch_that_is_open_no_longer_takes_no_record_whatever_has_closed_it() {
    type Close = fn(&mut Rig<'_>, u16);
    let closings: &[(&str, Close)] = &[
        ("flush", |rig, _| rig.accumulator.flush()),
        ("drain", |rig, _| assert_eq!(rig.drain(20, 0, 9).0.len(), 1)),
        ("expire", |rig, _| rig.expire(500_000)),
        ("abort", |rig, _| rig.accumulator.abort(Abort::Fatal(ErrorCode::NONE), &mut rig.counters)),
        #[cfg(feature = "drop-oldest")]
        ("drop oldest", |rig, _| {
            assert!((0..9).any(|_| {
                let other = Record::new(TOPIC, &[0; 100]).partition(2);
                rig.send_record(0, &other).unwrap().dropped.is_some()
            }));
        }),
        ("new metadata", |rig, _| rig.set_partitions(2)),
        ("retry", |rig, partition| {
            let (_, request, _) = rig.drain(20, 0, 9);
            let batch = rig.batch(request, partition);
            rig.reenqueue(batch, 30);
        }),
        #[cfg(feature = "split")]
        ("split", |rig, partition| {
            let (_, request, _) = rig.drain(20, 0, 9);
            let batch = rig.batch(request, partition);
            assert!(rig.accumulator.split(batch, &mut rig.counters));
        }),
    ];
    for &(name, close) in closings {
        let mut memory = Resources::new();
        let mut rig = Rig::new(&NEVER_FULL, &mut memory);
        let first = rig.send_record(0, &plain(b"1")).unwrap();
        assert!(rig.has_short_way());
        let second = rig.send_record(0, &plain(b"2")).unwrap();
        assert_eq!((first.batch, first.index, second.index), (second.batch, 0, 1));
        let partition = rig.accumulator.topics[0].sticky.chosen();
        close(&mut rig, partition);
        assert!(!rig.has_short_way(), "{name}");
        let third = rig.send_record(600_000, &plain(b"3")).unwrap();
        // New metadata leaves the batch open: the long way finds it again where its partition still is.
        let found_again = name == "new metadata" && partition < 2;
        assert_eq!(third.batch == first.batch, found_again, "{name}");
    }
}

#[test]
fn of_a_producer_that_is_closed_no_batch_takes_a_record() {
    let mut memory = Resources::new();
    let mut rig = Rig::new(&BASE, &mut memory);
    rig.send_record(0, &plain(b"1")).unwrap();
    rig.accumulator.close();
    assert_eq!(rig.send_record(0, &plain(b"2")), Err(SendError::Closed));
}

/// Each record's value is its number; a delivery shows which it had.
#[test]
fn whatever_happens_between_them_records_lie_where_their_tickets_say() {
    let mut memory = Resources::new();
    let config = Config { max_in_flight: 3, ..NEVER_FULL };
    let mut rig = Rig::new(&config, &mut memory);
    let mut random = Random::new(7);
    let mut tickets: Vec<(Ticket, u32)> = Vec::new();
    let mut requests: Vec<Request> = Vec::new();
    let (mut short, mut shown) = (0, 0);
    for now in 0..40_000u32 {
        let value = [now.to_be_bytes(), [0; 4]].concat();
        let record = plain(&value[..4 + random.below(5) as usize]);
        let sent = match random.below(16) {
            0..=7 => {
                short += u32::from(rig.has_short_way());
                rig.send_record(now, &record)
            }
            8 => rig.send_record(now, &record.partition(random.below(3) as i32)),
            9 => rig.send_record(now, &record.key(&[now as u8 & 3])),
            10 => {
                requests.push(rig.drain(now, random.below(3) as u16, 2).1);
                continue;
            }
            11 => {
                rig.set_partitions([0, 1, 3, 3][random.below(4) as usize]);
                continue;
            }
            12 => {
                rig.accumulator.flush();
                continue;
            }
            13 if random.below(20) == 0 => {
                rig.expire(now + 200_000);
                continue;
            }
            _ => {
                end_some(&mut rig, &mut requests, &mut random, now);
                while let Some((delivery, records)) = rig.accumulator.peek_delivery() {
                    let indices = delivery.first_index..;
                    for (record, index) in records.zip(indices).take(delivery.records as usize) {
                        let number = u32::from_be_bytes(record.value.unwrap()[..4].try_into().unwrap());
                        let has = |(ticket, of): &(Ticket, u32)| {
                            *of == number && ticket.batch == delivery.batch && ticket.index == index
                        };
                        let at = tickets.iter().position(has).expect("a record where its ticket says");
                        tickets.swap_remove(at);
                        shown += 1;
                    }
                    rig.accumulator.next_delivery();
                }
                continue;
            }
        };
        rig.has_short_way();
        if let Ok(ticket) = sent {
            if let Some(dropped) = ticket.dropped {
                tickets.retain(|(ticket, _)| ticket.batch != dropped.batch);
            }
            tickets.push((ticket, now));
        }
    }
    assert!(short > 2_000 && shown > 5_000, "{short} {shown}");
    let kept = rig.accumulator.batches.iter().filter(|batch| batch.phase != Phase::Free);
    assert_eq!(tickets.len(), kept.map(|batch| (batch.count + batch.rest.records()) as usize).sum());
}

/// Answers one of the requests.
fn end_some(rig: &mut Rig<'_>, requests: &mut Vec<Request>, random: &mut Random, now: u32) {
    if requests.is_empty() {
        return;
    }
    let request = requests.swap_remove(random.below(requests.len() as u32) as usize);
    for partition in 0..3 {
        let Some(batch) = rig.accumulator.in_flight(request, partition) else { continue };
        match random.below(4) {
            0 => rig.reenqueue(batch, now + 5),
            1 if rig.accumulator.split(batch, &mut rig.counters) => {}
            _ => rig.complete(batch, ACK),
        }
    }
}
