use heapless::String;

use crate::node::Node;
use crate::transport::Endpoint;

/// The longest host name that a broker's slot holds. DNS allows 253 (RFC 1035, 2.3.4); what managed services and
/// Kubernetes give their brokers stays below this.
pub(super) const HOST_BYTES_MAX: usize = 96;

/// One broker's address. Lent to the producer through [`Storage`](crate::Storage).
///
/// Holds host names of up to 96 bytes; a broker with a longer one is treated as unknown.
#[derive(Debug)]
pub struct BrokerSlot {
    node: Node,
    port: u16,
    host: String<HOST_BYTES_MAX, u8>,
    /// The response that is going by has named it.
    seen: bool,
}

impl BrokerSlot {
    /// A slot that was never used.
    #[must_use]
    pub const fn new() -> Self {
        Self { node: Node::NONE, port: 0, host: String::new(), seen: false }
    }

    pub(super) fn node(&self) -> Node {
        self.node
    }

    fn endpoint(&self) -> Endpoint<'_> {
        Endpoint { host: &self.host, port: self.port }
    }
}

impl Default for BrokerSlot {
    fn default() -> Self {
        Self::new()
    }
}

pub(super) struct Brokers<'a> {
    slots: &'a mut [BrokerSlot],
    /// Behind the slot of the broker that is going by; 0: it has none.
    place: usize,
    /// Bytes of its host name that have gone by.
    host_bytes: usize,
    /// The broker that is going by.
    node: Node,
}

impl<'a> Brokers<'a> {
    pub(super) fn new(slots: &'a mut [BrokerSlot]) -> Self {
        slots.fill_with(BrokerSlot::new);
        Self { slots, place: 0, host_bytes: 0, node: Node::NONE }
    }

    pub(super) fn nodes(&self) -> impl Iterator<Item = Node> + '_ {
        self.slots.iter().map(BrokerSlot::node).filter(|node| !node.is_none())
    }

    #[cfg_attr(target_os = "none", inline(never))]
    fn position(&self, node: Node) -> Option<usize> {
        self.slots.iter().position(|slot| slot.node == node)
    }

    pub(super) fn knows(&self, node: Node) -> bool {
        self.position(node).is_some()
    }

    pub(super) fn endpoint(&self, node: Node) -> Option<Endpoint<'_>> {
        self.slots.get(self.position(node)?).map(BrokerSlot::endpoint)
    }

    /// A response begins to go by.
    pub(super) fn begin(&mut self) {
        self.place = 0;
        for broker in self.slots.iter_mut() {
            broker.seen = false;
        }
    }

    /// A broker follows. It keeps its slot, or takes a free one, or, if it leads a partition of ours, one whose broker
    /// leads none.
    pub(super) fn begin_broker(&mut self, node: Node, leads: impl Fn(Node) -> bool) {
        self.node = node;
        self.host_bytes = 0;
        let own = self.position(node);
        let free = || self.position(Node::NONE);
        let idle = || self.slots.iter().position(|slot| leads(node) && !leads(slot.node));
        let place = own.or_else(free).or_else(idle);
        self.place = place.map_or(0, |place| place.wrapping_add(1));
        if let (None, Some(slot)) = (own, self.slot_mut()) {
            slot.node = Node::NONE;
            slot.host.clear();
        }
    }

    /// A piece of its host name.
    pub(super) fn host(&mut self, piece: &[u8]) {
        for byte in piece {
            let at = self.host_bytes;
            self.host_bytes = at.wrapping_add(1);
            let Some(slot) = self.slot_mut() else { return };
            let fits = if slot.node.is_none() {
                byte.is_ascii() && slot.host.push(char::from(*byte & 0x7f)).is_ok()
            } else {
                slot.host.as_bytes().get(at) == Some(byte)
            };
            if !fits {
                self.forget();
            }
        }
    }

    /// Its port: the broker is complete.
    pub(super) fn port(&mut self, port: i32) {
        let (node, host_bytes) = (self.node, self.host_bytes);
        let Some(slot) = self.slot_mut() else { return };
        match u16::try_from(port) {
            Ok(port) if port != 0 && host_bytes > 0 && slot.host.len() == host_bytes => {
                slot.node = node;
                slot.port = port;
                slot.seen = true;
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
        crate::fmt::warning!("broker {} has an address that is new, or cannot be kept", self.node.raw());
        if let Some(slot) = self.slot_mut() {
            slot.node = Node::NONE;
        }
        self.place = 0;
    }

    fn slot_mut(&mut self) -> Option<&mut BrokerSlot> {
        self.slots.get_mut(self.place.checked_sub(1)?)
    }
}
