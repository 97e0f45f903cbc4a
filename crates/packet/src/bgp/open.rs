//! OPEN (RFC 4271 section 4.2, RFC 5492, RFC 9072).

use alloc::vec::Vec;
use core::net::Ipv4Addr;

use super::capability::CAPABILITIES_PARAMETER;
use super::{Capabilities, Capability, Code, Cursor, Fault, Kind, message};

const VERSION: u8 = 4;
/// In place of a length and of a parameter's type: lengths of two octets follow (RFC 9072).
const EXTENDED: u8 = 255;

/// A parsed OPEN.
#[derive(Clone, Copy, Debug)]
pub struct Open<'a> {
    /// The sender's AS, or [`super::AS_TRANS`] when that needs four octets.
    pub as_number: u16,
    /// The hold time it proposes, in seconds: 0, or 3 and more.
    pub hold_time_s: u16,
    /// Who it is; never zero.
    pub identifier: Ipv4Addr,
    parameters: &'a [u8],
    extended: bool,
}

impl<'a> Open<'a> {
    /// Reads the body of an OPEN.
    ///
    /// # Errors
    /// The NOTIFICATION of RFC 4271 section 6.2 for what is wrong with it, whoever sent it. The AS is for the caller
    /// to judge.
    pub fn parse(body: &'a [u8]) -> Result<Open<'a>, Fault<'a>> {
        let unspecific = Fault::new(Code::OPEN_UNSPECIFIC, &[]);
        let mut rest = Cursor(body);
        let version = rest.u8().ok_or(unspecific)?;
        if version != VERSION {
            return Err(Fault::with_word(
                Code::UNSUPPORTED_VERSION_NUMBER,
                u16::from(VERSION),
            ));
        }
        let as_number = rest.u16().ok_or(unspecific)?;
        let hold_time_s = rest.u16().ok_or(unspecific)?;
        let identifier = Ipv4Addr::from(rest.u32().ok_or(unspecific)?);
        let length = rest.u8().ok_or(unspecific)?;
        if matches!(hold_time_s, 1 | 2) {
            return Err(Fault::new(Code::UNACCEPTABLE_HOLD_TIME, &body[3..5]));
        }
        // RFC 6286 leaves every identifier but zero.
        if identifier.is_unspecified() {
            return Err(Fault::new(Code::BAD_BGP_IDENTIFIER, &body[5..9]));
        }
        let extended = length == EXTENDED && rest.0.first() == Some(&EXTENDED);
        let length = if extended {
            rest.u8();
            rest.u16().ok_or(unspecific)?
        } else {
            u16::from(length)
        };
        if usize::from(length) != rest.0.len() {
            return Err(unspecific);
        }
        let open = Open {
            as_number,
            hold_time_s,
            identifier,
            parameters: rest.0,
            extended,
        };
        open.check_parameters()?;
        Ok(open)
    }

    fn check_parameters(&self) -> Result<(), Fault<'a>> {
        let mut walk = Capabilities::new(self.parameters, self.extended);
        while let Some(parameter) = walk.next_parameter() {
            let Ok((kind, value)) = parameter else {
                return Err(Fault::new(Code::OPEN_UNSPECIFIC, &[]));
            };
            if kind != CAPABILITIES_PARAMETER {
                return Err(Fault::new(Code::UNSUPPORTED_OPTIONAL_PARAMETER, &[]));
            }
            if !Capabilities::is_whole(value) {
                return Err(Fault::new(Code::OPEN_UNSPECIFIC, &[]));
            }
        }
        Ok(())
    }

    /// What the sender can do.
    pub fn capabilities(&self) -> Capabilities<'a> {
        Capabilities::new(self.parameters, self.extended)
    }

    /// The sender's AS: from the capability if it has one, else from the two octets.
    pub fn peer_as(&self) -> u32 {
        let of_four_octets = |capability| match capability {
            Capability::FourOctetAs(number) => Some(number),
            _ => None,
        };
        let mut found = self.capabilities().filter_map(of_four_octets);
        found.next().unwrap_or(u32::from(self.as_number))
    }
}

/// What an OPEN is written from.
#[derive(Clone, Copy, Debug)]
pub struct OpenRepr<'a> {
    /// Our AS; the two-octet field holds [`super::AS_TRANS`] for one above 65535.
    pub as_number: u32,
    /// The hold time that we propose, in seconds.
    pub hold_time_s: u16,
    /// Who we are.
    pub identifier: Ipv4Addr,
    /// What we can do, each as code, length and value ([`Capability::emit`]).
    pub capabilities: &'a [u8],
}

impl OpenRepr<'_> {
    /// Appends the whole message. All capabilities are in one parameter; lengths of two octets are used only where
    /// one octet does not hold them.
    ///
    /// # Panics
    /// When the capabilities take more than 4000 bytes.
    pub fn emit(&self, out: &mut Vec<u8>) {
        assert!(self.capabilities.len() <= 4000, "an OPEN has at most 4096 bytes");
        message(Kind::Open, out, |out| {
            let two_octets = u16::try_from(self.as_number).unwrap_or(super::AS_TRANS as u16);
            out.push(VERSION);
            out.extend_from_slice(&two_octets.to_be_bytes());
            out.extend_from_slice(&self.hold_time_s.to_be_bytes());
            out.extend_from_slice(&self.identifier.octets());
            let length = self.capabilities.len();
            match length {
                0 => out.push(0),
                1..=252 => out.extend_from_slice(&[length as u8 + 2, CAPABILITIES_PARAMETER, length as u8]),
                _ => {
                    out.extend_from_slice(&[EXTENDED, EXTENDED]);
                    out.extend_from_slice(&(length as u16 + 3).to_be_bytes());
                    out.push(CAPABILITIES_PARAMETER);
                    out.extend_from_slice(&(length as u16).to_be_bytes());
                }
            }
            out.extend_from_slice(self.capabilities);
        });
    }
}
