use super::{NoRoom, varint};

/// Writes primitives one after another into a slice; refuses what does not fit, and then has written nothing.
pub(crate) struct Writer<'a> {
    buf: &'a mut [u8],
    len: usize,
}

impl<'a> Writer<'a> {
    pub(crate) fn new(buf: &'a mut [u8]) -> Self {
        Self { buf, len: 0 }
    }

    /// Bytes written so far.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Bytes that can still be written.
    pub(crate) fn room(&self) -> usize {
        self.buf.len().saturating_sub(self.len)
    }

    /// The next `len` bytes, to be filled by the caller.
    pub(crate) fn take(&mut self, len: usize) -> Result<&mut [u8], NoRoom> {
        let end = self.len.checked_add(len).ok_or(NoRoom)?;
        let out = self.buf.get_mut(self.len..end).ok_or(NoRoom)?;
        self.len = end;
        Ok(out)
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> Result<(), NoRoom> {
        self.take(bytes.len())?.copy_from_slice(bytes);
        Ok(())
    }

    pub(crate) fn i8(&mut self, value: i8) -> Result<(), NoRoom> {
        self.bytes(&value.to_be_bytes())
    }

    pub(crate) fn i16(&mut self, value: i16) -> Result<(), NoRoom> {
        self.bytes(&value.to_be_bytes())
    }

    pub(crate) fn i32(&mut self, value: i32) -> Result<(), NoRoom> {
        self.bytes(&value.to_be_bytes())
    }

    /// An array's or byte string's length.
    pub(crate) fn len32(&mut self, len: usize) -> Result<(), NoRoom> {
        self.i32(i32::try_from(len).map_err(|_| NoRoom)?)
    }

    /// STRING: length as i16, then UTF-8.
    pub(crate) fn string(&mut self, value: &str) -> Result<(), NoRoom> {
        self.i16(i16::try_from(value.len()).map_err(|_| NoRoom)?)?;
        self.bytes(value.as_bytes())
    }

    /// NULLABLE_STRING that is null.
    pub(crate) fn null_string(&mut self) -> Result<(), NoRoom> {
        self.i16(-1)
    }

    pub(crate) fn varint(&mut self, value: i32) -> Result<(), NoRoom> {
        self.varlong(i64::from(value))
    }

    pub(crate) fn varlong(&mut self, value: i64) -> Result<(), NoRoom> {
        let mut encoded = [0; varint::VARLONG_BYTES_MAX];
        let len = varint::encode(value, &mut encoded);
        self.bytes(encoded.get(..len).ok_or(NoRoom)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_refused_and_leaves_the_rest_usable() {
        let mut buf = [0; 5];
        let mut writer = Writer::new(&mut buf);
        writer.i16(-2).unwrap();
        assert_eq!(writer.i32(1), Err(NoRoom));
        assert_eq!(writer.take(usize::MAX).err(), Some(NoRoom));
        writer.i8(7).unwrap();
        writer.i16(0x0102).unwrap();
        assert_eq!(writer.len(), 5);
        assert_eq!(buf, [0xff, 0xfe, 7, 1, 2]);
    }

    #[test]
    fn strings_carry_their_length_and_null_is_minus_one() {
        let mut buf = [0; 7];
        let mut writer = Writer::new(&mut buf);
        writer.string("dev").unwrap();
        writer.null_string().unwrap();
        assert_eq!(buf, [0, 3, b'd', b'e', b'v', 0xff, 0xff]);
    }
}
