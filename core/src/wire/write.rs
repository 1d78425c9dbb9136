#[cfg(any(test, feature = "split"))]
use super::NoRoom;
use super::{copy, varint};

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

    /// The number of bytes that were written, if all were that should be.
    #[cfg(any(test, feature = "split"))]
    pub(crate) fn finish(&self) -> Result<usize, NoRoom> {
        if self.len > self.buf.len() { Err(NoRoom) } else { Ok(self.len) }
    }

    /// Leaves `len` bytes as they are, to be filled by the caller.
    pub(crate) fn skip(&mut self, len: usize) {
        self.len = self.len.saturating_add(len);
    }

    // On a device, one copy is enough.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        let at = self.len;
        self.skip(bytes.len());
        if let Some(out) = self.buf.get_mut(at..self.len) {
            copy(out, bytes);
        }
    }

    /// Writes one byte.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn byte(&mut self, byte: u8) {
        if let Some(place) = self.buf.get_mut(self.len) {
            *place = byte;
        }
        self.skip(1);
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
        writer.bytes(&[0xff, 0xfe]);
        assert_eq!(writer.finish(), Ok(2));
        writer.bytes(&[1, 2, 3, 4]);
        writer.byte(7);
        assert_eq!(writer.finish(), Err(NoRoom));
        assert_eq!(buf, [0xff, 0xfe, 0, 0, 0]);

        let mut writer = Writer::new(&mut buf);
        writer.skip(usize::MAX);
        assert_eq!(writer.finish(), Err(NoRoom));
        let mut writer = Writer::new(&mut buf);
        writer.skip(1);
        writer.bytes(&[0, 0, 0, 9]);
        assert_eq!(writer.finish(), Ok(5));
        assert_eq!(buf, [0xff, 0, 0, 0, 9]);
    }
}
