//! Where what is measured gets its input and leaves its output: registers, of which the compiler knows nothing.

const INPUT: *const u32 = core::ptr::without_provenance(0x4000_0000);
const OUTPUT: *mut u32 = core::ptr::without_provenance_mut(0x4000_0004);

/// Something that the compiler cannot know.
pub fn input() -> u32 {
    // SAFETY: stands for a register of a chip; the image is never run.
    unsafe { INPUT.read_volatile() }
}

/// Something that the compiler cannot leave out.
pub fn output(value: u32) {
    // SAFETY: stands for a register of a chip; the image is never run.
    unsafe { OUTPUT.write_volatile(value) }
}

/// Milliseconds since the start.
#[cfg(all(any(feature = "core", feature = "smoltcp"), not(feature = "layout")))]
pub fn millis() -> u64 {
    u64::from(input()) << 32 | u64::from(input())
}

/// Fills `buf` as far as the register says, and returns how far.
#[cfg(all(any(feature = "core", feature = "smoltcp"), not(feature = "layout")))]
pub fn read(buf: &mut [u8]) -> usize {
    let len = (input() as usize).min(buf.len());
    for byte in buf.iter_mut().take(len) {
        *byte = input() as u8;
    }
    len
}

/// Writes as many of the bytes as the register takes, and returns how many.
#[cfg(all(any(feature = "core", feature = "smoltcp"), not(feature = "layout")))]
pub fn write(bytes: &[u8]) -> usize {
    let len = (input() as usize).min(bytes.len());
    for byte in bytes.iter().take(len) {
        output(u32::from(*byte));
    }
    len
}
