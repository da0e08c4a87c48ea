//! Decides if generic mode may be used together with filters and programs of other owners at an interface's
//! ingress.
//!
//! In generic mode the kernel runs the XDP program on socket buffers. Two faults of the kernel's generic mode
//! then affect other owners' filters. Native mode has neither fault.
//!
//! - Since Linux 6.9 (commit e6d5dbdd20aa), a buffer that the kernel copies for the program loses the length
//!   of its link-layer header. BPF filters and tc programs that run after XDP read each packet 14 bytes too
//!   far in. Actions that forward packets (mirred) send them without that header.
//! - An ifb device returns packets to the interface where they arrived, and the program runs on them again.
//!   The kernel skips only redirected packets, and the device clears that flag (`ifb_ri_tasklet`,
//!   drivers/net/ifb.c). Each packet would be classified twice. If the header's length is lost, the second
//!   time is without the Ethernet header.

use std::{fs, io, sync::OnceLock};

use aya::{programs::ProgramError, util::KernelVersion};
use netlink_packet_route::link::{InfoKind, LinkAttribute, LinkFlags, LinkInfo, LinkMessage};
use nix::libc::{ENODEV, EPERM};

use super::{
    interface::{self, Interface},
    link_layer, link_message,
    objection::Objection,
    role::is_own,
    tc,
};

/// The first kernel that loses the header's length.
const LOSES_LENGTH: KernelVersion = KernelVersion::new(6, 9, 0);
/// The function that came with the change. Kernels of vendors may have it in an earlier version.
const COPY_FUNCTION: &str = " skb_cow_data_for_xdp";

/// A filter or program of another owner at an interface's ingress. It runs after XDP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Other {
    /// Its kind and name, for example "u32 filter with priority 10".
    pub name: String,
    /// True if a BPF program runs. The kernel does not show where a BPF program sends packets.
    pub is_program: bool,
    /// The ifb devices to which it sends packets.
    pub ifbs: Vec<String>,
}

/// The surroundings of an interface that decide if generic mode may be used there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// Filters and programs of other owners at the interface's ingress.
    pub others: Vec<Other>,
    /// True if there are tcx programs whose names this process may not read.
    pub has_unreadable: bool,
    /// True if this kernel loses the header's length.
    pub loses_length: bool,
    /// The ifb devices that are up.
    pub running_ifbs: Vec<String>,
}

impl Surroundings {
    /// Returns the filters and programs that cannot read an Ethernet header while the program runs in generic
    /// mode.
    #[must_use]
    pub fn hidden_from(&self) -> Vec<String> {
        if self.loses_length { self.names().collect() } else { Vec::new() }
    }

    /// Returns the reason why generic mode must not be used: packets would pass the program twice.
    #[must_use]
    pub fn objection(&self) -> Option<Objection> {
        let sender = self.others.iter().find_map(|other| Some((&other.name, other.ifbs.first()?)));
        let certain = sender.map(|(name, ifb)| (name.clone(), "sends", ifb));
        let possible = || {
            let program = self.others.iter().find(|other| other.is_program).map(|other| other.name.clone());
            Some((program.or_else(|| self.unreadable())?, "may send", self.running_ifbs.first()?))
        };
        let (filter, sends, ifb) = certain.or_else(possible)?;
        Some(Objection {
            reason: format!(
                "{filter} {sends} packets to {ifb}, an ifb device, which hands them back to the interface, \
                 and in generic mode the XDP program runs on each of them twice"
            ),
            advice: "use --mode native or tc, or remove the filter",
        })
    }

    fn names(&self) -> impl Iterator<Item = String> {
        self.others.iter().map(|other| other.name.clone()).chain(self.unreadable())
    }

    fn unreadable(&self) -> Option<String> {
        self.has_unreadable
            .then(|| "tcx programs whose names may not be read without CAP_SYS_ADMIN".to_owned())
    }

    /// Reads the surroundings of an interface.
    ///
    /// # Errors
    /// An error if the kernel does not list filters, programs or devices.
    pub fn look(interface: &Interface) -> io::Result<Self> {
        let mut others = filters(interface.index)?;
        let name = interface.kernel_name()?;
        let has_unreadable = match tc::tcx(&name) {
            Ok(programs) => {
                others.extend(programs.unwrap_or_default().iter().filter_map(tcx));
                false
            }
            // The kernel lists program ids with CAP_NET_ADMIN, but shows a program only with CAP_SYS_ADMIN.
            Err(ProgramError::SyscallError(error)) if error.io_error.raw_os_error() == Some(EPERM) => true,
            Err(error) => return Err(io::Error::other(super::error::error_chain(&error))),
        };
        if others.is_empty() && !has_unreadable {
            return Ok(Self::default());
        }
        let has_program = has_unreadable || others.iter().any(|other| other.is_program);
        let running_ifbs = if has_program { running_ifbs()? } else { Vec::new() };
        Ok(Self { others, has_unreadable, loses_length: loses_length(), running_ifbs })
    }
}

/// Filters of other owners. Those with the same kind, name and priority are merged.
fn filters(ifindex: u32) -> io::Result<Vec<Other>> {
    let mut others = Vec::<Other>::new();
    for filter in tc::filters(ifindex)?.iter().filter(|filter| !filter.is_ours()) {
        let name = filter.to_string();
        let ifbs = filter.targets.iter().filter_map(|target| ifb(*target).transpose());
        let ifbs = ifbs.collect::<io::Result<Vec<_>>>()?;
        match others.iter_mut().find(|other| other.name == name) {
            Some(other) => {
                other.is_program |= filter.has_program;
                other.ifbs.extend(ifbs);
            }
            None => others.push(Other { name, is_program: filter.has_program, ifbs }),
        }
    }
    Ok(others)
}

fn tcx((id, name): &(u32, String)) -> Option<Other> {
    if is_own(name) {
        return None;
    }
    let name = if name.is_empty() {
        format!("tcx program (id {id})")
    } else {
        format!("tcx program {name} (id {id})")
    };
    Some(Other { name, is_program: true, ifbs: Vec::new() })
}

/// Returns the interface's name if it is an ifb device.
fn ifb(index: u32) -> io::Result<Option<String>> {
    match interface::link(index) {
        // The interface no longer exists.
        Err(error) if error.raw_os_error() == Some(ENODEV) => Ok(None),
        link => Ok(link.ok().filter(is_ifb).as_ref().map(link_message::name)),
    }
}

/// Requests only ifb devices, so that attributes of other kinds cannot make the answer unreadable.
fn running_ifbs() -> io::Result<Vec<String>> {
    let mut request = LinkMessage::default();
    request.attributes.push(LinkAttribute::LinkInfo(vec![LinkInfo::Kind(InfoKind::Ifb)]));
    let is_running = |link: &&LinkMessage| is_ifb(link) && link.header.flags.contains(LinkFlags::Up);
    Ok(link_message::all(request)?.iter().filter(is_running).map(link_message::name).collect())
}

fn is_ifb(link: &LinkMessage) -> bool {
    link_layer::kind(link) == Some(&InfoKind::Ifb)
}

/// Reads `/proc/kallsyms` at most once: the list of functions is long and does not change.
fn loses_length() -> bool {
    static LOSES: OnceLock<bool> = OnceLock::new();
    let has_function = || fs::read_to_string("/proc/kallsyms").is_ok_and(|text| text.contains(COPY_FUNCTION));
    let is_late = || KernelVersion::current().is_ok_and(|version| version >= LOSES_LENGTH);
    *LOSES.get_or_init(|| is_late() || has_function())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn other(name: &str, is_program: bool, ifbs: &[&str]) -> Other {
        Other { name: name.to_owned(), is_program, ifbs: ifbs.iter().map(|&ifb| ifb.to_owned()).collect() }
    }

    fn beside(others: &[Other]) -> Surroundings {
        Surroundings { others: others.to_vec(), loses_length: true, ..Surroundings::default() }
    }

    #[test]
    fn alone_generic_mode_is_free() {
        for loses_length in [false, true] {
            let running_ifbs = vec!["ifb0".to_owned()];
            let alone = Surroundings { loses_length, running_ifbs, ..Surroundings::default() };
            assert_eq!(alone.objection(), None);
            assert!(alone.hidden_from().is_empty());
        }
    }

    #[test]
    fn the_header_is_hidden_from_others() {
        let here = beside(&[
            other("u32 filter with priority 10", false, &[]),
            other("tcx program x (id 7)", true, &[]),
        ]);
        let filters = vec!["u32 filter with priority 10".to_owned(), "tcx program x (id 7)".to_owned()];
        assert_eq!((here.hidden_from(), here.objection()), (filters, None));
        // Kernels before 6.9 hide nothing.
        assert!(Surroundings { loses_length: false, ..here }.hidden_from().is_empty());
    }

    #[test]
    fn unreadable_programs_are_somebodys() {
        let here = Surroundings { has_unreadable: true, loses_length: true, ..Surroundings::default() };
        assert_eq!(here.hidden_from().len(), 1);
        assert_eq!(here.objection(), None);
        let here = Surroundings { running_ifbs: vec!["ifb0".to_owned()], ..here };
        let said = here.objection().unwrap().to_string();
        assert!(said.contains("without CAP_SYS_ADMIN may send packets to ifb0"), "{said}");
    }

    #[test]
    fn packets_must_not_come_back() {
        for loses_length in [false, true] {
            let shaped = beside(&[
                other("bpf filter", true, &[]),
                other("u32 filter with priority 10", false, &["ifb0"]),
            ]);
            let said = Surroundings { loses_length, ..shaped }.objection().unwrap().to_string();
            assert!(said.starts_with("u32 filter with priority 10 sends packets to ifb0"), "{said}");
        }
    }

    /// The kernel does not show where a program sends packets. They can only come back if an ifb device is
    /// up.
    #[test]
    fn a_program_beside_a_running_ifb_may_send_packets_back() {
        let mut here = beside(&[other("tcx program x (id 7)", true, &[])]);
        assert_eq!(here.objection(), None);
        here.running_ifbs.push("ifb1".to_owned());
        let said = here.objection().unwrap().to_string();
        assert!(said.starts_with("tcx program x (id 7) may send packets to ifb1"), "{said}");
        here.others[0].is_program = false;
        assert_eq!(here.objection(), None);
    }
}
