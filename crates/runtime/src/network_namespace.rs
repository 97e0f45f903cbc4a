//! A network namespace of one's own, and an interface in it whose cable ends in this process (`tun(4)`).
//!
//! So a process can have the kernel's network stack on the far side of a wire, with addresses that nobody else on the
//! host sees, and nothing is left behind when it ends.
//!
//! Contract: [`enter_new`] moves the calling thread. Threads and sockets that it makes afterwards are inside too.

use rustix::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ffi::CString;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Why there is no namespace, or no interface in it. The text says what to do about it.
#[derive(Debug)]
pub enum NamespaceError {
    /// The process may not make one.
    Permission(io::Error),
    /// What the system refuses, and why.
    Refused {
        /// What could not be done.
        doing: &'static str,
        /// Why not.
        source: io::Error,
    },
}

impl NamespaceError {
    fn refused(doing: &'static str) -> impl Fn(io::Error) -> NamespaceError {
        move |source| NamespaceError::Refused { doing, source }
    }
}

impl fmt::Display for NamespaceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NamespaceError::Permission(source) => write!(
                f,
                "cannot make a network namespace ({source}): run it as root, or allow unprivileged user namespaces \
                 with 'sysctl -w kernel.unprivileged_userns_clone=1' where the kernel has that switch"
            ),
            NamespaceError::Refused { doing, source } => write!(f, "cannot {doing}: {source}"),
        }
    }
}

impl std::error::Error for NamespaceError {}

/// Moves the calling thread into a new network namespace with nothing but a loopback interface, which is up. Without
/// privilege a user namespace is made around it, which only a process of one thread can do.
///
/// # Errors
/// [`NamespaceError::Permission`] when neither is allowed.
pub fn enter_new() -> Result<(), NamespaceError> {
    if let Err(error) = unshare(libc::CLONE_NEWNET)
        && unshare(libc::CLONE_NEWUSER | libc::CLONE_NEWNET).is_err()
    {
        return Err(NamespaceError::Permission(error));
    }
    set_up("lo").map_err(NamespaceError::refused("bring up the loopback interface"))
}

fn unshare(flags: libc::c_int) -> io::Result<()> {
    // SAFETY: leaving namespaces shares no memory and closes no descriptor.
    check(unsafe { libc::unshare(flags) })
}

fn check(result: libc::c_int) -> io::Result<()> {
    match result {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// What travels on the cable of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// IP packets; there are no neighbours to be resolved.
    Ip,
    /// Ethernet frames.
    Ethernet,
}

/// The far end of the cable of an interface that was made for it, and goes with it.
#[derive(Debug)]
pub struct Cable {
    file: OwnedFd,
}

impl Cable {
    /// Makes interface `name`, down and without addresses, in the calling thread's namespace.
    ///
    /// # Errors
    /// [`NamespaceError::Refused`], without `/dev/net/tun` or `CAP_NET_ADMIN`.
    pub fn attach(layer: Layer, name: &str) -> Result<Cable, NamespaceError> {
        let refused = NamespaceError::refused("open /dev/net/tun for an interface");
        // SAFETY: the path ends with a zero, and the result is looked at.
        let file = unsafe {
            libc::open(
                c"/dev/net/tun".as_ptr(),
                libc::O_RDWR | libc::O_NONBLOCK | libc::O_CLOEXEC,
            )
        };
        check(file).map_err(&refused)?;
        // SAFETY: it was just opened, and nobody else has it.
        let file = unsafe { OwnedFd::from_raw_fd(file) };
        let kind = match layer {
            Layer::Ip => libc::IFF_TUN,
            Layer::Ethernet => libc::IFF_TAP,
        };
        let mut request = request(name).map_err(&refused)?;
        request.ifr_ifru.ifru_flags = (kind | libc::IFF_NO_PI) as libc::c_short;
        // SAFETY: the request is an `ifreq`, as this call wants it.
        let result = unsafe { libc::ioctl(file.as_raw_fd(), libc::TUNSETIFF, &raw mut request) };
        check(result).map_err(refused)?;
        Ok(Cable { file })
    }

    /// Readable while there is a frame.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    /// Takes one frame that the kernel sent; `None` when there is none.
    ///
    /// # Errors
    /// As `read(2)`.
    pub fn receive(&self, frame: &mut [u8]) -> io::Result<Option<usize>> {
        match rustix::io::read(&self.file, frame) {
            Ok(length) => Ok(Some(length)),
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Gives the kernel one frame.
    ///
    /// # Errors
    /// As `write(2)`: the interface is down, or the frame is none.
    pub fn send(&self, frame: &[u8]) -> io::Result<()> {
        rustix::io::write(&self.file, frame)?;
        Ok(())
    }
}

fn request(name: &str) -> io::Result<libc::ifreq> {
    // SAFETY: plain data for which all-zero is a valid value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    // The name needs a terminating zero.
    if name.is_empty() || name.len() >= request.ifr_name.len() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    for (place, byte) in request.ifr_name.iter_mut().zip(name.bytes()) {
        *place = byte as libc::c_char;
    }
    Ok(request)
}

fn control_socket(family: libc::c_int) -> io::Result<OwnedFd> {
    // SAFETY: no pointer is passed, and the result is looked at.
    let socket = unsafe { libc::socket(family, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) };
    check(socket)?;
    // SAFETY: it was just opened, and nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(socket) })
}

/// Brings an interface up.
///
/// # Errors
/// As `netdevice(7)`.
pub fn set_up(name: &str) -> io::Result<()> {
    let socket = control_socket(libc::AF_INET)?;
    let mut request = request(name)?;
    request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
    // SAFETY: the request is an `ifreq`, as this call wants it.
    check(unsafe {
        libc::ioctl(
            socket.as_raw_fd(),
            libc::SIOCSIFFLAGS as libc::Ioctl,
            &raw mut request,
        )
    })
}

/// Gives an interface an address with a prefix of `prefix_len` bits. IPv4: the only one of `name`, which may be an alias
/// such as `lo:1`; on a loopback interface the whole prefix is local then.
///
/// # Errors
/// As `netdevice(7)` and `ipv6(7)`.
pub fn set_address(name: &str, address: IpAddr, prefix_len: u8) -> io::Result<()> {
    match address {
        IpAddr::V4(address) => set_address_v4(name, address, prefix_len),
        IpAddr::V6(address) => set_address_v6(name, address, prefix_len),
    }
}

fn set_address_v4(name: &str, address: Ipv4Addr, prefix_len: u8) -> io::Result<()> {
    let mask = Ipv4Addr::from(
        u32::MAX
            .checked_shl(32 - u32::from(prefix_len.min(32)))
            .unwrap_or(0),
    );
    let socket = control_socket(libc::AF_INET)?;
    for (what, address) in [(libc::SIOCSIFADDR, address), (libc::SIOCSIFNETMASK, mask)] {
        let mut request = request(name)?;
        // SAFETY: both are plain data, and a `sockaddr_in` is as large as the `sockaddr` that the union holds.
        let place: &mut libc::sockaddr_in = unsafe { &mut *(&raw mut request.ifr_ifru).cast() };
        place.sin_family = libc::AF_INET as libc::sa_family_t;
        place.sin_addr.s_addr = u32::from(address).to_be();
        // SAFETY: the request is an `ifreq`, as these calls want it.
        check(unsafe { libc::ioctl(socket.as_raw_fd(), what as libc::Ioctl, &raw mut request) })?;
    }
    Ok(())
}

fn set_address_v6(name: &str, address: Ipv6Addr, prefix_len: u8) -> io::Result<()> {
    let socket = control_socket(libc::AF_INET6)?;
    let name = CString::new(name)?;
    // SAFETY: the name ends with a zero.
    let index = unsafe { libc::if_nametoindex(name.as_ptr()) };
    if index == 0 {
        return Err(io::Error::last_os_error());
    }
    let request = libc::in6_ifreq {
        ifr6_addr: libc::in6_addr {
            s6_addr: address.octets(),
        },
        ifr6_prefixlen: u32::from(prefix_len),
        ifr6_ifindex: index as libc::c_int,
    };
    // SAFETY: the request is an `in6_ifreq`, as this call wants it on a socket of this family.
    check(unsafe {
        libc::ioctl(
            socket.as_raw_fd(),
            libc::SIOCSIFADDR as libc::Ioctl,
            &raw const request,
        )
    })
}
