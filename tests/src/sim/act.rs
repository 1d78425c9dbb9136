//! The faults, one by one.

use crate::broker::{Action, Api, Crash, Fault as Scripted, Mutation};
use crate::random::Random;
use crate::rig::Rig;
use crate::world::World;

/// A fault with all its particulars.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The next request of this kind meets this.
    Request(Api, Action),
    /// A broker resets all its connections.
    Reset(i32),
    /// A partition gets another leader.
    MoveLeader(usize, i32),
    /// A broker dies.
    Crash(i32, Crash),
    /// All brokers die.
    ClusterDown,
    /// Producer ids expire.
    ForgetProducers,
    /// The topic is deleted and created again.
    Recreate,
    /// The topic gets one partition more.
    AddPartition,
    /// A broker listens elsewhere, at the address with this number.
    Readdress(i32, u64),
    /// Metadata says for this many requests that the topic does not exist (anomaly A1).
    TopicVanishes(u32),
    /// The clock jumps forward.
    ClockJump(u64),
    /// Nobody polls for this long.
    SlowPoll(u64),
    /// Deliveries are left where they are.
    SlowApplication,
}

pub(super) const TOPIC: &str = "t";

/// Byte by byte, an answer about more of them takes longer than a request may.
const PARTITIONS_MAX: usize = 8;

/// Of every answer.
pub(super) const MUTATIONS: [Mutation; 9] = [
    Mutation::Truncated,
    Mutation::ShortBody,
    Mutation::OversizeLength,
    Mutation::NegativeLength,
    Mutation::WrongCorrelation,
    Mutation::Garbage,
    Mutation::ExtraBytes,
    Mutation::Http,
    Mutation::TlsAlert,
];

/// Retriable codes of brokers that have not written.
const RETRIABLE: [i16; 12] = [3, 5, 6, 7, 9, 13, 19, 56, 72, 74, 89, 100];

/// Codes that may answer what was written all the same.
pub(super) const FOLLOW_A_WRITE: [i16; 6] = [3, 6, 7, 20, 56, -1];

/// Codes of InitProducerId after which it is asked again.
const OF_INIT_PRODUCER_ID: [i16; 7] = [7, 14, 15, 16, 51, 31, 3];

/// The faults of which a seed draws the rates: each makes one with its particulars.
pub(super) const KINDS: [fn(&mut Random, i32, usize) -> Fault; 27] = [
    |pick, _, _| Fault::Request(Api::Produce, Action::Error(produce_code(pick))),
    |pick, _, _| Fault::Request(Api::Produce, Action::WrittenThenError(one_of(pick, &FOLLOW_A_WRITE))),
    |pick, _, _| Fault::Request(Api::Metadata, Action::Error(one_of(pick, &[3, 5, 9, 72]))),
    |pick, _, _| Fault::Request(Api::InitProducerId, Action::Error(one_of(pick, &OF_INIT_PRODUCER_ID))),
    |pick, _, _| Fault::Request(api(pick), Action::Cut),
    |_, _, _| Fault::Request(Api::Produce, Action::WrittenThenCut),
    |pick, _, _| Fault::Request(api(pick), Action::CutAt(pick.below(80) as usize)),
    |_, _, _| Fault::Request(Api::Produce, Action::CutAt(0)),
    |pick, _, _| Fault::Request(api(pick), Action::Freeze),
    |pick, _, _| Fault::Request(api(pick), Action::NoAnswer),
    |pick, _, _| Fault::Request(api(pick), Action::Delay(pick.below(8_000))),
    |pick, _, _| Fault::Request(api(pick), Action::Throttle(one_of(pick, &[1, 100, 3_000, -1, i32::MAX]))),
    |pick, _, _| Fault::Request(api(pick), Action::Spoil(one_of(pick, &MUTATIONS))),
    |pick, nodes, _| Fault::Reset(node(pick, nodes)),
    |pick, nodes, partitions| Fault::MoveLeader(pick.below(partitions as u64) as usize, node(pick, nodes)),
    |pick, nodes, _| Fault::Crash(node(pick, nodes), Crash::default()),
    |pick, nodes, _| Fault::Crash(node(pick, nodes), Crash { forgets_producers: true, loses_records: 0 }),
    |pick, nodes, _| {
        let loses_records = pick.below(12) as usize;
        Fault::Crash(node(pick, nodes), Crash { forgets_producers: false, loses_records })
    },
    |_, _, _| Fault::ClusterDown,
    |_, _, _| Fault::ForgetProducers,
    |_, _, _| Fault::Recreate,
    |_, _, _| Fault::AddPartition,
    |pick, nodes, _| Fault::Readdress(nodes, pick.below(3)),
    |pick, _, _| Fault::TopicVanishes(1 + pick.below(4) as u32),
    |pick, _, _| Fault::ClockJump(one_of(pick, &[1, 1_000, 3_600_000, TEN_YEARS_MS])),
    |pick, _, _| Fault::SlowPoll(one_of(pick, &[1, 50, 1_000, 20_000])),
    |_, _, _| Fault::SlowApplication,
];

pub(super) const TEN_YEARS_MS: u64 = 10 * 365 * 86_400_000;

fn one_of<T: Copy>(pick: &mut Random, of: &[T]) -> T {
    of[pick.below(of.len() as u64) as usize]
}

fn node(pick: &mut Random, nodes: i32) -> i32 {
    1 + pick.below(nodes as u64) as i32
}

fn api(pick: &mut Random) -> Api {
    one_of(
        pick,
        &[Api::Produce, Api::Produce, Api::Produce, Api::Metadata, Api::InitProducerId, Api::ApiVersions],
    )
}

/// Any code at all, and more often one that a broker gives. Not those that say that the batch is in the log: a broker
/// that lies cannot be found out.
fn produce_code(pick: &mut Random) -> i16 {
    let code = match pick.below(4) {
        0 => pick.next_u64() as i16,
        1 => pick.below(130) as i16 - 1,
        _ => one_of(pick, &RETRIABLE),
    };
    if matches!(code, 0 | 46) { 7 } else { code }
}

/// Lets `fault` happen.
pub(super) fn act<R: Rig>(world: &mut World<R>, fault: Fault) {
    let now = world.rig.now().as_millis();
    world.cluster().tell(|| format!("{now:>8}        fault {fault:?}"));
    match fault {
        Fault::Request(api, action) => world.cluster().inject(Scripted::on(api, action)),
        Fault::Reset(node) => world.cluster().reset_connections_of(node, now),
        Fault::MoveLeader(partition, node) => world.cluster().move_leader(TOPIC, partition, node),
        Fault::Crash(node, how) => crash(world, node, how),
        Fault::ClusterDown => {
            let nodes = world.cluster().nodes();
            nodes.into_iter().for_each(|node| crash(world, node, Crash::default()));
        }
        Fault::ForgetProducers => world.cluster().forget_producers(),
        Fault::Recreate => {
            let partitions = world.cluster().topic_mut(TOPIC).partitions.len();
            world.cluster().recreate_topic(TOPIC, partitions);
        }
        Fault::AddPartition => {
            let partitions = world.cluster().topic_mut(TOPIC).partitions.len();
            world.cluster().add_partitions(TOPIC, usize::from(partitions < PARTITIONS_MAX));
        }
        Fault::Readdress(node, to) => {
            // Who starts from the bootstrap list must still find somebody there.
            if R::CAN_READDRESS && node > 1 {
                world.cluster().set_address(node, &format!("moved-{to}.test"), 9092);
                world.cluster().reset_connections_of(node, now);
            }
        }
        Fault::TopicVanishes(times) => {
            world.cluster().inject(Scripted::on(Api::Metadata, Action::Error(3)).times(times));
        }
        Fault::ClockJump(ms) => world.rig.jump(ms as i64),
        Fault::SlowPoll(ms) => world.sleep(ms),
        Fault::SlowApplication => world.set_takes_deliveries(false),
    }
}

fn crash<R: Rig>(world: &mut World<R>, node: i32, how: Crash) {
    let now = world.rig.now().as_millis();
    if world.cluster().is_up(node) {
        world.cluster().crash(node, now, how);
        world.rig.sync();
    }
}

/// Everything works again.
pub(super) fn calm<R: Rig>(world: &mut World<R>) {
    world.cluster().tell(|| "calm".to_owned());
    world.cluster().clear_faults();
    world.rig.calm();
    let nodes = world.cluster().nodes();
    nodes.into_iter().for_each(|node| world.start(node));
    world.set_takes_deliveries(true);
}
