use super::{Malformed, varint};

/// Borrows primitives one after another from a slice that is whole.
#[derive(Clone, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// How many bytes are left.
    #[cfg(feature = "split")]
    pub(crate) fn len(&self) -> usize {
        self.rest.len()
    }

    pub(crate) fn take(&mut self, len: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.rest.split_at_checked(len).ok_or(Malformed)?;
        self.rest = rest;
        Ok(taken)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Malformed> {
        let (first, rest) = self.rest.split_first().ok_or(Malformed)?;
        self.rest = rest;
        Ok(*first)
    }

    pub(crate) fn varlong(&mut self) -> Result<i64, Malformed> {
        let mut value = 0u64;
        for index in 0..varint::VARLONG_BYTES_MAX {
            let byte = self.u8()?;
            let bits = u64::from(byte & 0x7f);
            let shift = (index as u32).wrapping_mul(7);
            // The tenth byte has one bit left of the 64.
            if shift == 63 && bits > 1 {
                return Err(Malformed);
            }
            value |= bits << shift;
            if byte < 0x80 {
                return Ok(varint::unzigzag(value));
            }
        }
        Err(Malformed)
    }

    pub(crate) fn varint(&mut self) -> Result<i32, Malformed> {
        i32::try_from(self.varlong()?).map_err(|_| Malformed)
    }

    /// A byte string with a varint length; -1 is null.
    pub(crate) fn varint_bytes(&mut self) -> Result<Option<&'a [u8]>, Malformed> {
        match self.varint()? {
            -1 => Ok(None),
            len => self.take(usize::try_from(len).map_err(|_| Malformed)?).map(Some),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_read_past_the_end_or_past_the_width() {
        assert_eq!(Reader::new(&[]).u8(), Err(Malformed));
        assert_eq!(Reader::new(&[0x80]).varlong(), Err(Malformed));
        assert_eq!(Reader::new(&[0xff; 10]).varlong(), Err(Malformed));
        assert_eq!(Reader::new(&[0xff, 0xff, 0xff, 0xff, 0x1f]).varint(), Err(Malformed));
        assert_eq!(Reader::new(&[6, b'a']).varint_bytes(), Err(Malformed));
        assert_eq!(Reader::new(&[3]).varint_bytes(), Err(Malformed));
        assert_eq!(Reader::new(&[1]).varint_bytes(), Ok(None));
        assert_eq!(Reader::new(&[2, b'a']).varint_bytes(), Ok(Some(&b"a"[..])));
    }
}
