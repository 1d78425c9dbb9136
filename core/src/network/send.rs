use core::task::{Context, Poll};

use super::{DisconnectReason, Exchange, Outbound, Part};
use crate::counters::add;
use crate::protocol::Api;
use crate::transport::{Slot, Transport};
use crate::wire::Writer;
use embedded_io::Error as _;

/// The largest part of a request besides batches: a topic's name of 249 bytes, and 14 for its length, the number of
/// its partitions, and the first one's index and batch length. A request's beginning has at most 92.
const HEAD_BYTES: usize = 264;

/// How many calls of the transport one poll makes for one connection and direction, so that a poll's work is
/// bounded.
pub(super) const CALLS_PER_POLL: usize = 8;

/// The request that is being written. Nothing of its frame is kept: `fill` makes the same bytes of the same cursor
/// until the request is answered or its connection is gone, for what it is made of cannot change while it is in
/// flight.
#[derive(Debug)]
pub(super) struct Outgoing {
    api: Api,
    /// The frame is not wholly written.
    busy: bool,
    correlation_id: i32,
    /// The part of the frame that is being written.
    cursor: u32,
    /// Bytes of the present part, head and body, that were written.
    sent: u32,
}

impl Outgoing {
    pub(super) const fn new() -> Self {
        Self { api: Api::Produce, busy: false, correlation_id: 0, cursor: 0, sent: 0 }
    }

    pub(super) fn is_idle(&self) -> bool {
        !self.busy
    }

    pub(super) fn begin(&mut self, api: Api, correlation_id: i32) {
        *self = Self { api, busy: true, correlation_id, cursor: 0, sent: 0 };
    }

    /// The connection is gone: what was not written will not be.
    pub(super) fn clear(&mut self) {
        self.busy = false;
    }

    /// The request that is not wholly written.
    pub(super) fn correlation_id(&self) -> Option<i32> {
        self.busy.then_some(self.correlation_id)
    }

    fn frame(&self, connection: u8, version: i16) -> Outbound {
        let Self { api, correlation_id, cursor, .. } = *self;
        Outbound { connection, api, version, correlation_id, cursor }
    }

    /// Writes what the transport takes. Says whether it took anything.
    pub(super) fn flush<T: Transport + ?Sized>(
        &mut self,
        cx: &mut Context<'_>,
        connection: u8,
        version: i16,
        transport: &mut T,
        exchange: &mut impl Exchange,
    ) -> Result<bool, DisconnectReason> {
        let mut progress = false;
        for _ in 0..CALLS_PER_POLL {
            if !self.busy {
                break;
            }
            let mut head = [0; HEAD_BYTES];
            let mut writer = Writer::new(&mut head);
            let Part { body, next } = exchange.fill(&self.frame(connection, version), &mut writer);
            // What does not fit the head was refused when the producer was made or the topic registered.
            let Ok(head_len) = writer.finish() else {
                return Err(DisconnectReason::Transport(embedded_io::ErrorKind::OutOfMemory));
            };
            let body = body.map_or(&[][..], |batch| exchange.body(batch));
            let before = self.sent as usize;
            let head = head.get(before..head_len).unwrap_or(&[]);
            let body = body.get(before.saturating_sub(head_len)..).unwrap_or(&[]);
            let offered = head.len().wrapping_add(body.len());
            let sent = match transport.poll_send(cx, Slot::new(connection), head, body) {
                Poll::Pending => break,
                Poll::Ready(Err(error)) => return Err(DisconnectReason::Transport(error.kind())),
                // A transport that claims to have taken nothing, or more than was offered, cannot be trusted.
                Poll::Ready(Ok(sent)) if sent == 0 || sent > offered => {
                    return Err(DisconnectReason::Transport(embedded_io::ErrorKind::WriteZero));
                }
                Poll::Ready(Ok(sent)) => sent,
            };
            add(&mut exchange.counters().bytes_sent, sent);
            progress = true;
            if sent < offered {
                self.sent = self.sent.wrapping_add(sent as u32);
                continue;
            }
            self.sent = 0;
            match next {
                Some(cursor) => self.cursor = cursor,
                None => {
                    self.busy = false;
                    exchange.written(&self.frame(connection, version));
                }
            }
        }
        Ok(progress)
    }
}
