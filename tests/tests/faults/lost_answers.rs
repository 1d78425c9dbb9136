//! Row 8: the answer is lost after the append. Row 9: it comes after the request's timeout.

use nanokafka::DeliveryError;
use nanokafka_tests::broker::{Action, Api, Fault};
use nanokafka_tests::rig::{Direction, End};

use crate::rig::{IN_FLIGHT_MAX, all_delivered, each_place, now, record_by_record, send_in_flight, warm};

/// Each byte of the answers to 1, 2, ... 5 batches in flight.
const ROW_8_CASES: usize = 885;

/// Places times delays.
const ROW_9_CASES: usize = 345;

const REQUEST_TIMEOUT_MS: u64 = 30_000;

/// Bytes of an answer for one batch, as they come.
fn answer_bytes() -> usize {
    let (mut world, topic) = warm(record_by_record(1, 1));
    let before = world.counters().bytes_received;
    world.send_many(topic, Some(0), 1);
    world.settle();
    (world.counters().bytes_received - before) as usize
}

#[test]
fn an_answer_that_is_lost_at_any_byte_after_the_append_doubles_nothing() {
    let length = answer_bytes();
    let mut cases = 0;
    for in_flight in 1..=IN_FLIGHT_MAX {
        for byte in 0..in_flight * length {
            let (mut world, topic) = warm(record_by_record(1, 1));
            world.rig.tap().cut_before(Direction::Responses, byte as u64, End::Reset);
            send_in_flight(&mut world, topic, in_flight, 50);
            assert_eq!(world.cluster().records_written(), 1 + in_flight, "all are appended");
            world.settle();
            assert_eq!(world.counters().disconnects, 1);
            // What an answer says of a batch counts when it is read; the last bytes say nothing of it.
            let answered = byte / length;
            let retries = world.counters().batch_retries as usize;
            assert!((in_flight - answered - 1..=in_flight - answered).contains(&retries), "byte {byte}");
            all_delivered(world, 1 + in_flight, &format!("byte {byte}, {in_flight} in flight"));
            cases += 1;
        }
    }
    assert_eq!(cases, ROW_8_CASES);
}

#[test]
fn an_answer_that_comes_around_or_after_the_request_timeout_counts_once() {
    let mut cases = 0;
    let around = (REQUEST_TIMEOUT_MS - 10)..=(REQUEST_TIMEOUT_MS + 10);
    let delays = around.chain([REQUEST_TIMEOUT_MS + 60, REQUEST_TIMEOUT_MS * 2]);
    for delay in delays {
        for (in_flight, place) in each_place() {
            let (mut world, topic) = warm(record_by_record(1, 1));
            let late = Fault::on(Api::Produce, Action::Delay(delay));
            if place > 0 {
                world.cluster().inject(Fault::on(Api::Produce, Action::Delay(5)));
                world.cluster().inject(late.after(place as u32 - 1));
            } else {
                world.cluster().inject(late);
            }
            let start = now(&world);
            world.send_many(topic, Some(0), in_flight);
            world.settle();
            let is_late = delay > REQUEST_TIMEOUT_MS;
            assert_eq!(world.counters().request_timeouts, usize::from(is_late), "{delay} ms");
            if is_late {
                let noticed = world.produce_requests()[1 + in_flight].at - start;
                // The first attempt again follows the reconnect, or the backoff.
                assert!((REQUEST_TIMEOUT_MS..REQUEST_TIMEOUT_MS + 200).contains(&noticed), "{noticed} ms");
            }
            world.run_for(2 * REQUEST_TIMEOUT_MS);
            all_delivered(world, 1 + in_flight, &format!("{delay} ms, {place} of {in_flight}"));
            cases += 1;
        }
    }
    assert_eq!(cases, ROW_9_CASES);
}

/// Nobody may take a request that timed out for one that was not carried out (anomaly A4 of franz-go).
#[test]
fn a_batch_whose_request_timed_out_may_have_been_written() {
    let (mut world, topic) = warm(record_by_record(1, 1));
    world.cluster().inject(Fault::on(Api::Produce, Action::NoAnswer));
    world.send_many(topic, Some(0), 1);
    world.run_until("it times out", |world| world.counters().request_timeouts == 1);
    world.stop(1);
    world.settle();
    assert!(matches!(world.errors()[..], [DeliveryError::Timeout { maybe_written: true, .. }]));
    assert_eq!(world.cluster().records_written(), 2, "as it was");
    world.start(1);
    world.finish();
}
