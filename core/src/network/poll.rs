use core::task::Poll;

use embedded_io::Error as _;

use super::connect::digest;
use super::connection::{ConnectionSlot, State};
use super::{DisconnectReason, Exchange, Network, Outbound, Surroundings};
use crate::counters::add;
use crate::fmt::{debug, warning};
use crate::protocol::Api;
use crate::time::{NextWake, Tick, WakeReason};
use crate::transport::{Slot, Transport};
use crate::wire::{FrameWriter, Window};

/// What is written of a request at once besides a batch, on the stack: more than nearly all requests have in front of their
/// first batch.
const HEAD_BYTES: usize = 128;

/// How many calls of the transport one poll makes for one connection and direction, so that a poll's work is
/// bounded.
const CALLS_PER_POLL: usize = 8;

impl Network<'_> {
    /// Moves every connection on as far as the transport allows, within a bound, and adds its deadlines to `wake`. While
    /// `closing`, it ends all of them at once instead.
    pub(crate) fn poll<T: Transport + ?Sized, E: Exchange>(
        &mut self,
        transport: &mut T,
        with: &mut Surroundings<'_, '_, E>,
        closing: bool,
        wake: &mut NextWake,
    ) {
        for slot in self.connections.iter_mut() {
            if !slot.is_open() {
                continue;
            }
            let polled =
                if closing { Err(DisconnectReason::Closed) } else { slot.poll(transport, with, wake) };
            let Err(reason) = polled else { continue };
            slot.disconnect(reason, transport, with);
            if reason != DisconnectReason::Closed {
                self.last_disconnect = Some(reason);
            }
            wake.now(WakeReason::Progress);
        }
    }
}

impl ConnectionSlot {
    fn poll<T: Transport + ?Sized, E: Exchange>(
        &mut self,
        transport: &mut T,
        with: &mut Surroundings<'_, '_, E>,
        wake: &mut NextWake,
    ) -> Result<(), DisconnectReason> {
        let mut moved = self.state == State::Connecting && self.connect(transport, with)?;
        let mut reads = 0;
        if self.state != State::Connecting {
            moved |= self.flush(transport, with)?;
            reads = self.receive(transport, with)?;
        }
        if moved || reads > 0 {
            wake.now(WakeReason::Progress);
        }
        let (end, reason, wake_reason) = self.end(with.exchange.settings().connections_max_idle_ms);
        // Who is polled late must not time out for what has come meanwhile and is still to be read.
        if end <= with.exchange.now() && reads < CALLS_PER_POLL {
            return Err(reason);
        }
        wake.at(end, wake_reason);
        Ok(())
    }

    /// Says whether the connection is there.
    #[cfg_attr(target_os = "none", inline(never))]
    fn connect<T: Transport + ?Sized, E: Exchange>(
        &mut self,
        transport: &mut T,
        with: &mut Surroundings<'_, '_, E>,
    ) -> Result<bool, DisconnectReason> {
        let to = with.exchange.endpoint(self.node).ok_or(DisconnectReason::Closed)?;
        let digest = digest(to);
        if self.endpoint == 0 {
            debug!("connection {}: to {}, port {}", self.connection, to.host, to.port);
            self.endpoint = digest;
        }
        // Metadata has moved the node while we were connecting to where it was.
        if self.endpoint != digest {
            return Err(DisconnectReason::Closed);
        }
        match transport.poll_connect(with.cx, Slot::new(self.connection), to) {
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(error)) => return Err(DisconnectReason::Transport(error.kind())),
            Poll::Pending => return Ok(false),
        }
        self.setup_failures = 0;
        self.state = State::CheckingApiVersions;
        self.until = Tick::ZERO;
        let timeout_ms = with.exchange.settings().request_timeout_ms;
        self.begin_request(with.exchange.now(), Api::ApiVersions, timeout_ms);
        Ok(true)
    }

    /// Writes what the transport takes of the request that was begun last. Says whether it took anything.
    fn flush<T: Transport + ?Sized, E: Exchange>(
        &mut self,
        transport: &mut T,
        with: &mut Surroundings<'_, '_, E>,
    ) -> Result<bool, DisconnectReason> {
        let mut moved = false;
        for _ in 0..CALLS_PER_POLL {
            if !self.is_writing {
                break;
            }
            let correlation_id = self.next_correlation_id.wrapping_sub(1);
            let api = self.api(correlation_id);
            let version = self.usable.version(api);
            let request = Outbound { connection: self.connection, api, version, correlation_id };
            let mut head = [0; HEAD_BYTES];
            let mut frame = FrameWriter::new(&mut head, self.sent);
            with.exchange.write(&request, &mut frame);
            let Window { head, body, left } = frame.finish();
            let offered = head.len().wrapping_add(body.len());
            let sent = match transport.poll_send(with.cx, Slot::new(self.connection), head, body) {
                Poll::Pending => break,
                Poll::Ready(Err(error)) => return Err(DisconnectReason::Transport(error.kind())),
                // A transport that claims to have taken nothing, or more than was offered, cannot be trusted.
                Poll::Ready(Ok(sent)) if sent == 0 || sent > offered => {
                    return Err(DisconnectReason::Transport(embedded_io::ErrorKind::WriteZero));
                }
                Poll::Ready(Ok(sent)) => sent,
            };
            add(&mut with.exchange.counters().bytes_sent, sent);
            moved = true;
            self.sent = self.sent.wrapping_add(sent as u32);
            if sent == left {
                self.is_writing = false;
                // What nobody answers to is done when it is written, and its number can be given again.
                if with.exchange.written(&request) {
                    self.in_flight = self.in_flight.wrapping_sub(1);
                    self.next_correlation_id = correlation_id;
                }
            }
        }
        Ok(moved)
    }

    /// Reads what has arrived. Returns how often: as often as it may, and there may be more.
    fn receive<T: Transport + ?Sized, E: Exchange>(
        &mut self,
        transport: &mut T,
        with: &mut Surroundings<'_, '_, E>,
    ) -> Result<usize, DisconnectReason> {
        for reads in 0..CALLS_PER_POLL {
            let len = match transport.poll_recv(with.cx, Slot::new(self.connection), with.receive) {
                Poll::Pending => return Ok(reads),
                Poll::Ready(Err(error)) => return Err(DisconnectReason::Transport(error.kind())),
                Poll::Ready(Ok(0)) => return Err(DisconnectReason::PeerClosed),
                Poll::Ready(Ok(len)) => len,
            };
            add(&mut with.exchange.counters().bytes_received, len);
            let received = with.receive.get(..len).ok_or(DisconnectReason::MalformedResponse)?;
            self.take(received, with.exchange)?;
        }
        Ok(CALLS_PER_POLL)
    }

    fn disconnect<T: Transport + ?Sized, E: Exchange>(
        &mut self,
        reason: DisconnectReason,
        transport: &mut T,
        with: &mut Surroundings<'_, '_, E>,
    ) {
        transport.close(Slot::new(self.connection));
        warning!("connection {} ended: {:?}", self.connection, reason);
        self.state = State::Closed;
        self.is_writing = false;
        self.response.clear();
        if reason == DisconnectReason::Closed {
            self.until = Tick::ZERO;
        } else {
            self.until = with.exchange.after_reconnect_backoff(self.failures);
            self.failures = self.failures.saturating_add(1);
        }
        let counters = with.exchange.counters();
        add(&mut counters.disconnects, 1);
        match reason {
            DisconnectReason::RequestTimeout => add(&mut counters.request_timeouts, 1),
            DisconnectReason::MalformedResponse => add(&mut counters.malformed_responses, 1),
            DisconnectReason::SetupTimeout => self.setup_failures = self.setup_failures.saturating_add(1),
            DisconnectReason::Transport(_)
            | DisconnectReason::PeerClosed
            | DisconnectReason::UnsupportedVersion
            | DisconnectReason::Closed => {}
        }
        with.exchange.disconnected(self.connection, reason);
        while self.in_flight > 0 {
            with.exchange.unanswered(self.api(self.oldest()));
            self.in_flight = self.in_flight.wrapping_sub(1);
        }
    }
}
