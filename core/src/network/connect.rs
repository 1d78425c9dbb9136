use super::Network;
use super::connection::{ConnectionSlot, State};
use crate::config::Turn;
use crate::node::Node;
use crate::partition::murmur2;
use crate::time::Tick;
use crate::transport::Endpoint;

/// A digest that differs when the host or the port does, and is never 0.
pub(super) fn digest(to: Endpoint<'_>) -> u32 {
    (murmur2(to.host.as_bytes()) ^ u32::from(to.port).rotate_left(16)).max(1)
}

/// What makes one connection a better choice than another; the greatest number, when it is none.
type Rank = fn(&ConnectionSlot, now: Tick, max_in_flight: u8) -> u32;

/// The connection with the fewest requests in flight.
fn by_load(slot: &ConnectionSlot, now: Tick, max_in_flight: u8) -> u32 {
    if slot.takes_request(now, max_in_flight) { slot.in_flight.into() } else { u32::MAX }
}

/// One that is closed and need not wait, tried longest ago first; then one that is open, longest first. One that is
/// throttled would forget it, and be asked again too early.
fn by_age(slot: &ConnectionSlot, now: Tick, _: u8) -> u32 {
    let age = slot.last_attempt.halved();
    match slot.state {
        State::Closed if slot.until <= now => age,
        State::Ready if slot.until <= now => age | 1 << 31,
        State::Closed
        | State::Connecting
        | State::CheckingApiVersions
        | State::Ready
        | State::Leaving
        | State::Astray => u32::MAX,
    }
}

impl Network<'_> {
    /// The place of the connection that ranks first; none of the places, when none will do.
    fn best(&self, rank: Rank, now: Tick, max_in_flight: u8) -> usize {
        let mut best = (u32::MAX, usize::MAX);
        for (place, slot) in self.connections.iter().enumerate() {
            let rank = rank(slot, now, max_in_flight);
            if rank < best.0 {
                best = (rank, place);
            }
        }
        best.1
    }

    /// The connection that takes a request for a node now. Otherwise, when that may be asked again; never: not before the
    /// transport, or an answer, moves it. Begins to connect when that is all that is missing (Java's `ready`).
    pub(crate) fn ready(&mut self, node: Node, turn: &mut Turn<'_>) -> Result<&mut ConnectionSlot, Tick> {
        let now = turn.now;
        let place = self.place_of(node);
        let at = self.connections.get(place).map_or(now, |slot| slot.waits_until(now));
        if at <= now {
            self.begin_connect(node, turn);
            return Err(self.soonest(now));
        }
        let slot = self.connections.get_mut(place);
        slot.filter(|slot| slot.takes_request(now, turn.settings.max_in_flight)).ok_or(at)
    }

    /// The connection with the fewest requests in flight that takes another, for one that any node can answer.
    pub(crate) fn least_loaded(&mut self, now: Tick, max_in_flight: u8) -> Option<&mut ConnectionSlot> {
        let place = self.best(by_load, now, max_in_flight);
        self.connections.get_mut(place)
    }

    /// Whether a connection is being set up, or is ready and only busy: no other need be opened for metadata. One
    /// that is throttled will not do for as long as that takes.
    pub(crate) fn is_any_under_way(&self, now: Tick) -> bool {
        self.connections.iter().any(|slot| !slot.waits(now))
    }

    /// Begins to connect to the node among these, which are told by place, that was tried longest ago; those that back off
    /// are left out.
    pub(crate) fn connect_any(&mut self, count: usize, nodes: &dyn Fn(usize) -> Node, turn: &mut Turn<'_>) {
        let now = turn.now;
        let mut oldest = Tick::NEVER;
        let mut best = Node::NONE;
        // Among those that were never tried, or have lost their slot since, by chance.
        let mut place = turn.random.below(count as u32) as usize;
        for _ in 0..count {
            place = place.wrapping_add(1);
            if place >= count {
                place = 0;
            }
            let node = nodes(place);
            let slot = self.connections.get(self.place_of(node));
            let at = slot.map_or(now, |slot| slot.waits_until(now));
            let tried = slot.map_or(Tick::ZERO, |slot| slot.last_attempt);
            if at <= now && tried < oldest {
                (oldest, best) = (tried, node);
            }
        }
        if !best.is_none() {
            self.begin_connect(best, turn);
        }
    }

    /// Begins to connect to a node, if there is a slot for it. The others back off or are throttled, whose time nobody else
    /// need wait for, or end or answer before long.
    #[cfg_attr(target_os = "none", inline(never))]
    fn begin_connect(&mut self, node: Node, turn: &mut Turn<'_>) {
        let now = turn.now;
        let mut place = self.place_of(node);
        if place >= self.connections.len() {
            place = self.best(by_age, now, 0);
        }
        let is_any_leaving = self.farthest() > State::Ready;
        match self.connections.get_mut(place) {
            Some(slot) if !slot.is_open() => {
                // A slot that goes round among nodes none of which can be reached keeps its growing backoff. Correlation
                // ids go on: an answer that is late must never fit a new request.
                if slot.node != node {
                    slot.node = node;
                    slot.setup_failures = 0;
                }
                slot.until = turn.after_setup_timeout(slot.setup_failures);
                slot.state = State::Connecting;
                slot.last_attempt = now;
                slot.endpoint = 0;
            }
            // All are taken. The one that is open longest takes no further request, and gives its slot up when it is
            // unused.
            Some(slot) if !is_any_leaving => slot.state = State::Leaving,
            Some(_) | None => {}
        }
    }

    /// Whether the last attempts to reach a node have failed.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn is_failing(&self, node: Node) -> bool {
        let slot = self.connections.get(self.place_of(node));
        slot.is_some_and(|slot| slot.failures > 0 && slot.state < State::Ready)
    }

    /// Metadata says where a node listens. A connection that leads elsewhere is closed at the next poll, and its node
    /// may be connected to again at once; one to the same address of `bootstrap` is the node's from now on.
    pub(crate) fn listens_at(&mut self, node: Node, to: Endpoint<'_>) {
        let digest = digest(to);
        let place = self.place_of(node);
        if let Some(slot) = self.connections.get_mut(place) {
            // One that is being opened asks for its endpoint at each poll.
            if slot.state > State::Connecting && slot.endpoint != digest {
                slot.state = State::Astray;
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
