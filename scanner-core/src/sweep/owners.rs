//! Who owns a path, by the CODEOWNERS file of the repository: the last line that fits decides.

use globset::{GlobBuilder, GlobMatcher};

/// Where forges look for it, in their order.
pub const FILES: [&str; 4] = [".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS"];

/// The lines of a CODEOWNERS file.
#[derive(Debug, Default)]
pub struct Owners(Vec<(Vec<GlobMatcher>, Vec<String>)>);

impl Owners {
    /// Reads a file; a line that cannot be read names nobody.
    pub fn parse(text: &str) -> Owners {
        let mut lines = Vec::new();
        let mut of_section: Vec<String> = Vec::new();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            // GitLab's sections: `[Name]`, `^[Name][2] @default`.
            if line.starts_with('[') || line.starts_with("^[") {
                let names = line.rsplit(']').next().unwrap_or_default();
                of_section = names.split_whitespace().map(str::to_owned).collect();
                continue;
            }
            let mut words = split(line).into_iter();
            let Some(pattern) = words.next() else { continue };
            let mut owners: Vec<String> = words.take_while(|word| !word.starts_with('#')).collect();
            if owners.is_empty() {
                owners.clone_from(&of_section);
            }
            lines.push((globs(&pattern), owners));
        }
        Owners(lines)
    }

    /// Who owns a path; nobody where no line fits, or the one that does names nobody.
    pub fn of(&self, path: &str) -> &[String] {
        let fits = |(globs, _): &&(Vec<GlobMatcher>, Vec<String>)| globs.iter().any(|glob| glob.is_match(path));
        self.0.iter().rev().find(fits).map(|(_, owners)| owners.as_slice()).unwrap_or_default()
    }
}

/// Words; a space behind a `\` is part of one.
fn split(line: &str) -> Vec<String> {
    let (mut words, mut word, mut escaped) = (Vec::new(), String::new(), false);
    for c in line.chars() {
        match (c, escaped) {
            (' ' | '\t', false) => words.extend((!word.is_empty()).then(|| std::mem::take(&mut word))),
            ('\\', false) => {
                escaped = true;
                continue;
            }
            (c, _) => word.push(c),
        }
        escaped = false;
    }
    words.extend((!word.is_empty()).then_some(word));
    words
}

/// As git's ignore files have it: anchored by a `/` that is not the last, a folder means all below it.
fn globs(pattern: &str) -> Vec<GlobMatcher> {
    let is_anchored = pattern.trim_end_matches('/').contains('/');
    let bare = pattern.trim_start_matches('/').trim_end_matches('/');
    if bare.is_empty() {
        return Vec::new();
    }
    let prefix = if is_anchored { "" } else { "**/" };
    let mut written = vec![format!("{prefix}{bare}/**")];
    // `docs/*` is for the files of the folder, not for those of folders below.
    if pattern.ends_with("/*") {
        written.clear();
    }
    if !pattern.ends_with('/') {
        written.push(format!("{prefix}{bare}"));
    }
    let glob = |text: &String| Some(GlobBuilder::new(text).literal_separator(true).build().ok()?.compile_matcher());
    written.iter().filter_map(glob).collect()
}

#[cfg(test)]
mod tests {
    use super::Owners;

    #[test]
    fn the_last_line_that_fits_names_the_owners() {
        let text = "# all\n* @org/all\n*.js @js # no more\n/build/ @build\ndocs/* docs@example.com\napps/ @apps\n/apps/free\n\
                    [Section] @section\nwith\\ space.txt\n";
        let owners = Owners::parse(text);
        let table: [(&str, &[&str]); 9] = [
            ("README.md", &["@org/all"]),
            ("a/b.js", &["@js"]),
            ("build/x/y.c", &["@build"]),
            ("x/build/y.c", &["@org/all"]),
            ("docs/a.md", &["docs@example.com"]),
            ("docs/a/b.md", &["@org/all"]),
            ("x/apps/y", &["@apps"]),
            ("apps/free/x", &[]),
            ("with space.txt", &["@section"]),
        ];
        for (path, expected) in table {
            assert_eq!(owners.of(path), expected, "{path}");
        }
    }
}
