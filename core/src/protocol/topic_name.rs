use super::Sink;
use crate::wire::{Frame, equal};

/// Finds out which of our topics a name is that arrives in pieces, without keeping the name.
///
/// The candidate is the first topic that begins with the bytes seen so far. When it fails at some byte, the
/// bytes before are those of the candidate, so later topics can still be compared with them.
#[derive(Clone, Debug)]
pub(super) struct TopicMatch {
    len: u16,
    seen: u16,
    candidate: Option<u16>,
}

impl TopicMatch {
    pub(super) const NONE: Self = Self::of_none(0);

    /// A text of so many bytes that is no topic's name.
    pub(super) const fn of_none(len: u16) -> Self {
        Self { len, seen: 0, candidate: None }
    }

    /// A name of `len` bytes follows.
    pub(super) fn begin(&mut self, len: u16, names: &impl Sink) {
        *self = Self::of_none(len);
        self.candidate = self.find(0, &[], None, names);
    }

    /// Takes what is at hand of the name. Says whether that was the rest of it.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(super) fn take(&mut self, frame: &mut Frame<'_>, names: &impl Sink) -> bool {
        for byte in frame.take_up_to(self.left()) {
            if let Some(index) = self.candidate {
                let name = names.topic_name(index).map_or(&[][..], str::as_bytes);
                let prefix = name.get(..usize::from(self.seen)).unwrap_or(&[]);
                self.candidate = self.find(index, prefix, Some(*byte), names);
            }
            self.seen = self.seen.wrapping_add(1);
        }
        self.left() == 0
    }

    /// Bytes that have not gone by.
    pub(super) fn left(&self) -> usize {
        usize::from(self.len.wrapping_sub(self.seen))
    }

    /// So many more bytes have gone by. Says whether they were the rest.
    pub(super) fn pass(&mut self, bytes: usize) -> bool {
        self.seen = self.seen.wrapping_add(bytes as u16);
        self.left() == 0
    }

    /// The topic whose name has gone by, if it is one of ours.
    pub(super) fn topic(&self) -> Option<u16> {
        if self.left() == 0 { self.candidate } else { None }
    }

    fn find(&self, from: u16, prefix: &[u8], byte: Option<u8>, names: &impl Sink) -> Option<u16> {
        let mut index = from;
        loop {
            let name = names.topic_name(index)?.as_bytes();
            let fits = name.len() == usize::from(self.len)
                && name.get(..prefix.len()).is_some_and(|begin| equal(begin, prefix));
            if fits && (byte.is_none() || name.get(prefix.len()) == byte.as_ref()) {
                return Some(index);
            }
            index = index.checked_add(1)?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::produce;
    use super::*;
    use crate::wire::Stream;

    struct Names(&'static [&'static str]);
    impl Sink for Names {
        fn topic_name(&self, index: u16) -> Option<&'static str> {
            self.0.get(usize::from(index)).copied()
        }
        fn produced(&mut self, _: produce::Partition) {}
    }

    #[test]
    fn a_name_is_found_in_any_pieces_among_names_that_share_beginnings() {
        let names = Names(&["abc", "abd", "ab", "zbd", "abcdef", "abd2", ""]);
        for (index, name) in names.0.iter().enumerate() {
            for piece in 1..=name.len().max(1) {
                let mut found = TopicMatch::NONE;
                found.begin(name.len() as u16, &names);
                for bytes in name.as_bytes().chunks(piece) {
                    found.take(&mut Frame::new(&mut Stream::new(), bytes, bytes.len() as u32), &names);
                }
                assert_eq!(found.topic(), Some(index as u16), "{name}");
            }
        }
    }

    #[test]
    fn other_names_are_nobodys() {
        let names = Names(&["abc", "abd", "ab"]);
        for name in ["abe", "a", "abcd", "xbc", "bbd", "\u{e4}"] {
            let mut found = TopicMatch::NONE;
            found.begin(name.len() as u16, &names);
            assert!(
                found.take(&mut Frame::new(&mut Stream::new(), name.as_bytes(), name.len() as u32), &names)
            );
            assert_eq!(found.topic(), None, "{name}");
        }
        let mut half = TopicMatch::NONE;
        half.begin(3, &names);
        assert!(!half.take(&mut Frame::new(&mut Stream::new(), b"ab", 3), &names));
        assert_eq!(half.topic(), None);
    }
}
