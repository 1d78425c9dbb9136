//! Answers that are spoiled, late, or missing.

use nanokafka::DeliveryError;

use crate::broker::{Action, Api, Fault, Mutation};
use crate::rig::Rig;
use crate::world::{Setup, World};

/// Spoils the second answer of this kind while records flow, and judges.
fn spoil<R: Rig>(api: Api, mutation: Mutation) {
    // Metadata is asked for often, so that there is a second answer.
    let setup = Setup::<R>::nodes(2).topic("t", 2).config(|config| config.metadata_max_age_ms = 300);
    let mut world = setup.start();
    let skip = if api == Api::Produce { 1 } else { 0 };
    world.cluster().inject(Fault::on(api, Action::Spoil(mutation)).after(skip));
    let topic = world.topic("t");
    for _ in 0..4 {
        for partition in 0..2 {
            world.send_many(topic, Some(partition), 3);
        }
        world.settle();
    }
    world.run_until("the fault has happened", |world| world.cluster().faults_are_spent());
    world.run_for(R::PACE.slack_ms);
    assert!(world.counters().disconnects > 0, "{api:?} {mutation:?} was believed");
    assert_eq!(world.delivered(), 24, "{api:?} {mutation:?}");
    let counters = world.counters();
    let names_the_reason = counters.malformed_responses > 0;
    // Half a frame and then the end is a connection that was cut, as far as a client can tell.
    // And noise may look like an error code that no version can answer.
    // And the request that follows Metadata may meet the connection that was closed behind the answer.
    let may_look_well = mutation == Mutation::Truncated
        || (api, mutation) == (Api::ApiVersions, Mutation::Garbage)
        || api == Api::Metadata && matches!(mutation, Mutation::Http | Mutation::TlsAlert);
    assert!(names_the_reason || may_look_well, "{api:?} {mutation:?}: {counters:?}");
    world.finish();
}

const OF_EVERY_ANSWER: [Mutation; 11] = [
    Mutation::Truncated,
    Mutation::ShortBody,
    Mutation::OversizeLength,
    Mutation::NegativeLength,
    Mutation::WrongCorrelation,
    Mutation::Garbage,
    Mutation::ExtraBytes,
    Mutation::NegativeCount,
    Mutation::HugeCount,
    Mutation::Http,
    Mutation::TlsAlert,
];

/// The connection is closed, the reason is counted, and the batch is sent again.
pub fn a_spoiled_produce_answer_loses_nothing<R: Rig>() {
    for mutation in OF_EVERY_ANSWER {
        spoil::<R>(Api::Produce, mutation);
    }
    for mutation in [Mutation::HugeString, Mutation::MissingPartition, Mutation::ForeignTopic] {
        spoil::<R>(Api::Produce, mutation);
    }
}

/// Two answers for one partition: the first one counts, and the batch is reported once.
pub fn a_partition_that_is_answered_twice_is_reported_once<R: Rig>() {
    let mut world = one_partition::<R>();
    world.cluster().inject(Fault::on(Api::Produce, Action::Spoil(Mutation::DuplicatePartition)));
    let topic = world.topic("t");
    for _ in 0..3 {
        world.send_many(topic, Some(0), 3);
        world.settle();
    }
    assert_eq!(world.delivered(), 9);
    world.finish();
}

/// The connection is closed, the reason is counted, and metadata is asked for again.
pub fn a_spoiled_metadata_answer_is_asked_for_again<R: Rig>() {
    for mutation in OF_EVERY_ANSWER {
        spoil::<R>(Api::Metadata, mutation);
    }
    spoil::<R>(Api::Metadata, Mutation::HugeString);
}

/// The same for the first answer of a connection.
pub fn a_spoiled_api_versions_answer_is_asked_for_again<R: Rig>() {
    for mutation in OF_EVERY_ANSWER {
        spoil::<R>(Api::ApiVersions, mutation);
    }
}

fn one_partition<R: Rig>() -> World<R> {
    let mut world = Setup::<R>::nodes(1).topic("t", 2).start();
    world.topic("t");
    world
}

/// After `request_timeout_ms`, the connection is closed and the batch goes again; the broker had it already.
pub fn an_answer_that_never_comes_times_out_and_the_batch_is_sent_again<R: Rig>() {
    let mut world = one_partition::<R>();
    world.cluster().inject(Fault::on(Api::Produce, Action::NoAnswer));
    let topic = world.topic("t");
    world.send_many(topic, Some(0), 3);
    world.send_many(topic, Some(1), 3);
    world.settle();
    let requests = world.produce_requests();
    let waited = requests[1].at - requests[0].at;
    assert!(
        waited >= u64::from(R::PACE.request_timeout_ms) - R::PACE.slack_ms,
        "sent again after {waited} ms"
    );
    assert_eq!(world.counters().request_timeouts, 1);
    assert_eq!(world.delivered(), 6);
    world.finish();
}

/// The batch is reported once, as timed out and perhaps written, and its slot is not used before the answer.
pub fn an_answer_after_the_delivery_timeout_changes_nothing<R: Rig>() {
    let request_ms = R::PACE.request_timeout_ms;
    let setup = Setup::<R>::nodes(1).topic("t", 2).capacities(|memory| memory.batches = 2).config(|config| {
        config.request_timeout_ms = request_ms;
        config.delivery_timeout_ms = request_ms + config.linger_ms;
    });
    let mut world = setup.start();
    // It was created before the connection stood, so that it ends before its request does.
    let topic = world.topic("t");
    world.cluster().inject(Fault::on(Api::Metadata, Action::Delay(u64::from(request_ms) / 2)));
    world.cluster().inject(Fault::on(Api::Produce, Action::Delay(u64::from(request_ms) * 9 / 10)));
    world.send_many(topic, Some(0), 1);
    world.settle();
    let errors = world.errors();
    assert!(matches!(errors[..], [DeliveryError::Timeout { maybe_written: true, .. }]), "{errors:?}");
    world.send_many(topic, Some(1), 1);
    world.send_many(topic, Some(0), 1);
    world.settle();
    assert_eq!(world.delivered(), 2);
    world.finish();
}

/// Two answers in one piece, and the second one must not be lost.
pub fn answers_that_come_together_are_told_apart<R: Rig>() {
    let setup = Setup::<R>::nodes(1).topic("t", 6).config(|config| {
        config.max_in_flight = 5;
        config.linger_ms = 0;
    });
    let mut world = setup.start();
    let topic = world.topic("t");
    world.send_many(topic, Some(0), 1);
    world.settle();
    // All answers wait for the first one, and then leave together.
    world.cluster().inject(Fault::on(Api::Produce, Action::Delay(100)));
    for partition in 0..5 {
        world.send_many(topic, Some(partition), 1);
        world.run_for(5);
    }
    world.settle();
    assert_eq!(world.delivered(), 6);
    assert_eq!(world.counters().disconnects, 0);
    world.finish();
}

/// `throttle_time_ms`: nothing more to that broker before it has passed; the others go on.
pub fn a_throttled_broker_gets_no_request_before_its_time<R: Rig>() {
    let mut world = Setup::<R>::nodes(2).topic("t", 2).start();
    let topic = world.topic("t");
    world.cluster().inject(Fault::on(Api::Produce, Action::Throttle(800)).node(1));
    world.send_many(topic, Some(0), 1);
    world.settle();
    let throttled_at = world.produce_requests()[0].at;
    assert_eq!(world.counters().throttled, 1);
    world.send_many(topic, Some(0), 1);
    world.send_many(topic, Some(1), 1);
    world.settle();
    let requests = world.produce_requests();
    let to_throttled = requests.iter().rfind(|seen| seen.node == 1).expect("a second request");
    let waited = to_throttled.at - throttled_at;
    assert!(waited >= 800, "asked again after {waited} ms");
    let to_other = requests.iter().find(|seen| seen.node == 2).expect("a request to the other broker");
    assert!(
        to_other.at < throttled_at + 800 + R::PACE.slack_ms,
        "the other broker waited for {} ms",
        to_other.at - throttled_at
    );
    world.finish();
}

/// One connection for two brokers, and the one that has it is throttled: the other waits for the end of that, and for
/// no longer. Nothing but the producer's own wake-up can tell.
pub fn a_broker_that_waits_for_a_throttled_ones_connection_gets_it<R: Rig>() {
    let setup = Setup::<R>::nodes(2).topic("t", 2).capacities(|memory| memory.connections = 1);
    let mut world = setup.start();
    let topic = world.topic("t");
    world.cluster().inject(Fault::on(Api::Produce, Action::Throttle(800)).node(1));
    world.send_many(topic, Some(0), 1);
    world.settle();
    let throttled_at = world.produce_requests()[0].at;
    world.send_many(topic, Some(1), 1);
    world.settle();
    let requests = world.produce_requests();
    let to_other = requests.iter().find(|seen| seen.node == 2).expect("a request to the other broker");
    let waited = to_other.at - throttled_at;
    assert!(waited >= 800, "the throttled connection was given up after {waited} ms");
    // A read that finds nothing costs a millisecond in memory.
    assert!(waited <= 801 + R::PACE.slack_ms, "it waited for {waited} ms");
    world.finish();
}

/// The worst moment: the batch is in the log, and nobody says so.
pub fn a_connection_cut_after_the_append_loses_nothing<R: Rig>() {
    let mut world = one_partition::<R>();
    world.cluster().inject(Fault::on(Api::Produce, Action::WrittenThenCut).after(1).times(2));
    world.cluster().inject(Fault::on(Api::Produce, Action::Cut).after(5).times(2));
    let topic = world.topic("t");
    for _ in 0..12 {
        world.send_many(topic, Some(0), 2);
        world.settle();
    }
    world.finish();
}
