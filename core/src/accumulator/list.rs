//! Lists that run through the batch slots: no memory of their own besides two links.

use super::slot::Batches;

/// A slot's number, or none. None is all zero, so that lent memory can lie in `.bss`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Link(u16);

impl Link {
    pub(super) const NONE: Self = Self(0);

    fn to(index: u16) -> Self {
        Self(index.wrapping_add(1))
    }

    pub(super) fn get(self) -> Option<u16> {
        self.0.checked_sub(1)
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

    pub(super) fn first(&self) -> Option<u16> {
        self.head.get()
    }

    pub(super) fn last(&self) -> Option<u16> {
        self.tail.get()
    }

    pub(super) fn has_several(&self) -> bool {
        self.head != self.tail
    }
}

impl Batches<'_> {
    fn next_link(&self, index: u16) -> Link {
        self.get(index).next
    }

    pub(super) fn next(&self, index: u16) -> Option<u16> {
        self.next_link(index).get()
    }

    fn set_next(&mut self, index: u16, next: Link) {
        if let Some(batch) = self.get_mut(index) {
            batch.next = next;
        }
    }

    #[cfg_attr(target_os = "none", inline(never))]
    pub(super) fn push_back(&mut self, list: &mut List, index: u16) {
        self.insert(list, list.last(), index);
    }

    pub(super) fn push_front(&mut self, list: &mut List, index: u16) {
        self.insert(list, None, index);
    }

    #[cfg_attr(target_os = "none", inline(never))]
    pub(super) fn pop_front(&mut self, list: &mut List) -> Option<u16> {
        let first = list.first()?;
        self.unlink(list, None, first);
        Some(first)
    }

    /// Takes `index` out of the list; does nothing when it is not in it.
    pub(super) fn remove(&mut self, list: &mut List, index: u16) {
        let mut before = None;
        let mut at = list.first();
        while let Some(candidate) = at {
            if candidate == index {
                self.unlink(list, before, index);
                return;
            }
            before = at;
            at = self.next(candidate);
        }
    }

    /// Puts `index` in front of the first that is younger: batches keep the order of their creation.
    pub(super) fn insert_by_age(&mut self, list: &mut List, index: u16) {
        let age = self.id(index).generation();
        let is_younger =
            |other: u16, batches: &Self| (batches.id(other).generation().wrapping_sub(age) as i32) > 0;
        let mut before = None;
        let mut at = list.first();
        while let Some(other) = at {
            if is_younger(other, self) {
                break;
            }
            before = at;
            at = self.next(other);
        }
        self.insert(list, before, index);
    }

    /// Puts `index` behind `before`; with none, at the front.
    fn insert(&mut self, list: &mut List, before: Option<u16>, index: u16) {
        let next = before.map_or(list.head, |before| self.next_link(before));
        self.set_next(index, next);
        self.set_behind(list, before, Link::to(index));
        if next == Link::NONE {
            list.tail = Link::to(index);
        }
    }

    fn unlink(&mut self, list: &mut List, before: Option<u16>, index: u16) {
        let next = self.next_link(index);
        self.set_behind(list, before, next);
        if next == Link::NONE {
            list.tail = before.map_or(Link::NONE, Link::to);
        }
        self.set_next(index, Link::NONE);
    }

    /// What comes behind `before`; with none, the first of the list.
    fn set_behind(&mut self, list: &mut List, before: Option<u16>, next: Link) {
        match before {
            Some(before) => self.set_next(before, next),
            None => list.head = next,
        }
    }
}
