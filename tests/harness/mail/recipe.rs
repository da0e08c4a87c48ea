//! The recipes of `docs/mail-server.md`. The tests read them from the page, so they run exactly what the page
//! shows.

use std::{fs, path::Path};

use anyhow::{Context as _, Result};

/// The block of that page whose first line is the comment `name`, such as `# /etc/postfix/master.cf`.
pub fn recipe(name: &str) -> Result<String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/mail-server.md");
    let text = fs::read_to_string(&page).with_context(|| format!("cannot read {}", page.display()))?;
    block(&text, name).with_context(|| format!("{} has no block `{name}`", page.display())).map(str::to_owned)
}

/// The inside of the fenced block whose first line is `name`.
fn block<'a>(page: &'a str, name: &str) -> Option<&'a str> {
    let mut fences = page.split("```").skip(1).step_by(2);
    let inside = |fence: &'a str| fence.split_once('\n').map(|(_language, inside)| inside);
    fences.find_map(|fence| inside(fence).filter(|inside| inside.lines().next() == Some(name)))
}

#[cfg(test)]
mod tests {
    use super::block;

    #[test]
    fn a_block_is_found_by_its_first_line() {
        let page = "Text.\n```\n# a\none\n```\n`b`\n```sh\n# b\ntwo\n```\n# c\n";
        assert_eq!(block(page, "# a"), Some("# a\none\n"));
        assert_eq!(block(page, "# b"), Some("# b\ntwo\n"));
        assert_eq!(block(page, "# c"), None);
    }
}
