//! What the scenarios have in common: one record a batch, five requests in flight, virtual time.

use nanokafka::{DeliveryError, ErrorCode, TopicId};
use nanokafka_tests::broker::{Action, Api, Fault, Seen};
use nanokafka_tests::rig::{MemoryRig, Rig as _};

pub(crate) type Setup = nanokafka_tests::world::Setup<MemoryRig>;
pub(crate) type World = nanokafka_tests::world::World<MemoryRig>;

/// Each record is a batch of its own, and due at once.
pub(crate) fn record_by_record(nodes: i32, partitions: usize) -> Setup {
    Setup::nodes(nodes).topic("t", partitions).config(|config| {
        config.batch_bytes = Some(82);
        config.linger_ms = 0;
        config.max_in_flight = 5;
    })
}

/// A topic `t` of two partitions, led by a broker each, with one record acknowledged in each: sequence 0 is used.
pub(crate) fn warm(setup: Setup) -> (World, TopicId) {
    let mut world = setup.start();
    let topic = world.topic("t");
    let partitions = world.cluster().topic_mut("t").partitions.len() as i32;
    (0..partitions).for_each(|partition| world.send_many(topic, Some(partition), 1));
    world.settle();
    assert_eq!(world.delivered() as i32, partitions);
    (world, topic)
}

/// Injects a fault.
pub(crate) fn inject(world: &World, fault: Fault) {
    world.cluster().inject(fault);
}

/// The next Produce request is answered so much later.
pub(crate) fn delay(world: &World, ms: u64) {
    inject(world, Fault::on(Api::Produce, Action::Delay(ms)));
}

/// The next batch of the partition is refused with this code.
pub(crate) fn refuse(world: &World, partition: i32, code: i16) {
    inject(world, Fault::on(Api::Produce, Action::Error(code)).partition("t", partition));
}

/// Epoch and sequence of each batch of the partition that reached a broker, in order.
pub(crate) fn numbers(world: &World, partition: i32) -> Vec<(i16, i32)> {
    let batches = world.produce_requests().into_iter().flat_map(|seen| seen.batches);
    let of_partition = batches.filter(|batch| batch.partition == partition);
    of_partition.map(|batch| (batch.stamp.epoch, batch.stamp.sequence)).collect()
}

/// The producer id of each batch of the partition that reached a broker, in order.
pub(crate) fn producer_ids(world: &World, partition: i32) -> Vec<i64> {
    let batches = world.produce_requests().into_iter().flat_map(|seen| seen.batches);
    batches.filter(|batch| batch.partition == partition).map(|batch| batch.stamp.producer_id).collect()
}

/// The requests of one kind.
pub(crate) fn requests_of(world: &World, api: Api) -> Vec<Seen> {
    let mut requests = world.requests();
    requests.retain(|seen| seen.api == api);
    requests
}

/// The offset of the first record of each delivery, in the order of the deliveries.
pub(crate) fn offsets(world: &World) -> Vec<Option<i64>> {
    world.deliveries().iter().map(|delivery| delivery.result.ok().and_then(|ack| ack.base_offset)).collect()
}

pub(crate) fn failed(code: i16) -> DeliveryError {
    DeliveryError::Failed(ErrorCode::new(code))
}

pub(crate) fn now(world: &World) -> u64 {
    world.rig.now().as_millis()
}

/// Steps until so many deliveries have failed.
pub(crate) fn until_errors(world: &mut World, errors: usize) {
    world.run_until("a batch has failed", |world| world.errors().len() >= errors);
}
