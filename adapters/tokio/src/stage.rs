//! Buffers between core and the sockets, so that no system call for bytes happens under the producer's lock.

use std::ops::Range;
use std::task::{Context, Poll};

use embedded_io::{Error, ErrorKind};
use nanokafka::{Endpoint, Slot, Transport};

#[cfg(test)]
mod tests;

/// Bytes that wait for a connection's socket. More than any one batch of the default size, so that one write
/// carries the batches of several partitions; small enough that copying them keeps the lock short.
const OUT_BYTES: usize = 128 * 1024;

/// Bytes received ahead of core. Produce responses are far smaller; metadata comes in pieces.
const IN_BYTES: usize = 16 * 1024;

/// A transport whose bytes pass through buffers: [`fill`](Staged::fill) and [`flush`](Staged::flush) talk to the
/// sockets without the producer's lock, the trait's calls only copy and are made under it.
pub(crate) struct Staged<T> {
    net: T,
    stages: Box<[Stage]>,
    /// Whether a closed connection's bytes are still sent: needed where no answer says that they arrived.
    lingers: bool,
}

#[derive(Default)]
struct Stage {
    state: State,
    out: Vec<u8>,
    /// How much of `out` the socket has taken.
    out_sent: usize,
    /// Has its whole length from the first connection on: never zeroed again.
    input: Vec<u8>,
    /// Where in `input` the bytes lie that core has not taken.
    received: Range<usize>,
    /// Why no more bytes come in: `None` inside for the peer's orderly close.
    input_end: Option<Option<ErrorKind>>,
    out_error: Option<ErrorKind>,
    /// Core was refused room; it wants to be called once there is some.
    wants_room: bool,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Closed,
    Open,
    /// Closed by core, with bytes that are still on their way out.
    Lingering,
}

/// A connection's end, as core is told of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StageError(ErrorKind);

impl std::fmt::Display for StageError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl std::error::Error for StageError {}

impl Error for StageError {
    fn kind(&self) -> ErrorKind {
        self.0
    }
}

impl<T: Transport> Staged<T> {
    pub(crate) fn new(net: T, slots: usize, lingers: bool) -> Self {
        Self { net, stages: (0..slots).map(|_| Stage::default()).collect(), lingers }
    }

    /// Receives for every connection whose input core has used up; whether anything is new for core. Where
    /// nothing is, `cx` is woken by the next bytes.
    pub(crate) fn fill(&mut self, cx: &mut Context<'_>) -> bool {
        let mut news = false;
        for (slot, stage) in slots(&mut self.stages) {
            if stage.state == State::Open && stage.received.is_empty() && stage.input_end.is_none() {
                news |= stage.fill(cx, slot, &mut self.net);
            }
        }
        news
    }

    /// Sends what the sockets take; whether core has something to do now, because there is room that it waited
    /// for, or because a connection is gone. Where bytes are left, `cx` is woken when the socket takes more.
    pub(crate) fn flush(&mut self, cx: &mut Context<'_>) -> bool {
        let mut news = false;
        for (slot, stage) in slots(&mut self.stages) {
            if stage.unsent() == 0 {
                continue;
            }
            news |= stage.flush(cx, slot, &mut self.net);
            if stage.state == State::Lingering && stage.unsent() == 0 {
                stage.reset();
                self.net.close(slot);
                // Core may wait to connect in this slot again.
                news = true;
            }
        }
        news
    }

    /// Whether bytes of closed connections are still on their way out.
    pub(crate) fn is_lingering(&self) -> bool {
        self.stages.iter().any(|stage| stage.state == State::Lingering)
    }
}

fn slots(stages: &mut [Stage]) -> impl Iterator<Item = (Slot, &mut Stage)> {
    (0..=u8::MAX).map(Slot::new).zip(stages)
}

impl Stage {
    fn unsent(&self) -> usize {
        if self.out_error.is_some() { 0 } else { self.out.len().saturating_sub(self.out_sent) }
    }

    fn reset(&mut self) {
        self.state = State::Closed;
        self.out.clear();
        self.out_sent = 0;
        self.received = 0..0;
        self.input_end = None;
        self.out_error = None;
        self.wants_room = false;
    }

    fn fill<T: Transport>(&mut self, cx: &mut Context<'_>, slot: Slot, net: &mut T) -> bool {
        match net.poll_recv(cx, slot, &mut self.input) {
            Poll::Pending => return false,
            Poll::Ready(Ok(0)) => self.input_end = Some(None),
            Poll::Ready(Ok(len)) => self.received = 0..len,
            Poll::Ready(Err(error)) => self.input_end = Some(Some(error.kind())),
        }
        true
    }

    fn flush<T: Transport>(&mut self, cx: &mut Context<'_>, slot: Slot, net: &mut T) -> bool {
        let mut moved = false;
        while let Some(rest @ [_, ..]) = self.out.get(self.out_sent..) {
            match net.poll_send(cx, slot, rest, &[]) {
                Poll::Ready(Ok(sent)) => {
                    self.out_sent = self.out_sent.saturating_add(sent);
                    moved = true;
                }
                Poll::Ready(Err(error)) => {
                    self.out_error = Some(error.kind());
                    return true;
                }
                Poll::Pending => break,
            }
        }
        if self.out_sent >= self.out.len() {
            self.out.clear();
            self.out_sent = 0;
        }
        moved && std::mem::take(&mut self.wants_room)
    }

    /// Appends what fits of `bytes`; how much that was.
    fn take(&mut self, bytes: &[u8]) -> usize {
        let room = OUT_BYTES.saturating_sub(self.unsent());
        let taken = bytes.get(..room).unwrap_or(bytes);
        if self.out.len().saturating_add(taken.len()) > OUT_BYTES {
            self.out.drain(..self.out_sent);
            self.out_sent = 0;
        }
        self.out.extend_from_slice(taken);
        taken.len()
    }
}

impl<T: Transport> Transport for Staged<T> {
    type Error = StageError;

    fn poll_connect(
        &mut self,
        cx: &mut Context<'_>,
        slot: Slot,
        to: Endpoint<'_>,
    ) -> Poll<Result<(), StageError>> {
        let Some(stage) = self.stages.get_mut(slot.index()) else {
            return Poll::Ready(Err(StageError(ErrorKind::InvalidInput)));
        };
        match stage.state {
            State::Open => return Poll::Ready(Ok(())),
            // Woken by the flush that ends it.
            State::Lingering => return Poll::Pending,
            State::Closed => {}
        }
        match self.net.poll_connect(cx, slot, to) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Err(error)) => Poll::Ready(Err(StageError(error.kind()))),
            Poll::Ready(Ok(())) => {
                stage.state = State::Open;
                // Once for the first connection of a slot, so that no send allocates.
                stage.out.reserve_exact(OUT_BYTES);
                stage.input.resize(IN_BYTES, 0);
                Poll::Ready(Ok(()))
            }
        }
    }

    fn poll_send(
        &mut self,
        _: &mut Context<'_>,
        slot: Slot,
        head: &[u8],
        body: &[u8],
    ) -> Poll<Result<usize, StageError>> {
        let Some(stage) = self.stages.get_mut(slot.index()).filter(|stage| stage.state == State::Open) else {
            return Poll::Ready(Err(StageError(ErrorKind::NotConnected)));
        };
        if let Some(kind) = stage.out_error {
            return Poll::Ready(Err(StageError(kind)));
        }
        let mut taken = stage.take(head);
        if taken == head.len() {
            taken = taken.saturating_add(stage.take(body));
        }
        stage.wants_room |= taken < head.len().saturating_add(body.len());
        if taken == 0 { Poll::Pending } else { Poll::Ready(Ok(taken)) }
    }

    fn poll_recv(
        &mut self,
        _: &mut Context<'_>,
        slot: Slot,
        buf: &mut [u8],
    ) -> Poll<Result<usize, StageError>> {
        let Some(stage) = self.stages.get_mut(slot.index()).filter(|stage| stage.state == State::Open) else {
            return Poll::Ready(Err(StageError(ErrorKind::NotConnected)));
        };
        match stage.input.get(stage.received.clone()) {
            Some(rest @ [_, ..]) => {
                let count = rest.len().min(buf.len());
                if let (Some(to), Some(from)) = (buf.get_mut(..count), rest.get(..count)) {
                    to.copy_from_slice(from);
                }
                stage.received.start = stage.received.start.saturating_add(count);
                Poll::Ready(Ok(count))
            }
            Some([]) | None => match stage.input_end {
                None => Poll::Pending,
                Some(None) => Poll::Ready(Ok(0)),
                Some(Some(kind)) => Poll::Ready(Err(StageError(kind))),
            },
        }
    }

    fn close(&mut self, slot: Slot) {
        let Some(stage) = self.stages.get_mut(slot.index()) else { return };
        if self.lingers && stage.state == State::Open && stage.unsent() > 0 {
            stage.state = State::Lingering;
            return;
        }
        stage.reset();
        self.net.close(slot);
    }
}
