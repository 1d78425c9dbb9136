//! How deep the stack has been.

unsafe extern "C" {
    /// Lowest word of the stack's memory, from the linker script.
    static _stack_end: u32;
    /// One past its highest word.
    static _stack_start: u32;
}

/// The most bytes of stack that were in use at any time since the start.
///
/// The start-up code paints the stack's memory; what is no longer painted has been used.
pub fn stack_used() -> u32 {
    let (mut lowest, top) = (&raw const _stack_end, &raw const _stack_start);
    while lowest < top {
        // SAFETY: `lowest` is an aligned word between the two linker symbols: RAM that no static occupies. The part
        // in use may hold anything, and any bytes are a valid u32; the volatile read keeps the compiler from
        // reasoning about it.
        if unsafe { lowest.read_volatile() } != cortex_m_rt::STACK_PAINT_VALUE {
            break;
        }
        lowest = lowest.wrapping_add(1);
    }
    (top.addr() - lowest.addr()) as u32
}
