//! Many datagrams with one system call: `recvmmsg` and `sendmmsg`.

use rustix::fd::{AsRawFd, BorrowedFd};
use std::io;

/// Datagrams in one call.
pub const BATCH: usize = 32;
/// Room for ancillary data of one datagram, in bytes.
const CONTROL_LEN: usize = 64;
/// Room for a sender's address: the largest of those that are looked at.
const NAME_LEN: usize = size_of::<libc::sockaddr_in6>();

/// Ancillary data needs the alignment of its headers.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
struct Control([u8; CONTROL_LEN]);

/// Buffers for a batch of datagrams, and what the kernel said about each.
pub struct ReceiveBatch {
    bytes: Box<[u8]>,
    stride: usize,
    lens: [usize; BATCH],
    flags: [libc::c_int; BATCH],
    names: [[u8; NAME_LEN]; BATCH],
    controls: [Control; BATCH],
    control_lens: [usize; BATCH],
}

/// One received datagram.
pub struct Datagram<'a> {
    /// What it carries, at most the buffer's length.
    pub bytes: &'a mut [u8],
    /// It was longer than the buffer, and the rest is lost.
    pub truncated: bool,
    /// The sender's address as the kernel writes it (`sockaddr`), padded with zeros.
    pub name: &'a [u8],
    /// Ancillary data, as the kernel writes it.
    pub control: &'a [u8],
}

impl ReceiveBatch {
    /// Buffers for datagrams of at most `datagram_len_max` bytes.
    pub fn new(datagram_len_max: usize) -> ReceiveBatch {
        // Buffers start on their own cache lines.
        let stride = datagram_len_max.next_multiple_of(64);
        ReceiveBatch {
            bytes: vec![0; stride * BATCH].into_boxed_slice(),
            stride,
            lens: [0; BATCH],
            flags: [0; BATCH],
            names: [[0; NAME_LEN]; BATCH],
            controls: [Control([0; CONTROL_LEN]); BATCH],
            control_lens: [0; BATCH],
        }
    }

    /// Receives at most `count` datagrams (and at most [`BATCH`]) without waiting; returns how many.
    ///
    /// # Errors
    /// As `recvmmsg(2)`; `WouldBlock` when there is none.
    pub fn receive(&mut self, socket: BorrowedFd<'_>, count: usize) -> io::Result<usize> {
        let count = count.min(BATCH);
        // SAFETY: both are plain data for which all-zero is a valid value.
        let (mut messages, mut vectors): ([libc::mmsghdr; BATCH], [libc::iovec; BATCH]) =
            unsafe { (std::mem::zeroed(), std::mem::zeroed()) };
        for (index, chunk) in self.bytes.chunks_exact_mut(self.stride).take(count).enumerate() {
            vectors[index] = libc::iovec {
                iov_base: chunk.as_mut_ptr().cast(),
                iov_len: chunk.len(),
            };
            let header = &mut messages[index].msg_hdr;
            header.msg_iov = &raw mut vectors[index];
            header.msg_iovlen = 1;
            self.names[index] = [0; NAME_LEN];
            header.msg_name = self.names[index].as_mut_ptr().cast();
            header.msg_namelen = NAME_LEN as libc::socklen_t;
            header.msg_control = self.controls[index].0.as_mut_ptr().cast();
            header.msg_controllen = CONTROL_LEN;
        }
        // SAFETY: the first `count` headers point to one vector, one name and one control buffer each, all of them
        // distinct, exclusively borrowed, alive until after the call, and of the lengths given; no timeout is given.
        let received = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                messages.as_mut_ptr(),
                count as libc::c_uint,
                libc::MSG_DONTWAIT,
                std::ptr::null_mut(),
            )
        };
        let received = usize::try_from(received).map_err(|_| io::Error::last_os_error())?;
        for (index, message) in messages.iter().enumerate().take(received) {
            self.lens[index] = (message.msg_len as usize).min(self.stride);
            self.flags[index] = message.msg_hdr.msg_flags;
            self.control_lens[index] = message.msg_hdr.msg_controllen.min(CONTROL_LEN);
        }
        Ok(received)
    }

    /// Datagram `index` of the last call.
    ///
    /// # Panics
    /// When `index` is not below [`BATCH`].
    pub fn datagram(&mut self, index: usize) -> Datagram<'_> {
        let start = index * self.stride;
        Datagram {
            bytes: &mut self.bytes[start..start + self.lens[index]],
            truncated: self.flags[index] & libc::MSG_TRUNC != 0,
            name: &self.names[index],
            control: &self.controls[index].0[..self.control_lens[index]],
        }
    }
}

/// Sends `datagrams`, at most [`BATCH`] of them, without waiting; returns how many the kernel took.
///
/// `name` is where to, as the kernel reads it (`sockaddr`); empty for a connected socket.
///
/// # Errors
/// As `sendmmsg(2)`, about the first datagram; `WouldBlock` when there is no room.
pub fn send<'a>(
    socket: BorrowedFd<'_>,
    datagrams: impl Iterator<Item = &'a [u8]>,
    name: &[u8],
) -> io::Result<usize> {
    // SAFETY: both are plain data for which all-zero is a valid value.
    let (mut messages, mut vectors): ([libc::mmsghdr; BATCH], [libc::iovec; BATCH]) =
        unsafe { (std::mem::zeroed(), std::mem::zeroed()) };
    let mut count = 0;
    for datagram in datagrams.take(BATCH) {
        vectors[count] = libc::iovec {
            iov_base: datagram.as_ptr().cast_mut().cast(),
            iov_len: datagram.len(),
        };
        let header = &mut messages[count].msg_hdr;
        header.msg_iov = &raw mut vectors[count];
        header.msg_iovlen = 1;
        if !name.is_empty() {
            header.msg_name = name.as_ptr().cast_mut().cast();
            header.msg_namelen = name.len() as libc::socklen_t;
        }
        count += 1;
    }
    // SAFETY: the first `count` headers point to one vector each and to `name`, with their true lengths; all are alive
    // until after the call, and sending only reads through these pointers.
    let sent = unsafe {
        libc::sendmmsg(
            socket.as_raw_fd(),
            messages.as_mut_ptr(),
            count as libc::c_uint,
            libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL,
        )
    };
    usize::try_from(sent).map_err(|_| io::Error::last_os_error())
}
