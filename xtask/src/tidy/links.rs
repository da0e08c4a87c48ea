//! Links in Markdown: a link into the repository must point to a file that git tracks.

use std::collections::BTreeSet;

use super::Finding;

pub(super) fn check(path: &str, text: &str, tracked: &BTreeSet<&str>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut fenced = false;
    for (line, content) in (1..).zip(text.lines()) {
        if content.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        for target in targets(content).into_iter().filter(|_| !fenced) {
            if !leads_somewhere(path, target, tracked) {
                let what = format!(
                    "link to `{target}`, which is no tracked file: correct it, or `git add` the file"
                );
                findings.push(Finding { path: path.to_owned(), line, what });
            }
        }
    }
    findings
}

/// The targets of the links in one line.
fn targets(line: &str) -> Vec<&str> {
    // Every second part is between backticks: it only shows a link.
    let prose: Vec<&str> = line.split('`').step_by(2).collect();
    let mut targets = Vec::new();
    for part in &prose {
        for (open, close) in [("](", ')'), ("src=\"", '"'), ("href=\"", '"')] {
            for rest in part.split(open).skip(1) {
                let whole = &rest[..rest.find(close).unwrap_or(rest.len())];
                targets.extend(whole.split_whitespace().next());
            }
        }
    }
    // The definition of a reference, `[name]: target`.
    if let Some((_, target)) = line.strip_prefix('[').and_then(|rest| rest.split_once("]: ")) {
        targets.extend(target.split_whitespace().next());
    }
    targets
}

/// Returns true if `target`, seen from the file `from`, is a web address, a heading, or in the repository.
fn leads_somewhere(from: &str, target: &str, tracked: &BTreeSet<&str>) -> bool {
    let scheme = target.split_once(':').is_some_and(|(scheme, _)| scheme.chars().all(char::is_alphanumeric));
    let file = target.split(['#', '?']).next().unwrap_or_default();
    if scheme || file.is_empty() {
        return true;
    }
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in file.split('/').filter(|part| !part.is_empty() && *part != ".") {
        if part != ".." {
            parts.push(part);
        } else if parts.pop().is_none() {
            return false;
        }
    }
    let wanted = parts.join("/");
    let below = format!("{wanted}/");
    !file.starts_with('/')
        && (wanted.is_empty()
            || tracked.contains(wanted.as_str())
            || tracked.range(below.as_str()..).next().is_some_and(|next| next.starts_with(&below)))
}

#[cfg(test)]
mod tests {
    use super::{super::NOTHING, *};

    fn broken(text: &str) -> Vec<usize> {
        let tracked = BTreeSet::from(["README.md", "docs/a.md", "docs/b.md", "docs/picture.svg"]);
        check("docs/a.md", text, &tracked).iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn links_into_the_repository_must_lead_somewhere() {
        assert_eq!(
            broken("[b](b.md) and [c](c.md)\n[top](../README.md#top \"title\")\n[up](../../x.md)\n"),
            [1, 3]
        );
        assert_eq!(broken("![p](picture.svg) [d](../docs) [d](../docs/) [n](../doc)\n"), [1]);
        assert_eq!(broken("[`code`](gone.md)\n"), [1]);
        assert_eq!(broken("[ref]: gone.md\n<img src=\"gone.svg\">\n"), [1, 2]);
        assert_eq!(broken("[abs](/README.md)\n"), [1], "forges disagree on what / is");
    }

    #[test]
    fn links_out_of_the_repository_are_left_alone() {
        assert_eq!(broken("[w](https://example.net/x) [m](mailto:a@example.net) [h](#heading)\n"), NOTHING);
        assert_eq!(broken("`[x](gone.md)`\n```\n[x](gone.md)\n```\n"), NOTHING);
    }
}
