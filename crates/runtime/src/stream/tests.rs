use super::*;
use crate::event_loop::{EventLoop, Interest};
use crate::test_directory::TestDirectory;
use proptest::prelude::*;
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

fn pair(outgoing_max: usize) -> (MessageStream, MessageStream) {
    let (near, far) = UnixStream::pair().unwrap();
    let stream = |end: UnixStream| MessageStream::from_fd(end.into(), 1_000_000, outgoing_max).unwrap();
    (stream(near), stream(far))
}

#[test]
fn a_message_is_these_bytes() {
    let (mut near, far) = pair(100);
    near.send_parts(7, &[b"ab", b"c"]).unwrap();
    near.flush().unwrap();
    let mut bytes = [0; 20];
    let count = rustix::io::read(&far, &mut bytes).unwrap();
    assert_eq!(&bytes[..count], b"\x03\0\0\0\x07abc");
}

#[test]
fn bytes_are_these_messages() {
    let mut decoder = Decoder::new(10);
    decoder.feed(b"\0\0\0\0\x01\x02\0\0\0\x02hi\x0a\0\0\0\x03012345");
    assert_eq!(decoder.next_message().unwrap(), Some((1, &b""[..])));
    assert_eq!(decoder.next_message().unwrap(), Some((2, &b"hi"[..])));
    assert_eq!(decoder.next_message().unwrap(), None);
    assert_eq!(decoder.finish(), Err(FrameError::Truncated { arrived: 11 }));
    decoder.feed(b"6789");
    assert_eq!(decoder.next_message().unwrap(), Some((3, &b"0123456789"[..])));
    assert_eq!(decoder.finish(), Ok(()));
}

#[test]
fn garbage_is_refused_with_what_was_seen_and_takes_no_memory() {
    let mut decoder = Decoder::new(1000);
    decoder.feed(b"GET / HTTP/1.1\r\n");
    let error = decoder.next_message().unwrap_err();
    assert_eq!(
        error.to_string(),
        "a message of 542393671 bytes was announced, at most 1000 are carried here (header \"GET /\": garbage or \
         another protocol)"
    );
    assert_eq!(decoder.next_message().unwrap_err(), error, "it stays broken");
    assert!(decoder.buffer_with_room(1).capacity() < 10_000);
}

proptest! {
    #[test]
    fn any_cut_of_any_bytes_gives_the_same_messages(data in proptest::collection::vec(any::<u8>(), 0..2000)) {
        exercise_decoder(&data);
    }

    #[test]
    fn messages_come_out_as_they_went_in(
        messages in proptest::collection::vec((any::<u8>(), proptest::collection::vec(any::<u8>(), 0..300)), 0..40),
        piece in 1..700usize,
    ) {
        let mut bytes = Vec::new();
        for (kind, message) in &messages {
            bytes.extend((message.len() as u32).to_le_bytes());
            bytes.push(*kind);
            bytes.extend(message);
        }
        let mut decoder = Decoder::new(300);
        let mut received = Vec::new();
        for piece in bytes.chunks(piece) {
            decoder.feed(piece);
            while let Some((kind, message)) = decoder.next_message().unwrap() {
                received.push((kind, message.to_vec()));
            }
        }
        prop_assert_eq!(received, messages);
        prop_assert_eq!(decoder.finish(), Ok(()));
    }
}

#[test]
fn a_full_queue_refuses_and_drains_as_the_peer_reads() {
    let (mut near, mut far) = pair(1_000_000);
    let message = vec![9u8; 10_000];
    let mut sent = 0;
    let refused = loop {
        near.flush().unwrap();
        match near.send(1, &message) {
            Ok(()) => sent += 1,
            Err(refused) => break refused,
        }
    };
    let SendError::Full {
        queued_bytes,
        queued_bytes_max: 1_000_000,
    } = refused
    else {
        panic!("{refused}");
    };
    assert_eq!(queued_bytes, near.queued_bytes());
    assert!(queued_bytes > 980_000 && near.wants_write());
    let mut received = 0;
    while received < sent {
        far.fill(100_000).unwrap();
        while let Some((kind, bytes)) = far.next_message().unwrap() {
            assert_eq!((kind, bytes), (1, &message[..]));
            received += 1;
        }
        near.flush().unwrap();
    }
    assert!(!near.wants_write());
    near.send(1, &message).unwrap();
}

#[test]
fn a_message_beyond_the_maximum_is_not_queued() {
    let (mut near, _far) = pair(usize::MAX);
    let refused = near.send(1, &vec![0; 1_000_001]).unwrap_err();
    assert_eq!(
        refused,
        SendError::Oversized {
            length: 1_000_001,
            length_max: 1_000_000
        }
    );
    assert_eq!(near.queued_bytes(), 0);
}

#[test]
fn reading_stops_at_its_budget_and_goes_on_later() {
    let (mut near, mut far) = pair(1_000_000);
    (0..3).for_each(|_| near.send(1, &[5; 60_000]).unwrap());
    near.flush().unwrap();
    assert_eq!(far.fill(1_000).unwrap(), Filled::BudgetSpent);
    assert!(far.next_message().unwrap().is_some());
    assert!(
        far.next_message().unwrap().is_none(),
        "the rest was left for the next round"
    );
    assert_eq!(far.fill(1_000_000).unwrap(), Filled::Drained);
    assert!(far.next_message().unwrap().is_some());
    assert!(far.next_message().unwrap().is_some());
}

#[test]
fn what_was_sent_before_the_end_is_delivered_before_the_end() {
    let (mut near, mut far) = pair(1000);
    near.send(1, b"last words").unwrap();
    near.flush().unwrap();
    drop(near);
    assert_eq!(far.fill(1000).unwrap(), Filled::Ended);
    assert_eq!(far.next_message().unwrap(), Some((1, &b"last words"[..])));
    assert!(matches!(far.next_message(), Err(StreamError::Closed)));
    assert!(matches!(far.next_message(), Err(StreamError::Closed)));
}

#[test]
fn an_end_in_the_middle_of_a_message_is_not_a_good_end() {
    let (near, mut far) = pair(1000);
    rustix::io::write(&near, b"\x09\0\0\0\x01abc").unwrap();
    drop(near);
    far.fill(1000).unwrap();
    let error = far.next_message().unwrap_err().to_string();
    assert_eq!(error, "the stream ended in a message, 8 bytes after its start");
}

fn accept_and_connect(address: &Address) -> (MessageStream, MessageStream) {
    let listener = Listener::bind(address, 100, 1000).unwrap();
    let address = listener.local_address().unwrap();
    let mut near = MessageStream::connect(&address, 100, 1000).unwrap();
    near.send(1, b"queued while connecting").unwrap();
    let mut event_loop = EventLoop::new().unwrap();
    event_loop.add(&near, 1, Interest::READ_WRITE).unwrap();
    event_loop.add(&listener, 2, Interest::READ).unwrap();
    let mut ready = Vec::new();
    let mut accepted = None;
    while accepted.is_none() || !near.finish_connecting().unwrap() {
        event_loop.wait(None, &mut ready).unwrap();
        accepted = accepted.or(listener.accept().unwrap());
    }
    near.flush().unwrap();
    (near, accepted.unwrap())
}

#[test]
fn both_kinds_of_address_connect_and_carry() {
    let directory = TestDirectory::new("stream");
    let unix = Address::Unix(directory.path().join("s"));
    for address in [
        unix,
        "tcp:127.0.0.1:0".parse().unwrap(),
        "tcp:[::1]:0".parse().unwrap(),
    ] {
        let (near, mut far) = accept_and_connect(&address);
        far.check_owner().unwrap();
        near.check_owner().unwrap();
        let mut event_loop = EventLoop::new().unwrap();
        event_loop.add(&far, 1, Interest::READ).unwrap();
        event_loop.wait(None, &mut Vec::new()).unwrap();
        far.fill(1000).unwrap();
        assert_eq!(
            far.next_message().unwrap(),
            Some((1, &b"queued while connecting"[..])),
            "{address}"
        );
    }
}

#[test]
fn a_listener_replaces_what_a_dead_one_left_and_respects_a_living_one() {
    use std::os::unix::fs::PermissionsExt;
    let directory = TestDirectory::new("listen");
    let path = directory.path().join("s");
    let address = Address::Unix(path.clone());
    drop(Listener::bind(&address, 100, 100).unwrap());
    assert!(path.exists(), "a dead listener leaves its file");
    assert!(MessageStream::connect(&address, 100, 100).is_err());
    let living = Listener::bind(&address, 100, 100).unwrap();
    assert_eq!(
        std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let error = Listener::bind(&address, 100, 100).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
    drop(living);
}

#[test]
fn neither_end_of_a_tcp_connection_that_was_cut_in_silence_waits_for_minutes() {
    let (near, far) = accept_and_connect(&"tcp:127.0.0.1:0".parse().unwrap());
    for end in [&near, &far] {
        let limit_ms = rustix::net::sockopt::tcp_user_timeout(end).unwrap();
        assert!((1..=5_000).contains(&limit_ms), "{limit_ms} ms");
    }
}

#[test]
fn a_refused_tcp_connection_is_reported() {
    // A port that was free a moment ago: bound, asked for, closed.
    let address = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    assert!(TcpStream::connect(address).is_err(), "nobody listens there");
    let refused = MessageStream::connect(&Address::Tcp(address), 100, 100)
        .map_err(StreamError::System)
        .and_then(|mut stream| {
            let mut event_loop = EventLoop::new().unwrap();
            event_loop.add(&stream, 1, Interest::READ_WRITE).unwrap();
            event_loop.wait(None, &mut Vec::new()).unwrap();
            stream.finish_connecting()
        });
    assert!(refused.unwrap_err().to_string().contains("refused"));
}

#[test]
fn addresses_are_read_and_shown_and_errors_say_what_is_wrong() {
    for text in [
        "unix:/run/x.sock",
        "unix:relative",
        "tcp:192.0.2.1:7000",
        "tcp:[2001:db8::1]:7000",
    ] {
        assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
    }
    assert_eq!("unix:/a".parse(), Ok(Address::Unix(PathBuf::from("/a"))));
    for (text, problem) in [
        ("", "it starts with"),
        ("/run/x.sock", "it starts with"),
        ("unix:", "is missing"),
        ("tcp:example.org:7", "ADDRESS:PORT"),
        ("tcp:1.2.3.4", "ADDRESS:PORT"),
        ("tcp:1.2.3.4:70000", "ADDRESS:PORT"),
        ("unix:a\0b", "zero byte"),
    ] {
        let error = text.parse::<Address>().unwrap_err().to_string();
        assert!(error.contains(problem), "{error}");
    }
    assert!(format!("unix:/{}", "x".repeat(107)).parse::<Address>().is_err());
    assert!(format!("unix:/{}", "x".repeat(106)).parse::<Address>().is_ok());
}
