//! How deep the stack has been, and what is on it.

unsafe extern "C" {
    /// Lowest word of the stack's memory, from the linker script.
    static _stack_end: u32;
    /// One past its highest word.
    static _stack_start: u32;
    /// First and one past the last byte of code, from the linker script.
    static __stext: u16;
    static __etext: u16;
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

/// How many return addresses are worth a look.
const ADDRESSES_MAX: usize = 8;

/// Gives the innermost words on the stack that look like return addresses: places in the code right behind a call.
pub(crate) fn return_addresses(mut each: impl FnMut(u32)) {
    let here = 0u32;
    let (mut at, top) = (&raw const here, &raw const _stack_start);
    let (code, code_end) = ((&raw const __stext).addr(), (&raw const __etext).addr());
    let mut found = 0;
    while at < top && found < ADDRESSES_MAX {
        // SAFETY: `at` is an aligned word of the stack's memory; see `stack_used`.
        let word = unsafe { at.read_volatile() } as usize;
        // The lowest bit says that the code is Thumb code, which all is here.
        if word % 2 == 1 && (code + 4..code_end).contains(&word) {
            let behind = core::ptr::with_exposed_provenance::<u16>(word - 1);
            // SAFETY: both halfwords lie in the code: the range begins four bytes behind its start.
            let (first, second) = unsafe { (behind.sub(2).read(), behind.sub(1).read()) };
            let is_branch_with_link = first & 0xF800 == 0xF000 && second & 0xD000 == 0xD000;
            let is_branch_to_register = second & 0xFF87 == 0x4780;
            if is_branch_with_link || is_branch_to_register {
                each(word as u32 - 1);
                found += 1;
            }
        }
        at = at.wrapping_add(1);
    }
}
