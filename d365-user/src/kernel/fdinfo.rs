//! The kernel's information about file descriptors (`proc_pid_fdinfo(5)`). A process needs no capability to
//! read it for its own descriptors.

use std::{fs, io, path::Path};

pub(super) const OWN: &str = "/proc/self/fdinfo";

/// Reads the texts of the descriptors in `directory`, without those that are closed meanwhile. A text that
/// cannot be read is an error: it does not mean that the descriptor is missing.
pub(super) fn texts(directory: &Path) -> io::Result<impl Iterator<Item = io::Result<String>>> {
    let text = |entry: io::Result<fs::DirEntry>| match fs::read_to_string(entry?.path()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        text => text.map(Some),
    };
    Ok(fs::read_dir(directory)?.filter_map(move |entry| text(entry).transpose()))
}

/// Returns the number after a field's name.
pub(super) fn number(text: &str, field: &str) -> Option<u32> {
    text.lines().find_map(|line| line.strip_prefix(field)?.trim().parse().ok())
}

/// Returns true if this process holds a BPF link of `program` on the interface (`bpf_link_show_fdinfo`, Linux
/// 5.9).
pub(super) fn holds_link(program: u32, ifindex: u32) -> io::Result<bool> {
    let is_it = |text: &String| {
        text.contains("link_type:")
            && number(text, "prog_id:") == Some(program)
            && number(text, "ifindex:") == Some(ifindex)
    };
    // An error ends the search too.
    let found = texts(Path::new(OWN))?.find(|text| text.as_ref().map_or(true, is_it));
    found.transpose().map(|found| found.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_proc_nothing_is_claimed() {
        assert!(texts(Path::new("/nonexistent/fdinfo")).is_err());
        assert!(!holds_link(u32::MAX, u32::MAX).unwrap());
    }

    #[test]
    fn a_number_stands_behind_its_field() {
        let text = "pos:\t0\nlink_type:\txdp\nprog_id:\t77\nifindex:\t4\n";
        assert_eq!([number(text, "prog_id:"), number(text, "ifindex:")], [Some(77), Some(4)]);
        assert_eq!(number(text, "link_id:"), None);
    }
}
