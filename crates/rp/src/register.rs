//! The configuration register: what a route processor does at its next boot.
//!
//! Each route processor keeps its own beside its NVRAM. While a standby is in step it follows the active's by this row; in
//! RPR the value comes with the startup configuration.

use checkpoint::{Row, TableId, Tracked};

/// The register for the next boot of the active, one row with key 0.
pub const REGISTER_TABLE: TableId = TableId(45);

const ONLY_ROW: u32 = 0;

/// A configuration register as a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Register(pub u16);

/// Tagged form of [`Register`].
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub struct RegisterRecord {
    /// Sixteen bits.
    #[prost(uint32, tag = "1")]
    pub value: u32,
}

impl Row for Register {
    type Record = RegisterRecord;

    fn to_record(&self) -> RegisterRecord {
        let Register(value) = *self;
        RegisterRecord { value: value.into() }
    }

    fn from_record(record: RegisterRecord) -> Result<Self, &'static str> {
        u16::try_from(record.value)
            .map(Register)
            .map_err(|_| "configuration register")
    }
}

/// The register for the next boot (client Platform).
#[derive(Clone, Debug)]
pub struct NextRegister {
    /// The one row.
    pub row: Tracked<u32, Register>,
}

impl Default for NextRegister {
    fn default() -> Self {
        Self {
            row: Tracked::new(REGISTER_TABLE),
        }
    }
}

impl NextRegister {
    /// The value; `None` before the active has told it.
    pub fn get(&self) -> Option<u16> {
        self.row.get(&ONLY_ROW).map(|register| register.0)
    }

    /// Sets the value.
    pub fn set(&mut self, value: u16) {
        self.row.insert(ONLY_ROW, Register(value));
    }
}
