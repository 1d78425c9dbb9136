//! Bytes of requests taken apart, and of answers put together.

/// What is left of a request. Every reading panics where the request is too short: core has then written a wrong one.
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn bytes(&mut self, len: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at_checked(len).expect("the request goes on");
        self.0 = rest;
        taken
    }

    fn array<const N: usize>(&mut self) -> [u8; N] {
        *self.bytes(N).first_chunk().expect("as many as were taken")
    }

    pub(crate) fn i16(&mut self) -> i16 {
        i16::from_be_bytes(self.array())
    }

    pub(crate) fn i32(&mut self) -> i32 {
        i32::from_be_bytes(self.array())
    }

    pub(crate) fn i64(&mut self) -> i64 {
        i64::from_be_bytes(self.array())
    }

    pub(crate) fn string(&mut self) -> &'a [u8] {
        let len = self.i16();
        self.bytes(usize::try_from(len).expect("the text is not null"))
    }

    /// `ZigZag`, seven bits a byte.
    pub(crate) fn varint(&mut self) -> i64 {
        let (mut value, mut shift) = (0_u64, 0);
        loop {
            let [byte] = self.array();
            value |= u64::from(byte & 0x7F) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                return (value >> 1) as i64 ^ -((value & 1) as i64);
            }
        }
    }
}

/// An answer, its length in front.
pub(crate) struct Answer {
    bytes: [u8; 1_024],
    len: usize,
}

impl Answer {
    pub(crate) fn new(correlation_id: i32) -> Self {
        let mut answer = Self { bytes: [0; 1_024], len: 4 };
        answer.i32(correlation_id);
        answer
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.bytes[self.len..][..bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
        self
    }

    pub(crate) fn i16(&mut self, value: i16) -> &mut Self {
        self.bytes(&value.to_be_bytes())
    }

    pub(crate) fn i32(&mut self, value: i32) -> &mut Self {
        self.bytes(&value.to_be_bytes())
    }

    pub(crate) fn i64(&mut self, value: i64) -> &mut Self {
        self.bytes(&value.to_be_bytes())
    }

    pub(crate) fn string(&mut self, text: &[u8]) -> &mut Self {
        self.i16(text.len() as i16).bytes(text)
    }

    /// All of it, with its length.
    pub(crate) fn finish(&mut self) -> &[u8] {
        let length = (self.len - 4) as u32;
        self.bytes[..4].copy_from_slice(&length.to_be_bytes());
        &self.bytes[..self.len]
    }
}
