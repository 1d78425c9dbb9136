//! Row 26: what ApiVersions may say, and brokers that change their release in mid-session.

use nanokafka::{DisconnectReason, ErrorCode, Status};
use nanokafka_tests::broker::{Action, Api, Fault, Release};

use crate::rig::{World, all_delivered, record_by_record, warm};

/// Each range of Produce.
const ROW_26_RANGES: usize = 78;

/// Each release after each other.
const ROW_26_CHANGES: usize = 36;

const PRODUCE: i16 = 0;
const METADATA: i16 = 3;
const API_VERSIONS: i16 = 18;
const INIT_PRODUCER_ID: i16 = 22;

type Ranges = Vec<(i16, i16, i16)>;

/// What release 3.9 speaks, but for Produce.
fn with_produce(min: i16, max: i16) -> Ranges {
    vec![(PRODUCE, min, max), (METADATA, 0, 12), (API_VERSIONS, 0, 4), (INIT_PRODUCER_ID, 0, 5)]
}

fn announcing(ranges: Ranges) -> World {
    let mut world = record_by_record(1, 1).cluster(|cluster| cluster.announces = Some(ranges)).start();
    let topic = world.topic("t");
    world.send_many(topic, Some(0), 1);
    world
}

/// It is said why nothing goes, and when the broker is another one, everything does.
fn is_refused_by_name(ranges: Ranges, case: &str) {
    let mut world = announcing(ranges);
    let named = Status::Unreachable(DisconnectReason::UnsupportedVersion);
    world.run_until("the reason is told", |world| world.statuses().contains(&named));
    world.run_for(5_000);
    let attempts = world.counters().disconnects;
    assert!((5..40).contains(&attempts), "{case}: {attempts} attempts in 5 s");
    assert_eq!(world.produce_requests().len(), 0, "{case}");
    world.cluster().announces = None;
    world.settle();
    all_delivered(world, 1, case);
}

#[test]
fn an_empty_a_disjoint_and_a_foreign_answer_are_refused_by_name() {
    is_refused_by_name(Vec::new(), "empty");
    is_refused_by_name(with_produce(9, 20), "Produce too new");
    is_refused_by_name(with_produce(0, 2), "Produce too old");
    is_refused_by_name(
        vec![(PRODUCE, 0, 11), (METADATA, 5, 12), (INIT_PRODUCER_ID, 0, 5)],
        "Metadata too new",
    );
    is_refused_by_name(vec![(METADATA, 0, 12), (INIT_PRODUCER_ID, 0, 5)], "no Produce");
    is_refused_by_name((1_000..2_000).map(|key| (key, 0, 9)).collect(), "1,000 keys that nobody knows");
}

#[test]
fn a_thousand_keys_hide_none_that_is_needed() {
    let foreign = || (100..550).map(|key| (key, 0, 9));
    let ranges: Ranges = foreign().chain(with_produce(0, 11)).chain(foreign()).collect();
    assert!(ranges.len() > 900);
    let mut world = announcing(ranges);
    world.settle();
    assert_eq!(world.produce_requests()[0].version, 8);
    all_delivered(world, 1, "among a thousand");
}

#[test]
fn error_35_is_asked_again_after_a_backoff() {
    let mut world = record_by_record(1, 1).start();
    world.cluster().inject(Fault::on(Api::ApiVersions, Action::Error(35)).times(3));
    let topic = world.topic("t");
    world.send_many(topic, Some(0), 1);
    world.settle();
    let named = Status::Unreachable(DisconnectReason::UnsupportedVersion);
    assert!(world.statuses().contains(&named));
    all_delivered(world, 1, "error 35");
}

/// Idempotence is never dropped in silence: nothing is sent without a number.
#[test]
fn a_broker_without_init_producer_id_ends_an_idempotent_producer_and_serves_another() {
    let ranges = vec![(PRODUCE, 0, 11), (METADATA, 0, 12), (API_VERSIONS, 0, 4)];
    let mut world = announcing(ranges.clone());
    world.settle();
    assert_eq!(world.fatal_told(), [ErrorCode::UNSUPPORTED_VERSION]);
    assert_eq!((world.delivered(), world.produce_requests().len()), (0, 0));
    world.finish();
    let setup = record_by_record(1, 1).config(|config| config.enable_idempotence = false);
    let mut world = setup.cluster(|cluster| cluster.announces = Some(ranges)).start();
    let topic = world.topic("t");
    world.send_many(topic, Some(0), 1);
    world.settle();
    all_delivered(world, 1, "without idempotence");
}

#[test]
fn the_highest_common_version_is_used_for_any_range() {
    let mut cases = 0;
    for min in 0..=11 {
        for max in min..=11 {
            cases += 1;
            let version = max.min(8);
            let case = format!("Produce {min} to {max}");
            if version < min.max(3) {
                is_refused_by_name(with_produce(min, max), &case);
                continue;
            }
            let mut world = announcing(with_produce(min, max));
            world.settle();
            assert_eq!(world.produce_requests()[0].version, version, "{case}");
            all_delivered(world, 1, &case);
        }
    }
    assert_eq!(cases, ROW_26_RANGES);
}

/// The highest version of Produce that both speak.
fn produce_version(release: Release) -> Option<i16> {
    match release {
        Release::V0_11 => Some(3),
        Release::V2_0 => Some(6),
        Release::V2_8 | Release::V3_9 | Release::V4_4 => Some(8),
        Release::TooNew => None,
    }
}

#[test]
fn a_broker_that_changes_its_release_in_mid_session_loses_nothing() {
    use Release::{TooNew, V0_11, V2_0, V2_8, V3_9, V4_4};
    let releases = [V0_11, V2_0, V2_8, V3_9, V4_4, TooNew];
    let mut cases = 0;
    for before in releases {
        for after in releases {
            let case = format!("{before:?}, then {after:?}");
            cases += 1;
            let begins = if before == TooNew { V3_9 } else { before };
            let setup = record_by_record(1, 1).cluster(|cluster| cluster.set_release_of_all(begins));
            let (mut world, topic) = warm(setup);
            if before == TooNew {
                change(&mut world, TooNew);
            }
            // Written before the change, and confirmed after it.
            world.cluster().inject(Fault::on(Api::Produce, Action::WrittenThenCut));
            world.send_many(topic, Some(0), 2);
            world.run_for(10);
            change(&mut world, after);
            world.run_for(1_000);
            if after == TooNew {
                assert_eq!(
                    world.producer.status(),
                    Status::Unreachable(DisconnectReason::UnsupportedVersion),
                    "{case}"
                );
                change(&mut world, V2_8);
            }
            world.settle();
            let last = world.produce_requests().last().cloned().expect("a request");
            assert_eq!(last.version, produce_version(after).unwrap_or(8), "{case}");
            let numbered = |seen: &nanokafka_tests::broker::Seen| seen.batches[0].stamp.producer_id >= 0;
            assert!(world.produce_requests().iter().all(numbered), "{case}");
            world.run_until("the fault has happened", |world| world.cluster().faults_are_spent());
            all_delivered(world, 3, &case);
        }
    }
    assert_eq!(cases, ROW_26_CHANGES);
}

/// A broker that is upgraded is stopped and started.
fn change(world: &mut World, release: Release) {
    world.stop(1);
    world.cluster().set_release_of_all(release);
    world.run_for(10);
    world.start(1);
    world.run_for(200);
}
