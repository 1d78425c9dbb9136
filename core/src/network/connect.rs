use super::connection::Leaving;
use super::{ConnectionSlot, Network, NodeState, State};
use crate::config::Turn;
use crate::node::Node;
use crate::partition::murmur2;
use crate::time::Tick;
use crate::transport::Endpoint;

/// A digest that differs when the host or the port does, and is never 0.
pub(super) fn digest(to: Endpoint<'_>) -> u32 {
    (murmur2(to.host.as_bytes()) ^ u32::from(to.port).rotate_left(16)).max(1)
}

impl Network<'_> {
    /// How a node stands now, without doing anything about it.
    fn look(&self, now: Tick, node: Node, max_in_flight: u8) -> NodeState {
        let Some(connection) = self.connection_of(node) else { return NodeState::At(now) };
        let Some(slot) = self.get(connection).filter(|slot| slot.leaving == Leaving::Not) else {
            return NodeState::At(Tick::NEVER);
        };
        match slot.state {
            State::Free => NodeState::At(now),
            State::Backoff => NodeState::At(slot.until),
            State::Ready if slot.until > now => NodeState::At(slot.until),
            State::Ready if slot.can_send_more(max_in_flight) => NodeState::Ready { connection },
            State::Connecting | State::CheckingApiVersions | State::Ready => NodeState::At(Tick::NEVER),
        }
    }

    /// How a node stands; begins to connect to it when that is all that is missing (Java's `ready`).
    pub(crate) fn node_state(&mut self, node: Node, turn: &mut Turn<'_>) -> NodeState {
        match self.look(turn.now, node, turn.settings.max_in_flight) {
            NodeState::At(at) if at <= turn.now => NodeState::At(self.begin_connect(node, turn)),
            state @ (NodeState::Ready { .. } | NodeState::At(_)) => state,
        }
    }

    /// The ready connection with the fewest requests in flight, for a request that any node can answer.
    pub(crate) fn least_loaded(&self, now: Tick, max_in_flight: u8) -> Option<u8> {
        let mut best: Option<(u8, usize)> = None;
        for connection in 0..self.len() {
            let Some(slot) = self.get(connection) else { continue };
            let fits =
                slot.is_usable(now) && slot.leaving == Leaving::Not && slot.can_send_more(max_in_flight);
            if fits && best.is_none_or(|(_, in_flight)| slot.in_flight.len() < in_flight) {
                best = Some((connection, slot.in_flight.len()));
            }
        }
        best.map(|(connection, _)| connection)
    }

    /// Whether a connection is being set up, or is ready and only busy: no other need be opened for metadata. One
    /// that is throttled will not do for as long as that takes.
    pub(crate) fn is_any_under_way(&self, now: Tick) -> bool {
        self.connections.iter().any(|slot| match slot.state {
            State::Free | State::Backoff => false,
            State::Connecting | State::CheckingApiVersions => true,
            State::Ready => slot.until <= now,
        })
    }

    /// Begins to connect to the node among these, which are told by place, that was tried longest ago; those that back off
    /// are left out. Returns when that can be tried again.
    pub(crate) fn connect_any(&mut self, nodes: &dyn Fn(usize) -> Option<Node>, turn: &mut Turn<'_>) -> Tick {
        let now = turn.now;
        let mut soonest = Tick::NEVER;
        let mut best: Option<(Tick, Node)> = None;
        let mut ties = 1u32;
        for place in 0.. {
            let Some(node) = nodes(place) else { break };
            let NodeState::At(at) = self.look(now, node, turn.settings.max_in_flight) else { continue };
            if at > now {
                soonest = soonest.min(at);
                continue;
            }
            let slot = self.connection_of(node).and_then(|connection| self.get(connection));
            let tried = slot.map_or(Tick::ZERO, |slot| slot.last_attempt);
            ties = if best.is_some_and(|(oldest, _)| tried == oldest) { ties.wrapping_add(1) } else { 1 };
            // Among those that were never tried, or have lost their slot since, by chance.
            let is_better = best.is_none_or(|(oldest, _)| tried < oldest);
            let wins_tie = best.is_some_and(|(oldest, _)| tried == oldest) && turn.random.below(ties) == 0;
            if is_better || wins_tie {
                best = Some((tried, node));
            }
        }
        match best {
            Some((_, node)) => self.begin_connect(node, turn),
            None => soonest,
        }
    }

    /// Returns when it can be tried again.
    fn begin_connect(&mut self, node: Node, turn: &mut Turn<'_>) -> Tick {
        let now = turn.now;
        let place = self.connection_of(node).or_else(|| self.vacant(now));
        let Some(slot) = place.and_then(|connection| self.get_mut(connection)) else {
            // Every slot is taken: by nodes that back off or are throttled, whose time nobody else need wait for, or
            // by connections that end or answer before long.
            return self.soonest(State::Backoff, now).min(self.next_unthrottled(now));
        };
        // A slot that goes round among nodes none of which can be reached keeps its growing backoff.
        if slot.node != node {
            slot.assign(node);
        }
        slot.until = turn.after_setup_timeout(slot.setup_failures);
        slot.state = State::Connecting;
        slot.last_attempt = now;
        slot.last_used = now;
        slot.endpoint = 0;
        Tick::NEVER
    }

    /// A slot for another node: one that is free, or whose backoff is over, tried longest ago first. When all are
    /// taken, the connection that is open longest takes no further request, and gives its slot up when it is unused.
    fn vacant(&mut self, now: Tick) -> Option<u8> {
        let vacant = self.oldest(|slot| match slot.state {
            State::Free => true,
            State::Backoff => slot.until <= now,
            State::Connecting | State::CheckingApiVersions | State::Ready => false,
        });
        if vacant.is_some() {
            return vacant;
        }
        if self.connections.iter().all(|slot| slot.leaving == Leaving::Not) {
            // One that is throttled would forget it, and be asked again too early.
            let open_longest = self.oldest(|slot| slot.is_usable(now));
            if let Some(slot) = open_longest.and_then(|connection| self.get_mut(connection)) {
                slot.leaving = Leaving::Unused;
            }
        }
        None
    }

    /// The connection among those that fit whose last attempt to connect is longest ago.
    // Loops, for a chain of iterators takes twice the code.
    fn oldest(&self, fits: impl Fn(&ConnectionSlot) -> bool) -> Option<u8> {
        let mut oldest: Option<(u8, Tick)> = None;
        for connection in 0..self.len() {
            let Some(slot) = self.get(connection).filter(|slot| fits(slot)) else { continue };
            if oldest.is_none_or(|(_, attempt)| slot.last_attempt < attempt) {
                oldest = Some((connection, slot.last_attempt));
            }
        }
        oldest.map(|(connection, _)| connection)
    }

    /// Whether the last attempts to reach a node have failed.
    pub(crate) fn is_failing(&self, node: Node) -> bool {
        let slot = self.connection_of(node).and_then(|connection| self.get(connection));
        slot.is_some_and(|slot| slot.failures > 0 && slot.state != State::Ready)
    }

    /// Metadata says where a node listens. A connection that leads elsewhere is closed at the next poll, and its node
    /// may be connected to again at once; one to the same address of `bootstrap` is the node's from now on.
    pub(crate) fn listens_at(&mut self, node: Node, to: Endpoint<'_>) {
        let digest = digest(to);
        if let Some(slot) = self.connection_of(node).and_then(|connection| self.get_mut(connection)) {
            if slot.is_open() && slot.endpoint != 0 && slot.endpoint != digest {
                slot.leaving = Leaving::AtOnce;
            }
            return;
        }
        for slot in self.connections.iter_mut() {
            if slot.endpoint == digest && slot.node.is_bootstrap() {
                slot.node = node;
                return;
            }
        }
    }
}
