//! What a seed means: configuration, memory, cluster, network, and how often each fault happens.

use nanokafka::{Acks, Config, Overflow};

use super::act::KINDS;
use crate::broker::Release;
use crate::link::LinkFaults;
use crate::random::Random;
use crate::rig::{Network, Pieces};
use crate::world::Capacities;

/// Which promise is looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Idempotence and `acks` of all: six zeros.
    #[default]
    Idempotent,
    /// Without idempotence, with these `acks`: what may be lost or doubled is.
    Plain(Acks),
}

/// A run to be.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The seed that it was drawn from.
    pub seed: u64,
    pub(super) mode: Mode,
    /// smoltcp on a bad link, instead of the transport in memory.
    pub(super) on_smoltcp: bool,
    pub(super) nodes: i32,
    pub(super) partitions: usize,
    pub(super) max_message_bytes: usize,
    pub(super) release: Release,
    pub(super) first_epoch: i16,
    pub(super) records: usize,
    /// Faults to happen at least.
    pub(super) faults: usize,
    /// One fault in so many steps.
    pub(super) steps_per_fault: u64,
    /// The weight of each fault.
    pub(super) weights: [u64; KINDS.len()],
    pub(super) value_bytes_max: u64,
    pub(super) burst_max: u64,
    pub(super) config: Config<'static>,
    pub(super) capacities: Capacities,
    pub(super) network: Network,
}

/// One run in so many is over smoltcp: a run there takes some thirty times longer.
const SMOLTCP_EVERY: u64 = 64;

impl Plan {
    /// The run of this seed.
    #[must_use]
    pub fn of(seed: u64, mode: Mode) -> Self {
        let mut random = Random::new(seed);
        let pick = &mut random;
        let on_smoltcp = seed % SMOLTCP_EVERY == SMOLTCP_EVERY - 1;
        let batch_bytes = [120, 160, 256, 512][pick.below(4) as usize];
        let mut network = network(pick);
        if on_smoltcp {
            network.link = Some(link(&mut Random::new(!seed)));
        }
        let mut config = config(pick, mode, batch_bytes);
        if network.hesitates_permille > 0 || network.pieces == Pieces::OneByte {
            config.request_timeout_ms += 4_000;
            config.delivery_timeout_ms = config.delivery_timeout_ms.saturating_add(4_000);
        }
        // Not drawn: the seeds that have names keep their meaning.
        if seed % 11 == 4 {
            config.connections_max_idle_ms = 20 + (seed % 1_000) as u32;
        }
        if on_smoltcp {
            // A lost segment costs a second at least.
            config.request_timeout_ms = 20_000;
            config.socket_connection_setup_timeout_ms = 5_000;
            config.delivery_timeout_ms = 120_000;
        }
        // Swarm: in each run other faults are frequent, and some do not happen at all.
        let mut weights = [0; KINDS.len()].map(|_| [0, 1, 4, 16][pick.below(4) as usize]);
        weights[0] = weights[0].max(1);
        let partitions = 1 + pick.below(4) as usize;
        Self {
            seed,
            mode,
            on_smoltcp,
            nodes: 1 + pick.below(3) as i32,
            partitions,
            max_message_bytes: if pick.chance(150) { 130 + pick.below(200) as usize } else { 1_048_588 },
            release: [Release::V0_11, Release::V2_0, Release::V2_8, Release::V3_9, Release::V4_4]
                [pick.below(5) as usize],
            first_epoch: if pick.chance(50) { i16::MAX - 1 } else { 0 },
            records: 200,
            faults: 20,
            steps_per_fault: 1 + pick.below(6),
            weights,
            value_bytes_max: 1 + pick.below(40),
            burst_max: 1 + pick.below(12),
            config,
            capacities: Capacities {
                batches: [1, 2, 3, 8, 16][pick.below(5) as usize],
                batch_bytes,
                topics: 1,
                partitions: 1 + pick.below(6) as usize,
                brokers: 3,
                connections: 1 + pick.below(4) as usize,
                receive: [16, 17, 64, 256][pick.below(4) as usize],
            },
            network,
        }
    }
}

fn config(pick: &mut Random, mode: Mode, batch_bytes: usize) -> Config<'static> {
    let (acks, enable_idempotence) = match mode {
        Mode::Idempotent => (Acks::All, true),
        Mode::Plain(acks) => (acks, false),
    };
    let request_timeout_ms = 200 + pick.below(3_000) as u32;
    Config {
        client_id: "sim",
        acks,
        enable_idempotence,
        linger_ms: pick.below(40) as u32,
        // One record to a batch, now and then.
        batch_bytes: pick.chance(150).then_some(batch_bytes.min(82) as u32),
        request_timeout_ms,
        delivery_timeout_ms: match pick.below(4) {
            0 => request_timeout_ms + 40 + pick.below(500) as u32,
            1 => u32::MAX,
            _ => request_timeout_ms + 40 + pick.below(60_000) as u32,
        },
        max_in_flight: 1 + pick.below(5) as u8,
        max_request_bytes: [600, 2_000, 1_048_576][pick.below(3) as usize],
        retry_backoff_ms: pick.below(100) as u32,
        retry_backoff_max_ms: 100 + pick.below(900) as u32,
        metadata_max_age_ms: 500 + pick.below(300_000) as u32,
        reconnect_backoff_ms: pick.below(50) as u32,
        reconnect_backoff_max_ms: 50 + pick.below(1_000) as u32,
        socket_connection_setup_timeout_ms: 200 + pick.below(2_000) as u32,
        socket_connection_setup_timeout_max_ms: 5_000,
        overflow: if pick.chance(100) { Overflow::DropOldest } else { Overflow::Reject },
        random_seed: pick.next_u64(),
        ..Config::new(&[])
    }
}

fn network(pick: &mut Random) -> Network {
    Network {
        pieces: match pick.below(8) {
            0 => Pieces::OneByte,
            1 | 2 => Pieces::Random,
            _ => Pieces::Whole,
        },
        hesitates_permille: [0, 0, 50, 400][pick.below(4) as usize],
        bytes_per_ms: 0,
        latency_ms: pick.below(20),
        link: None,
        starts_at_ms: match pick.below(4) {
            0 => u64::from(u32::MAX) - pick.below(5_000),
            1 => u64::from(u32::MAX) * 1_000,
            _ => pick.below(10_000),
        },
        seed: pick.next_u64(),
    }
}

/// The rates of one run; up to those of TigerBeetle's VOPR.
fn link(pick: &mut Random) -> LinkFaults {
    LinkFaults {
        lost_permille: [0, 20, 100, 300][pick.below(4) as usize],
        doubled_permille: [0, 10, 100, 500][pick.below(4) as usize],
        corrupted_permille: [0, 0, 10, 100][pick.below(4) as usize],
        delay_ms: pick.below(50),
        jitter_ms: [0, 20, 200, 2_000][pick.below(4) as usize],
        bytes_per_ms: [0, 0, 100, 5][pick.below(4) as usize],
    }
}
