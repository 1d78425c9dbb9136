//! Who waits for room, in the order of arrival.

use std::collections::VecDeque;
use std::task::Waker;

#[cfg(test)]
mod tests;

/// How often a waiter may be woken and find the room taken by others that came later, before nobody may pass it.
const LOSSES_MAX: u8 = 2;

/// Senders that found no room.
///
/// Whoever runs may take room, also past those who wait: a batch is filled by whoever is awake, and not at the
/// price of a task switch per record. But a waiter that has lost the race [`LOSSES_MAX`] times and is the first in
/// line closes the line until it had its turn, so each waiter is served in the end.
#[derive(Debug)]
pub(crate) struct Waiters {
    line: VecDeque<Waiter>,
    next: Place,
}

/// A place in the line; lesser ones came earlier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place(u64);

impl Place {
    /// Not in line.
    pub(crate) const NONE: Self = Self(u64::MAX);
}

#[derive(Debug)]
struct Waiter {
    place: Place,
    /// Taken when the waiter is woken.
    waker: Option<Waker>,
    losses: u8,
}

/// How many senders may wait before the line grows.
pub(crate) const LINE: usize = 64;

impl Default for Waiters {
    fn default() -> Self {
        Self { line: VecDeque::with_capacity(LINE), next: Place(0) }
    }
}

impl Waiters {
    /// Whether the sender at this place, or a new one, may try now.
    pub(crate) fn may_try(&self, place: Place) -> bool {
        match self.line.front() {
            Some(first) if first.losses >= LOSSES_MAX => place == first.place,
            Some(_) | None => true,
        }
    }

    /// Puts a sender in line, or keeps its place, to be woken with `waker`. `tried`: it has just found no room.
    pub(crate) fn wait(&mut self, place: Place, waker: &Waker, tried: bool) -> Place {
        if let Some(waiter) = self.find(place).and_then(|at| self.line.get_mut(at)) {
            match &mut waiter.waker {
                Some(kept) => kept.clone_from(waker),
                None => {
                    waiter.losses = waiter.losses.saturating_add(u8::from(tried));
                    waiter.waker = Some(waker.clone());
                }
            }
            return waiter.place;
        }
        let place = self.next;
        self.next = Place(place.0.wrapping_add(1));
        self.line.push_back(Waiter { place, waker: Some(waker.clone()), losses: 0 });
        place
    }

    /// Takes a sender out of the line, if it is there: it was served, or gave up.
    pub(crate) fn leave(&mut self, place: Place) {
        if let Some(at) = self.find(place) {
            self.line.remove(at);
        }
    }

    /// As [`leave`](Self::leave), for one that has perhaps not used the room for which it was woken: who is to be woken
    /// for that instead.
    pub(crate) fn pass_on(&mut self, place: Place) -> Option<Waker> {
        self.find(place).and_then(|at| self.line.remove(at))?;
        self.line.iter_mut().find_map(|waiter| waiter.waker.take())
    }

    /// Whether anybody waits who was not woken yet.
    pub(crate) fn is_anybody_asleep(&self) -> bool {
        self.line.iter().any(|waiter| waiter.waker.is_some())
    }

    /// Hands the wakers of the first `count` who were not woken yet to `wake`.
    pub(crate) fn wake(&mut self, count: usize, wake: impl FnMut(Waker)) {
        self.line.iter_mut().filter_map(|waiter| waiter.waker.take()).take(count).for_each(wake);
    }

    fn find(&self, place: Place) -> Option<usize> {
        self.line.binary_search_by_key(&place, |waiter| waiter.place).ok()
    }
}
