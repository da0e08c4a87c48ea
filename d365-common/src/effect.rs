//! What is done to a packet besides counting it and letting it pass. Each is counted, beside the packet's class.

/// What was done to a packet, or could not be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Effect {
    /// Vouched for, and given to the mark.
    Marked,
    /// It bore our mark without being vouched for: the mark was taken away.
    MarkCleared,
    /// Vouched for, and its DSCP says so.
    DscpSet,
    /// A segment to a watched port whose DSCP was to be set, or taken away, and whose header could not be written: it passes as it
    /// is.
    DscpNotSet,
    /// A segment to a watched port, or a packet that may become one, that bore our DSCP without being vouched for: the DSCP is
    /// 0 now.
    DscpCleared,
    /// A new connection from an unlisted source, dropped (`--unlisted drop`).
    Dropped,
    /// A packet from an unlisted source that hides a TCP header, dropped (`--unlisted drop`).
    HiddenDropped,
}

impl Effect {
    /// All of them, each at its number.
    pub const ALL: [Self; 7] = [
        Self::Marked,
        Self::MarkCleared,
        Self::DscpSet,
        Self::DscpNotSet,
        Self::DscpCleared,
        Self::Dropped,
        Self::HiddenDropped,
    ];

    /// How many there are.
    pub const COUNT: u32 = 7;

    /// Its name in the state file. Never changed: counts are found by it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Marked => "marked",
            Self::MarkCleared => "mark_cleared",
            Self::DscpSet => "dscp_set",
            Self::DscpNotSet => "dscp_not_set",
            Self::DscpCleared => "dscp_cleared",
            Self::Dropped => "dropped",
            Self::HiddenDropped => "hidden_dropped",
        }
    }
}

const _: () = assert!(Effect::ALL.len() == Effect::COUNT as usize);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_stands_at_its_number() {
        for (number, effect) in Effect::ALL.into_iter().enumerate() {
            assert_eq!(effect as usize, number);
        }
    }
}
