//! What gives way when there is no room.

use super::*;

#[test]
fn drop_oldest_throws_away_the_oldest_that_was_never_sent_and_says_so() {
    let mut memory = Resources::new();
    let mut rig = Rig::new(&NEVER_FULL, &mut memory);
    let tickets: Vec<_> = (0..4).map(|n| rig.send(0, n % 2, 130).unwrap()).collect();
    rig.drain(0, 0, 1);
    let ticket = rig.send(0, 2, 10).unwrap();
    let dropped = ticket.dropped.expect("no slot was free");
    assert_eq!((dropped.batch, dropped.partition), (tickets[1].batch, Some(1)));
    assert_eq!(dropped.result, Err(DeliveryError::Dropped));
    assert_eq!(rig.counters.records_dropped, 1);
    assert_eq!(rig.deliveries(), [], "it was reported already");
    rig.send(0, 2, 130).unwrap();
    rig.send(0, 2, 130).unwrap();
    assert_eq!(rig.drain(0, 0, 9).0, [2], "partition 0 is muted, partition 1 was emptied");
    assert!(rig.send(0, 0, 130).unwrap().dropped.is_some());
}
