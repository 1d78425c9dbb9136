//! Rigs: a transport for the producer, the scripted cluster at its other end, and time that passes.

mod memory;
mod smoltcp;
mod tokio;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Wake, Waker};

use nanokafka::{Instant, Polled, Producer};

pub use memory::{Direction, End, MemoryRig, Tap};
pub use smoltcp::SmoltcpRig;
pub use tokio::TokioRig;

use crate::broker::Cluster;
use crate::link::LinkFaults;

/// The scripted cluster, which a rig serves and a scenario commands.
#[derive(Clone, Debug)]
pub struct SharedCluster(Arc<Mutex<Cluster>>);

impl SharedCluster {
    /// Shares this cluster.
    #[must_use]
    pub fn new(cluster: Cluster) -> Self {
        Self(Arc::new(Mutex::new(cluster)))
    }

    /// The cluster, for as long as nobody lets time pass.
    pub fn lock(&self) -> MutexGuard<'_, Cluster> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How bytes are cut, and how slowly they flow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Network {
    /// How many bytes go in one piece.
    pub pieces: Pieces,
    /// How often, of 1000 times, a connection that could take or give bytes says "not now" first.
    pub hesitates_permille: u64,
    /// The rate of each connection in bytes per millisecond; 0: without a limit.
    pub bytes_per_ms: u64,
    /// How long an answer travels, in milliseconds.
    pub latency_ms: u64,
    /// What the clock shows at the beginning, where the rig has a clock of its own.
    pub starts_at_ms: u64,
    /// What goes wrong below TCP, where the rig has a link of its own; without it, what goes wrong in every scenario.
    pub link: Option<LinkFaults>,
    /// Seed of all that is left to chance.
    pub seed: u64,
}

/// How many bytes go in one piece.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pieces {
    /// All there are.
    #[default]
    Whole,
    /// One.
    OneByte,
    /// Any number, by chance.
    Random,
}

/// Where a connection may be tried to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination {
    /// A broker of the cluster.
    Node(i32),
    /// A host where nobody listens on the port.
    Refused,
    /// A name that does not resolve.
    Unresolvable,
    /// An address that never answers.
    BlackHole,
}

/// How long things may take on a rig, in milliseconds: short where waiting costs real time, long where the
/// network loses frames on purpose.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// `request_timeout_ms` of the scenarios.
    pub request_timeout_ms: u32,
    /// `delivery_timeout_ms` of the scenarios.
    pub delivery_timeout_ms: u32,
    /// `socket_connection_setup_timeout_ms` of the scenarios.
    pub setup_timeout_ms: u32,
    /// After this, what has not happened is a hang.
    pub patience_ms: u64,
    /// How much later than asked for something may happen. 0 where time is virtual and nothing is lost.
    pub slack_ms: u64,
}

/// A transport, the cluster at its other end, and time.
pub trait Rig: Sized {
    /// How long things take here.
    const PACE: Pace;

    /// Whether a broker can be given any address at any time.
    const CAN_READDRESS: bool = false;

    /// Connects a client host with the cluster and tells the cluster's brokers their addresses.
    fn build(cluster: SharedCluster, network: Network) -> Self;

    /// The time.
    fn now(&self) -> Instant;

    /// Where the producer finds this, as `host:port`.
    fn address(&self, of: Destination) -> String;

    /// Polls the producer once with this rig's transport.
    fn poll(&mut self, cx: &mut Context<'_>, producer: &mut Producer<'_>) -> Polled;

    /// Lets time pass until `until`, or until the transport has something to say and `woken` is set.
    fn advance(&mut self, until: Instant, woken: &Woken);

    /// Lets the clock jump, back if below 0, without anything happening meanwhile, where the rig has a clock of its own.
    fn jump(&mut self, _ms: i64) {}

    /// From now on nothing goes wrong below TCP, where the rig has a link of its own.
    fn calm(&mut self) {}

    /// The cluster was told that brokers start, stop, or speak something else: sees to their ports.
    fn sync(&mut self) {}
}

/// A waker that remembers that it was called, and passes it on.
#[derive(Debug, Default)]
pub struct Woken {
    set: AtomicBool,
    forward: Mutex<Option<Waker>>,
}

impl Woken {
    /// Whether the waker was called since the last [`reset`](Self::reset).
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.set.load(Ordering::Acquire)
    }

    /// Forgets.
    pub fn reset(&self) {
        self.set.store(false, Ordering::Release);
    }

    /// Wakes this one as well, once.
    pub fn forward_to(&self, waker: &Waker) {
        *self.forward.lock().unwrap_or_else(PoisonError::into_inner) = Some(waker.clone());
    }
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.set.store(true, Ordering::Release);
        let forward = self.forward.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(waker) = forward {
            waker.wake();
        }
    }
}
