//! How urgent a system message is.

use core::fmt;

/// Severity of a system message, 0 (most urgent) to 7 (RFC 5424, section 6.2.1; keywords as operators type them).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The system is unusable.
    Emergencies,
    /// Something must be done at once.
    Alerts,
    /// A critical condition.
    Critical,
    /// An error.
    Errors,
    /// A warning.
    Warnings,
    /// Normal, but worth to be known.
    Notifications,
    /// For information.
    Informational,
    /// For people who look for a fault.
    Debugging,
}

impl Severity {
    /// All severities, most urgent first.
    pub const ALL: [Severity; 8] = [
        Severity::Emergencies,
        Severity::Alerts,
        Severity::Critical,
        Severity::Errors,
        Severity::Warnings,
        Severity::Notifications,
        Severity::Informational,
        Severity::Debugging,
    ];

    /// The number in `%FACILITY-n-MNEMONIC`, 0 to 7.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// Reverse of [`Severity::number`]; `None` above 7.
    pub const fn from_number(number: u8) -> Option<Severity> {
        if (number as usize) < Severity::ALL.len() {
            Some(Severity::ALL[number as usize])
        } else {
            None
        }
    }

    /// The keyword in a configuration and in `show logging`.
    pub const fn keyword(self) -> &'static str {
        match self {
            Severity::Emergencies => "emergencies",
            Severity::Alerts => "alerts",
            Severity::Critical => "critical",
            Severity::Errors => "errors",
            Severity::Warnings => "warnings",
            Severity::Notifications => "notifications",
            Severity::Informational => "informational",
            Severity::Debugging => "debugging",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.keyword())
    }
}

#[cfg(test)]
mod tests {
    use super::Severity;

    #[test]
    fn numbers_and_severities_are_the_same_thing() {
        for severity in Severity::ALL {
            assert_eq!(Severity::from_number(severity.number()), Some(severity));
        }
        assert_eq!(Severity::from_number(8), None);
    }
}
