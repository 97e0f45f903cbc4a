//! The key of a neighbour's TCP session.

use alloc::format;
use alloc::string::String;
use alloc::string::ToString;
use alloc::vec::Vec;
use core::fmt;

/// A password as it was typed. It is shown in the running configuration, and nowhere else: `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct Password {
    encryption: u8,
    text: String,
}

/// Longest key, bytes (RFC 2385, section 4.5, asks for 80 at least).
const KEY_BYTES_MAX: usize = 80;
/// What type 7 is hidden with, published many times over: it keeps a password from being read over a shoulder, no more.
const TYPE_7_KEY: &[u8] = b"dsfd;kfoA,.iyewrkldJKDHSUBsgvca69834ncxv9873254k;fg87";

impl Password {
    /// `password [ENCRYPTION] TEXT`
    pub fn typed(encryption: u8, text: String) -> Password {
        Password { encryption, text }
    }

    /// The key itself; `None` when it is none: an encryption that is not known here, a text that was not encrypted so, a
    /// key that is too long.
    pub fn key(&self) -> Option<Vec<u8>> {
        let key = match self.encryption {
            0 => self.text.as_bytes().to_vec(),
            7 => reveal(&self.text)?,
            _ => return None,
        };
        let is_text = !self.text.contains(char::is_control);
        (is_text && (1..=KEY_BYTES_MAX).contains(&key.len())).then_some(key)
    }

    /// Encryption and text as the configuration shows them. A plain text that begins like an encryption gets a 0 before it.
    pub(super) fn written(&self) -> (Option<u32>, &str) {
        let first = self.text.split_whitespace().next().unwrap_or("");
        let looks_encrypted = first.bytes().all(|byte| byte.is_ascii_digit())
            && first.parse::<u32>().is_ok_and(|number| number <= 7);
        let encryption = (self.encryption != 0 || looks_encrypted).then_some(u32::from(self.encryption));
        (encryption, &self.text)
    }

    /// Why it is refused, without showing it.
    pub(super) fn fault(&self) -> Option<String> {
        if self.key().is_some() {
            return None;
        }
        Some(match self.encryption {
            0 => format!("% Password refused: 1 to {KEY_BYTES_MAX} bytes, no control characters"),
            7 => "% Invalid encrypted password: two digits, then pairs of hexadecimal digits".to_string(),
            other => format!("% Invalid encryption type {other}: use 0 (plain) or 7"),
        })
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Password({} <removed>)", self.encryption)
    }
}

/// The text behind a type 7 password: two decimal digits say where in the key it starts, then each byte as two
/// hexadecimal digits.
fn reveal(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        return None;
    }
    let start: usize = text
        .get(..2)?
        .parse()
        .ok()
        .filter(|start| *start < TYPE_7_KEY.len())?;
    let bytes = text.as_bytes()[2..].chunks(2).enumerate();
    let reveal = |(place, pair): (usize, &[u8])| {
        let pair = core::str::from_utf8(pair)
            .ok()
            .filter(|pair| !pair.starts_with('+'))?;
        let hidden = u8::from_str_radix(pair, 16).ok()?;
        Some(hidden ^ TYPE_7_KEY[(start + place) % TYPE_7_KEY.len()])
    };
    bytes.map(reveal).collect()
}

/// A line without its password, typed in full or abbreviated: for everything but the configuration itself.
pub fn without_secrets(line: &str) -> String {
    let mut words = Vec::new();
    let mut at = 0;
    while let Some((start, end)) = crate::grammar::next_word(line, at) {
        words.push((start, &line[start..end]));
        at = end;
    }
    let is_prefix = |(_, word): &(usize, &str)| ["no", "default"].contains(word);
    let skipped = words.iter().take_while(|word| is_prefix(word)).count();
    let stands_for = |place: usize, keyword: &str, least: usize| {
        words.get(skipped + place).is_some_and(|(_, word)| {
            let start = keyword.get(..word.len());
            word.len() >= least && start.is_some_and(|start| start.eq_ignore_ascii_case(word))
        })
    };
    match words.get(skipped + 3) {
        Some((secret, _)) if stands_for(0, "neighbor", 1) && stands_for(2, "password", 2) => {
            format!("{}<removed>", &line[..*secret])
        }
        _ => line.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_7_password_is_read_as_what_was_hidden_in_it() {
        // "cisco" at two starts of the key, as any of the published decoders has it.
        for text in ["0822455D0A16", "094F471A1A0A", "094f471a1a0a"] {
            let key = Password::typed(7, text.into()).key();
            assert_eq!(key.as_deref(), Some(&b"cisco"[..]), "{text}");
        }
        for text in ["08", "0", "xx22", "082", "08zz", "0822+5", "99455D"] {
            assert_eq!(Password::typed(7, text.into()).key(), None, "{text}");
        }
    }

    #[test]
    fn a_password_does_not_show_itself() {
        let password = Password::typed(0, "opensesame".into());
        assert_eq!(format!("{password:?}"), "Password(0 <removed>)");
        for (line, shown) in [
            (
                "neighbor 10.0.0.1 password opensesame 5",
                "neighbor 10.0.0.1 password <removed>",
            ),
            (" no nei UP  pass 7 0822", " no nei UP  pass <removed>"),
            (
                "neighbor 10.0.0.1 description no password set",
                "neighbor 10.0.0.1 description no password set",
            ),
            ("neighbor 10.0.0.1 password", "neighbor 10.0.0.1 password"),
            ("hostname password", "hostname password"),
            ("", ""),
        ] {
            assert_eq!(without_secrets(line), shown);
        }
    }
}
