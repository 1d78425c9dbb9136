use heapless::String;

use crate::transport::Endpoint;

/// The longest host name that a broker's slot holds. DNS allows 253 (RFC 1035, 2.3.4); what managed services and
/// Kubernetes give their brokers stays below this.
pub(super) const HOST_BYTES_MAX: usize = 96;

/// One broker's address. Lent to the producer through [`Storage`](crate::Storage).
///
/// Holds host names of up to 96 bytes; a broker with a longer one is treated as unknown.
#[derive(Debug)]
pub struct BrokerSlot {
    id: Option<i32>,
    host: String<HOST_BYTES_MAX, u8>,
    port: u16,
    /// The response that is going by has named it.
    seen: bool,
}

impl BrokerSlot {
    /// A slot that was never used.
    #[must_use]
    pub const fn new() -> Self {
        Self { id: None, host: String::new(), port: 0, seen: false }
    }

    pub(super) fn id(&self) -> Option<i32> {
        self.id
    }

    pub(super) fn endpoint(&self) -> Option<Endpoint<'_>> {
        self.id.map(|_| Endpoint { host: &self.host, port: self.port })
    }
}

impl Default for BrokerSlot {
    fn default() -> Self {
        Self::new()
    }
}

/// A broker of the response that is going by, put together from its pieces.
#[derive(Debug)]
pub(super) struct Incoming {
    id: i32,
    host: String<HOST_BYTES_MAX, u8>,
    /// The name cannot be kept: too long, or not what a broker can advertise.
    unfit: bool,
}

impl Incoming {
    pub(super) const fn new() -> Self {
        Self { id: 0, host: String::new(), unfit: false }
    }

    pub(super) fn begin(&mut self, id: i32) {
        self.id = id;
        self.host.clear();
        self.unfit = false;
    }

    /// The host name's next bytes. Brokers advertise ASCII only (`Utils.HOST_PORT_PATTERN`, `EndPoint.parseEndPoint`),
    /// and so no decoder of UTF-8 is linked for them.
    pub(super) fn host(&mut self, piece: &[u8]) {
        for byte in piece {
            self.unfit |= !byte.is_ascii() || self.host.push(char::from(*byte & 0x7f)).is_err();
        }
    }

    /// The broker, complete with its port, if it can be kept at all.
    fn broker(&self, port: i32) -> Option<BrokerSlot> {
        let port = u16::try_from(port).ok().filter(|port| *port != 0)?;
        if self.unfit || self.host.is_empty() {
            return None;
        }
        Some(BrokerSlot { id: Some(self.id), host: self.host.clone(), port, seen: true })
    }
}

/// The table of brokers. While a response goes by, old entries stay until its end shows which are gone.
pub(super) struct Brokers<'a>(pub(super) &'a mut [BrokerSlot]);

impl Brokers<'_> {
    pub(super) fn find(&self, node: i32) -> Option<&BrokerSlot> {
        self.0.iter().find(|broker| broker.id == Some(node))
    }

    /// A response begins.
    pub(super) fn begin(&mut self) {
        for broker in self.0.iter_mut() {
            broker.seen = false;
        }
    }

    /// A broker has gone by. It takes the place of its old entry, a free one, or, when it leads one of our
    /// partitions, that of one that does not.
    pub(super) fn offer(&mut self, incoming: &Incoming, port: i32, leads: impl Fn(i32) -> bool) {
        let Some(broker) = incoming.broker(port) else {
            crate::fmt::warning!("broker {} has an address that cannot be kept", incoming.id);
            return;
        };
        let own = self.0.iter().position(|slot| slot.id == broker.id);
        let free = || self.0.iter().position(|slot| slot.id.is_none());
        let idle = || {
            let wanted = leads(incoming.id);
            self.0.iter().position(|slot| wanted && slot.id.is_none_or(|id| !leads(id)))
        };
        let place = own.or_else(free).or_else(idle);
        if let Some(slot) = place.and_then(|place| self.0.get_mut(place)) {
            *slot = broker;
        }
    }

    /// The response was whole: what it did not name is gone.
    pub(super) fn end(&mut self) {
        for broker in self.0.iter_mut().filter(|broker| !broker.seen) {
            broker.id = None;
        }
    }
}
