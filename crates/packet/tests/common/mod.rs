//! What the format tests share.
#![allow(dead_code, reason = "each test file uses its own part of this")]

/// Bytes of a text of hexadecimal pairs; white space is for the reader.
pub fn bytes(text: &str) -> Vec<u8> {
    let digits: Vec<char> = text.chars().filter(|c| !c.is_whitespace()).collect();
    digits
        .chunks(2)
        .map(|pair| {
            u8::from_str_radix(&pair.iter().collect::<String>(), 16).expect("a golden text is hexadecimal")
        })
        .collect()
}

/// The internet checksum as RFC 1071 states it, word by word: the reference for the fast one.
pub fn naive_checksum(bytes: &[u8]) -> u16 {
    let mut sum: u32 = 0;
    for pair in bytes.chunks(2) {
        sum += u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0));
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}
