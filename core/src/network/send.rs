use core::task::{Context, Poll};

use super::{DisconnectReason, Exchange, Outbound, Part};
use crate::counters::add;
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
    /// Bytes of the present part, head and body, that were written.
    sent: u32,
    /// The part of the frame that is being written.
    cursor: u16,
    /// The last request that was begun is not wholly written.
    busy: bool,
}

impl Outgoing {
    pub(super) const fn new() -> Self {
        Self { sent: 0, cursor: 0, busy: false }
    }

    pub(super) fn is_idle(&self) -> bool {
        !self.busy
    }

    pub(super) fn begin(&mut self) {
        *self = Self { sent: 0, cursor: 0, busy: true };
    }

    /// The connection is gone: what was not written will not be.
    pub(super) fn clear(&mut self) {
        self.busy = false;
    }

    /// Writes what the transport takes of the request that was begun last. Says whether it took anything.
    pub(super) fn flush<T: Transport + ?Sized>(
        &mut self,
        cx: &mut Context<'_>,
        mut frame: Outbound,
        transport: &mut T,
        exchange: &mut impl Exchange,
    ) -> Result<bool, DisconnectReason> {
        let mut progress = false;
        for _ in 0..CALLS_PER_POLL {
            if !self.busy {
                break;
            }
            frame.cursor = self.cursor;
            let mut head = [0; HEAD_BYTES];
            let mut writer = Writer::new(&mut head);
            let Part { body, next } = exchange.fill(&frame, &mut writer);
            // What does not fit the head was refused when the producer was made or the topic registered.
            let Ok(head_len) = writer.finish() else {
                return Err(DisconnectReason::Transport(embedded_io::ErrorKind::OutOfMemory));
            };
            let body = body.map_or(&[][..], |batch| exchange.body(batch));
            let before = self.sent as usize;
            let head = head.get(before..head_len).unwrap_or(&[]);
            let body = body.get(before.saturating_sub(head_len)..).unwrap_or(&[]);
            let offered = head.len().wrapping_add(body.len());
            let sent = match transport.poll_send(cx, Slot::new(frame.connection), head, body) {
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
                    exchange.written(&frame);
                }
            }
        }
        Ok(progress)
    }
}
