//! One run.

use nanokafka::{SendError, Status};

use super::act::{KINDS, TOPIC, act, calm};
use super::plan::{Mode, Plan};
use crate::broker::Content;
use crate::oracle::SixCounts;
use crate::random::Random;
use crate::rig::{MemoryRig, Rig, SmoltcpRig};
use crate::world::{Setup, World};

/// What a run came to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Report {
    /// Records accepted.
    pub records: u64,
    /// Of these, delivered.
    pub delivered: u64,
    /// Faults that happened or were laid out.
    pub faults: u64,
    /// Records in no log although acknowledged, and so on.
    pub counts: SixCounts,
    /// Polls from the end of the faults until all was reported.
    pub polls_to_drain: u64,
}

/// More polls than this in the calm phase are a hang.
const POLLS_TO_DRAIN_MAX: u64 = 100_000;

/// More polls than this for all of a run's records are a hang: byte by byte, with one connection for three leaders and
/// room for two records, each takes some 2,000.
const POLLS_TO_SEND_MAX: u64 = 1_000_000;

/// More steps than this in the phase of faults are enough, sent or not.
const STEPS_MAX: u32 = 600;

/// Runs the plan.
///
/// # Panics
/// When the producer breaks a promise that is not one of the six counts.
#[must_use]
pub fn run(plan: &Plan) -> Report {
    if plan.on_smoltcp {
        drive(&mut setup::<SmoltcpRig>(plan), plan)
    } else {
        drive(&mut setup::<MemoryRig>(plan), plan)
    }
}

/// Runs the plan and prints the story when it ends, well or not.
pub(super) fn run_and_tell(plan: &Plan) {
    if plan.on_smoltcp {
        tell_all(setup::<SmoltcpRig>(plan), |world| drive(world, plan));
    } else {
        tell_all(setup::<MemoryRig>(plan), |world| drive(world, plan));
    }
}

/// Lets it run and prints the story and the account of the records.
pub(super) fn tell_all<R: Rig>(mut world: World<R>, run: impl FnOnce(&mut World<R>) -> Report) {
    world.cluster().story = Some(Vec::new());
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(&mut world)));
    let story = world.cluster().story.take().unwrap_or_default();
    story.into_iter().chain(world.account()).for_each(|line| println!("{line}"));
    if let Ok(report) = result {
        println!("{report:#?}");
    }
}

/// The world of a plan before its first poll.
pub(super) fn setup<R: Rig>(plan: &Plan) -> World<R> {
    let setup = Setup::<R>::nodes(plan.nodes).topic(TOPIC, plan.partitions).network(plan.network);
    let setup = setup.capacities(|capacities| *capacities = plan.capacities);
    let setup = setup.config(|config| *config = plan.config);
    let setup = setup.cluster(|cluster| {
        cluster.topic_mut(TOPIC).max_message_bytes = plan.max_message_bytes;
        cluster.set_release_of_all(plan.release);
        cluster.first_epoch = plan.first_epoch;
        cluster.replicates_later = true;
    });
    setup.start()
}

fn drive<R: Rig>(world: &mut World<R>, plan: &Plan) -> Report {
    let mut pick = Random::new(plan.seed ^ 0x51ED);
    let (mut faults, mut sent, mut steps) = (0, 0, 0);
    world.topic(TOPIC);
    // Full for want of a broker: the calm phase shows whether it was only that, and takes the rest.
    while (sent < plan.records || faults < plan.faults) && steps < STEPS_MAX {
        steps += 1;
        if pick.below(plan.steps_per_fault) == 0 {
            let kind = weighted(&plan.weights, &mut pick);
            act(world, KINDS[kind](&mut pick, plan.nodes, plan.partitions));
            faults += 1;
        }
        // What is down comes back, or nothing would ever be sent.
        if pick.chance(200) {
            let node = 1 + pick.below(plan.nodes as u64) as i32;
            world.start(node);
            world.set_takes_deliveries(true);
            world.cluster().clear_faults();
        }
        if pick.chance(500) {
            world.cluster().replicate();
        }
        if sent < plan.records {
            sent += burst(world, plan, &mut pick, sent);
        }
        let limit = world.rig.now().saturating_add_ms(1 + pick.below(200));
        world.step(limit);
    }
    if sent < plan.records {
        send_rest(world, plan, &mut pick, sent);
    }
    settle(world, plan, faults as u64)
}

/// What the faults left no room for.
fn send_rest<R: Rig>(world: &mut World<R>, plan: &Plan, pick: &mut Random, mut sent: usize) {
    calm(world);
    let limit = world.polls() + POLLS_TO_SEND_MAX;
    while sent < plan.records {
        assert!(world.polls() < limit, "{sent} records accepted, and no more");
        sent += burst(world, plan, pick, sent);
        let soon = world.rig.now().saturating_add_ms(100);
        world.step(soon);
    }
}

fn weighted(weights: &[u64], pick: &mut Random) -> usize {
    let mut at = pick.below(weights.iter().sum());
    for (kind, weight) in weights.iter().enumerate() {
        match at.checked_sub(*weight) {
            Some(rest) => at = rest,
            None => return kind,
        }
    }
    0
}

/// Sends some records; tells how many were accepted.
fn burst<R: Rig>(world: &mut World<R>, plan: &Plan, pick: &mut Random, sent: usize) -> usize {
    let topic = world.topic(TOPIC);
    let mut accepted = 0;
    for _ in 0..1 + pick.below(plan.burst_max) {
        let serial = sent + accepted;
        let mut value = format!("{serial}:").into_bytes();
        value.resize(value.len() + pick.below(plan.value_bytes_max) as usize, b'x');
        let content = Content::of_value(value);
        let content =
            if pick.chance(300) { content.with_key(format!("k{}", pick.below(7))) } else { content };
        let partition = pick.chance(300).then(|| pick.below(plan.partitions as u64) as i32);
        match world.send(topic, partition, content) {
            Ok(()) => accepted += 1,
            Err(SendError::Full) => break,
            Err(SendError::Fatal(_)) => {
                world.producer.reset();
                break;
            }
            // More partitions than the memory has places for, or a record larger than the slot.
            Err(SendError::UnknownPartition | SendError::TooLarge { .. }) => {}
            Err(error) => panic!("send: {error}"),
        }
    }
    accepted
}

pub(super) fn settle<R: Rig>(world: &mut World<R>, plan: &Plan, faults: u64) -> Report {
    calm(world);
    let before = world.polls();
    world.settle_within(POLLS_TO_DRAIN_MAX);
    let polls_to_drain = world.polls() - before;
    if plan.mode == Mode::Idempotent && plan.capacities.partitions >= plan.partitions {
        assert_still_works(world);
    }
    world.cluster().replicate();
    Report {
        records: world.counters().records_accepted as u64,
        delivered: world.delivered() as u64,
        faults,
        counts: world.strict_verdict(),
        polls_to_drain,
    }
}

/// No broker is obeyed longer when it throttles (core's `THROTTLE_MS_MAX`), and some more.
const THROTTLED_AT_MOST_MS: u64 = 90_000;

/// Nothing was left behind that keeps the next record from going. A short delivery timeout may meet a backoff or a
/// throttle, and a broker may first have to say what it has forgotten.
fn assert_still_works<R: Rig>(world: &mut World<R>) {
    let topic = world.topic(TOPIC);
    let delivered = world.delivered();
    let patience = world.rig.now().saturating_add_ms(THROTTLED_AT_MOST_MS);
    for attempt in 0.. {
        if attempt >= 20 && world.rig.now() > patience {
            break;
        }
        if is_fatal(world) {
            world.producer.reset();
        }
        let limit = world.polls() + POLLS_TO_DRAIN_MAX;
        while let Err(error) = world.send(topic, None, Content::of_value(format!("last {attempt}"))) {
            // What expired on its way keeps its slot until the answer or the disconnect.
            assert!(error == SendError::Full && world.polls() < limit, "all is reported, and yet {error}");
            let soon = world.rig.now().saturating_add_ms(100);
            world.step(soon);
        }
        world.settle_within(POLLS_TO_DRAIN_MAX);
        if world.delivered() > delivered {
            return;
        }
    }
    panic!("no record goes any more: {:?}", world.errors().last());
}

fn is_fatal<R: Rig>(world: &World<R>) -> bool {
    matches!(world.producer.status(), Status::Fatal(_))
}
