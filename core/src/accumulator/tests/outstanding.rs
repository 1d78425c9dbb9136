//! What of a partition may be sent next, and what is on its way in front of it.

use super::*;

const MANY: Config<'static> = Config { max_in_flight: 5, ..BASE };

impl Rig<'_> {
    /// What would be sent next to partition 0 on this connection.
    fn next(&mut self, connection: u8) -> Option<(bool, Outstanding)> {
        let mut next = None;
        let request = Request { connection, correlation_id: 0 };
        self.accumulator.drain(Tick::from_millis(1000), request, 0, |candidate| {
            next = Some((candidate.is_new, candidate.outstanding));
            Take::No
        });
        next
    }

    fn send_batches(&mut self, count: usize) {
        for _ in 0..count {
            self.send(0, 0, 130).unwrap();
        }
    }

    fn fail(&mut self, batch: u16, error: ErrorCode) {
        self.retry(batch, error, 0);
    }
}

#[test]
fn a_new_batch_follows_those_on_its_connection_and_waits_for_those_on_another() {
    let mut memory = Resources::new();
    let mut rig = Rig::new(&MANY, &mut memory);
    rig.send_batches(3);
    for in_flight in 0..3 {
        assert_eq!(rig.next(0), Some((true, Outstanding { in_flight, must_land: false })));
        let elsewhere = Outstanding { in_flight, must_land: in_flight > 0 };
        assert_eq!(rig.next(1), Some((true, elsewhere)), "the leader has moved");
        rig.drain_stamped_to(0, 0);
    }
    assert_eq!(rig.next(0), None);
}

#[test]
fn a_retry_goes_only_before_all_that_is_under_way() {
    let mut memory = Resources::new();
    let mut rig = Rig::new(&MANY, &mut memory);
    rig.send_batches(3);
    let batches = [0, 1].map(|sequence| {
        let request = rig.drain_stamped_to(0, sequence);
        rig.batch(request, 0)
    });
    rig.fail(batches[1], ErrorCode::NETWORK_EXCEPTION);
    assert_eq!(rig.next(0), Some((false, Outstanding { in_flight: 1, must_land: true })));
    rig.fail(batches[0], ErrorCode::NETWORK_EXCEPTION);
    let request = rig.drain_stamped_to(1, -9);
    assert_eq!(rig.batch(request, 0), batches[0], "the oldest first, also when the leader has moved");
}

#[test]
fn with_a_gap_only_what_is_in_doubt_goes_until_nothing_is_and_the_gap_may_be_closed() {
    let mut memory = Resources::new();
    let mut rig = Rig::new(&MANY, &mut memory);
    rig.send_batches(4);
    let batches = [0, 1, 2].map(|sequence| {
        let request = rig.drain_stamped_to(0, sequence);
        rig.batch(request, 0)
    });
    assert!(!rig.accumulator.may_close_gap(0), "there is none");
    rig.accumulator.mark_gap(0);
    rig.fail(batches[0], ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
    assert_eq!(rig.next(0), None, "what is proved absent waits for its new number, and a new one, too");
    rig.fail(batches[1], ErrorCode::NETWORK_EXCEPTION);
    assert!(!rig.accumulator.may_close_gap(0), "the third is on its way");
    rig.complete(batches[2], ACK);
    assert!(!rig.accumulator.may_close_gap(0), "the second is in doubt");
    let request = rig.drain_stamped_to(0, -9);
    assert_eq!(rig.batch(request, 0), batches[1], "what is in doubt is asked about");
    rig.fail(batches[1], ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
    assert_eq!(rig.next(0), None);
    assert!(rig.accumulator.may_close_gap(0));

    assert_eq!(rig.accumulator.first_sequence(0), Some(0));
    let mut next = 7;
    rig.accumulator.renumber(0, |records| {
        let stamp = Stamp { producer_id: 1, producer_epoch: 1, base_sequence: next };
        next += records as i32;
        stamp
    });
    assert_eq!(next, 9);
    rig.accumulator.close_gap(0);
    assert_eq!(batches.map(|batch| rig.accumulator.sequence_of(batch))[..2], [Some(7), Some(8)]);
    assert_eq!(rig.next(0), Some((false, Outstanding { in_flight: 0, must_land: true })));
}
