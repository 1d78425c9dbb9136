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

/// The request that is being written: how far, and what comes next.
#[derive(Debug)]
pub(super) struct Outgoing {
    frame: Outbound,
    /// `frame` is not wholly written.
    busy: bool,
    /// Another part follows the present one.
    more: bool,
    head: [u8; HEAD_BYTES],
    head_len: u16,
    head_sent: u16,
    body: Option<u16>,
    body_sent: u32,
}

impl Outgoing {
    pub(super) const fn new() -> Self {
        Self {
            frame: Outbound { connection: 0, api: Api::Produce, version: 0, correlation_id: 0, cursor: 0 },
            busy: false,
            more: false,
            head: [0; HEAD_BYTES],
            head_len: 0,
            head_sent: 0,
            body: None,
            body_sent: 0,
        }
    }

    pub(super) fn is_idle(&self) -> bool {
        !self.busy
    }

    pub(super) fn begin(&mut self, frame: Outbound) {
        self.clear();
        self.frame = frame;
        self.busy = true;
        self.more = true;
    }

    /// The connection is gone: what was not written will not be.
    pub(super) fn clear(&mut self) {
        self.busy = false;
        self.more = false;
        self.head_len = 0;
        self.head_sent = 0;
        self.body = None;
        self.body_sent = 0;
    }

    /// The request that is not wholly written.
    pub(super) fn correlation_id(&self) -> Option<i32> {
        self.busy.then_some(self.frame.correlation_id)
    }

    /// Writes what the transport takes. Says whether it took anything.
    pub(super) fn flush<T: Transport + ?Sized>(
        &mut self,
        cx: &mut Context<'_>,
        slot: Slot,
        transport: &mut T,
        exchange: &mut impl Exchange,
    ) -> Result<bool, DisconnectReason> {
        let mut progress = false;
        for _ in 0..CALLS_PER_POLL {
            if !self.next_part(exchange)? {
                break;
            }
            let head = self.head.get(usize::from(self.head_sent)..usize::from(self.head_len)).unwrap_or(&[]);
            let body = self.body.map_or(&[][..], |batch| exchange.body(batch));
            let body = body.get(self.body_sent as usize..).unwrap_or(&[]);
            match transport.poll_send(cx, slot, head, body) {
                Poll::Pending => break,
                Poll::Ready(Err(error)) => return Err(DisconnectReason::Transport(error.kind())),
                Poll::Ready(Ok(sent)) => {
                    let offered = head.len().wrapping_add(body.len());
                    let of_head = sent.min(head.len());
                    // A transport that claims to have taken nothing, or more than was offered, cannot be trusted.
                    if sent == 0 || sent > offered {
                        return Err(DisconnectReason::Transport(embedded_io::ErrorKind::WriteZero));
                    }
                    self.head_sent = self.head_sent.wrapping_add(of_head as u16);
                    self.body_sent = self.body_sent.wrapping_add(sent.wrapping_sub(of_head) as u32);
                    add(&mut exchange.counters().bytes_sent, sent as u64);
                    progress = true;
                }
            }
        }
        // The answer may be here before the next poll is: a frame that is finished must count as such now.
        self.next_part(exchange)?;
        Ok(progress)
    }

    /// Makes sure that there are bytes to write. `false`: the frame is finished, or there is none.
    fn next_part(&mut self, exchange: &mut impl Exchange) -> Result<bool, DisconnectReason> {
        loop {
            let body_len = self.body.map_or(0, |batch| exchange.body(batch).len());
            if self.head_sent < self.head_len || (self.body_sent as usize) < body_len {
                return Ok(true);
            }
            if !self.busy {
                return Ok(false);
            }
            let frame = &mut self.frame;
            if !self.more {
                exchange.written(frame);
                self.clear();
                return Ok(false);
            }
            let mut head = Writer::new(&mut self.head);
            let Part { body, next } = exchange.fill(frame, &mut head);
            // What does not fit the head was refused when the producer was made or the topic registered.
            let Ok(head_len) = head.finish() else {
                return Err(DisconnectReason::Transport(embedded_io::ErrorKind::OutOfMemory));
            };
            self.head_len = head_len as u16;
            self.head_sent = 0;
            self.body = body;
            self.body_sent = 0;
            self.more = next.is_some();
            frame.cursor = next.unwrap_or(frame.cursor);
        }
    }
}
