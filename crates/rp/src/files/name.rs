//! Names of files: `bootflash:base.cfg`.

use alloc::format;
use alloc::string::{String, ToString};
use core::fmt;

/// The longest name of a file, in bytes.
const FILE_NAME_BYTES_MAX: usize = 127;

/// Where a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileSystem {
    System,
    Nvram,
    Bootflash,
    StandbyNvram,
    StandbyBootflash,
}

impl FileSystem {
    const ALL: [FileSystem; 5] = [
        FileSystem::System,
        FileSystem::Nvram,
        FileSystem::Bootflash,
        FileSystem::StandbyNvram,
        FileSystem::StandbyBootflash,
    ];

    pub(super) const fn prefix(self) -> &'static str {
        match self {
            FileSystem::System => "system:",
            FileSystem::Nvram => "nvram:",
            FileSystem::Bootflash => "bootflash:",
            FileSystem::StandbyNvram => "stby-nvram:",
            FileSystem::StandbyBootflash => "stby-bootflash:",
        }
    }

    /// The one file that it has, if it has one only.
    pub(super) const fn only_file(self) -> Option<&'static str> {
        match self {
            FileSystem::System => Some("running-config"),
            FileSystem::Nvram | FileSystem::StandbyNvram => Some("startup-config"),
            FileSystem::Bootflash | FileSystem::StandbyBootflash => None,
        }
    }

    pub(super) const fn is_standby(self) -> bool {
        matches!(self, FileSystem::StandbyNvram | FileSystem::StandbyBootflash)
    }
}

/// A file, or a file system where the name is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FileUrl {
    pub(super) system: FileSystem,
    pub(super) name: String,
}

impl fmt::Display for FileUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.system.prefix(), self.name)
    }
}

impl FileUrl {
    /// Reads `running-config`, `startup-config`, `FILE-SYSTEM:` or `FILE-SYSTEM:NAME`; a name alone is one of
    /// `bootflash:`. The error is what the operator is told.
    pub(super) fn parse(text: &str) -> Result<FileUrl, String> {
        let url = match text {
            "running-config" => FileUrl::of(FileSystem::System, text),
            "startup-config" => FileUrl::of(FileSystem::Nvram, text),
            _ => match text.split_once(':') {
                None => FileUrl::of(FileSystem::Bootflash, text),
                Some((device, name)) => {
                    let system = FileSystem::ALL
                        .into_iter()
                        .find(|system| system.prefix().strip_suffix(':') == Some(device))
                        .ok_or_else(|| format!("%Error opening {text} (No such device)"))?;
                    FileUrl::of(system, name.strip_prefix('/').unwrap_or(name))
                }
            },
        };
        if url.name.is_empty() {
            return Ok(url);
        }
        if !is_file_name(&url.name) {
            return Err(format!("%Error parsing filename {text} (Bad file name)"));
        }
        match url.system.only_file() {
            Some(only) if only != url.name => {
                Err(format!("%Error opening {url} (No such file or directory)"))
            }
            _ => Ok(url),
        }
    }

    fn of(system: FileSystem, name: &str) -> FileUrl {
        FileUrl {
            system,
            name: name.to_string(),
        }
    }

    /// The same file system with another name.
    pub(super) fn named(&self, name: &str) -> Result<FileUrl, String> {
        if name.contains(':') {
            return FileUrl::parse(name);
        }
        FileUrl::parse(&format!("{}{name}", self.system.prefix()))
    }
}

/// Whether this can be the name of a file: letters, digits, dots, hyphens and underscores, no dot first.
pub fn is_file_name(name: &str) -> bool {
    let fits = |character: char| character.is_ascii_alphanumeric() || matches!(character, '.' | '-' | '_');
    !name.is_empty() && name.len() <= FILE_NAME_BYTES_MAX && !name.starts_with('.') && name.chars().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_are_read_and_nothing_outside_can_be_named() {
        for (text, url) in [
            ("running-config", "system:running-config"),
            ("startup-config", "nvram:startup-config"),
            ("nvram:startup-config", "nvram:startup-config"),
            ("bootflash:/base.cfg", "bootflash:base.cfg"),
            ("base.cfg", "bootflash:base.cfg"),
            ("stby-bootflash:", "stby-bootflash:"),
        ] {
            assert_eq!(FileUrl::parse(text).map(|url| url.to_string()), Ok(url.into()));
        }
        for text in [
            "bootflash:../etc/passwd",
            "bootflash:a/b",
            "bootflash:..",
            "bootflash:.hidden",
            "tftp://10.0.0.1/x",
            "nvram:other",
            "system:startup-config",
            "bootflash:a\u{0}b",
        ] {
            let refused = FileUrl::parse(text).unwrap_err();
            assert!(refused.starts_with("%Error "), "{text}: {refused}");
        }
    }
}
