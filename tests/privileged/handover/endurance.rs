//! The life of a daemon under a service manager, with traffic: restarts, kills and upgrades leave no gap, and
//! a stop leaves nothing, whenever it comes. It is the same for every [`Manager`].

use std::{
    env, fs,
    io::{self, Write as _},
    ops::Range,
    path::Path,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use d365_tests::{
    daemon::{self, DaemonOptions},
    lab::Lab,
    nft,
    raw::FrameSender,
};
use d365_user::kernel::Interface;
use oorandom::Rand64;

use super::{
    another_build, counts, frames, index, kept,
    manager::Manager,
    mode::{Mode, TCX, options},
    objects::{Objects, digests},
    watch::{Looks, Transitions, look},
};
use crate::steps::{SetOnDrop, shell, until};

/// The time between two packets.
const GAP: Duration = Duration::from_micros(500);
/// Six restarts, four kills and an upgrade. Some kills and restarts come while the daemon starts.
const CYCLE: [Event; 11] = {
    use Event::{Kill, Restart, Upgrade};
    [Restart, Kill, Kill, Restart, Restart, Kill, Kill, Restart, Upgrade, Restart, Restart]
};
const CYCLES: usize = 5;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Event {
    Restart,
    Kill,
    Upgrade,
}

/// Prints a line past the capture of libtest: a machine that prints nothing for long is taken for dead.
pub(super) fn progress(line: &str) {
    let thread = thread::current();
    let _ = writeln!(io::stderr(), "{}: {line}", thread.name().unwrap_or("a test"));
}

/// Random moments. `D365_SEED` gives the same ones again.
struct Moments(Rand64);

impl Moments {
    fn new() -> Self {
        let time = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let seed = env::var("D365_SEED").map_or_else(|_| time(), |seed| seed.parse().unwrap());
        progress(&format!("D365_SEED={seed}"));
        Self(Rand64::new(seed.into()))
    }

    fn wait(&mut self, within: Duration) {
        let range: Range<u64> = 0..u64::try_from(within.as_micros()).unwrap().max(1);
        thread::sleep(Duration::from_micros(self.0.rand_range(range)));
    }
}

/// Sends frames of each kind in turn, with this time between them, and returns their numbers.
pub(super) fn send(lab: &Lab, stop: &AtomicBool, gap: Duration) -> [u64; 3] {
    let (frames, sender) = (frames(lab.link()), FrameSender::on(&lab.link().sender).unwrap());
    let mut sent = [0; 3];
    while !stop.load(Relaxed) {
        for (frame, sent) in frames.iter().zip(&mut sent) {
            sender.send_bytes(frame).unwrap();
            *sent += 1;
            thread::sleep(gap);
        }
    }
    sent
}

fn descriptors(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count()
}

/// Lets all events happen under traffic, and upgrades to the builds in turn. A restart takes about `time`.
/// Returns the numbers of packets, the looks, and the objects that the ready daemons had.
fn live(
    lab: &Lab,
    mode: Mode,
    manager: &mut dyn Manager,
    time: Duration,
    builds: [&Path; 2],
) -> ([u64; 3], Looks, Objects) {
    let (options, mut moments, mut seen) = (options(lab, mode.name()), Moments::new(), Objects::default());
    let mut upgrades = builds.into_iter().cycle();
    let stop = AtomicBool::new(false);
    let (sent, looks) = thread::scope(|scope| {
        let _end = SetOnDrop(&stop);
        let (sending, looking) = (
            scope.spawn(|| send(lab, &stop, GAP)),
            scope.spawn(|| look(lab, &stop, |interface| mode.is_on(interface, &lab.host))),
        );
        for (number, event) in [CYCLE; CYCLES].into_iter().flatten().enumerate() {
            if number % CYCLE.len() == 0 {
                progress(&format!("{number} of {} events", CYCLE.len() * CYCLES));
            }
            match event {
                Event::Kill => {
                    moments.wait(time * 3 / 2);
                    manager.kill();
                    continue;
                }
                Event::Restart => manager.restart(),
                Event::Upgrade => {
                    let before = digests(manager.pid());
                    let binary = upgrades.next().map(Path::to_owned);
                    manager.configure(&DaemonOptions { binary, ..options.clone() });
                    manager.restart();
                    let (now, was) = (digests(manager.pid()), before);
                    assert!(
                        now.is_disjoint(&was),
                        "the programs have other instructions: {now:x?}, {was:x?}"
                    );
                }
            }
            seen.add(Objects::held_by(manager.pid()));
        }
        stop.store(true, Relaxed);
        (sending.join().unwrap(), looking.join().unwrap())
    });
    (sent, looks, seen)
}

/// 30 restarts, 20 kills at random moments, and 5 upgrades to a build with another object, under traffic.
/// Each packet is counted, each trusted packet is marked, the interface never loses its program, and nothing
/// accumulates or is left.
pub(super) fn leaves_no_gap(lab: &Lab, mode: Mode, manager: &mut dyn Manager) {
    let rules = "table inet d365 {\n counter marked { }\n chain in {\n type filter hook prerouting priority raw;\n \
                 iif lo accept\n tcp dport 25 meta mark & 0xffff0000 == 0xd3650000 counter name marked\n drop\n \
                 }\n}\n";
    nft::load(&lab.host, rules).unwrap();
    let another = another_build::make();
    let number = kept(&[index(lab, lab.iface())], mode.roles()).len();

    // The kernel reports nothing of the kind about tc programs.
    let transitions = (mode == Mode::Xdp).then(|| Transitions::listen(lab));
    let transitions = transitions.as_ref();
    manager.restart();
    if let Some(all) = transitions {
        until(10, || all.count() > 0, || "the kernel reports no program".to_owned());
    }
    let started = Instant::now();
    manager.restart();
    let time = started.elapsed();
    let (first, first_open) = (Objects::held_by(manager.pid()), descriptors(manager.pid()));
    until(10, || manager.kept() == number, || format!("{} descriptors, not {number}", manager.kept()));
    let before = counts(&manager.scrape());
    let (sent, looks, seen) = live(lab, mode, manager, time, [another.path(), &daemon::binary().unwrap()]);
    progress(&format!("{sent:?} packets, {looks:?}, {time:?} for a restart"));
    let log = || manager.log();
    let marked = || nft::packets(&lab.host, "inet d365", "marked").unwrap();
    let counted = || {
        let after = counts(&manager.scrape());
        [0, 1, 2].map(|kind| after[kind] - before[kind])
    };
    until(10, || counted() == sent, || format!("{:?} counted of {sent:?}", counted()));
    // A packet that is counted twice, or marked late, shows soon after.
    thread::sleep(Duration::from_millis(200));
    assert_eq!(counted(), sent, "each packet is counted once; log:\n{}", log());
    assert_eq!(marked(), if TCX.is_met() { sent[0] } else { 0 }, "each trusted packet is marked");
    assert_eq!(looks.without, 0, "{looks:?}: looks that found no program; log:\n{}", log());

    assert_eq!(transitions.map_or(0, Transitions::count), 0, "the interface lost its program, or got one");
    let held = Objects::held_by(manager.pid());
    assert_eq!(held.links, first.links, "the links are the same");
    assert_eq!(manager.kept(), number, "no descriptor accumulates");
    let open = || descriptors(manager.pid());
    until(10, || open() <= first_open, || format!("{} descriptors, {first_open} at first", open()));
    until(10, || seen.left(&held).is_empty(), || format!("{:?} accumulate", seen.left(&held)));
    manager.stop();
    let is_left = || lab.host.run(|| mode.is_on(&Interface::find(lab.iface()).unwrap(), &lab.host));
    until(10, || !is_left(), || "the program is left".to_owned());
    if let Some(all) = transitions {
        until(10, || all.count() > 0, || "the kernel does not report the end".to_owned());
    }
    let nothing = Objects::default();
    until(10, || seen.left(&nothing).is_empty(), || format!("{:?} are left", seen.left(&nothing)));
}

/// The stop comes while a daemon starts, or while it adopts from another, with the same mode or another one.
pub(super) fn a_stop_leaves_nothing(lab: &Lab, manager: &mut dyn Manager) {
    let mut moments = Moments::new();
    let in_mode = |number: usize| {
        let mode = ["native", "generic", "tc"][number % 3];
        (mode, options(lab, mode))
    };
    let mut time = Duration::ZERO;
    for round in 0..12 {
        let adopts = round % 2 == 0;
        if adopts {
            manager.configure(&in_mode(round / 4).1);
            let started = Instant::now();
            manager.restart();
            time = time.max(started.elapsed());
        }
        let (mode, options) = in_mode(round);
        manager.configure(&options);
        manager.begin();
        moments.wait(time * 3 / 2);
        manager.stop();
        let shown = || shell(&lab.host, &format!("bpftool net show dev {}", lab.iface()));
        until(10, || !shown().contains("d365"), || format!("round {round}, {mode}: {}", shown()));
        assert_eq!(manager.kept(), 0, "round {round}");
    }
}
