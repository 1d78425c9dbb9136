//! Row 25: `throttle_time_ms` of any value.

use nanokafka_tests::broker::{Action, Api, Fault};

use crate::rig::{all_delivered, record_by_record};

/// Values times answers that have the field.
const ROW_25_CASES: usize = 201;

/// Whoever asks for more is not obeyed longer.
const THROTTLE_MS_MAX: i32 = 60_000;

fn values() -> Vec<i32> {
    let powers = (0..31).map(|bit| 1 << bit);
    let negative = (0..31).map(|bit| -1 << bit);
    powers.chain(negative).chain([0, 59_999, 60_000, 60_001, i32::MAX]).collect()
}

#[test]
fn a_broker_that_throttles_is_left_alone_as_long_as_it_says_up_to_a_minute() {
    let mut cases = 0;
    for api in [Api::Metadata, Api::InitProducerId, Api::Produce] {
        for throttle_ms in values() {
            // One at a time: what is under way already cannot be held back.
            let mut world = record_by_record(1, 1).config(|config| config.max_in_flight = 1).start();
            world.cluster().inject(Fault::on(api, Action::Throttle(throttle_ms)));
            let topic = world.topic("t");
            world.send_many(topic, Some(0), 1);
            world.settle();
            world.send_many(topic, Some(0), 1);
            world.settle();
            let requests = world.requests();
            let throttled = requests.iter().position(|seen| seen.api == api).expect("it was asked");
            let waited = requests[throttled + 1].at - requests[throttled].at;
            let asked_for = throttle_ms.clamp(0, THROTTLE_MS_MAX) as u64;
            assert!((asked_for..=asked_for + 2).contains(&waited), "{api:?}, {throttle_ms}: {waited} ms");
            assert_eq!(world.counters().throttled, usize::from(throttle_ms > 0));
            all_delivered(world, 2, &format!("{api:?}, {throttle_ms} ms"));
            cases += 1;
        }
    }
    assert_eq!(cases, ROW_25_CASES);
}
