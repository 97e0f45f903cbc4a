//! Which commands the running program knows.
//!
//! A program knows all of its grammar. For rehearsing an upgrade, a route processor can be told to be without some
//! commands, as an older release is: it then refuses them wherever they come from, the console, the startup
//! configuration or the peer.

use alloc::string::String;
use alloc::vec::Vec;
use config::{Command, ConfigCommand, Grammar, Mode};

/// The grammar, less what it is to be without.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Language {
    unsupported: Vec<String>,
}

impl Language {
    /// The grammar without the commands whose canonical text begins with one of these words. A leading `no` does not
    /// count, and the line that leads to a mode (`interface Ethernet0/0`) stands for everything in it.
    pub fn without(unsupported: &[String]) -> Self {
        Self {
            unsupported: unsupported.to_vec(),
        }
    }

    /// A hash over what the program knows: two that have the same one know the same commands.
    pub fn fingerprint(&self) -> u64 {
        Grammar::standard().configuration_fingerprint(&self.unsupported)
    }

    /// Whether the program knows this command.
    pub fn knows(&self, command: &ConfigCommand) -> bool {
        if self.unsupported.is_empty() {
            return true;
        }
        let line = command.to_line();
        self.knows_text(&line.mode.path()) && self.knows_text(&line.text)
    }

    fn knows_text(&self, text: &str) -> bool {
        let text = text.strip_prefix("no ").unwrap_or(text);
        let begins_with = |words: &String| {
            text.strip_prefix(words.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
        };
        !self.unsupported.iter().any(begins_with)
    }

    /// The command that a line in a mode stands for; `None` when the program does not know it.
    pub fn parse(&self, mode_path: &str, text: &str) -> Option<ConfigCommand> {
        let mode = Mode::from_path(mode_path)?;
        match Grammar::standard().parse(&mode, text) {
            Ok(Command::Configure(command)) if self.knows(&command) => Some(command),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_left_out_with_its_no_form_and_everything_below_it() {
        let language = Language::without(&["mtu".into(), "ip route".into(), "redundancy".into()]);
        let port = "interface Ethernet0/0";
        for (path, text) in [
            (port, "mtu 9000"),
            (port, "no mtu"),
            ("", "ip route 10.0.0.0 255.0.0.0 10.1.1.1"),
            ("", "redundancy"),
            ("redundancy", "mode sso"),
        ] {
            assert!(Language::default().parse(path, text).is_some(), "{text}");
            assert_eq!(language.parse(path, text), None, "{text}");
        }
        for (path, text) in [
            (port, "shutdown"),
            ("", "hostname mtu"),
            (port, "ip address 10.0.0.1 255.0.0.0"),
        ] {
            assert!(language.parse(path, text).is_some(), "{text}");
        }
        assert_eq!(language.fingerprint(), language.clone().fingerprint());
        assert_ne!(language.fingerprint(), Language::default().fingerprint());
    }
}
