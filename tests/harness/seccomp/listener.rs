//! Seccomp's user notification: each call of certain kinds in a child waits until this process decides about
//! it.
//!
//! The child installs the filter between fork and exec, and sends its listener over a socket. When the last
//! descriptor of the listener is closed, the calls fail with `ENOSYS`. See `seccomp_unotify(2)`; Linux 5.5.

use std::{
    io::{self, IoSliceMut},
    mem::size_of,
    num::TryFromIntError,
    os::{
        fd::{AsFd as _, AsRawFd, FromRawFd as _, OwnedFd, RawFd},
        unix::net::UnixStream,
    },
};

use nix::{
    cmsg_space,
    errno::Errno,
    libc::{self, c_ulong, seccomp_notif, seccomp_notif_resp, sock_filter, sock_fprog},
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::socket::{ControlMessageOwned, MsgFlags, UnixAddr, recvmsg},
};

/// Loads four bytes of `seccomp_data`.
const LOAD: u16 = code(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS);
/// Skips `jt` steps if the loaded value is `k`.
const JUMP_IF: u16 = code(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K);
/// Ends with `k`.
const RETURN: u16 = code(libc::BPF_RET | libc::BPF_K);
#[expect(clippy::cast_possible_truncation, reason = "codes of instructions have 16 bits")]
const fn code(bits: u32) -> u16 {
    bits as u16
}

/// The descriptor that delivers notifications and takes answers.
pub(super) struct Listener(OwnedFd);

/// One waiting call.
pub(super) struct Call {
    id: u64,
    /// The lower half of the call's first argument: the command of a `bpf` call.
    pub(super) first: u32,
}

/// A filter that asks about the calls of these numbers, and lets all others pass.
pub(super) fn filter(calls: &[libc::c_long]) -> Result<Vec<sock_filter>, TryFromIntError> {
    let step = |code, k, jt| sock_filter { code, jt, jf: 0, k };
    // The number of the call is the first field of `seccomp_data`. The child has the architecture of this
    // process.
    let mut filter = vec![step(LOAD, 0, 0)];
    for (behind, call) in (0..calls.len()).rev().zip(calls) {
        // Jumps over the remaining comparisons, and over the exit for all other calls.
        filter.push(step(JUMP_IF, (*call).try_into()?, u8::try_from(behind + 1)?));
    }
    filter.push(step(RETURN, libc::SECCOMP_RET_ALLOW, 0));
    filter.push(step(RETURN, libc::SECCOMP_RET_USER_NOTIF, 0));
    Ok(filter)
}

/// Installs the filter in the calling thread, and sends the listener to the other end of `socket`. It runs in
/// a child before its exec, so it neither allocates nor locks.
pub(super) fn install(socket: &UnixStream, filter: &mut [sock_filter]) -> io::Result<()> {
    let len = u16::try_from(filter.len()).map_err(|_| Errno::EINVAL)?;
    let program = sock_fprog { len, filter: filter.as_mut_ptr() };
    // SAFETY: this prctl takes numbers only.
    Errno::result(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) })?;
    let listen = |flags: c_ulong| {
        let flags = libc::SECCOMP_FILTER_FLAG_NEW_LISTENER | flags;
        // SAFETY: the program and its instructions are alive; the kernel copies them.
        Errno::result(unsafe {
            libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, &raw const program)
        })
    };
    // Without this flag, a call that a signal interrupts is reported twice. Kernels before 5.19 do not have
    // the flag.
    let descriptor = match listen(libc::SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV) {
        Err(Errno::EINVAL) => listen(0)?,
        listener => listener?,
    };
    let descriptor = RawFd::try_from(descriptor).map_err(|_| Errno::EBADF)?;
    // SAFETY: the kernel has just made it, and nobody else knows it.
    let listener = unsafe { OwnedFd::from_raw_fd(descriptor) };
    hand_over(socket, &listener)
}

/// Sends a message of one byte with the listener, laid out as in `cmsg(3)`. nix's `sendmsg` would allocate.
fn hand_over(socket: &UnixStream, listener: &OwnedFd) -> io::Result<()> {
    #[repr(C)]
    struct Rights {
        header: libc::cmsghdr,
        descriptor: RawFd,
    }
    // Without the padding behind the descriptor.
    let cmsg_len = size_of::<libc::cmsghdr>() + size_of::<RawFd>();
    let header = libc::cmsghdr { cmsg_len, cmsg_level: libc::SOL_SOCKET, cmsg_type: libc::SCM_RIGHTS };
    let mut rights = Rights { header, descriptor: listener.as_raw_fd() };
    let mut byte = 0_u8;
    let mut content = libc::iovec { iov_base: (&raw mut byte).cast(), iov_len: 1 };
    // SAFETY: all zeros is a message without address, content and control message.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = &raw mut content;
    message.msg_iovlen = 1;
    message.msg_control = (&raw mut rights).cast();
    message.msg_controllen = size_of::<Rights>();
    // SAFETY: the message points to one byte and to one control message, both alive.
    Errno::result(unsafe { libc::sendmsg(socket.as_raw_fd(), &raw const message, 0) })?;
    Ok(())
}

impl Listener {
    /// Waits for the child's listener. Returns `None` if the child ended before it had one.
    pub(super) fn receive(socket: &UnixStream) -> io::Result<Option<Self>> {
        let (mut byte, mut space) = ([0], cmsg_space!(RawFd));
        let mut content = [IoSliceMut::new(&mut byte)];
        let flags = MsgFlags::MSG_CMSG_CLOEXEC;
        let message = recvmsg::<UnixAddr>(socket.as_raw_fd(), &mut content, Some(&mut space), flags)?;
        let descriptor = message.cmsgs()?.find_map(|control| match control {
            ControlMessageOwned::ScmRights(descriptors) => descriptors.first().copied(),
            _ => None,
        });
        // SAFETY: the kernel has just given it to this process, once.
        Ok(descriptor.map(|descriptor| Self(unsafe { OwnedFd::from_raw_fd(descriptor) })))
    }

    /// Waits for a call. Returns `None` if no process is left that could make one.
    pub(super) fn next(&self) -> io::Result<Option<Call>> {
        loop {
            let mut ready = [PollFd::new(self.0.as_fd(), PollFlags::POLLIN)];
            match poll(&mut ready, PollTimeout::NONE) {
                Err(Errno::EINTR) => continue,
                polled => polled?,
            };
            if !ready[0].revents().is_some_and(|events| events.contains(PollFlags::POLLIN)) {
                return Ok(None);
            }
            // SAFETY: all zeros is a valid notification, and the kernel requires such a value.
            let mut call: seccomp_notif = unsafe { std::mem::zeroed() };
            // SAFETY: the pointer is to a live value of the type that the request names.
            match self.ask(|raw| unsafe { libc::ioctl(raw, libc::SECCOMP_IOCTL_NOTIF_RECV, &raw mut call) }) {
                // The caller was killed in the meantime.
                Err(Errno::ENOENT | Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
                Ok(()) => return Ok(Some(Call { id: call.id, first: lower_half(call.data.args[0]) })),
            }
        }
    }

    /// Lets the call pass, or makes it fail.
    pub(super) fn answer(&self, call: &Call, fault: Option<Errno>) -> io::Result<()> {
        let mut answer = match fault {
            // `SECCOMP_USER_NOTIF_FLAG_CONTINUE`. The decision depends on a register, which nobody can change
            // by now.
            None => seccomp_notif_resp { id: call.id, val: 0, error: 0, flags: 1 },
            Some(errno) => seccomp_notif_resp { id: call.id, val: 0, error: -(errno as i32), flags: 0 },
        };
        // SAFETY: the pointer is to a live value of the type that the request names.
        match self.ask(|raw| unsafe { libc::ioctl(raw, libc::SECCOMP_IOCTL_NOTIF_SEND, &raw mut answer) }) {
            // The caller was killed in the meantime.
            Ok(()) | Err(Errno::ENOENT) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn ask(&self, request: impl FnOnce(RawFd) -> i32) -> Result<(), Errno> {
        Errno::result(request(self.0.as_raw_fd())).map(drop)
    }
}

/// `enum bpf_cmd` is an int, so the upper half of its register has no meaning.
#[expect(clippy::cast_possible_truncation, reason = "the upper half has no meaning")]
const fn lower_half(register: u64) -> u32 {
    register as u32
}
