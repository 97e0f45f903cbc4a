//! What a process does when it is about to die: tell the peer first, write down what happened second.
//!
//! ```text
//!   SIGSEGV SIGBUS SIGILL SIGFPE SIGABRT            panic in any thread
//!        │ on the alternate stack                        │ panic hook
//!        ▼                                               ▼
//!   resign(FatalSignal(n))                          resign(Panic)
//!        ▼                                               ▼
//!   crashinfo: signal, registers,                   crashinfo: message, place, backtrace,
//!        │ what the black box has: state,                │ what the black box has
//!        │ last inputs and log lines; backtrace          │
//!        ▼                                               ▼
//!   default action, signal sent again: core         abort() ──▶ SIGABRT, left column (the first cause stays)
//! ```
//!
//! The backtrace comes last, because it believes the stack: one that is damaged makes it fault, and a lock of the loader makes
//! it wait for ever. A fault within the handler, and an alarm after [`BACKTRACE_LIMIT_S`], end the report where it is:
//!
//! ```text
//!   backtrace ── faults ──▶ SIGSEGV again ──┐
//!             └─ hangs ───▶ SIGALRM ────────┴──▶ "broken off", end of crash information, core
//! ```
//!
//! Resigning costs a microsecond. Dumping core costs half a second for a gigabyte, and the kernel releases the life lock
//! only afterwards: hence the order. Whether a core is written is the business of `RLIMIT_CORE`, which stays as it is
//! unless [`CoreDumps::Enabled`] asks for more.
//!
//! Everything in the signal handler is async-signal-safe: atomics, system calls, and formatting into a buffer on the stack.

pub mod black_box;
mod files;

pub use files::{directory, keep_within, listing, take_core};

use crate::life::{Resignation, Resigner};
use redundancy::CompactUtcTime;
use rustix::fs::{Mode, OFlags};
use std::ffi::{CStr, CString};
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::os::fd::{AsRawFd, BorrowedFd, IntoRawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, Ordering};

/// The signals that end a process because of its own doing.
pub const FATAL_SIGNALS: [i32; 5] = [
    libc::SIGSEGV,
    libc::SIGBUS,
    libc::SIGILL,
    libc::SIGFPE,
    libc::SIGABRT,
];

/// Frames of a backtrace.
const FRAMES_MAX: usize = 64;
/// How long a backtrace may take, in seconds; it takes milliseconds.
const BACKTRACE_LIMIT_S: u32 = 3;
/// The last line of a report that is whole.
const END: &str = "end of crash information\n";

/// Whether the kernel may write a core.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CoreDumps {
    /// `RLIMIT_CORE` stays as it was inherited.
    AsConfigured,
    /// The soft limit is raised to the hard limit.
    Enabled,
}

/// How this process dies.
#[derive(Debug)]
pub struct CrashConfig {
    /// Its slot, for the name of the file.
    pub slot: String,
    /// Bytes that old dumps may take.
    pub space_bytes_max: u64,
    /// Where crash information goes; it exists.
    pub directory: PathBuf,
    /// The release, for the first line.
    pub version: &'static str,
    /// The life to give up, for an RP.
    pub resigner: Option<Resigner>,
    /// Whether to ask for a core.
    pub core_dumps: CoreDumps,
}

struct Installed {
    resigner: Option<Resigner>,
    directory: CString,
    slot: String,
    version: &'static str,
}

static INSTALLED: AtomicPtr<Installed> = AtomicPtr::new(std::ptr::null_mut());

/// The signal that this process dies of; 0: it lives.
static SIGNAL: AtomicI32 = AtomicI32::new(0);
/// The thread that it dies in.
static REPORTER: AtomicI32 = AtomicI32::new(0);
/// Descriptor of the report that is being written; -1: none.
static REPORT: AtomicI32 = AtomicI32::new(-1);
/// Whether a panic has written all of it; the signal that ends the process has nothing to add.
static IS_WHOLE: AtomicBool = AtomicBool::new(false);

fn installed() -> Option<&'static Installed> {
    // SAFETY: the pointer is null or comes from a box that `install` leaked, so it stays valid and is never written again.
    unsafe { INSTALLED.load(Ordering::SeqCst).as_ref() }
}

/// Makes this process die as the module says.
///
/// Call it once, as early as possible, in the main thread; what is called later replaces what was called before.
///
/// # Errors
/// When the system refuses a signal handler, a stack or the limit.
pub fn install(config: CrashConfig) -> io::Result<()> {
    files::keep_within(&config.directory, config.space_bytes_max);
    let installed = Installed {
        resigner: config.resigner,
        directory: CString::new(config.directory.as_os_str().as_bytes())?,
        slot: config.slot,
        version: config.version,
    };
    INSTALLED.store(Box::into_raw(Box::new(installed)), Ordering::SeqCst);
    if config.core_dumps == CoreDumps::Enabled {
        let limit = rustix::process::getrlimit(rustix::process::Resource::Core);
        let raised = rustix::process::Rlimit {
            current: limit.maximum,
            maximum: limit.maximum,
        };
        rustix::process::setrlimit(rustix::process::Resource::Core, raised)?;
    }
    ensure_alternate_stack()?;
    for signal in FATAL_SIGNALS {
        handle(signal, on_fatal_signal as *const () as libc::sighandler_t)?;
    }
    handle(libc::SIGALRM, on_alarm as *const () as libc::sighandler_t)?;
    prepare_backtrace();
    std::panic::set_hook(Box::new(on_panic));
    Ok(())
}

/// Gives this thread an alternate signal stack, so that even an overflow of its own stack can be reported.
///
/// Threads of the standard library have one; call it in threads made by others. A stack that is there is kept if it has room
/// for a report and a fault within it.
///
/// # Errors
/// When the system refuses the memory or the stack.
pub fn ensure_alternate_stack() -> io::Result<()> {
    // SAFETY: all-zero is a valid value of this plain structure.
    let mut present: libc::stack_t = unsafe { std::mem::zeroed() };
    // SAFETY: a null new stack only asks; `present` is exclusively borrowed.
    if unsafe { libc::sigaltstack(std::ptr::null(), &mut present) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // A kernel's frame needs AT_MINSIGSTKSZ (it grows with vector registers); our handler and the unwinder some KiB.
    // SAFETY: getauxval only reads; an unknown key gives 0.
    let frame = unsafe { libc::getauxval(libc::AT_MINSIGSTKSZ) } as usize;
    let bytes = 2 * frame + 48 * 1024;
    if present.ss_flags & libc::SS_DISABLE == 0 && present.ss_size >= bytes {
        return Ok(());
    }
    let memory = Box::leak(vec![0u8; bytes].into_boxed_slice());
    let stack = libc::stack_t {
        ss_sp: memory.as_mut_ptr().cast(),
        ss_flags: 0,
        ss_size: memory.len(),
    };
    // SAFETY: the memory is leaked, so it is ours for as long as the thread lives, and used for nothing else.
    if unsafe { libc::sigaltstack(&stack, std::ptr::null_mut()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

fn handle(signal: i32, handler: libc::sighandler_t) -> io::Result<()> {
    // SAFETY: all-zero is a valid value of this plain structure: no flags, an empty mask.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = handler;
    // Not deferred: a fault within the handler comes to it, where the kernel would end the process at once.
    action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_NODEFER;
    // SAFETY: the handlers have the three-argument form that SA_SIGINFO asks for and are async-signal-safe.
    if unsafe { libc::sigaction(signal, &action, std::ptr::null_mut()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

extern "C" fn on_fatal_signal(signal: i32, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    let thread = rustix::thread::gettid().as_raw_nonzero().get();
    if SIGNAL
        .compare_exchange(0, signal, Ordering::SeqCst, Ordering::SeqCst)
        .is_err()
    {
        if REPORTER.load(Ordering::SeqCst) == thread {
            break_off("the stack cannot be read any further");
        }
        // Another thread has a report to write, and ends this one too.
        loop {
            // SAFETY: only waits.
            unsafe { libc::pause() };
        }
    }
    REPORTER.store(thread, Ordering::SeqCst);
    if let Some(installed) = installed() {
        if let Some(resigner) = installed.resigner {
            resigner.resign(Resignation::FatalSignal(signal as u8));
        }
        if !IS_WHOLE.load(Ordering::SeqCst) {
            write_signal_report(installed, signal, info, context);
        }
    }
    // SAFETY: plain system calls that POSIX allows in a handler. `info` is the structure that the kernel has passed to
    // us; sent again to this very thread, where it is blocked, it is delivered when the handler returns, with the default
    // action, so that a core shows the original cause and the registers of the fault.
    unsafe {
        let mut blocked: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&mut blocked);
        libc::sigaddset(&mut blocked, signal);
        libc::pthread_sigmask(libc::SIG_BLOCK, &blocked, std::ptr::null_mut());
        restore_default(signal);
        let (process, thread) = (libc::getpid(), libc::syscall(libc::SYS_gettid));
        if libc::syscall(libc::SYS_rt_tgsigqueueinfo, process, thread, signal, info) != 0 {
            libc::syscall(libc::SYS_tgkill, process, thread, signal);
        }
    }
}

/// The report takes too long.
extern "C" fn on_alarm(_signal: i32, _info: *mut libc::siginfo_t, _context: *mut libc::c_void) {
    if SIGNAL.load(Ordering::SeqCst) != 0 {
        break_off("it takes too long");
    }
}

/// Ends the report where it is, and the process by the signal that it was about. Async-signal-safe.
fn break_off(why: &str) -> ! {
    let report = REPORT.load(Ordering::SeqCst);
    if report >= 0 {
        // SAFETY: the descriptor was opened for the report, and is closed by nobody before the process ends.
        let report = unsafe { BorrowedFd::borrow_raw(report) };
        for text in ["broken off: ", why, "\n", END] {
            // What cannot be written is lost.
            let _ = rustix::io::write(report, text.as_bytes());
        }
    }
    let signal = SIGNAL.load(Ordering::SeqCst);
    // SAFETY: system calls that POSIX allows in a handler. The signal is not blocked here, and ends the process.
    unsafe {
        restore_default(signal);
        let mut waiting: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&mut waiting);
        libc::sigaddset(&mut waiting, signal);
        libc::pthread_sigmask(libc::SIG_UNBLOCK, &waiting, std::ptr::null_mut());
        libc::syscall(
            libc::SYS_tgkill,
            libc::getpid(),
            libc::syscall(libc::SYS_gettid),
            signal,
        );
        libc::_exit(128 + signal);
    }
}

/// # Safety
/// `signal` is a signal.
unsafe fn restore_default(signal: i32) {
    // SAFETY: all-zero is a valid value of this plain structure; the rest is the caller's promise.
    unsafe {
        let mut default: libc::sigaction = std::mem::zeroed();
        default.sa_sigaction = libc::SIG_DFL;
        libc::sigaction(signal, &default, std::ptr::null_mut());
    }
}

/// Crashes as a route processor with a damaged stack does: nothing is where its stack pointer points. For tests.
#[inline(never)]
pub fn fault_on_a_damaged_stack() -> ! {
    // SAFETY: nothing is mapped in the first page, so the first use of the stack faults, and nothing comes after it.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        std::arch::asm!("mov rsp, 64", "mov rbp, 64", "push rax", "ud2", options(noreturn))
    }
    // SAFETY: as above.
    #[cfg(target_arch = "aarch64")]
    unsafe {
        std::arch::asm!(
            "mov x29, #64",
            "mov sp, x29",
            "str x0, [sp, #-16]!",
            "brk #1",
            options(noreturn)
        )
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    std::process::abort()
}

fn write_signal_report(
    installed: &Installed,
    signal: i32,
    info: *const libc::siginfo_t,
    context: *const libc::c_void,
) {
    let mut text = StackText::new();
    // SAFETY: the kernel passes valid pointers to a handler with SA_SIGINFO; null is checked by `as_ref`.
    let info = unsafe { info.as_ref() };
    // A text that does not fit is cut; the start matters most.
    let _ = writeln!(
        text,
        "holdover {} {}: fatal signal {signal}, thread {}",
        installed.version,
        installed.slot,
        rustix::thread::gettid().as_raw_nonzero()
    );
    if let Some(info) = info {
        // SAFETY: for the signals that we handle the kernel fills in the address; for a sent signal it is meaningless
        // but initialised.
        let address = unsafe { info.si_addr() }.addr();
        let _ = writeln!(text, "code {}, address {address:#x}", info.si_code);
    }
    if let Some((instruction, stack)) = registers(context) {
        let _ = writeln!(text, "instruction {instruction:#x}, stack {stack:#x}");
    }
    let _ = rustix::io::write(rustix::stdio::stderr(), text.as_bytes());
    if let Ok(file) = open_report(installed) {
        // What cannot be written is lost; the core may still tell it.
        let mut write = |bytes: &[u8]| {
            let _ = rustix::io::write(file, bytes);
        };
        write(text.as_bytes());
        write_black_box(&mut write);
        write(b"\nbacktrace:\n");
        // SAFETY: allowed in a handler; nobody else in this process uses the alarm.
        unsafe { libc::alarm(BACKTRACE_LIMIT_S) };
        write_backtrace(file);
        // SAFETY: as above.
        unsafe { libc::alarm(0) };
        write(END.as_bytes());
    }
}

/// State, last inputs and log lines. Async-signal-safe.
fn write_black_box(write: &mut dyn FnMut(&[u8])) {
    write(b"\nstate:\n");
    black_box::state(write);
    write(b"\nlast inputs and log lines:\n");
    black_box::ring(write);
}

/// The first backtrace of a process loads a library, which a signal handler must not.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn prepare_backtrace() {
    let mut frames = [std::ptr::null_mut(); 1];
    // SAFETY: the buffer has room for the one frame that is asked for.
    unsafe { libc::backtrace(frames.as_mut_ptr(), 1) };
}

/// Addresses with the names of their objects, one a line. `backtrace` and `backtrace_symbols_fd` do not allocate once the
/// library is loaded (backtrace(3)). They may fault or hang; see the module.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn write_backtrace(file: BorrowedFd<'_>) {
    let mut frames = [std::ptr::null_mut(); FRAMES_MAX];
    // SAFETY: the buffer has room for as many frames as are asked for; the second call reads those that were found.
    unsafe {
        let found = libc::backtrace(frames.as_mut_ptr(), FRAMES_MAX as i32);
        libc::backtrace_symbols_fd(frames.as_ptr(), found, file.as_raw_fd());
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn prepare_backtrace() {}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn write_backtrace(file: BorrowedFd<'_>) {
    let _ = rustix::io::write(file, b"not available with this C library\n");
}

#[cfg(target_arch = "x86_64")]
fn registers(context: *const libc::c_void) -> Option<(u64, u64)> {
    // SAFETY: the kernel passes a valid `ucontext_t` to a handler with SA_SIGINFO; null is checked.
    let context = unsafe { context.cast::<libc::ucontext_t>().as_ref() }?;
    let registers = &context.uc_mcontext.gregs;
    Some((
        registers[libc::REG_RIP as usize] as u64,
        registers[libc::REG_RSP as usize] as u64,
    ))
}

#[cfg(target_arch = "aarch64")]
fn registers(context: *const libc::c_void) -> Option<(u64, u64)> {
    // SAFETY: the kernel passes a valid `ucontext_t` to a handler with SA_SIGINFO; null is checked.
    let context = unsafe { context.cast::<libc::ucontext_t>().as_ref() }?;
    Some((context.uc_mcontext.pc, context.uc_mcontext.sp))
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn registers(_context: *const libc::c_void) -> Option<(u64, u64)> {
    None
}

fn on_panic(panic: &std::panic::PanicHookInfo<'_>) {
    let installed = installed();
    if let Some(resigner) = installed.and_then(|installed| installed.resigner) {
        resigner.resign(Resignation::Panic);
    }
    if let Some(installed) = installed {
        let report = panic_report(installed, panic);
        // Standard error is a log file; the report stands for itself if one of the two cannot be written.
        let _ = std::io::stderr().write_all(report.as_bytes());
        if let Ok(file) = open_report(installed) {
            let mut write = |bytes: &[u8]| {
                let _ = rustix::io::write(file, bytes);
            };
            write(report.as_bytes());
            write_black_box(&mut write);
            write(END.as_bytes());
            IS_WHOLE.store(true, Ordering::SeqCst);
        }
    }
    std::process::abort();
}

fn panic_report(installed: &Installed, panic: &std::panic::PanicHookInfo<'_>) -> String {
    let thread = std::thread::current();
    let place = panic
        .location()
        .map_or_else(|| "an unknown place".to_string(), ToString::to_string);
    format!(
        "holdover {} {}: panic in thread '{}' at {place}:\n{}\n\nbacktrace:\n{}\n",
        installed.version,
        installed.slot,
        thread.name().unwrap_or("unnamed"),
        panic.payload_as_str().unwrap_or("(no message)"),
        std::backtrace::Backtrace::force_capture(),
    )
}

/// The report of this death. Async-signal-safe: the path is made on the stack.
fn open_report(installed: &Installed) -> rustix::io::Result<BorrowedFd<'static>> {
    let mut report = REPORT.load(Ordering::SeqCst);
    if report < 0 {
        report = create_report(installed)?.into_raw_fd();
        REPORT.store(report, Ordering::SeqCst);
    }
    // SAFETY: it was opened here, and is closed by nobody before the process ends.
    Ok(unsafe { BorrowedFd::borrow_raw(report) })
}

fn create_report(installed: &Installed) -> rustix::io::Result<rustix::fd::OwnedFd> {
    let directory = rustix::fs::open(
        installed.directory.as_c_str(),
        OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
        Mode::empty(),
    )?;
    let now_s = rustix::time::clock_gettime(rustix::time::ClockId::Realtime).tv_sec;
    let mut name = StackText::new();
    let written = black_box::host_name(&mut name).and_then(|()| {
        let tail = ReportTail {
            slot: &installed.slot,
            time: CompactUtcTime(u64::try_from(now_s).unwrap_or(0)),
        };
        write!(name, "{tail}\0")
    });
    let name = CStr::from_bytes_until_nul(name.as_bytes())
        .ok()
        .filter(|_| written.is_ok())
        .unwrap_or(c"crashinfo.txt");
    rustix::fs::openat(
        &directory,
        name,
        OFlags::WRONLY | OFlags::CREATE | OFlags::APPEND | OFlags::CLOEXEC | OFlags::NOFOLLOW,
        Mode::RUSR | Mode::WUSR,
    )
}

/// What follows the router's name in that of a report.
struct ReportTail<'a> {
    slot: &'a str,
    time: CompactUtcTime,
}

impl std::fmt::Display for ReportTail<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "-crashinfo-{}-{}.txt", self.slot, self.time)
    }
}

/// What the report of the unit in `slot` of the router called `host` is called that begins in this second.
pub fn report_name(host: &str, slot: &str, unix_s: u64) -> String {
    let time = CompactUtcTime(unix_s);
    format!("{host}{}", ReportTail { slot, time })
}

/// Text in a fixed buffer; what does not fit is refused.
struct StackText {
    bytes: [u8; 512],
    length: usize,
}

impl StackText {
    fn new() -> StackText {
        StackText {
            bytes: [0; 512],
            length: 0,
        }
    }

    fn as_str(&self) -> &str {
        // Cut in the middle of a character: what is whole before it counts.
        let bytes = self.as_bytes();
        std::str::from_utf8(bytes)
            .or_else(|error| std::str::from_utf8(&bytes[..error.valid_up_to()]))
            .unwrap_or_default()
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

impl std::fmt::Write for StackText {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        let room = &mut self.bytes[self.length..];
        let count = text.len().min(room.len());
        room[..count].copy_from_slice(&text.as_bytes()[..count]);
        self.length += count;
        if count < text.len() {
            Err(std::fmt::Error)
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_does_not_fit_is_cut_and_not_lost() {
        let mut text = StackText::new();
        assert!(write!(text, "{:>600}", 7).is_err());
        assert_eq!(text.as_bytes().len(), 512);
    }
}
