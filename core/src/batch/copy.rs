//! The copy of a record's value into its batch.

/// From here on the call of `memcpy` is worth its price.
#[cfg(target_os = "none")]
const MEMCPY_BYTES_MIN: usize = 64;

/// Copies slices of the same length; of others, nothing.
///
/// They lie anywhere, and for that a device's `memcpy` takes 126 instructions for 20 bytes. This takes 40 where words
/// may be unaligned, and 80 elsewhere.
#[cfg(target_os = "none")]
#[inline]
pub(crate) fn copy(to: &mut [u8], from: &[u8]) {
    if to.len() != from.len() {
        return;
    }
    if from.len() >= MEMCPY_BYTES_MIN {
        return to.copy_from_slice(from);
    }
    let (to, to_rest) = to.as_chunks_mut::<4>();
    let (from, from_rest) = from.as_chunks::<4>();
    // Byte by byte, which become words again: of a loop over words the compiler would make a call of `memcpy`.
    for ([to_0, to_1, to_2, to_3], [from_0, from_1, from_2, from_3]) in to.iter_mut().zip(from) {
        (*to_0, *to_1, *to_2, *to_3) = (*from_0, *from_1, *from_2, *from_3);
    }
    match (to_rest, from_rest) {
        ([to], [from]) => *to = *from,
        ([to_0, to_1], [from_0, from_1]) => (*to_0, *to_1) = (*from_0, *from_1),
        ([to_0, to_1, to_2], [from_0, from_1, from_2]) => (*to_0, *to_1, *to_2) = (*from_0, *from_1, *from_2),
        // None are left.
        _ => {}
    }
}

/// Copies slices of the same length; of others, nothing.
#[cfg(not(target_os = "none"))]
#[inline]
pub(crate) fn copy(to: &mut [u8], from: &[u8]) {
    if to.len() == from.len() {
        to.copy_from_slice(from);
    }
}
