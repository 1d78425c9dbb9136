/// An integer of 64 bits that is stored at multiples of 4 bytes, as 32-bit processors want it: in a struct of smaller
/// fields, an `i64` would cost its padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wide([u32; 2]);

impl Wide {
    pub(crate) const fn new(value: i64) -> Self {
        Self([value as u32, (value >> 32) as u32])
    }

    pub(crate) const fn get(self) -> i64 {
        let [low, high] = self.0;
        ((high as i64) << 32) | low as i64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_stored_is_read() {
        for value in [0, 1, -1, i64::MIN, i64::MAX, 1 << 31, -(1 << 31), 0x0123_4567_89ab_cdef] {
            assert_eq!(Wide::new(value).get(), value);
        }
    }
}
