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
/// Host names lie one behind the other, in the order in which they came; one whose broker has gone stays where it is.
/// When a leader found no place, all are forgotten as the next response begins, and only leaders are taken from it.
pub(super) struct Brokers<'a> {
    slots: &'a mut [BrokerSlot],
    hosts: &'a mut StringView,
    /// The place of the broker that is going by; past the last: it has none.
    place: usize,
    /// The broker that is going by; none before the first of a response.
    pub(super) node: Node,
    /// Where among the host names the next byte of its own is, or will be.
    host_at: usize,
    /// The response that is going by, or comes next, is taken for leaders only.
    pub(super) only_leaders: bool,
}

/// The place of a broker that has none.
const NOWHERE: usize = usize::MAX;

impl<'a> Brokers<'a> {
    // As `Sender::new`.
    #[inline(always)]
    pub(super) fn new(slots: &'a mut [BrokerSlot], hosts: &'a mut StringView) -> Self {
        slots.fill_with(BrokerSlot::new);
        hosts.clear();
        Self { slots, hosts, place: NOWHERE, node: Node::NONE, host_at: NOWHERE, only_leaders: false }
    }

    /// The broker at this place of those that are known; none past the last.
    pub(super) fn node(&self, mut place: usize) -> Node {
        for slot in self.slots.iter().filter(|slot| !slot.node.is_none()) {
            if place == 0 {
                return slot.node;
            }
            place = place.wrapping_sub(1);
        }
        Node::NONE
    }

    /// The place of a broker that is known, or of the first that is free.
    #[cfg_attr(target_os = "none", inline(never))]
    fn position(&self, node: Node) -> usize {
        self.slots.iter().position(|slot| slot.node == node).unwrap_or(NOWHERE)
    }

    pub(super) fn knows(&self, node: Node) -> bool {
        self.position(node) != NOWHERE
    }

    pub(super) fn endpoint(&self, node: Node) -> Option<Endpoint<'_>> {
        let slot = self.slots.get(self.position(node))?;
        let at = usize::from(slot.host_at);
        let host = self.hosts.as_str().get(at..at.wrapping_add(usize::from(slot.host_bytes)))?;
        Some(Endpoint { host, port: slot.port })
    }

    /// A response begins to go by.
    pub(super) fn begin(&mut self) {
        self.node = Node::NONE;
        if self.only_leaders {
            self.hosts.clear();
        }
        for slot in self.slots.iter_mut() {
            slot.seen = false;
            if self.only_leaders {
                slot.node = Node::NONE;
            }
        }
    }

    /// A broker follows. It keeps its slot, or takes a free one.
    pub(super) fn begin_broker(&mut self, node: Node, leads: impl Fn(Node) -> bool) {
        self.node = node;
        self.place = self.position(node);
        if self.place == NOWHERE && (!self.only_leaders || leads(node)) {
            self.place = self.position(Node::NONE);
            if let Some(slot) = self.slots.get_mut(self.place) {
                slot.host_at = self.hosts.len() as u16;
            }
        }
        self.host_at = self.slots.get(self.place).map_or(NOWHERE, |slot| usize::from(slot.host_at));
    }

    /// A byte of its host name: what is known of it must be the same, and what is not is put behind all others.
    pub(super) fn host(&mut self, byte: u8) {
        let fits = if self.host_at == self.hosts.len() {
            byte.is_ascii() && self.hosts.push(char::from(byte & 0x7f)).is_ok()
        } else {
            self.hosts.as_bytes().get(self.host_at) == Some(&byte)
        };
        if fits {
            self.host_at = self.host_at.wrapping_add(1);
        } else {
            self.forget();
        }
    }

    /// Its port: the broker is complete.
    pub(super) fn port(&mut self, port: i32) {
        let Some(slot) = self.slots.get_mut(self.place) else { return };
        let host_bytes = self.host_at.wrapping_sub(usize::from(slot.host_at));
        let is_same = slot.node.is_none() || usize::from(slot.host_bytes) == host_bytes;
        let is_host = is_same && (1..=HOST_BYTES_MAX).contains(&host_bytes);
        match u16::try_from(port) {
            Ok(port) if port != 0 && is_host => {
                (slot.node, slot.port, slot.host_bytes, slot.seen) =
                    (self.node, port, host_bytes as u8, true);
            }
            Ok(_) | Err(_) => self.forget(),
        }
    }

    /// The response has ended: who was not in it is gone.
    pub(super) fn end(&mut self) {
        for broker in self.slots.iter_mut().filter(|broker| !broker.seen) {
            broker.node = Node::NONE;
        }
    }

    /// Its address cannot be kept, or is another than before: then its slot is free when it is asked for again.
    fn forget(&mut self) {
        // Once, and not for each byte of a name that has no place.
        if let Some(slot) = self.slots.get_mut(self.place) {
            crate::fmt::warning!("broker {} has an address that is new, or cannot be kept", self.node.raw());
            slot.node = Node::NONE;
        }
        (self.place, self.host_at) = (NOWHERE, NOWHERE);
    }
}
