//! The copy of a record's value into its batch.

/// Values up to here go by words.
const WORDWISE_BYTES_MAX: usize = 64;

/// As `copy_from_slice`, for slices of the same length. Both lie anywhere: a device's `memcpy` takes 126 instructions for 20 bytes
/// then, and a loop of unaligned words 40, where the processor has them; elsewhere, the compiler takes bytes.
#[inline]
pub(crate) fn copy(to: &mut [u8], from: &[u8]) {
    if cfg!(not(target_os = "none")) || from.len() > WORDWISE_BYTES_MAX {
        return to.copy_from_slice(from);
    }
    let (to_words, to_rest) = to.as_chunks_mut::<4>();
    let (from_words, from_rest) = from.as_chunks::<4>();
    for (to, from) in to_words.iter_mut().zip(from_words) {
        *to = *from;
    }
    for (to, from) in to_rest.iter_mut().zip(from_rest) {
        *to = *from;
    }
}
