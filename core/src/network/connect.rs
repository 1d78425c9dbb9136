use super::connection::Leaving;
use super::{ConnectionSlot, Network, NodeState, State};
use crate::partition::murmur2;
use crate::random::Random;
use crate::time::Instant;
use crate::transport::Endpoint;

/// A digest that differs when the host or the port does.
pub(super) fn digest(to: Endpoint<'_>) -> u32 {
    murmur2(to.host.as_bytes()) ^ u32::from(to.port).rotate_left(16)
}

impl Network<'_> {
    /// How a node stands now, without doing anything about it.
    fn look(&self, now: Instant, node: i32) -> NodeState {
        let Some(connection) = self.connection_of(node) else { return NodeState::At(now) };
        let Some(slot) = self.get(connection).filter(|slot| slot.leaving == Leaving::Not) else {
            return NodeState::Waiting;
        };
        match slot.state {
            State::Free => NodeState::At(now),
            State::Backoff { until } => NodeState::At(until),
            State::Connecting { .. } | State::CheckingApiVersions => NodeState::Waiting,
            State::Ready if slot.throttled_until > now => NodeState::At(slot.throttled_until),
            State::Ready if slot.can_send_more(self.limits.max_in_flight) => NodeState::Ready { connection },
            State::Ready => NodeState::Waiting,
        }
    }

    /// How a node stands; begins to connect to it when that is all that is missing (Java's `ready`).
    pub(crate) fn node_state(&mut self, now: Instant, node: i32, random: &mut Random) -> NodeState {
        match self.look(now, node) {
            NodeState::At(at) if at <= now => self.begin_connect(now, node, random),
            state @ (NodeState::Ready { .. } | NodeState::At(_) | NodeState::Waiting) => state,
        }
    }

    /// The ready connection with the fewest requests in flight, for a request that any node can answer.
    pub(crate) fn least_loaded(&self, now: Instant) -> Option<u8> {
        let mut best: Option<(u8, usize)> = None;
        for (connection, slot) in (0u8..).zip(self.connections.iter()) {
            let usable = slot.state == State::Ready
                && slot.leaving == Leaving::Not
                && slot.throttled_until <= now
                && slot.can_send_more(self.limits.max_in_flight);
            if usable && best.is_none_or(|(_, in_flight)| slot.in_flight.len() < in_flight) {
                best = Some((connection, slot.in_flight.len()));
            }
        }
        best.map(|(connection, _)| connection)
    }

    /// Whether a connection is being set up, or is ready and only busy: no other need be opened for metadata. One
    /// that is throttled will not do for as long as that takes.
    pub(crate) fn is_any_under_way(&self, now: Instant) -> bool {
        self.connections.iter().any(|slot| slot.is_open() && slot.throttled_until <= now)
    }

    /// Begins to connect to the node among these that was tried longest ago; those that back off are left out.
    pub(crate) fn connect_any(
        &mut self,
        now: Instant,
        nodes: &mut dyn Iterator<Item = i32>,
        random: &mut Random,
    ) -> NodeState {
        let mut soonest: Option<Instant> = None;
        let mut best: Option<(Instant, i32)> = None;
        let mut ties = 1u32;
        for node in nodes {
            let NodeState::At(at) = self.look(now, node) else { continue };
            if at > now {
                soonest = Some(soonest.map_or(at, |soonest| soonest.min(at)));
                continue;
            }
            let slot = self.connection_of(node).and_then(|connection| self.get(connection));
            let tried = slot.map_or(Instant::from_millis(0), |slot| slot.last_attempt);
            ties = if best.is_some_and(|(oldest, _)| tried == oldest) { ties.wrapping_add(1) } else { 1 };
            // Among those that were never tried, or have lost their slot since, by chance.
            let is_better = best.is_none_or(|(oldest, _)| tried < oldest);
            let wins_tie = best.is_some_and(|(oldest, _)| tried == oldest) && random.below(ties) == 0;
            if is_better || wins_tie {
                best = Some((tried, node));
            }
        }
        match (best, soonest) {
            (Some((_, node)), _) => self.begin_connect(now, node, random),
            (None, Some(at)) => NodeState::At(at),
            (None, None) => NodeState::Waiting,
        }
    }

    fn begin_connect(&mut self, now: Instant, node: i32, random: &mut Random) -> NodeState {
        let Some(connection) = self.connection_of(node).or_else(|| self.vacant(now)) else {
            // Every slot is taken: by nodes that back off or are throttled, whose time nobody else need wait for, or
            // by connections that end or answer before long.
            let ends = [self.next_backoff_end(), self.next_unthrottled(now)];
            return ends.into_iter().flatten().min().map_or(NodeState::Waiting, NodeState::At);
        };
        let limits = self.limits;
        let Some(slot) = self.get_mut(connection) else { return NodeState::Waiting };
        if slot.node != Some(node) {
            // A slot that goes round among nodes none of which can be reached keeps its growing backoff.
            let failures = slot.failures;
            slot.assign(node);
            slot.failures = failures;
        }
        let timeout_ms = random.backoff_ms(
            limits.setup_timeout_ms,
            u32::from(slot.setup_failures),
            limits.setup_timeout_max_ms,
        );
        slot.state = State::Connecting { deadline: now.saturating_add_ms(u64::from(timeout_ms.max(1))) };
        slot.last_attempt = now;
        slot.last_used = now;
        slot.endpoint = None;
        NodeState::Waiting
    }

    /// A slot for another node: one that is free, or whose backoff is over, tried longest ago first. When all are
    /// taken, the connection that is open longest takes no further request, and gives its slot up when it is unused.
    fn vacant(&mut self, now: Instant) -> Option<u8> {
        let vacant = self.oldest(|slot| match slot.state {
            State::Free => true,
            State::Backoff { until } => until <= now,
            State::Connecting { .. } | State::CheckingApiVersions | State::Ready => false,
        });
        if vacant.is_some() {
            return vacant;
        }
        if self.connections.iter().all(|slot| slot.leaving == Leaving::Not) {
            // One that is throttled would forget it, and be asked again too early.
            let open_longest = self.oldest(|slot| slot.state == State::Ready && slot.throttled_until <= now);
            if let Some(slot) = open_longest.and_then(|connection| self.get_mut(connection)) {
                slot.leaving = Leaving::Unused;
            }
        }
        None
    }

    /// The connection among those that fit whose last attempt to connect is longest ago.
    fn oldest(&self, fits: impl Fn(&ConnectionSlot) -> bool) -> Option<u8> {
        let mut oldest: Option<(u8, Instant)> = None;
        for (connection, slot) in (0u8..).zip(self.connections.iter()) {
            if fits(slot) && oldest.is_none_or(|(_, attempt)| slot.last_attempt < attempt) {
                oldest = Some((connection, slot.last_attempt));
            }
        }
        oldest.map(|(connection, _)| connection)
    }

    fn next_backoff_end(&self) -> Option<Instant> {
        let ends = self.connections.iter().filter_map(|slot| match slot.state {
            State::Backoff { until } => Some(until),
            State::Free | State::Connecting { .. } | State::CheckingApiVersions | State::Ready => None,
        });
        ends.min()
    }

    /// Whether the last attempts to reach a node have failed.
    pub(crate) fn is_failing(&self, node: i32) -> bool {
        self.connections
            .iter()
            .any(|slot| slot.node == Some(node) && slot.failures > 0 && slot.state != State::Ready)
    }

    /// Closes a connection at the next poll; its node may be connected to again at once.
    pub(crate) fn leave(&mut self, connection: u8) {
        if let Some(slot) = self.get_mut(connection) {
            slot.leaving = Leaving::AtOnce;
        }
    }

    /// A connection's node is known under another id now: the bootstrap address of a broker that told its id.
    pub(crate) fn rename(&mut self, from: i32, to: i32) {
        if self.connection_of(to).is_some() {
            return;
        }
        if let Some(slot) = self.connections.iter_mut().find(|slot| slot.node == Some(from)) {
            slot.node = Some(to);
        }
    }

    /// Whether a node's connection leads to another endpoint than this.
    pub(crate) fn leads_elsewhere(&self, node: i32, to: Endpoint<'_>) -> Option<u8> {
        let connection = self.connection_of(node)?;
        let slot = self.get(connection).filter(|slot| slot.is_open())?;
        if slot.endpoint? == digest(to) { None } else { Some(connection) }
    }
}
