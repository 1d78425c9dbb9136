use core::task::{Context, Poll};

use super::{DisconnectReason, Exchange, Outbound};
use crate::counters::add;
use crate::transport::{Slot, Transport};
use crate::wire::{FrameWriter, Window};
use embedded_io::Error as _;

/// What is written of a request at once besides a batch, on the stack: more than nearly all requests have in front of their
/// first batch.
const HEAD_BYTES: usize = 128;

/// How many calls of the transport one poll makes for one connection and direction, so that a poll's work is
/// bounded.
pub(super) const CALLS_PER_POLL: usize = 8;

/// The request that is being written. Nothing of its frame is kept: `write` makes the same bytes until the request is
/// answered or its connection is gone, for what it is made of cannot change while it is in flight.
#[derive(Debug)]
pub(super) struct Outgoing {
    /// Bytes of the frame that were written.
    sent: u32,
    /// The last request that was begun is not wholly written.
    busy: bool,
}

impl Outgoing {
    pub(super) const fn new() -> Self {
        Self { sent: 0, busy: false }
    }

    pub(super) fn is_idle(&self) -> bool {
        !self.busy
    }

    pub(super) fn begin(&mut self) {
        *self = Self { sent: 0, busy: true };
    }

    /// The connection is gone: what was not written will not be.
    pub(super) fn clear(&mut self) {
        self.busy = false;
    }

    /// Writes what the transport takes of the request that was begun last. Says whether it took anything.
    pub(super) fn flush<T: Transport + ?Sized>(
        &mut self,
        cx: &mut Context<'_>,
        request: &Outbound,
        transport: &mut T,
        exchange: &mut impl Exchange,
    ) -> Result<bool, DisconnectReason> {
        let mut progress = false;
        for _ in 0..CALLS_PER_POLL {
            if !self.busy {
                break;
            }
            let mut head = [0; HEAD_BYTES];
            let mut frame = FrameWriter::new(&mut head, self.sent);
            exchange.write(request, &mut frame);
            let Window { head, body, left } = frame.finish();
            let offered = head.len().wrapping_add(body.len());
            let sent = match transport.poll_send(cx, Slot::new(request.connection), head, body) {
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
            self.sent = self.sent.wrapping_add(sent as u32);
            if sent == left {
                self.busy = false;
                exchange.written(request);
            }
        }
        Ok(progress)
    }
}
