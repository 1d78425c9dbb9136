//! A frame that was begun: whatever happens to its batches meanwhile, its bytes stay as they were.

use nanokafka::{DeliveryError, ErrorCode};
use nanokafka_tests::broker::{Action, Api, Fault};
use nanokafka_tests::rig::Direction;

use crate::rig::{Setup, World, now, warm};

const REQUEST_TIMEOUT_MS: u32 = 300;

/// Two batches of four records whose first attempt is refused after so long. The second takes a millisecond a byte.
fn refused_after(ms: u64, code: ErrorCode) -> World {
    let setup =
        Setup::nodes(1).topic("t", 2).topic("other", 1).capacities(|memory| memory.topics = 2).config(
            |config| {
                config.linger_ms = 1;
                config.request_timeout_ms = REQUEST_TIMEOUT_MS;
                config.delivery_timeout_ms = REQUEST_TIMEOUT_MS + config.linger_ms;
                config.retry_backoff_ms = 1;
                config.retry_backoff_max_ms = 1;
            },
        );
    let (mut world, topic) = warm(setup);
    let before = world.produce_requests().len();
    world.cluster().inject(Fault::on(Api::Produce, Action::Delay(ms)));
    world.cluster().inject(Fault::on(Api::Produce, Action::Error(code.code())).times(2));
    for partition in 0..2 {
        world.send_many(topic, Some(partition), 4);
    }
    world.run_until("the first attempt is there", |world| world.produce_requests().len() > before);
    world.rig.tap().drip(Some((Direction::Requests, 1)));
    world
}

#[test]
fn batches_that_expire_while_their_frame_is_written_do_not_change_it() {
    for (code, records) in [(ErrorCode::NOT_ENOUGH_REPLICAS, 4), (ErrorCode::MESSAGE_TOO_LARGE, 2)] {
        let mut in_mid_frame = 0;
        for refused_after_ms in (50..REQUEST_TIMEOUT_MS).step_by(3) {
            let mut world = refused_after(refused_after_ms.into(), code);
            let seen = world.produce_requests();
            world.run_until("both have expired", |world| world.errors().len() == 2);
            let timed_out =
                |error: &DeliveryError| matches!(error, DeliveryError::Timeout { maybe_written: true, .. });
            let is_mid_frame = world.produce_requests().len() == seen.len();
            in_mid_frame += usize::from(is_mid_frame && world.errors().iter().all(timed_out));
            // A topic that comes now is not in a frame of before, and its request waits for the end of this one.
            world.topic("other");
            world.run_for(u64::from(REQUEST_TIMEOUT_MS));
            let at = now(&world);
            for request in &world.produce_requests()[seen.len()..] {
                let sent: Vec<_> = request.batches.iter().map(|b| (b.partition, b.records)).collect();
                assert_eq!(sent, [(0, records), (1, records)], "{code} after {refused_after_ms} ms, at {at}");
            }
            world.rig.tap().drip(None);
            world.finish();
        }
        assert!(in_mid_frame > 40, "{code}: only {in_mid_frame} expired in mid-frame");
    }
}
