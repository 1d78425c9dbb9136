//! Arm semihosting: the few calls to the debugger (QEMU) that the firmware makes.

use core::arch::asm;

const SYS_WRITE0: usize = 0x04;
const SYS_TIME: usize = 0x11;
const SYS_GET_CMDLINE: usize = 0x15;
const SYS_EXIT_EXTENDED: usize = 0x20;
const ADP_STOPPED_APPLICATION_EXIT: usize = 0x2_0026;

/// # Safety
/// `argument` must be what `operation` asks for: a pointer to memory that the debugger may read, and write where
/// the operation says so, for the length that it says.
unsafe fn call(operation: usize, argument: usize) -> usize {
    let result;
    // SAFETY: the debugger handles `bkpt 0xAB` and continues after it with the result in r0; the caller vouches
    // for the memory. Without `nomem` the compiler writes memory out before and reads it again after.
    unsafe {
        asm!("bkpt #0xAB", inout("r0") operation => result, in("r1") argument, options(nostack, preserves_flags));
    }
    result
}

/// Writes the bytes before the first NUL to the debugger's console. Nothing when the last one is not NUL.
pub(crate) fn write0(text: &[u8]) {
    if text.last() == Some(&0) {
        // SAFETY: SYS_WRITE0 reads from the pointer up to a NUL, which is at the end of `text` if not before.
        unsafe { call(SYS_WRITE0, text.as_ptr().expose_provenance()) };
    }
}

/// Seconds since 1970.
pub(crate) fn time() -> u32 {
    // SAFETY: SYS_TIME takes no argument.
    let seconds = unsafe { call(SYS_TIME, 0) };
    seconds as u32
}

/// The command line as the debugger gives it. `None` when it is too long or not ASCII.
pub(crate) fn command_line(buffer: &mut [u8]) -> Option<&str> {
    let mut block = [buffer.as_mut_ptr().expose_provenance(), buffer.len()];
    // SAFETY: SYS_GET_CMDLINE takes a pointer to a buffer and its length, writes a text with its NUL no longer than
    // that, and then the text's length into the second word. Both live until after the call.
    let failed = unsafe { call(SYS_GET_CMDLINE, block.as_mut_ptr().expose_provenance()) };
    if failed != 0 {
        return None;
    }
    let [_, len] = block;
    let text = buffer.get(..len).filter(|text| text.is_ascii())?;
    // SAFETY: ASCII is UTF-8. The check of all UTF-8 would be 0.4 KB, for this place alone.
    Some(unsafe { core::str::from_utf8_unchecked(text) })
}

/// Ends the run; `code` is the debugger's exit code.
pub(crate) fn exit(code: u32) -> ! {
    let block = [ADP_STOPPED_APPLICATION_EXIT, code as usize];
    loop {
        // SAFETY: SYS_EXIT_EXTENDED reads two words, which live longer than the machine runs.
        unsafe { call(SYS_EXIT_EXTENDED, block.as_ptr().expose_provenance()) };
    }
}
