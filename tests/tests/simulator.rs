//! Seeds that once broke a promise, each with what it has shown; and what idempotence is for.

use nanokafka::Acks;
use nanokafka_tests::oracle::SixCounts;
use nanokafka_tests::sim::{Mode, Plan, Report, run};

fn assert_clean(seed: u64) {
    let report = run(&Plan::of(seed, Mode::Idempotent));
    assert!(report.counts.all_zero(), "seed {seed}: {}", report.counts);
    assert!(report.records >= 200 && report.faults >= 20, "seed {seed} has become an empty run: {report:?}");
}

/// With one connection, the bootstrap addresses never got a turn beside a broker whose address had changed.
#[test]
fn bootstrap_addresses_take_turns_with_brokers_that_fail() {
    [303, 390, 396, 900].into_iter().for_each(assert_clean);
}

/// A batch in doubt was numbered anew after UNKNOWN_PRODUCER_ID, and stood in the log twice.
#[test]
fn a_batch_in_doubt_is_not_sent_anew_when_the_broker_has_forgotten_the_producer() {
    [8, 553].into_iter().for_each(assert_clean);
}

/// A broker that had lost its memory refused what was next; that was taken as a proof.
#[test]
fn a_broker_that_refuses_what_is_next_proves_nothing() {
    [8290, 8473, 8812, 13_200, 16_600].into_iter().for_each(assert_clean);
}

/// A second batch overtook the first at a broker without state.
#[test]
fn order_survives_brokers_that_forget() {
    [227, 789].into_iter().for_each(assert_clean);
}

/// A backoff of 0, a delivery timeout of a batch whose first half waits to be taken: polls without end.
#[test]
fn nothing_asks_to_be_polled_at_once_for_ever() {
    [7545, 7621, 8407, 12_528, 17_093, 18_826].into_iter().for_each(assert_clean);
}

/// Metadata byte by byte, a slot that an expired batch still holds: slow, but no hang.
#[test]
fn slow_is_not_stuck() {
    [1245, 3542, 6052].into_iter().for_each(assert_clean);
}

/// A minute of throttle outlasts many short delivery timeouts, and then all goes on.
#[test]
fn a_minute_of_throttle_is_waited_out() {
    [69_496, 97_055, 266_950, 286_892, 322_008, 417_975, 448_344, 544_951, 546_665]
        .into_iter()
        .for_each(assert_clean);
}

/// A broker that had the batch said that it was not next: a false proof, which the judge now takes for what it is.
#[test]
fn a_broker_that_denies_what_it_has_is_not_the_clients_fault() {
    assert_clean(305_286);
}

fn sum_without_idempotence(acks: Acks) -> SixCounts {
    let mut sum = SixCounts::default();
    for seed in 0..120 {
        let Report { counts, .. } = run(&Plan::of(seed, Mode::Plain(acks)));
        sum.lost += counts.lost;
        sum.duplicated += counts.duplicated;
        sum.unreported += counts.unreported;
        sum.phantom += counts.phantom;
    }
    assert_eq!((sum.unreported, sum.phantom), (0, 0), "these need no idempotence");
    sum
}

/// `acks` of all without idempotence doubles, and loses nothing.
#[test]
fn without_idempotence_records_are_doubled() {
    let sum = sum_without_idempotence(Acks::All);
    assert!(sum.duplicated > 0 && sum.lost == 0, "{sum}");
}

/// `acks=1` loses what the leader acknowledged and no follower had, besides doubling.
#[test]
fn acks_1_loses_and_doubles() {
    let sum = sum_without_idempotence(Acks::Leader);
    assert!(sum.duplicated > 0 && sum.lost > 0, "{sum}");
}

/// `acks=0` loses what was on its way, and never sends again.
#[test]
fn acks_0_loses() {
    let sum = sum_without_idempotence(Acks::None);
    assert!(sum.duplicated == 0 && sum.lost > 0, "{sum}");
}
