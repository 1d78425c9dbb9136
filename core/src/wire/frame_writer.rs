/// Writes the frame of a request, and keeps a window of it: what follows the bytes that were sent already, as far as the
/// lent head goes, or up to the end of the first batch. Whoever writes a frame writes it whole, again for each piece that
/// goes out, and remembers nothing of it but how much was sent.
pub(crate) struct FrameWriter<'h, 'b> {
    head: &'h mut [u8],
    body: &'b [u8],
    /// Where the next byte belongs, counted from the window's first; in front of the window it wraps, and fits nowhere.
    at: usize,
    sent: usize,
}

/// Where a number belongs that is known only later.
#[derive(Clone, Copy, Default)]
pub(crate) struct Place(usize);

/// What can be sent of a frame at once.
pub(crate) struct Window<'h, 'b> {
    pub(crate) head: &'h [u8],
    /// What follows the head.
    pub(crate) body: &'b [u8],
    /// Bytes from the window's beginning to the end of the frame.
    pub(crate) left: usize,
}

impl<'h, 'b> FrameWriter<'h, 'b> {
    /// A frame of which so many bytes were sent. It begins with a [`number`](Self::number), its length.
    pub(crate) fn new(head: &'h mut [u8], sent: u32) -> Self {
        let sent = sent as usize;
        Self { head, body: &[], at: 0usize.wrapping_sub(sent), sent }
    }

    /// What is to be sent next, of the frame that is now whole.
    pub(crate) fn finish(&mut self) -> Window<'_, 'b> {
        let left = self.at;
        let length_at = Place(0usize.wrapping_sub(self.sent));
        self.set(length_at, left.wrapping_add(self.sent).wrapping_sub(4));
        let head = &*self.head;
        Window { head: head.get(..left).unwrap_or(head), body: self.body, left }
    }

    // On a device, one copy is enough.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if let Some(place) = self.head.get_mut(self.at) {
                *place = *byte;
            }
            self.at = self.at.wrapping_add(1);
        }
    }

    /// A batch, which is not copied.
    pub(crate) fn batch(&mut self, bytes: &'b [u8]) {
        self.at = self.at.wrapping_add(bytes.len());
        let rest_len = self.at.min(bytes.len());
        let head_len = self.at.wrapping_sub(rest_len);
        // The first that was not wholly sent, if the head reaches as far. All others lie behind the head's end.
        if self.at.cast_signed() > 0 && head_len <= self.head.len() {
            let head = core::mem::take(&mut self.head);
            self.head = head.get_mut(..head_len).unwrap_or_default();
            self.body = bytes.get(bytes.len().wrapping_sub(rest_len)..).unwrap_or(&[]);
        }
    }

    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn i16(&mut self, value: i16) {
        self.bytes(&value.to_be_bytes());
    }

    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn i32(&mut self, value: i32) {
        self.bytes(&value.to_be_bytes());
    }

    /// STRING: length as i16, then UTF-8. Topics' names and client ids are checked when they are given to us, and are far
    /// shorter than an i16 can say.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn string(&mut self, value: &str) {
        self.i16(value.len() as i16);
        self.bytes(value.as_bytes());
    }

    /// NULLABLE_STRING that is null.
    pub(crate) fn null_string(&mut self) {
        self.i16(-1);
    }

    /// An i32 that is [`set`](Self::set) later: a length, or a number of elements.
    pub(crate) fn number(&mut self) -> Place {
        let place = Place(self.at);
        self.i32(0);
        place
    }

    /// Writes what belongs at a place. No frame is so long that it would not fit: its batches have at most half of what an
    /// i32 can say (`max_request_bytes`), or it has a single one.
    pub(crate) fn set(&mut self, place: Place, number: usize) {
        let end = core::mem::replace(&mut self.at, place.0);
        self.i32(number as i32);
        self.at = end;
    }
}

/// For tests: a whole frame, in pieces of `piece` bytes, each made from a head of `head` bytes.
#[cfg(test)]
pub(crate) fn in_pieces<'b>(
    head: usize,
    piece: usize,
    write: impl Fn(&mut FrameWriter<'_, 'b>),
) -> std::vec::Vec<u8> {
    let mut sent = std::vec::Vec::new();
    loop {
        let mut head = std::vec![0; head];
        let mut frame = FrameWriter::new(&mut head, sent.len() as u32);
        write(&mut frame);
        let Window { head, body, left } = frame.finish();
        let offered = [head, body].concat();
        assert!(!offered.is_empty() && offered.len() <= left);
        let taken = offered.len().min(piece);
        sent.extend(&offered[..taken]);
        if taken == left {
            return sent;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    fn write(out: &mut FrameWriter<'_, '_>) {
        out.number();
        let names_at = out.number();
        out.string("dev");
        out.null_string();
        out.batch(b"0123456789");
        out.set(names_at, 2);
        out.i32(7);
        out.batch(b"");
        out.batch(b"ab");
        out.i16(-2);
    }

    #[test]
    fn a_frame_is_the_same_in_pieces_of_any_size_and_from_heads_of_any_size() {
        let whole = b"\0\0\0\x1d\0\0\0\x02\0\x03dev\xff\xff0123456789\0\0\0\x07ab\xff\xfe";
        for head in 1..40 {
            for piece in 1..40 {
                assert_eq!(in_pieces(head, piece, write), whole, "{head} {piece}");
            }
        }
    }

    #[test]
    fn a_batch_is_offered_where_it_lies_behind_all_that_precedes_it() {
        let window = |sent| {
            let mut head = [0; 20];
            let mut frame = FrameWriter::new(&mut head, sent);
            write(&mut frame);
            let Window { head, body, left } = frame.finish();
            (Vec::from(head), body, left)
        };
        let (head, body, left) = window(0);
        assert_eq!((head.len(), body, left), (15, &b"0123456789"[..], 33));
        assert_eq!(window(14), (Vec::from([0xff]), &b"0123456789"[..], 19));
        assert_eq!(window(24), (Vec::new(), &b"9"[..], 9));
        assert_eq!(window(25), (Vec::from([0, 0, 0, 7]), &b"ab"[..], 8));
        assert_eq!(window(32), (Vec::from([0xfe]), &b""[..], 1));
    }
}
