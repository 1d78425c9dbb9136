//! What became of a batch, shared between the driver and the handles of the batch's records.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};

use nanokafka::{Ack, Delivery, DeliveryError};

#[cfg(test)]
mod tests;

/// A record that is in the log (with `acks=0`: that was written to its connection).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Delivered {
    /// The partition that the record went to.
    pub partition: i32,
    /// The record's offset. `None` with `acks=0`, and when the broker only said that it has the batch already.
    pub offset: Option<i64>,
    /// When the broker appended the record, in ms since 1970; only for topics with `LogAppendTime`.
    pub log_append_time_ms: Option<i64>,
}

/// One batch as its handles see it. The core's slot of the batch is free for the next one as soon as the outcome
/// is here; this stays for as long as handles refer to it.
#[derive(Debug)]
pub(crate) struct BatchState {
    /// Counts the batches in the order in which they were opened.
    sequence: u64,
    /// Of the batch, or of its first part if it was split.
    outcome: OnceLock<Outcome>,
    /// Of the further parts, in order.
    further: Mutex<Vec<Outcome>>,
    wakers: Mutex<Vec<Waker>>,
}

#[derive(Clone, Copy, Debug)]
struct Outcome {
    /// The first record that it is about, and the first one behind.
    records: (u32, u32),
    partition: Option<i32>,
    result: Result<Ack, DeliveryError>,
}

/// How many tasks may wait for the same batch before its list of wakers grows.
const WAKERS: usize = 8;

impl BatchState {
    fn new(sequence: u64) -> Self {
        let wakers = Mutex::new(Vec::with_capacity(WAKERS));
        Self { sequence, outcome: OnceLock::new(), further: Mutex::default(), wakers }
    }

    /// A state that is final from the start.
    pub(crate) fn failed(error: DeliveryError) -> Arc<Self> {
        let state = Self::new(0);
        state.fail(error);
        Arc::new(state)
    }

    pub(crate) const fn sequence(&self) -> u64 {
        self.sequence
    }

    pub(crate) fn complete(&self, delivery: &Delivery) {
        let end = delivery.first_index.saturating_add(delivery.records);
        // A split batch's last part, too, has no record behind it.
        let end = if delivery.is_last { u32::MAX } else { end };
        let Delivery { partition, result, first_index, .. } = *delivery;
        self.settle(Outcome { records: (first_index, end), partition, result });
    }

    pub(crate) fn fail(&self, error: DeliveryError) {
        self.settle(Outcome { records: (0, u32::MAX), partition: None, result: Err(error) });
    }

    fn settle(&self, outcome: Outcome) {
        // Core reports a record once; of two outcomes the first would be the one that somebody has seen.
        if let Err(further) = self.outcome.set(outcome) {
            self.further.lock().unwrap_or_else(PoisonError::into_inner).push(further);
        }
    }

    fn outcome_of(&self, index: u32) -> Option<Outcome> {
        let has = |outcome: &&Outcome| (outcome.records.0..outcome.records.1).contains(&index);
        let first = self.outcome.get()?;
        if has(&first) {
            return Some(*first);
        }
        self.further.lock().unwrap_or_else(PoisonError::into_inner).iter().find(has).copied()
    }

    /// Wakes all who wait for the outcome, which must be there. `scratch` is empty before and after.
    pub(crate) fn wake(&self, scratch: &mut Vec<Waker>) {
        // Not under the mutex: a waker is foreign code. Swapped, so that both lists keep their capacity.
        std::mem::swap(&mut *self.lock(), scratch);
        for waker in scratch.drain(..) {
            waker.wake();
        }
    }

    fn result_of(&self, index: u32) -> Option<Result<Delivered, DeliveryError>> {
        let outcome = self.outcome_of(index)?;
        let within = index.saturating_sub(outcome.records.0);
        Some(outcome.result.map(|ack| Delivered {
            partition: outcome.partition.unwrap_or(-1),
            offset: ack.base_offset.and_then(|base| base.checked_add(i64::from(within))),
            log_append_time_ms: ack.log_append_time_ms,
        }))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Waker>> {
        self.wakers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes this a new batch's; only possible once no handle is left.
    fn reset(&mut self, sequence: u64) {
        self.sequence = sequence;
        self.outcome.take();
        self.further.get_mut().unwrap_or_else(PoisonError::into_inner).clear();
        self.wakers.get_mut().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// States of batches that have their outcome, kept for reuse once their last handle is gone.
#[derive(Debug)]
pub(crate) struct Pool {
    retired: VecDeque<Arc<BatchState>>,
    kept_max: usize,
}

/// How many states are looked at for one that nobody holds any more. The oldest comes first, so that with
/// handles that live about equally long the first is free if any is.
const TRIES: usize = 4;

impl Pool {
    /// A pool with a state for each of `slots` batches, and as many for batches that are done but have handles.
    pub(crate) fn new(slots: usize) -> Self {
        let kept_max = slots.saturating_mul(4).saturating_add(64);
        let mut retired = VecDeque::with_capacity(kept_max);
        retired.resize_with(slots.saturating_mul(2), || Arc::new(BatchState::new(0)));
        Self { retired, kept_max }
    }

    /// A state for the batch with this sequence. Allocates only while handles hold all those that were tried.
    pub(crate) fn take(&mut self, sequence: u64) -> Arc<BatchState> {
        for _ in 0..TRIES {
            let Some(mut state) = self.retired.pop_front() else { break };
            if let Some(unshared) = Arc::get_mut(&mut state) {
                unshared.reset(sequence);
                return state;
            }
            self.retired.push_back(state);
        }
        Arc::new(BatchState::new(sequence))
    }

    /// Takes back a state whose outcome is set. Handles may still refer to it.
    pub(crate) fn put(&mut self, state: Arc<BatchState>) {
        if self.retired.len() >= self.kept_max {
            // Held for long by handles, or too many: the last handle frees it.
            self.retired.pop_front();
        }
        self.retired.push_back(state);
    }
}

/// Waits for what becomes of one record: `Ok(`[`Delivered`]`)`, or the [`DeliveryError`] why not. Final either
/// way.
///
/// May be dropped at any time: the record is sent all the same. May be kept for as long as you like: it holds
/// neither a place of the producer nor its memory, only a small state that all records of its batch share, and no
/// allocation is made per record. Further awaits (by `&mut`) give the same result.
///
/// ```no_run
/// # async fn show(producer: nanokafka_tokio::Producer, topic: nanokafka_tokio::Topic)
/// # -> Result<(), Box<dyn std::error::Error>> {
/// use nanokafka_tokio::Record;
///
/// let handle = producer.send(Record::new(topic, b"21.5")).await?;
/// let delivered = handle.await?;
/// println!("partition {} offset {:?}", delivered.partition, delivered.offset);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "await it for the outcome, or drop it to let the record go its way"]
pub struct DeliveryHandle {
    state: Arc<BatchState>,
    /// The record's place in its batch.
    index: u32,
    /// Where in the batch's list of wakers ours is: a handle that is polled often must not fill the list.
    registered: Option<u32>,
}

impl DeliveryHandle {
    pub(crate) const fn new(state: Arc<BatchState>, index: u32) -> Self {
        Self { state, index, registered: None }
    }

    /// The record's place in its batch.
    pub(crate) const fn index(&self) -> u32 {
        self.index
    }

    /// The outcome, if it is known by now.
    #[must_use]
    pub fn result(&self) -> Option<Result<Delivered, DeliveryError>> {
        self.state.result_of(self.index)
    }
}

impl Future for DeliveryHandle {
    type Output = Result<Delivered, DeliveryError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(result) = self.result() {
            return Poll::Ready(result);
        }
        let this = &mut *self;
        let mut wakers = this.state.lock();
        // The outcome is set before the list is emptied: who is not seen by that sees the outcome here.
        if let Some(result) = this.state.result_of(this.index) {
            return Poll::Ready(result);
        }
        match this.registered.and_then(|at| wakers.get_mut(at as usize)) {
            Some(waker) => waker.clone_from(cx.waker()),
            None => {
                this.registered = u32::try_from(wakers.len()).ok();
                wakers.push(cx.waker().clone());
            }
        }
        Poll::Pending
    }
}
