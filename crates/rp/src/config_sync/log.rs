//! System messages of configuration synchronisation.

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

    HA_CONFIG_SYNC-5-CONFIGSYNC {
        explanation: "A write of the startup configuration that had failed before has succeeded.",
        action: "None.",
        /// It was written at last.
        fn startup_written_at_last(slot: RpSlot) =
            "The startup-config has been successfully synchronized to {slot}";
    }
}
