//! Lists that run through the batch slots: no memory of their own besides two links.

use super::slot::{BatchSlot, Batches, Phase};

/// No slot's number: there are fewer.
pub(super) const NONE: u16 = u16::MAX;

/// A slot's number, or [`NONE`], which is all zero here, so that lent memory can lie in `.bss`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Link(u16);

impl Link {
    pub(super) const NONE: Self = Self(0);

    pub(super) fn to(index: u16) -> Self {
        Self(index.wrapping_add(1))
    }

    pub(super) fn get(self) -> u16 {
        self.0.wrapping_sub(1)
    }
}

/// First and last of a list of slots.
#[derive(Clone, Copy, Debug)]
pub(super) struct List {
    head: Link,
    tail: Link,
}

impl List {
    pub(super) const fn new() -> Self {
        Self { head: Link::NONE, tail: Link::NONE }
    }

    pub(super) fn first(&self) -> u16 {
        self.head.get()
    }

    pub(super) fn last(&self) -> u16 {
        self.tail.get()
    }
}

impl BatchSlot {
    /// Puts this slot, which has this number and is in no list, on top of the free.
    pub(super) fn free(&mut self, index: u16, free: &mut Link) {
        self.phase = Phase::Free;
        self.next = core::mem::replace(free, Link::to(index));
    }
}

impl Batches<'_> {
    /// The slot behind this one in its list.
    pub(super) fn next(&self, index: u16) -> u16 {
        self.get(index).next.get()
    }

    /// Puts a slot that is in no list at the end of this one.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(super) fn push_back(&mut self, list: &mut List, index: u16) {
        let last = list.last();
        list.tail = Link::to(index);
        self.set_behind(list, last, list.tail);
    }

    /// Takes a slot out of the list; does nothing when it is not in it.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(super) fn remove(&mut self, list: &mut List, index: u16) {
        let mut before = NONE;
        let mut at = list.first();
        while at != index {
            if at == NONE {
                return;
            }
            before = at;
            at = self.next(at);
        }
        let Some(batch) = self.get_mut(index) else { return };
        let next = core::mem::replace(&mut batch.next, Link::NONE);
        self.set_behind(list, before, next);
        if next == Link::NONE {
            list.tail = Link::to(before);
        }
    }

    /// What comes behind `before`; with none, the first of the list.
    fn set_behind(&mut self, list: &mut List, before: u16, next: Link) {
        match self.get_mut(before) {
            Some(before) => before.next = next,
            None => list.head = next,
        }
    }
}
