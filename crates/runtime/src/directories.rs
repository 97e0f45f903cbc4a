//! Where a chassis keeps its things.
//!
//! | | run: sockets, shared page, locks; gone at reboot | state: startup configuration, epoch ceiling, crash information | logs |
//! | --- | --- | --- | --- |
//! | root | `/run/holdover/NAME` | `/var/lib/holdover/NAME` | `/var/log/holdover/NAME` |
//! | a user | `$XDG_RUNTIME_DIR/holdover/NAME`, else `/tmp/holdover-UID/NAME` | `$XDG_STATE_HOME/holdover/NAME`, else `~/.local/state/holdover/NAME` | `log` in the state directory |
//! | `HOLDOVER_DIR` | `run` in it | `state` in it | `log` in it |
//!
//! All are made with mode 0700. A directory that somebody else owns, that others can write to, or that is a symbolic
//! link, is refused: whoever can write there can become active.

use crate::file::FileError;
use rustix::fs::{AtFlags, FileType, Mode};
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

/// The variable that puts everything of a chassis below one directory.
pub const OVERRIDE_VARIABLE: &str = "HOLDOVER_DIR";
/// Longest path of a run directory in bytes: the names of sockets must still fit behind it (unix(7): 107 in all).
const RUN_PATH_MAX: usize = 72;

/// What decides where things are kept.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// The effective user id.
    pub uid: u32,
    /// `HOLDOVER_DIR`.
    pub holdover_dir: Option<OsString>,
    /// `XDG_RUNTIME_DIR`.
    pub xdg_runtime_dir: Option<OsString>,
    /// `XDG_STATE_HOME`.
    pub xdg_state_home: Option<OsString>,
    /// `HOME`.
    pub home: Option<OsString>,
}

impl Environment {
    /// That of this process.
    pub fn of_process() -> Environment {
        let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        Environment {
            uid: rustix::process::geteuid().as_raw(),
            holdover_dir: variable(OVERRIDE_VARIABLE),
            xdg_runtime_dir: variable("XDG_RUNTIME_DIR"),
            xdg_state_home: variable("XDG_STATE_HOME"),
            home: variable("HOME"),
        }
    }
}

/// The directories of one chassis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directories {
    /// Sockets, the shared page, locks.
    pub run: PathBuf,
    /// What survives a reboot.
    pub state: PathBuf,
    /// What the processes write while they run.
    pub log: PathBuf,
    // Above these nothing is made or checked: they are the system's or the user's own.
    bases: [PathBuf; 3],
}

/// Why the directories cannot be used.
#[derive(Debug)]
pub enum DirectoryError {
    /// Neither `XDG_STATE_HOME` nor `HOME` is set.
    NoHome,
    /// The run directory leaves no room for the names of sockets.
    TooLong(PathBuf),
    /// A directory cannot be made or looked at.
    File(FileError),
    /// Somebody else could change what is in it.
    Unsafe {
        /// The directory.
        path: PathBuf,
        /// Why.
        problem: &'static str,
    },
}

impl std::fmt::Display for DirectoryError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            DirectoryError::NoHome => {
                write!(
                    f,
                    "no place for state: set HOME, XDG_STATE_HOME or {OVERRIDE_VARIABLE}"
                )
            }
            DirectoryError::TooLong(path) => write!(
                f,
                "{}: the path of a run directory has at most {RUN_PATH_MAX} bytes, or no socket fits into it; \
                 choose a shorter {OVERRIDE_VARIABLE} or chassis name",
                path.display()
            ),
            DirectoryError::File(error) => error.fmt(f),
            DirectoryError::Unsafe { path, problem } => write!(f, "{} {problem}", path.display()),
        }
    }
}

impl std::error::Error for DirectoryError {}

impl Directories {
    /// Those of the chassis called `name`, in this environment. Nothing is made yet.
    ///
    /// # Errors
    /// [`DirectoryError::NoHome`], [`DirectoryError::TooLong`].
    pub fn choose(name: &str, environment: &Environment) -> Result<Directories, DirectoryError> {
        let directories = if let Some(directory) = &environment.holdover_dir {
            return Directories::below(Path::new(directory));
        } else if environment.uid == 0 {
            let bases = ["/run", "/var/lib", "/var/log"].map(PathBuf::from);
            let [run, state, log] = bases.each_ref().map(|base| base.join("holdover").join(name));
            Directories {
                run,
                state,
                log,
                bases,
            }
        } else {
            Directories::of_user(name, environment)?
        };
        directories.checked()
    }

    fn of_user(name: &str, environment: &Environment) -> Result<Directories, DirectoryError> {
        let (run_base, run) = match &environment.xdg_runtime_dir {
            Some(base) => (PathBuf::from(base), Path::new(base).join("holdover").join(name)),
            None => {
                let own = Path::new("/tmp").join(format!("holdover-{}", environment.uid));
                (PathBuf::from("/tmp"), own.join(name))
            }
        };
        let state_base = match (&environment.xdg_state_home, &environment.home) {
            (Some(base), _) => PathBuf::from(base),
            (None, Some(home)) => Path::new(home).join(".local/state"),
            (None, None) => return Err(DirectoryError::NoHome),
        };
        let state = state_base.join("holdover").join(name);
        let log = state.join("log");
        Ok(Directories {
            run,
            state,
            log,
            bases: [run_base, state_base.clone(), state_base],
        })
    }

    /// All three below one directory: what `HOLDOVER_DIR` asks for.
    ///
    /// # Errors
    /// [`DirectoryError::TooLong`].
    pub fn below(directory: &Path) -> Result<Directories, DirectoryError> {
        let [run, state, log] = ["run", "state", "log"].map(|name| directory.join(name));
        let bases = [
            directory.to_path_buf(),
            directory.to_path_buf(),
            directory.to_path_buf(),
        ];
        Directories {
            run,
            state,
            log,
            bases,
        }
        .checked()
    }

    fn checked(self) -> Result<Directories, DirectoryError> {
        if self.run.as_os_str().len() > RUN_PATH_MAX {
            return Err(DirectoryError::TooLong(self.run));
        }
        Ok(self)
    }

    /// Makes what is missing, mode 0700, and refuses what is not safe.
    ///
    /// # Errors
    /// When a directory cannot be made, or others could change what is in it.
    pub fn create(&self) -> Result<(), DirectoryError> {
        for (path, base) in [&self.run, &self.state, &self.log].into_iter().zip(&self.bases) {
            std::fs::create_dir_all(base)
                .map_err(|error| DirectoryError::File(FileError::new("make", base, error)))?;
            let mut ours: Vec<&Path> = path.ancestors().take_while(|path| path != base).collect();
            ours.reverse();
            ours.into_iter().try_for_each(make_private)?;
        }
        Ok(())
    }
}

/// Makes one directory for ourselves only, or accepts the one that is there if it is.
fn make_private(path: &Path) -> Result<(), DirectoryError> {
    let failed = |doing, error: io::Error| DirectoryError::File(FileError::new(doing, path, error));
    match rustix::fs::mkdir(path, Mode::RWXU) {
        Ok(()) | Err(rustix::io::Errno::EXIST) => {}
        Err(error) => return Err(failed("make", error.into())),
    }
    let status = rustix::fs::statat(rustix::fs::CWD, path, AtFlags::SYMLINK_NOFOLLOW)
        .map_err(|error| failed("look at", error.into()))?;
    let refuse = |problem| {
        Err(DirectoryError::Unsafe {
            path: path.to_path_buf(),
            problem,
        })
    };
    if FileType::from_raw_mode(status.st_mode) != FileType::Directory {
        return refuse("is not a directory");
    }
    if status.st_uid != rustix::process::geteuid().as_raw() {
        return refuse("belongs to another user");
    }
    if Mode::from_raw_mode(status.st_mode).intersects(Mode::WGRP | Mode::WOTH) {
        return refuse("can be written to by others; it should have mode 0700");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_directory::TestDirectory;
    use std::os::unix::fs::PermissionsExt;

    fn environment(uid: u32, variables: [&str; 4]) -> Environment {
        let [holdover_dir, xdg_runtime_dir, xdg_state_home, home] =
            variables.map(|value| (!value.is_empty()).then(|| OsString::from(value)));
        Environment {
            uid,
            holdover_dir,
            xdg_runtime_dir,
            xdg_state_home,
            home,
        }
    }

    #[test]
    fn each_environment_leads_to_these_directories() {
        for (environment, expected) in [
            (
                environment(0, ["", "/run/user/0", "", "/root"]),
                [
                    "/run/holdover/lab",
                    "/var/lib/holdover/lab",
                    "/var/log/holdover/lab",
                ],
            ),
            (
                environment(7, ["", "/run/user/7", "", "/home/u"]),
                [
                    "/run/user/7/holdover/lab",
                    "/home/u/.local/state/holdover/lab",
                    "/home/u/.local/state/holdover/lab/log",
                ],
            ),
            (
                environment(7, ["", "", "/s", "/home/u"]),
                ["/tmp/holdover-7/lab", "/s/holdover/lab", "/s/holdover/lab/log"],
            ),
            (
                environment(0, ["/x", "/run/user/0", "/s", "/root"]),
                ["/x/run", "/x/state", "/x/log"],
            ),
        ] {
            let chosen = Directories::choose("lab", &environment).unwrap();
            let [run, state, log] = expected.map(PathBuf::from);
            assert_eq!((chosen.run, chosen.state, chosen.log), (run, state, log));
        }
    }

    #[test]
    fn without_a_home_and_with_too_long_a_path_there_is_an_error_that_says_what_to_do() {
        let error = Directories::choose("lab", &environment(7, ["", "/r", "", ""])).unwrap_err();
        assert!(error.to_string().contains("set HOME"), "{error}");
        let error = Directories::below(Path::new(&format!("/{}", "x".repeat(80)))).unwrap_err();
        assert!(error.to_string().contains("shorter HOLDOVER_DIR"), "{error}");
    }

    #[test]
    fn directories_are_made_for_their_owner_only_and_making_them_again_is_fine() {
        let place = TestDirectory::new("dirs");
        let below = place.path().join("new");
        let directories = Directories::below(&below).unwrap();
        directories.create().unwrap();
        directories.create().unwrap();
        for path in [&directories.run, &directories.state, &directories.log] {
            assert_eq!(
                std::fs::metadata(path).unwrap().permissions().mode() & 0o777,
                0o700
            );
        }
    }

    #[test]
    fn a_directory_that_others_could_change_is_refused() {
        let place = TestDirectory::new("unsafe");
        let directories = Directories::below(place.path()).unwrap();
        std::fs::create_dir(&directories.run).unwrap();
        std::fs::set_permissions(&directories.run, std::fs::Permissions::from_mode(0o777)).unwrap();
        let error = directories.create().unwrap_err().to_string();
        assert!(error.contains("run can be written to by others"), "{error}");
        std::fs::remove_dir(&directories.run).unwrap();
        std::os::unix::fs::symlink("/tmp", &directories.run).unwrap();
        assert!(
            directories
                .create()
                .unwrap_err()
                .to_string()
                .contains("is not a directory")
        );
    }
}
