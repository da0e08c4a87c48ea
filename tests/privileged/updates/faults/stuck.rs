//! Sources that do not answer: a pipe without a writer, and a file system without its server. Each test takes
//! the half minute that such a source has.

use std::{
    fs::{self, File, OpenOptions},
    os::fd::AsRawFd as _,
    path::Path,
    time::{Duration, Instant},
};

use d365_tests::{
    daemon::Daemon,
    mount::{SMALL_DISK, View},
    require,
    temp::TempDir,
};
use nix::{
    mount::{MsFlags, mount},
    sys::stat::Mode,
    unistd::mkfifo,
};

use super::super::site::{Site, failures, ranges, wait_until};
use crate::steps::{ListFile, lines};

const LIMIT: Duration = Duration::from_secs(30);
const PATIENCE: Duration = Duration::from_secs(90);

#[test]
fn a_pipe_without_a_writer_is_a_failure_and_is_read_when_one_comes() {
    require!(Root, Tool("ip"), Daemon);
    let (site, directory) = (Site::new(), TempDir::new("stuck"));
    let path = directory.file("pipe");
    mkfifo(&path, Mode::S_IRWXU).unwrap();
    let source = format!("file:{}", path.display());
    let other = ListFile::new(lines(0..1, "NAM"));
    let started = Instant::now();
    let daemon = site.start(&site.options(&[&source, &other.source]).patience(PATIENCE));
    assert!(started.elapsed() >= LIMIT, "it is given its time");
    let scrape = daemon.scrape().unwrap();
    assert_eq!((ranges(&scrape), failures(&scrape, "timeout")), (1, 1));
    let expected = format!("{source}: no answer within 30s; ");
    assert_eq!(daemon.log().matches(&expected).count(), 1, "{}", daemon.log());
    fs::write(&path, lines(1..2, "NAM")).unwrap();
    wait_until(&daemon, "the list in the pipe", |scrape| ranges(scrape) == 2);
    fs::write(&path, lines(1..3, "NAM")).unwrap();
    wait_until(&daemon, "the second list in the pipe", |scrape| ranges(scrape) == 3);
    fs::write(directory.file("new"), lines(1..4, "NAM")).unwrap();
    fs::rename(directory.file("new"), &path).unwrap();
    let scrape = wait_until(&daemon, "the file in the pipe's place", |scrape| ranges(scrape) == 4);
    assert_eq!(failures(&scrape, "timeout"), 1, "it is counted once");
    let exit = daemon.stop().unwrap();
    assert!(exit.status.code() == Some(0) && exit.took < Duration::from_secs(5), "{exit:?}");
}

/// An NFS mount whose server is gone behaves like this: a FUSE file system whose server never answers. The
/// first `stat` of the file already hangs.
#[test]
fn a_file_system_without_its_server_keeps_nobody_from_starting_nor_from_stopping() {
    require!(Root, Tool("ip"), Daemon, Fuse);
    let site = Site::new();
    let view = View::new(&site.lab.host, &[]).unwrap();
    let server = view.run(hang);
    let source = format!("file:{SMALL_DISK}/list");
    let options = site.options(&["embedded", &source]).view(&view).patience(PATIENCE);
    let daemon = site.start(&options);
    let scrape = daemon.scrape().unwrap();
    assert_eq!((ranges(&scrape), failures(&scrape, "timeout")), (39, 1));
    assert!(daemon.log().contains(&format!("{source}: no answer within 30s; ")), "{}", daemon.log());
    // The server is gone for good, so the kernel returns an error.
    drop(server);
    wait_until(&daemon, "an error", |scrape| failures(scrape, "io") > 0);
    assert_eq!(ranges(&daemon.scrape().unwrap()), 39);
    assert_eq!(daemon.stop().unwrap().status.code(), Some(0));

    let _server = view.run(hang);
    let daemon = Daemon::spawn(&site.lab.host, &options).unwrap();
    // Wait until the daemon reads the source.
    std::thread::sleep(Duration::from_secs(8));
    let exit = daemon.stop().unwrap();
    assert!(exit.status.code() == Some(0) && exit.took < Duration::from_secs(5), "{exit:?}");
}

/// Mounts a file system and returns its server, which never answers. Nothing in this thread's view touches it
/// afterwards.
fn hang() -> File {
    let server = OpenOptions::new().read(true).write(true).open("/dev/fuse").unwrap();
    let options = format!("fd={},rootmode=40000,user_id=0,group_id=0", server.as_raw_fd());
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    mount(Some("nobody"), Path::new(SMALL_DISK), Some("fuse"), flags, Some(options.as_str())).unwrap();
    server
}
