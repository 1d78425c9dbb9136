//! Child processes that never outlive this one.
//!
//! Three nets, because each alone has a hole: [`Process`] stops its child when it is dropped, [`stop_all`] is for a
//! signal handler, and on Linux the kernel kills the children when this process is itself killed. The kernel's net
//! hangs on the *thread* that started a child, and a test's thread ends with its test: so all children are started
//! by one thread that lives as long as the process.

use std::io;
use std::os::unix::process::CommandExt;
#[cfg(target_os = "linux")]
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

type Request = (Command, Sender<io::Result<Child>>);

/// What is to be stopped and swept if this process is told to end.
#[derive(Default)]
struct Alive {
    processes: Vec<u32>,
    dirs: Vec<PathBuf>,
    ending: bool,
}

static ALIVE: Mutex<Alive> = Mutex::new(Alive { processes: Vec::new(), dirs: Vec::new(), ending: false });

fn alive() -> MutexGuard<'static, Alive> {
    // A panic while it was held leaves lists that are still right.
    ALIVE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A signal that is sent to a [`Process`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGKILL: ends at once, whatever it is doing.
    Kill,
    /// SIGTERM: asks it to end in its own way.
    Terminate,
    /// SIGSTOP: stands still, with its sockets open.
    Stop,
    /// SIGCONT: goes on.
    Continue,
}

impl Signal {
    fn number(self) -> i32 {
        match self {
            Self::Kill => libc::SIGKILL,
            Self::Terminate => libc::SIGTERM,
            Self::Stop => libc::SIGSTOP,
            Self::Continue => libc::SIGCONT,
        }
    }
}

/// Processor time of a process that has ended, all its threads and children together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// In its own code.
    pub user: Duration,
    /// In the kernel on its behalf.
    pub system: Duration,
}

#[cfg(target_os = "linux")]
fn duration(time: libc::timeval) -> Duration {
    Duration::from_secs(time.tv_sec.unsigned_abs()) + Duration::from_micros(time.tv_usec.unsigned_abs())
}

/// A child in its own process group, killed with its whole group when dropped.
///
/// Its own group, so that Ctrl-C in a terminal reaches only this process, which then stops the others in order.
#[derive(Debug)]
pub struct Process {
    child: Child,
    ended: Option<ExitStatus>,
}

impl Process {
    /// Starts `command`. Its standard streams are as the command says.
    pub fn spawn(command: Command) -> io::Result<Self> {
        let (reply, answer) = channel();
        starter().send((command, reply)).map_err(|_| io::Error::other("the starter thread has ended"))?;
        let child = answer.recv().map_err(|_| io::Error::other("the starter thread has ended"))??;
        Ok(Self { child, ended: None })
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The standard library's handle, to take the pipes from.
    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Whether it has not ended yet.
    pub fn is_running(&mut self) -> bool {
        matches!(self.try_wait(), Ok(None))
    }

    /// The exit status if it has ended.
    pub fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait()?;
            self.forget_if_ended();
        }
        Ok(self.ended)
    }

    /// Waits for its end.
    pub fn wait(&mut self) -> io::Result<ExitStatus> {
        match self.ended {
            Some(status) => Ok(status),
            None => {
                let status = self.child.wait()?;
                self.ended = Some(status);
                self.forget_if_ended();
                Ok(status)
            }
        }
    }

    /// The exit status if it has ended, and the processor time that it took. Asks the kernel anew until then: only the
    /// call that first sees the end is told the time, so do not wait for it by another way.
    #[cfg(target_os = "linux")]
    pub fn try_wait_usage(&mut self) -> io::Result<Option<(ExitStatus, Usage)>> {
        let mut status = 0;
        // SAFETY: rusage is a struct of integers, for which zero is a value.
        let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
        // SAFETY: both pointers are to variables of the right types.
        match unsafe { libc::wait4(self.id().cast_signed(), &mut status, libc::WNOHANG, &mut usage) } {
            0 => Ok(None),
            -1 => Err(io::Error::last_os_error()),
            _ => {
                let status = ExitStatus::from_raw(status);
                self.ended = Some(status);
                self.forget_if_ended();
                Ok(Some((status, Usage { user: duration(usage.ru_utime), system: duration(usage.ru_stime) })))
            }
        }
    }

    /// Sends a signal to this process; nothing happens if it has ended.
    pub fn signal(&mut self, signal: Signal) -> io::Result<()> {
        if !self.is_running() {
            return Ok(());
        }
        // SAFETY: kill has no memory effects; the id is ours until we have waited for it.
        match unsafe { libc::kill(self.id().cast_signed(), signal.number()) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// Kills it with its whole group and waits for its end.
    pub fn kill(&mut self) {
        if self.is_running() {
            kill_group(self.id());
            let _ = self.wait();
        }
    }

    fn forget_if_ended(&self) {
        if self.ended.is_some() {
            let id = self.id();
            alive().processes.retain(|p| *p != id);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Stops every process that [`Process::spawn`] started and removes the directories of running clusters. For a signal
/// handler that is about to end this process: nothing can be started afterwards.
pub fn stop_all() {
    let mut alive = alive();
    alive.ending = true;
    alive.processes.iter().copied().for_each(kill_group);
    alive.processes.drain(..).for_each(reap);
    for dir in alive.dirs.drain(..) {
        // A dying process may still be writing: what it left is swept by the next cluster.
        for _ in 0..50 {
            if std::fs::remove_dir_all(&dir).is_ok() {
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

pub(crate) fn remember_dir(dir: &Path) {
    alive().dirs.push(dir.to_owned());
}

pub(crate) fn forget_dir(dir: &Path) {
    alive().dirs.retain(|d| d != dir);
}

fn kill_group(id: u32) {
    // SAFETY: kill has no memory effects; each child leads a group of its own, so no other process is met.
    unsafe { libc::kill(-id.cast_signed(), libc::SIGKILL) };
}

/// Waits for the end of a child that was killed: where the first process of a container reaps nobody, it would stay in
/// the table of processes for good.
fn reap(id: u32) {
    for _ in 0..100 {
        // SAFETY: a null status is allowed; another thread that waits for the same child makes this fail, which is fine.
        if unsafe { libc::waitpid(id.cast_signed(), std::ptr::null_mut(), libc::WNOHANG) } != 0 {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn starter() -> Sender<Request> {
    static STARTER: OnceLock<Mutex<Sender<Request>>> = OnceLock::new();
    let sender = STARTER.get_or_init(|| {
        let (sender, requests) = channel::<Request>();
        std::thread::spawn(move || {
            for (command, reply) in requests {
                // The caller waits for the answer, so it is there to take it.
                let _ = reply.send(start(command));
            }
        });
        Mutex::new(sender)
    });
    sender.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

fn start(mut command: Command) -> io::Result<Child> {
    command.process_group(0);
    #[cfg(target_os = "linux")]
    {
        let parent = std::process::id().cast_signed();
        let die_with_parent = move || {
            // SAFETY: both calls are async-signal-safe and touch no memory.
            unsafe {
                if libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) != 0 {
                    return Err(io::Error::last_os_error());
                }
                // The parent may have died before the call above.
                if libc::getppid() != parent {
                    return Err(io::Error::other("parent ended"));
                }
            }
            Ok(())
        };
        // SAFETY: the closure only makes system calls, which is what is allowed between fork and exec.
        unsafe { command.pre_exec(die_with_parent) };
    }
    // Held across the start, so that `stop_all` cannot run between a child's birth and its entry in the list.
    let mut alive = alive();
    if alive.ending {
        return Err(io::Error::other("this process is ending"));
    }
    let child = command.spawn()?;
    alive.processes.push(child.id());
    Ok(child)
}
