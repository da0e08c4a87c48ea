//! The scripts by which a machine runs its tests. Pure.

use super::{base::LACKING, equipment::Equipment};

/// The factor by which the tests stretch their time limits. It covers emulation and a busy host together.
const SLOWNESS: u32 = 6;
/// The script that continues on the disk, and the unit that runs the tests there.
const ENTER: &str = include_str!("enter.sh");
const UNIT: &str = include_str!("d365-test.service");

/// The files of `/d365` that run `tests`: their names and contents. `init.sh` runs the file `run`.
pub(super) fn files(tests: &[String], equipment: &Equipment) -> Vec<(&'static str, String)> {
    let run = format!(
        "echo \"vm: up $(uname -r)\"\n\
         export D365_USER_BIN=/d365/d365-user D365_WITHOUT={LACKING} D365_SLOWNESS={SLOWNESS}\n\
         export D365_MACHINE={}\n\
         /d365/privileged --test-threads=1 --exact {}\n\
         echo \"vm: done $?\"\n",
        equipment.purpose(),
        tests.join(" "),
    );
    let Equipment::Root(_) = equipment else { return vec![("run", run)] };
    let tests = format!(
        "exec > /dev/ttyS1 2>&1 < /dev/null\n\
         stty raw -echo < /dev/ttyS1\n\
         cp -a /d365/files/. /\n\
         export HOME=/root CI=true RUST_BACKTRACE=0\n\
         {run}systemctl poweroff --force --force\n"
    );
    vec![("run", ENTER.to_owned()), ("tests", tests), ("d365-test.service", UNIT.to_owned())]
}

#[cfg(test)]
mod tests {
    use super::{super::root::Root, *};

    #[test]
    fn the_tests_of_systemd_run_on_the_disk() {
        let tests = ["a::b".to_owned(), "c".to_owned()];
        let has = |files: &[(&str, String)], name: &str, text: &str| {
            files.iter().any(|file| file.0 == name && file.1.contains(text))
        };
        let root = Root { suite: "trixie", image: "root.ext4".into() };
        let (plain, systemd) = (files(&tests, &Equipment::None), files(&tests, &Equipment::Root(root)));
        assert!(has(&plain, "run", "--exact a::b c\n") && has(&plain, "run", "D365_MACHINE=\n"));
        assert!(has(&files(&tests, &Equipment::Card("igb")), "run", "D365_MACHINE=nic\n"));
        assert!(has(&systemd, "run", "exec switch_root"));
        assert!(has(&systemd, "tests", "--exact a::b c\n") && has(&systemd, "tests", "D365_MACHINE=systemd"));
        assert!(has(&systemd, "d365-test.service", "/d365/tests"));
    }
}
