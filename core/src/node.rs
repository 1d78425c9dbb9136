//! Who a connection leads to.

/// A broker's id, an address of `bootstrap` while its broker has not told its id, or none. All zero is none: lent
/// memory must be all zero to lie in `.bss`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Node(u32);

impl Node {
    pub(crate) const NONE: Self = Self(0);

    /// The broker with this id. One below 0 says that there is none.
    pub(crate) const fn broker(id: i32) -> Self {
        if id < 0 { Self::NONE } else { Self(id.cast_unsigned() | 1 << 31) }
    }

    /// The address at this place of `bootstrap`.
    pub(crate) const fn bootstrap(index: usize) -> Self {
        Self((index as u32 & !(1 << 31)).wrapping_add(1))
    }

    pub(crate) fn is_none(self) -> bool {
        self == Self::NONE
    }

    /// The place in `bootstrap`, if it is such an address.
    pub(crate) const fn bootstrap_index(self) -> Option<usize> {
        if self.0 == 0 || self.0 >> 31 == 1 { None } else { Some(self.0.wrapping_sub(1) as usize) }
    }

    /// For logs and digests; no two nodes have the same.
    pub(crate) const fn raw(self) -> u32 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brokers_and_addresses_are_never_taken_for_each_other() {
        assert_eq!(Node::broker(-1), Node::NONE);
        for (node, place) in
            [(Node::broker(0), None), (Node::broker(i32::MAX), None), (Node::bootstrap(0), Some(0))]
        {
            assert!(!node.is_none());
            assert_eq!(node.bootstrap_index(), place);
        }
        assert_eq!(Node::bootstrap(7).bootstrap_index(), Some(7));
        assert_eq!(Node::NONE.bootstrap_index(), None);
    }
}
