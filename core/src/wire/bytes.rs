//! Whole slices of bytes. On a device, the loops here are a quarter of the `memcpy` and `memcmp` that the compiler would call,
//! and for few bytes they are faster.

/// Copies slices of the same length; of others, nothing.
#[inline]
pub(crate) fn copy(to: &mut [u8], from: &[u8]) {
    #[cfg(target_os = "none")]
    copy_on_device(to, from);
    #[cfg(not(target_os = "none"))]
    if to.len() == from.len() {
        to.copy_from_slice(from);
    }
}

/// As `copy`. Both lie anywhere, and for that a device's `memcpy` takes 126 instructions for 20 bytes; this, about a third of
/// them where words may be unaligned.
#[cfg(any(test, target_os = "none"))]
#[inline]
fn copy_on_device(to: &mut [u8], from: &[u8]) {
    if to.len() != from.len() {
        return;
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

/// Whether these are the same bytes.
#[inline]
pub(crate) fn equal(one: &[u8], other: &[u8]) -> bool {
    #[cfg(target_os = "none")]
    return equal_on_device(one, other);
    #[cfg(not(target_os = "none"))]
    return one == other;
}

/// As `equal`.
#[cfg(any(test, target_os = "none"))]
#[inline(never)]
fn equal_on_device(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).all(|(one, other)| one == other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_byte_of_each_length_comes_over_and_none_of_another_length() {
        let from: [u8; 140] = core::array::from_fn(|index| index as u8 + 1);
        for len in 0..from.len() {
            let mut to = [0; 140];
            copy_on_device(&mut to[..len], &from[..len]);
            assert_eq!((&to[..len], &to[len..]), (&from[..len], &[0; 140][len..]));
            copy_on_device(&mut to[..len], &from[1..=len - usize::from(len > 0)]);
            assert_eq!(to[..len], from[..len], "one byte less: nothing");
        }
    }

    #[test]
    fn equal_are_the_same_bytes_only() {
        for (one, other) in
            [(&b""[..], &b""[..]), (b"abc", b"abc"), (b"abc", b"abd"), (b"abc", b"ab"), (b"", b"a")]
        {
            assert_eq!((equal(one, other), equal_on_device(one, other)), (one == other, one == other));
        }
    }
}
