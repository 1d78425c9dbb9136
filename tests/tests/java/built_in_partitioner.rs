//! `BuiltInPartitionerTest`.

use nanokafka::{Config, ConfigError};

use crate::rig::{Setup, World};

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

#[test]
fn sticky_batch_size_more_that_zero() {
    for batch_bytes in [0, 1] {
        let config = Config { batch_bytes: Some(batch_bytes), ..Config::new(&["h:1"]) };
        let error: ConfigError = config.validate().expect_err("a batch of nothing");
        assert!(error.to_string().contains("batch_bytes"), "{error}");
    }
}
