//! Processes as things that can be named safely.

use std::io;

/// When process `pid` started, in clock ticks since boot: field 22 of `/proc/PID/stat` (proc_pid_stat(5)).
///
/// A process id is given out again some day, a pair of id and start time is not.
///
/// # Errors
/// When there is no such process, or `/proc` shows something else.
pub fn start_time_ticks(pid: u32) -> io::Result<u64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    start_time_of_stat(&text).ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::InvalidData,
            format!("/proc/{pid}/stat has no start time"),
        )
    })
}

fn start_time_of_stat(text: &str) -> Option<u64> {
    // The second field is the command's name in parentheses, which may itself hold blanks and parentheses.
    let (_, after_name) = text.rsplit_once(')')?;
    after_name.split_ascii_whitespace().nth(22 - 3)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_start_time_is_found_behind_any_command_name() {
        let fields = "S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711 20";
        assert_eq!(
            start_time_of_stat(&format!("12 (a b) c)) {fields}\n")),
            Some(4711)
        );
        assert_eq!(start_time_of_stat("12 (a) S 1 2"), None);
        assert_eq!(start_time_of_stat(""), None);
    }

    #[test]
    fn this_process_has_a_start_time_and_no_process_has_none() {
        assert!(start_time_ticks(std::process::id()).unwrap() > 0);
        assert_eq!(
            start_time_ticks(u32::MAX).unwrap_err().kind(),
            io::ErrorKind::NotFound
        );
    }
}
