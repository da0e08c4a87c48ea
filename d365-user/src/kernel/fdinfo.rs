//! The kernel's information about file descriptors (`proc_pid_fdinfo(5)`). A process needs no capability to
//! read it for its own descriptors.

use std::{fs, io, path::Path};

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_proc_nothing_is_claimed() {
        assert!(texts(Path::new("/nonexistent/fdinfo")).is_err());
    }

    #[test]
    fn a_number_stands_behind_its_field() {
        let text = "pos:\t0\nlink_type:\txdp\nprog_id:\t77\nifindex:\t4\n";
        assert_eq!([number(text, "prog_id:"), number(text, "ifindex:")], [Some(77), Some(4)]);
        assert_eq!(number(text, "link_id:"), None);
    }
}
