//! The board in QEMU: its two ways out, the log on its serial line and the facts by semihosting.

use std::io::{BufRead, BufReader, Read};
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use anyhow::{Context, Result};
use nanokafka_cluster::install::ensure_program;
use nanokafka_cluster::process::Process;

use super::firmware::Elf;
use super::log::Dictionary;

/// The board that is emulated.
pub(crate) const BOARD: &str = "lm3s6965evb";

/// Something came out of the board.
#[derive(Debug)]
pub(crate) enum Event {
    /// A log line, made readable.
    Log(String),
    /// A line that the firmware wrote by semihosting, or QEMU's own.
    Line(String),
}

/// A running board.
pub(crate) struct Machine {
    process: Process,
    events: Receiver<Event>,
}

impl Machine {
    /// Starts `elf` with its options, `name=value` each.
    pub(crate) fn start(elf: &Elf, options: &[String]) -> Result<Self> {
        ensure_program("qemu-system-arm", "qemu-system-arm")?;
        let dictionary = Dictionary::read(elf)?;
        let serial = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no port for the serial line")?;
        let port = serial.local_addr().context("no port for the serial line")?.port();
        let arguments: String = options.iter().map(|o| format!(",arg={o}")).collect();
        let mut qemu = Command::new("qemu-system-arm");
        qemu.args(["-M", BOARD, "-nic", "user,model=stellaris", "-display", "none", "-monitor", "none"]);
        qemu.args(["-chardev", &format!("socket,id=uart0,host=127.0.0.1,port={port}")]);
        qemu.args(["-serial", "chardev:uart0", "-semihosting-config"]);
        qemu.arg(format!("enable=on,target=native,arg=nanokafka{arguments}")).arg("-kernel").arg(elf.path());
        qemu.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = Process::spawn(qemu).context("starting qemu-system-arm")?;
        let (sender, events) = channel();
        // Semihosting writes to one or the other, by the call that the firmware uses.
        forward_lines(process.child().stdout.take(), sender.clone());
        forward_lines(process.child().stderr.take(), sender.clone());
        forward_log(dictionary, serial, sender);
        Ok(Self { process, events })
    }

    /// What comes next. `Ok(None)`: nothing within `timeout`. `Err`: it has ended, with this exit code if it has one.
    pub(crate) fn next(&mut self, timeout: Duration) -> Result<Option<Event>, Option<i32>> {
        match self.events.recv_timeout(timeout) {
            Ok(event) => Ok(Some(event)),
            Err(_) if self.process.is_running() => Ok(None),
            Err(_) => match self.events.try_recv() {
                Ok(event) => Ok(Some(event)),
                Err(_) => Err(self.process.wait().ok().and_then(|status| status.code())),
            },
        }
    }

    /// Ends it at once.
    pub(crate) fn kill(&mut self) {
        self.process.kill();
    }
}

fn forward_lines(stream: Option<impl Read + Send + 'static>, sender: Sender<Event>) {
    std::thread::spawn(move || {
        for line in stream.map(BufReader::new).into_iter().flat_map(|s| s.split(b'\n')).map_while(Result::ok)
        {
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            if sender.send(Event::Line(line)).is_err() {
                return;
            }
        }
    });
}

fn forward_log(dictionary: Dictionary, serial: TcpListener, sender: Sender<Event>) {
    std::thread::spawn(move || {
        let Ok((mut stream, _)) = serial.accept() else { return };
        let read = |buffer: &mut [u8]| stream.read(buffer).unwrap_or(0);
        // Nobody listens any more when the run is over.
        dictionary.decode(read, |line| drop(sender.send(Event::Log(line))));
    });
}
