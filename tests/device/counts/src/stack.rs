//! How deep the stack gets below a caller: painted before, and read after.

use core::arch::asm;

const PAINT: u32 = 0x5AA5_C33C;
/// More than any call takes; what lies below stays as it is.
const WORDS: usize = 2_048;

/// The stack pointer.
#[inline(always)]
pub(crate) fn pointer() -> *mut u32 {
    let pointer: *mut u32;
    // SAFETY: only reads a register.
    unsafe { asm!("mov {}, sp", out(reg) pointer, options(nomem, nostack, preserves_flags)) };
    pointer
}

unsafe extern "C" {
    /// The end of the statics, from the linker script.
    static __sheap: u32;
}

/// Whether so much stack is free below `top`.
pub(crate) fn has_room(top: *mut u32) -> bool {
    top.addr().saturating_sub((&raw const __sheap).addr()) > 4 * WORDS
}

/// Paints the stack below `top`.
#[inline(always)]
pub(crate) fn paint(top: *mut u32) {
    for word in 1..=WORDS {
        // SAFETY: below the stack pointer nothing is in use, no interrupt is enabled, and `has_room` was asked
        // when the scene began, in the frame that is the largest by far.
        unsafe { top.sub(word).write_volatile(PAINT) };
    }
}

/// Bytes below `top` that were in use since it was painted.
#[inline(always)]
pub(crate) fn depth(top: *mut u32) -> u32 {
    let mut word = WORDS;
    // SAFETY: as in `paint`; any bytes are a number.
    while word > 0 && unsafe { top.sub(word).read_volatile() } == PAINT {
        word -= 1;
    }
    assert!(word < WORDS, "the stack was deeper than was painted");
    4 * word as u32
}
