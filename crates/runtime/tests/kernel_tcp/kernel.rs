//! The kernel's end of a session: a socket that never blocks, and what the kernel tells of it.

use rustix::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};

/// What a socket demands and does, besides carrying bytes.
#[derive(Clone, Debug, Default)]
pub struct KernelOptions {
    /// Key of `TCP_MD5SIG`; empty: none.
    pub md5_key: Vec<u8>,
    /// `IP_TTL`, or the hop limit; 0: the system's.
    pub ttl: i32,
    /// `IP_MINTTL`, or `IPV6_MINHOPCOUNT`; 0: none.
    pub ttl_min: i32,
}

/// `IPV6_MINHOPCOUNT` of `linux/in6.h`.
const IPV6_MINHOPCOUNT: libc::c_int = 73;

fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    match result {
        -1 => Err(io::Error::last_os_error()),
        result => Ok(result),
    }
}

fn set(socket: &OwnedFd, level: libc::c_int, name: libc::c_int, value: &[u8]) -> io::Result<()> {
    // SAFETY: the pointer and the length describe `value`, which is only read.
    check(unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            name,
            value.as_ptr().cast(),
            value.len() as libc::socklen_t,
        )
    })?;
    Ok(())
}

/// A `sockaddr_in` or `sockaddr_in6`.
fn socket_address(address: SocketAddr) -> Vec<u8> {
    let mut bytes = Vec::new();
    match address {
        SocketAddr::V4(address) => {
            bytes.extend((libc::AF_INET as u16).to_ne_bytes());
            bytes.extend(address.port().to_be_bytes());
            bytes.extend(address.ip().octets());
            bytes.extend([0; 8]);
        }
        SocketAddr::V6(address) => {
            bytes.extend((libc::AF_INET6 as u16).to_ne_bytes());
            bytes.extend(address.port().to_be_bytes());
            bytes.extend([0; 4]);
            bytes.extend(address.ip().octets());
            bytes.extend([0; 4]);
        }
    }
    bytes
}

/// `struct tcp_md5sig` of `linux/tcp.h`.
fn md5_signature(remote: IpAddr, key: &[u8]) -> Vec<u8> {
    const STORAGE_LEN: usize = 128;
    const KEY_LEN: usize = 80;
    let mut bytes = socket_address(SocketAddr::new(remote, 0));
    bytes.resize(STORAGE_LEN, 0);
    bytes.extend([0, 0]);
    bytes.extend((key.len() as u16).to_ne_bytes());
    bytes.extend([0; 4]);
    bytes.extend(key);
    bytes.resize(STORAGE_LEN + 8 + KEY_LEN, 0);
    bytes
}

/// A socket bound to `local` that is to talk to `remote`.
fn socket(local: SocketAddr, remote: IpAddr, options: &KernelOptions) -> io::Result<OwnedFd> {
    let family = if local.is_ipv4() {
        libc::AF_INET
    } else {
        libc::AF_INET6
    };
    let kind = libc::SOCK_STREAM | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    // SAFETY: no pointer is passed, and the result is looked at.
    let socket = check(unsafe { libc::socket(family, kind, 0) })?;
    // SAFETY: it was just opened, and nobody else has it.
    let socket = unsafe { OwnedFd::from_raw_fd(socket) };
    let on = |value: i32| value.to_ne_bytes();
    set(&socket, libc::SOL_SOCKET, libc::SO_REUSEADDR, &on(1))?;
    set(&socket, libc::IPPROTO_TCP, libc::TCP_NODELAY, &on(1))?;
    if !options.md5_key.is_empty() {
        let signature = md5_signature(remote, &options.md5_key);
        set(&socket, libc::IPPROTO_TCP, libc::TCP_MD5SIG, &signature)?;
    }
    let (level, ttl, ttl_min) = match local.is_ipv4() {
        true => (libc::IPPROTO_IP, libc::IP_TTL, libc::IP_MINTTL),
        false => (libc::IPPROTO_IPV6, libc::IPV6_UNICAST_HOPS, IPV6_MINHOPCOUNT),
    };
    for (name, value) in [(ttl, options.ttl), (ttl_min, options.ttl_min)] {
        if value != 0 {
            set(&socket, level, name, &on(value))?;
        }
    }
    let address = socket_address(local);
    // SAFETY: the pointer and the length describe `address`, which is only read.
    check(unsafe {
        libc::bind(
            socket.as_raw_fd(),
            address.as_ptr().cast(),
            address.len() as libc::socklen_t,
        )
    })?;
    Ok(socket)
}

/// Waits at `local` for `remote`.
pub fn listen(local: SocketAddr, remote: IpAddr, options: &KernelOptions) -> io::Result<TcpListener> {
    let socket = socket(local, remote, options)?;
    // SAFETY: no pointer is passed, and the result is looked at.
    check(unsafe { libc::listen(socket.as_raw_fd(), 8) })?;
    Ok(TcpListener::from(socket))
}

/// Begins to connect from `local`.
pub fn connect(local: IpAddr, remote: SocketAddr, options: &KernelOptions) -> io::Result<TcpStream> {
    let socket = socket(SocketAddr::new(local, 0), remote.ip(), options)?;
    let address = socket_address(remote);
    // SAFETY: the pointer and the length describe `address`, which is only read.
    let result = check(unsafe {
        libc::connect(
            socket.as_raw_fd(),
            address.as_ptr().cast(),
            address.len() as libc::socklen_t,
        )
    });
    match result {
        Err(error) if error.raw_os_error() != Some(libc::EINPROGRESS) => Err(error),
        _ => Ok(TcpStream::from(socket)),
    }
}

/// What the kernel knows of its end (`TCP_INFO`).
pub fn tcp_info(stream: &TcpStream) -> libc::tcp_info {
    // SAFETY: plain data for which all-zero is a valid value.
    let mut info: libc::tcp_info = unsafe { std::mem::zeroed() };
    let mut length = size_of::<libc::tcp_info>() as libc::socklen_t;
    // SAFETY: the pointer and the length describe `info`, which is exclusively borrowed.
    let result = unsafe {
        libc::getsockopt(
            stream.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_INFO,
            (&raw mut info).cast(),
            &raw mut length,
        )
    };
    check(result).expect("a TCP socket tells of itself");
    info
}

/// A counter of this thread's namespace, out of `/proc/net/netstat`: `TcpExt` and the name.
pub fn counter(name: &str) -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/net/netstat").expect("the kernel's counters");
    let mut lines = text.lines().filter(|line| line.starts_with("TcpExt:"));
    let (names, values) = (lines.next().expect("names"), lines.next().expect("values"));
    names
        .split_whitespace()
        .zip(values.split_whitespace())
        .find(|(found, _)| *found == name)
        .and_then(|(_, value)| value.parse().ok())
        .unwrap_or_else(|| panic!("no counter {name}"))
}
