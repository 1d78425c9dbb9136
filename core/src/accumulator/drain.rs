use super::Accumulator;
use super::Outstanding;
use super::slot::{BatchSlot, Phase, Target};
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
    /// Its records, those of its second half among them.
    pub(crate) records: u32,
    pub(crate) outstanding: Outstanding,
}

/// What becomes of a [`Candidate`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Take {
    /// It goes out, and gets this stamp if it has none.
    Yes(Option<Stamp>),
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
        let queue = self.partitions.get(partition);
        let Some(first) = self.next_to_send(queue) else { return Tick::NEVER };
        let first = self.batches.get(first);
        if queue.muted || queue.halves.any() {
            return Tick::NEVER;
        }
        let full = first.phase == Phase::Queued || queue.queue.has_several();
        let lingers = !full && !self.exhausted && !self.closed;
        let lingered = if lingers { first.created.after_ms(self.policy.linger_ms) } else { Tick::ZERO };
        lingered.max(first.attempts().retry_at)
    }

    /// Whether at least two batches wait to be sent before this one.
    pub(crate) fn is_behind_others(&self, id: BatchId) -> bool {
        let index = id.slot() as u16;
        let batch = self.batches.get(index);
        if batch.generation != id.generation() || batch.target != Target::Known {
            return false;
        }
        let first = self.partitions.get(batch.partition).queue.first();
        let second = first.and_then(|first| self.batches.next(first));
        matches!((first, second), (Some(first), Some(second)) if first != index && second != index)
    }

    /// Whether anything waits to be sent to this partition.
    pub(crate) fn has_queued(&self, partition: u16) -> bool {
        self.partitions.get(partition).queue.first().is_some()
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
        let start = if start < count { start } else { 0 };
        for partition in (start..count).chain(0..start) {
            let Some(candidate) = self.candidate(now, partition) else { continue };
            match take(candidate) {
                Take::Yes(stamp) => self.dispatch(request, partition, stamp),
                Take::No => {}
                Take::Full => return partition,
            }
        }
        start
    }

    fn candidate(&self, now: Tick, partition: u16) -> Option<Candidate> {
        let queue = self.partitions.get(partition);
        let first = self.batches.get(self.next_to_send(queue)?);
        if queue.muted || queue.halves.any() || first.attempts().retry_at > now {
            return None;
        }
        Some(Candidate {
            partition,
            bytes: first.len as usize,
            records: first.count.wrapping_add(first.rest.records()),
            outstanding: self.outstanding(partition),
        })
    }

    fn dispatch(&mut self, request: Request, partition: u16, stamp: Option<Stamp>) {
        let Some(index) = self.next_to_send(self.partitions.get(partition)) else { return };
        let Some(queue) = self.partitions.get_mut(partition) else { return };
        self.batches.remove(&mut queue.queue, index);
        self.batches.push_back(&mut queue.in_flight, index);
        queue.muted = self.policy.mute;
        let Some(batch) = self.batches.get_mut(index) else { return };
        if !batch.rest.is_none() {
            queue.halves.add();
        }
        batch.phase = Phase::InFlight;
        batch.connection = request.connection;
        batch.correlation_id = request.correlation_id;
        if !batch.sealed {
            self.seal(index, stamp);
        }
    }

    /// Writes what is known only now: the stamp, lengths and counts, and the CRC.
    pub(super) fn seal(&mut self, index: u16, stamp: Option<Stamp>) {
        let range = self.slot_range(index);
        let Some(batch) = self.batches.get_mut(index) else { return };
        batch.sealed = true;
        let Some(bytes) = self.arena.get_mut(range).and_then(|slot| slot.get_mut(..batch.len as usize))
        else {
            return;
        };
        if let Some(stamp) = stamp {
            batch.stamped = true;
            stamp.write(bytes);
        }
        batch::seal(bytes, batch.count, self.policy.crc32c);
    }

    /// The batch of this partition that is on its way with this request.
    pub(crate) fn in_flight(&self, request: Request, partition: u16) -> Option<u16> {
        let mut at = self.partitions.get(partition).in_flight.first();
        while let Some(index) = at {
            if self.batches.get(index).is_with(request) {
                return Some(index);
            }
            at = self.batches.next(index);
        }
        None
    }

    /// The first batch of this partition that is on its way with any request of this connection.
    pub(crate) fn in_flight_on(&self, connection: u8, partition: u16) -> Option<u16> {
        let mut at = self.partitions.get(partition).in_flight.first();
        while let Some(index) = at {
            if self.batches.get(index).connection == connection {
                return Some(index);
            }
            at = self.batches.next(index);
        }
        None
    }
}

impl BatchSlot {
    fn is_with(&self, request: Request) -> bool {
        self.connection == request.connection && self.correlation_id == request.correlation_id
    }
}
