//! Row 7: a topic that seems to disappear for five seconds (anomaly A1 of librdkafka).

use nanokafka_tests::broker::{Action, Api, Fault};

use crate::rig::{IN_FLIGHT_MAX, all_delivered, record_by_record, send_in_flight, warm};

/// Batches in flight, when it disappears, and what brokers say.
const ROW_7_CASES: usize = 30;

#[test]
fn a_topic_that_disappears_for_5_s_keeps_its_sequences() {
    let mut cases = 0;
    for in_flight in 1..=IN_FLIGHT_MAX {
        for while_in_flight in [false, true] {
            for code in [3, 5, 6] {
                let (mut world, topic) = warm(record_by_record(1, 1));
                let disappear = |world: &crate::rig::World| {
                    world.cluster().inject(Fault::on(Api::Metadata, Action::Error(code)).topic("t").always());
                    world.cluster().inject(Fault::on(Api::Produce, Action::Error(code)).always());
                };
                if while_in_flight {
                    send_in_flight(&mut world, topic, in_flight, 50);
                    disappear(&world);
                    world.send_many(topic, Some(0), 1);
                } else {
                    disappear(&world);
                    world.send_many(topic, Some(0), in_flight + 1);
                }
                world.run_for(5_000);
                assert!(world.unreported() > 0, "it was away");
                world.cluster().clear_faults();
                world.settle();
                let requests = world.produce_requests();
                let stamps = requests.iter().flat_map(|seen| &seen.batches).map(|batch| batch.stamp);
                let highest = stamps.clone().map(|stamp| stamp.sequence).max();
                assert_eq!(highest, Some(in_flight as i32 + 1), "it never begins anew");
                assert!(stamps.clone().all(|stamp| stamp.epoch == 0 && stamp.producer_id == 1000));
                all_delivered(world, in_flight + 2, &format!("{code}, {in_flight} in flight"));
                cases += 1;
            }
        }
    }
    assert_eq!(cases, ROW_7_CASES);
}
