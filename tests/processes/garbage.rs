//! Nonsense on every socket of a chassis closes that connection and nothing else.

use crate::chassis::{self, eventually, hot_pair};
use runtime::operate::status_client;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

/// What nobody speaks: text, lengths beyond every bound, zeroes, half a message.
fn nonsense() -> Vec<Vec<u8>> {
    vec![
        b"GET / HTTP/1.1\r\nHost: router\r\n\r\n".to_vec(),
        vec![0xff; 4096],
        vec![0; 64],
        vec![0, 0, 0, 2, 99, 1],
        b"{\"request\":\"generate\",\"routes\":-1}\n{}\nnull\n[[[[\n".to_vec(),
        vec![b'x'; 1 << 20],
    ]
}

/// Writes to a socket and hangs up; whatever it answers, or that it closes first, is its right.
fn throw_at(path: &Path, bytes: &[u8]) {
    let mut stream = UnixStream::connect(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    stream
        .set_read_timeout(Some(Duration::from_millis(200)))
        .expect("a timeout");
    stream
        .set_write_timeout(Some(chassis::HANG_LIMIT))
        .expect("a timeout");
    match stream.write_all(bytes) {
        Ok(()) => {}
        Err(error) if matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset) => return,
        Err(error) => panic!("{}: {error}", path.display()),
    }
    let mut answer = [0; 4096];
    let deadline = Instant::now() + Duration::from_secs(1);
    while Instant::now() < deadline {
        match stream.read(&mut answer) {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
    }
}

#[test]
fn nonsense_on_any_socket_closes_that_connection_only() {
    let place = chassis::up();
    let run = place.run_directory();
    let (active, standby) = hot_pair(&run);
    let sockets = [
        "rp-link.sock",
        "card-0.sock",
        "card-1.sock",
        "console-R0.sock",
        "console-R1.sock",
        "status-R0.sock",
        "status-R1.sock",
        "hosts.sock",
        "backplane.sock",
    ];
    for socket in sockets {
        for bytes in nonsense() {
            throw_at(&run.join(socket), &bytes);
        }
    }
    let (still_active, still_standby) = hot_pair(&run);
    assert_eq!(
        (still_active.pid, still_active.epoch, still_active.switchovers),
        (active.pid, active.epoch, active.switchovers)
    );
    assert_eq!(still_standby.pid, standby.pid);
    // And everybody still talks to those who make sense.
    let output = place.script(&["--strict"], "enable\nshow redundancy states\n");
    assert!(output.status.success(), "{}", chassis::words(&output));
    assert!(place.run(&["status"]).status.success());
    eventually("both status sockets answer", || {
        status_client::observe(&run)
            .iter()
            .all(Option::is_some)
            .then_some(())
    });
}
