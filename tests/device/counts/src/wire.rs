//! A transport in memory: connections whose bytes wait for the broker, and the broker's for the producer.
//!
//! It keeps account of its own instructions, so that they can be taken off those of a `poll`.

use core::task::{Context, Poll};

use embedded_io::ErrorKind;
use nanokafka::{Endpoint, Slot, Transport};

use crate::broker::{Brokers, Fault, PORT};
use crate::clock::{self, Moment};

/// Connections.
pub(crate) const LINKS: usize = 2;
/// A request of the largest batch, and some more.
const TX_BYTES: usize = 8_192;
const RX_BYTES: usize = 1_024;

/// One connection.
pub(crate) struct Link {
    /// The broker at the other end.
    pub(crate) node: Option<u16>,
    tx: [u8; TX_BYTES],
    tx_len: usize,
    rx: [u8; RX_BYTES],
    rx_len: usize,
    rx_taken: usize,
    peer_closed: bool,
}

impl Link {
    const fn new() -> Self {
        let (tx, rx) = ([0; TX_BYTES], [0; RX_BYTES]);
        Self { node: None, tx, tx_len: 0, rx, rx_len: 0, rx_taken: 0, peer_closed: false }
    }

    /// The first whole request that waits.
    pub(crate) fn request(&self) -> Option<&[u8]> {
        let length = self.tx[..self.tx_len].first_chunk::<4>()?;
        self.tx[..self.tx_len].get(..4 + u32::from_be_bytes(*length) as usize)
    }

    /// Forgets the first request.
    pub(crate) fn take_request(&mut self) {
        let taken = self.request().map_or(0, <[u8]>::len);
        self.tx.copy_within(taken..self.tx_len, 0);
        self.tx_len -= taken;
    }

    /// Lets bytes arrive.
    pub(crate) fn answer(&mut self, bytes: &[u8]) {
        self.rx.copy_within(self.rx_taken..self.rx_len, 0);
        self.rx_len -= self.rx_taken;
        self.rx_taken = 0;
        self.rx[self.rx_len..][..bytes.len()].copy_from_slice(bytes);
        self.rx_len += bytes.len();
    }

    /// The broker closes the connection.
    pub(crate) fn cut(&mut self) {
        self.peer_closed = true;
    }

    fn clear(&mut self) {
        (self.node, self.tx_len, self.rx_len, self.rx_taken) = (None, 0, 0, 0);
        self.peer_closed = false;
    }
}

/// What the network does wrong next.
#[derive(Default)]
pub(crate) struct Weather {
    /// So many attempts to connect are refused.
    pub(crate) refuse: u32,
    /// So many attempts to connect have to wait.
    pub(crate) wait: u32,
    /// A call takes so many bytes at most, if any is said.
    pub(crate) piece: Option<usize>,
    /// So many calls that send take nothing.
    pub(crate) stall: u32,
    /// The next call that sends a batch fails.
    pub(crate) break_send: bool,
}

static mut WIRE: Wire = Wire::new();

/// All connections. A static: on the stack it would be the largest thing by far.
pub(crate) struct Wire {
    pub(crate) links: [Link; LINKS],
    pub(crate) weather: Weather,
    began: Moment,
    /// Instructions in here since `begin`.
    outside: u32,
    /// Core's own instructions from `begin` until it gave the first batch away.
    batch_after: Option<u32>,
    /// Bytes taken since the start.
    pub(crate) bytes: u64,
}

impl Wire {
    const fn new() -> Self {
        let weather = Weather { refuse: 0, wait: 0, piece: None, stall: 0, break_send: false };
        let links = [const { Link::new() }; LINKS];
        Self { links, weather, began: Moment::START, outside: 0, batch_after: None, bytes: 0 }
    }

    /// The one that there is, as if it were new.
    #[allow(clippy::deref_addrof, reason = "what it proposes is a reference to a `static mut`")]
    pub(crate) fn anew() -> &'static mut Self {
        // SAFETY: there is one thread, and each scene's rig is gone before the next one's is made.
        let wire = unsafe { &mut *(&raw mut WIRE) };
        wire.links.iter_mut().for_each(Link::clear);
        (wire.weather, wire.bytes) = (Weather::default(), 0);
        wire
    }

    /// A `poll` begins.
    pub(crate) fn begin(&mut self) {
        (self.outside, self.batch_after) = (0, None);
        self.began = clock::now();
    }

    /// Instructions outside core since `begin`.
    pub(crate) fn outside(&self) -> u32 {
        self.outside
    }

    /// Core's instructions from `begin` until the first batch came.
    pub(crate) fn batch_after(&self) -> Option<u32> {
        self.batch_after
    }

    fn spend(&mut self, since: Moment) {
        self.outside += clock::between(since, clock::now());
    }
}

impl Transport for Wire {
    type Error = ErrorKind;

    // None of these is inlined: each would then be measured, and have its stack, as a part of core.
    #[inline(never)]
    fn poll_connect(
        &mut self,
        _: &mut Context<'_>,
        slot: Slot,
        to: Endpoint<'_>,
    ) -> Poll<Result<(), ErrorKind>> {
        let since = clock::now();
        let weather = &mut self.weather;
        let outcome = if weather.refuse > 0 {
            weather.refuse -= 1;
            Poll::Ready(Err(ErrorKind::ConnectionRefused))
        } else if weather.wait > 0 {
            weather.wait -= 1;
            Poll::Pending
        } else {
            self.links[slot.index()].clear();
            self.links[slot.index()].node = Some(to.port - PORT);
            Poll::Ready(Ok(()))
        };
        self.spend(since);
        outcome
    }

    #[inline(never)]
    fn poll_send(
        &mut self,
        _: &mut Context<'_>,
        slot: Slot,
        head: &[u8],
        body: &[u8],
    ) -> Poll<Result<usize, ErrorKind>> {
        let since = clock::now();
        if !body.is_empty() && self.batch_after.is_none() {
            self.batch_after = Some(clock::between(self.began, since) - self.outside);
        }
        let weather = &mut self.weather;
        let outcome = if weather.stall > 0 {
            weather.stall -= 1;
            Poll::Pending
        } else if weather.break_send && !body.is_empty() {
            weather.break_send = false;
            Poll::Ready(Err(ErrorKind::ConnectionReset))
        } else {
            let link = &mut self.links[slot.index()];
            let room = &mut link.tx[link.tx_len..];
            let room_len = weather.piece.unwrap_or(room.len()).min(room.len());
            let of_head = head.len().min(room_len);
            let of_body = body.len().min(room_len - of_head);
            room[..of_head].copy_from_slice(&head[..of_head]);
            room[of_head..][..of_body].copy_from_slice(&body[..of_body]);
            link.tx_len += of_head + of_body;
            self.bytes += (of_head + of_body) as u64;
            if of_head + of_body > 0 { Poll::Ready(Ok(of_head + of_body)) } else { Poll::Pending }
        };
        self.spend(since);
        outcome
    }

    #[inline(never)]
    fn poll_recv(
        &mut self,
        _: &mut Context<'_>,
        slot: Slot,
        buf: &mut [u8],
    ) -> Poll<Result<usize, ErrorKind>> {
        let since = clock::now();
        let link = &mut self.links[slot.index()];
        let rest = &link.rx[link.rx_taken..link.rx_len];
        let count = rest.len().min(buf.len()).min(self.weather.piece.unwrap_or(usize::MAX));
        buf[..count].copy_from_slice(&rest[..count]);
        link.rx_taken += count;
        let outcome = if count > 0 || link.peer_closed { Poll::Ready(Ok(count)) } else { Poll::Pending };
        self.spend(since);
        outcome
    }

    #[inline(never)]
    fn close(&mut self, slot: Slot) {
        let since = clock::now();
        self.links[slot.index()].clear();
        self.spend(since);
    }
}

impl Brokers {
    /// Answers every request that is there.
    #[inline(never)]
    pub(crate) fn turn(&mut self, wire: &mut Wire) {
        for link in &mut wire.links {
            while self.one(link) {}
        }
    }

    fn one(&mut self, link: &mut Link) -> bool {
        let (Some(node), Some(request)) = (link.node, link.request()) else { return false };
        let (mut answer, fault) = self.answer(node, request);
        link.take_request();
        match fault {
            Some(Fault::AnswerLost) => link.cut(),
            Some(Fault::Silence) => {}
            Some(Fault::Malformed) => link.answer(&[0xFF; 8]),
            Some(Fault::Code(_) | Fault::BadRecord(_)) | None => link.answer(answer.finish()),
        }
        true
    }
}
