//! Finds the processes that hold programs, by a descriptor of the program or of a link to it.
//! `/proc/PID/fdinfo` shows both (`prog_id:`, since Linux 4.13; for links since 5.9).

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::Path,
};

/// The processes that hold a program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holders {
    /// Name and PID of each, in this process's PID namespace and in the order of `/proc`, by PID. Empty if
    /// only a pin, netlink or tc holds the program.
    pub processes: Vec<String>,
    /// True if this process may not read the descriptors of some processes.
    pub is_partial: bool,
}

/// One walk through `/proc`: the holders of every program.
#[derive(Default)]
pub(super) struct Search {
    found: BTreeMap<u32, Vec<String>>,
    is_partial: bool,
}

impl Search {
    pub(super) fn below(proc: &Path) -> Self {
        let mut search = Self::default();
        let Ok(entries) = fs::read_dir(proc) else { return Self { is_partial: true, ..search } };
        for directory in entries.flatten() {
            let Some(process) = directory.file_name().to_str().and_then(|name| name.parse::<u32>().ok())
            else {
                continue;
            };
            match programs(&directory.path().join("fdinfo")) {
                Ok(programs) => {
                    for program in programs {
                        let command = fs::read_to_string(directory.path().join("comm")).unwrap_or_default();
                        let holder = format!("{} {process}", command.trim_end());
                        search.found.entry(program).or_default().push(holder);
                    }
                }
                Err(error) => search.is_partial |= !has_ended(&error),
            }
        }
        search
    }

    pub(super) fn holders(&self, program: u32) -> Holders {
        let processes = self.found.get(&program).cloned().unwrap_or_default();
        Holders { processes, is_partial: self.is_partial }
    }
}

/// Returns the programs that the descriptors in this directory refer to.
fn programs(directory: &Path) -> io::Result<BTreeSet<u32>> {
    let mut programs = BTreeSet::new();
    for entry in fs::read_dir(directory)? {
        match fs::read_to_string(entry?.path()) {
            Ok(text) => programs.extend(
                text.lines().find_map(|line| line.strip_prefix("prog_id:")?.trim().parse::<u32>().ok()),
            ),
            // The process closed it meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(programs)
}

/// Returns true if the error means that the process has ended.
fn has_ended(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(nix::libc::ESRCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holders_are_found_by_their_descriptors() {
        let proc = std::env::temp_dir().join(format!("d365-holders-{}", std::process::id()));
        for (path, text) in [
            ("12/comm", "cilium\n"),
            ("12/fdinfo/3", "pos:\t0\nlink_type:\txdp\nprog_id:\t77\nifindex:\t4\n"),
            ("12/fdinfo/4", "prog_type:\t6\nprog_id:\t77\n"),
            ("12/fdinfo/5", "pos:\t0\nflags:\t02\n"),
            ("self/fdinfo/3", "prog_id:\t78\n"),
        ] {
            let path = proc.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let search = Search::below(&proc);
        fs::remove_dir_all(&proc).unwrap();
        assert_eq!(
            search.holders(77),
            Holders { processes: vec!["cilium 12".to_owned()], is_partial: false }
        );
        assert_eq!(search.holders(78), Holders::default());
    }

    #[test]
    fn without_proc_the_result_is_partial() {
        let search = Search::below(Path::new("/nonexistent"));
        assert_eq!(search.holders(1), Holders { processes: Vec::new(), is_partial: true });
    }
}
