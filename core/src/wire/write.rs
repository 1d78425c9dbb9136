use super::{NoRoom, copy, varint};

/// Writes primitives one after another into a slice. From the first that does not fit on it writes nothing more but goes
/// on counting, and [`finish`](Self::finish) says so: one question at the end is less code than one after each field, and
/// without a slice it measures.
pub(crate) struct Writer<'a> {
    buf: &'a mut [u8],
    len: usize,
}

impl<'a> Writer<'a> {
    pub(crate) fn new(buf: &'a mut [u8]) -> Self {
        Self { buf, len: 0 }
    }

    /// Bytes written so far, those among them that did not fit.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Bytes that can still be written.
    pub(crate) fn room(&self) -> usize {
        self.buf.len().saturating_sub(self.len)
    }

    /// The number of bytes that were written, if all were that should be.
    pub(crate) fn finish(&self) -> Result<usize, NoRoom> {
        if self.len > self.buf.len() { Err(NoRoom) } else { Ok(self.len) }
    }

    /// Leaves `len` bytes as they are, to be filled by the caller.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn skip(&mut self, len: usize) {
        self.len = self.len.saturating_add(len);
    }

    // On a device, one copy is enough.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        let at = self.len;
        self.skip(bytes.len());
        if let Some(out) = self.buf.get_mut(at..self.len) {
            copy(out, bytes);
        }
    }

    /// Writes one byte.
    pub(crate) fn byte(&mut self, byte: u8) {
        if let Some(place) = self.buf.get_mut(self.len) {
            *place = byte;
        }
        self.skip(1);
    }

    pub(crate) fn i8(&mut self, value: i8) {
        self.byte(value as u8);
    }

    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn i16(&mut self, value: i16) {
        self.bytes(&value.to_be_bytes());
    }

    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn i32(&mut self, value: i32) {
        self.bytes(&value.to_be_bytes());
    }

    /// An array's or byte string's length.
    pub(crate) fn len32(&mut self, len: usize) {
        match i32::try_from(len) {
            Ok(len) => self.i32(len),
            Err(_) => self.skip(usize::MAX),
        }
    }

    /// STRING: length as i16, then UTF-8.
    pub(crate) fn string(&mut self, value: &str) {
        match i16::try_from(value.len()) {
            Ok(len) => self.i16(len),
            Err(_) => self.skip(usize::MAX),
        }
        self.bytes(value.as_bytes());
    }

    /// NULLABLE_STRING that is null.
    pub(crate) fn null_string(&mut self) {
        self.i16(-1);
    }

    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn varint(&mut self, value: i32) {
        self.groups(((value << 1) ^ (value >> 31)) as u32);
    }

    pub(crate) fn varlong(&mut self, value: i64) {
        let mut rest = varint::zigzag(value);
        // Nearly never: a small device has no 64-bit shifts.
        while rest >> 28 != 0 {
            self.byte(rest as u8 | 0x80);
            rest >>= 7;
        }
        self.groups(rest as u32);
    }

    /// Seven-bit groups, the lowest first.
    #[cfg_attr(target_os = "none", inline(never))]
    fn groups(&mut self, mut rest: u32) {
        while rest >= 0x80 {
            self.byte(rest as u8 | 0x80);
            rest >>= 7;
        }
        self.byte(rest as u8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn from_the_first_that_does_not_fit_on_nothing_is_written() {
        let mut buf = [0; 5];
        let mut writer = Writer::new(&mut buf);
        writer.i16(-2);
        assert_eq!((writer.finish(), writer.room()), (Ok(2), 3));
        writer.i32(0x0102_0304);
        writer.i8(7);
        assert_eq!((writer.finish(), writer.room()), (Err(NoRoom), 0));
        assert_eq!(buf, [0xff, 0xfe, 0, 0, 0]);

        let mut writer = Writer::new(&mut buf);
        writer.skip(usize::MAX);
        assert_eq!(writer.finish(), Err(NoRoom));
        let mut writer = Writer::new(&mut buf);
        writer.skip(1);
        writer.i32(9);
        assert_eq!(writer.finish(), Ok(5));
        assert_eq!(buf, [0xff, 0, 0, 0, 9]);
    }

    #[test]
    fn a_length_that_its_field_cannot_hold_is_refused() {
        let mut buf = [0; 8];
        let mut writer = Writer::new(&mut buf);
        writer.len32(i32::MAX as usize);
        assert_eq!(writer.finish(), Ok(4));
        writer.len32(i32::MAX as usize + 1);
        assert_eq!(writer.finish(), Err(NoRoom));
        let long = "x".repeat(i16::MAX as usize + 1);
        let mut buf = vec![0; long.len() + 2];
        let mut writer = Writer::new(&mut buf);
        writer.string(&long);
        assert_eq!(writer.finish(), Err(NoRoom));
    }

    #[test]
    fn strings_carry_their_length_and_null_is_minus_one() {
        let mut buf = [0; 7];
        let mut writer = Writer::new(&mut buf);
        writer.string("dev");
        writer.null_string();
        assert_eq!(writer.finish(), Ok(7));
        assert_eq!(buf, [0, 3, b'd', b'e', b'v', 0xff, 0xff]);
    }
}
