//! Tests of the command language, table by table.

mod bgp;
mod errors;
mod filters;
mod helping;
mod loading;
mod parsing;
mod patterns;
mod platform;
mod policy;
mod properties;
mod tables;
mod trees;
mod words;

use machine::PortId;
use proptest::prelude::*;

use crate::{
    Command, ConfigCommand, ConfigError, ConfigurationTree, Grammar, InterfaceSetting, Mode, ParseError,
    ReturnCode, load,
};

pub(crate) const PORT: PortId = PortId::new(0, 0);
pub(crate) const OTHER: PortId = PortId::new(1, 3);

/// Each command is written as it is read; it changes the tree and its digest, or says that it does not; and the
/// configuration at the end is read as the same.
pub(crate) fn expect_written_and_read_as_the_same(
    mut tree: ConfigurationTree,
    commands: &[ConfigCommand],
) -> Result<(), TestCaseError> {
    for command in commands {
        let again = Grammar::standard().parse(&command.mode(), &command.text());
        prop_assert_eq!(again, Ok(Command::Configure(command.clone())));
        let before = tree.clone();
        match tree.apply(command) {
            Ok(ReturnCode::Unchanged) | Err(_) => prop_assert_eq!(&tree, &before, "{:?}", command),
            Ok(_) => {
                prop_assert_ne!(&tree, &before, "{:?}", command);
                prop_assert_ne!(tree.digest(), before.digest(), "{:?}", command);
            }
        }
    }
    let loaded = load(&tree.running_config_text());
    prop_assert_eq!(loaded.errors, []);
    prop_assert_eq!(loaded.tree.digest(), tree.digest());
    prop_assert_eq!(&loaded.tree, &tree);
    Ok(())
}

/// Every mode once.
pub(crate) const MODES: [Mode; 8] = [
    Mode::UserExec,
    Mode::PrivilegedExec,
    Mode::Global,
    Mode::Interface(PORT),
    Mode::Redundancy,
    Mode::Bgp(65_000),
    Mode::BgpFamily(65_000),
    Mode::RouteMap(crate::policy::RouteMapPlace {
        name: crate::policy::ListName::new("M").unwrap(),
        permit: true,
        sequence: 10,
    }),
];

pub(crate) fn parse(mode: Mode, line: &str) -> Result<Command, ParseError> {
    Grammar::standard().parse(&mode, line)
}

pub(crate) fn config(mode: Mode, line: &str) -> ConfigCommand {
    match parse(mode, line) {
        Ok(Command::Configure(command)) => command,
        other => panic!("{line}: no configuration command: {other:?}"),
    }
}

pub(crate) fn on_port(setting: InterfaceSetting) -> ConfigCommand {
    ConfigCommand::Setting { port: PORT, setting }
}

/// A tree with two interfaces, on which lines are executed as on a console.
pub(crate) struct Console {
    pub tree: crate::ConfigurationTree,
    mode: Mode,
}

impl Console {
    pub fn new() -> Self {
        let mut tree = crate::ConfigurationTree::new();
        tree.add_interface(PORT);
        tree.add_interface(OTHER);
        Self {
            tree,
            mode: Mode::Global,
        }
    }

    pub fn line(&mut self, line: &str) -> Result<ReturnCode, ConfigError> {
        let command = config(self.mode, line);
        let code = self.tree.apply(&command)?;
        self.mode = command.next_mode();
        Ok(code)
    }

    /// Executes lines that must all be accepted.
    pub fn lines(&mut self, text: &str) -> &mut Self {
        for line in text.lines() {
            self.line(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        }
        self
    }

    /// Executes a line that must be refused without a trace, and answers with the console's text.
    pub fn refused(&mut self, line: &str) -> alloc::string::String {
        let before = self.tree.clone();
        let error = self.line(line).expect_err(line);
        assert_eq!(self.tree, before, "{line} was refused, but left a trace");
        alloc::string::ToString::to_string(&error)
    }
}
