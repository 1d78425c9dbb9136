//! The host's side of the machine: options in, plain text lines out, and the exit code.

use telemetry::{Console, Line};

use crate::semihosting;

/// The host's console, for lines that a program reads.
pub struct HostConsole;

impl Console for HostConsole {
    fn write(&mut self, piece: &[u8]) {
        let mut text = [0; Line::<Self>::PIECE_MAX + 1];
        let len = piece.len().min(text.len() - 1);
        text[..len].copy_from_slice(&piece[..len]);
        semihosting::write0(&text);
    }
}

/// The words that the host gave after the program's own name, in `buffer`.
pub fn options(buffer: &mut [u8; 512]) -> &str {
    let line = semihosting::command_line(buffer).unwrap_or_default();
    let program = line.bytes().take_while(|&byte| byte != b' ').count();
    line.get(program..).unwrap_or_default()
}

/// Seconds since 1970 as the host knows them. A board without QEMU would ask an SNTP server.
pub fn host_seconds() -> u32 {
    semihosting::time()
}

/// Says on both channels that the options are refused, with what `why` writes, and stops the machine with code 2.
pub fn refuse(why: impl FnOnce(&mut Line<'_, HostConsole>)) -> ! {
    defmt::error!("the options are refused, see the host's console");
    let mut console = HostConsole;
    let mut line = Line::new(&mut console, "NK error ");
    why(&mut line);
    line.end();
    stop(2)
}

/// Stops the machine; `code` becomes QEMU's exit code.
pub fn stop(code: u32) -> ! {
    semihosting::exit(code)
}
