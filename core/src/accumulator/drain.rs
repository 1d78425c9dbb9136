use super::Accumulator;
use super::list::{Link, NONE};
use super::outstanding::{Next, Outstanding};
use super::slot::Phase;
use crate::batch::{self, Stamp};
use crate::delivery::BatchId;
use crate::time::Tick;

/// The request that a batch is on its way with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) connection: u8,
    pub(crate) correlation_id: i32,
}

/// A batch that [`Accumulator::drain`] could take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate {
    pub(crate) partition: u16,
    pub(crate) bytes: usize,
    pub(crate) records: u32,
    /// It was never sent.
    pub(crate) is_new: bool,
    pub(crate) outstanding: Outstanding,
}

/// What becomes of a [`Candidate`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Take {
    /// It goes out, and gets this stamp, if it is one and the batch has none.
    Yes(Stamp),
    /// It stays.
    No,
    /// It stays, and all that would come after it: the request is full.
    Full,
}

impl Accumulator<'_> {
    /// When a partition has a batch that should be sent: when its backoff is over and it is full, has lingered, or
    /// memory is exhausted, or all is flushed (Java's `batchReady`). Never, while nothing waits there, or it waits for
    /// the batch on its way.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn ready_at(&self, partition: u16) -> Tick {
        let first = self.batches.get(self.next_to_send(partition, 0).index);
        if !first.phase.waits() {
            return Tick::NEVER;
        }
        // Of a producer that is closed, none is open.
        if first.phase == Phase::Open && first.next == Link::NONE && !self.exhausted {
            return first.created.after_ms(self.policy.linger_ms);
        }
        first.attempts().retry_at
    }

    /// Whether at least two batches wait to be sent before this one.
    pub(crate) fn is_behind_others(&self, id: BatchId) -> bool {
        let index = id.slot() as u16;
        let batch = self.batches.get(index);
        if batch.generation != id.generation() || !batch.phase.waits() {
            return false;
        }
        let mut ahead = 0u8;
        let mut at = self.partitions.get(batch.partition).queue.first();
        while at != index && at != NONE && ahead < 2 {
            ahead = ahead.wrapping_add(u8::from(self.batches.get(at).phase.waits()));
            at = self.batches.next(at);
        }
        ahead == 2
    }

    /// Takes the first batch of each partition that `take` wants, beginning at `start` and going round once, and
    /// seals those that go out for the first time. Stops when `take` says that the request is full.
    ///
    /// Returns where the next drain begins: the partition that did not fit is then the first.
    pub(crate) fn drain(
        &mut self,
        now: Tick,
        request: Request,
        start: u16,
        mut take: impl FnMut(Candidate) -> Take,
    ) -> u16 {
        let count = self.partitions();
        let mut partition = if start < count { start } else { 0 };
        for _ in 0..count {
            let Next { index, outstanding } = self.next_to_send(partition, request.connection);
            if let Some(batch) = self.batches.get_mut(index)
                && batch.attempts().retry_at <= now
            {
                let is_new = batch.phase != Phase::Retry;
                let (bytes, records) = (batch.len as usize, batch.count);
                match take(Candidate { partition, bytes, records, is_new, outstanding }) {
                    Take::Yes(stamp) => {
                        batch.phase = Phase::InFlight;
                        batch.connection = request.connection;
                        batch.correlation_id = request.correlation_id;
                        if is_new {
                            self.seal(index, &stamp);
                        }
                    }
                    Take::No => {}
                    Take::Full => break,
                }
            }
            partition = partition.wrapping_add(1);
            partition = if partition < count { partition } else { 0 };
        }
        partition
    }

    /// Writes what is known only now: the stamp, if it is one, lengths and counts, and the CRC.
    pub(super) fn seal(&mut self, index: u16, stamp: &Stamp) {
        let Some(batch) = self.batches.get_mut(index) else { return };
        let Some(bytes) = self.arena.slot_mut(index, batch.len as usize) else { return };
        if stamp.base_sequence >= 0 {
            batch.stamped = true;
            stamp.write(bytes);
        }
        batch::seal(bytes, batch.count, self.policy.crc32c);
    }

    /// The batch of this partition that is on its way with this request.
    pub(crate) fn in_flight(&self, request: Request, partition: u16) -> Option<u16> {
        self.first_on_its_way(partition, request, false)
    }

    /// The first batch of this partition that is on its way with any request of this connection.
    pub(crate) fn in_flight_on(&self, connection: u8, partition: u16) -> Option<u16> {
        self.first_on_its_way(partition, Request { connection, correlation_id: 0 }, true)
    }

    fn first_on_its_way(&self, partition: u16, request: Request, with_any: bool) -> Option<u16> {
        let mut at = self.partitions.get(partition).queue.first();
        while at != NONE {
            let batch = self.batches.get(at);
            if batch.phase.is_on_its_way()
                && batch.connection == request.connection
                && (with_any || batch.correlation_id == request.correlation_id)
            {
                return Some(at);
            }
            if batch.phase > Phase::Retry {
                break;
            }
            at = batch.next.get();
        }
        None
    }
}
