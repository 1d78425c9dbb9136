//! `BuiltInPartitionerTest`.

use nanokafka::{Config, ConfigError};

use crate::rig::{Setup, World, now};

/// The partition of each record, in the order of sending.
fn partitions_used(world: &World) -> Vec<i32> {
    let requests = world.produce_requests();
    let batches = requests.iter().flat_map(|seen| &seen.batches);
    batches.flat_map(|batch| std::iter::repeat_n(batch.partition, batch.records)).collect()
}

#[test]
fn sticky_partitioning() {
    for partitions in [1, 3] {
        let setup = Setup::nodes(1).topic("t", partitions).config(|config| config.linger_ms = 0);
        let mut world = setup.start();
        let topic = world.topic("t");
        world.send_many(topic, None, 1);
        world.settle();
        for _ in 0..200 {
            world.send_many(topic, None, 1);
            world.settle();
        }
        let used = partitions_used(&world);
        let runs: Vec<usize> = used.chunk_by(|a, b| a == b).map(<[i32]>::len).collect();
        if partitions == 1 {
            assert_eq!(runs, [201]);
        } else {
            // A batch's worth, whether or not it went as one batch, and then another partition.
            // (The first was sent before the partitions were known.)
            assert!(runs.len() >= 5, "{runs:?}");
            assert!(runs[1..runs.len() - 1].iter().all(|run| *run >= 25), "{runs:?}");
        }
        world.finish();
    }
}

/// Records without a key do not wait for a broker that is down while others lead partitions of the topic.
#[test]
fn unavailable_partitions() {
    let setup = Setup::nodes(2).topic("t", 4).config(|config| {
        config.batch_bytes = Some(82);
        config.linger_ms = 0;
        config.metadata_max_age_ms = 1_000;
    });
    let mut world = setup.start();
    let topic = world.topic("t");
    let leader_of =
        |world: &World, partition: i32| world.cluster().topic_mut("t").partitions[partition as usize].leader;
    let nodes_used = |world: &World, from: usize| -> Vec<i32> {
        partitions_used(world)[from..].iter().map(|partition| leader_of(world, *partition)).collect()
    };
    let send = |world: &mut World, records: usize| {
        let from = partitions_used(world).len();
        for _ in 0..records {
            world.send_many(topic, None, 1);
            world.settle();
        }
        nodes_used(world, from)
    };
    let all = send(&mut world, 40);
    assert!(all.contains(&1) && all.contains(&2), "{all:?}");
    world.stop(2);
    world.run_for(3_000);
    let start = now(&world);
    assert_eq!(send(&mut world, 40), [1; 40]);
    assert!(now(&world) - start < 2_000, "none has waited for the other: {} ms", now(&world) - start);
    world.start(2);
    world.run_for(3_000);
    assert!(send(&mut world, 40).contains(&2), "it is used again when it is back");
    // Nobody leads: then any partition will do, and the record waits.
    world.stop(1);
    world.stop(2);
    world.run_for(3_000);
    world.send_many(topic, None, 1);
    world.run_for(1_000);
    assert_eq!(world.unreported(), 1);
    world.start(1);
    world.start(2);
    world.settle();
    assert_eq!((world.delivered(), world.errors().len()), (121, 0));
    world.finish();
}

#[test]
fn sticky_batch_size_more_that_zero() {
    for batch_bytes in [0, 1] {
        let config = Config { batch_bytes: Some(batch_bytes), ..Config::new(&["h:1"]) };
        let error: ConfigError = config.validate().expect_err("a batch of nothing");
        assert!(error.to_string().contains("batch_bytes"), "{error}");
    }
}
