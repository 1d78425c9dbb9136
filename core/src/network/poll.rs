use core::task::{Context, Poll};

use embedded_io::Error as _;

use super::connect::digest;
use super::connection::Leaving;
use super::receive::Expected;
use super::send::CALLS_PER_POLL;
use super::{DisconnectReason, Exchange, Network, Outbound, State, Unanswered};
use crate::code::ErrorCode;
use crate::config::Acks;
use crate::counters::add;
use crate::fmt::{debug, warning};
use crate::protocol::Api;
use crate::time::{NextWake, Tick, WakeReason};
use crate::transport::{Slot, Transport};

/// How much was read of what a connection has received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Received {
    /// There was nothing.
    Nothing,
    /// All there was.
    All,
    /// As much as a poll reads: there may be more.
    Part,
}

/// What a poll of the network is given, besides the transport.
pub(crate) struct Surroundings<'p, 'c, E> {
    pub(crate) cx: &'p mut Context<'c>,
    pub(crate) now: Tick,
    pub(crate) exchange: &'p mut E,
    /// Where pieces of responses are received.
    pub(crate) receive: &'p mut [u8],
}

impl Network<'_> {
    /// Moves every connection on as far as the transport allows, within a bound, and adds its deadlines to `wake`.
    pub(crate) fn poll<T: Transport + ?Sized, E: Exchange>(
        &mut self,
        transport: &mut T,
        with: &mut Surroundings<'_, '_, E>,
        wake: &mut NextWake,
    ) {
        for connection in 0..self.len() {
            match self.poll_connection(connection, transport, with) {
                Ok(true) => wake.now(WakeReason::Progress),
                Ok(false) => {}
                Err(reason) => {
                    self.disconnect(connection, reason, transport, with);
                    wake.now(WakeReason::Progress);
                }
            }
            self.add_deadline(connection, with, wake);
        }
    }

    /// Ends all connections at once.
    pub(crate) fn close_all<T: Transport + ?Sized, E: Exchange>(
        &mut self,
        transport: &mut T,
        with: &mut Surroundings<'_, '_, E>,
    ) {
        for connection in 0..self.len() {
            if self.get(connection).is_some_and(super::ConnectionSlot::is_open) {
                self.disconnect(connection, DisconnectReason::Closed, transport, with);
            }
        }
    }

    fn poll_connection<T: Transport + ?Sized, E: Exchange>(
        &mut self,
        connection: u8,
        transport: &mut T,
        with: &mut Surroundings<'_, '_, E>,
    ) -> Result<bool, DisconnectReason> {
        let Some(slot) = self.get_mut(connection) else { return Ok(false) };
        let leaves = match slot.leaving {
            Leaving::Not => false,
            Leaving::AtOnce => true,
            Leaving::Unused => slot.is_unused(),
        };
        if leaves {
            slot.leaving = Leaving::Not;
            if slot.is_open() {
                return Err(DisconnectReason::Closed);
            }
        }
        match slot.state {
            State::Free | State::Backoff => Ok(false),
            State::Connecting => self.poll_connect(connection, transport, with),
            State::CheckingApiVersions | State::Ready => {
                let sent = self.flush(connection, transport, with)?;
                let received = self.receive(connection, transport, with)?;
                // Who is polled late must not time out for what has come meanwhile and is still to be read.
                if received != Received::Part {
                    self.check_request_timeout(connection, with)?;
                }
                let max_idle_ms = with.exchange.settings().connections_max_idle_ms;
                if self.get(connection).is_some_and(|slot| slot.idle_end(max_idle_ms) <= with.now) {
                    return Err(DisconnectReason::Closed);
                }
                Ok(sent || received != Received::Nothing)
            }
        }
    }

    fn poll_connect<T: Transport + ?Sized, E: Exchange>(
        &mut self,
        connection: u8,
        transport: &mut T,
        with: &mut Surroundings<'_, '_, E>,
    ) -> Result<bool, DisconnectReason> {
        let Some(slot) = self.get_mut(connection) else { return Ok(false) };
        let to = with.exchange.endpoint(slot.node).ok_or(DisconnectReason::Closed)?;
        let digest = digest(to);
        if slot.endpoint == 0 {
            debug!("connection {}: to {}, port {}", connection, to.host, to.port);
            slot.endpoint = digest;
        }
        // Metadata has moved the node while we were connecting to where it was.
        if slot.endpoint != digest {
            return Err(DisconnectReason::Closed);
        }
        match transport.poll_connect(with.cx, Slot::new(connection), to) {
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(error)) => return Err(DisconnectReason::Transport(error.kind())),
            Poll::Pending if slot.until <= with.now => {
                slot.setup_failures = slot.setup_failures.saturating_add(1);
                return Err(DisconnectReason::SetupTimeout);
            }
            Poll::Pending => return Ok(false),
        }
        slot.setup_failures = 0;
        slot.state = State::CheckingApiVersions;
        slot.until = Tick::ZERO;
        slot.begin_request(with.now, Api::ApiVersions, with.exchange.settings().request_timeout_ms);
        self.flush(connection, transport, with)?;
        Ok(true)
    }

    fn flush<T: Transport + ?Sized, E: Exchange>(
        &mut self,
        connection: u8,
        transport: &mut T,
        with: &mut Surroundings<'_, '_, E>,
    ) -> Result<bool, DisconnectReason> {
        let Some(slot) = self.get_mut(connection) else { return Ok(false) };
        let Some(last) = slot.in_flight.last() else { return Ok(false) };
        let (api, version) = (last.api, slot.usable.version(last.api));
        let correlation_id = slot.next_correlation_id.wrapping_sub(1);
        let frame = Outbound { connection, api, version, correlation_id };
        let progress = slot.outgoing.flush(with.cx, &frame, transport, with.exchange)?;
        // With acks=0 nothing answers a produce request: it is done when it is written.
        if slot.outgoing.is_idle() && with.exchange.settings().acks == Acks::None {
            while slot.in_flight.last().is_some_and(|last| last.api == Api::Produce) {
                slot.in_flight.pop();
            }
        }
        Ok(progress)
    }

    fn receive<T: Transport + ?Sized, E: Exchange>(
        &mut self,
        connection: u8,
        transport: &mut T,
        with: &mut Surroundings<'_, '_, E>,
    ) -> Result<Received, DisconnectReason> {
        let mut all = Received::Nothing;
        for _ in 0..CALLS_PER_POLL {
            let len = match transport.poll_recv(with.cx, Slot::new(connection), with.receive) {
                Poll::Pending => return Ok(all),
                Poll::Ready(Err(error)) => return Err(DisconnectReason::Transport(error.kind())),
                Poll::Ready(Ok(0)) => return Err(DisconnectReason::PeerClosed),
                Poll::Ready(Ok(len)) => len,
            };
            all = Received::All;
            add(&mut with.exchange.counters().bytes_received, len);
            self.take(connection, len, with)?;
        }
        Ok(Received::Part)
    }

    /// Takes the first `len` bytes that were received.
    fn take<E: Exchange>(
        &mut self,
        connection: u8,
        len: usize,
        with: &mut Surroundings<'_, '_, E>,
    ) -> Result<(), DisconnectReason> {
        let received = core::mem::take(&mut with.receive);
        let taken = match received.get(..len) {
            Some(piece) => self.take_piece(connection, piece, with),
            None => Err(DisconnectReason::MalformedResponse),
        };
        with.receive = received;
        taken
    }

    fn take_piece<E: Exchange>(
        &mut self,
        connection: u8,
        mut piece: &[u8],
        with: &mut Surroundings<'_, '_, E>,
    ) -> Result<(), DisconnectReason> {
        while !piece.is_empty() {
            let Some(slot) = self.get_mut(connection) else { return Ok(()) };
            let expected =
                Expected { connection, request: slot.awaited(), version: slot.usable.produce_version() };
            let Some((api, correlation_id)) = slot.incoming.take(&mut piece, &expected, with.exchange)?
            else {
                continue;
            };
            slot.forget_first();
            self.on_answer(connection, api, correlation_id, with)?;
        }
        Ok(())
    }

    fn on_answer<E: Exchange>(
        &mut self,
        connection: u8,
        api: Api,
        correlation_id: i32,
        with: &mut Surroundings<'_, '_, E>,
    ) -> Result<(), DisconnectReason> {
        let Some(slot) = self.get_mut(connection) else { return Ok(()) };
        if slot.throttle(with.now) {
            add(&mut with.exchange.counters().throttled, 1);
        }
        let response = &slot.incoming.response;
        match api {
            Api::ApiVersions => {
                let usable = response.usable;
                if response.error != ErrorCode::NONE || !usable.is_enough() {
                    return Err(DisconnectReason::UnsupportedVersion);
                }
                slot.usable = usable;
                slot.state = State::Ready;
                slot.last_used = with.now;
                slot.failures = 0;
                debug!("connection {} is ready", connection);
                add(&mut with.exchange.counters().connections, 1);
            }
            Api::Metadata => with.exchange.metadata_answered(),
            Api::Produce => with.exchange.produce_answered(connection, correlation_id)?,
            Api::InitProducerId => with.exchange.producer_id_answered(response.producer_id()),
        }
        Ok(())
    }

    fn check_request_timeout<E: Exchange>(
        &mut self,
        connection: u8,
        with: &mut Surroundings<'_, '_, E>,
    ) -> Result<(), DisconnectReason> {
        let oldest = self.get(connection).and_then(|slot| slot.in_flight.first());
        if oldest.is_some_and(|request| request.deadline <= with.now) {
            return Err(DisconnectReason::RequestTimeout);
        }
        Ok(())
    }

    fn disconnect<T: Transport + ?Sized, E: Exchange>(
        &mut self,
        connection: u8,
        reason: DisconnectReason,
        transport: &mut T,
        with: &mut Surroundings<'_, '_, E>,
    ) {
        transport.close(Slot::new(connection));
        let failures = self.get(connection).map_or(0, |slot| slot.failures);
        let until = with.exchange.after_reconnect_backoff(failures);
        let Some(slot) = self.get_mut(connection) else { return };
        let mut unanswered = Unanswered { metadata: false, init_producer_id: false };
        for request in &slot.in_flight {
            unanswered.metadata |= request.api == Api::Metadata;
            unanswered.init_producer_id |= request.api == Api::InitProducerId;
        }
        slot.state = if reason == DisconnectReason::Closed {
            State::Free
        } else {
            slot.failures = failures.saturating_add(1);
            State::Backoff
        };
        slot.until = until;
        slot.in_flight.clear();
        slot.outgoing.clear();
        slot.incoming = super::receive::Incoming::new();
        slot.leaving = Leaving::Not;
        warning!("connection {} ended: {:?}", connection, reason);
        if reason != DisconnectReason::Closed {
            self.last_disconnect = Some(reason);
        }
        let counters = with.exchange.counters();
        add(&mut counters.disconnects, 1);
        match reason {
            DisconnectReason::RequestTimeout => add(&mut counters.request_timeouts, 1),
            DisconnectReason::MalformedResponse => add(&mut counters.malformed_responses, 1),
            DisconnectReason::Transport(_)
            | DisconnectReason::PeerClosed
            | DisconnectReason::SetupTimeout
            | DisconnectReason::UnsupportedVersion
            | DisconnectReason::Closed => {}
        }
        with.exchange.disconnected(connection, reason, unanswered);
    }

    fn add_deadline<E: Exchange>(&self, connection: u8, with: &Surroundings<'_, '_, E>, wake: &mut NextWake) {
        let Some(slot) = self.get(connection) else { return };
        match slot.state {
            // Who waits for a node in backoff adds that deadline itself.
            State::Free | State::Backoff => {}
            State::Connecting => wake.at(slot.until, WakeReason::ConnectionSetup),
            State::CheckingApiVersions | State::Ready => {
                if let Some(oldest) = slot.in_flight.first() {
                    wake.at(oldest.deadline, WakeReason::RequestTimeout);
                }
                let max_idle_ms = with.exchange.settings().connections_max_idle_ms;
                wake.at(slot.idle_end(max_idle_ms), WakeReason::IdleConnection);
            }
        }
    }
}
