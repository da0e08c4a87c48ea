//! The daemon's HTTP by a web configuration, on a Unix socket, and on sockets of the service manager.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpListener,
    os::{
        fd::OwnedFd,
        unix::{fs::PermissionsExt as _, net::UnixStream},
    },
    path::Path,
    time::Duration,
};

use d365_tests::{
    daemon::Daemon,
    http,
    lab::Lab,
    require,
    service_manager::ServiceManager,
    temp::{TempDir, TempFile},
};

use crate::steps::{has_xdp, on, source, stop, until};

/// The hash of `right`, and `Authorization` for `scraper:right`. The cost is low, because the daemon of the
/// tests is built without optimisation.
const HASH: &str = "$2b$06$8.JYUk5tmN9cMBhGsWPe5.BFKbIJLuZdRm5uXNlPWahuaMwMwTMsW";
const RIGHT: (&str, &str) = ("Authorization", "Basic c2NyYXBlcjpyaWdodA==");

fn unix_get(path: &Path, path_and_headers: &str) -> std::io::Result<String> {
    let mut stream = UnixStream::connect(path)?;
    write!(stream, "GET {path_and_headers}\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// While clients try wrong passwords all the time, a changed list is published, and SIGTERM ends the daemon
/// in time. Neither hash nor password is in the log, the metrics or /proc.
#[test]
fn wrong_passwords_delay_nothing_and_no_secret_is_shown() {
    require!(Root, Tool("ip"), Daemon);
    let lab = Lab::new().unwrap();
    let list = TempFile::new("list", "11.0.0.0/24,NAM\n");
    let web = TempFile::new("web.yml", format!("basic_auth_users: {{scraper: '{HASH}'}}\n"));
    fs::set_permissions(web.path(), fs::Permissions::from_mode(0o644)).unwrap();
    let flags = [
        "--ranges",
        &source(list.path()),
        "--web-config",
        web.path().to_str().unwrap(),
        "--log-level",
        "trace",
    ];
    let daemon = Daemon::spawn(&lab.host, &on(&lab, &flags).listen("0.0.0.0:9365".parse().unwrap())).unwrap();
    daemon.wait_for_log("metrics url=http://0.0.0.0:9365/metrics", Duration::from_secs(30)).unwrap();
    let address = "127.0.0.1:9365".parse().unwrap();
    let get = |path: &str, headers: &[(&str, &str)]| lab.host.run(|| http::get(address, path, headers));
    until(30, || get("/readyz", &[RIGHT]).is_ok_and(|answer| answer.status == 200), || daemon.log());
    assert_eq!(get("/metrics", &[]).unwrap().status, 401);
    let ended = std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let wrong = ("Authorization", "Basic c2NyYXBlcjp3cm9uZy1zM2NyZXQ=");
                // The end of the daemon ends the loop.
                while get("/metrics", &[wrong]).is_ok_and(|answer| answer.status == 401) {}
            });
        }
        fs::write(list.path(), "11.0.0.0/24,NAM\n11.0.1.0/24,NAM\n").unwrap();
        let is_published = || {
            let scrape = get("/metrics", &[RIGHT]).unwrap();
            assert_eq!(scrape.status, 200, "{}", scrape.body);
            for secret in ["s3cret", "c2NyYXBlcjp", &HASH[7..]] {
                assert!(!scrape.body.contains(secret), "{secret}");
            }
            scrape.body.contains("\nd365_generation 2\n")
        };
        until(30, is_published, || daemon.log());
        let pid = daemon.pid();
        for file in ["cmdline", "environ"] {
            let shown =
                String::from_utf8_lossy(&fs::read(format!("/proc/{pid}/{file}")).unwrap()).into_owned();
            assert!(!shown.contains("s3cret") && !shown.contains(&HASH[7..]), "{file}: {shown}");
        }
        daemon.stop().unwrap()
    });
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    assert!(ended.took < Duration::from_secs(5), "{:?}", ended.took);
    assert!(!has_xdp(&lab.host, lab.iface()));
    for secret in ["s3cret", "c2NyYXBlcjp", &HASH[7..]] {
        assert!(!ended.stderr.contains(secret), "{secret} in the log:\n{}", ended.stderr);
    }
    for line in
        ["passwords cross the network in clear", "every user of this host can read", "without a right user"]
    {
        assert_eq!(ended.stderr.matches(line).count(), 1, "{line}:\n{}", ended.stderr);
    }
}

#[test]
fn a_web_configuration_that_cannot_be_used_ends_the_start() {
    require!(Root, Tool("ip"), Daemon);
    let lab = Lab::new().unwrap();
    let web = TempFile::new("web.yml", "basic_auth_users: {scraper: s3cret}\n");
    for (path, words) in [
        (web.path().to_str().unwrap(), "basic_auth_users: the hash of user 1 is not a bcrypt hash"),
        ("/nowhere/web.yml", "cannot read the web configuration /nowhere/web.yml"),
    ] {
        let exit = Daemon::run(&lab.host, &on(&lab, &["--web-config", path])).unwrap();
        assert_eq!(exit.status.code(), Some(13), "{}", exit.stderr);
        let [error] = exit.errors()[..] else { panic!("{}", exit.stderr) };
        assert!(error.contains(words) && !error.contains("s3cret"), "{error}");
    }
    assert!(!has_xdp(&lab.host, lab.iface()));
}

/// A file that breaks while the daemon runs changes nothing, and is counted; protection that goes is logged.
#[test]
fn a_file_that_breaks_is_counted_and_changes_nothing() {
    require!(Root, Tool("ip"), Daemon);
    let lab = Lab::new().unwrap();
    let web = TempFile::new("web.yml", format!("basic_auth_users: {{scraper: '{HASH}'}}\n"));
    let options = on(&lab, &["--web-config", web.path().to_str().unwrap()]);
    let daemon = Daemon::spawn(&lab.host, &options).unwrap();
    daemon.wait_for_log("metrics url=", Duration::from_secs(30)).unwrap();
    let failures = || {
        let text = daemon.get("/metrics", &[RIGHT]).unwrap().body;
        let line = text.lines().find(|line| line.starts_with("d365_web_config_failures_total ")).unwrap();
        line.split(' ').nth(1).unwrap().parse::<u64>().unwrap()
    };
    assert_eq!(failures(), 0);
    fs::write(web.path(), "basic_auth_users: {scraper: s3cret}\n").unwrap();
    until(30, || failures() > 1, || daemon.log());
    assert_eq!(daemon.get("/metrics", &[]).unwrap().status, 401);
    fs::write(web.path(), "{}\n").unwrap();
    until(30, || daemon.get("/metrics", &[]).unwrap().status == 200, || daemon.log());
    let log = stop(daemon);
    assert_eq!(log.matches("the web configuration that was read before stays in use").count(), 1, "{log}");
    assert!(log.contains("the web configuration was read again") && !log.contains("s3cret"), "{log}");
}

#[test]
fn without_protection_beyond_loopback_there_is_a_warning() {
    require!(Root, Tool("ip"), Daemon);
    let lab = Lab::new().unwrap();
    for (listen, count) in [("0.0.0.0:9365", 1), ("127.0.0.1:9366", 0)] {
        let daemon = Daemon::spawn(&lab.host, &on(&lab, &[]).listen(listen.parse().unwrap())).unwrap();
        daemon.wait_for_log("metrics url=", Duration::from_secs(30)).unwrap();
        let log = stop(daemon);
        assert_eq!(log.matches("the metrics are not protected").count(), count, "{listen}: {log}");
    }
}

/// A killed daemon leaves its socket, and the next one replaces it. Two at a time are refused.
#[test]
fn a_unix_socket_is_served_and_replaced() {
    require!(Root, Tool("ip"), Daemon);
    let (lab, place) = (Lab::new().unwrap(), TempDir::new("run"));
    let path = place.file("metrics.sock");
    let listen = format!("unix:{}", path.display());
    let start = || {
        let daemon = Daemon::spawn(&lab.host, &on(&lab, &["--listen", &listen])).unwrap();
        daemon.wait_for_log(&format!("metrics url={listen}"), Duration::from_secs(30)).unwrap();
        daemon
    };
    let get = || unix_get(&path, "/readyz HTTP/1.1\r\nHost: mx1.example").unwrap();
    drop(start());
    assert!(path.exists() && UnixStream::connect(&path).is_err());
    let daemon = start();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o660);
    assert!(get().contains("\r\n\r\nready\n"), "{}", get());
    let other = Lab::new().unwrap();
    let refused = Daemon::run(&other.host, &on(&other, &["--listen", &listen])).unwrap();
    assert_eq!(refused.status.code(), Some(7), "{}", refused.stderr);
    assert!(refused.stderr.contains("another process listens there"), "{}", refused.stderr);
    assert!(get().contains("ready"));
    stop(daemon);
    assert!(!path.exists());
}

/// The sockets of the service manager are used in place of `--listen`. The same variables carry the links of
/// the daemon before, which the next one takes over.
#[test]
fn sockets_of_the_service_manager_are_used_and_the_store_still_is() {
    require!(Root, Tool("ip"), Daemon);
    let (lab, place) = (Lab::new().unwrap(), TempDir::new("run"));
    let manager = ServiceManager::start().unwrap();
    let tcp = lab.host.run(|| TcpListener::bind("127.0.0.1:9400")).unwrap();
    let path = place.file("activated.sock");
    let unix = std::os::unix::net::UnixListener::bind(&path).unwrap();
    manager.tamper(|store| {
        store.push(("d365.socket".to_owned(), OwnedFd::from(tcp)));
        store.push(("d365.socket".to_owned(), OwnedFd::from(unix)));
    });
    let options = on(&lab, &["--listen", "127.0.0.1:9401"]).managed(&manager);
    let activated = "127.0.0.1:9400".parse().unwrap();
    let mut links = Vec::new();
    for run in 0..2 {
        let daemon = Daemon::spawn(&lab.host, &options).unwrap();
        let urls = format!("metrics url=\"http://127.0.0.1:9400/metrics unix:{}\"", path.display());
        daemon.wait_for_log(&urls, Duration::from_secs(30)).unwrap();
        let log = daemon.log();
        assert!(log.contains("sockets of the service manager are used, not --listen"), "{log}");
        assert!(!log.contains("is of no use"), "{log}");
        let answer = lab.host.run(|| http::get(activated, "/readyz", &[])).unwrap();
        assert_eq!(answer.status, 200, "{}", answer.body);
        // The stricter rule of loopback holds on both.
        assert!(unix_get(&path, "/readyz HTTP/1.1\r\nHost: localhost").unwrap().contains("\nready\n"));
        assert!(unix_get(&path, "/readyz HTTP/1.1\r\nHost: evil.example").unwrap().contains(" 421 "));
        assert!(lab.host.run(|| std::net::TcpStream::connect("127.0.0.1:9401")).is_err());
        until(30, || manager.names().iter().any(|name| name.starts_with("xdp")), || daemon.log());
        links.push(manager.names());
        assert!(!log.contains("the program of the earlier daemon is detached"), "{run}: {log}");
        stop(daemon);
        assert!(has_xdp(&lab.host, lab.iface()), "the store keeps the program");
        assert!(path.exists(), "the file is the service manager's");
    }
    assert_eq!(links[0], links[1], "the second daemon took them over");
    manager.stop();
}
