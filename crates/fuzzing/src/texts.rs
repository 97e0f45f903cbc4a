//! Texts that the processes of a chassis read: the chassis file, and requests on their sockets.

use runtime::backplane;
use runtime::chassis_file::ChassisFile;
use runtime::hosts::control::Request;

/// A chassis file.
pub fn chassis_file(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Err(error) = ChassisFile::parse(text) {
        assert!(!error.to_string().is_empty());
    }
}

/// A line for the built-in hosts.
pub fn hosts_request(bytes: &[u8]) {
    let Ok(request) = serde_json::from_slice::<Request>(bytes) else {
        return;
    };
    let written = serde_json::to_vec(&request).expect("a request can be written");
    assert_eq!(serde_json::from_slice::<Request>(&written).ok(), Some(request));
}

/// A line on the status socket.
pub fn status_request(bytes: &[u8]) {
    runtime::rp_process::exercise_status_request(bytes);
}

/// A request to the backplane, or its answer.
pub fn backplane_message(bytes: &[u8]) {
    if let Ok(request) = serde_json::from_slice::<backplane::Request>(bytes) {
        let written = serde_json::to_vec(&request).expect("a request can be written");
        assert_eq!(
            serde_json::from_slice::<backplane::Request>(&written).ok(),
            Some(request)
        );
    }
    if let Ok(reply) = serde_json::from_slice::<backplane::Reply>(bytes) {
        let written = serde_json::to_vec(&reply).expect("a reply can be written");
        assert_eq!(
            serde_json::from_slice::<backplane::Reply>(&written).ok(),
            Some(reply)
        );
    }
}

pub fn backplane_messages() -> Vec<Vec<u8>> {
    let texts = [
        r#"{"request":"status"}"#,
        r#"{"request":"reset","slot":"R0","crash_dump_grace_ms":60000}"#,
        r#"{"request":"remove","slot":"1"}"#,
        r#"{"reply":"done"}"#,
    ];
    texts.map(|text| text.as_bytes().to_vec()).into()
}

pub fn chassis_files() -> Vec<Vec<u8>> {
    vec![include_bytes!("../../runtime/src/default-chassis.toml").to_vec()]
}

pub fn hosts_requests() -> Vec<Vec<u8>> {
    let lines = [
        r#"{"op":"list"}"#,
        r#"{"op":"start_flow","from":"west","to":"east","per_second":20000,"frame_len":128}"#,
        r#"{"op":"report","stream":1,"settle_ms":500}"#,
        r#"{"op":"stop","stream":9}"#,
    ];
    lines.map(|line| line.as_bytes().to_vec()).into()
}

pub fn status_requests() -> Vec<Vec<u8>> {
    let lines = [
        r#"{"request":"status"}"#,
        r#"{"request":"generate","routes":1000,"next_hops":["10.0.0.2","10.0.1.2"]}"#,
        r#"{"request":"fault","fault":"hang-loop"}"#,
    ];
    lines.map(|line| line.as_bytes().to_vec()).into()
}
