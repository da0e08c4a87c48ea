//! One boot of a virtual machine: QEMU without hardware acceleration, two serial lines, a disk if it has
//! systemd, and network cards if they are tested.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, Stdio},
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use d365_tests::child::die_with_parent;

use super::{
    cards::{self, Emulator},
    cpio,
    equipment::Equipment,
    kernel::Kernel,
    libtest::{Event, Outcome, Reading},
    root::Root,
    scripts,
};

/// The longest time in which a machine may print nothing. The longest test takes some two minutes.
const SILENCE: Duration = Duration::from_secs(420);
/// The longest time that a boot may take with all its tests.
const LIMIT: Duration = Duration::from_secs(90 * 60);
/// QEMU never uses KVM: where KVM is nested, the machine starts and then does not boot. One thread runs both
/// processors. With one thread each, QEMU 7.2 continues with code that the other processor has just patched.
/// Linux 5.10 patches its XDP dispatcher at every test run of a program, and then spins there for ever.
const MACHINE: &str = "\
    -machine q35 -accel tcg,thread=single -cpu max -smp 2 -m 2G -nodefaults -no-user-config -display none";
/// `panic=-1` with `-no-reboot`: a kernel that panics ends the machine at once. The clocks of a machine that
/// shares its host stop now and then, which is no lock-up of the kernel.
const ARGUMENTS: &str =
    "console=ttyS0 quiet oops=panic panic=-1 mitigations=off no_timer_check watchdog_thresh=60";

/// A kind of machine.
#[derive(Clone, Debug)]
pub(super) struct Machine {
    /// Its name for messages and files.
    pub(super) name: String,
    pub(super) kernel: Kernel,
    emulator: Emulator,
    equipment: Equipment,
}

impl Machine {
    pub(super) fn new(kernel: &Kernel, emulator: &Emulator, equipment: Equipment) -> Self {
        let name = format!("{}{}", kernel.name, equipment.suffix());
        Self { name, kernel: kernel.clone(), emulator: emulator.clone(), equipment }
    }
}

/// The result of a boot.
#[derive(Debug)]
pub(super) struct Boot {
    /// The release that the kernel reports; `None` if the machine never came up.
    pub(super) release: Option<String>,
    /// The outcomes of the tests that began.
    pub(super) outcomes: BTreeMap<String, Outcome>,
}

/// Boots `machine`, runs `tests`, and reads until the machine is gone. The logs are next to `initrd`.
pub(super) fn boot(
    machine: &Machine,
    shared: &[PathBuf; 2],
    tests: &[String],
    initrd: &Path,
) -> Result<Boot> {
    pack(machine, shared, tests, initrd)?;
    let mut qemu = machine.emulator.command();
    qemu.args(MACHINE.split(' '))
        .arg("-serial")
        .arg(format!("file:{}", initrd.with_extension("console.log").display()));
    qemu.args(["-serial", "stdio", "-no-reboot", "-append", ARGUMENTS]);
    qemu.arg("-kernel").arg(&machine.kernel.image).arg("-initrd").arg(initrd);
    match &machine.equipment {
        Equipment::None => (),
        // The machine's writes go into a file that ends with it, so nothing waits for the disk.
        Equipment::Root(Root { image, .. }) => {
            qemu.arg("-drive")
                .arg(format!("file={},format=raw,if=virtio,snapshot=on,cache=unsafe", image.display()));
        }
        Equipment::Card(card) => {
            qemu.args(cards::arguments(card));
        }
    }
    qemu.stdin(Stdio::null()).stdout(Stdio::piped());
    die_with_parent(&mut qemu);
    let mut child = Running(qemu.spawn().context("cannot start QEMU")?);
    let stdout = child.0.stdout.take().context("QEMU has no output")?;
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let lines = BufReader::new(stdout).split(b'\n').map_while(io::Result::ok);
        // The receiver is dropped when it needs no more lines.
        lines.into_iter().try_for_each(|line| sender.send(line))
    });
    let mut log = File::create(initrd.with_extension("tests.log"))?;
    let mut reading = Reading::default();
    let (mut release, mut last) = (None, Instant::now());
    let deadline = Instant::now() + LIMIT;
    let how = loop {
        match receiver.recv_timeout(SILENCE.min(deadline.saturating_duration_since(Instant::now()))) {
            Ok(line) => {
                let line = String::from_utf8_lossy(&line);
                let line = line.trim_end_matches('\r');
                writeln!(log, "{line}")?;
                match reading.line(line) {
                    Some(Event::Up(name)) => {
                        eprintln!("{:>5}  up, {name}", machine.name);
                        release = Some(name);
                        last = Instant::now();
                    }
                    Some(Event::Ended(test)) => {
                        let verdict = reading.outcome(&test).map(Outcome::word).unwrap_or_default();
                        eprintln!(
                            "{:>5}  {verdict}  {test}  {:.1} s",
                            machine.name,
                            last.elapsed().as_secs_f32()
                        );
                        last = Instant::now();
                    }
                    None => (),
                }
            }
            Err(RecvTimeoutError::Disconnected) => break "the machine went down",
            Err(RecvTimeoutError::Timeout) if Instant::now() >= deadline => {
                break "the machine was out of time";
            }
            Err(RecvTimeoutError::Timeout) => break "the machine fell silent",
        }
    };
    drop(child);
    // libtest ends a test's line when the test ends. The line of a test that was still running comes with the
    // end of the output.
    for line in receiver {
        let line = String::from_utf8_lossy(&line);
        writeln!(log, "{line}")?;
        reading.line(line.trim_end_matches('\r'));
    }
    fs::remove_file(initrd)?;
    Ok(Boot { release, outcomes: reading.end(how) })
}

/// Packs what a machine needs to run `tests`.
fn pack(machine: &Machine, shared: &[PathBuf; 2], tests: &[String], initrd: &Path) -> Result<()> {
    let (own, archive) = (initrd.with_extension("files"), initrd.with_extension("files.cpio"));
    fs::create_dir_all(own.join("d365")).with_context(|| format!("cannot make {}", own.display()))?;
    for (name, text) in scripts::files(tests, &machine.equipment) {
        fs::write(own.join("d365").join(name), text)?;
    }
    cpio::pack(&own, &archive)?;
    let [base, binaries] = shared;
    cpio::join(&[base, binaries, &machine.kernel.modules, &archive], initrd)?;
    fs::remove_dir_all(&own)?;
    fs::remove_file(&archive).with_context(|| format!("cannot remove {}", archive.display()))
}

/// Dropping it kills the process.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
