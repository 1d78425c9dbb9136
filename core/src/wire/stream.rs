use super::Malformed;

/// The bytes of one response frame as they arrive: a piece to read from, and how much of the frame is left.
///
/// Every read is checked against what the frame has left, so a length inside it can never reach beyond it.
pub(crate) struct Frame<'a> {
    piece: &'a [u8],
    left: u32,
}

impl<'a> Frame<'a> {
    /// `left` counts the bytes of the frame that have not been read, those of `piece` among them.
    pub(crate) fn new(piece: &'a [u8], left: u32) -> Self {
        let within = piece.get(..left as usize).unwrap_or(piece);
        Self { piece: within, left }
    }

    /// Bytes of the frame that have not been read yet, arrived or not.
    pub(crate) fn left(&self) -> u32 {
        self.left
    }

    /// The bytes at hand that have not been read.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.piece
    }

    /// No byte is at hand: the next piece is needed.
    #[cfg(test)]
    pub(crate) fn is_starved(&self) -> bool {
        self.piece.is_empty()
    }

    /// As many bytes as are at hand, at most `max`.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn take_up_to(&mut self, max: usize) -> &'a [u8] {
        let (taken, rest) = self.piece.split_at_checked(max).unwrap_or((self.piece, &[]));
        self.piece = rest;
        self.left = self.left.saturating_sub(taken.len() as u32);
        taken
    }
}

/// Puts an integer together whose bytes may arrive one by one. Holds at most 8 bytes between pieces.
#[derive(Clone, Debug)]
pub(crate) struct Stream {
    partial: [u8; 8],
    have: u8,
}

impl Stream {
    pub(crate) const fn new() -> Self {
        Self { partial: [0; 8], have: 0 }
    }

    /// The next `N` bytes, or `None` while some are missing. An error when the frame ends before them.
    pub(crate) fn array<const N: usize>(
        &mut self,
        frame: &mut Frame<'_>,
    ) -> Result<Option<[u8; N]>, Malformed> {
        const { assert!(N <= 8) };
        if self.gather(N, frame)? { Ok(self.partial.first_chunk::<N>().copied()) } else { Ok(None) }
    }

    /// Takes bytes until there are `wanted`. Says whether there are. One function for all widths.
    fn gather(&mut self, wanted: usize, frame: &mut Frame<'_>) -> Result<bool, Malformed> {
        let have = usize::from(self.have);
        let missing = wanted.saturating_sub(have);
        if (frame.left() as usize) < missing {
            return Err(Malformed);
        }
        let taken = frame.take_up_to(missing);
        let end = have.saturating_add(taken.len());
        self.partial.get_mut(have..end).ok_or(Malformed)?.copy_from_slice(taken);
        let whole = end >= wanted;
        self.have = if whole { 0 } else { end as u8 };
        Ok(whole)
    }

    pub(crate) fn i16(&mut self, frame: &mut Frame<'_>) -> Result<Option<i16>, Malformed> {
        Ok(self.array(frame)?.map(i16::from_be_bytes))
    }

    pub(crate) fn i32(&mut self, frame: &mut Frame<'_>) -> Result<Option<i32>, Malformed> {
        Ok(self.array(frame)?.map(i32::from_be_bytes))
    }

    pub(crate) fn i64(&mut self, frame: &mut Frame<'_>) -> Result<Option<i64>, Malformed> {
        Ok(self.array(frame)?.map(i64::from_be_bytes))
    }

    /// An array's element count; null (-1) is an empty array. `element_bytes_min` is the least that one element
    /// takes: a count whose elements cannot fit into what is left of the frame is refused.
    pub(crate) fn count(
        &mut self,
        frame: &mut Frame<'_>,
        element_bytes_min: u32,
    ) -> Result<Option<u32>, Malformed> {
        let Some(count) = self.i32(frame)? else { return Ok(None) };
        if count == -1 {
            return Ok(Some(0));
        }
        let count = u32::try_from(count).map_err(|_| Malformed)?;
        match count.checked_mul(element_bytes_min) {
            Some(bytes) if bytes <= frame.left() => Ok(Some(count)),
            Some(_) | None => Err(Malformed),
        }
    }

    /// A STRING's length, checked against what is left of the frame; null (-1) is refused.
    pub(crate) fn string_len(&mut self, frame: &mut Frame<'_>) -> Result<Option<u32>, Malformed> {
        let Some(len) = self.i16(frame)? else { return Ok(None) };
        let len = u32::try_from(len).map_err(|_| Malformed)?;
        if len <= frame.left() { Ok(Some(len)) } else { Err(Malformed) }
    }

    /// A NULLABLE_STRING's length, as [`string_len`](Self::string_len), with null as 0.
    pub(crate) fn nullable_string_len(&mut self, frame: &mut Frame<'_>) -> Result<Option<u32>, Malformed> {
        let Some(len) = self.i16(frame)? else { return Ok(None) };
        let len = if len == -1 { 0 } else { u32::try_from(len).map_err(|_| Malformed)? };
        if len <= frame.left() { Ok(Some(len)) } else { Err(Malformed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed_one_by_one<T>(
        bytes: &[u8],
        mut read: impl FnMut(&mut Stream, &mut Frame<'_>) -> Result<Option<T>, Malformed>,
    ) -> Result<Option<T>, Malformed> {
        let mut stream = Stream::new();
        let mut left = bytes.len() as u32;
        for byte in bytes {
            let mut frame = Frame::new(core::slice::from_ref(byte), left);
            if let Some(value) = read(&mut stream, &mut frame)? {
                return Ok(Some(value));
            }
            left -= 1;
        }
        Ok(None)
    }

    #[test]
    fn integers_survive_being_cut_between_any_two_bytes() {
        assert_eq!(feed_one_by_one(&[0x12, 0x34], Stream::i16), Ok(Some(0x1234)));
        assert_eq!(feed_one_by_one(&[0xff, 0xff, 0xff, 0xfe], Stream::i32), Ok(Some(-2)));
        assert_eq!(feed_one_by_one(&[0, 0, 0, 0, 0, 0, 1, 0], Stream::i64), Ok(Some(256)));
    }

    #[test]
    fn a_frame_that_ends_inside_an_integer_is_malformed() {
        let mut stream = Stream::new();
        assert_eq!(stream.i32(&mut Frame::new(&[1, 2, 3], 3)), Err(Malformed));
        let mut stream = Stream::new();
        assert_eq!(stream.i32(&mut Frame::new(&[1], 4)), Ok(None));
        assert_eq!(stream.i32(&mut Frame::new(&[2], 2)), Err(Malformed));
    }

    #[test]
    fn counts_and_lengths_beyond_the_frame_are_malformed() {
        let count = |bytes: [u8; 4], left| Stream::new().count(&mut Frame::new(&bytes, left), 6);
        assert_eq!(count([0, 0, 0, 2], 16), Ok(Some(2)));
        assert_eq!(count([0, 0, 0, 2], 15), Err(Malformed));
        assert_eq!(count([0x7f, 0xff, 0xff, 0xff], u32::MAX), Err(Malformed));
        assert_eq!(count([0xff, 0xff, 0xff, 0xff], 4), Ok(Some(0)));
        assert_eq!(count([0xff, 0xff, 0xff, 0xfe], 4), Err(Malformed));
        assert_eq!(Stream::new().string_len(&mut Frame::new(&[0, 5], 6)), Err(Malformed));
        assert_eq!(Stream::new().string_len(&mut Frame::new(&[0xff, 0xff], 6)), Err(Malformed));
        assert_eq!(Stream::new().nullable_string_len(&mut Frame::new(&[0xff, 0xff], 6)), Ok(Some(0)));
    }

    #[test]
    fn a_piece_longer_than_the_frame_is_cut_at_the_frame() {
        let mut frame = Frame::new(&[1, 2, 3, 4], 2);
        assert_eq!(frame.take_up_to(10), &[1, 2]);
        assert!(frame.is_starved());
        assert_eq!(frame.left(), 0);
    }
}
