//! What happens to the brokers and the network, drawn from one seed before anything starts.

use std::time::Duration;

use nanokafka_cluster::random::Random;

/// Brokers of the cluster.
pub(super) const NODES: u16 = 3;

/// Every so many broker faults the cluster is changed, too: each change starts a Java machine, which takes its time.
const UPKEEP_EVERY: u32 = 3;

/// Sets the network's faults apart from those of the brokers, which the same seed draws.
const NETWORK_SALT: u64 = 0x6e65_7477_6f72_6b21;

/// How a broker is taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// SIGKILL, and a new start.
    Kill,
    /// SIGTERM, by which it hands its partitions over, and a new start.
    Terminate,
    /// SIGSTOP, by which its connections stay open, and SIGCONT.
    Pause,
}

/// One broker away for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BrokerFault {
    pub(super) how: How,
    pub(super) node: u16,
    /// From its end, or stop, until it is started again.
    pub(super) down: Duration,
    /// What is changed when it is back.
    pub(super) upkeep: Option<Upkeep>,
    /// From then to the next fault.
    pub(super) calm: Duration,
}

/// A change of a topic. Which topic and partition is told by numbers that are taken modulo what there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Upkeep {
    /// Another node leads a partition.
    MoveLeader { topic: usize, partition: usize, node: u16 },
    /// The topic has more partitions.
    AddPartitions { topic: usize, more: usize },
}

/// What a door of the proxy does to its connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// Resets each connection once so many more bytes have passed it in a direction.
    Reset { after: usize },
    /// Holds back each piece of data for so long.
    Delay { by: Duration },
    /// Lets nothing pass, on open connections and new ones.
    Stall,
}

/// Something wrong with the way to a broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NetworkFault {
    /// From the end of the one before.
    pub(super) wait: Duration,
    /// The door, modulo how many there are.
    pub(super) door: usize,
    pub(super) trouble: Trouble,
    pub(super) lasts: Duration,
}

/// The faults of `count` brokers, one after the other.
pub(super) fn broker_faults(seed: u64, count: u32) -> Vec<BrokerFault> {
    let mut random = Random::new(seed);
    let mut changes = 0;
    let mut left = Vec::new();
    (0..count)
        .map(|index| {
            let how = next_how(&mut random, &mut left);
            let down = match how {
                How::Kill => between(&mut random, 100, 2_500),
                How::Terminate => between(&mut random, 100, 1_500),
                // Across the session timeout of 3 s, after which others lead, and the clients' request timeouts.
                How::Pause => between(&mut random, 500, 8_000),
            };
            let node = node(&mut random);
            let upkeep = (index % UPKEEP_EVERY == 1).then(|| {
                changes += 1;
                upkeep(&mut random, changes)
            });
            BrokerFault { how, node, down, upkeep, calm: between(&mut random, 200, 1_200) }
        })
        .collect()
}

/// Each of the three comes once before any comes again, so that a short run has all of them.
fn next_how(random: &mut Random, left: &mut Vec<How>) -> How {
    if left.is_empty() {
        *left = vec![How::Kill, How::Terminate, How::Pause];
    }
    left.swap_remove(size(random.below(left.len() as u64)))
}

/// The first change moves a leader and the second adds partitions, so that a short run has both.
fn upkeep(random: &mut Random, number: u32) -> Upkeep {
    let adds = match number {
        1 => false,
        2 => true,
        _ => random.chance(400),
    };
    // The second is that of the first topic: tokio's, if there are two.
    let topic = if number == 2 { 0 } else { size(random.below(2)) };
    if adds {
        Upkeep::AddPartitions { topic, more: 1 + size(random.below(3)) }
    } else {
        Upkeep::MoveLeader { topic, partition: size(random.below(1 << 16)), node: node(random) }
    }
}

/// The faults of the network, without end.
pub(super) fn network_faults(seed: u64) -> impl Iterator<Item = NetworkFault> {
    let mut random = Random::new(seed ^ NETWORK_SALT);
    std::iter::repeat_with(move || {
        let (trouble, lasts) = match random.below(10) {
            0..2 => (Trouble::Reset { after: 0 }, between(&mut random, 100, 500)),
            2..5 => {
                (Trouble::Reset { after: size(1 + random.below(3_000)) }, between(&mut random, 500, 2_000))
            }
            5..7 => (Trouble::Delay { by: between(&mut random, 5, 300) }, between(&mut random, 1_000, 4_000)),
            7..9 => (Trouble::Stall, between(&mut random, 300, 4_000)),
            // Longer than the clients wait for an answer.
            _ => (Trouble::Stall, between(&mut random, 10_000, 12_000)),
        };
        let door = size(random.below(1 << 16));
        NetworkFault { wait: between(&mut random, 200, 2_000), door, trouble, lasts }
    })
}

fn between(random: &mut Random, from_ms: u64, to_ms: u64) -> Duration {
    Duration::from_millis(from_ms + random.below(to_ms - from_ms + 1))
}

fn node(random: &mut Random) -> u16 {
    1 + u16::try_from(random.below(NODES.into())).unwrap_or_default()
}

fn size(number: u64) -> usize {
    usize::try_from(number).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_a_plan_and_another_seed_another() {
        assert_eq!(broker_faults(7, 50), broker_faults(7, 50));
        assert_ne!(broker_faults(7, 50), broker_faults(8, 50));
        assert_eq!(broker_faults(7, 50)[..20], broker_faults(7, 20));
        let network = |seed| network_faults(seed).take(50).collect::<Vec<_>>();
        assert_eq!(network(7), network(7));
        assert_ne!(network(7), network(8));
    }

    #[test]
    fn every_kind_of_fault_meets_every_node() {
        let faults = broker_faults(1, 100);
        for how in [How::Kill, How::Terminate, How::Pause] {
            for node in 1..=NODES {
                assert!(faults.iter().any(|f| f.how == how && f.node == node), "{how:?} {node}");
            }
        }
        assert!(faults.iter().any(|f| f.how == How::Pause && f.down > Duration::from_secs(4)));
        let network: Vec<_> = network_faults(1).take(100).collect();
        assert!(network.iter().any(|f| matches!(f.trouble, Trouble::Reset { after: 1.. })));
        assert!(network.iter().any(|f| matches!(f.trouble, Trouble::Delay { .. })));
        assert!(network.iter().any(|f| f.trouble == Trouble::Stall && f.lasts >= Duration::from_secs(10)));
    }

    #[test]
    fn three_faults_have_all_three_kinds() {
        for seed in 0..100 {
            for three in broker_faults(seed, 6).chunks(3) {
                let has = |how| three.iter().any(|fault| fault.how == how);
                assert!(has(How::Kill) && has(How::Terminate) && has(How::Pause), "{seed}: {three:?}");
            }
        }
    }

    #[test]
    fn five_faults_have_a_move_and_partitions_added_to_the_first_topic() {
        for seed in 0..100 {
            let changes: Vec<_> = broker_faults(seed, 5).into_iter().filter_map(|f| f.upkeep).collect();
            assert!(
                matches!(
                    changes[..],
                    [Upkeep::MoveLeader { .. }, Upkeep::AddPartitions { topic: 0, more: 1.. }]
                ),
                "{seed}: {changes:?}"
            );
        }
    }
}
