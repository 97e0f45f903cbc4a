//! The system calls of a packet socket and of the interface that it is bound to (`packet(7)`, `netdevice(7)`).

use rustix::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use rustix::net::sockopt;
use std::io;

/// Not in the C library's headers everywhere (`linux/if_packet.h`).
const PACKET_IGNORE_OUTGOING: libc::c_int = 23;
const SOCKET_BUFFER_LEN: usize = 16 << 20;

/// An interface as the kernel shows it now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InterfaceState {
    /// The kernel's number for it; an interface that is made anew gets another one.
    pub index: u32,
    /// It is administratively up and has a carrier.
    pub running: bool,
}

/// Looks at the interface `name`; `None` when there is none.
///
/// # Errors
/// When the process has no descriptor left.
pub fn interface_state(name: &str) -> io::Result<Option<InterfaceState>> {
    // SAFETY: plain data for which all-zero is a valid value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    // The name needs a terminating zero.
    if name.is_empty() || name.len() >= request.ifr_name.len() || name.contains('\0') {
        return Ok(None);
    }
    for (place, byte) in request.ifr_name.iter_mut().zip(name.bytes()) {
        *place = byte as libc::c_char;
    }
    let socket = new_socket(libc::AF_INET, libc::SOCK_DGRAM, 0)?;
    let mut ask = |what: libc::Ioctl| -> io::Result<bool> {
        // SAFETY: both questions asked below read the name from the structure and write their answer into it.
        match unsafe { libc::ioctl(socket.as_raw_fd(), what, &raw mut request) } {
            0 => Ok(true),
            _ => match io::Error::last_os_error() {
                error if error.raw_os_error() == Some(libc::ENODEV) => Ok(false),
                error => Err(error),
            },
        }
    };
    if !ask(libc::SIOCGIFINDEX as libc::Ioctl)? {
        return Ok(None);
    }
    // SAFETY: the call has filled in this member of the union.
    let index = unsafe { request.ifr_ifru.ifru_ifindex };
    let mut ask = |what: libc::Ioctl| -> bool {
        // SAFETY: as above.
        unsafe { libc::ioctl(socket.as_raw_fd(), what, &raw mut request) == 0 }
    };
    if !ask(libc::SIOCGIFFLAGS as libc::Ioctl) {
        return Ok(None);
    }
    // SAFETY: the call has filled in this member of the union.
    let flags = libc::c_int::from(unsafe { request.ifr_ifru.ifru_flags });
    let running = flags & libc::IFF_UP != 0 && flags & libc::IFF_RUNNING != 0;
    Ok(u32::try_from(index)
        .ok()
        .map(|index| InterfaceState { index, running }))
}

/// Opens a packet socket for all frames that arrive at interface `index`, in promiscuous mode, with a
/// `virtio_net_hdr` before each frame in both directions, and the VLAN tag as ancillary data.
///
/// # Errors
/// `PermissionDenied` without `CAP_NET_RAW`; `ENODEV` when the interface has gone.
pub fn open(index: u32) -> io::Result<OwnedFd> {
    // Protocol 0 receives nothing until the socket is bound, so that nothing comes in without the options.
    let socket = new_socket(libc::AF_PACKET, libc::SOCK_RAW, 0)?;
    for option in [
        libc::PACKET_VNET_HDR,
        libc::PACKET_AUXDATA,
        PACKET_IGNORE_OUTGOING,
    ] {
        set_option(&socket, option, &1i32)?;
    }
    if sockopt::set_socket_recv_buffer_size_force(&socket, SOCKET_BUFFER_LEN).is_err() {
        sockopt::set_socket_recv_buffer_size(&socket, SOCKET_BUFFER_LEN)?;
    }
    if sockopt::set_socket_send_buffer_size_force(&socket, SOCKET_BUFFER_LEN).is_err() {
        sockopt::set_socket_send_buffer_size(&socket, SOCKET_BUFFER_LEN)?;
    }
    // SAFETY: plain data for which all-zero is a valid value.
    let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
    address.sll_family = libc::AF_PACKET as libc::c_ushort;
    address.sll_protocol = (libc::ETH_P_ALL as u16).to_be();
    address.sll_ifindex = index as libc::c_int;
    bind(&socket, &address)?;
    // SAFETY: plain data for which all-zero is a valid value.
    let mut membership: libc::packet_mreq = unsafe { std::mem::zeroed() };
    membership.mr_ifindex = index as libc::c_int;
    membership.mr_type = libc::PACKET_MR_PROMISC as libc::c_ushort;
    set_option(&socket, libc::PACKET_ADD_MEMBERSHIP, &membership)?;
    Ok(socket)
}

/// Whether packet sockets can be opened here at all.
///
/// # Errors
/// `PermissionDenied` without `CAP_NET_RAW`.
pub fn check() -> io::Result<()> {
    new_socket(libc::AF_PACKET, libc::SOCK_RAW, 0).map(drop)
}

/// Frames that the kernel has dropped since the last call because the socket's buffer was full.
///
/// # Errors
/// As `getsockopt(2)`.
pub fn take_drops(socket: BorrowedFd<'_>) -> io::Result<u64> {
    // SAFETY: plain data for which all-zero is a valid value.
    let mut statistics: libc::tpacket_stats = unsafe { std::mem::zeroed() };
    let mut len = size_of::<libc::tpacket_stats>() as libc::socklen_t;
    // SAFETY: the pointer and the length describe `statistics`, which is exclusively borrowed.
    let refused = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_PACKET,
            libc::PACKET_STATISTICS,
            (&raw mut statistics).cast(),
            &mut len,
        )
    };
    if refused != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(statistics.tp_drops.into())
}

/// A socket that becomes readable when any interface of this network namespace changes.
///
/// # Errors
/// When the process has no descriptor left.
pub fn open_link_monitor() -> io::Result<OwnedFd> {
    let socket = new_socket(libc::AF_NETLINK, libc::SOCK_RAW, libc::NETLINK_ROUTE)?;
    // SAFETY: plain data for which all-zero is a valid value.
    let mut address: libc::sockaddr_nl = unsafe { std::mem::zeroed() };
    address.nl_family = libc::AF_NETLINK as libc::c_ushort;
    address.nl_groups = libc::RTMGRP_LINK as u32;
    bind(&socket, &address)?;
    Ok(socket)
}

/// Reads away what a link monitor has to say. The messages do not matter: the interface is looked at afterwards.
pub fn drain(monitor: &OwnedFd) {
    let mut buffer = [0; 8192];
    loop {
        match rustix::net::recv(monitor, &mut buffer[..], rustix::net::RecvFlags::DONTWAIT) {
            // An overrun means that messages were lost, which is a message too.
            Ok(_) | Err(rustix::io::Errno::INTR | rustix::io::Errno::NOBUFS) => {}
            Err(_) => return,
        }
    }
}

/// The VLAN tag that the kernel took out of a frame, from the frame's ancillary data: TPID and tag control word.
pub fn stripped_tag(control: &[u8]) -> Option<(u16, u16)> {
    const STATUS_VLAN_VALID: u32 = 1 << 4;
    const STATUS_TPID_VALID: u32 = 1 << 6;
    // `cmsghdr`: length, level, type; then `tpacket_auxdata`.
    const HEADER_LEN: usize = size_of::<libc::cmsghdr>();
    let word = |at: usize| control.get(at..at + 4)?.try_into().ok().map(u32::from_ne_bytes);
    let half = |at: usize| control.get(at..at + 2)?.try_into().ok().map(u16::from_ne_bytes);
    let (level, kind) = (word(HEADER_LEN - 8)?, word(HEADER_LEN - 4)?);
    if (level, kind) != (libc::SOL_PACKET as u32, libc::PACKET_AUXDATA as u32) {
        return None;
    }
    let status = word(HEADER_LEN)?;
    if status & STATUS_VLAN_VALID == 0 {
        return None;
    }
    let tpid = if status & STATUS_TPID_VALID == 0 {
        0x8100
    } else {
        half(HEADER_LEN + 18)?
    };
    Some((tpid, half(HEADER_LEN + 16)?))
}

fn new_socket(family: libc::c_int, kind: libc::c_int, protocol: libc::c_int) -> io::Result<OwnedFd> {
    let kind = kind | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: no pointers are involved.
    let fd = unsafe { libc::socket(family, kind, protocol) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call has just returned this descriptor and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Binds to an address structure of the C library.
fn bind<T>(socket: &OwnedFd, address: &T) -> io::Result<()> {
    let len = size_of::<T>() as libc::socklen_t;
    // SAFETY: pointer and length describe `address`, which is only read; the kernel checks its family.
    let refused = unsafe { libc::bind(socket.as_raw_fd(), std::ptr::from_ref(address).cast(), len) };
    if refused == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

fn set_option<T>(socket: impl AsFd, option: libc::c_int, value: &T) -> io::Result<()> {
    let len = size_of::<T>() as libc::socklen_t;
    let fd = socket.as_fd().as_raw_fd();
    // SAFETY: pointer and length describe `value`, which is only read.
    let refused = unsafe {
        libc::setsockopt(
            fd,
            libc::SOL_PACKET,
            option,
            std::ptr::from_ref(value).cast(),
            len,
        )
    };
    if refused == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_interface_is_found_and_a_nonsense_name_is_not() {
        assert!(interface_state("lo").unwrap().is_some());
        for name in ["", "no-such-if", "a-name-that-is-too-long-for-linux", "l\0o"] {
            assert_eq!(interface_state(name).unwrap(), None, "{name:?}");
        }
    }

    #[test]
    fn a_stripped_tag_is_read_from_the_ancillary_data() {
        let mut control = vec![0; 36];
        control[..8].copy_from_slice(&36usize.to_ne_bytes());
        control[8..12].copy_from_slice(&libc::SOL_PACKET.to_ne_bytes());
        control[12..16].copy_from_slice(&libc::PACKET_AUXDATA.to_ne_bytes());
        assert_eq!(stripped_tag(&control), None, "no tag was there");
        control[16..20].copy_from_slice(&0x51u32.to_ne_bytes());
        control[32..34].copy_from_slice(&7u16.to_ne_bytes());
        control[34..36].copy_from_slice(&0x88a8u16.to_ne_bytes());
        assert_eq!(stripped_tag(&control), Some((0x88a8, 7)));
        for len in 0..36 {
            assert_eq!(stripped_tag(&control[..len]), None, "cut to {len} bytes");
        }
    }
}
