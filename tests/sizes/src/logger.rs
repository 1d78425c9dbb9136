//! Where log lines go: a register. Both in the image that is measured and in the one it is compared with.

use crate::registers::{input, output};

#[cfg(feature = "defmt")]
#[defmt::global_logger]
struct Defmt;

// SAFETY: there is one thread and no interrupt.
#[cfg(feature = "defmt")]
unsafe impl defmt::Logger for Defmt {
    fn acquire() {}
    unsafe fn flush() {}
    unsafe fn release() {}
    unsafe fn write(bytes: &[u8]) {
        for byte in bytes {
            output(u32::from(*byte));
        }
    }
}

#[cfg(feature = "log")]
struct Log;

#[cfg(feature = "log")]
impl log::Log for Log {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        input() == 0
    }

    fn log(&self, record: &log::Record<'_>) {
        struct Register;
        impl core::fmt::Write for Register {
            fn write_str(&mut self, text: &str) -> core::fmt::Result {
                text.bytes().for_each(|byte| output(u32::from(byte)));
                Ok(())
            }
        }
        output(core::fmt::write(&mut Register, *record.args()).is_err().into());
    }

    fn flush(&self) {}
}

/// Logs one line of every kind that the application itself would.
pub fn start() {
    #[cfg(feature = "defmt")]
    defmt::info!("{=str}: {=u32}", "started", input());
    #[cfg(feature = "log")]
    {
        // SAFETY: called once, before anything is logged.
        let _ = unsafe { log::set_logger_racy(&Log) };
        // SAFETY: as above.
        unsafe { log::set_max_level_racy(log::LevelFilter::Trace) };
        log::info!("{}: {}", "started", input());
    }
}
