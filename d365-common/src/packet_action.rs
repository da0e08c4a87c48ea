//! Actions on a packet in addition to counting it and passing it. Each action is counted, in addition to the
//! packet's class.

/// An action on a packet, or an action that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum PacketAction {
    /// The packet is trusted, and the tc program set our mark.
    Marked,
    /// The packet had our mark and is not trusted: the tc program cleared the mark.
    MarkCleared,
    /// The segment is trusted, and the program set our DSCP.
    DscpSet,
    /// The DSCP of a segment to a watched port, or of a packet that may become one, was to be set or cleared,
    /// and its header could not be written: the packet passes unchanged.
    DscpNotSet,
    /// A segment to a watched port, or a packet that may become one, had our DSCP and is not trusted: the
    /// DSCP is now 0.
    DscpCleared,
    /// The first segment of a new connection from an unlisted source was dropped (`--unlisted drop`).
    Dropped,
    /// A packet from an unlisted source that hides a TCP header was dropped (`--unlisted drop`).
    HiddenDropped,
}

impl PacketAction {
    /// All actions, each at the index of its number.
    pub const ALL: [Self; 7] = [
        Self::Marked,
        Self::MarkCleared,
        Self::DscpSet,
        Self::DscpNotSet,
        Self::DscpCleared,
        Self::Dropped,
        Self::HiddenDropped,
    ];

    /// Number of actions.
    pub const COUNT: u32 = 7;
}

const _: () = assert!(PacketAction::ALL.len() == PacketAction::COUNT as usize);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_stands_at_its_number() {
        for (number, action) in PacketAction::ALL.into_iter().enumerate() {
            assert_eq!(action as usize, number);
        }
    }
}
