//! What an image is called where an operator says it: in a chassis file, or when a unit is put into a slot.

use redundancy::ImageVersion;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The name of an image, as `show version` has it: `Version 0.1.0`. Printable ASCII, not more than a peer is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ImageName(pub(super) String);

impl ImageName {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ImageName {
    type Err = String;
    fn from_str(text: &str) -> Result<ImageName, String> {
        let fits = |byte: u8| byte.is_ascii_graphic() || byte == b' ';
        let (length, limit) = (text.len(), ImageVersion::BYTES_MAX);
        if text.trim().is_empty() || length > limit || !text.bytes().all(fits) {
            let shown = text.escape_default();
            return Err(format!(
                "'{shown}' is no name of an image: 1 to {limit} printable ASCII characters"
            ));
        }
        Ok(ImageName(text.to_string()))
    }
}

impl TryFrom<String> for ImageName {
    type Error = String;
    fn try_from(text: String) -> Result<ImageName, String> {
        text.parse()
    }
}

impl From<ImageName> for String {
    fn from(name: ImageName) -> String {
        name.0
    }
}

impl fmt::Display for ImageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_printable_and_fits_into_what_a_peer_is_told() {
        let longest = "x".repeat(ImageVersion::BYTES_MAX);
        for name in ["Version 0.1.0", "x", &longest] {
            assert_eq!(name.parse::<ImageName>().unwrap().as_str(), name);
        }
        for name in ["", "  ", "a\nb", "V\u{e4}", &format!("{longest}x")] {
            let error = name.parse::<ImageName>().unwrap_err();
            assert!(error.contains("is no name of an image"), "{error}");
        }
    }
}
