use super::{Malformed, Wide};

/// An integer whose bytes arrive one by one, between two pieces.
#[derive(Clone, Debug)]
pub(crate) struct Stream {
    value: Wide,
    skip: u32,
    have: u8,
}

impl Stream {
    pub(crate) const fn new() -> Self {
        Self { value: Wide::ZERO, have: 0, skip: 0 }
    }
}

/// The bytes of one response frame as they arrive: a piece to read from, and how much of the frame is left.
///
/// Every read is checked against what the frame has left, so a length inside it can never reach beyond it.
pub(crate) struct Frame<'a> {
    stream: &'a mut Stream,
    piece: &'a [u8],
    left: u32,
}

impl<'a> Frame<'a> {
    /// `left` counts the bytes of the frame that have not been read, those of `piece` among them. `stream` has what
    /// was begun of an integer in the piece before.
    pub(crate) fn new(stream: &'a mut Stream, piece: &'a [u8], left: u32) -> Self {
        let within = piece.get(..left as usize).unwrap_or(piece);
        Self { stream, piece: within, left }
    }

    /// Bytes of the frame that have not been read yet, arrived or not.
    pub(crate) fn left(&self) -> u32 {
        self.left
    }

    /// No byte is at hand: the next piece is needed.
    #[cfg(test)]
    pub(crate) fn is_starved(&self) -> bool {
        self.piece.is_empty()
    }

    /// An array's element count, or the length of a NULLABLE_STRING with `element_bytes_min` of 1; null (-1) is 0.
    /// `element_bytes_min` is the least that one element takes: what cannot fit into the rest of the frame is refused.
    #[inline(never)]
    pub(crate) fn count(&self, count: i64, element_bytes_min: u32) -> Result<u32, Malformed> {
        let count = if count == -1 { 0 } else { u32::try_from(count).map_err(|_| Malformed)? };
        match count.checked_mul(element_bytes_min) {
            Some(bytes) if bytes <= self.left => Ok(count),
            Some(_) | None => Err(Malformed),
        }
    }

    /// A STRING's length: as [`count`](Self::count), but null is refused.
    pub(crate) fn string_len(&self, len: i64) -> Result<u16, Malformed> {
        if len < 0 { Err(Malformed) } else { self.count(len, 1).map(|len| len as u16) }
    }

    /// As many bytes as are at hand, at most `max`.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn take_up_to(&mut self, max: usize) -> &'a [u8] {
        let (taken, rest) = self.piece.split_at_checked(max).unwrap_or((self.piece, &[]));
        self.piece = rest;
        self.left = self.left.wrapping_sub(taken.len() as u32);
        taken
    }

    /// Passes over elements that nobody needs before the next integer: so many as [`count`](Self::count) allows.
    #[inline(never)]
    pub(crate) fn skip(&mut self, count: i64, element_bytes: u32) -> Result<(), Malformed> {
        self.stream.skip = self.count(count, element_bytes)?.wrapping_mul(element_bytes);
        Ok(())
    }

    /// The next signed integer of `width` bytes, at most 8, or `None` while some are missing. An error when the frame
    /// ends before them. One of no bytes is 0.
    // One function for all widths, with one caller in each decoder: its result is looked at only there.
    #[inline(never)]
    pub(crate) fn integer(&mut self, width: u8) -> Result<Option<i64>, Malformed> {
        let passed = self.take_up_to(self.stream.skip as usize).len() as u32;
        self.stream.skip = self.stream.skip.wrapping_sub(passed);
        if self.stream.skip > 0 {
            return if self.stream.skip > self.left { Err(Malformed) } else { Ok(None) };
        }
        let missing = width.wrapping_sub(self.stream.have);
        if self.left < u32::from(missing) {
            return Err(Malformed);
        }
        for byte in self.take_up_to(usize::from(missing)) {
            // The first byte has the sign.
            let byte = if self.stream.have == 0 { i64::from(byte.cast_signed()) } else { i64::from(*byte) };
            self.stream.value = Wide::new((self.stream.value.get() << 8) | byte);
            self.stream.have = self.stream.have.wrapping_add(1);
        }
        if self.stream.have < width {
            return Ok(None);
        }
        self.stream.have = 0;
        Ok(Some(core::mem::replace(&mut self.stream.value, Wide::ZERO).get()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed_one_by_one<T>(
        bytes: &[u8],
        mut stream: Stream,
        mut read: impl FnMut(&mut Frame<'_>) -> Result<Option<T>, Malformed>,
    ) -> Result<Option<T>, Malformed> {
        let mut left = bytes.len() as u32;
        for byte in bytes {
            let mut frame = Frame::new(&mut stream, core::slice::from_ref(byte), left);
            if let Some(value) = read(&mut frame)? {
                return Ok(Some(value));
            }
            left -= 1;
        }
        Ok(None)
    }

    #[test]
    fn integers_survive_being_cut_between_any_two_bytes() {
        for (bytes, value) in [
            (&[0x12, 0x34][..], 0x1234),
            (&[0xff, 0x80], -128),
            (&[0, 0xff], 255),
            (&[0xff, 0xff, 0xff, 0xfe], -2),
            (&[0, 0, 0, 0, 0, 0, 1, 0], 256),
            (&[0x80, 0, 0, 0, 0, 0, 0, 0], i64::MIN),
        ] {
            let read = |frame: &mut Frame<'_>| frame.integer(bytes.len() as u8);
            assert_eq!(feed_one_by_one(bytes, Stream::new(), read), Ok(Some(value)));
        }
    }

    #[test]
    fn an_integer_has_nothing_of_the_one_before_and_one_of_no_bytes_is_zero() {
        let mut stream = Stream::new();
        let mut frame = Frame::new(&mut stream, &[0xff, 0xfe, 0, 1], 4);
        assert_eq!(frame.integer(2), Ok(Some(-2)));
        assert_eq!(frame.integer(0), Ok(Some(0)));
        assert_eq!(frame.integer(2), Ok(Some(1)));
    }

    #[test]
    fn bytes_that_nobody_needs_are_passed_over_in_pieces_but_not_beyond_the_frame() {
        let skipping = Stream { skip: 3, ..Stream::new() };
        assert_eq!(feed_one_by_one(&[9, 9, 9, 5], skipping.clone(), |frame| frame.integer(1)), Ok(Some(5)));
        assert_eq!(Frame::new(&mut skipping.clone(), &[9], 2).integer(1), Err(Malformed));
    }

    #[test]
    fn a_frame_that_ends_inside_an_integer_is_malformed() {
        let mut stream = Stream::new();
        assert_eq!(Frame::new(&mut stream, &[1, 2, 3], 3).integer(4), Err(Malformed));
        let mut stream = Stream::new();
        assert_eq!(Frame::new(&mut stream, &[1], 4).integer(4), Ok(None));
        assert_eq!(Frame::new(&mut stream, &[2], 2).integer(4), Err(Malformed));
    }

    #[test]
    fn counts_and_lengths_beyond_the_frame_are_malformed() {
        let count = |count, left| Frame::new(&mut Stream::new(), &[], left).count(count, 6);
        assert_eq!(count(2, 12), Ok(2));
        assert_eq!(count(2, 11), Err(Malformed));
        assert_eq!(count(i64::from(i32::MAX), u32::MAX), Err(Malformed));
        assert_eq!(count(-1, 0), Ok(0));
        assert_eq!(count(-2, 4), Err(Malformed));
        assert_eq!(Frame::new(&mut Stream::new(), &[], 5).string_len(5), Ok(5));
        assert_eq!(Frame::new(&mut Stream::new(), &[], 4).string_len(5), Err(Malformed));
        assert_eq!(Frame::new(&mut Stream::new(), &[], 4).string_len(-1), Err(Malformed));
    }

    #[test]
    fn a_piece_longer_than_the_frame_is_cut_at_the_frame() {
        let mut stream = Stream::new();
        let mut frame = Frame::new(&mut stream, &[1, 2, 3, 4], 2);
        assert_eq!(frame.take_up_to(10), &[1, 2]);
        assert!(frame.is_starved());
        assert_eq!(frame.left(), 0);
    }
}
