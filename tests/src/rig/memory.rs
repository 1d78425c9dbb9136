//! A transport in memory that cuts bytes as it is told, in virtual time, and holds the producer to the rules of
//! [`nanokafka::Transport`].

mod chance;
mod tap;

use std::collections::VecDeque;
use std::task::{Context, Poll, Waker};

use embedded_io::ErrorKind;
use nanokafka::{Endpoint, Instant, Polled, Producer, Slot, Transport};

pub use tap::{Direction, End, Tap};

use super::{Destination, Network, Pace, Rig, SharedCluster, Woken};
use crate::broker::{ConnectionId, Ending};
use crate::random::Random;
use chance::{hesitate, passes, piece};

/// A poll's work is bounded: so many calls of the transport for each connection.
const CALLS_PER_CONNECTION_MAX: usize = 24;

/// As many slots as any scenario lends connections.
const SLOTS: usize = 16;

/// Scenarios in memory: virtual time, any split of bytes.
#[derive(Debug)]
pub struct MemoryRig {
    transport: MemoryTransport,
}

impl MemoryRig {
    /// The tap on the wire.
    pub fn tap(&mut self) -> &mut Tap {
        &mut self.transport.tap
    }

    /// Whether the cut that the tap was told is still to come.
    #[must_use]
    pub fn is_cut_to_come(&self) -> bool {
        self.transport.tap.is_armed()
    }
}

impl Rig for MemoryRig {
    const PACE: Pace = Pace {
        request_timeout_ms: 30_000,
        delivery_timeout_ms: 120_000,
        setup_timeout_ms: 10_000,
        patience_ms: 600_000,
        slack_ms: 0,
    };

    const CAN_READDRESS: bool = true;

    fn build(cluster: SharedCluster, network: Network) -> Self {
        // What has left the cluster arrives, also when it resets the connection.
        cluster.lock().answers_arrive_within_ms = 0;
        let slots = (0..SLOTS).map(|_| State::Unused).collect();
        let random = Random::new(network.seed);
        Self {
            transport: MemoryTransport {
                cluster,
                network,
                random,
                now: network.starts_at_ms,
                slots,
                calls: 0,
                tap: Tap::default(),
            },
        }
    }

    fn now(&self) -> Instant {
        Instant::from_millis(self.transport.now)
    }

    fn address(&self, of: Destination) -> String {
        match of {
            Destination::Node(node) => {
                let cluster = self.transport.cluster.lock();
                let (host, port) = cluster.address(node);
                format!("{host}:{port}")
            }
            Destination::Refused => "refused.test:9092".to_owned(),
            Destination::Unresolvable => "unresolvable.test:9092".to_owned(),
            Destination::BlackHole => "black-hole.test:9092".to_owned(),
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>, producer: &mut Producer<'_>) -> Polled {
        self.transport.calls = 0;
        let polled = producer.poll_with(cx, Instant::from_millis(self.transport.now), &mut self.transport);
        let in_use = self.transport.slots.iter().filter(|slot| !matches!(slot, State::Unused)).count();
        let calls = self.transport.calls;
        assert!(calls <= CALLS_PER_CONNECTION_MAX * (in_use + 2), "a poll made {calls} calls");
        polled
    }

    fn jump(&mut self, ms: i64) {
        self.transport.now = self.transport.now.saturating_add_signed(ms);
    }

    fn advance(&mut self, until: Instant, woken: &Woken) {
        let until = until.as_millis();
        loop {
            self.transport.wake_what_is_ready();
            if woken.is_set() || self.transport.now >= until {
                return;
            }
            let next = self.transport.next_event().filter(|&at| at > self.transport.now);
            self.transport.now = next.map_or(until, |at| at.min(until));
        }
    }
}

#[derive(Debug)]
struct MemoryTransport {
    cluster: SharedCluster,
    network: Network,
    random: Random,
    now: u64,
    slots: Vec<State>,
    /// Calls of the transport in the present poll.
    calls: usize,
    tap: Tap,
}

#[derive(Debug)]
enum State {
    Unused,
    Connecting {
        host: String,
        port: u16,
        ready_at: u64,
        waker: Waker,
    },
    Open(Open),
    /// The transport has reported the end; only `close` is allowed now.
    Ended,
}

#[derive(Debug)]
struct Open {
    id: ConnectionId,
    /// What is on its way to the client, with its arrival.
    arriving: VecDeque<(u64, Vec<u8>)>,
    can_send_at: u64,
    can_receive_at: u64,
    sender: Option<Waker>,
    receiver: Option<Waker>,
    /// What was offered and not taken: it must be offered again.
    refused: Vec<u8>,
    hesitated: [bool; 2],
    /// The tap has ended it.
    cut: Option<End>,
}

impl Transport for MemoryTransport {
    type Error = ErrorKind;

    fn poll_connect(
        &mut self,
        cx: &mut Context<'_>,
        slot: Slot,
        to: Endpoint<'_>,
    ) -> Poll<Result<(), ErrorKind>> {
        self.calls += 1;
        let state = &mut self.slots[slot.index()];
        match state {
            State::Unused => {
                let ready_at = match to.host {
                    "black-hole.test" => u64::MAX,
                    _ => self.now + self.network.latency_ms,
                };
                let waker = cx.waker().clone();
                *state = State::Connecting { host: to.host.to_owned(), port: to.port, ready_at, waker };
                if ready_at > self.now { Poll::Pending } else { self.finish_connect(slot) }
            }
            State::Connecting { host, port, ready_at, waker } => {
                assert_eq!((host.as_str(), *port), (to.host, to.port), "`to` changed while connecting");
                cx.waker().clone_into(waker);
                if *ready_at > self.now { Poll::Pending } else { self.finish_connect(slot) }
            }
            State::Open(_) | State::Ended => panic!("poll_connect on a slot that was not closed"),
        }
    }

    fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        slot: Slot,
        head: &[u8],
        body: &[u8],
    ) -> Poll<Result<usize, ErrorKind>> {
        self.calls += 1;
        let State::Open(open) = &mut self.slots[slot.index()] else {
            panic!("poll_send on a slot that is not connected")
        };
        let offered = [head, body].concat();
        assert!(!offered.is_empty(), "poll_send without bytes");
        assert!(offered.starts_with(&open.refused), "bytes that were not taken are not offered again");
        match open.cut {
            Some(End::Reset) => return self.end(slot),
            Some(End::Fin | End::HalfOpen) => {
                open.refused.clear();
                return Poll::Ready(Ok(offered.len()));
            }
            None => {}
        }
        if self.cluster.lock().ending(open.id).is_some() {
            return self.end(slot);
        }
        if self.now < open.can_send_at || hesitate(&mut self.random, self.network, &mut open.hesitated[0]) {
            open.can_send_at = open.can_send_at.max(self.now + 1);
            open.refused = offered;
            open.sender = Some(cx.waker().clone());
            return Poll::Pending;
        }
        // A short write may end inside the head, at its end, or inside the body.
        let taken = piece(&mut self.random, self.network, offered.len());
        let (taken, busy_ms, end) = self.tap.pass(Direction::Requests, taken);
        open.can_send_at = self.now + passes(self.network, taken).max(busy_ms);
        open.refused = offered[taken..].to_vec();
        self.cluster.lock().receive(open.id, self.now, &offered[..taken]);
        open.cut = end;
        if taken == 0 {
            // The byte that is cut off was the first of these.
            open.refused.clear();
            return if end == Some(End::Reset) { self.end(slot) } else { Poll::Ready(Ok(offered.len())) };
        }
        Poll::Ready(Ok(taken))
    }

    fn poll_recv(
        &mut self,
        cx: &mut Context<'_>,
        slot: Slot,
        buf: &mut [u8],
    ) -> Poll<Result<usize, ErrorKind>> {
        assert!(!buf.is_empty(), "poll_recv without room");
        self.calls += 1;
        self.collect(slot.index());
        let State::Open(open) = &mut self.slots[slot.index()] else {
            panic!("poll_recv on a slot that is not connected")
        };
        match open.cut {
            Some(End::Reset) => return self.end(slot),
            Some(End::Fin) => return Poll::Ready(Ok(0)),
            Some(End::HalfOpen) => return Poll::Pending,
            None => {}
        }
        let arrived = open.arriving.front().is_some_and(|&(at, _)| at <= self.now);
        if !arrived && open.arriving.is_empty() {
            let ending = self.cluster.lock().ending(open.id);
            match ending {
                Some(Ending::Closed) => return Poll::Ready(Ok(0)),
                Some(Ending::Reset) => return self.end(slot),
                None => {}
            }
        }
        if !arrived
            || self.now < open.can_receive_at
            || hesitate(&mut self.random, self.network, &mut open.hesitated[1])
        {
            open.can_receive_at = open.can_receive_at.max(self.now + 1);
            open.receiver = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let (_, bytes) = &mut open.arriving[0];
        let taken = piece(&mut self.random, self.network, bytes.len()).min(buf.len());
        let (taken, busy_ms, end) = self.tap.pass(Direction::Responses, taken);
        if taken == 0 {
            open.cut = end;
            return match end {
                Some(End::Reset) => self.end(slot),
                Some(End::Fin) => Poll::Ready(Ok(0)),
                Some(End::HalfOpen) | None => Poll::Pending,
            };
        }
        buf[..taken].copy_from_slice(&bytes[..taken]);
        bytes.drain(..taken);
        if bytes.is_empty() {
            open.arriving.pop_front();
        }
        open.can_receive_at = self.now + passes(self.network, taken).max(busy_ms);
        open.cut = end;
        Poll::Ready(Ok(taken))
    }

    fn close(&mut self, slot: Slot) {
        if let State::Open(open) = std::mem::replace(&mut self.slots[slot.index()], State::Unused) {
            self.cluster.lock().hang_up(open.id);
        }
    }
}

impl MemoryTransport {
    fn end(&mut self, slot: Slot) -> Poll<Result<usize, ErrorKind>> {
        if let State::Open(open) = std::mem::replace(&mut self.slots[slot.index()], State::Ended) {
            self.cluster.lock().hang_up(open.id);
        }
        Poll::Ready(Err(ErrorKind::ConnectionReset))
    }

    fn finish_connect(&mut self, slot: Slot) -> Poll<Result<(), ErrorKind>> {
        let State::Connecting { host, port, .. } = &self.slots[slot.index()] else {
            return Poll::Pending;
        };
        let mut cluster = self.cluster.lock();
        let known = cluster.node_at(host, *port);
        let result = match known {
            Some(node) => cluster.connect(node, self.now).ok_or(ErrorKind::ConnectionRefused),
            None if host == "refused.test" => Err(ErrorKind::ConnectionRefused),
            None => Err(ErrorKind::NotFound),
        };
        drop(cluster);
        match result {
            Ok(id) => {
                self.slots[slot.index()] = State::Open(Open::new(id));
                Poll::Ready(Ok(()))
            }
            Err(error) => {
                // "`slot` is then as after `close`."
                self.slots[slot.index()] = State::Unused;
                Poll::Ready(Err(error))
            }
        }
    }

    /// Puts what the cluster has said on its way.
    fn collect(&mut self, slot: usize) {
        if let State::Open(open) = &mut self.slots[slot] {
            let bytes = self.cluster.lock().transmit(open.id, self.now);
            if !bytes.is_empty() {
                open.arriving.push_back((self.now + self.network.latency_ms, bytes));
            }
        }
    }

    fn wake_what_is_ready(&mut self) {
        for slot in 0..self.slots.len() {
            self.collect(slot);
            match &mut self.slots[slot] {
                State::Connecting { ready_at, waker, .. } if *ready_at <= self.now => waker.wake_by_ref(),
                State::Open(Open { cut: Some(End::HalfOpen), .. }) => {}
                State::Open(open) => {
                    let ended = open.cut.is_some() || self.cluster.lock().ending(open.id).is_some();
                    let first = open.arriving.front().map(|&(at, _)| at.max(open.can_receive_at));
                    let ends_now = open.cut.is_some() || (ended && open.arriving.is_empty());
                    if first.is_some_and(|at| at <= self.now) || ends_now {
                        wake(&mut open.receiver);
                    }
                    if open.can_send_at <= self.now || ended {
                        wake(&mut open.sender);
                    }
                }
                State::Connecting { .. } | State::Unused | State::Ended => {}
            }
        }
    }

    fn next_event(&self) -> Option<u64> {
        let cluster = self.cluster.lock();
        let of_slot = |state: &State| match state {
            State::Connecting { ready_at, .. } => Some(*ready_at),
            State::Open(Open { cut: Some(_), .. }) => None,
            State::Open(open) => {
                let arrives = open.arriving.front().map(|&(at, _)| at.max(open.can_receive_at));
                let said = cluster.transmit_at(open.id);
                let sends = open.sender.as_ref().map(|_| open.can_send_at);
                [arrives, said, sends].into_iter().flatten().filter(|&at| at > self.now).min()
            }
            State::Unused | State::Ended => None,
        };
        self.slots.iter().filter_map(of_slot).filter(|&at| at > self.now && at < u64::MAX).min()
    }
}

impl Open {
    fn new(id: ConnectionId) -> Self {
        Self {
            id,
            arriving: VecDeque::new(),
            can_send_at: 0,
            can_receive_at: 0,
            sender: None,
            receiver: None,
            refused: Vec::new(),
            hesitated: [false; 2],
            cut: None,
        }
    }
}

fn wake(waker: &mut Option<Waker>) {
    if let Some(waker) = waker.take() {
        waker.wake();
    }
}
