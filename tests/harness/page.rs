//! Blocks of configuration in the pages of `docs`. The tests read them from the page, so they run exactly
//! what the page shows.

use std::{fs, path::Path};

use anyhow::{Context as _, Result};

/// The block of `docs/PAGE` whose first line is `first`, such as `# /etc/postfix/master.cf`.
pub fn block(page: &str, first: &str) -> Result<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(page);
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    find(&text, first)
        .with_context(|| format!("{} has no block `{first}`", path.display()))
        .map(str::to_owned)
}

/// The inside of the fenced block whose first line is `first`.
fn find<'a>(page: &'a str, first: &str) -> Option<&'a str> {
    let mut fences = page.split("```").skip(1).step_by(2);
    let inside = |fence: &'a str| fence.split_once('\n').map(|(_language, inside)| inside);
    fences.find_map(|fence| inside(fence).filter(|inside| inside.lines().next() == Some(first)))
}

#[cfg(test)]
mod tests {
    use super::find;

    #[test]
    fn a_block_is_found_by_its_first_line() {
        let page = "Text.\n```\n# a\none\n```\n`b`\n```sh\n# b\ntwo\n```\n# c\n";
        assert_eq!(find(page, "# a"), Some("# a\none\n"));
        assert_eq!(find(page, "# b"), Some("# b\ntwo\n"));
        assert_eq!(find(page, "# c"), None);
    }
}
