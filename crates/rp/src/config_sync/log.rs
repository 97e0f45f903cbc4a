//! System messages of configuration synchronisation.

use config::FailureClass;
use machine::RpSlot;
use redundancy::system_messages;

system_messages! {
    HA_CONFIG_SYNC-3-FS_BULK_CFGSYNC {
        explanation: "A route processor could not write the startup configuration to its NVRAM. The text before is kept, \
            and the write is tried again after the time in the message.",
        action: "Make room on the disk that the message complains about, or replace it. Until then that processor boots \
            alone with an older configuration.",
        /// The startup configuration could not be written to an NVRAM; it is tried again.
        fn startup_not_written(slot: RpSlot, why: &str, retry_s: u64) =
            "Startup configuration not written to nvram: of {slot} [{why}], next try in {retry_s} s";
    }

    HA_CONFIG_SYNC-3-BULK_CFGSYNC {
        explanation: "Commands of the running configuration are not known on the standby (MCL), had another parser return \
            code there (PRC) or failed there (BEM) while it took the configuration over.",
        action: "'show redundancy config-sync failures' names the commands. Run the same release on both route \
            processors, take the commands away, or ignore them.",
        /// A bulk has found differences.
        fn bulk_failed(class: FailureClass, commands: u64) = "Bulk Sync failure, {class}: {commands} commands";
    }

    HA_CONFIG_SYNC-3-LBL_CFGSYNC {
        explanation: "A command that was just entered did not come to the same result on the standby.",
        action: "As for HA_CONFIG_SYNC-3-BULK_CFGSYNC.",
        /// A command has found a difference.
        fn line_failed(class: FailureClass, command: &str) =
            "Line-by-Line sync verifying failure, {class}, on command: {command}";
    }

    HA_CONFIG_SYNC-4-DIFFERENCES {
        explanation: "The configurations of the two route processors differ, and the policy or the list of ignored \
            commands says that this may be. After a switchover these commands are missing.",
        action: "None if this is what you want.",
        /// Differences may stay.
        fn differences_accepted(commands: u64) = "Differences in {commands} commands are accepted";
    }

    HA_CONFIG_SYNC-5-CONFIGSYNC {
        explanation: "A write of the startup configuration that had failed before has succeeded.",
        action: "None.",
        /// It was written at last.
        fn startup_written_at_last(slot: RpSlot) =
            "The startup-config has been successfully synchronized to {slot}";
    }
}
