//! The way of a record from its caller into core.

use std::sync::{Arc, MutexGuard};
use std::task::{Poll, Waker};

use nanokafka::{BatchId, DeliveryError, SendError, Ticket};

use super::{Shared, State};
use crate::outcome::{BatchState, DeliveryHandle};
use crate::record::Kept;
use crate::waiters::Place;

impl Shared {
    /// Gives a record to core. Without room: `Pending`, and `waker`, if given, is in line at `place`.
    #[inline]
    pub(crate) fn send(
        &self,
        record: &Kept<'_>,
        place: &mut Place,
        waker: Option<&Waker>,
    ) -> Poll<Result<DeliveryHandle, SendError>> {
        if record.topic.producer != self.id {
            return Poll::Ready(Err(SendError::UnknownTopic));
        }
        let record = record.to_core(|| self.clock.record_ms());
        let mut state = self.lock();
        if state.ended {
            return Poll::Ready(Err(SendError::Closed));
        }
        if !state.room.may_try(*place) {
            state.wait(place, waker, false);
            return Poll::Pending;
        }
        match state.core.with(|core| core.send_timed(|| self.clock.now(), &record)) {
            Ok(Ticket { batch, index, dropped }) => {
                // Nearly every record: one more in a batch that is open.
                let known = if index > 0 && *place == Place::NONE { state.batch(batch) } else { None };
                let batch = match known {
                    Some(known) => known,
                    None => accepted(state, Ticket { batch, index, dropped }, place),
                };
                Poll::Ready(Ok(DeliveryHandle::new(batch, index)))
            }
            Err(SendError::Full) => {
                full(state, place, waker);
                Poll::Pending
            }
            Err(error) => {
                refused(state, place);
                Poll::Ready(Err(error))
            }
        }
    }
}

/// What follows from a record that is not just one more of its batch; the batch's state.
// Out of the way of the other records. Its result is one register: through memory, they would pay for it, too.
#[cold]
#[inline(never)]
fn accepted(mut state: MutexGuard<'_, State>, ticket: Ticket, place: &mut Place) -> Arc<BatchState> {
    state.is_full_told = false;
    let dropped = ticket.dropped.and_then(|dropped| state.settle(&dropped));
    let mut driver = None;
    if ticket.index == 0 {
        state.freed.take_one();
        if !state.core.with(|core| core.is_behind_others(ticket.batch)) {
            // A new batch: its linger begins, and the one before it may be due.
            driver = state.driver.take();
        }
    }
    let batch = match state.batch(ticket.batch) {
        Some(known) => known,
        None => state.open_batch(ticket.batch),
    };
    // Others wait behind one that had closed the line, whatever room there is. Else the driver wakes them.
    let is_line_open = state.room.may_try(Place::NONE);
    let place = std::mem::replace(place, Place::NONE);
    let next = if is_line_open { None } else { state.room.pass_on(place) };
    state.room.leave(place);
    drop(state);
    driver.into_iter().chain(next).for_each(Waker::wake);
    if let Some(dropped) = dropped {
        dropped.wake(&mut Vec::new());
    }
    batch
}

/// A record waits for room, or for those before it.
#[cold]
#[inline(never)]
fn full(mut state: MutexGuard<'_, State>, place: &mut Place, waker: Option<&Waker>) {
    state.freed.take_all();
    let first = !std::mem::replace(&mut state.is_full_told, true);
    // The driver sees that memory is used up, and sends what is open.
    let driver = if first { state.driver.take() } else { None };
    state.wait(place, waker, true);
    drop(state);
    driver.into_iter().for_each(Waker::wake);
}

/// A record can never be sent.
#[cold]
#[inline(never)]
fn refused(mut state: MutexGuard<'_, State>, place: &mut Place) {
    let next = state.room.pass_on(std::mem::replace(place, Place::NONE));
    drop(state);
    next.into_iter().for_each(Waker::wake);
}

impl State {
    /// Puts a sender in line if it has a waker. `tried`: it has just found no room.
    fn wait(&mut self, place: &mut Place, waker: Option<&Waker>, tried: bool) {
        if let Some(waker) = waker {
            *place = self.room.wait(*place, waker, tried);
        }
    }

    /// The state that the handles of this batch share, if it has handles.
    #[inline]
    fn batch(&self, id: BatchId) -> Option<Arc<BatchState>> {
        match self.open.get(id.slot()) {
            Some(Some((open, state))) if *open == id => Some(state.clone()),
            Some(Some(_) | None) | None => None,
        }
    }

    /// The state of a batch that has no handle yet.
    fn open_batch(&mut self, id: BatchId) -> Arc<BatchState> {
        let Some(entry) = self.open.get_mut(id.slot()) else {
            // Core has no more slots than were lent; a handle that says so is better than a panic.
            return BatchState::failed(DeliveryError::Closed { maybe_written: true });
        };
        let state = self.pool.take(self.next_sequence);
        self.next_sequence = self.next_sequence.wrapping_add(1);
        *entry = Some((id, state.clone()));
        state
    }
}
