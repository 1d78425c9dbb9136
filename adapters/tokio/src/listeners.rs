//! Who waits for a flush or for the end.

use std::task::Waker;

/// What somebody waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// Every batch with a lesser sequence has its outcome.
    Before(u64),
    /// The driver has ended.
    End,
}

impl Target {
    /// `oldest_open`: the least sequence of a batch without an outcome.
    pub(crate) const fn is_reached(self, oldest_open: u64, ended: bool) -> bool {
        match self {
            Self::Before(sequence) => ended || oldest_open >= sequence,
            Self::End => ended,
        }
    }
}

/// A handful of callers at most: flush and close are rare.
#[derive(Debug)]
pub(crate) struct Listeners {
    list: Vec<Listener>,
    next_key: u64,
}

#[derive(Debug)]
struct Listener {
    key: u64,
    target: Target,
    waker: Waker,
}

impl Default for Listeners {
    fn default() -> Self {
        Self { list: Vec::with_capacity(8), next_key: 0 }
    }
}

impl Listeners {
    pub(crate) const fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Wakes `waker` once when the target is reached; with the key of an earlier call, instead of that one's.
    pub(crate) fn wait(&mut self, key: Option<u64>, target: Target, waker: &Waker) -> u64 {
        if let Some(known) = self.list.iter_mut().find(|listener| Some(listener.key) == key) {
            known.waker.clone_from(waker);
            return known.key;
        }
        let key = self.next_key;
        self.next_key = key.wrapping_add(1);
        self.list.push(Listener { key, target, waker: waker.clone() });
        key
    }

    pub(crate) fn forget(&mut self, key: u64) {
        self.list.retain(|listener| listener.key != key);
    }

    pub(crate) fn fire(&mut self, oldest_open: u64, ended: bool, mut wake: impl FnMut(Waker)) {
        for listener in self.list.extract_if(.., |listener| listener.target.is_reached(oldest_open, ended)) {
            wake(listener.waker);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_woken_once_its_own_target_is_reached() {
        let mut listeners = Listeners::default();
        let woken = |listeners: &mut Listeners, oldest, ended| {
            let mut count = 0;
            listeners.fire(oldest, ended, |_| count += 1);
            count
        };
        let first = listeners.wait(None, Target::Before(5), Waker::noop());
        assert_eq!(listeners.wait(Some(first), Target::Before(5), Waker::noop()), first);
        listeners.wait(None, Target::Before(9), Waker::noop());
        listeners.wait(None, Target::End, Waker::noop());
        let gone = listeners.wait(None, Target::End, Waker::noop());
        listeners.forget(gone);
        assert_eq!(woken(&mut listeners, 4, false), 0);
        assert_eq!(woken(&mut listeners, 5, false), 1);
        assert_eq!(woken(&mut listeners, u64::MAX, false), 1);
        assert_eq!(woken(&mut listeners, u64::MAX, true), 1);
        assert!(listeners.is_empty());
    }
}
