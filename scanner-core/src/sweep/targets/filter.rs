//! Which of the listed repositories are swept.

use super::Repo;
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

/// What is left out. The default leaves nothing out.
///
/// What a server does not tell (a size, a time) leaves nothing out either: doubt is scanned.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only names that one of these fits; none means all.
    pub include: Names,
    /// Never names that one of these fits.
    pub exclude: Names,
    /// Only those with one of these topics; none means all.
    pub topics: Vec<String>,
    /// Without those that are archived.
    pub no_archived: bool,
    /// Without forks.
    pub no_forks: bool,
    /// At least so many bytes.
    pub min_size: Option<u64>,
    /// At most so many bytes.
    pub max_size: Option<u64>,
    /// Pushed to since then: seconds since 1970.
    pub pushed_since: Option<i64>,
}

/// Globs over names: `org/*`, `*-legacy`. One without a `/` is for the last part of the name.
#[derive(Clone, Debug, Default)]
pub struct Names {
    short: GlobSet,
    long: GlobSet,
}

impl Names {
    /// Reads globs; the message names the one that cannot be read.
    pub fn parse<S: AsRef<str>>(globs: &[S]) -> Result<Names, String> {
        let (mut short, mut long) = (GlobSetBuilder::new(), GlobSetBuilder::new());
        for text in globs {
            let text = text.as_ref();
            let glob = GlobBuilder::new(text).case_insensitive(true).literal_separator(true).build();
            let glob = glob.map_err(|error| format!("`{text}` is no glob: {}", error.kind()))?;
            if text.contains('/') {
                long.add(glob)
            } else {
                short.add(glob)
            };
        }
        let built = |set: GlobSetBuilder| set.build().map_err(|error| error.to_string());
        Ok(Names { short: built(short)?, long: built(long)? })
    }

    fn is_empty(&self) -> bool {
        self.short.is_empty() && self.long.is_empty()
    }

    /// Whether one of them fits a key, with or without its host.
    fn fit(&self, key: &str) -> bool {
        let name = key.rsplit('/').next().unwrap_or(key);
        let path = key.split_once('/').map_or(key, |(_, path)| path);
        self.short.is_match(name) || self.long.is_match(key) || self.long.is_match(path)
    }
}

impl Filter {
    /// Whether it asks for the size or the age of a repository.
    pub fn is_by_measure(&self) -> bool {
        self.min_size.is_some() || self.max_size.is_some() || self.pushed_since.is_some()
    }

    /// Whether a repository is swept.
    pub fn admits(&self, repo: &Repo) -> bool {
        let has_topic = |wanted: &String| repo.topics.iter().any(|topic| topic.eq_ignore_ascii_case(wanted));
        let fit = |names: &Names| names.fit(&repo.key) || names.fit(repo.home());
        (self.include.is_empty() || fit(&self.include))
            && !fit(&self.exclude)
            && (self.topics.is_empty() || self.topics.iter().any(has_topic))
            && !(self.no_archived && repo.is_archived)
            && !(self.no_forks && repo.is_fork)
            && repo.size.zip(self.min_size).is_none_or(|(size, min)| size >= min)
            && repo.size.zip(self.max_size).is_none_or(|(size, max)| size <= max)
            && repo.pushed.zip(self.pushed_since).is_none_or(|(pushed, since)| pushed >= since)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Kind;
    use super::*;

    #[test]
    fn a_filter_leaves_out_what_it_says_and_nothing_it_cannot_know() {
        let repo = Repo {
            key: "github.com/org/api-legacy".into(),
            size: Some(500),
            pushed: Some(1_000),
            topics: vec!["Billing".into()],
            is_archived: true,
            is_fork: true,
            ..Repo::default()
        };
        let unknown = Repo { size: None, pushed: None, ..repo.clone() };
        let names = |glob: &str| Names::parse(&[glob]).unwrap();
        let none = Filter::default;
        let table = [
            (none(), true),
            (Filter { include: names("api-*"), ..none() }, true),
            (Filter { include: names("API-*"), ..none() }, true),
            (Filter { include: names("org/*"), ..none() }, true),
            (Filter { include: names("github.com/org/*"), ..none() }, true),
            (Filter { include: names("or"), ..none() }, false),
            (Filter { exclude: names("*-legacy"), ..none() }, false),
            (Filter { topics: vec!["web".into(), "billing".into()], ..none() }, true),
            (Filter { topics: vec!["web".into()], ..none() }, false),
            (Filter { no_archived: true, ..none() }, false),
            (Filter { no_forks: true, ..none() }, false),
            (Filter { min_size: Some(501), ..none() }, false),
            (Filter { max_size: Some(499), ..none() }, false),
            (Filter { pushed_since: Some(1_001), ..none() }, false),
            (Filter { pushed_since: Some(1_000), min_size: Some(500), max_size: Some(500), ..none() }, true),
        ];
        for (index, (filter, expected)) in table.into_iter().enumerate() {
            assert_eq!(filter.admits(&repo), expected, "row {index}");
        }
        // What belongs to a repository goes where it goes.
        let of = |kind, key: &str| Repo { kind, key: key.into(), ..Repo::default() };
        let beside = [
            of(Kind::Wiki, "github.com/org/api.wiki"),
            of(Kind::Issues, "github.com/org/api/issues"),
            of(Kind::Gist, "gitlab.com/org/api/-/snippets/7"),
            of(Kind::Image, "registry.example:5000/org/api:v1"),
        ];
        assert!(beside.iter().all(|repo| Filter { include: names("api"), ..none() }.admits(repo)));
        assert!(beside.iter().all(|repo| !Filter { exclude: names("org/api"), ..none() }.admits(repo)));
        let strict = Filter { min_size: Some(1 << 40), pushed_since: Some(i64::MAX), ..none() };
        assert!(strict.admits(&unknown));
        assert!(Names::parse(&["["]).unwrap_err().contains('['));
    }
}
