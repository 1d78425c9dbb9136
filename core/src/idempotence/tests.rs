//! The rules one by one. What they come to together, with brokers and faults, is for the scenarios and the simulator.

use super::*;
use crate::config::{Settings, Turn};
use crate::protocol::init_producer_id::Answer;
use crate::random::Random;
use crate::time::Tick;

const BASE: Config<'static> = Config { max_in_flight: 5, ..Config::new(&["h:1"]) };
const IDLE: Outstanding = Outstanding { in_flight: 0, must_land: false };
const ONE_IN_FLIGHT: Outstanding = Outstanding { in_flight: 1, ..IDLE };

fn turn(now: Tick) -> Turn<'static> {
    Turn { now, random: Random::new(1), settings: Settings::of(&BASE) }
}

fn at(ms: u32) -> Tick {
    Tick::from_millis(ms)
}

fn answer(code: i16, producer_epoch: i16) -> Answer {
    Answer { error: ErrorCode::new(code), producer_id: 7, producer_epoch }
}

fn uninitialized<'a>(config: &Config<'_>, slots: &'a mut [SequenceSlot]) -> Idempotence<'a> {
    Idempotence::new(config, slots)
}

fn ready(slots: &mut [SequenceSlot], producer_epoch: i16) -> Idempotence<'_> {
    let mut idempotence = uninitialized(&BASE, slots);
    idempotence.request_started();
    assert_eq!(idempotence.answered(answer(0, producer_epoch), &mut turn(at(0))), Answered::Ready);
    idempotence
}

fn forgotten(in_doubt: bool, log_start_offset: Option<i64>) -> Forgotten {
    Forgotten { in_doubt, log_start_unknown: log_start_offset == Some(-1) }
}

fn slots() -> [SequenceSlot; 2] {
    [const { SequenceSlot::new() }; 2]
}

#[test]
fn without_idempotence_everything_may_go_and_nothing_has_a_number() {
    let mut slots = slots();
    let config = Config { enable_idempotence: false, ..BASE };
    let mut idempotence = uninitialized(&config, &mut slots);
    assert!(idempotence.may_send() && !idempotence.is_enabled());
    assert_eq!(idempotence.next_request(), Tick::NEVER);
    assert!(idempotence.may_drain(0, Outstanding { in_flight: 9, must_land: true }, 3));
    assert_eq!(idempotence.stamp(0, 1), Stamp::NONE);
    idempotence.reset();
    assert!(!idempotence.is_enabled());
}

#[test]
fn nothing_goes_before_there_is_an_identity_and_retries_are_spaced_by_the_backoff() {
    let mut slots = slots();
    let mut later = turn(at(1000));
    let mut idempotence = uninitialized(&BASE, &mut slots);
    assert!(!idempotence.may_drain(0, IDLE, 8));
    assert_eq!(idempotence.next_request(), at(0));
    for doubling in 0..8u32 {
        idempotence.request_started();
        assert_eq!(idempotence.next_request(), Tick::NEVER, "one request at a time");
        assert_eq!(idempotence.answered(answer(14, -1), &mut later), Answered::Again);
        let wait = idempotence.next_request().as_millis() - 1000;
        let nominal = (100u32 << doubling).min(1000);
        assert!((nominal * 8 / 10 - 1..=nominal * 12 / 10).contains(&wait), "{doubling}: {wait}");
    }
    idempotence.request_started();
    idempotence.request_failed(&mut turn(at(0)));
    assert!(idempotence.next_request() < Tick::NEVER, "a lost connection is no end");
    idempotence.request_started();
    assert_eq!(idempotence.answered(answer(0, 3), &mut turn(at(0))), Answered::Ready);
    let stamp = idempotence.stamp(0, 4);
    assert_eq!(stamp, Stamp { producer_id: 7, producer_epoch: 3, base_sequence: 0 });
}

#[test]
fn each_code_of_init_producer_id_has_its_meaning() {
    for code in (-1..=130).chain([i16::MIN, i16::MAX]) {
        let mut slots = slots();
        let mut idempotence = uninitialized(&BASE, &mut slots);
        idempotence.request_started();
        let answered = idempotence.answered(answer(code, 0), &mut turn(at(0)));
        let expected = match code {
            // 46 is a success for a batch only: with it comes no id.
            0 => Answered::Ready,
            31 | 53 => Answered::FailWaiting(ErrorCode::new(code)),
            2 | 3 | 5 | 6 | 7 | 9 | 13 | 14 | 15 | 16 | 19 | 20 | 51 | 56 | 72 | 74 | 75 | 89 | 100 | 103 => {
                Answered::Again
            }
            _ => Answered::Fatal,
        };
        assert_eq!(answered, expected, "{code}");
        assert_eq!(idempotence.fatal().is_some(), expected == Answered::Fatal, "{code}");
    }
}

#[test]
fn a_fatal_code_is_told_once_and_reset_begins_anew() {
    let mut slots = slots();
    let mut idempotence = ready(&mut slots, 0);
    idempotence.fail(ErrorCode::CLUSTER_AUTHORIZATION_FAILED);
    idempotence.fail(ErrorCode::UNSUPPORTED_VERSION);
    assert_eq!(idempotence.tell_fatal(), Some(ErrorCode::CLUSTER_AUTHORIZATION_FAILED), "the first counts");
    assert_eq!(idempotence.tell_fatal(), None);
    assert!(idempotence.fatal().is_some() && !idempotence.may_drain(0, IDLE, 8));
    idempotence.reset();
    assert_eq!((idempotence.fatal(), idempotence.next_request()), (None, at(0)));
}

#[test]
fn sequences_run_per_partition_and_wrap() {
    let mut slots = slots();
    let mut idempotence = ready(&mut slots, 0);
    let mut sequence = |partition, records| idempotence.stamp(partition, records).base_sequence;
    assert_eq!([sequence(0, 3), sequence(0, 2), sequence(1, 1), sequence(0, 1)], [0, 3, 0, 5]);
    assert_eq!([sequence(1, i32::MAX as u32), sequence(1, 5), sequence(1, 1)], [1, 0, 5]);
}

#[test]
fn one_goes_alone_until_the_first_acknowledgement_then_as_many_as_configured() {
    let mut slots = slots();
    let mut idempotence = ready(&mut slots, 0);
    let stamp = idempotence.stamp(0, 2);
    assert!(!idempotence.may_drain(0, ONE_IN_FLIGHT, 8));
    idempotence.acknowledged(0, stamp.base_sequence, 2);
    for in_flight in 1..5 {
        assert!(idempotence.may_drain(0, Outstanding { in_flight, ..ONE_IN_FLIGHT }, 8));
    }
    assert!(!idempotence.may_drain(0, Outstanding { in_flight: 5, ..ONE_IN_FLIGHT }, 8));
    assert!(!idempotence.may_drain(0, Outstanding { must_land: true, ..ONE_IN_FLIGHT }, 8));
    assert!(idempotence.may_drain(0, Outstanding { must_land: true, ..IDLE }, 8));
    assert!(!idempotence.may_drain(0, ONE_IN_FLIGHT, 3), "the broker remembers one batch");
    assert!(idempotence.may_drain(0, IDLE, 3));
}

#[test]
fn acknowledgements_in_any_order_move_the_account_forward_only() {
    let mut slots = slots();
    let mut idempotence = ready(&mut slots, 0);
    let [first, second] = [idempotence.stamp(0, 1), idempotence.stamp(0, 1)];
    idempotence.acknowledged(0, second.base_sequence, 1);
    idempotence.acknowledged(0, first.base_sequence, 1);
    assert_eq!(idempotence.sequences.get(0).unwrap().after_acknowledged, 2);
    // TransactionManagerTest.testNoProducerIdResetAfterLastInFlightBatchSucceeds
    assert_eq!(idempotence.close_gap(0, None), Gap::Closed);
}

#[test]
fn out_of_order_means_a_gap_only_for_the_batch_that_the_broker_should_take() {
    let mut slots = slots();
    let mut idempotence = ready(&mut slots, 0);
    let stamps = [0; 3].map(|_| idempotence.stamp(0, 2));
    let code = ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER;
    let mut ask = |place: usize, acknowledged: Option<usize>, in_doubt| {
        if let Some(place) = acknowledged {
            idempotence.acknowledged(0, stamps[place].base_sequence, 2);
        }
        idempotence.refused(0, stamps[place].base_sequence, code, forgotten(in_doubt, Some(0)))
    };
    assert_eq!(ask(1, None, true), Refused::Retry, "the first is still to come");
    assert_eq!(ask(0, Some(1), true), Refused::Fail, "the second is in the log");
    assert_eq!(ask(2, None, false), Refused::RetryRenumbered);
    assert_eq!(ask(2, None, true), Refused::Fail, "a broker that refuses what is next has lost something");
}

#[test]
fn an_unknown_producer_id_is_a_gap_unless_the_broker_knows_nothing_of_its_log() {
    let mut slots = slots();
    let mut idempotence = ready(&mut slots, 0);
    let stamp = idempotence.stamp(0, 1);
    let mut ask = |in_doubt, start| {
        idempotence.refused(
            0,
            stamp.base_sequence,
            ErrorCode::UNKNOWN_PRODUCER_ID,
            forgotten(in_doubt, start),
        )
    };
    assert_eq!([ask(false, Some(-1)), ask(true, Some(-1))], [Refused::Retry; 2]);
    assert_eq!(ask(false, Some(10)), Refused::RetryRenumbered);
    assert_eq!(ask(false, None), Refused::RetryRenumbered, "below Produce v5 the field never comes");
    assert_eq!([ask(true, Some(10)), ask(true, None)], [Refused::Fail; 2], "nobody can tell");
}

#[test]
fn a_gap_is_closed_by_a_new_epoch() {
    let mut slots = slots();
    let mut idempotence = ready(&mut slots, 5);
    idempotence.stamp(0, 1);
    idempotence.stamp(1, 1);
    let stamp = Stamp { producer_id: 7, producer_epoch: 6, base_sequence: 0 };
    assert_eq!(idempotence.close_gap(0, Some(0)), Gap::Renumber { is_new_epoch: true });
    assert_eq!(idempotence.stamp(0, 3), stamp);
    assert_eq!(idempotence.stamp(0, 1), Stamp { base_sequence: 3, ..stamp });

    // The other partition keeps the old epoch while it has something under way, then goes over, at 0.
    assert!(!idempotence.may_drain(1, ONE_IN_FLIGHT, 8));
    assert!(idempotence.may_drain(1, IDLE, 8));
    assert_eq!(idempotence.stamp(1, 1), stamp);
}

#[test]
fn a_partition_with_a_gap_joins_the_epoch_that_another_has_begun() {
    let mut slots = slots();
    let mut idempotence = ready(&mut slots, 0);
    idempotence.stamp(0, 1);
    idempotence.stamp(1, 1);
    assert_eq!(idempotence.close_gap(0, Some(0)), Gap::Renumber { is_new_epoch: true });
    assert_eq!(idempotence.close_gap(1, Some(0)), Gap::Renumber { is_new_epoch: false });
    assert_eq!(idempotence.stamp(0, 1), idempotence.stamp(1, 1));
}

#[test]
fn after_the_last_epoch_comes_a_new_producer_id() {
    let mut slots = slots();
    let mut idempotence = ready(&mut slots, i16::MAX);
    idempotence.stamp(0, 1);
    assert_eq!(idempotence.close_gap(0, Some(0)), Gap::Open);
    assert_eq!(idempotence.next_request(), at(0));
    idempotence.request_started();
    let new = Answer { producer_id: 8, ..answer(0, 0) };
    assert_eq!(idempotence.answered(new, &mut turn(at(0))), Answered::Ready);
    let stamp = Stamp { producer_id: 8, producer_epoch: 0, base_sequence: 0 };
    assert_eq!(idempotence.close_gap(0, Some(0)), Gap::Renumber { is_new_epoch: false });
    assert_eq!(idempotence.stamp(0, 1), stamp);
}
