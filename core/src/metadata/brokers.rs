use heapless::string::StringView;

use crate::node::Node;
use crate::transport::Endpoint;

/// The longest name of a host (RFC 1035, 2.3.4, without the root's dot).
const HOST_BYTES_MAX: usize = 253;

/// One broker's address, but for its host name. Lent to the producer through [`Storage`](crate::Storage).
#[derive(Debug)]
pub struct BrokerSlot {
    node: Node,
    port: u16,
    /// Where its host name begins among the host names.
    host_at: u16,
    host_bytes: u8,
    /// The response that is going by has named it.
    seen: bool,
}

impl BrokerSlot {
    /// A slot that was never used.
    #[must_use]
    pub const fn new() -> Self {
        Self { node: Node::NONE, port: 0, host_at: 0, host_bytes: 0, seen: false }
    }
}

impl Default for BrokerSlot {
    fn default() -> Self {
        Self::new()
    }
}

/// The brokers whose addresses are known.
///
/// Host names lie one behind the other, in the order in which they came; one whose broker has gone stays where it is
/// until there is no room for another. Then all are forgotten, and those of leaders alone are asked for again.
pub(super) struct Brokers<'a> {
    slots: &'a mut [BrokerSlot],
    hosts: &'a mut StringView,
    /// Behind the slot of the broker that is going by; 0: it has none.
    place: usize,
    /// The broker that is going by.
    node: Node,
    /// Bytes of its host name that have gone by.
    host_bytes: u8,
    /// There is room for leaders only.
    only_leaders: bool,
    /// A host name found no room.
    is_full: bool,
}

impl<'a> Brokers<'a> {
    // As `Sender::new`.
    #[inline(always)]
    pub(super) fn new(slots: &'a mut [BrokerSlot], hosts: &'a mut StringView) -> Self {
        slots.fill_with(BrokerSlot::new);
        hosts.clear();
        let node = Node::NONE;
        Self { slots, hosts, place: 0, node, host_bytes: 0, only_leaders: false, is_full: false }
    }

    /// The broker at this place of those that are known.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(super) fn node(&self, mut place: usize) -> Option<Node> {
        for slot in self.slots.iter().filter(|slot| !slot.node.is_none()) {
            if place == 0 {
                return Some(slot.node);
            }
            place = place.wrapping_sub(1);
        }
        None
    }

    #[cfg_attr(target_os = "none", inline(never))]
    fn position(&self, node: Node) -> Option<usize> {
        self.slots.iter().position(|slot| slot.node == node)
    }

    pub(super) fn knows(&self, node: Node) -> bool {
        self.position(node).is_some()
    }

    pub(super) fn endpoint(&self, node: Node) -> Option<Endpoint<'_>> {
        let slot = self.slots.get(self.position(node)?)?;
        let at = usize::from(slot.host_at);
        let host = self.hosts.as_str().get(at..at.wrapping_add(usize::from(slot.host_bytes)))?;
        Some(Endpoint { host, port: slot.port })
    }

    /// A response begins to go by.
    pub(super) fn begin(&mut self) {
        self.place = 0;
        for broker in self.slots.iter_mut() {
            broker.seen = false;
        }
    }

    /// A broker follows. It keeps its slot, or takes a free one.
    pub(super) fn begin_broker(&mut self, node: Node, leads: impl Fn(Node) -> bool) {
        self.node = node;
        self.host_bytes = 0;
        let own = self.position(node);
        let wanted = !self.only_leaders || leads(node);
        let place = own.or_else(|| self.position(Node::NONE).filter(|_| wanted));
        self.place = place.map_or(0, |place| place.wrapping_add(1));
        let host_at = self.hosts.len() as u16;
        if let (None, Some(slot)) = (own, self.slot_mut()) {
            *slot = BrokerSlot { host_at, ..BrokerSlot::new() };
        }
    }

    /// A piece of its host name.
    pub(super) fn host(&mut self, piece: &[u8]) {
        for byte in piece {
            let at = usize::from(self.host_bytes);
            let Some(slot) = self.slot_mut() else { return };
            let (known, place) = (!slot.node.is_none(), usize::from(slot.host_at).wrapping_add(at));
            let goes_on = if known {
                at < usize::from(slot.host_bytes) && self.hosts.as_bytes().get(place) == Some(byte)
            } else {
                let has_room = self.hosts.push(char::from(*byte & 0x7f)).is_ok();
                self.is_full |= !has_room;
                has_room && byte.is_ascii() && at < HOST_BYTES_MAX
            };
            self.host_bytes = self.host_bytes.wrapping_add(1);
            if !goes_on {
                self.forget();
            }
        }
    }

    /// Its port: the broker is complete.
    pub(super) fn port(&mut self, port: i32) {
        let (node, host_bytes) = (self.node, self.host_bytes);
        let Some(slot) = self.slot_mut() else { return };
        let same_length = slot.node.is_none() || slot.host_bytes == host_bytes;
        match u16::try_from(port) {
            Ok(port) if port != 0 && host_bytes > 0 && same_length => {
                (slot.node, slot.port, slot.host_bytes, slot.seen) = (node, port, host_bytes, true);
            }
            Ok(_) | Err(_) => self.forget(),
        }
    }

    /// The response has ended: who was not in it is gone.
    pub(super) fn end(&mut self) {
        for broker in self.slots.iter_mut().filter(|broker| !broker.seen) {
            broker.node = Node::NONE;
        }
        self.only_leaders = false;
    }

    /// The next response is for leaders only: all others are forgotten, and the leaders, too, if their host names lie
    /// among what fills the room for them.
    pub(super) fn make_room(&mut self, leads: impl Fn(Node) -> bool) {
        let is_full = core::mem::take(&mut self.is_full);
        for slot in self.slots.iter_mut().filter(|slot| is_full || !leads(slot.node)) {
            slot.node = Node::NONE;
        }
        if is_full {
            self.hosts.clear();
        }
        self.only_leaders = true;
    }

    /// Its address cannot be kept, or is another than before: then its slot is free when it is asked for again.
    fn forget(&mut self) {
        crate::fmt::warning!("broker {} has an address that is new, or cannot be kept", self.node.raw());
        if let Some(slot) = self.slot_mut() {
            slot.node = Node::NONE;
        }
        self.place = 0;
    }

    #[cfg_attr(target_os = "none", inline(never))]
    fn slot_mut(&mut self) -> Option<&mut BrokerSlot> {
        self.slots.get_mut(self.place.checked_sub(1)?)
    }
}
