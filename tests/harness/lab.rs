//! lab
use crate::veth::Mac;
/// x
pub const fn sender_mac(link: u8) -> Mac {
    Mac([0x02, 0xd3, 0x65, 0x00, link, 0x01])
}
/// x
pub const fn host_mac(link: u8) -> Mac {
    Mac([0x02, 0xd3, 0x65, 0x00, link, 0x02])
}
