//! Whether generic mode may be used beside what others have at an interface's ingress.
//!
//! In generic mode the kernel runs the XDP program on socket buffers, and two of its faults then meet others' filters. Native
//! mode has neither.
//!
//! - From Linux 6.9 on (commit e6d5dbdd20aa), a buffer that the kernel copies for the program loses the length of its
//!   link-layer header. BPF filters and tc programs behind it read each packet 14 bytes too far in, and actions that send
//!   packets on (mirred) send them without that header.
//! - An ifb device hands packets back to the interface where they came in, and the program runs on them again: the kernel
//!   leaves out redirected packets only, and the device takes that flag away (`ifb_ri_tasklet`, drivers/net/ifb.c). Each
//!   packet would be judged twice, the second time without its Ethernet header where that header's length is lost.

use std::{fmt, fs, io, sync::OnceLock};

use aya::{programs::ProgramError, util::KernelVersion};
use netlink_packet_route::{
    RouteNetlinkMessage,
    link::{InfoKind, LinkAttribute, LinkFlags, LinkInfo, LinkMessage},
};
use netlink_sys::protocols::NETLINK_ROUTE;
use nix::libc::{ENODEV, EPERM};

use super::{
    interface::{self, Interface},
    link_layer, netlink,
    survey::Program,
    tc,
};

/// The first kernel that loses the header's length.
const LOSES_LENGTH: KernelVersion = KernelVersion::new(6, 9, 0);
/// The function that came with it, in vendors' kernels of an earlier version too.
const COPY_FUNCTION: &str = " skb_cow_data_for_xdp";

/// A filter or program of somebody else's at an interface's ingress, behind XDP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Other {
    /// Its kind and name, as in "u32 filter with priority 10".
    pub name: String,
    /// Whether a BPF program runs, of which nobody can tell where it sends packets.
    pub is_program: bool,
    /// The ifb devices to which it sends packets.
    pub ifbs: Vec<String>,
}

/// What there is around a program in generic mode.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// What others have at the interface's ingress.
    pub others: Vec<Other>,
    /// Whether there are tcx programs whose names this process may not read.
    pub has_unreadable: bool,
    /// Whether this kernel loses the header's length.
    pub loses_length: bool,
    /// The ifb devices that are up.
    pub running_ifbs: Vec<String>,
}

/// Why generic mode is not used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Objection {
    /// Packets come back.
    Returned {
        /// What sends them away.
        filter: String,
        /// The ifb device that hands them back.
        ifb: String,
        /// Whether it is sure, or a program's secret.
        is_certain: bool,
    },
    /// Others would lose the Ethernet header.
    Hidden {
        /// From what.
        filters: Vec<String>,
    },
}

impl fmt::Display for Objection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.reason(), self.advice())
    }
}

impl Objection {
    /// What would happen.
    #[must_use]
    pub fn reason(&self) -> String {
        match self {
            Self::Returned { filter, ifb, is_certain } => format!(
                "{filter} {} packets to {ifb}, an ifb device, which hands them back to the interface, and in generic mode the \
                 XDP program runs on each of them twice",
                if *is_certain { "sends" } else { "may send" }
            ),
            Self::Hidden { filters } => format!(
                "on this kernel generic mode hides the Ethernet header from tc, and these would read packets at a wrong \
                 offset or send them on without it: {}",
                filters.join(", ")
            ),
        }
    }

    /// What the operator can do.
    #[must_use]
    pub const fn advice(&self) -> &'static str {
        match self {
            Self::Returned { .. } => "see to native mode, or remove the filter",
            Self::Hidden { .. } => "see to native mode, remove them, or insist with --mode generic",
        }
    }
}

impl Surroundings {
    /// Why generic mode must not be used; `insists` when the operator asks for it by name.
    #[must_use]
    pub fn objection(&self, insists: bool) -> Option<Objection> {
        self.returned().or_else(|| {
            let filters = self.hidden_from();
            (!insists && !filters.is_empty()).then_some(Objection::Hidden { filters })
        })
    }

    /// What cannot read an Ethernet header while the program runs in generic mode.
    #[must_use]
    pub fn hidden_from(&self) -> Vec<String> {
        if self.loses_length { self.names().collect() } else { Vec::new() }
    }

    fn returned(&self) -> Option<Objection> {
        let of = |filter: String, ifb: &String, is_certain| Objection::Returned {
            filter,
            ifb: ifb.clone(),
            is_certain,
        };
        let sends = self.others.iter().find_map(|other| Some((other, other.ifbs.first()?)));
        if let Some((other, ifb)) = sends {
            return Some(of(other.name.clone(), ifb, true));
        }
        let ifb = self.running_ifbs.first()?;
        let program = self.others.iter().find(|other| other.is_program).map(|other| other.name.clone());
        program.or_else(|| self.unreadable()).map(|program| of(program, ifb, false))
    }

    fn names(&self) -> impl Iterator<Item = String> {
        self.others.iter().map(|other| other.name.clone()).chain(self.unreadable())
    }

    fn unreadable(&self) -> Option<String> {
        self.has_unreadable
            .then(|| "tcx programs whose names may not be read without CAP_SYS_ADMIN".to_owned())
    }

    /// Looks at an interface.
    ///
    /// # Errors
    /// When the kernel does not list filters, programs or devices.
    pub fn look(interface: &Interface) -> io::Result<Self> {
        let mut others = filters(interface.index)?;
        let name = interface.kernel_name()?;
        let has_unreadable = match tc::tcx(&name) {
            Ok(programs) => {
                others.extend(programs.unwrap_or_default().iter().filter_map(tcx));
                false
            }
            // The kernel lists ids to CAP_NET_ADMIN, and tells of a program only to CAP_SYS_ADMIN.
            Err(ProgramError::SyscallError(error)) if error.io_error.raw_os_error() == Some(EPERM) => true,
            Err(error) => return Err(io::Error::other(super::chain(&error))),
        };
        if others.is_empty() && !has_unreadable {
            return Ok(Self::default());
        }
        let has_program = has_unreadable || others.iter().any(|other| other.is_program);
        let running_ifbs = if has_program { running_ifbs()? } else { Vec::new() };
        Ok(Self { others, has_unreadable, loses_length: loses_length(), running_ifbs })
    }
}

/// Somebody else's filters, each kind and priority once.
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
    let program = Program { id: Some(*id), name: Ok(name.clone()), holders: None };
    let name = if name.is_empty() {
        format!("tcx program (id {id})")
    } else {
        format!("tcx program {name} (id {id})")
    };
    (!program.is_ours()).then_some(Other { name, is_program: true, ifbs: Vec::new() })
}

/// The name of an interface that is an ifb device.
fn ifb(index: u32) -> io::Result<Option<String>> {
    match interface::link(index) {
        // Its interface has gone.
        Err(error) if error.raw_os_error() == Some(ENODEV) => Ok(None),
        link => Ok(link.ok().filter(is_ifb).and_then(|link| name(&link))),
    }
}

/// Only ifb devices are asked for: no other kind can keep the answer from being read.
fn running_ifbs() -> io::Result<Vec<String>> {
    let mut request = LinkMessage::default();
    request.attributes.push(LinkAttribute::LinkInfo(vec![LinkInfo::Kind(InfoKind::Ifb)]));
    let links = netlink::dump(NETLINK_ROUTE, RouteNetlinkMessage::GetLink(request))?;
    let is_running = |link: &LinkMessage| is_ifb(link) && link.header.flags.contains(LinkFlags::Up);
    let running = links.into_iter().filter_map(|message| match message {
        RouteNetlinkMessage::NewLink(link) if is_running(&link) => name(&link),
        _ => None,
    });
    Ok(running.collect())
}

fn is_ifb(link: &LinkMessage) -> bool {
    link_layer::kind(link) == Some(&InfoKind::Ifb)
}

fn name(link: &LinkMessage) -> Option<String> {
    link.attributes.iter().find_map(|attribute| match attribute {
        LinkAttribute::IfName(name) => Some(name.clone()),
        _ => None,
    })
}

/// Asked once: the list of functions is long, and stays as it is.
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
            assert_eq!((alone.objection(false), alone.objection(true)), (None, None));
            assert!(alone.hidden_from().is_empty());
        }
    }

    #[test]
    fn only_who_insists_hides_the_header_from_others() {
        let here = beside(&[
            other("u32 filter with priority 10", false, &[]),
            other("tcx program x (id 7)", true, &[]),
        ]);
        let filters = vec!["u32 filter with priority 10".to_owned(), "tcx program x (id 7)".to_owned()];
        assert_eq!(here.hidden_from(), filters);
        assert_eq!(here.objection(false), Some(Objection::Hidden { filters: filters.clone() }));
        assert_eq!(here.objection(true), None);
        let said = here.objection(false).unwrap().to_string();
        assert!(filters.iter().all(|name| said.contains(name)) && said.contains("--mode generic"), "{said}");
        // Before 6.9 nothing is hidden.
        let before = Surroundings { loses_length: false, ..here };
        assert_eq!((before.objection(false), before.hidden_from()), (None, Vec::new()));
    }

    #[test]
    fn unreadable_programs_are_somebodys() {
        let here = Surroundings { has_unreadable: true, loses_length: true, ..Surroundings::default() };
        assert_eq!(here.hidden_from().len(), 1);
        assert!(matches!(here.objection(false), Some(Objection::Hidden { .. })));
        assert_eq!(here.objection(true), None);
        let here = Surroundings { running_ifbs: vec!["ifb0".to_owned()], ..here };
        assert!(matches!(here.objection(true), Some(Objection::Returned { is_certain: false, .. })));
    }

    #[test]
    fn nobody_insists_on_packets_that_come_back() {
        for loses_length in [false, true] {
            let shaped = beside(&[
                other("bpf filter", true, &[]),
                other("u32 filter with priority 10", false, &["ifb0"]),
            ]);
            let shaped = Surroundings { loses_length, ..shaped };
            let returned = Objection::Returned {
                filter: "u32 filter with priority 10".to_owned(),
                ifb: "ifb0".to_owned(),
                is_certain: true,
            };
            assert_eq!(shaped.objection(true).as_ref(), Some(&returned));
            assert_eq!(shaped.objection(false).as_ref(), Some(&returned));
            assert!(returned.to_string().contains("sends packets to ifb0"), "{returned}");
        }
    }

    /// Where a program sends packets nobody can tell. It can only send them back where a device for that is up.
    #[test]
    fn a_program_beside_a_running_ifb_may_send_packets_back() {
        let mut here = beside(&[other("tcx program x (id 7)", true, &[])]);
        assert_eq!(here.objection(true), None);
        here.running_ifbs.push("ifb1".to_owned());
        let said = here.objection(true).unwrap().to_string();
        assert!(said.starts_with("tcx program x (id 7) may send packets to ifb1"), "{said}");
        here.others[0].is_program = false;
        assert_eq!(here.objection(true), None);
    }
}
